/**
 * Names and texts as SQL writes them, and the names that follow from that of a store's schema.
 */

import { textProblem } from "../../StreamName.ts"

/** An identifier as SQL writes it. */
export const quoted = (identifier: string): string => `"${identifier.replaceAll('"', '""')}"`

/** A text as SQL writes it. */
export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`

const bytes = (text: string): number => new TextEncoder().encode(text).length

/** PostgreSQL cuts longer names short, and two that are cut to the same would share a table. */
const maxNameBytes = 63

/** What is wrong with the name of a schema, or `undefined` when nothing is. */
export const schemaProblem = (schema: string): string | undefined =>
  schema === ""
    ? "is empty"
    : bytes(schema) > maxNameBytes
      ? `has ${bytes(schema)} bytes, more than ${maxNameBytes}`
      : schema.includes("$body$")
        ? "contains $body$, which ends the functions' text"
        : textProblem(schema)

/** The key of the lock of the log, which whoever appends holds up to the end of the transaction. */
export const logLock = (schema: string): string => `hashtextextended(${literal(`eventfold:${schema}`)}, 0)`

/** The channel on which a store says that something was appended: its name, as far as a channel's name goes. */
export const channelOf = (schema: string): string => {
  const name = Array.from(`eventfold_${schema}`)
  while (bytes(name.join("")) > maxNameBytes) name.pop()
  return name.join("")
}
