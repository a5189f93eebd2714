/**
 * The PostgreSQL store as the environment configures it: on a server, or embedded where none is named.
 */
import { assert, layer } from "@effect/vitest"
import { ConfigProvider, Effect, Fiber, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { EventStore } from "eventfold"
import { PostgresEventStore } from "eventfold/postgres"
import { EmbeddedEventStore } from "eventfold/postgres/embedded"
import { readdir } from "node:fs/promises"
import { vi } from "vitest"
import { temporaryFolder } from "../support/project.ts"
import { freshDatabase, TestServer } from "../support/server.ts"
import { connect, eventually, holding } from "./support/stores.ts"
import { writeTo } from "./support/workload.ts"

const inEnvironment = (env: Readonly<Record<string, string>>, options?: PostgresEventStore.Options) =>
  Layer.provide(PostgresEventStore.layerConfig(options), ConfigProvider.layer(ConfigProvider.fromEnv({ env })))

/** With other variables of the process. */
const inProcess = <A, E, R>(env: Readonly<Record<string, string | undefined>>, effect: Effect.Effect<A, E, R>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value)
    }),
    () => effect,
    () => Effect.sync(() => vi.unstubAllEnvs())
  )

/** Without the name of the user who runs the tests, which stands in for the one of a URL. */
const asNobody = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  inProcess({ USER: undefined, USERNAME: undefined }, effect)

/** The store that is chosen, for as long as something is done with it. */
const chosen = <A, E>(
  provider: ConfigProvider.ConfigProvider,
  options: EmbeddedEventStore.Options,
  effect: Effect.Effect<A, E, EventStore.EventStore | SqlClient.SqlClient>
) =>
  Effect.provide(effect, Layer.provide(EmbeddedEventStore.layerConfig(options), ConfigProvider.layer(provider)), {
    local: true
  })

const folder = Effect.acquireRelease(Effect.promise(temporaryFolder), (folder) =>
  Effect.promise(() => folder[Symbol.asyncDispose]())
)

const keptIn = (path: string) => Effect.promise(() => readdir(path))

/** Appends an event, and says which one of its stream it is. */
const append = Effect.gen(function* () {
  const store = yield* EventStore.EventStore
  yield* store.append(writeTo("red-1"))
  return yield* store.streamVersion("red-1")
})

/** The schemas that have a log. */
const logs = Effect.flatMap(SqlClient.SqlClient, (sql) =>
  Effect.map(
    sql<{ readonly name: string }>`SELECT schemaname AS name FROM pg_tables WHERE tablename = 'events' ORDER BY 1`,
    (rows) => rows.map(({ name }) => name)
  )
)

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
      const base = { DATABASE_URL: url }
      yield* Effect.provide(append, inEnvironment(base), { local: true })
      // Options that name none do not say more than no options.
      const named = inEnvironment({ ...base, EVENTFOLD_SCHEMA: "named" }, { schema: undefined })
      yield* Effect.provide(append, named, { local: true })
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

  it.effect("takes a URL that names no user, or is none, for what is wrong and not for a server that is away", () =>
    Effect.gen(function* () {
      for (const [DATABASE_URL, wrong] of [
        ["postgres://localhost/x", "No username configured"],
        ["localhost", "Invalid URL"],
        ["mysql://ada@localhost/x", "protocol"],
        ["postgres://ada@localhost:0/x", "port"],
        ["postgres://ada%@localhost/x", "percent-encoding"],
        ["postgres://ada@localhost/x?sslmode=maybe", "sslmode"],
        ["postgres://ada@localhost/x?connect_timeout=soon", "connect_timeout"]
      ] as const) {
        const error = yield* asNobody(
          Effect.flip(Effect.provide(append, inEnvironment({ DATABASE_URL }), { local: true }))
        )
        assert.deepInclude(error, { _tag: "StoreError", reason: "Misconfigured" }, DATABASE_URL)
        assert.include(error.message, wrong)
        assert.include(error.message, "postgres://user:password@host:5432/database")
      }
      const DATABASE_URL = "postgres://ada@localhost:1/x"
      const away = yield* Effect.flip(Effect.provide(append, inEnvironment({ DATABASE_URL }), { local: true }))
      assert.deepInclude(away, { _tag: "StoreError", reason: "Unavailable" })
    })
  )

  it.effect("is on the server of DATABASE_URL, and embedded where that is not set", () =>
    Effect.gen(function* () {
      const DATABASE_URL = yield* freshDatabase(yield* TestServer)
      const { path } = yield* folder
      const onServer = ConfigProvider.fromEnv({ env: { DATABASE_URL } })
      assert.strictEqual(yield* chosen(onServer, { dataDir: path }, append), 1)
      assert.deepStrictEqual(yield* keptIn(path), [])
      const inFolder = ConfigProvider.fromEnv({ env: {} })
      for (const version of [1, 2]) {
        assert.strictEqual(yield* chosen(inFolder, { dataDir: path }, append), version)
      }
      assert.include(yield* keptIn(path), "PG_VERSION")
      const admin = yield* connect(DATABASE_URL)
      assert.lengthOf(yield* admin.unsafe("SELECT FROM eventfold.events"), 1)
    })
  )

  it.effect("is in the schema of EVENTFOLD_SCHEMA on the server and embedded, unless its options name one", () =>
    Effect.gen(function* () {
      const named = { EVENTFOLD_SCHEMA: "named" }
      for (const server of [{ DATABASE_URL: yield* freshDatabase(yield* TestServer) }, undefined]) {
        const { path: dataDir } = yield* folder
        const logsWith = (env: Readonly<Record<string, string>>, options: EmbeddedEventStore.Options) =>
          chosen(ConfigProvider.fromEnv({ env: { ...server, ...env } }), { dataDir, ...options }, logs)
        assert.deepStrictEqual(yield* logsWith(named, { schema: undefined }), ["named"])
        assert.deepStrictEqual(yield* logsWith(named, { schema: "of_options" }), ["named", "of_options"])
        assert.deepStrictEqual(yield* logsWith({}, {}), ["eventfold", "named", "of_options"])
      }
    })
  )

  it.effect("is neither on a server nor embedded where DATABASE_URL is empty", () =>
    Effect.gen(function* () {
      const env = { DATABASE_URL: "", DATABASE_USER: "ada" }
      const { path: dataDir } = yield* folder
      for (const provider of [
        ConfigProvider.fromEnv({ env }),
        ConfigProvider.fromEnv({ env, preserveEmptyStrings: true }),
        ConfigProvider.fromEnv({ env: { APP_DATABASE_URL: "" } }).pipe(ConfigProvider.nested("APP")),
        ConfigProvider.fromDotEnvContents("DATABASE_URL="),
        ConfigProvider.fromUnknown(env)
      ]) {
        const error = yield* Effect.flip(chosen(provider, { dataDir }, append))
        assert.deepInclude(error, { _tag: "StoreError", reason: "Misconfigured" })
        assert.include(error.message, "DATABASE_URL is empty")
      }
      const alike = { DATABASE_URL: "", DATABASE_URL_OF_TESTS: "postgres://ada@localhost/x" }
      const error = yield* inProcess(
        alike,
        Effect.suspend(() => Effect.flip(chosen(ConfigProvider.fromEnv(), { dataDir }, append)))
      )
      assert.include(error.message, "DATABASE_URL is empty")
      assert.deepStrictEqual(yield* keptIn(dataDir), [])
    })
  )

  it.effect("is embedded where others are set that are called alike, and where names cannot be listed", () =>
    Effect.gen(function* () {
      for (const provider of [
        ConfigProvider.fromEnv({ env: { DATABASE_URL_OF_TESTS: "postgres://ada@localhost/x", DATABASE_USER: "ada" } }),
        ConfigProvider.fromUnknown({ DATABASE: { URL: "postgres://ada@localhost/x" } }),
        ConfigProvider.make((path) =>
          /^DATABASE_URL$|^EVENTFOLD/.test(path.join())
            ? Effect.undefined
            : Effect.fail(new ConfigProvider.SourceError({ message: "there is no list of what there is" }))
        )
      ]) {
        assert.strictEqual(yield* chosen(provider, {}, append), 1)
      }
    })
  )
})
