/**
 * How texts and JSON compare in every store.
 */
import * as Predicate from "effect/Predicate"
import type * as Schema from "effect/Schema"

/** By code points, as PostgreSQL compares UTF-8; JavaScript compares UTF-16, where an emoji comes before a ligature. */
export const byCodePoints = (a: string, b: string): number => {
  for (let i = 0; i < a.length && i < b.length; i++) {
    if (a.charCodeAt(i) !== b.charCodeAt(i)) return a.codePointAt(i)! - b.codePointAt(i)!
  }
  return a.length - b.length
}

const isRecord = (json: Schema.Json | undefined): json is Schema.JsonObject =>
  Predicate.isObject(json) && !Array.isArray(json)

/** Whether two JSON values are the same. The order of keys does not matter. */
export const equals = (a: Schema.Json | undefined, b: Schema.Json | undefined): boolean => {
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((one, i) => equals(one, b[i]))
  if (!isRecord(a) || !isRecord(b)) return a === b
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && equals(a[key], b[key]))
}

/** Whether a value is an object that has these fields, with just these values. */
export const hasFields = (document: Schema.Json, where: { readonly [field: string]: Schema.Json }): boolean =>
  Object.entries(where).every(
    ([field, value]) => isRecord(document) && Object.hasOwn(document, field) && equals(document[field], value)
  )
