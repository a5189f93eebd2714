/**
 * An event as a store recorded it: the domain event's data in its stored form, and everything that the store and the
 * runtime know about it. A domain never sees this envelope; readers of the log do.
 */
import type * as DateTime from "effect/DateTime"
import type * as Schema from "effect/Schema"
import type { StreamName } from "./StreamName.ts"

/**
 * What is known about an event beside what happened: why it was recorded, by whom, in which trace. The named fields are
 * written by the runtime; everything else is the user's own.
 */
export interface Metadata {
  /** One id for everything that follows from one beginning: the same on every event of a conversation. */
  readonly correlationId?: string
  /** The id of what directly caused this event: of the event that was being handled. */
  readonly causationId?: string
  /** How many events lead to this one, each caused by the one before: 0, and not written, where it all began. */
  readonly causationDepth?: number
  /** The id of the command that decided this event. */
  readonly commandId?: string
  /** Who asked for it. */
  readonly actor?: string
  /** Of the events that begin a stream where another one's books were closed: that stream, and its last version. */
  readonly continues?: { readonly stream: string; readonly version: number }
  /** Of the events that closed the books of a stream: the one that goes on. */
  readonly continuedBy?: string
  /** The trace that recorded it, as a W3C `traceparent` header. */
  readonly traceparent?: string
  readonly [key: string]: Schema.Json | undefined
}

/**
 * An event as recorded. `data` is JSON as it was written, by whatever version of the code: decode it with
 * `Event.decode`.
 *
 * @example
 * import { type RecordedEvent } from "eventfold"
 * import { DateTime } from "effect"
 *
 * export const line = ({ position, recordedAt, stream, type, metadata }: RecordedEvent.RecordedEvent): string =>
 *   `${position} ${DateTime.formatIso(recordedAt)} ${stream} ${type} by ${metadata.actor ?? "nobody"}`
 */
export interface RecordedEvent {
  /** UUID. The same id is stored once. */
  readonly id: string
  /** The type as written, which may have been renamed since. */
  readonly type: string
  /** The version of the type's schema that `data` was written with, from 1. */
  readonly schemaVersion: number
  /** The stream that it was recorded in. */
  readonly stream: StreamName
  /** Place in the stream, from 1 without gaps. */
  readonly version: number
  /** Place in the log, from 1 without gaps, in the order of commits. */
  readonly position: number
  /** When it was appended. Never decreases along positions. */
  readonly recordedAt: DateTime.Utc
  /** The domain event in its stored form. */
  readonly data: Schema.Json
  /** What the event is about, for queries and append conditions across streams. */
  readonly tags: ReadonlyArray<string>
  /** What is known about it beside what happened. */
  readonly metadata: Metadata
}
