/**
 * What an event is in a file, beside what it is in a store: all but its places, which a store gives anew.
 */
import * as DateTime from "effect/DateTime"
import * as Predicate from "effect/Predicate"
import type { RecordedEvent } from "../../RecordedEvent.ts"

/** Whether two values are the same JSON, whatever the order of their keys. */
const isSame = (a: unknown, b: unknown): boolean => {
  // Zero is zero: JSON has no other.
  if (a === b) return true
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((member, index) => isSame(member, b[index]))
  }
  if (!Predicate.isObject(a) || !Predicate.isObject(b) || Array.isArray(b)) return false
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && isSame(a[key], b[key]))
}

const parts = {
  stream: (event: RecordedEvent) => event.stream,
  type: (event: RecordedEvent) => event.type,
  "schema version": (event: RecordedEvent) => event.schemaVersion,
  time: (event: RecordedEvent) => DateTime.toEpochMillis(event.recordedAt),
  data: (event: RecordedEvent) => event.data,
  tags: (event: RecordedEvent) => event.tags,
  metadata: (event: RecordedEvent) => event.metadata
}

/** What is different about two events of one id. */
export const differences = (one: RecordedEvent, other: RecordedEvent): ReadonlyArray<string> =>
  Object.entries(parts).flatMap(([name, of]) => (isSame(of(one), of(other)) ? [] : [name]))
