import { PgClient } from "@effect/sql-pg"
import { assert, describe, it, layer } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Option, Random, Result } from "effect"
import { type SnapshotStore, StreamName } from "eventfold"
import { PostgresEventStore, PostgresSnapshotStore } from "eventfold/postgres"
import { EmbeddedEventStore, EmbeddedPgClient } from "eventfold/postgres/embedded"
import { SnapshotStoreContract } from "eventfold/testing"
import { migrate } from "../../src/postgres/migrate.ts"
import { clientOf, freshDatabase, startServer, TestServer } from "../support/server.ts"
import { connect, eventually, holding, storeOn, within } from "./support/stores.ts"
import { countingClient } from "./support/wire.ts"

const client = Layer.unwrap(
  Effect.gen(function* () {
    const url = yield* freshDatabase(yield* startServer({ settings: { fsync: "off" } }))
    return clientOf({ url }, { maxConnections: 10 })
  })
)

await SnapshotStoreContract.suite(
  "the PostgreSQL store of snapshots",
  PostgresEventStore.layer().pipe(Layer.provide(client))
)
await SnapshotStoreContract.suite("the embedded store of snapshots", EmbeddedEventStore.layer())

type Store = SnapshotStore.SnapshotStore["Service"]

const snapshotsOn = (sql: PgClient.PgClient) =>
  PostgresSnapshotStore.make().pipe(Effect.provideService(PgClient.PgClient, sql))

/** A database of its own, with a store. */
const aDatabase = Effect.gen(function* () {
  const url = yield* freshDatabase(yield* TestServer)
  const sql = yield* connect(url)
  yield* migrate(sql, "eventfold")
  return { url, sql, store: yield* snapshotsOn(sql) }
})

const stream = StreamName.make("account", "ada")

const at = (version: number, state: SnapshotStore.Snapshot["state"] = null): SnapshotStore.Snapshot => ({
  stream,
  version,
  position: version,
  state
})

const rows = (sql: PgClient.PgClient) =>
  Effect.map(
    sql.unsafe<{ readonly version: bigint }>("SELECT version FROM eventfold.snapshots ORDER BY version"),
    (found) => found.map(({ version }) => Number(version))
  )

/** The client, and what statements it was asked for. */
const watched = (sql: PgClient.PgClient) => {
  const statements: Array<string> = []
  const unsafe: PgClient.PgClient["unsafe"] = (text, parameters) => {
    statements.push(text)
    return sql.unsafe(text, parameters)
  }
  return { statements, sql: new Proxy(sql, { get: (of, key) => (key === "unsafe" ? unsafe : Reflect.get(of, key)) }) }
}

layer(TestServer.layer({ settings: { fsync: "off" } }), { excludeTestServices: true })(
  "snapshots on a server",
  (it) => {
    it.effect("are loaded by one statement, and those that are asked for meanwhile by the next", () =>
      Effect.gen(function* () {
        const { url } = yield* aDatabase
        const { sql, writes } = yield* countingClient(url)
        const store = yield* snapshotsOn(sql)
        const costOf = Effect.fnUntraced(function* (effect: Effect.Effect<unknown, unknown>) {
          // The first time it is prepared.
          yield* effect
          const before = writes()
          yield* effect
          return writes() - before
        })
        const load = store.load("code", stream)
        const statement = yield* costOf(sql.unsafe("SELECT $1::int", [1]))
        assert.strictEqual(yield* costOf(load), statement)
        const loads = Effect.forEach(Array.from({ length: 60 }), () => load, { concurrency: "unbounded" })
        assert.strictEqual(yield* costOf(loads), statement)
        // One after the other they cannot be gathered.
        assert.strictEqual(yield* costOf(Effect.repeat(load, { times: 9 })), 10 * statement)
      })
    )

    it.effect("are found by one walk of the index", () =>
      Effect.gen(function* () {
        const { sql } = yield* aDatabase
        const { sql: seen, statements } = watched(sql)
        yield* sql.unsafe(`INSERT INTO eventfold.snapshots (code, stream, version, position, state)
          SELECT 'code', 'account-' || s, v, v, '{}' FROM generate_series(1, 1000) s, generate_series(1, 20) v`)
        yield* Effect.flatMap(snapshotsOn(seen), (store) => store.load("code", stream))
        const loading = statements.find((statement) => statement.includes("unnest"))
        const explain = Effect.fnUntraced(function* (mode: string) {
          yield* sql.unsafe(`SET LOCAL plan_cache_mode = ${mode}`)
          yield* sql.unsafe(`PREPARE loading AS ${loading}`)
          const lines = yield* sql.unsafe<{ readonly "QUERY PLAN": string }>(`EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF)
          EXECUTE loading (ARRAY['code', 'code'], ARRAY['account-500', 'account-600'], ARRAY[10, 100])`)
          yield* sql.unsafe("DEALLOCATE loading")
          return lines.map((line) => line["QUERY PLAN"]).join("\n")
        })
        for (const statistics of ["none", "new"]) {
          if (statistics === "new") yield* sql.unsafe("ANALYZE eventfold.snapshots")
          for (const mode of ["force_generic_plan", "force_custom_plan"]) {
            const plan = yield* sql.withTransaction(explain(mode))
            assert.match(plan, /Index Scan Backward using snapshots_pkey on snapshots k .*rows=1(\.00)? loops=2/, plan)
            assert.notInclude(plan, "Seq Scan", plan)
            assert.notInclude(plan, "Sort", plan)
          }
        }
      })
    )

    it.effect("fail all that are asked for together when their statement fails, and are found again afterwards", () =>
      Effect.gen(function* () {
        const { sql, store } = yield* aDatabase
        yield* store.save("code", at(1), { keep: 1 })
        yield* sql.unsafe("ALTER TABLE eventfold.snapshots RENAME TO away")
        const failures = yield* Effect.forEach(
          Array.from({ length: 100 }),
          () => Effect.flip(store.load("code", stream)),
          { concurrency: "unbounded" }
        )
        for (const { problem, reason } of failures) {
          assert.strictEqual(reason, "Misconfigured")
          assert.match(problem, /a table is missing: run the migrations/)
        }
        yield* sql.unsafe("ALTER TABLE eventfold.away RENAME TO snapshots")
        assert.deepStrictEqual(yield* store.load("code", stream), Option.some(at(1)))
      })
    )

    it.effect("that were damaged fail by name, and only who asks for them", () =>
      Effect.gen(function* () {
        const { sql, store } = yield* aDatabase
        for (const version of [1, 2, 3]) yield* store.save("code", at(version), { keep: 3 })
        for (const damage of ["", "{", "null null", "undefined", "\u0001"]) {
          yield* sql.unsafe("UPDATE eventfold.snapshots SET state = $1::text WHERE version = 2", [damage])
          const [first, second, third] = yield* Effect.forEach(
            [1, 2, 3],
            (upTo) => Effect.result(store.load("code", stream, { upTo })),
            { concurrency: "unbounded" }
          )
          assert.deepStrictEqual(first, Result.succeedSome(at(1)))
          assert.deepStrictEqual(third, Result.succeedSome(at(3)))
          assert.isTrue(second !== undefined && Result.isFailure(second))
          if (second === undefined || !Result.isFailure(second)) return
          assert.strictEqual(second.failure.reason, "Unexpected")
          assert.include(second.failure.problem, "the snapshot of stream account-ada at version 2 by code is damaged")
        }
        yield* store.save("code", at(2, "new"), { keep: 3 })
        assert.deepStrictEqual(yield* store.load("code", stream, { upTo: 2 }), Option.some(at(2, "new")))
      })
    )

    it.effect("that are larger than the client reads are an error, and the next load goes on", () =>
      Effect.gen(function* () {
        const { sql, store } = yield* aDatabase
        yield* store.save("code", at(1), { keep: 2 })
        yield* store.save("code", at(2), { keep: 2 })
        yield* sql.unsafe(
          `UPDATE eventfold.snapshots SET state = '"' || repeat('x', 17000000) || '"' WHERE version = 2`
        )
        const { _tag } = yield* Effect.flip(store.load("code", stream))
        assert.strictEqual(_tag, "StoreError")
        assert.deepStrictEqual(yield* store.load("code", stream, { upTo: 1 }), Option.some(at(1)))
      })
    )

    it.effect("are saved and removed by many processes at once without a deadlock, and never too many are kept", () =>
      Effect.gen(function* () {
        const { sql, url } = yield* aDatabase
        const seed = crypto.randomUUID()
        const stores = yield* Effect.forEach(Array.from({ length: 4 }), () =>
          Effect.flatMap(connect(url, { maxConnections: 4 }), snapshotsOn)
        )
        const one = (store: Store) =>
          Effect.gen(function* () {
            const code = `code/${yield* Random.nextIntBetween(1, 2)}`
            const kind = yield* Random.nextIntBetween(0, 5)
            if (kind === 0) return yield* Effect.asVoid(store.remove({ code: "code/" }))
            const version = yield* Random.nextIntBetween(1, 8)
            yield* store.save(code, at(version), { keep: yield* Random.nextIntBetween(1, 3) })
          })
        yield* Effect.forEach(
          stores.flatMap((store) => Array.from({ length: 250 }, () => store)),
          one,
          { concurrency: 32, discard: true }
        ).pipe(
          Random.withSeed(seed),
          Effect.mapError((error) => `${error.message} (seed ${seed})`)
        )
        yield* Effect.forEach(stores, (store, i) => store.save("code/1", at(100 + i), { keep: 2 }), {
          concurrency: "unbounded"
        })
        const found = yield* sql.unsafe("SELECT version FROM eventfold.snapshots WHERE code = 'code/1'")
        assert.lengthOf(found, 2)
        const [counted] = yield* sql.unsafe<{ readonly deadlocks: bigint }>(
          "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        )
        assert.strictEqual(counted?.deadlocks, 0n, `seed ${seed}`)
      })
    )

    it.effect(
      "are locked in one order by who saves and who removes: the one waits for the other, and not in a circle",
      () =>
        Effect.gen(function* () {
          const { sql, store } = yield* aDatabase
          yield* store.save("code", at(1), { keep: 2 })
          yield* store.save("code", at(2), { keep: 2 })
          const first = yield* holding(sql, sql.unsafe("SELECT FROM eventfold.snapshots WHERE version = 1 FOR UPDATE"))
          const waiters = (count: number) =>
            eventually(
              `${count} who wait`,
              sql.unsafe(
                "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
              ),
              ({ length }) => length === count
            )
          const removing = yield* Effect.forkScoped(store.remove({ code: "code" }))
          yield* waiters(1)
          const saving = yield* Effect.forkScoped(store.save("code", at(2, "again"), { keep: 1 }))
          yield* waiters(2)
          yield* first.end
          assert.strictEqual(yield* Fiber.join(removing), 2)
          yield* Fiber.join(saving)
          assert.deepStrictEqual(yield* store.load("code", stream), Option.some(at(2, "again")))
          assert.deepStrictEqual(yield* rows(sql), [2])
        })
    )

    for (const isolation of ["repeatable read", "serializable"]) {
      it.effect(`are kept as many as they should be where the database prefers ${isolation}`, () =>
        Effect.gen(function* () {
          const { sql: admin, url } = yield* aDatabase
          const name = new URL(url).pathname.slice(1)
          yield* admin.unsafe(`ALTER DATABASE "${name}" SET default_transaction_isolation = '${isolation}'`)
          const sql = yield* connect(url)
          const store = yield* snapshotsOn(sql)
          yield* Effect.forEach(
            Array.from({ length: 40 }, (_, i) => at(1 + ((i * 7) % 40))),
            (one) => store.save("code", one, { keep: 2 }),
            { concurrency: "unbounded" }
          )
          assert.deepStrictEqual(yield* rows(sql), [39, 40])
          assert.strictEqual(yield* store.remove({ code: "code" }), 2)
        })
      )
    }

    it.effect(
      "are refused in a transaction and after it in a fiber that outlives it, and the transaction goes on",
      () =>
        Effect.gen(function* () {
          const { sql, store } = yield* aDatabase
          const ended = yield* Deferred.make<void>()
          const save = Effect.flip(store.save("code", at(1), { keep: 1 }))
          const { after, inside } = yield* PostgresEventStore.transaction(
            Effect.gen(function* () {
              const inside = [yield* save, yield* Effect.flip(store.remove({ code: "code" }))]
              const after = yield* Effect.forkDetach(Effect.andThen(Deferred.await(ended), save))
              yield* sql.unsafe("SELECT 1")
              return { inside, after }
            })
          ).pipe(Effect.provideService(PgClient.PgClient, sql))
          yield* Deferred.succeed(ended, undefined)
          for (const { problem, reason } of [...inside, yield* Fiber.join(after)]) {
            assert.strictEqual(reason, "InvalidRequest")
            assert.match(problem, /it cannot be done inside another one$/)
          }
          assert.deepStrictEqual(yield* rows(sql), [])
        })
    )

    it.effect("are loaded in a transaction on its own connection, as it sees them", () =>
      Effect.gen(function* () {
        const { store: other, url } = yield* aDatabase
        yield* other.save("code", at(1), { keep: 9 })
        // There is no second connection to wait for.
        const sql = yield* connect(url, { maxConnections: 1 })
        const store = yield* snapshotsOn(sql)
        const found = yield* sql
          .withTransaction(
            Effect.gen(function* () {
              yield* sql.unsafe("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
              const before = yield* store.load("code", stream)
              yield* other.save("code", at(2), { keep: 9 })
              return [before, yield* store.load("code", stream)]
            })
          )
          .pipe(within("a load waits for another connection"))
        assert.deepStrictEqual(found, [Option.some(at(1)), Option.some(at(1))])
        assert.deepStrictEqual(yield* store.load("code", stream), Option.some(at(2)))
      })
    )

    it.effect("say that it is not known what became of them when the connection is lost", () =>
      Effect.gen(function* () {
        const { sql, url } = yield* aDatabase
        const store = yield* snapshotsOn(yield* connect(url))
        yield* store.save("code", at(1), { keep: 9 })
        const lock = yield* holding(sql, sql.unsafe("LOCK TABLE eventfold.snapshots IN EXCLUSIVE MODE"))
        const saving = yield* Effect.forkScoped(Effect.flip(store.save("code", at(2), { keep: 9 })))
        yield* eventually(
          "a save that waits for the table",
          sql.unsafe(`SELECT pg_terminate_backend(pid) FROM pg_locks WHERE NOT granted
            AND relation = 'eventfold.snapshots'::regclass`),
          (ended) => ended.length === 1
        )
        const { isRetryable, reason } = yield* Fiber.join(saving)
        assert.deepStrictEqual([reason, isRetryable], ["OutcomeUnknown", true])
        yield* lock.end
        yield* store.save("code", at(2), { keep: 9 })
        assert.deepStrictEqual(yield* rows(sql), [1, 2])
      })
    )

    it.effect("are not loaded any more when their scope is closed", () =>
      Effect.gen(function* () {
        const { sql } = yield* aDatabase
        const store = yield* Effect.scoped(snapshotsOn(sql))
        const { reason } = yield* Effect.flip(store.load("code", stream))
        assert.strictEqual(reason, "Unavailable")
      })
    )

    it.effect("ask for no more rights than are documented", () =>
      Effect.gen(function* () {
        const { sql: owner, store: full, url } = yield* aDatabase
        yield* full.save("code", at(1), { keep: 1 })
        const role = `app_${crypto.randomUUID().slice(0, 8)}`
        yield* owner.unsafe(`CREATE ROLE ${role} LOGIN PASSWORD '${role}'`)
        yield* owner.unsafe(`GRANT USAGE ON SCHEMA eventfold TO ${role}`)
        yield* owner.unsafe(`GRANT SELECT ON eventfold.snapshots TO ${role}`)
        yield* Effect.addFinalizer(() =>
          Effect.ignore(Effect.andThen(owner.unsafe(`DROP OWNED BY ${role}`), owner.unsafe(`DROP ROLE ${role}`)))
        )
        const asRole = new URL(url)
        asRole.username = role
        asRole.password = role
        const store = yield* snapshotsOn(yield* connect(asRole.href))
        assert.deepStrictEqual(yield* store.load("code", stream), Option.some(at(1)))
        const refused = yield* Effect.all([
          Effect.flip(store.save("code", at(2), { keep: 1 })),
          Effect.flip(store.remove({ code: "code" }))
        ])
        for (const { reason } of refused) assert.strictEqual(reason, "AccessDenied")
        yield* owner.unsafe(`GRANT INSERT, UPDATE, DELETE ON eventfold.snapshots TO ${role}`)
        yield* store.save("code", at(2), { keep: 1 })
        yield* store.save("code", at(2, "again"), { keep: 1 })
        assert.deepStrictEqual(yield* store.load("code", stream), Option.some(at(2, "again")))
        assert.strictEqual(yield* store.remove({ code: "code" }), 1)
      })
    )

    it.effect("of logs in different schemas are different snapshots, whatever the schemas are called", () =>
      Effect.gen(function* () {
        const { sql, store } = yield* aDatabase
        const schema = `it's "quoted" $`
        yield* storeOn(sql, { schema })
        const other = yield* PostgresSnapshotStore.make({ schema }).pipe(Effect.provideService(PgClient.PgClient, sql))
        yield* other.save("code", at(3), { keep: 1 })
        assert.deepStrictEqual(yield* store.load("code", stream), Option.none())
        assert.deepStrictEqual(yield* other.load("code", stream), Option.some(at(3)))
        assert.strictEqual(yield* other.remove({ code: "" }), 1)
        const wrong = PostgresSnapshotStore.make({ schema: "" }).pipe(Effect.provideService(PgClient.PgClient, sql))
        assert.strictEqual((yield* Effect.flip(wrong)).reason, "Misconfigured")
      })
    )

    it.effect("say that the migrations are missing where they are", () =>
      Effect.gen(function* () {
        const sql = yield* connect(yield* Effect.flatMap(TestServer, freshDatabase))
        const store = yield* snapshotsOn(sql)
        for (const failing of [store.load("code", stream), store.save("code", at(1), { keep: 1 })]) {
          const { problem, reason } = yield* Effect.flip<unknown, { problem: string; reason: string }, never>(failing)
          assert.strictEqual(reason, "Misconfigured")
          assert.match(problem, /: run the migrations$/)
        }
      })
    )
  }
)

describe("embedded snapshots", () => {
  it.live("are loaded in a transaction, which holds the only session there is", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* migrate(sql, "eventfold")
      const store = yield* snapshotsOn(sql)
      yield* store.save("code", at(1), { keep: 1 })
      const load = within("a load waits for its own transaction")(store.load("code", stream))
      assert.deepStrictEqual(yield* sql.withTransaction(load), Option.some(at(1)))
    }).pipe(Effect.scoped, Effect.provide(EmbeddedPgClient.layer()))
  )
})
