/**
 * What every store refuses and answers alike when it is given events that were recorded elsewhere.
 */
import * as DateTime from "effect/DateTime"
import * as Result from "effect/Result"
import { type Limits, type Restored, type RestoredEvent, StoreError } from "../../EventStore.ts"
import * as StreamName from "../../StreamName.ts"
import type { Place } from "./repetition.ts"
import { type CheckedEvent, checkEvent, sizeProblem } from "./request.ts"

/** An event that a store may restore. */
export interface CheckedRestoredEvent extends CheckedEvent, Pick<RestoredEvent, "stream" | "recordedAt"> {}

const refused = (problem: string): Result.Result<never, StoreError> =>
  Result.fail(new StoreError({ reason: "InvalidRequest", problem }))

const refusedEvent = (
  index: number,
  { stream, type }: { readonly type: string; readonly stream: string },
  problem: string
): Result.Result<never, StoreError> => refused(`event ${index} (${type}) for stream ${stream}: ${problem}`)

/** The beginning of the year 1, and the end of the year 9999: what every database can store, and write as a date. */
const earliestTime = -62_135_596_800_000
const latestTime = Date.UTC(10_000, 0, 1) - 1

const timeProblem = (time: number): string | undefined =>
  Number.isInteger(time) && time >= earliestTime && time <= latestTime
    ? undefined
    : "its time is not in whole milliseconds, or not in the years 1 to 9999"

const written = (time: number): string => new Date(time).toISOString()

/**
 * Checks events to restore by themselves, and gives them with their JSON.
 */
export const checkRestore = (
  events: ReadonlyArray<RestoredEvent>,
  limits: Limits
): Result.Result<ReadonlyArray<CheckedRestoredEvent>, StoreError> => {
  if (events.length === 0) return refused("a restore has at least one event")
  const ids = new Set<string>()
  const checked: Array<CheckedRestoredEvent> = []
  let before = -Infinity
  for (const [index, event] of events.entries()) {
    const wrongName = StreamName.problem(event.stream)
    if (wrongName !== undefined) return refusedEvent(index, event, `the stream name ${wrongName}`)
    const one = checkEvent(event, ids, limits)
    if (Result.isFailure(one)) return refusedEvent(index, event, one.failure)
    const time = event.recordedAt.epochMilliseconds
    const wrongTime = timeProblem(time)
    if (wrongTime !== undefined) return refusedEvent(index, event, wrongTime)
    if (time < before) {
      return refusedEvent(
        index,
        event,
        `its time ${written(time)} is before that of the event before it, ${written(before)}`
      )
    }
    before = time
    checked.push({ ...one.success, stream: event.stream, recordedAt: DateTime.makeUnsafe(time) })
  }
  const wrongSize = sizeProblem("the restore", checked, limits)
  return wrongSize === undefined ? Result.succeed(checked) : refused(wrongSize)
}

/** Checks the times of events against the log's last one, and the one that an append would get now. */
export const checkTimes = (
  events: ReadonlyArray<CheckedRestoredEvent>,
  { last, now }: { readonly last: number | undefined; readonly now: number }
): Result.Result<void, StoreError> => {
  for (const [index, event] of events.entries()) {
    const time = event.recordedAt.epochMilliseconds
    if (last !== undefined && time < last) {
      return refusedEvent(
        index,
        event,
        `its time ${written(time)} is before that of the log's last event, ${written(last)}`
      )
    }
    if (time > now) {
      return refusedEvent(index, event, `its time ${written(time)} is to come: for this store it is ${written(now)}`)
    }
  }
  return Result.succeed(undefined)
}

/**
 * The answer for events of which some are stored already, or `undefined` where none is: repeated, if all of them are there just as they
 * would be restored. `find` gives the place of a stored event by its id.
 */
export const findRestored = (
  events: ReadonlyArray<CheckedRestoredEvent>,
  find: (id: string) => Place | undefined
): Result.Result<Restored, StoreError> | undefined => {
  const places = events.map(({ id }) => find(id))
  const first = places[0]?.position ?? 0
  const isThere = events.every(({ recordedAt, stream }, i) => {
    const place = places[i]
    return (
      place?.stream === stream &&
      place.position === first + i &&
      place.recordedAt.epochMilliseconds === recordedAt.epochMilliseconds
    )
  })
  if (isThere) return Result.succeed({ position: first + events.length - 1, repeated: true })
  const known = places.findIndex((place) => place !== undefined)
  if (known === -1) return undefined
  const { stream, version } = places[known]!
  const problem = `event ${events[known]!.id} is stored already, as version ${version} of stream ${stream}`
  return Result.fail(new StoreError({ reason: "DuplicateEvent", problem }))
}
