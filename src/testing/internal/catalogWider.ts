/**
 * Whether one JSON Schema accepts everything that another does. Says yes only where it can be proven; what it does not
 * know, it takes for a no.
 */
import * as Predicate from "effect/Predicate"
import type * as Schema from "effect/Schema"
import { definitionOf } from "../../internal/kernel/catalog.ts"
import { childPath } from "../../internal/kernel/catalogChecks.ts"
import { toText } from "../SpecFailure.ts"

type Json = Schema.Json
type Node = Schema.JsonObject

export const isObject = (json: Json | undefined): json is Node => Predicate.isObject(json) && !Array.isArray(json)

const annotations = new Set(["title", "description", "default", "examples", "readOnly", "writeOnly", "$defs"])

/** A schema as an object, without what restricts nothing. */
const nodeOf = (schema: Json | undefined): Node =>
  schema === false
    ? { not: {} }
    : isObject(schema)
      ? Object.fromEntries(Object.entries(schema).filter(([key]) => !annotations.has(key)))
      : {}

const without = (node: Node, key: string): Node =>
  Object.fromEntries(Object.entries(node).filter(([name]) => name !== key))

const listAt = (node: Node, key: string): ReadonlyArray<Json> | undefined => {
  const value = node[key]
  return Array.isArray(value) ? value : undefined
}

const mapAt = (node: Node, key: string): Node => {
  const value = node[key]
  return isObject(value) ? value : {}
}

const isNothing = (node: Node): boolean => isObject(node["not"]) && Object.keys(node["not"]).length === 0

const typesOf = (node: Node): ReadonlyArray<Json> | undefined =>
  typeof node["type"] === "string" ? [node["type"]] : listAt(node, "type")

const typeOfValue = (value: Json): string => (value === null ? "null" : Array.isArray(value) ? "array" : typeof value)

const numberAt = (node: Node, key: string): number | undefined =>
  typeof node[key] === "number" ? node[key] : undefined

/** Whether two parts say the same, whatever the definitions beside them are. */
const isSameText = (a: Json, b: Json): boolean => toText(a) === toText(b) && !toText(a).includes('"$ref"')

/** Keywords of objects that say more about names than can be followed here. */
const patterned = ["patternProperties", "propertyNames"]

/** Whether the wider schema restricts nothing by one of its keywords that the narrower does not. */
const isKept = (key: string, wider: Node, narrower: Node, contains: (a: Json, b: Json) => boolean): boolean => {
  const limit = numberAt(wider, key) ?? 0
  switch (key) {
    case "type":
      return (
        typesOf(narrower)?.every(
          (type) => typesOf(wider)?.includes(type) || (type === "integer" && typesOf(wider)?.includes("number"))
        ) === true
      )
    case "minLength":
    case "minItems":
    case "minProperties":
      return (numberAt(narrower, key) ?? 0) >= limit
    case "maxLength":
    case "maxItems":
    case "maxProperties":
      return (numberAt(narrower, key) ?? Infinity) <= limit
    case "minimum":
      return (
        Math.max(numberAt(narrower, key) ?? -Infinity, numberAt(narrower, "exclusiveMinimum") ?? -Infinity) >= limit
      )
    case "maximum":
      return Math.min(numberAt(narrower, key) ?? Infinity, numberAt(narrower, "exclusiveMaximum") ?? Infinity) <= limit
    case "exclusiveMinimum":
      return (numberAt(narrower, key) ?? -Infinity) >= limit || (numberAt(narrower, "minimum") ?? -Infinity) > limit
    case "exclusiveMaximum":
      return (numberAt(narrower, key) ?? Infinity) <= limit || (numberAt(narrower, "maximum") ?? Infinity) < limit
    case "required":
      return (listAt(wider, key) ?? []).every((field) => listAt(narrower, key)?.includes(field))
    case "properties": {
      const rest = narrower["additionalProperties"] ?? true
      return Object.entries(mapAt(wider, key)).every(([field, schema]) =>
        contains(schema, Object.hasOwn(mapAt(narrower, key), field) ? mapAt(narrower, key)[field]! : rest)
      )
    }
    case "additionalProperties": {
      const schema = wider[key] ?? true
      const others = Object.entries(mapAt(narrower, "properties")).filter(
        ([field]) => !Object.hasOwn(mapAt(wider, "properties"), field)
      )
      return others.every(([, other]) => contains(schema, other)) && contains(schema, narrower[key] ?? true)
    }
    case "prefixItems":
    case "items": {
      const itemOf = (node: Node, index: number): Json => listAt(node, "prefixItems")?.[index] ?? node["items"] ?? true
      const most = numberAt(narrower, "maxItems") ?? Infinity
      const named = Math.max(listAt(wider, "prefixItems")?.length ?? 0, listAt(narrower, "prefixItems")?.length ?? 0)
      for (let index = 0; index <= named && index < most; index++) {
        if (!contains(itemOf(wider, index), itemOf(narrower, index))) return false
      }
      return true
    }
    default:
      return narrower[key] !== undefined && isSameText(wider[key]!, narrower[key])
  }
}

/** Whether a text, number, boolean or null is valid. */
const admits = (node: Node, value: Json, definitions: Node): boolean =>
  Object.entries(node).every(([key, rule]) => {
    switch (key) {
      case "$ref":
        return typeof rule === "string" && admits(nodeOf(definitions[definitionOf(rule)] ?? false), value, definitions)
      case "type":
        return (
          typesOf(node)?.some(
            (type) => type === typeOfValue(value) || (type === "integer" && Number.isInteger(value))
          ) === true
        )
      case "enum":
        return listAt(node, key)?.includes(value) === true
      case "anyOf":
        return listAt(node, key)?.some((member) => admits(nodeOf(member), value, definitions)) === true
      case "allOf":
        return listAt(node, key)?.every((member) => admits(nodeOf(member), value, definitions)) === true
      case "minLength":
        return typeof value !== "string" || Array.from(value).length >= Number(rule)
      case "maxLength":
        return typeof value !== "string" || value.length <= Number(rule)
      case "minimum":
        return typeof value !== "number" || value >= Number(rule)
      case "maximum":
        return typeof value !== "number" || value <= Number(rule)
      default:
        return false
    }
  })

const simple = new Set(["type", "pattern", "format", "minLength", "maxLength", "minimum", "maximum", "multipleOf"])

/** Without an `allOf` whose members only add keywords that do not look at others. */
const flat = (node: Node): Node => {
  const members = (listAt(node, "allOf") ?? []).map(nodeOf)
  const rest = without(node, "allOf")
  const keys = [...Object.keys(rest), ...members.flatMap(Object.keys)]
  return members.length > 0 &&
    new Set(keys).size === keys.length &&
    members.every((member) => Object.keys(member).every((key) => simple.has(key)))
    ? Object.assign({}, rest, ...members)
    : node
}

/**
 * Whether every value that the narrower schema accepts is accepted by the wider. Each may have `$defs`.
 */
export const isWider = (wider: Node, narrower: Node): boolean => {
  const definitions = [mapAt(wider, "$defs"), mapAt(narrower, "$defs")] as const
  // A pair that is met again while it is looked at holds if the rest of it does: types that hold themselves.
  const assumed: Array<string> = []

  const resolve = (node: Node, defs: Node): Node => {
    const ref = node["$ref"]
    if (typeof ref !== "string") return flat(node)
    const target = nodeOf(defs[definitionOf(ref)] ?? false)
    const rest = without(node, "$ref")
    return Object.keys(rest).length === 0 ? flat(target) : { allOf: [target, rest] }
  }

  const contains = (a: Json, b: Json): boolean => {
    const [wideNode, narrowNode] = [nodeOf(a), nodeOf(b)]
    if (Object.keys(wideNode).length === 0 || isNothing(narrowNode)) return true
    const pair = `${toText(wideNode)}\n${toText(narrowNode)}`
    if (assumed.includes(pair)) return true
    const before = assumed.push(pair) - 1
    const holds = compare(resolve(wideNode, definitions[0]), resolve(narrowNode, definitions[1]))
    // What was shown on an assumption that does not hold is not shown.
    if (!holds) assumed.length = before
    return holds
  }

  const compare = (wide: Node, narrow: Node): boolean => {
    const either = listAt(narrow, "anyOf") ?? listAt(narrow, "oneOf")
    if (either !== undefined && either.every((member) => contains(wide, member))) return true
    const values = listAt(narrow, "enum")
    if (values?.every((value) => admits(wide, value, definitions[0])) === true) return true
    const all = listAt(wide, "allOf")
    if (all !== undefined) return contains(without(wide, "allOf"), narrow) && all.every((one) => contains(one, narrow))
    const any = listAt(wide, "anyOf")
    if (any !== undefined) return contains(without(wide, "anyOf"), narrow) && any.some((one) => contains(one, narrow))
    if (listAt(narrow, "allOf")?.some((one) => contains(wide, one)) === true) return true
    if (patterned.some((key) => wide[key] !== undefined || narrow[key] !== undefined)) {
      return isSameText(wide, narrow)
    }
    return Object.keys(wide).every((key) => isKept(key, wide, narrow, contains))
  }

  return contains(wider, narrower)
}

/** Every path of fields that a JSON Schema names. */
export const pathsOf = (schema: Node): ReadonlySet<string> => {
  const definitions = mapAt(schema, "$defs")
  const paths = new Set<string>()
  const walk = (json: Json | undefined, path: string, within: ReadonlyArray<string>): void => {
    const node = nodeOf(json)
    const ref = typeof node["$ref"] === "string" ? definitionOf(node["$ref"]) : undefined
    if (ref !== undefined && !within.includes(ref)) walk(definitions[ref], path, [...within, ref])
    for (const key of ["anyOf", "oneOf", "allOf"]) for (const one of listAt(node, key) ?? []) walk(one, path, within)
    for (const [field, one] of Object.entries(mapAt(node, "properties"))) {
      paths.add(childPath(path, field))
      walk(one, childPath(path, field), within)
    }
    if (isObject(node["additionalProperties"])) walk(node["additionalProperties"], `${path}{}`, within)
    listAt(node, "prefixItems")?.forEach((one, index) => walk(one, `${path}[${index}]`, within))
    if (isObject(node["items"])) walk(node["items"], `${path}[]`, within)
  }
  walk(schema, "", [])
  return paths
}
