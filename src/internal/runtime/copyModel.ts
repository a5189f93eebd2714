/**
 * What a copy is made of, what stops it, and what it reports.
 */
import * as Schema from "effect/Schema"
import type { RestoredEvent } from "../../EventStore.ts"
import type { Query } from "../../Query.ts"
import type { RecordedEvent } from "../../RecordedEvent.ts"
import type { StreamName } from "../../StreamName.ts"
import { derivedId } from "../kernel/derivedId.ts"

/**
 * What an event is copied as. A recorded event is copied as itself; its id and its time always follow from the event that it comes from.
 */
export type Copied = Pick<RecordedEvent, "stream" | "type" | "schemaVersion" | "data" | "tags" | "metadata">

/**
 * What becomes of each event: nothing, itself, another one, or several, in order. A pure function: the same event always becomes the same.
 */
export type Transform = (recorded: RecordedEvent) => ReadonlyArray<Copied>

/**
 * Which events are copied, and as what.
 */
export interface Copy {
  /** Under it the target keeps how far the copy has come. */
  readonly name: string
  /** The events that are copied, of those in `streams`. Every event where it is `undefined`. */
  readonly query: Query | undefined
  /** The streams that are copied. Every stream where it is `undefined`. */
  readonly streams: ReadonlySet<StreamName> | undefined
  /** What becomes of each event. */
  readonly transform: Transform
}

/**
 * The copy stands before an event that cannot be copied. Everything before it is copied; run the copy again when the reason is gone, and
 * it goes on with this event.
 */
export class CopyFailed extends Schema.TaggedError<CopyFailed>("eventfold/CopyFailed")("CopyFailed", {
  /** The name of the copy. */
  copy: Schema.String,
  /** Whether the transform has thrown, or the target does not take what the event became. */
  by: Schema.Literals(["transform", "target"]),
  /** The id of the event that it stands before. */
  eventId: Schema.String,
  /** The stream of that event, in the source. */
  stream: Schema.String,
  /** Its place in that stream. */
  version: Schema.Int,
  /** Its place in the log of the source. */
  position: Schema.Int,
  /** Its type, as stored. */
  type: Schema.String,
  /** What the transform threw, or what the target objects to. */
  problem: Schema.String
}) {
  override get message(): string {
    const what = this.by === "transform" ? "cannot be transformed" : "is not taken by the target as what it became"
    return (
      `copy ${this.copy}: ${this.type} in stream ${this.stream} at version ${this.version}, position ${this.position}, ` +
      `${what}: ${this.problem}`
    )
  }
}

const counts = Schema.Record(Schema.String, Schema.Int)

/**
 * What a copy has come to, in all its runs together.
 */
export const Report = Schema.Struct({
  /** The position of the source up to which everything is copied. */
  upTo: Schema.Int,
  /** Events of the source that were to be copied. */
  read: Schema.Int,
  /** Events that the target has been given. */
  written: Schema.Int,
  /** Events of the source that became none. */
  dropped: Schema.Int,
  /** How many events of each type, as stored, were read and written. */
  byType: Schema.Struct({ in: counts, out: counts })
})
export type Report = typeof Report.Type

/** What the target keeps of a copy. */
export const Kept = Schema.Struct({
  /** Which events are copied, to tell another copy of the same name. */
  from: Schema.String,
  /** The last event that was read, to tell another source. */
  last: Schema.NullOr(Schema.Struct({ position: Schema.Int, id: Schema.String })),
  report: Report
})
export type Kept = typeof Kept.Type

/** Before the first event. */
export const begun = ({ query, streams }: Copy): Kept => ({
  from: JSON.stringify({ query, streams: streams && Array.from(streams).toSorted() }),
  last: null,
  report: { upTo: 0, read: 0, written: 0, dropped: 0, byType: { in: {}, out: {} } }
})

/** A source event, and what becomes of it. */
export interface Item {
  readonly recorded: RecordedEvent
  readonly events: ReadonlyArray<RestoredEvent>
}

/**
 * What becomes of an event: with its time, the first with its id, and others with ids that follow from it.
 */
export const transformed = (transform: Transform, recorded: RecordedEvent): ReadonlyArray<RestoredEvent> =>
  transform(recorded).map(({ data, metadata, schemaVersion, stream, tags, type }, index) => ({
    id: index === 0 ? recorded.id : derivedId(recorded.id, "copied", String(index)),
    stream,
    type,
    schemaVersion,
    data,
    tags,
    metadata,
    recordedAt: recorded.recordedAt
  }))

const counted = (
  before: { readonly [type: string]: number },
  events: ReadonlyArray<{ readonly type: string }>
): { readonly [type: string]: number } => {
  const all = new Map(Object.entries(before))
  for (const { type } of events) all.set(type, (all.get(type) ?? 0) + 1)
  return Object.fromEntries(all)
}

/** After some more events, up to a position. */
export const movedOn = ({ from, last, report }: Kept, items: ReadonlyArray<Item>, upTo: number): Kept => {
  const recorded = items.map((item) => item.recorded)
  const events = items.flatMap((item) => item.events)
  const latest = recorded[recorded.length - 1]
  return {
    from,
    last: latest === undefined ? last : { position: latest.position, id: latest.id },
    report: {
      upTo,
      read: report.read + items.length,
      written: report.written + events.length,
      dropped: report.dropped + items.filter((item) => item.events.length === 0).length,
      byType: { in: counted(report.byType.in, recorded), out: counted(report.byType.out, events) }
    }
  }
}
