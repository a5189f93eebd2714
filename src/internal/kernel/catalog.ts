/**
 * The catalog of a set of event types: everything that may be stored of it, as plain JSON, and as a text for people.
 */
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { checksOf } from "./catalogChecks.ts"
import { sha256 } from "./sha256.ts"

/** One version of a type, in its stored form. */
export interface CatalogVersion {
  /** From 1. */
  readonly version: number
  /** SHA-256 of the schema and checks, without titles and descriptions and whatever the order of the fields. */
  readonly fingerprint: string
  /** JSON Schema (2020-12) of the data as it is written. */
  readonly schema: Schema.JsonObject
  /** What must hold beside the JSON Schema, as `path: check`. A check in code is named, and what it does is not known. */
  readonly checks: ReadonlyArray<string>
}

/** A name that events are stored under. */
export interface CatalogType {
  /** The name. */
  readonly type: string
  /** The living type that it is read as; `null` for a retired one, which becomes events of others. */
  readonly readAs: string | null
  /** Whether events are still written under this name. */
  readonly written: boolean
  /** Its versions, from 1 up. */
  readonly versions: ReadonlyArray<CatalogVersion>
}

/**
 * A set of event types as JSON: each name that may be stored, in the order of the alphabet, with all its versions.
 */
export interface Catalog {
  /** The names that may be stored, in the order of the alphabet. */
  readonly types: ReadonlyArray<CatalogType>
  /** Types that are read into nothing, whatever they hold. */
  readonly ignored: ReadonlyArray<string>
}

/** What the catalog needs of event definitions. */
interface Definitions {
  /** The names of the living types. */
  readonly types: ReadonlyArray<string>
  /** Every name that may be stored, with what it is read as. */
  readonly stored: ReadonlyMap<
    string,
    { readonly living: string | undefined; readonly schemas: ReadonlyArray<Schema.Codec<unknown, unknown>> }
  >
  /** The types that are read into nothing. */
  readonly ignored: ReadonlySet<string>
}

type Json = Schema.Json

const isObject = (json: unknown): json is Schema.JsonObject => Predicate.isObject(json) && !Array.isArray(json)

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** JSON as text with the keys in order: the same values give the same text. */
const textOf = (json: Json): string => {
  if (Array.isArray(json)) return `[${json.map(textOf).join(",")}]`
  if (!isObject(json)) return JSON.stringify(json)
  const members = Object.keys(json).toSorted(byText)
  return `{${members.map((key) => `${JSON.stringify(key)}:${textOf(json[key]!)}`).join(",")}}`
}

const annotations = new Set(["title", "description", "default", "examples", "readOnly", "writeOnly", "$defs"])
const maps = new Set(["properties", "patternProperties"])
// The order of alternatives stays: the first that fits is taken.
const sets = new Set(["allOf", "required", "enum"])

/** A JSON Schema without what does not change what it accepts: annotations, orders, and the names of definitions. */
const canonical = (node: Json, definitions: Schema.JsonObject, within: ReadonlyArray<string>): Json => {
  if (!isObject(node)) return node
  const name = typeof node["$ref"] === "string" ? definitionOf(node["$ref"]) : undefined
  const out: Array<readonly [string, Json]> = []
  if (name !== undefined) {
    const depth = within.indexOf(name)
    const target =
      depth < 0 ? canonical(definitions[name] ?? true, definitions, [...within, name]) : depth - within.length
    if (Object.keys(node).every((key) => key === "$ref" || annotations.has(key))) return target
    out.push(["$ref", target])
  }
  for (const [key, value] of Object.entries(node)) {
    if (key === "$ref" || annotations.has(key)) continue
    const inner = (json: Json) => (key === "required" || key === "enum" ? json : canonical(json, definitions, within))
    out.push([
      key,
      maps.has(key) && isObject(value)
        ? Object.fromEntries(Object.entries(value).map(([field, schema]) => [field, inner(schema)]))
        : Array.isArray(value)
          ? sets.has(key)
            ? value.map(inner).toSorted((a, b) => byText(textOf(a), textOf(b)))
            : value.map(inner)
          : inner(value)
    ])
  }
  return Object.fromEntries(out)
}

/** The name of the definition that a `$ref` leads to. */
export const definitionOf = (ref: string): string =>
  decodeURIComponent(ref.replace(/^#\/\$defs\//, ""))
    .replaceAll("~1", "/")
    .replaceAll("~0", "~")

const utf8 = new TextEncoder()

const hexOf = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")

const schemaOf = (schema: Schema.Codec<unknown, unknown>): Schema.JsonObject => {
  // What is written has no fields but those of the schema.
  const document = Schema.toJsonSchemaDocument(schema, { onExcessProperty: "error" })
  // Made of JSON alone, which its type does not say.
  const json = document.schema as Schema.JsonObject
  // Without fields a struct takes any value, but nothing is written other than this.
  if (json["type"] === undefined && json["not"] !== undefined) return { type: "object", additionalProperties: false }
  return Object.keys(document.definitions).length === 0
    ? json
    : { ...json, $defs: document.definitions as Schema.JsonObject }
}

const versionOf = (codec: Schema.Codec<unknown, unknown>, index: number): CatalogVersion => {
  const schema = schemaOf(codec)
  const definitions = isObject(schema["$defs"]) ? schema["$defs"] : {}
  const checks = checksOf(codec)
  const text = textOf([canonical(schema, definitions, []), checks.toSorted(byText)])
  return { version: index + 1, fingerprint: hexOf(sha256(utf8.encode(text))), schema, checks }
}

/**
 * Everything that may be stored of a set of event types, as JSON: for tools, for other teams, and to be compared with what
 * it was.
 *
 * @example
 * import { Event } from "eventfold"
 * import { Schema } from "effect"
 *
 * const catalog = Event.catalog(
 *   Event.define({ Deposited: { amount: Schema.Int } }).renamed({ Deposited: "MoneyDeposited" })
 * )
 * const readAs = catalog.types.map(({ type, readAs, written }) => [type, readAs, written])
 * // [["Deposited", "Deposited", true], ["MoneyDeposited", "Deposited", false]]
 */
export const catalog = (definitions: Definitions): Catalog => {
  const living = new Set(definitions.types)
  const types = Array.from(definitions.stored).toSorted(([a], [b]) => byText(a, b))
  return {
    types: types.map(([type, known]) => ({
      type,
      readAs: known.living ?? null,
      written: living.has(type),
      versions: known.schemas.map(versionOf)
    })),
    ignored: Array.from(definitions.ignored).toSorted(byText)
  }
}

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll(/\s+/g, " ")

/** A JSON Schema in a few words: `string`, `"a" | "b"`, `{ key: integer }[]`. */
const wordsOf = (node: Json | undefined): string => {
  if (!isObject(node)) return node === false ? "nothing" : "anything"
  const { $ref: ref, enum: values, anyOf, oneOf, type, items, properties, prefixItems } = node
  if (typeof ref === "string") return definitionOf(ref)
  if (Array.isArray(values)) return values.map((value) => JSON.stringify(value)).join(" | ")
  const either = anyOf ?? oneOf
  if (Array.isArray(either)) return either.map(wordsOf).join(" | ")
  if (type === "array") {
    const parts = Array.isArray(prefixItems) ? prefixItems.map(wordsOf) : []
    return parts.length === 0 ? `list of ${wordsOf(items)}` : `[${parts.join(", ")}]`
  }
  if (isObject(properties)) return `{ ${fieldsOf(node)} }`
  return typeof type === "string" ? type : "anything"
}

const fieldsOf = (node: Schema.JsonObject): string => {
  const required = Array.isArray(node["required"]) ? node["required"] : []
  return Object.entries(isObject(node["properties"]) ? node["properties"] : {})
    .map(([field, schema]) => `${field}${required.includes(field) ? "" : "?"}: ${wordsOf(schema)}`)
    .join(", ")
}

const heading = ({ type, readAs, written }: CatalogType): string =>
  readAs === null ? `${type} (retired)` : written ? type : `${type} (read as ${readAs})`

/**
 * A catalog as a table in Markdown, for people: a line for each version of each stored type, the newest first. It is made of the
 * catalog and not of the definitions, so that one kept as JSON, or of another service, can be shown as well.
 */
export const catalogMarkdown = ({ types, ignored }: Catalog): string => {
  const rows = types.flatMap((one) =>
    one.versions
      .toReversed()
      .map(({ version, schema, checks, fingerprint }, index) =>
        [
          index === 0 ? heading(one) : "",
          String(version),
          fieldsOf(schema),
          checks.join("; "),
          fingerprint.slice(0, 12)
        ]
          .map(cell)
          .join(" | ")
      )
  )
  return [
    "| Type | Version | Data | Checks beside | Fingerprint |",
    "| --- | --- | --- | --- | --- |",
    ...rows.map((row) => `| ${row} |`),
    ...(ignored.length === 0 ? [] : ["", `Ignored: ${ignored.join(", ")}`]),
    ""
  ].join("\n")
}
