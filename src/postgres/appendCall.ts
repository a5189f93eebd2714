/**
 * A batch of appends as one call of the database's function, and its rows as an answer for each.
 */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { SqlClient } from "effect/sql/SqlClient"
import { ConnectionError, SqlError } from "effect/sql/SqlError"
import {
  type Appended,
  type AppendError,
  ConcurrencyConflict,
  type Condition,
  ConditionConflict,
  type ExpectedVersion,
  isExpected,
  StoreError
} from "../EventStore.ts"
import { findStored, type Place } from "../internal/adapter/repetition.ts"
import type { CheckedWrite } from "../internal/adapter/request.ts"
import { quoted } from "./schema/names.ts"

/** An append that has been found to be in order. */
export interface Append {
  readonly writes: ReadonlyArray<CheckedWrite>
  readonly condition: Condition | undefined
}

/** What became of an append. */
export type Answer = Result.Result<Appended, AppendError>

/** What the function says of one write. */
interface Verdict {
  readonly actual: bigint
  readonly failed: boolean
  readonly known: boolean
  readonly offended: bigint | null
  readonly base: bigint | null
  readonly recorded: Date
}

interface KnownEvent {
  readonly id: string
  readonly stream: string
  readonly version: bigint
  readonly position: bigint
  readonly recorded_at: Date
}

// As bigints: the client does not bind an array of small and large numbers.
const expectedCode = (expected: ExpectedVersion): bigint =>
  BigInt(typeof expected === "number" ? expected : { any: -1, "no stream": -2, "stream exists": -3 }[expected])

const callOf = (schema: string): string =>
  `SELECT * FROM ${quoted(schema)}.append_events(
    $1::int[], $2::text[], $3::bigint[], $4::int[], $5::int[], $6::int[], $7::uuid[], $8::text[], $9::int[],
    $10::jsonb[], $11::jsonb[], $12::jsonb[], $13::jsonb[], $14::bigint[], $15::boolean)`

const parametersOf = (batch: ReadonlyArray<Append>, checkIds: boolean): ReadonlyArray<unknown> => {
  const writes = batch.flatMap((append, index) => append.writes.map((write) => ({ ...write, append: index + 1 })))
  const events = writes.flatMap((write, index) =>
    write.events.map((event, ordinal) => ({ ...event, write: index + 1, ordinal: ordinal + 1 }))
  )
  return [
    writes.map((write) => write.append),
    writes.map((write) => write.stream),
    writes.map((write) => expectedCode(write.expected)),
    writes.map((write) => write.events.length),
    events.map((event) => event.write),
    events.map((event) => event.ordinal),
    events.map((event) => event.id),
    events.map((event) => event.type),
    events.map((event) => event.schemaVersion),
    events.map((event) => (event.tags.length === 0 ? "[]" : JSON.stringify(event.tags))),
    events.map((event) => event.dataJson),
    events.map((event) => event.metadataJson),
    batch.some(({ condition }) => condition !== undefined)
      ? batch.map(({ condition }) => JSON.stringify(condition?.query ?? null))
      : null,
    batch.map(({ condition }) => BigInt(condition?.after ?? -1)),
    checkIds
  ]
}

const placeOf = ({ stream, version, position, recorded_at }: KnownEvent): Place => ({
  stream,
  version: Number(version),
  position: Number(position),
  recordedAt: DateTime.fromDateUnsafe(recorded_at)
})

/**
 * What fails once the batch is stored, if only to connect, is as good as a lost answer: nobody may be told that nothing was stored.
 */
const afterwards = ({ message, reason }: SqlError): SqlError =>
  new SqlError({ reason: new ConnectionError({ cause: reason.cause, message, operation: "query" }) })

/**
 * Sends a batch, and gives the answer of each append. `checkIds` looks every event id up first, so that one that is stored
 * already is an answer and not an error of the whole call.
 */
export const callAppend =
  (sql: SqlClient, schema: string) =>
  (batch: ReadonlyArray<Append>, checkIds: boolean): Effect.Effect<ReadonlyArray<Answer>, SqlError> =>
    Effect.gen(function* () {
      const verdicts = yield* sql.unsafe<Verdict>(callOf(schema), parametersOf(batch, checkIds))
      const places = new Map<string, Place>()
      const known = batch.flatMap(({ writes }, index) =>
        verdictsOf(batch, verdicts, index).some((verdict) => verdict.known)
          ? writes.flatMap(({ events }) => events.map(({ id }) => id))
          : []
      )
      if (known.length > 0) {
        const rows = yield* sql
          .unsafe<KnownEvent>(
            `SELECT id, stream, version, position, recorded_at FROM ${quoted(schema)}.events WHERE id = ANY ($1::uuid[])`,
            [known]
          )
          .pipe(Effect.mapError(afterwards))
        for (const row of rows) places.set(row.id, placeOf(row))
      }
      return batch.map((append, index) => answerOf(append, verdictsOf(batch, verdicts, index), places))
    })

const verdictsOf = (
  batch: ReadonlyArray<Append>,
  verdicts: ReadonlyArray<Verdict>,
  index: number
): ReadonlyArray<Verdict> => {
  let first = 0
  for (let before = 0; before < index; before++) first += batch[before]!.writes.length
  return verdicts.slice(first, first + batch[index]!.writes.length)
}

const answerOf = (
  { writes, condition }: Append,
  verdicts: ReadonlyArray<Verdict>,
  places: ReadonlyMap<string, Place>
): Answer => {
  const repeated = findStored(writes, (id) => places.get(id))
  if (repeated !== undefined) return Result.succeed(repeated)
  const last = verdicts[verdicts.length - 1]!
  if (last.base !== null) {
    return Result.succeed({
      position: Number(last.base) + writes[writes.length - 1]!.events.length,
      versions: writes.map(({ events }, i) => Number(verdicts[i]!.actual) + events.length),
      recordedAt: DateTime.fromDateUnsafe(last.recorded),
      repeated: false
    })
  }
  for (const [i, { stream, expected }] of writes.entries()) {
    const actual = Number(verdicts[i]!.actual)
    if (!isExpected(expected, actual)) return Result.fail(new ConcurrencyConflict({ stream, expected, actual }))
  }
  const duplicate = writes.flatMap(({ events }) => events).find(({ id }) => places.has(id))
  if (duplicate !== undefined) {
    const { stream, version } = places.get(duplicate.id)!
    const problem = `event ${duplicate.id} is stored already, as version ${version} of stream ${stream}`
    return Result.fail(new StoreError({ reason: "DuplicateEvent", problem }))
  }
  return Result.fail(
    new ConditionConflict({
      after: condition?.after ?? 0,
      position: Number(verdicts.find((v) => v.offended !== null)?.offended)
    })
  )
}
