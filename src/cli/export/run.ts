/**
 * An export: events as lines, in bounded memory, to where somebody takes them as fast as they can.
 */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Option from "effect/Option"
import type { PlatformError } from "effect/PlatformError"
import * as Stream from "effect/Stream"
import { EventStore, type StoreError } from "../../EventStore.ts"
import { Inspection, type Search } from "../../Inspection.ts"
import * as Query from "../../Query.ts"
import type { RecordedEvent } from "../../RecordedEvent.ts"
import { encodeLine } from "../file/line.ts"
import type { Advance } from "../output/progress.ts"

/** What was exported. */
export interface Exported {
  readonly events: number
  /** The positions of the first and the last of them. */
  readonly first: number | undefined
  readonly last: number | undefined
}

/** Whether an event is among those that a search is for. */
export const isSought =
  ({ from = 1, metadata = {}, query = Query.all, since, to = Infinity, until }: Search) =>
  (event: RecordedEvent): boolean =>
    event.position >= from &&
    event.position <= to &&
    Query.matches(query, event) &&
    (since === undefined || DateTime.isGreaterThanOrEqualTo(event.recordedAt, since)) &&
    (until === undefined || DateTime.isLessThan(event.recordedAt, until)) &&
    Object.entries(metadata).every(([field, value]) => Equal.equals(event.metadata[field], value))

/** The event at a position. */
export const eventAt = (position: number): Effect.Effect<RecordedEvent | undefined, StoreError, EventStore> =>
  Effect.flatMap(EventStore, (store) =>
    Effect.map(Stream.runHead(store.readLog({ from: position, to: position })), Option.getOrUndefined)
  )

/** The positions that a search goes through: up to the head that the log has now. */
export const boundsOf = Effect.fnUntraced(function* ({
  from = 1,
  to = Infinity
}: Search): Effect.fn.Return<{ readonly from: number; readonly to: number }, StoreError, EventStore> {
  const { head } = yield* EventStore
  return { from, to: Math.min(to, yield* head) }
})

const utf8 = new TextEncoder()

/**
 * Writes the events that are found, page by page: the next page is read while one is written.
 */
export const exportTo = Effect.fnUntraced(function* <E>(
  search: Search & { readonly from: number; readonly to: number },
  write: (lines: Uint8Array) => Effect.Effect<void, E>,
  advance: Advance
): Effect.fn.Return<Exported, E | StoreError | PlatformError, Inspection> {
  const inspection = yield* Inspection
  let exported: Exported = { events: 0, first: undefined, last: undefined }
  if (search.from > search.to) return exported
  const pages = Stream.buffer(Stream.chunks(inspection.search(search)), { capacity: 1 })
  yield* Stream.runForEach(
    pages,
    Effect.fnUntraced(function* (page) {
      yield* write(utf8.encode(page.map((event) => `${encodeLine(event)}\n`).join("")))
      const last = page[page.length - 1]!.position
      exported = {
        events: exported.events + page.length,
        first: exported.first ?? page[0].position,
        last
      }
      yield* advance(page.length, last - search.from + 1)
    })
  )
  return exported
})
