/**
 * The embedded database through the client of a server: what a program relies on, and what one session shared by many
 * connections could break.
 */
import { PgClient, PgConnection } from "@effect/sql-pg"
import { assert, describe, it, layer } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Queue, Scope, Stream } from "effect"
import { SqlClient } from "effect/sql"
import type { Backend } from "../../src/postgres/embedded/Backend.ts"
import * as EmbeddedPgClient from "../../src/postgres/embedded/EmbeddedPgClient.ts"
import * as Pglite from "../../src/postgres/embedded/pglite.ts"
import { Session } from "../../src/postgres/embedded/Session.ts"
import { connectTo } from "../../src/postgres/embedded/wire.ts"

const live = { excludeTestServices: true, timeout: 60_000 } as const

/** Fibers that are blocked stay so for a while: many turns of the event loop. */
const manyTurns = Effect.repeat(Effect.yieldNow, { times: 2_000 })

const aSession = (patienceMillis?: number) =>
  Effect.acquireRelease(
    Effect.flatMap(Pglite.open(undefined), (backend) => Effect.promise(() => Session.open(backend, patienceMillis))),
    (session) => Effect.promise(() => session.close())
  )

const connection = (session: Session) =>
  PgConnection.make({ stream: () => connectTo(session), username: "postgres", preparedStatementCacheSize: 3 })

const valueOf = (rows: ReadonlyArray<ReadonlyArray<unknown>>) => rows[0]?.[0]

const count = (table: string) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const rows = yield* sql<{ n: bigint }>`SELECT count(*) AS n FROM ${sql(table)}`
    return Number(rows[0]?.n)
  })

layer(EmbeddedPgClient.layer(), live)("the embedded database", (it) => {
  it.effect("is PostgreSQL", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const rows = yield* sql`SELECT ${1}::int + 1 AS two, ${"x"}::text AS x, now() > ${new Date(0)} AS later`
      assert.deepStrictEqual(rows, [{ two: 2, x: "x", later: true }])
    })
  )

  it.effect("goes on after an error, and tells it as a server does", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* sql`CREATE TABLE errors (id int PRIMARY KEY)`
      const syntax = yield* Effect.flip(sql`SELEC 1`)
      assert.strictEqual(syntax.reason._tag, "SqlSyntaxError")
      yield* sql`INSERT INTO errors VALUES (${1})`
      const twice = yield* Effect.flip(sql`INSERT INTO errors VALUES (${1})`)
      assert.strictEqual(twice.reason._tag, "UniqueViolation")
      // Prepared, and failing at every run.
      for (const n of [1, 2, 3]) yield* Effect.flip(sql`SELECT ${n}::int / 0`)
      assert.strictEqual(yield* count("errors"), 1)
    })
  )

  it.effect("rolls back to a savepoint when a nested transaction fails", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* sql`CREATE TABLE nested (id int PRIMARY KEY)`
      yield* sql.withTransaction(
        Effect.gen(function* () {
          yield* sql`INSERT INTO nested VALUES (1)`
          yield* Effect.flip(sql.withTransaction(Effect.andThen(sql`INSERT INTO nested VALUES (2)`, sql`SELECT 1 / 0`)))
          yield* sql`INSERT INTO nested VALUES (3)`
        })
      )
      assert.deepStrictEqual(yield* sql`SELECT id FROM nested ORDER BY id`, [{ id: 1 }, { id: 3 }])
    })
  )

  it.effect("carries 10 MB there and back", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const text = "0123456789".repeat(1_000_000)
      const bytes = new Uint8Array(10_000_000).map((_, index) => index % 251)
      const [one] = yield* sql<{ text: string }>`SELECT ${text}::text AS text`
      assert.isTrue(one?.text === text)
      const [two] = yield* sql<{ bytes: Uint8Array }>`SELECT ${bytes}::bytea AS bytes`
      assert.isTrue(Buffer.from(bytes).equals(two?.bytes ?? new Uint8Array()))
    })
  )

  it.effect("streams, to the end and not", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const numbers = sql<{ n: number }>`SELECT n, repeat('x', 500) AS x FROM generate_series(1, 30000) AS n`.stream
      assert.strictEqual(
        yield* Stream.runFold(
          numbers,
          () => 0,
          (sum, { n }) => sum + n
        ),
        450_015_000
      )
      assert.strictEqual((yield* Stream.runCollect(Stream.take(numbers, 7))).length, 7)
      assert.deepStrictEqual(yield* sql`SELECT 1 AS one`, [{ one: 1 }])
    })
  )

  it.effect("does not let a transaction see, or end, another one's work", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* sql`CREATE TABLE apart (who text)`
      const inserted = yield* Deferred.make<void>()
      const fail = yield* Deferred.make<void>()
      const rolledBack = yield* Effect.forkChild(
        sql.withTransaction(
          Effect.gen(function* () {
            yield* sql`INSERT INTO apart VALUES ('rolled back')`
            yield* Deferred.succeed(inserted, undefined)
            yield* Deferred.await(fail)
            return yield* Effect.fail("on purpose" as const)
          })
        )
      )
      yield* Deferred.await(inserted)
      const plain = yield* Effect.forkChild(sql`INSERT INTO apart VALUES ('kept')`)
      yield* manyTurns
      assert.isUndefined(plain.pollUnsafe(), "it ran inside of the transaction of another connection")
      yield* Deferred.succeed(fail, undefined)
      assert.isTrue(Exit.isFailure(yield* Fiber.await(rolledBack)))
      yield* Fiber.join(plain)
      assert.deepStrictEqual(yield* sql`SELECT who FROM apart`, [{ who: "kept" }])
    })
  )

  it.effect("serves 200 fibers of transactions, queries, failures and interruptions, and listeners", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* sql`CREATE TABLE counter (n int)`
      yield* sql`INSERT INTO counter VALUES (0)`
      yield* sql`CREATE TABLE entries (fiber int, step int)`
      const first = yield* sql.listen("counted")
      const second = yield* sql.listen("counted")
      const deposit = (fiber: number, outcome: "kept" | "failed") =>
        sql.withTransaction(
          Effect.gen(function* () {
            const [row] = yield* sql<{ n: number }>`SELECT n FROM counter`
            yield* sql`INSERT INTO entries VALUES (${fiber}, 1)`
            yield* Effect.yieldNow
            yield* sql`UPDATE counter SET n = ${row!.n + 1}`
            yield* sql`INSERT INTO entries VALUES (${fiber}, 2)`
            yield* sql`SELECT pg_notify('counted', ${String(fiber)})`
            if (outcome === "failed") return yield* Effect.fail("on purpose" as const)
          })
        )
      const work = (fiber: number): Effect.Effect<unknown, unknown> => {
        switch (fiber % 5) {
          case 0:
          case 1:
            return deposit(fiber, "kept")
          case 2:
            return Effect.flip(deposit(fiber, "failed"))
          case 3:
            return Effect.map(
              sql<{ fibers: bigint }>`
              SELECT count(*) AS fibers FROM (SELECT fiber FROM entries GROUP BY fiber HAVING count(*) <> 2) AS half
            `,
              (rows) => assert.strictEqual(rows[0]?.fibers, 0n, "a query saw a transaction half done")
            )
          default:
            return Effect.ignore(Effect.timeout(deposit(fiber, "failed"), `${fiber % 30} millis`))
        }
      }
      yield* Effect.all(
        Array.from({ length: 200 }, (_, fiber) => work(fiber)),
        { concurrency: "unbounded", discard: true }
      )
      assert.deepStrictEqual(yield* sql`SELECT n FROM counter`, [{ n: 80 }])
      assert.strictEqual(yield* count("entries"), 160)
      for (const queue of [first, second]) {
        const heard = yield* Effect.all(Array.from({ length: 80 }, () => Queue.take(queue)))
        assert.strictEqual(new Set(heard.map(({ payload }) => payload)).size, 80)
        assert.isTrue(heard.every(({ payload }) => Number(payload) % 5 < 2))
        assert.strictEqual(yield* Queue.size(queue), 0)
      }
    }).pipe(Effect.scoped)
  )

  it.effect("keeps a listener listening when another one of the same channel stops", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const scope = yield* Scope.make()
      const stays = yield* sql.listen("shared")
      yield* Scope.provide(sql.listen("shared"), scope)
      yield* Scope.close(scope, Exit.void)
      yield* sql.notify("shared", "still there?")
      assert.strictEqual((yield* Queue.take(stays)).payload, "still there?")
    }).pipe(Effect.scoped)
  )

  it.effect("takes an interrupted query out of the queue at once", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* sql`CREATE TABLE interrupted (n int)`
      const begun = yield* Deferred.make<void>()
      const end = yield* Deferred.make<void>()
      const transaction = sql.withTransaction(
        Effect.all([sql`SELECT 1`, Deferred.succeed(begun, undefined), Deferred.await(end)], { discard: true })
      )
      const holder = yield* Effect.forkChild(transaction)
      yield* Deferred.await(begun)
      const waiting = yield* Effect.forkChild(sql`INSERT INTO interrupted VALUES (1)`)
      yield* manyTurns
      const started = performance.now()
      yield* Fiber.interrupt(waiting)
      assert.isBelow(performance.now() - started, 1_000)
      assert.isUndefined(holder.pollUnsafe())
      yield* Deferred.succeed(end, undefined)
      yield* Fiber.join(holder)
      assert.strictEqual(yield* count("interrupted"), 0)
    })
  )

  it.effect("survives a COPY, which the client does not know", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* sql`CREATE TABLE copied (n int)`
      yield* Effect.flip(sql`COPY copied FROM STDIN`)
      yield* Effect.flip(sql`COPY copied TO STDOUT`)
      assert.strictEqual(yield* count("copied"), 0)
    })
  )
})

describe("connections that share the session", () => {
  it.live("keep their settings to themselves", () =>
    Effect.gen(function* () {
      const session = yield* aSession()
      const one = yield* connection(session)
      const two = yield* connection(session)
      const setting = (who: PgConnection.PgConnection, name: string) =>
        Effect.map(who.queryValues("SELECT current_setting($1)", [name]), valueOf)
      yield* one.query("SET work_mem = '7MB'")
      yield* one.query("SET TIME ZONE 'Asia/Tokyo'")
      yield* two.queryValues("SELECT set_config('work_mem', '9MB', false)")
      assert.strictEqual(yield* setting(one, "work_mem"), "7MB")
      assert.strictEqual(yield* setting(two, "work_mem"), "9MB")
      assert.strictEqual(yield* setting(one, "TimeZone"), "Asia/Tokyo")
      assert.strictEqual(yield* setting(two, "TimeZone"), "UTC")
      yield* one.query("BEGIN")
      yield* one.query("SET LOCAL work_mem = '5MB'")
      assert.strictEqual(yield* setting(one, "work_mem"), "5MB")
      yield* one.query("ROLLBACK")
      assert.strictEqual(yield* setting(one, "work_mem"), "7MB")
      yield* one.query("CREATE ROLE reader")
      yield* one.query("SET ROLE reader")
      assert.strictEqual(valueOf(yield* two.queryValues("SELECT current_user::text")), "postgres")
      assert.strictEqual(valueOf(yield* one.queryValues("SELECT current_user::text")), "reader")
      yield* one.query("DISCARD ALL")
      assert.strictEqual(yield* setting(two, "work_mem"), "9MB")
      assert.notStrictEqual(yield* setting(one, "work_mem"), "7MB")
    }).pipe(Effect.scoped)
  )

  it.live("keep their prepared statements apart, and take them along when they go", () =>
    Effect.gen(function* () {
      const session = yield* aSession()
      const one = yield* connection(session)
      const prepared = one.queryValues("SELECT count(*) FROM pg_prepared_statements", [], false)
      const before = Number(valueOf(yield* prepared))
      yield* Effect.gen(function* () {
        const two = yield* connection(session)
        for (let round = 0; round < 3; round++) {
          for (let n = 0; n < 7; n++) {
            // The same texts with another meaning, more of them than either keeps.
            assert.strictEqual(valueOf(yield* one.queryValues(`SELECT $1::text || '${n}'`, ["one"])), `one${n}`)
            assert.strictEqual(valueOf(yield* two.queryValues(`SELECT $1::text || '${n}'`, ["two"])), `two${n}`)
          }
        }
        assert.isAbove(Number(valueOf(yield* prepared)), before + 3)
        yield* two.query("DEALLOCATE ALL")
        assert.isAbove(Number(valueOf(yield* prepared)), before + 3)
      }).pipe(Effect.scoped)
      assert.isAtMost(Number(valueOf(yield* prepared)), before + 4)
    }).pipe(Effect.scoped)
  )

  it.live("leave nothing of a transaction when they are lost in it", () =>
    Effect.gen(function* () {
      const session = yield* aSession()
      const one = yield* connection(session)
      yield* one.query("CREATE TABLE t (n int)")
      yield* Effect.gen(function* () {
        const two = yield* connection(session)
        yield* two.query("BEGIN")
        yield* two.query("INSERT INTO t VALUES (1)")
      }).pipe(Effect.scoped)
      const wire = connectTo(session)
      const lost = yield* PgConnection.make({ stream: () => wire, username: "postgres" })
      yield* lost.query("BEGIN")
      yield* lost.query("INSERT INTO t VALUES (2)")
      wire.destroy()
      assert.strictEqual((yield* Effect.flip(lost.query("SELECT 1"))).reason._tag, "ConnectionError")
      assert.strictEqual(valueOf(yield* one.queryValues("SELECT count(*) FROM t")), 0n)
    }).pipe(Effect.scoped)
  )

  it.live("are told when a transaction that waits for them would wait for ever", () =>
    Effect.gen(function* () {
      const session = yield* aSession(200)
      const one = yield* connection(session)
      const two = yield* connection(session)
      yield* one.query("BEGIN")
      const refused = yield* Effect.flip(two.query("SELECT 1"))
      assert.strictEqual(refused.reason._tag, "LockTimeoutError")
      yield* one.query("COMMIT")
      assert.strictEqual(valueOf(yield* two.queryValues("SELECT 1")), 1)
    }).pipe(Effect.scoped)
  )

  it.live("fail, and do not hang, when PostgreSQL is no more", () =>
    Effect.gen(function* () {
      const real = yield* Pglite.open(undefined)
      let broken = false
      const backend: Backend = {
        ...real,
        execute: (frames) => (broken ? Promise.reject(new Error("exit")) : real.execute(frames))
      }
      const session = yield* Effect.promise(() => Session.open(backend))
      const one = yield* connection(session)
      const two = yield* connection(session)
      broken = true
      assert.strictEqual((yield* Effect.flip(one.query("SELECT 1"))).reason._tag, "ConnectionError")
      assert.strictEqual((yield* Effect.flip(two.query("SELECT 1"))).reason._tag, "ConnectionError")
      const third = yield* Effect.flip(connection(session))
      assert.strictEqual(third.reason._tag, "ConnectionError")
      yield* Effect.promise(() => session.close())
    }).pipe(Effect.scoped)
  )
})
