/**
 * The cycle of a command (load, decide, append) over many streams, beside the same cycle written by hand on the same client, and beside
 * appends that load nothing. And what it takes to load a long stream beside a short one.
 */
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer, Schema, type Scope } from "effect"
import type { SqlError } from "effect/sql"
import { Aggregate, Decider, type Event, EventStore, type SnapshotStore, StreamName } from "eventfold"
import { PostgresEventStore } from "eventfold/postgres"
import { type CheckFailed, logIsContiguous, same, streamsAreWhole } from "./checks.ts"
import * as Limits from "./limits.ts"
import { inTurns, timed } from "./measure.ts"
import { report } from "./report.ts"
import { Booked, bookedEvent, sumOf } from "./rows.ts"

/** How much is measured. */
export interface Size {
  readonly rounds: number
  /** How many streams there are, each with some events before the first round. A round executes one command on each. */
  readonly streams: number
  /** How often a state is loaded in a round. */
  readonly loads: number
}

export type Failed = CheckFailed | EventStore.AppendError | Event.DecodeError | SqlError.SqlError
type Store = EventStore.EventStore["Service"]
type Stores = EventStore.EventStore | SnapshotStore.SnapshotStore

export const fibers = 50
/** How many events each stream has before the first round. */
export const before = 5
const category = "account"

const Balance = Schema.Struct({ balance: Schema.Int, entries: Schema.Int })

/** Books an amount, which its caller expects to be the number of the entry. */
export const accountOf = (events: typeof Booked) =>
  Decider.make({
    name: category,
    state: Balance,
    initial: { balance: 0, entries: 0 },
    commands: Schema.TaggedUnion({ Book: { account: Schema.String, amount: Schema.Int, note: Schema.String } }),
    events
  })
    .evolve({ Booked: ({ balance, entries }, { amount }) => ({ balance: balance + amount, entries: entries + 1 }) })
    .decide({ Book: ({ account, amount, note }) => [{ _tag: "Booked", account, amount, note }] })

const account = accountOf(Booked)

const withCache = Aggregate.make({ decider: account, cache: { entries: 50_000 } })

/**
 * The ways to run the aggregate, each on a log of its own.
 */
const aggregates: ReadonlyArray<
  readonly [name: string, make: Effect.Effect<Aggregate.Aggregate<typeof account>, never, Stores | Scope.Scope>]
> = [
  ["without cache", Aggregate.make({ decider: account, cache: { entries: 0 } })],
  ["with cache", withCache],
  ["with snapshots", Aggregate.make({ decider: account, cache: { entries: 0 }, snapshots: { version: 1 } })]
]

export const note = "n".repeat(120)

/** The ids of the streams, dealt out to the fibers. */
export const dealt = (streams: number): ReadonlyArray<ReadonlyArray<string>> =>
  Array.from({ length: fibers }, (_, fiber) =>
    Array.from({ length: Math.ceil((streams - fiber) / fibers) }, (_, i) => String(1 + fiber + i * fibers))
  )

export const streamOf = (id: string): StreamName.StreamName => StreamName.make(category, id)

/** Stores, where streams have some events each, of amounts 1, 2, 3..., with the tags of their stream. */
export const filledStore = Effect.fnUntraced(function* (
  schema: string,
  ids: ReadonlyArray<string>,
  each: number,
  tagsOf: (stream: string) => ReadonlyArray<string> = () => []
) {
  const sql = yield* PgClient.PgClient
  const stores = yield* Layer.build(Layer.fresh(PostgresEventStore.layer({ schema })))
  const store = Context.get(stores, EventStore.EventStore)
  yield* Effect.forEach(
    ids,
    Effect.fnUntraced(function* (id) {
      const stream = streamOf(id)
      for (let expected = 0; expected < each; expected += 1000) {
        const amounts = Array.from({ length: Math.min(1000, each - expected) }, (_, i) => expected + i + 1)
        const events = amounts.map((amount) => ({ ...bookedEvent(stream, amount), tags: tagsOf(stream) }))
        yield* store.append([{ stream, expected, events }])
      }
    }),
    { concurrency: 500, discard: true }
  )
  yield* sql.unsafe(`VACUUM (ANALYZE) ${schema}.events`).unprepared
  return { store, stores }
})

/** That every stream of a table has the entries 1, 2, 3... up to how many there should be, and nothing else. */
export const entriesAreRight = Effect.fnUntraced(function* (table: string, streams: number, each: number) {
  const sql = yield* PgClient.PgClient
  yield* streamsAreWhole(sql, table, { category, streams, each })
  const [row] = yield* sql.unsafe<{ readonly right: number }>(
    `SELECT count(*) FILTER (WHERE (data->>'amount')::int = version AND data->>'account' = stream)::int AS right FROM ${table}`
  )
  yield* same(`entries in ${table} that are right`, row?.right, streams * each)
})

/** The cycle of a command as one writes it by hand. */
const byHand = (sql: PgClient.PgClient, table: string) => {
  const insert = Limits.inserter(sql, table)
  return Effect.fnUntraced(function* (id: string, amount: number) {
    const stream = streamOf(id)
    let entries = 0
    let balance = 0
    for (const { data } of yield* Limits.selectStream(sql, table, stream)) {
      entries++
      balance += data.amount
    }
    yield* same(`the balance of ${stream}`, balance, sumOf(amount - 1))
    yield* insert({ stream, version: entries + 1, event: bookedEvent(stream, amount) })
  })
}

/** An append that knows what to expect. */
const append = (store: Store) => (id: string, amount: number) => {
  const stream = streamOf(id)
  return store.append([{ stream, expected: amount - 1, events: [bookedEvent(stream, amount)] }])
}

/** The cycle of a command as the aggregate runs it. */
export const execute = (aggregate: Aggregate.Aggregate<typeof account>, load: Aggregate.LoadPolicy) =>
  Effect.fnUntraced(function* (id: string, amount: number) {
    const stream = aggregate.streamOf(id)
    const { state, version } = yield* aggregate.execute(id, { _tag: "Book", account: stream, amount, note }, { load })
    yield* same(
      `what a command on ${stream} came to`,
      [version, state.entries, state.balance].join(),
      [amount, amount, sumOf(amount)].join()
    )
  })

/** One command on each of many streams. */
const cycles = Effect.fnUntraced(function* (size: Size) {
  const sql = yield* PgClient.PgClient
  const ids = dealt(size.streams)
  const [events, hand] = ["commands_appends.events", "commands_appends.by_hand"]
  const { store: plain } = yield* filledStore("commands_appends", ids.flat(), before)
  yield* Limits.createLike(sql, hand, events)
  yield* sql.unsafe(`INSERT INTO ${hand} SELECT * FROM ${events}`)
  // Below the positions that are counted from 1 on.
  yield* sql.unsafe(`UPDATE ${hand} SET position = position - ${size.streams * before}`)
  yield* sql.unsafe(`VACUUM (FULL, ANALYZE) ${hand}`).unprepared
  const ways = [
    ...aggregates.map(([name, make]) => [name, make, "latest"] as const),
    ["with cache, any will do", withCache, "cached"] as const
  ]
  const running = yield* Effect.forEach(
    ways,
    Effect.fnUntraced(function* ([name, make, load], i) {
      const schema = `commands_${i}`
      const { store, stores } = yield* filledStore(schema, ids.flat(), before)
      const aggregate = yield* Effect.provideContext(make, stores)
      return { name, schema, store, run: execute(aggregate, load) }
    })
  )
  const handWritten = byHand(sql, hand)
  const samples = yield* inTurns<Failed, PgClient.PgClient>(size.rounds, (round) => {
    const amount = before + round + 1
    const onEach = <E>(run: (id: string, amount: number) => Effect.Effect<unknown, E>) =>
      timed(ids, (id) => run(id, amount))
    return Effect.succeed({
      subjects: [
        ...running.map(({ name, run }) => [name, onEach(run)] as const),
        ["by hand", onEach(handWritten)],
        ["appends alone", onEach(append(plain))]
      ],
      check: Effect.gen(function* () {
        for (const { schema, store } of [...running, { schema: "commands_appends", store: plain }]) {
          yield* logIsContiguous(sql, `${schema}.events`, yield* store.head)
          yield* entriesAreRight(`${schema}.events`, size.streams, amount)
        }
        yield* entriesAreRight(hand, size.streams, amount)
      })
    })
  })
  return report(
    `one command on each of ${size.streams.toLocaleString("en-US")} streams, ${fibers} fibers`,
    samples,
    running.flatMap(({ name }) => [
      { by: "rate", of: name, to: "by hand" } as const,
      { by: "p50", of: name, to: "by hand" } as const,
      { by: "rate", of: name, to: "appends alone" } as const
    ])
  )
}, Effect.scoped)

const long = 10_000

/** Loading one long stream, and one of a single event, one load after the other. */
const states = Effect.fnUntraced(function* (size: Size) {
  const subjects = yield* Effect.forEach(
    aggregates,
    Effect.fnUntraced(function* ([name, make], i) {
      const schema = `states_${i}`
      const { store, stores } = yield* filledStore(schema, ["long"], long)
      yield* append(store)("short", 1)
      const aggregate = yield* Effect.provideContext(make, stores)
      const load = (id: string, events: number) =>
        timed(
          [Array.from({ length: size.loads }, () => id)],
          Effect.fnUntraced(function* (one) {
            const { state, version } = yield* aggregate.state(one)
            yield* same(
              `the state of ${one}`,
              [version, state.entries, state.balance].join(),
              [events, events, sumOf(events)].join()
            )
          }),
          () => events
        )
      const names = { long: `${name}, ${long.toLocaleString("en-US")} events`, short: `${name}, 1 event` }
      return { names, runs: [[names.long, load("long", long)] as const, [names.short, load("short", 1)] as const] }
    })
  )
  const samples = yield* inTurns<Failed, never>(size.rounds, () =>
    Effect.succeed({ subjects: subjects.flatMap(({ runs }) => runs), check: Effect.void })
  )
  return report(
    "the state of a long stream and of a short one",
    samples,
    subjects.map(({ names }) => ({
      by: "p50",
      of: names.long,
      to: names.short,
      ...(names.long.startsWith("with snapshots") ? { target: { atMost: 2 } } : {})
    }))
  )
}, Effect.scoped)

/** The cycle of a command, and its first step alone. */
export const commands = Effect.fn("commands")(function* (size: Size) {
  return [yield* cycles(size), yield* states(size)]
})
