/**
 * Samples of what may be stored, made from the schemas, and what they are read as.
 */
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Event from "../../Event.ts"
import { toText } from "../SpecFailure.ts"
import { isObject } from "./catalogWider.ts"

type Json = Schema.Json

/** What a stored event is read as: the living events in their stored form, or why it cannot be read. */
export type Reading =
  | {
      readonly events: ReadonlyArray<{ readonly type: string; readonly schemaVersion: number; readonly data: Json }>
    }
  | { readonly problem: string }

/** Of every size some: the small ones are easy to read, and only the larger have all that is optional. */
const sizes = [0, 2, 5, 12]
const candidatesOfSize = 50

/** The most samples of a version. */
const most = 12

/** What comes out of a codec, as it is when it was a file in between: no -0. */
const asFile = (json: unknown): Json => JSON.parse(JSON.stringify(json)) as Json

const codecOf = (schema: Schema.Codec<unknown, unknown>) => Schema.toCodecJson(schema)

/** What a transformation of text may change. */
const kindsOfText = (text: string): ReadonlyArray<string> => {
  const kinds = {
    "upper case": /[A-Z]/,
    "lower case": /[a-z]/,
    digits: /\d/,
    "space around": /^\s|\s$/,
    unicode: /[^ -~\s]/
  }
  const found = Object.entries(kinds).flatMap(([kind, pattern]) => (pattern.test(text) ? [kind] : []))
  return text === "" ? ["no text"] : found
}

/** What of a value is worth a sample: which fields are there, which member of a union it is, and the edges. */
const featuresOf = (
  value: Json,
  path: string,
  literals: ReadonlySet<string>,
  fields: ReadonlySet<string>
): Array<string> => {
  const at = (kind: string) => `${path} ${kind}`
  if (Array.isArray(value)) {
    const size = value.length === 0 ? "empty" : value.length === 1 ? "one" : "several"
    return [at(size), ...value.flatMap((one) => featuresOf(one, `${path}[]`, literals, fields))]
  }
  if (isObject(value)) {
    const keys = Object.keys(value).filter((key) => fields.has(key))
    const absent = Array.from(fields).filter((field) => !keys.includes(field))
    return [
      at(Object.keys(value).length === 0 ? "empty" : "object"),
      ...keys.flatMap((key) => featuresOf(value[key]!, `${path}.${key}`, literals, fields)),
      ...absent.map((field) => at(`without ${field}`))
    ]
  }
  if (typeof value === "string") return literals.has(value) ? [at(value)] : kindsOfText(value).map(at)
  if (typeof value === "number") {
    return [
      at(value === 0 ? "zero" : `${value < 0 ? "negative" : "positive"} ${Number.isInteger(value) ? "whole" : ""}`)
    ]
  }
  return [at(String(value))]
}

/** All the fields that a JSON Schema names, those of them that may be absent, and all its literals. */
const namesIn = (schema: Json) => {
  const fields = new Set<string>()
  const optional = new Set<string>()
  const literals = new Set<string>()
  const walk = (node: Json): void => {
    if (Array.isArray(node)) return node.forEach(walk)
    if (!isObject(node)) return
    const { properties, required, enum: values } = node
    for (const field of isObject(properties) ? Object.keys(properties) : []) {
      fields.add(field)
      if (!Array.isArray(required) || !required.includes(field)) optional.add(field)
    }
    for (const value of Array.isArray(values) ? values : []) literals.add(String(value))
    Object.values(node).forEach(walk)
  }
  walk(schema)
  return { fields, optional, literals }
}

/** A value without a field, wherever it is. */
const withoutField = (value: Json, field: string): Json =>
  Array.isArray(value)
    ? value.map((one) => withoutField(one, field))
    : isObject(value)
      ? Object.fromEntries(
          Object.entries(value).flatMap(([key, one]) => (key === field ? [] : [[key, withoutField(one, field)]]))
        )
      : value

interface Candidate {
  readonly text: string
  readonly features: ReadonlySet<string>
}

/** The fewest that show what was not shown, found one by one: the one that shows most, and of equals the shortest. */
const choose = (candidates: ReadonlyArray<Candidate>, shown: Set<string>, chosen: Array<string>): void => {
  const shortestFirst = candidates.toSorted((a, b) => a.text.length - b.text.length || (a.text < b.text ? -1 : 1))
  while (chosen.length < most) {
    let best: Candidate | undefined
    let bestGain = 0
    for (const candidate of shortestFirst) {
      let gain = 0
      for (const feature of candidate.features) if (!shown.has(feature)) gain++
      // A short one that shows a little less is easier to read.
      gain /= 50 + candidate.text.length
      if (gain > bestGain) [best, bestGain] = [candidate, gain]
    }
    if (best === undefined) return
    for (const feature of best.features) shown.add(feature)
    chosen.push(best.text)
  }
}

/**
 * Stored forms of a version, the same wherever they are made: they follow from the type, the version and the schema. What can be
 * read today comes first. Fails with the reason when none can be made.
 */
export const samplesOf = Effect.fnUntraced(function* (
  type: string,
  version: number,
  codec: Schema.Codec<unknown, unknown>,
  schema: Json,
  isRead: (stored: Json) => boolean
) {
  const arbitrary = yield* Effect.try({ try: () => Arbitrary.schema(codec), catch: String })
  const encode = Schema.encodeUnknownResult(codecOf(codec), { onExcessProperty: "error" })
  const { fields, optional, literals } = namesIn(schema)
  const texts = new Set<string>()
  for (const size of sizes) {
    const seed = `${type} ${version} ${size}`
    const values = yield* Arbitrary.sampleEffect(arbitrary, { count: candidatesOfSize, size, seed }).pipe(
      Effect.mapError(() => "values that it accepts are too rare to be found")
    )
    for (const value of values) {
      const encoded = encode(value)
      if (Result.isFailure(encoded)) continue
      const stored = asFile(encoded.success)
      // A field with a default is always there when it is written, and may not have been when it was stored.
      for (const one of [stored, ...Array.from(optional, (field) => withoutField(stored, field))]) {
        if (extend(rewritten(codec, one), one)) texts.add(toText(one))
      }
    }
  }
  if (texts.size === 0) return yield* Effect.fail("no value that it makes reads back as what was written")
  const candidates = Array.from(texts, (text) => {
    const data: Json = JSON.parse(text)
    return { text, isRead: isRead(data), features: new Set(featuresOf(data, "", literals, fields)) }
  })
  const shown = new Set<string>()
  const chosen: Array<string> = []
  for (const readable of [true, false]) {
    choose(
      candidates.filter((candidate) => candidate.isRead === readable),
      shown,
      chosen
    )
  }
  return chosen.map((text): Json => JSON.parse(text))
})

/** What a stored event of a set is read as today. */
export const readingOf = <E extends Event.Tagged>(
  definitions: Event.Definitions<E>,
  type: string,
  schemaVersion: number,
  stored: Json
): Reading => {
  if (definitions.ignored.has(type)) return { events: [] }
  const known = definitions.stored.get(type)
  if (known === undefined) return { problem: "UnknownType" }
  const decoded = known.decode(stored, schemaVersion)
  if (Result.isFailure(decoded)) {
    const { reason, path } = decoded.failure
    return { problem: path === "" ? reason : `${reason} at ${path}` }
  }
  const encoded = Result.all(decoded.success.map((event) => Event.encode(definitions, event)))
  return Result.isFailure(encoded)
    ? { problem: encoded.failure.message }
    : { events: encoded.success.map(({ type, schemaVersion, data }) => ({ type, schemaVersion, data: asFile(data) })) }
}

/** What a version's own codec writes of what it has read, or `undefined` when it does not read it. */
export const rewritten = (codec: Schema.Codec<unknown, unknown>, stored: Json): Json | undefined => {
  try {
    const decoded = Schema.decodeResult(codecOf(codec))(stored)
    const encoded = Result.flatMap(decoded, Schema.encodeUnknownResult(codecOf(codec)))
    return Result.isSuccess(encoded) ? asFile(encoded.success) : undefined
  } catch {
    return undefined
  }
}

/** Whether a value has all that another has: objects may have more fields. */
export const extend = (value: Json | undefined, other: Json): boolean =>
  Array.isArray(other)
    ? Array.isArray(value) && value.length === other.length && other.every((one, index) => extend(value[index], one))
    : isObject(other)
      ? isObject(value) &&
        Object.entries(other).every(([key, one]) => Object.hasOwn(value, key) && extend(value[key], one))
      : value === other
