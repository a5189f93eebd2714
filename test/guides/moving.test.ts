/**
 * Events of a table that somebody wrote by hand, moved as the guide says: with its SQL, and with the mover that it shows.
 */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, Random, Schema, Stream } from "effect"
import { Aggregate, Decider, Event, EventStore, Projection, StreamName, View } from "eventfold"
import { PostgresEventStore } from "eventfold/postgres"
import { connect, eventually, holding } from "../postgres/support/stores.ts"
import { freshDatabase, TestServer } from "../support/server.ts"
import { move } from "./move.ts"
import { shows, sqlOf } from "./support.ts"

const guide = "docs/from-your-own-store.md"

const run = (sql: PgClient.PgClient, title: string) =>
  Effect.forEach(sqlOf(guide, title), (statement) => sql.unsafe(statement), { discard: true })

const count = (sql: PgClient.PgClient, title: string) =>
  Effect.map(
    Effect.forEach(sqlOf(guide, title), (statement) => sql.unsafe<Readonly<Record<string, bigint>>>(statement)),
    ([rows]) => Object.fromEntries(Object.entries(rows![0]!).map(([name, value]) => [name, Number(value)]))
  )

/** A database with the table and the view, and the new log in it. */
const ground = Effect.gen(function* () {
  const url = yield* Effect.flatMap(TestServer, freshDatabase)
  const old = yield* connect(url)
  yield* run(old, "The table.")
  yield* run(old, "The view.")
  const stores = yield* Layer.build(
    Layer.fresh(PostgresEventStore.layer({ pollInterval: "1 hour" })).pipe(
      Layer.provideMerge(Layer.succeed(PgClient.PgClient, old))
    )
  )
  return { url, old, stores, store: Context.get(stores, EventStore.EventStore) }
})

interface Old {
  readonly account: string
  readonly version: number
  readonly type: string
  readonly payload: Schema.JsonObject
  readonly user?: string
  readonly at: string
}

const insert = (sql: PgClient.PgClient, { account, at, payload, type, user, version }: Old) =>
  sql`INSERT INTO public.events
    (event_id, aggregate_type, aggregate_id, aggregate_version, event_type, payload, user_id, correlation_id, created_at)
    VALUES (${crypto.randomUUID()}::uuid, 'bank-account', ${account}, ${version}::int, ${type}, ${sql.json(payload)},
      ${user ?? null}::text, ${`c-${account}`}, ${at}::timestamptz)`

const opened = (account: string, at = "2026-01-01T00:00:00.000Z"): Old => ({
  account,
  version: 1,
  type: "AccountOpened",
  payload: { owner: "Ada \\ 😀" },
  at
})
const deposited = (account: string, version: number, at = "2026-01-01T00:00:01.000Z"): Old => ({
  account,
  version,
  type: "Deposited",
  payload: { amount: version },
  at
})

/** Accounts that are opened and paid into at random, with times that mostly rise. */
const history = Effect.fnUntraced(function* (events: number) {
  const versions = new Map<string, number>()
  const all: Array<Old> = []
  let time = Date.UTC(2026, 0, 1)
  for (let i = 0; i < events; i++) {
    const account = `a-${yield* Random.nextIntBetween(0, 40)}`
    const version = (versions.get(account) ?? 0) + 1
    versions.set(account, version)
    time += yield* Random.nextIntBetween(-3, 20)
    // As now() is: in microseconds.
    const at = `${new Date(time).toISOString().slice(0, -1)}${String(i % 1000).padStart(3, "0")}Z`
    const one = version === 1 ? opened(account, at) : deposited(account, version, at)
    all.push(i % 3 === 0 ? { ...one, user: `user:${account}` } : one)
  }
  return all
})

interface Row {
  readonly event_id: string
  readonly aggregate_type: string
  readonly aggregate_id: string
  readonly aggregate_version: number
  readonly event_type: string
  readonly payload: Schema.Json
  readonly user_id: string | null
  readonly created_at: Date
}

const rowsOf = (sql: PgClient.PgClient) => sql<Row>`SELECT * FROM public.events ORDER BY seq`

/** What the new log has to hold for the rows of the table. */
const expected = (rows: ReadonlyArray<Row>) => {
  let time = -Infinity
  return rows.map((row, i) => {
    const own = row.created_at.getTime()
    time = Math.max(time, own)
    return {
      position: i + 1,
      id: row.event_id,
      stream: `bank_account-${row.aggregate_id}`,
      version: row.aggregate_version,
      type: row.event_type,
      recordedAt: time,
      data: row.payload,
      metadata: {
        correlationId: `c-${row.aggregate_id}`,
        ...(row.user_id === null ? {} : { actor: row.user_id }),
        ...(time === own ? {} : { recordedAt: row.created_at.toISOString() })
      }
    }
  })
}

const found = (store: EventStore.EventStore["Service"]) =>
  Effect.map(Stream.runCollect(store.readLog()), (all) =>
    all.map(({ data, id, metadata, position, recordedAt, stream, type, version }) => ({
      position,
      id,
      stream,
      version,
      type,
      recordedAt: recordedAt.epochMilliseconds,
      data,
      metadata
    }))
  )

const differences = "Events that are not in both"

const accountEvents = Event.define({ AccountOpened: { owner: Schema.String }, Deposited: { amount: Schema.Int } })

const account = Decider.make({
  name: "bank_account",
  state: Schema.NullOr(Schema.Int),
  initial: null,
  commands: Schema.TaggedUnion({ Deposit: { amount: Schema.Int } }),
  events: accountEvents
})
  .evolve({ AccountOpened: () => 0, Deposited: (balance, { amount }) => (balance ?? 0) + amount })
  .decide({ Deposit: ({ amount }, balance) => (balance === null ? [] : [{ _tag: "Deposited", amount }]) })

class Accounts extends Aggregate.Service<Accounts>()("test/Accounts", { decider: account }) {}

const deposits = View.keyed({
  name: "deposits",
  events: accountEvents,
  key: (_, { stream }) => StreamName.id(stream),
  model: Schema.Int,
  initial: 0
}).evolve({ AccountOpened: (count) => count, Deposited: (count) => count + 1 })

class Deposits extends Projection.Service<Deposits>()(
  "test/Deposits",
  Projection.make({ version: 1, view: deposits })
) {}

layer(TestServer.layer({ settings: { fsync: "off" } }), { excludeTestServices: true, timeout: 60_000 })(
  "a table of events that was written by hand",
  (it) => {
    const seed = process.env["SEED"] ?? crypto.randomUUID()

    it.effect(`is moved with its order, ids, times and versions, however often that is begun (SEED=${seed})`, () =>
      Effect.gen(function* () {
        const { old, store } = yield* ground
        const all = yield* Random.withSeed(history(2500), seed)
        for (const one of all.slice(0, 2200)) yield* insert(old, one)
        assert.strictEqual(yield* move(old, store), 2200)
        assert.deepStrictEqual<unknown>(yield* found(store), expected(yield* rowsOf(old)))
        assert.strictEqual(yield* move(old, store), 0)
        for (const one of all.slice(2200)) yield* insert(old, one)
        assert.strictEqual(yield* move(old, store), 300)
        const rows = yield* rowsOf(old)
        assert.deepStrictEqual<unknown>(yield* found(store), expected(rows))
        assert.isTrue(expected(rows).some(({ metadata }) => "recordedAt" in metadata))
        assert.deepStrictEqual(yield* count(old, differences), { count: 0 })
        // Some that differ are found.
        yield* old`UPDATE public.events SET payload = '{}' WHERE seq IN (7, 8)`
        assert.deepStrictEqual(yield* count(old, differences), { count: 2 })
      })
    )

    it.effect("waits for what is inserted and not committed, and passes over none of it", () =>
      Effect.gen(function* () {
        const { old, store, url } = yield* ground
        const other = yield* connect(url)
        const { end } = yield* holding(other, insert(other, opened("slow")))
        yield* insert(old, opened("fast"))
        // On a machine that is slow its patience may be over before the other one is done.
        const patient = Effect.retry(move(old, store), { while: ({ _tag }) => _tag === "SqlError", times: 5 })
        const moving = yield* Effect.forkScoped(patient)
        yield* eventually(
          "the mover waits",
          old`SELECT FROM pg_locks WHERE NOT granted AND mode = 'ShareLock'`,
          (waiting) => waiting.length > 0
        )
        yield* end
        assert.strictEqual(yield* Fiber.join(moving), 2)
        assert.deepStrictEqual(
          (yield* found(store)).map(({ stream }) => stream),
          ["bank_account-slow", "bank_account-fast"]
        )
      })
    )

    it.effect("is not moved behind an event that somebody else has appended, nor into other versions", () =>
      Effect.gen(function* () {
        const { old, store } = yield* ground
        for (const one of [opened("a"), deposited("a", 2), opened("b"), deposited("b", 3)]) yield* insert(old, one)
        const gap = yield* Effect.flip(move(old, store))
        assert.strictEqual(gap._tag, "MoveFailed")
        assert.match(String("problem" in gap && gap.problem), /is version 3 of bank_account-b in the old table alone/)

        const { old: second, store: target } = yield* ground
        yield* insert(second, opened("a"))
        const event = { id: crypto.randomUUID(), type: "Other", schemaVersion: 1, data: {}, tags: [], metadata: {} }
        yield* target.append([{ stream: "other-1", expected: "any", events: [event] }])
        const foreign = yield* Effect.flip(move(second, target))
        assert.match(String("problem" in foreign && foreign.problem), /somebody else has appended/)
      })
    )

    it.effect("is looked at before, and what would be in the way is counted", () =>
      Effect.gen(function* () {
        const { old } = yield* ground
        const large = { ...opened("large"), payload: { text: "x".repeat(2 ** 20) } }
        const number = { ...opened("number"), payload: { text: "1".repeat(16) } }
        for (const one of [
          opened("a"),
          deposited("a", 2, "2025-12-31T00:00:00Z"),
          deposited("a", 4),
          opened(""),
          large,
          number,
          opened("future", "2999-01-01T00:00:00Z")
        ]) {
          yield* insert(old, one)
        }
        // After a deposit of a second later: that one goes back as well, and so do those behind it.
        assert.deepStrictEqual(yield* count(old, "What would be in the way"), {
          times_that_go_back: 2,
          times_to_come: 1,
          versions_that_are_not_next: 1,
          names_of_no_stream: 1,
          large_events: 1,
          large_numbers: 1,
          ids_that_are_there_twice: 0
        })
      })
    )

    it.effect(
      "is closed, the new code goes on in the log that was moved, and what came since can be written back",
      () =>
        Effect.gen(function* () {
          const { old, stores, store } = yield* ground
          for (const one of [opened("a"), deposited("a", 2), opened("b")]) yield* insert(old, one)
          // Read models of the new code are there before the switch.
          const services = yield* Layer.build(
            Layer.mergeAll(Accounts.layer, Deposits.layer).pipe(Layer.provide(Layer.succeedContext(stores)))
          )
          const accounts = Context.get(services, Accounts)
          const read = Context.get(services, Deposits)
          yield* move(old, store)
          yield* read.awaitPosition(3)
          assert.deepStrictEqual(yield* Stream.runCollect(read.query()), [
            ["a", 1],
            ["b", 0]
          ])

          yield* insert(old, deposited("b", 2))
          yield* run(old, "The fence.")
          const refused = yield* Effect.flip(insert(old, deposited("b", 3)))
          assert.match(String(refused.reason.cause), /the events have moved/)
          assert.strictEqual(yield* move(old, store), 1)
          assert.deepStrictEqual(yield* count(old, differences), { count: 0 })

          const { position, state, version } = yield* accounts.execute("a", { _tag: "Deposit", amount: 5 })
          assert.deepStrictEqual([position, state, version], [5, 7, 3])
          yield* read.awaitPosition(5)
          assert.deepStrictEqual(yield* Stream.runCollect(read.query()), [
            ["a", 2],
            ["b", 1]
          ])

          yield* old`DROP TRIGGER has_moved ON public.events`
          const [back] = sqlOf(guide, "Back again.")
          yield* old.unsafe(back!.replace("position > 1000", "position > 4"))
          const rows = yield* rowsOf(old)
          assert.deepStrictEqual(
            rows.map(({ aggregate_id, aggregate_type, aggregate_version, event_type, payload }) => [
              aggregate_type,
              aggregate_id,
              aggregate_version,
              event_type,
              payload
            ]),
            [
              ["bank-account", "a", 1, "AccountOpened", { owner: "Ada \\ 😀" }],
              ["bank-account", "a", 2, "Deposited", { amount: 2 }],
              ["bank-account", "b", 1, "AccountOpened", { owner: "Ada \\ 😀" }],
              ["bank-account", "b", 2, "Deposited", { amount: 2 }],
              ["bank-account", "a", 3, "Deposited", { amount: 5 }]
            ]
          )
        })
    )

    it("is moved by the code that the guides show", () => {
      for (const document of [guide, "docs/from-emmett.md"]) {
        assert.isTrue(shows(document, "test/guides/move.ts"), document)
      }
    })
  }
)
