/**
 * What has happened, as specs are given it: events with or without their circumstances, as a store would have recorded them.
 */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import type { Tagged } from "../../Event.ts"
import type { Metadata, RecordedEvent } from "../../RecordedEvent.ts"
import * as StreamName from "../../StreamName.ts"
import { StoredEvent } from "./RunnableSpec.ts"
import { encodeEvent, type Encoding, envelope, specTime } from "./stored.ts"

/** An event with its circumstances. */
export interface Happened<out E> {
  /** The event, as it is or as it was stored. */
  readonly event: E | StoredEvent
  /** The stream that it is in. `spec-1` by default. */
  readonly stream?: StreamName.StreamName
  /** When it was recorded. 2000-01-01T00:00:00Z by default; in a process's spec, the time that it is there. */
  readonly at?: DateTime.DateTime.Input
  /** Its metadata. None by default. */
  readonly metadata?: Metadata
}

export type History = ReadonlyArray<Tagged | StoredEvent | Happened<Tagged>>

export const recordAll = Effect.fnUntraced(function* (encoding: Encoding<Tagged>, history: History) {
  const versions = new Map<string, number>()
  const recorded: Array<RecordedEvent> = []
  for (const [index, item] of history.entries()) {
    const happened: Happened<Tagged> = "_tag" in item || item instanceof StoredEvent ? { event: item } : item
    const { event, stream = StreamName.make("spec", "1"), at = specTime, metadata = {} } = happened
    const version = (versions.get(stream) ?? 0) + 1
    versions.set(stream, version)
    const type = event instanceof StoredEvent ? event.type : event._tag
    const encoded = yield* encodeEvent(encoding, `given event ${index} (${type})`, event)
    const recordedAt = DateTime.toUtc(DateTime.makeUnsafe(at))
    recorded.push(envelope(encoded, { stream, version, position: index + 1, recordedAt, metadata }))
  }
  return recorded
})
