import type * as Schema from "effect/Schema"
import { hex, sha256 } from "./sha256.ts"

const utf8 = new TextEncoder()

/** A JSON value as text that does not depend on the order of its keys. */
export const canonical = (value: Schema.Json): string => {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`
  if (typeof value !== "object" || value === null) return JSON.stringify(value)
  const members: ReadonlyArray<readonly [string, Schema.Json]> = Object.entries(value)
  const sorted = members.toSorted(([a], [b]) => (a < b ? -1 : 1))
  return `{${sorted.map(([key, member]) => `${JSON.stringify(key)}:${canonical(member)}`).join(",")}}`
}

/** The SHA-256 of a JSON value, as 64 hexadecimal digits. */
export const digest = (value: Schema.Json): string => hex(sha256(utf8.encode(canonical(value))))
