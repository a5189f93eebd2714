/**
 * Events that were recorded elsewhere, as one call of the database's function.
 */
import { PgTypes } from "@effect/sql-pg"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { SqlClient } from "effect/sql/SqlClient"
import { type Restored, StoreError } from "../EventStore.ts"
import { type CheckedRestoredEvent, checkTimes, findRestored } from "../internal/adapter/restoring.ts"
import { arrayOf, placesOf } from "./appendCall.ts"
import { quoted } from "./schema/names.ts"

/** What the function says. */
interface Verdict {
  /** The position before the first event that is stored. */
  readonly head: bigint
  readonly last_recorded: Date | null
  readonly now_recorded: Date
  readonly is_known: boolean
  readonly is_stored: boolean
}

const callOf = (schema: string): string =>
  `SELECT * FROM ${quoted(schema)}.restore_events(
    $1::text[], $2::int[], $3::int[], $4::uuid[], $5::text[], $6::int[], $7::timestamptz[], $8::text[], $9::jsonb, $10::jsonb)`

const parametersOf = (events: ReadonlyArray<CheckedRestoredEvent>): ReadonlyArray<unknown> => {
  const streams = new Map<string, { readonly number: number; count: number }>()
  const eventStreams: Array<number> = []
  const eventNths: Array<number> = []
  for (const { stream } of events) {
    const known = streams.get(stream) ?? { number: streams.size + 1, count: 0 }
    streams.set(stream, known)
    eventStreams.push(known.number)
    eventNths.push(++known.count)
  }
  return [
    Array.from(streams.keys()),
    eventStreams,
    eventNths,
    events.map(({ id }) => PgTypes.uuid(id)),
    events.map(({ type }) => type),
    events.map(({ schemaVersion }) => schemaVersion),
    events.map(({ recordedAt }) => DateTime.toDateUtc(recordedAt)),
    events.some(({ tags }) => tags.length > 0) ? events.map(({ tags }) => arrayOf(tags)) : null,
    `[${events.map(({ dataJson }) => dataJson).join()}]`,
    `[${events.map(({ metadataJson }) => metadataJson).join()}]`
  ]
}

/**
 * Restores events, and gives what became of them. Ids are always looked up, so asking again is safe, and answers as the first time.
 */
export const callRestore = (sql: SqlClient, schema: string) =>
  Effect.fnUntraced(function* (events: ReadonlyArray<CheckedRestoredEvent>) {
    const [verdict] = yield* sql.unsafe<Verdict>(callOf(schema), parametersOf(events))
    const { head, is_known, is_stored, last_recorded, now_recorded } = verdict!
    if (is_stored) return Result.succeed<Restored>({ position: Number(head) + events.length, repeated: false })
    const ids = is_known ? events.map(({ id }) => id) : []
    const places = yield* placesOf(sql, schema, ids)
    const times = { last: last_recorded?.getTime(), now: now_recorded.getTime() }
    return (
      findRestored(events, (id) => places.get(id)) ??
      // Times that others have written may be finer than a millisecond.
      Result.andThen(
        checkTimes(events, times),
        Result.fail(new StoreError({ reason: "InvalidRequest", problem: tooFine }))
      )
    )
  })

const tooFine = "event 0: its time is before that of the log's last event, which is not in whole milliseconds"
