/**
 * The PostgreSQL store as the environment configures it.
 */
import { assert, layer } from "@effect/vitest"
import { ConfigProvider, Effect, Fiber, Layer } from "effect"
import { EventStore } from "eventfold"
import { PostgresEventStore } from "eventfold/postgres"
import { freshDatabase, TestServer } from "../support/server.ts"
import { connect, eventually, holding } from "./support/stores.ts"
import { writeTo } from "./support/workload.ts"

const inEnvironment = (env: Readonly<Record<string, string>>, options?: PostgresEventStore.Options) =>
  Layer.provide(PostgresEventStore.layerConfig(options), ConfigProvider.layer(ConfigProvider.fromEnv({ env })))

layer(TestServer.layer({ settings: { fsync: "off" } }), {
  excludeTestServices: true,
  concurrent: false,
  timeout: 60_000
})("the PostgreSQL store, as configured,", (it) => {
  const connectionsOf = (connections: string | undefined, expected: number) =>
    Effect.gen(function* () {
      const url = yield* freshDatabase(yield* TestServer)
      const admin = yield* connect(url, { applicationName: "admin" })
      const env = { DATABASE_URL: url, ...(connections === undefined ? {} : { EVENTFOLD_CONNECTIONS: connections }) }
      const sessions = (wait: string) =>
        Effect.map(
          admin.unsafe(`SELECT FROM pg_stat_activity
              WHERE datname = current_database() AND application_name <> 'admin' ${wait}`),
          (rows) => rows.length
        )
      const program = Effect.gen(function* () {
        const store = yield* EventStore.EventStore
        yield* store.append(writeTo("red-1"))
        const { end } = yield* holding(admin, admin.unsafe("LOCK TABLE eventfold.events IN ACCESS EXCLUSIVE MODE"))
        const heads = yield* Effect.forkChild(
          Effect.forEach(Array.from({ length: 3 * expected }), () => store.head, { concurrency: "unbounded" })
        )
        yield* eventually("all wait", sessions("AND wait_event_type = 'Lock'"), (n) => n === expected)
        assert.strictEqual(yield* sessions(""), expected)
        yield* end
        assert.deepStrictEqual(new Set(yield* Fiber.join(heads)), new Set([1]))
        assert.isAtMost(yield* sessions(""), expected)
      })
      yield* Effect.provide(Effect.scoped(program), inEnvironment(env), { local: true })
    })

  it.effect("holds no more connections than EVENTFOLD_CONNECTIONS says", () => connectionsOf("4", 4))

  it.effect("holds no more than 10 connections when nothing is said", () => connectionsOf(undefined, 10))

  it.effect("is in the database of DATABASE_URL and the schema of EVENTFOLD_SCHEMA, unless its options name one", () =>
    Effect.gen(function* () {
      const url = yield* freshDatabase(yield* TestServer)
      const admin = yield* connect(url)
      const append = Effect.flatMap(EventStore.EventStore, (store) => store.append(writeTo("red-1")))
      const base = { DATABASE_URL: url }
      yield* Effect.provide(append, inEnvironment(base), { local: true })
      yield* Effect.provide(append, inEnvironment({ ...base, EVENTFOLD_SCHEMA: "named" }), { local: true })
      const stronger = inEnvironment({ ...base, EVENTFOLD_SCHEMA: "named" }, { schema: "of_options" })
      yield* Effect.provide(append, stronger, { local: true })
      for (const schema of ["eventfold", "named", "of_options"]) {
        assert.lengthOf(yield* admin.unsafe(`SELECT FROM ${schema}.events`), 1, schema)
      }
    })
  )

  it.effect("says what is missing or wrong", () =>
    Effect.gen(function* () {
      const { url } = yield* TestServer
      const refusal = (env: Readonly<Record<string, string>>) =>
        Effect.map(Effect.flip(Effect.provide(Effect.void, inEnvironment(env), { local: true })), String)
      assert.match(yield* refusal({}), /DATABASE_URL/)
      assert.match(yield* refusal({ DATABASE_URL: url, EVENTFOLD_CONNECTIONS: "many" }), /EVENTFOLD_CONNECTIONS/)
      assert.match(yield* refusal({ DATABASE_URL: url, EVENTFOLD_SCHEMA: "s".repeat(64) }), /the name of the schema/)
    })
  )
})
