/**
 * A batch of appends as one call of the database's function, and its rows as an answer for each.
 */
import { PgTypes } from "@effect/sql-pg"
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
import type { CheckedEvent, CheckedWrite } from "../internal/adapter/request.ts"
import { instantOf } from "./instant.ts"
import { quoted } from "./schema/names.ts"

/** An append that has been found to be in order. */
export interface Append {
  readonly writes: ReadonlyArray<CheckedWrite>
  readonly condition: Condition | undefined
}

const batchEvents = 2000
const batchBytes = 8 * 1024 * 1024

/** How much of a call an append takes, of 1. */
export const weightOf = ({ writes }: Append): number => {
  let events = 0
  let bytes = 0
  for (const write of writes) {
    events += write.events.length
    for (const { dataJson, metadataJson } of write.events) bytes += dataJson.length + metadataJson.length
  }
  return Math.max(events / batchEvents, bytes / batchBytes)
}

/** What became of an append. */
export type Answer = Result.Result<Appended, AppendError>

/** What the function says. Appends are counted from 1. */
interface Verdict {
  /** The position before the first event that is stored. */
  readonly head: bigint
  readonly recorded: Date
  /** The version before each write. */
  readonly versions: ReadonlyArray<bigint>
  /** The appends that are not stored. */
  readonly rejected: ReadonlyArray<number>
  /** Those of them of which an event id is stored already. */
  readonly knowns: ReadonlyArray<number>
  /** The position that offends each append's condition, as far as there are any. */
  readonly offences: ReadonlyArray<bigint | null> | null
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
  BigInt(typeof expected === "number" ? expected : { any: -1, "no stream": 0, "stream exists": -2 }[expected])

/** A list of texts as PostgreSQL writes an array. */
export const arrayOf = (texts: ReadonlyArray<string>): string =>
  `{${texts.map((text) => `"${text.replaceAll(/[\\"]/g, "\\$&")}"`).join()}}`

const callOf = (schema: string): string =>
  `SELECT * FROM ${quoted(schema)}.append_events(
    $1::int[], $2::text[], $3::bigint[], $4::int[], $5::int[], $6::uuid[], $7::text[], $8::int[],
    $9::text[], $10::jsonb, $11::jsonb, $12::jsonb, $13::bigint[], $14::boolean, $15::boolean)`

/**
 * Whether what one append of a batch stores may offend the condition of another. It cannot where each item of a query has a tag that no event
 * of another append has; where an item has none, it may.
 */
export const mayMeet = (batch: ReadonlyArray<Append>): boolean => {
  const several = -1
  const appendOf = new Map<string, number>()
  for (const [index, { writes }] of batch.entries()) {
    for (const { events } of writes) {
      for (const { tags } of events) {
        for (const tag of tags) {
          const other = appendOf.get(tag)
          appendOf.set(tag, other === undefined || other === index ? index : several)
        }
      }
    }
  }
  return batch.some(({ condition }, index) =>
    (condition?.query ?? []).some(({ tags: [tag] = [] }) => {
      if (tag === undefined) return true
      const other = appendOf.get(tag)
      return other !== undefined && other !== index
    })
  )
}

const parametersOf = (batch: ReadonlyArray<Append>, checkIds: boolean): ReadonlyArray<unknown> => {
  const writeAppends: Array<number> = []
  const writes: Array<CheckedWrite> = []
  const writesBefore: Array<number> = []
  const eventWrites: Array<number> = []
  const events: Array<CheckedEvent> = []
  for (const [index, append] of batch.entries()) {
    for (const write of append.writes) {
      writeAppends.push(index + 1)
      writes.push(write)
      writesBefore.push(events.length)
      for (const event of write.events) {
        eventWrites.push(writes.length)
        events.push(event)
      }
    }
  }
  const hasTags = events.some(({ tags }) => tags.length > 0)
  const hasConditions = batch.some(({ condition }) => condition !== undefined)
  return [
    writeAppends,
    writes.map(({ stream }) => stream),
    writes.map(({ expected }) => expectedCode(expected)),
    writesBefore,
    eventWrites,
    events.map(({ id }) => PgTypes.uuid(id)),
    events.map(({ type }) => type),
    events.map(({ schemaVersion }) => schemaVersion),
    hasTags ? events.map(({ tags }) => arrayOf(tags)) : null,
    `[${events.map(({ dataJson }) => dataJson).join()}]`,
    `[${events.map(({ metadataJson }) => metadataJson).join()}]`,
    hasConditions ? JSON.stringify(batch.map(({ condition }) => condition?.query ?? null)) : null,
    hasConditions ? batch.map(({ condition }) => BigInt(condition?.after ?? -1)) : null,
    hasConditions && mayMeet(batch),
    checkIds
  ]
}

const callOneOf = (schema: string): string =>
  `SELECT * FROM ${quoted(schema)}.append_event($1::text, $2::bigint, $3::uuid, $4::text, $5::int, $6::jsonb, $7::jsonb)`

/** What the function for one event says: no head where it has left the append to the other one. */
interface OneVerdict {
  readonly head: bigint | null
  readonly recorded: Date
  readonly before: bigint
}

/** The one event that is to be appended, where it is such a one as there is a function for. */
const oneOf = (
  batch: ReadonlyArray<Append>
): { readonly write: CheckedWrite; readonly event: CheckedEvent } | undefined => {
  const [append, ...others] = batch
  if (append === undefined || others.length > 0 || append.condition !== undefined) return undefined
  const [write, ...more] = append.writes
  const [event, ...rest] = write!.events
  const isOne = more.length === 0 && rest.length === 0 && event!.tags.length === 0
  return isOne && write!.expected !== "stream exists" ? { write: write!, event: event! } : undefined
}

const placeOf = ({ stream, version, position, recorded_at }: KnownEvent): Place => ({
  stream,
  version: Number(version),
  position: Number(position),
  recordedAt: instantOf(recorded_at)
})

/**
 * What fails once the batch is stored, if only to connect, is as good as a lost answer: nobody may be told that nothing was stored.
 */
const afterwards = ({ message, reason }: SqlError): SqlError =>
  new SqlError({ reason: new ConnectionError({ cause: reason.cause, message, operation: "query" }) })

/** Where events are stored, by their ids: asked when what they were sent with is stored. */
export const placesOf = (
  sql: SqlClient,
  schema: string,
  ids: ReadonlyArray<string>
): Effect.Effect<ReadonlyMap<string, Place>, SqlError> =>
  sql
    .unsafe<KnownEvent>(
      `SELECT id, stream, version, position, recorded_at FROM ${quoted(schema)}.events WHERE id = ANY ($1::uuid[])`,
      [ids]
    )
    .pipe(
      Effect.map((rows) => new Map(rows.map((row) => [row.id, placeOf(row)]))),
      Effect.mapError(afterwards)
    )

/**
 * Sends a batch, and gives the answer of each append. `checkIds` looks every event id up first, so that one that is stored
 * already is an answer and not an error of the whole call.
 */
export const callAppend = (sql: SqlClient, schema: string) => {
  const text = callOf(schema)
  const textOfOne = callOneOf(schema)
  const callAll = Effect.fnUntraced(function* (batch: ReadonlyArray<Append>, checkIds: boolean) {
    const [verdict] = yield* sql.unsafe<Verdict>(text, parametersOf(batch, checkIds))
    const known = verdict!.knowns.flatMap((append) =>
      batch[append - 1]!.writes.flatMap(({ events }) => events.map(({ id }) => id))
    )
    const places = known.length > 0 ? yield* placesOf(sql, schema, known) : new Map<string, Place>()
    return answersOf(batch, verdict!, places)
  })
  return (batch: ReadonlyArray<Append>, checkIds: boolean): Effect.Effect<ReadonlyArray<Answer>, SqlError> => {
    const one = checkIds ? undefined : oneOf(batch)
    if (one === undefined) return callAll(batch, checkIds)
    const { event, write } = one
    const parameters = [
      write.stream,
      expectedCode(write.expected),
      PgTypes.uuid(event.id),
      event.type,
      event.schemaVersion,
      event.dataJson,
      event.metadataJson
    ]
    return Effect.flatMap(sql.unsafe<OneVerdict>(textOfOne, parameters), ([verdict]) => {
      const { before, head, recorded } = verdict!
      if (head === null) return callAll(batch, checkIds)
      const appended = {
        position: Number(head) + 1,
        versions: [Number(before) + 1],
        recordedAt: instantOf(recorded),
        repeated: false
      }
      return Effect.succeed([Result.succeed(appended)])
    })
  }
}

/** What is stored comes right after the head, in order: where each append ends follows from those before it. */
const answersOf = (
  batch: ReadonlyArray<Append>,
  { head, recorded, versions, rejected, offences }: Verdict,
  places: ReadonlyMap<string, Place>
): ReadonlyArray<Answer> => {
  const isRejected = new Set(rejected)
  const recordedAt = instantOf(recorded)
  let position = Number(head)
  let write = 0
  return batch.map((append, index) => {
    const actual = append.writes.map(() => Number(versions[write++]))
    if (isRejected.has(index + 1)) return rejectionOf(append, actual, offences?.[index] ?? null, places)
    for (const { events } of append.writes) position += events.length
    return Result.succeed({
      position,
      versions: append.writes.map(({ events }, i) => actual[i]! + events.length),
      recordedAt,
      repeated: false
    })
  })
}

/** Why an append was not stored, or the answer that it got when it was. */
const rejectionOf = (
  { writes, condition }: Append,
  actual: ReadonlyArray<number>,
  offended: bigint | null,
  places: ReadonlyMap<string, Place>
): Answer => {
  const repeated = findStored(writes, (id) => places.get(id))
  if (repeated !== undefined) return Result.succeed(repeated)
  for (const [i, { stream, expected }] of writes.entries()) {
    if (!isExpected(expected, actual[i]!)) {
      return Result.fail(new ConcurrencyConflict({ stream, expected, actual: actual[i]! }))
    }
  }
  const duplicate = writes.flatMap(({ events }) => events).find(({ id }) => places.has(id))
  if (duplicate !== undefined) {
    const { stream, version } = places.get(duplicate.id)!
    const problem = `event ${duplicate.id} is stored already, as version ${version} of stream ${stream}`
    return Result.fail(new StoreError({ reason: "DuplicateEvent", problem }))
  }
  return Result.fail(new ConditionConflict({ after: condition?.after ?? 0, position: Number(offended) }))
}
