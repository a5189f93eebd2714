/**
 * What it costs to keep a projection in the append's own transaction, and that appends of different keys do not wait for one another's work.
 */
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer, Schema, type Scope } from "effect"
import type { SqlError } from "effect/sql"
import { EventStore, Projection, type ProjectionStore, StreamName, View } from "eventfold"
import { PostgresEventStore } from "eventfold/postgres"
import { type CheckFailed, logIsContiguous, same, streamsAreWhole } from "./checks.ts"
import { inTurns, type Sample, summary, timed } from "./measure.ts"
import { together } from "./processes.ts"
import { type Report, report } from "./report.ts"
import { Booked, type Lane, lanes } from "./rows.ts"
import type { Server } from "./server.ts"
import { warmUps, workProjection } from "./work.ts"

/** How much is measured. */
export interface Size {
  readonly rounds: number
  /** How many events each fiber appends, by the number of fibers. */
  readonly appends: ReadonlyArray<readonly [fibers: number, each: number]>
  /** How many processes append with how many stores each, and for how long. */
  readonly processes: number
  readonly stores: number
  readonly millis: number
}

type Failed = CheckFailed | EventStore.AppendError | SqlError.SqlError
type Store = EventStore.EventStore["Service"]

const balances = Projection.make({
  version: 1,
  mode: "inline",
  view: View.keyed({
    name: "balances",
    events: Booked,
    key: (_, { stream }) => StreamName.id(stream),
    model: Schema.Struct({ balance: Schema.Int, entries: Schema.Int }),
    initial: { balance: 0, entries: 0 }
  }).evolve({
    Booked: ({ balance, entries }, { amount }) => ({ balance: balance + amount, entries: entries + 1 })
  })
})

const storeOf = <E, R>(
  layer: Layer.Layer<EventStore.EventStore | ProjectionStore.ProjectionStore, E, R>
): Effect.Effect<Store, E, R | Scope.Scope> =>
  Effect.map(Layer.build(Layer.fresh(layer)), Context.get(EventStore.EventStore))

const append =
  (store: Store) =>
  ({ event, stream, version }: Lane[number]) =>
    store.append([{ stream, expected: version - 1, events: [event] }])

/** Appends with a keyed view that is kept inline, and plain ones to another log: a stream, and so a key, for each fiber. */
const appends = Effect.fnUntraced(function* (size: Size, fibers: number, each: number) {
  const sql = yield* PgClient.PgClient
  const [plain, inline] = [`plain_${fibers}`, `inline_${fibers}`]
  const plainStore = yield* storeOf(PostgresEventStore.layer({ schema: plain }))
  const inlineStore = yield* storeOf(Projection.withInline(PostgresEventStore.layer({ schema: inline }), [balances]))
  const samples = yield* inTurns<Failed, never>(size.rounds, (round) =>
    Effect.sync(() => {
      const written = { category: `round${round}`, streams: fibers, each }
      const all = lanes(written.category, fibers, each)
      return {
        subjects: [
          ["plain", timed(all, append(plainStore))],
          ["inline", timed(all, append(inlineStore))]
        ],
        check: Effect.gen(function* () {
          yield* logIsContiguous(sql, `${inline}.events`, yield* inlineStore.head)
          yield* streamsAreWhole(sql, `${inline}.events`, written)
          const [row] = yield* sql.unsafe<{ readonly documents: number; readonly entries: number }>(
            `SELECT count(*)::int AS documents, sum((document->>'entries')::int)::int AS entries FROM ${inline}.projection_documents`
          )
          yield* same("documents that are kept inline", row?.documents, fibers)
          yield* same("events in documents that are kept inline", row?.entries, (round + 1) * fibers * each)
        })
      } as const
    })
  )
  return report(`append with a keyed view inline, ${fibers} ${fibers === 1 ? "fiber" : "fibers"}`, samples, [
    { by: "rate", of: "inline", to: "plain" },
    { by: "p50", of: "inline", to: "plain" }
  ])
}, Effect.scoped)

/** Appends of many stores in some processes, each to a stream of its own, with a handler that takes long without working the processor. */
const processes = Effect.fnUntraced(function* (server: Server, size: Size, work: number) {
  const sql = yield* PgClient.PgClient
  const schema = `processes_${work}`
  const stores = size.processes * size.stores
  // It is filled, and live, before the others begin.
  yield* storeOf(Projection.withInline(PostgresEventStore.layer({ schema }), [workProjection]))
  const samples: Array<Sample> = []
  for (let round = 0; round < size.rounds; round++) {
    samples.push(
      yield* together(size, { millis: size.millis, work, url: server.url, schema, category: `round${round}` })
    )
  }
  const appended = samples.reduce((sum, { events }) => sum + events, size.rounds * stores * warmUps)
  const [row] = yield* sql.unsafe<{ readonly handled: number; readonly events: number }>(
    `SELECT (SELECT count(*)::int FROM ${schema}.work_handled) AS handled, (SELECT count(*)::int FROM ${schema}.events) AS events`
  )
  yield* same("events of all processes", row?.events, appended)
  yield* same("events that were handled inline", row?.handled, appended)
  const name = `${stores} stores in ${size.processes} processes`
  const multiple = samples.map(({ events, millis }) => (events / millis) * work)
  return report(
    `append with ${work} ms of work inline, ${name}`,
    new Map([[name, samples]]),
    [],
    [
      {
        name: "rate / what one after the other could do",
        value: summary(multiple),
        target: { atLeast: stores / 2 }
      }
    ]
  )
}, Effect.scoped)

/** Everything about inline projections. */
export const inline = Effect.fn("inline")(function* (server: Server, size: Size) {
  const reports: Array<Report> = []
  for (const [fibers, each] of size.appends) reports.push(yield* appends(size, fibers, each))
  for (const work of [20, 100]) reports.push(yield* processes(server, size, work))
  return reports
})
