/**
 * Projections on a server that has no room, or that only reads: they wait, and nothing is taken for a failure of an event.
 */
import { assert, layer } from "@effect/vitest"
import { Effect, Layer, Logger, Option, References, Schedule, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { type EventStore, Projection, View } from "eventfold"
import { TestServer } from "../../support/server.ts"
import { eventually, storeOn, terminateAll } from "../support/stores.ts"
import { appendTo, events } from "./support/domain.ts"
import { aScene, live } from "./support/scene.ts"

/** Fails at once where it takes something for a failure of an event. */
const retry = Schedule.recurs(0)

const counts = View.keyed({ name: "keys", events, key: ({ key }) => key, model: Schema.Int, initial: 0 }).evolve({
  Put: (count) => count + 1
})

class Keys extends Projection.Service<Keys>()("test/Keys", Projection.make({ version: 1, view: counts, retry })) {}

/** What is said at a warning or above: the message, and the problem beside it. */
const makeLog = () => {
  const said: Array<readonly [message: string, problem: string]> = []
  const logger = Logger.make(({ fiber, message }) => {
    said.push([String(message), String(fiber.getRef(References.CurrentLogAnnotations)["problem"])])
  })
  return {
    logged: Layer.merge(Logger.layer([logger]), Layer.succeed(References.MinimumLogLevel, "Warn")),
    messages: () => new Set(said.map(([message]) => message)),
    waitsFor: (reason: EventStore.StoreReason) =>
      eventually(
        `it waits: ${reason}`,
        Effect.sync(() => said),
        (all) =>
          all.some(([message, problem]) => message === "projection waits for its store" && problem.startsWith(reason))
      )
  }
}

const states = [
  ["53100", "StorageFull"],
  ["25006", "ReadOnly"]
] as const

layer(TestServer.layer({ settings: { fsync: "off" } }), live)("projections that cannot write", (it) => {
  for (const [state, reason] of states) {
    for (const onFailure of ["stop", "park"] as const) {
      it.effect(`wait, where a handler's own SQL meets SQLSTATE ${state}, with onFailure as ${onFailure}`, () => {
        const { logged, messages, waitsFor } = makeLog()
        let isFull = true
        let attempts = 0
        const projection = Projection.handler({
          name: "counted",
          version: 1,
          events,
          tables: { all: "(event uuid PRIMARY KEY)" },
          retry,
          onFailure,
          handle: Effect.fnUntraced(function* (batch, { table }) {
            const sql = yield* SqlClient.SqlClient
            attempts++
            const ids = batch.map(({ recorded }) => recorded.id)
            yield* sql`INSERT INTO ${sql.literal(table("all"))} SELECT id::uuid FROM unnest(${ids}::text[]) AS id`
            if (isFull) yield* sql.unsafe(`DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '${state}'; END $$`)
          })
        })
        class Counted extends Projection.Service<Counted>()("test/Counted", projection) {}
        return Effect.gen(function* () {
          const { sql, store, stores } = yield* aScene(yield* TestServer)
          yield* Effect.forEach([1, 2, 3], (box) => appendTo(store, box))
          yield* Effect.gen(function* () {
            const { parked, status, table } = yield* Counted
            yield* waitsFor(reason)
            yield* eventually(
              "it is tried again",
              Effect.sync(() => attempts),
              (count) => count >= 5
            )
            const [waiting] = yield* status
            assert.deepInclude(waiting, { state: "running", position: 0, lag: 3 })
            isFull = false
            yield* eventually("it goes on", status, ([one]) => one?.lag === 0)
            assert.deepStrictEqual(yield* parked, [])
            assert.lengthOf(yield* sql.unsafe(`SELECT FROM ${table("all")}`), 3)
          }).pipe(Effect.provide(Counted.layer), Effect.provideContext(stores))
          assert.deepStrictEqual(messages(), new Set(["projection waits for its store"]))
        }).pipe(Effect.provide(logged))
      })
    }
  }

  it.effect("wait while the database only reads, as after a failover, and go on when it is written to again", () => {
    const { logged, messages, waitsFor } = makeLog()
    return Effect.gen(function* () {
      const { sql, store, stores, url } = yield* aScene(yield* TestServer)
      // As somebody who can still write.
      const writer = yield* storeOn(sql, {})
      const database = new URL(url).pathname.slice(1)
      const onlyReads = (is: boolean) =>
        Effect.andThen(
          sql.unsafe(`ALTER DATABASE ${database} SET default_transaction_read_only = ${is ? "on" : "off"}`),
          terminateAll(sql)
        )
      yield* Effect.gen(function* () {
        const { get, parked, status } = yield* Keys
        yield* appendTo(store, 1, "a")
        yield* eventually("it has caught up", status, ([one]) => one?.lag === 0)
        yield* onlyReads(true)
        assert.deepInclude(
          yield* Effect.flip(Effect.retry(appendTo(store, 1, "a"), { while: ({ isRetryable }) => isRetryable })),
          { _tag: "StoreError", reason: "ReadOnly" }
        )
        yield* appendTo(writer, 1, "a")
        yield* waitsFor("ReadOnly")
        assert.isFalse(messages().has("projection has failed"))
        assert.deepInclude((yield* status)[0], { state: "running", position: 1, lag: 1 })
        yield* onlyReads(false)
        const patiently = Effect.retry(status, { while: ({ isRetryable }) => isRetryable })
        yield* eventually("it goes on", patiently, ([one]) => one?.lag === 0)
        assert.deepStrictEqual(yield* parked, [])
        assert.deepStrictEqual(yield* get("a"), Option.some(2))
        assert.isFalse(messages().has("projection has failed"))
      }).pipe(Effect.provide(Keys.layer), Effect.provideContext(stores))
    }).pipe(Effect.provide(logged))
  })
})
