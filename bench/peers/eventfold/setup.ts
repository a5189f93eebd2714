/**
 * What all scenarios of Eventfold begin with: the store as a layer over a pool of its own, events, and streams that are there before.
 */
import { PgClient } from "@effect/sql-pg"
import { Effect, Layer, ManagedRuntime, Redacted, Schema } from "effect"
import { Event, EventStore, type StreamName } from "eventfold"
import { PostgresEventStore } from "eventfold/postgres"
import type { Running, Sample, Task } from "../contract.ts"
import { dataOf, freshId, someMetadata, type } from "../payload.ts"
import { sampleOf } from "../times.ts"

/** What the events are decoded with. */
export const Booked = Event.define({
  Booked: { account: Schema.String, amount: Schema.Int, note: Schema.String }
})

/** The stores, and their client, with so many connections. */
export const stores = (url: string, connections: number) =>
  PostgresEventStore.layer().pipe(
    Layer.provideMerge(PgClient.layer({ url: Redacted.make(url), maxConnections: connections }))
  )

/** What there is to work with. */
export type Stores = Layer.Success<ReturnType<typeof stores>>

/** A scenario that is prepared. */
export interface Prepared {
  readonly run: (round: number) => Effect.Effect<Sample, unknown, Stores>
  /** What is wrong, one sentence each. */
  readonly check: Effect.Effect<ReadonlyArray<string>, unknown, Stores>
  readonly close?: () => Promise<void>
}

/** A scenario in effects as one in promises. */
export const running =
  (prepare: (task: Task) => Effect.Effect<Prepared, unknown, Stores>) =>
  async (task: Task): Promise<Running> => {
    const runtime = ManagedRuntime.make(stores(task.url, task.connections))
    const { check, close, run } = await runtime.runPromise(prepare(task))
    return {
      run: (round) => runtime.runPromise(run(round)),
      check: async () => {
        const problems = await runtime.runPromise(check)
        return problems.length === 0 ? "ok" : problems.join("; ")
      },
      close: async () => {
        await close?.()
        await runtime.dispose()
      }
    }
  }

/** The numbers below one, from 0. */
export const upTo = (count: number): ReadonlyArray<number> => Array.from({ length: count }, (_, i) => i)

/** The name of a stream as the store has it: `category-number`. */
export const streamName = (category: string, number: number): StreamName.StreamName => `${category}-${number}`

/** An event of a stream. */
export const booked = (stream: string, amount: number): EventStore.EventToAppend => ({
  id: freshId(),
  type,
  schemaVersion: 1,
  data: dataOf(stream, amount),
  tags: [],
  metadata: someMetadata()
})

/** Runs so many fibers at once, each of which does so many steps one after the other; a step stands for so many events. */
export const timed = <E, R>(
  fibers: number,
  each: number,
  step: (fiber: number, place: number) => Effect.Effect<unknown, E, R>,
  eventsOfStep = 1
): Effect.Effect<Sample, E, R> =>
  Effect.gen(function* () {
    const latencies: Array<number> = []
    const began = performance.now()
    yield* Effect.forEach(
      upTo(fibers),
      Effect.fnUntraced(function* (fiber) {
        for (let place = 0; place < each; place++) {
          const since = performance.now()
          yield* step(fiber, place)
          latencies.push(performance.now() - since)
        }
      }),
      { concurrency: "unbounded", discard: true }
    )
    return sampleOf(fibers * each * eventsOfStep, performance.now() - began, latencies)
  })

/** Single appends to a stream of each fiber, which is new in the round. */
export const appendSingly = Effect.fnUntraced(function* (task: Task, category: string) {
  const store = yield* EventStore.EventStore
  return yield* timed(task.fibers, task.each, (fiber, place) => {
    const stream = streamName(category, fiber)
    return store.append([{ stream, expected: place === 0 ? "no stream" : place, events: [booked(stream, place + 1)] }])
  })
})

/** The category of what is there before the first round. */
export const prefilled = "account"

/** How many streams an append writes to at most. */
const streamsOfAppend = 1000
/** How many events it writes at least, where streams are few. */
const eventsOfAppend = 100

/**
 * Streams that are there before the first round, mixed by turns: the first event of each, then the second of each, and so on; or the first
 * few of each, where streams are few.
 */
export const fill = Effect.fnUntraced(function* ({ length, process, streams }: Task) {
  if (process !== 0) return
  const store = yield* EventStore.EventStore
  const sql = yield* PgClient.PgClient
  const turn = Math.max(1, Math.floor(eventsOfAppend / streams))
  for (let expected = 0; expected < length; expected += turn) {
    const amounts = upTo(Math.min(turn, length - expected)).map((i) => expected + i + 1)
    for (let first = 1; first <= streams; first += streamsOfAppend) {
      yield* store.append(
        upTo(Math.min(streamsOfAppend, streams - first + 1)).map((i) => {
          const stream = streamName(prefilled, first + i)
          return { stream, expected, events: amounts.map((amount) => booked(stream, amount)) }
        })
      )
    }
  }
  yield* sql.unsafe("VACUUM (ANALYZE)").unprepared
})

const eventsOfInsert = 500_000

/** The same, but written by the server: for logs that are long. */
export const fillOnServer = Effect.fnUntraced(function* ({ length, process, streams }: Task) {
  if (process !== 0) return
  const sql = yield* PgClient.PgClient
  const events = streams * length
  for (let from = 1; from <= events; from += eventsOfInsert) {
    yield* sql.unsafe(
      `INSERT INTO eventfold.events
        (position, stream, version, id, type, schema_version, recorded_at, tags, data, metadata)
      SELECT position, stream, version, gen_random_uuid(), $5::text, 1,
        date_trunc('milliseconds', now()) - ($4::bigint - position) * interval '1 millisecond', '{}',
        jsonb_build_object('account', stream, 'amount', version, 'note', repeat('n', $6::int - length(stream) - length(version::text))),
        jsonb_build_object('correlationId', gen_random_uuid(), 'note', $7::text)
      FROM (
        SELECT p AS position, $8::text || '-' || (1 + (p - 1) % $3::bigint) AS stream, 1 + (p - 1) / $3::bigint AS version
        FROM generate_series($1::bigint, $2::bigint) AS p
      ) AS e`,
      [
        from,
        Math.min(from + eventsOfInsert - 1, events),
        streams,
        events,
        type,
        dataOf("", 0).note.length + 1,
        someMetadata().note,
        prefilled
      ]
    )
  }
  yield* sql.unsafe("VACUUM (ANALYZE)").unprepared
})
