/**
 * Points in time: how they are written, and which recorded events come before them.
 */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as Event from "../../Event.ts"
import { type EventStore, StoreError } from "../../EventStore.ts"
import type { RecordedEvent } from "../../RecordedEvent.ts"

/**
 * A point in the time of the log: after the event at a position, 0 for before the first; or after all events recorded up to and including an
 * instant, by the store's clock.
 */
export type LogPoint =
  | { readonly position: number; readonly instant?: never; readonly version?: never }
  | { readonly instant: DateTime.DateTime; readonly position?: never; readonly version?: never }

/**
 * A point in the time of a stream: after the event of a version, 0 for before the first; or a point in the time of the log.
 */
export type Point = { readonly version: number; readonly position?: never; readonly instant?: never } | LogPoint

/** The two points of a comparison. It may also lead back in time. */
export interface Interval<P> {
  /** Where the comparison begins. */
  readonly from: P
  /** The end of what is recorded by default. */
  readonly to?: P | undefined
}

const problemOf = ({ instant, position, version }: Point): string | undefined => {
  if (DateTime.isDateTime(instant)) return undefined
  const place = version ?? position
  if (place === undefined) return "this has neither a version nor a position, and no DateTime as its instant"
  if (Number.isSafeInteger(place) && place >= 0) return undefined
  return `${version === undefined ? "position" : "version"} ${place} is no whole number from 0`
}

/** Refuses what is no point in time. */
export const checkPoint = (point: Point | undefined): Effect.Effect<void, StoreError> => {
  const problem = point === undefined ? undefined : problemOf(point)
  return problem === undefined
    ? Effect.void
    : Effect.fail(new StoreError({ reason: "InvalidRequest", problem: `no point in time: ${problem}` }))
}

/**
 * Whether an event is recorded up to a point. Along a stream, and along the log, all those that are come before all those that are not: what
 * `recordedAt` promises.
 */
export const isUpTo = (point: Point | undefined, { position, recordedAt, version }: RecordedEvent): boolean => {
  if (point === undefined) return true
  if (point.version !== undefined) return version <= point.version
  if (point.position !== undefined) return position <= point.position
  return DateTime.isLessThanOrEqualTo(recordedAt, point.instant)
}

/** The position of the last event recorded up to an instant, 0 without one. It looks at as many events as the log's length has binary digits. */
export const positionAt = Effect.fnUntraced(function* (store: EventStore["Service"], instant: DateTime.DateTime) {
  let [low, high] = [0, yield* store.head]
  let middle = high
  while (low < high) {
    const events = yield* Stream.runCollect(store.readLog({ from: middle, to: middle }))
    if (events.every((recorded) => isUpTo({ instant }, recorded))) low = middle
    else high = middle - 1
    middle = Math.ceil((low + high) / 2)
  }
  return low
})

/** What a fold came to at each of two points, and the events that are up to one of them and not the other. */
export interface Folded<out A, out E> {
  readonly from: A
  readonly to: A
  /** In order, whichever of the points is the earlier one. */
  readonly events: ReadonlyArray<Event.Decoded<E>>
}

/**
 * Folds recorded events up to the later of two points, in one read that ends there. `read` gives the events from the first.
 */
export const foldInterval = Effect.fnUntraced(function* <A, E extends Event.Tagged>(
  read: Stream.Stream<RecordedEvent, StoreError>,
  { from, to }: Interval<Point>,
  definitions: Event.Definitions<E>,
  initial: A,
  step: (folded: A, events: ReadonlyArray<Event.Decoded<E>>, recorded: RecordedEvent) => A
) {
  let [earlier, later] = [initial, initial]
  let isBack = false
  const between: Array<Event.Decoded<E>> = []
  const foldPage = (page: ReadonlyArray<RecordedEvent>): Effect.Effect<void, Event.DecodeError> => {
    for (const recorded of page) {
      const events = Event.decodeRecorded(definitions, recorded)
      if (Result.isFailure(events)) return Effect.fail(events.failure)
      later = step(later, events.success, recorded)
      const isFrom = isUpTo(from, recorded)
      if (isFrom && isUpTo(to, recorded)) earlier = later
      else {
        isBack = isFrom
        for (const event of events.success) between.push(event)
      }
    }
    return Effect.void
  }
  const upToBoth = Stream.takeWhile(read, (recorded) => isUpTo(from, recorded) || isUpTo(to, recorded))
  yield* Stream.runForEachArray(upToBoth, foldPage)
  const folded: Folded<A, E> = {
    from: isBack ? later : earlier,
    to: isBack ? earlier : later,
    events: between
  }
  return folded
})
