import { assert, layer } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import { EventStore } from "eventfold"
import { PostgresEventStore } from "eventfold/postgres"
import { clientOf, freshDatabase, startOwnServer, TestServer } from "../support/server.ts"
import { connect, eventually, holding } from "../postgres/support/stores.ts"
import { eventOf } from "../postgres/support/workload.ts"
import { eventfold, jsonOf, type Ran } from "./support.ts"

const Answer = Schema.Struct({
  problems: Schema.Int,
  checks: Schema.Array(
    Schema.Struct({
      name: Schema.String,
      status: Schema.Literals(["ok", "warning", "problem", "skipped"]),
      found: Schema.String,
      advice: Schema.NullOr(Schema.String)
    })
  )
})

/** The checks by name. */
const checksOf = (ran: Ran) => {
  const { checks, problems } = Schema.decodeUnknownSync(Answer)(jsonOf(ran))
  const found = checks.filter(({ status }) => status === "problem")
  assert.strictEqual(problems, found.length)
  assert.strictEqual(ran.exitCode, problems === 0 ? 0 : 1)
  for (const { advice, name, status } of checks) {
    if (status === "ok" || status === "skipped") assert.isNull(advice, name)
  }
  return Object.fromEntries(checks.map(({ found, name, status }) => [name, { status, found }]))
}

const statusesOf = (ran: Ran) =>
  Object.fromEntries(
    Object.entries(checksOf(ran)).map(([name, { found, status }]) => [
      name,
      status === "ok" ? status : `${status}: ${found}`
    ])
  )

const all = [
  "connection",
  "version",
  "role",
  "schema",
  "rights",
  "immutability",
  "settings",
  "clock",
  "transactions",
  "lock of the log",
  "connections",
  "replication",
  "size",
  "vacuum"
]

// With the settings of its own: those of somebody else's may put at risk what it keeps, as a server for tests may.
layer(Layer.effect(TestServer, startOwnServer()), { excludeTestServices: true, timeout: 120_000 })(
  "eventfold doctor",
  (it) => {
    const doctor = (store: string, ...args: ReadonlyArray<string>) =>
      eventfold(["doctor", "--json", "--store", store, ...args])

    /** A database with a log of a thousand events, and one who does things in it. */
    const prepared = Effect.gen(function* () {
      const store = yield* freshDatabase(yield* TestServer)
      const admin = yield* connect(store, { applicationName: "admin" })
      const append = Effect.flatMap(EventStore.EventStore, (events) =>
        events.append([{ stream: "red-1", expected: "any", events: Array.from({ length: 1000 }, () => eventOf()) }])
      )
      yield* append.pipe(
        Effect.provide(PostgresEventStore.layer(), { local: true }),
        Effect.provide(clientOf({ url: store }), { local: true })
      )
      return { store, admin, url: new URL(store) }
    })

    it.effect("finds nothing wrong with what is in order", () =>
      Effect.gen(function* () {
        const { store } = yield* prepared
        const ran = yield* doctor(store)
        assert.deepStrictEqual(statusesOf(ran), Object.fromEntries(all.map((name) => [name, "ok"])))
        assert.match(
          checksOf(ran)["size"]?.found ?? "",
          /; 1,000 events of .* each, about 1,000 a day lately, which is .* a month$/
        )
      }).pipe(Effect.scoped)
    )

    it.effect("says that there is no schema, and goes on", () =>
      Effect.gen(function* () {
        const store = yield* freshDatabase(yield* TestServer)
        const found = checksOf(yield* doctor(store))
        assert.strictEqual(found["schema"]?.status, "problem")
        assert.strictEqual(found["size"]?.status, "skipped")
        assert.strictEqual(found["immutability"]?.status, "skipped")
        assert.strictEqual(found["settings"]?.status, "ok")
      }).pipe(Effect.scoped)
    )

    it.effect("says why there is no connection, and never prints a password", () =>
      Effect.gen(function* () {
        const { url } = yield* prepared
        const wrong = new URL(url)
        wrong.password = "hunter2"
        const elsewhere = new URL(url)
        elsewhere.pathname = "/nothing_here"
        for (const [given, why] of [
          ["postgres://app:hunter2@127.0.0.1:1/db", /cannot be reached/],
          [wrong.href, /password/],
          [elsewhere.href, /does not exist/]
        ] as const) {
          const ran = yield* doctor(given)
          const { connection, version } = checksOf(ran)
          assert.strictEqual(connection?.status, "problem", given)
          assert.match(connection?.found ?? "", why)
          assert.strictEqual(version?.status, "skipped")
          assert.notInclude(ran.stdout + ran.stderr, "hunter2")
        }
      }).pipe(Effect.scoped)
    )

    it.effect("says what its user may not do, each check for itself", () =>
      Effect.gen(function* () {
        const { admin, store, url } = yield* prepared
        const name = `limited_${crypto.randomUUID().slice(0, 8)}`
        yield* admin.unsafe(`CREATE ROLE ${name} LOGIN PASSWORD 'secret'`)
        yield* Effect.addFinalizer(() =>
          Effect.ignore(Effect.andThen(admin.unsafe(`DROP OWNED BY ${name}`), admin.unsafe(`DROP ROLE ${name}`)))
        )
        url.username = name
        url.password = "secret"
        const closed = checksOf(yield* doctor(url.href))
        assert.deepStrictEqual(closed["rights"], {
          status: "problem",
          found: `${name} may not use the schema eventfold`
        })
        assert.strictEqual(closed["schema"]?.status, "skipped")
        assert.strictEqual(closed["immutability"]?.status, "ok")
        assert.include(closed["size"]?.found, "may not see how many events")
        yield* admin.unsafe(`GRANT USAGE ON SCHEMA eventfold TO ${name}`)
        yield* admin.unsafe(`GRANT SELECT ON eventfold.events, eventfold.event_tags TO ${name}`)
        const reader = checksOf(yield* doctor(url.href))["rights"]
        assert.strictEqual(reader?.status, "warning")
        assert.include(reader?.found, "append (INSERT on events; INSERT on event_tags; SELECT on inline_types)")
        assert.include(reader?.found, "make inline projections live (INSERT, UPDATE, DELETE on inline_types)")
        assert.include(reader?.found, "append in REPEATABLE READ or SERIALIZABLE transactions (UPDATE on inline_types)")
        assert.strictEqual(checksOf(yield* doctor(store))["rights"]?.status, "ok")
      }).pipe(Effect.scoped)
    )

    it.effect("sees what puts what is stored at risk", () =>
      Effect.gen(function* () {
        const { admin, store, url } = yield* prepared
        yield* admin.unsafe("ALTER TABLE eventfold.events DISABLE TRIGGER immutable")
        yield* admin.unsafe(`ALTER DATABASE "${url.pathname.slice(1)}" SET synchronous_commit = off`)
        yield* admin.unsafe("INSERT INTO eventfold.migrations (id, name) VALUES (99, 'what is to come')")
        yield* admin.unsafe("ALTER TABLE eventfold.events SET (autovacuum_enabled = off)")
        const found = checksOf(yield* doctor(store))
        assert.deepStrictEqual(found["immutability"], {
          status: "problem",
          found: "the trigger that refuses changes is missing or disabled on events"
        })
        assert.strictEqual(found["settings"]?.status, "problem")
        assert.include(found["settings"]?.found, "synchronous_commit is off (database)")
        assert.strictEqual(found["schema"]?.status, "warning")
        assert.include(found["schema"]?.found, "99 (what is to come)")
        assert.strictEqual(found["vacuum"]?.status, "warning")
        yield* admin.unsafe("DELETE FROM eventfold.migrations WHERE id IN (4, 99)")
        const missing = checksOf(yield* doctor(store))["schema"]
        assert.deepStrictEqual(missing, {
          status: "problem",
          found: "schema eventfold lacks migration 4 (what processes keep)"
        })
        const text = yield* eventfold(["doctor", "--store", store])
        assert.strictEqual(text.exitCode, 1)
        assert.match(text.stdout, /^problem +schema +schema eventfold lacks/m)
        assert.match(text.stdout, /^ +→ Run the migrations: eventfold migrate$/m)
      }).pipe(Effect.scoped)
    )

    it.effect("sees who is in the way", () =>
      Effect.gen(function* () {
        const { admin, store } = yield* prepared
        const lock = "SELECT pg_advisory_xact_lock(hashtextextended('eventfold:eventfold', 0))"
        yield* holding(admin, admin.unsafe(lock))
        const waiting = yield* connect(store, { applicationName: "waiting" })
        yield* Effect.forkScoped(waiting.unsafe(lock))
        const found = Effect.map(doctor(store), (ran) => checksOf(ran)["lock of the log"]?.found ?? "")
        const seen = yield* eventually("somebody waits", found, (text) => text.includes("wait for it"))
        assert.match(
          seen,
          /^admin \(pid \d+, idle in transaction\) has held it for \d+ s at most; 1 wait for it, the longest for \d+ s$/
        )
        const other = checksOf(yield* doctor(store, "--schema", "another"))["lock of the log"]
        assert.strictEqual(other?.found, "nobody waits for it")
      }).pipe(Effect.scoped)
    )

    it.effect("is no good for files, nor without a store", () =>
      Effect.gen(function* () {
        assert.strictEqual((yield* eventfold(["doctor", "--store", import.meta.filename])).exitCode, 2)
        assert.strictEqual((yield* eventfold(["doctor"])).exitCode, 2)
        assert.strictEqual((yield* eventfold(["doctor", "--store", "/nowhere/at/all"])).exitCode, 3)
      })
    )
  }
)
