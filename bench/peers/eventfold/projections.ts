/**
 * Projections: documents and rows from the beginning of the log, and documents that are kept while others append.
 */
import { Context, type Duration, Effect, Layer, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { EventStore, Projection, View } from "eventfold"
import type { Task } from "../contract.ts"
import { categoryOf } from "../payload.ts"
import { sampleOf } from "../times.ts"
import * as Checks from "./checks.ts"
import { appendSingly, Booked, fill, prefilled, type Prepared, upTo } from "./setup.ts"

const patience: Duration.Input = "10 minutes"

/** A document for each account. */
const balances = (name: string) =>
  Projection.make({
    version: 1,
    view: View.keyed({
      name,
      events: Booked,
      key: ({ account }) => account,
      model: Schema.Struct({ balance: Schema.Int, entries: Schema.Int }),
      initial: { balance: 0, entries: 0 }
    }).evolve({
      Booked: ({ balance, entries }, { amount }) => ({ balance: balance + amount, entries: entries + 1 })
    })
  })

/** A row for each event. */
const bookings = (name: string) =>
  Projection.handler({
    name,
    version: 1,
    events: Booked,
    tables: { lines: "(position bigint PRIMARY KEY, account text NOT NULL, amount bigint NOT NULL)" },
    handle: Effect.fnUntraced(function* (events, { table }) {
      const sql = yield* SqlClient.SqlClient
      yield* sql.unsafe(`INSERT INTO ${table("lines")} SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[])`, [
        events.map(({ recorded }) => recorded.position),
        events.map(({ event }) => event.account),
        events.map(({ event }) => event.amount)
      ])
    })
  })

/** Runs a projection for as long as the scope. */
const started = Effect.fnUntraced(function* <Reader extends Projection.Control, R>(
  projection: Projection.Projection<Reader, "async", R>
) {
  class Running extends Projection.Service<Running>()("bench/Running", projection) {}
  return Context.get(yield* Layer.build(Layer.fresh(Running.layer)), Running)
})

/** Runs a projection from the beginning of the log until it has come to its end. */
const caughtUp = Effect.fnUntraced(function* <Reader extends Projection.Control, R>(
  projection: Projection.Projection<Reader, "async", R>,
  length: number
) {
  const began = performance.now()
  const running = yield* started(projection)
  yield* running.awaitPosition(length, patience)
  const millis = performance.now() - began
  return { running, sample: sampleOf(length, millis, [millis]) }
}, Effect.scoped)

/** What a round runs has a name of its own. */
const nameOf = (what: string, { process }: Task, round: number): string => `${what}_${process}_${round}`

/** A document for each account, each round anew. */
export const documents = Effect.fnUntraced(function* (task: Task) {
  yield* fill(task)
  const names: Array<string> = []
  return {
    run: Effect.fnUntraced(function* (round: number) {
      const name = nameOf("balances", task, round)
      names.push(name)
      const { sample } = yield* caughtUp(balances(name), task.streams * task.length)
      return sample
    }),
    check: Effect.suspend(() =>
      Checks.all([
        Checks.logIsWhole,
        Checks.streamsAreWhole(prefilled, task.streams, task.length),
        ...names.map(Checks.documentsAreRight)
      ])
    )
  } satisfies Prepared
})

/** A row for each event, each round anew. */
export const table = Effect.fnUntraced(function* (task: Task) {
  yield* fill(task)
  const tables: Array<string> = []
  return {
    run: Effect.fnUntraced(function* (round: number) {
      const projection = bookings(nameOf("bookings", task, round))
      const { running, sample } = yield* caughtUp(projection, task.streams * task.length)
      tables.push(running.table("lines"))
      return sample
    }),
    check: Effect.suspend(() =>
      Checks.all([
        Checks.logIsWhole,
        Checks.streamsAreWhole(prefilled, task.streams, task.length),
        ...tables.map(Checks.rowsAreRight)
      ])
    )
  } satisfies Prepared
})

/** Single appends, while five projections keep up with them. They end with the round, and go on with the next one. */
export const beside = (task: Task): Effect.Effect<Prepared> =>
  Effect.sync(() => {
    const names = upTo(5).map((number) => `balances_${task.process}_${number}`)
    const rounds: Array<number> = []
    const head = Effect.flatMap(EventStore.EventStore, (store) => store.head)
    return {
      run: Effect.fnUntraced(function* (round: number) {
        rounds.push(round)
        const running = yield* Effect.forEach(names, (name) => started(balances(name)))
        const caughtUpWith = (position: number) =>
          Effect.forEach(running, (one) => one.awaitPosition(position, patience), { concurrency: "unbounded" })
        yield* caughtUpWith(yield* head)
        const sample = yield* appendSingly(task, categoryOf(task.process, round))
        const since = performance.now()
        yield* caughtUpWith(yield* head)
        return { ...sample, others: { "behind, ms": performance.now() - since } }
      }, Effect.scoped),
      check: Effect.suspend(() =>
        Checks.all([
          Checks.logIsWhole,
          ...rounds.map((round) => Checks.streamsAreWhole(categoryOf(task.process, round), task.fibers, task.each)),
          ...names.map(Checks.documentsAreRight)
        ])
      )
    }
  })
