/**
 * Streams that are read at the same time, when readers leave, the database fails, connections are killed, or the store closes.
 */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope } from "effect"
import type { StreamName } from "eventfold"
import { quoted } from "../../src/postgres/schema/names.ts"
import { TestServer } from "../support/server.ts"
import { connect, eventually, freshSchema, holding, storeOn, within } from "./support/stores.ts"
import {
  Reader,
  aStore,
  databases,
  fill,
  live,
  readFacts,
  server,
  settle,
  upTo,
  versionsOf,
  watched
} from "./support/watched.ts"

for (const [database, client] of databases) {
  layer(client, live)(`streams that are read at the same time, on ${database},`, (it) => {
    it.effect("are not read for a reader that has left before they were asked for, and the others get theirs", () =>
      Effect.gen(function* () {
        const { answers, sent, store } = yield* aStore()
        const streams = upTo(6).map((i): StreamName.StreamName => `account-${i}`)
        for (const [i, stream] of streams.entries()) yield* fill(store, stream, i + 1)
        answers.closeUnsafe()
        sent.length = 0
        // One by itself and two more statements are on their way; then the others wait.
        const readers = yield* Effect.forEach(streams, (stream) =>
          Effect.tap(Effect.forkChild(readFacts(store, stream)), () => settle)
        )
        assert.lengthOf(sent, 3)
        yield* Fiber.interrupt(readers[1]!)
        yield* Fiber.interrupt(readers[4]!)
        answers.openUnsafe()
        for (const i of [0, 2, 3, 5]) {
          assert.deepStrictEqual(versionsOf(yield* Fiber.join(readers[i]!)), upTo(i + 1))
        }
        assert.notInclude(
          sent.flatMap(({ streams }) => streams),
          "account-5"
        )
        // Nothing is left behind: the next one goes by itself again.
        sent.length = 0
        const next = Effect.provideService(readFacts(store, "account-5"), Reader, "me")
        assert.deepStrictEqual(versionsOf(yield* next), upTo(5))
        assert.deepStrictEqual(sent, [{ streams: ["account-5"], isGathered: false, rows: 5, reader: "me" }])
      })
    )

    it.effect("fail all alike, and only these, when the database fails", () =>
      Effect.gen(function* () {
        const { schema, sent, sql, store } = yield* aStore()
        yield* fill(store, "account-1", 1)
        const events = `${quoted(schema)}.events`
        yield* sql.unsafe(`ALTER TABLE ${events} RENAME TO elsewhere`)
        sent.length = 0
        const errors = yield* Effect.forEach(upTo(30), () => Effect.flip(readFacts(store, "account-1")), {
          concurrency: "unbounded"
        })
        assert.deepStrictEqual(
          errors.map(({ _tag, isRetryable, reason }) => ({ _tag, isRetryable, reason })),
          errors.map(() => ({ _tag: "StoreError", isRetryable: false, reason: "Misconfigured" }))
        )
        assert.isAtMost(sent.length, 3)
        yield* sql.unsafe(`ALTER TABLE ${quoted(schema)}.elsewhere RENAME TO events`)
        assert.lengthOf(yield* readFacts(store, "account-1"), 1)
      })
    )

    it.effect("do not fail with one that the database chokes on", () =>
      Effect.gen(function* () {
        const { schema, sent, sql, store } = yield* aStore()
        const streams = upTo(10).map((i): StreamName.StreamName => `account-${i}`)
        for (const stream of streams) yield* fill(store, stream, 1)
        const s = quoted(schema)
        yield* sql.unsafe(`ALTER TABLE ${s}.events RENAME TO sound`)
        yield* sql.unsafe(`CREATE VIEW ${s}.events AS
SELECT position / CASE WHEN stream = 'account-5' THEN 0 ELSE 1 END AS position,
  stream, version, id, type, schema_version, recorded_at, tags, data, metadata FROM ${s}.sound`)
        sent.length = 0
        const read = yield* Effect.forEach(streams, (stream) => Effect.exit(readFacts(store, stream)), {
          concurrency: "unbounded"
        })
        assert.isTrue(sent.some(({ isGathered, streams }) => isGathered && streams.includes("account-5")))
        assert.deepStrictEqual(
          read.flatMap((exit, i) => (Exit.isFailure(exit) ? [i] : [])),
          [4]
        )
      })
    )

    it.effect("fail when the store closes before they were asked for, and come when it closes afterwards", () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const { answers, client, sent } = watched(sql)
        const scope = yield* Scope.make()
        const store = yield* Scope.provide(storeOn(client, { schema: freshSchema() }), scope)
        yield* fill(store, "account-1", 1)
        answers.closeUnsafe()
        sent.length = 0
        const readers = yield* Effect.forEach(upTo(5), () =>
          Effect.tap(Effect.forkChild(Effect.exit(readFacts(store, "account-1"))), () => settle)
        )
        assert.lengthOf(sent, 3)
        const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void))
        yield* settle
        answers.openUnsafe()
        yield* Fiber.join(closing).pipe(within("the scope closes"))
        const late = yield* Effect.exit(readFacts(store, "account-1"))
        const exits = [...(yield* Effect.forEach(readers, Fiber.join)), late]
        exits.forEach((exit, i) =>
          assert.strictEqual(
            Exit.isSuccess(exit) ? "read" : String(Exit.findErrorOption(exit)).includes("the store is closed"),
            i < 3 ? "read" : true
          )
        )
      })
    )
  })
}

layer(server, live)("streams that are read at the same time, when their connections are killed,", (it) => {
  it.effect("fail with what was lost, each, and are there when they are read again", () =>
    Effect.gen(function* () {
      const { url } = yield* TestServer
      const admin = yield* connect(url, { applicationName: "admin" })
      const { schema, sent, store } = yield* aStore()
      yield* fill(store, "account-1", 3)
      const lock = yield* holding(admin, admin.unsafe(`LOCK TABLE ${quoted(schema)}.events`))
      sent.length = 0
      const readers = yield* Effect.forEach(upTo(30), () =>
        Effect.forkChild(Effect.flip(readFacts(store, "account-1")))
      )
      const stuck = admin.unsafe<{ readonly pid: number }>(
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'readers' AND wait_event_type = 'Lock'"
      )
      yield* eventually("the statements hang", stuck, ({ length }) => length === 2)
      assert.deepStrictEqual(
        sent.map(({ streams }) => streams.length),
        [1, 29]
      )
      yield* admin.unsafe("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'readers'")
      for (const reader of readers) {
        const { isRetryable, reason } = yield* Fiber.join(reader).pipe(within("the readers are told"))
        assert.deepStrictEqual({ isRetryable, reason }, { isRetryable: true, reason: "Unavailable" })
      }
      yield* lock.end
      const again = Effect.retry(readFacts(store, "account-1"), { while: ({ isRetryable }) => isRetryable, times: 20 })
      const read = yield* Effect.forEach(upTo(30), () => again, { concurrency: "unbounded" })
      assert.deepStrictEqual(
        read.map(versionsOf),
        read.map(() => [1, 2, 3])
      )
    })
  )
})
