/**
 * Stores that were made by an earlier version of the library: they are brought up to date, and lose nothing.
 */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Option, Stream } from "effect"
import { PostgresProcessStore, PostgresSnapshotStore } from "eventfold/postgres"
import { migrate } from "../../src/postgres/migrate.ts"
import { foundations, migrationLock, migrations, script } from "../../src/postgres/migrations.ts"
import { freshDatabase, TestServer } from "../support/server.ts"
import { runScript } from "./support/bigScript.ts"
import { claimOne, definition, projectionsOn } from "./support/projections.ts"
import { connect, storeOn } from "./support/stores.ts"
import { eventOf } from "./support/workload.ts"

/** The script that a version printed whose last step was this one. */
const scriptUpTo = (schema: string, last: number): string => {
  const all = migrations(schema)
  const whole = script(schema)
  const later = all.filter(({ id }) => id > last)
  const first = later[0]?.statements[0]
  return first === undefined ? whole : `${whole.slice(0, whole.indexOf(first))}COMMIT;\n`
}

layer(TestServer.layer({ settings: { fsync: "off" } }), { excludeTestServices: true })("a store of before", (it) => {
  for (const { id } of migrations("eventfold").slice(0, -1)) {
    it.effect(`that has taken step ${id} is upgraded, reads the same, and goes on`, () =>
      Effect.gen(function* () {
        const sql = yield* connect(yield* Effect.flatMap(TestServer, freshDatabase))
        yield* runScript(sql, scriptUpTo("eventfold", id))
        assert.lengthOf(yield* sql.unsafe("SELECT FROM eventfold.migrations"), id)
        const before = yield* storeOn(sql, { migrate: false })
        for (let i = 0; i < 20; i++) {
          yield* before.append([{ stream: `red-${i % 3}`, expected: "any", events: [eventOf(), eventOf()] }])
        }
        const recorded = yield* Stream.runCollect(before.readLog())
        const after = yield* storeOn(sql, {})
        assert.deepStrictEqual(yield* Stream.runCollect(after.readLog()), recorded)
        assert.lengthOf(yield* sql.unsafe("SELECT FROM eventfold.migrations"), migrations("eventfold").length)
        // Who has not been restarted yet appends as before.
        assert.strictEqual(
          (yield* before.append([{ stream: "red-1", expected: "any", events: [eventOf()] }])).position,
          41
        )
        const projections = yield* projectionsOn(sql)
        yield* projections.register(definition())
        const claim = yield* claimOne(projections)
        assert.deepStrictEqual(claim.standing, { _tag: "Live", replayedTo: [[41]] })
        yield* projections.commit(claim, { to: 41, rate: 0 }, Effect.void)
        const snapshots = yield* PostgresSnapshotStore.make().pipe(Effect.provideService(PgClient.PgClient, sql))
        const snapshot = { stream: "red-1", version: 15, position: 41, state: null } as const
        yield* snapshots.save("code", snapshot, { keep: 1 })
        assert.deepStrictEqual(yield* snapshots.load("code", "red-1"), Option.some(snapshot))
        const processes = yield* PostgresProcessStore.make().pipe(Effect.provideService(PgClient.PgClient, sql))
        yield* processes.request("fulfilment", { partition: 0, instance: "red-1", request: null })
        assert.lengthOf(yield* processes.requests("fulfilment", 0, 10), 1)
      })
    )
  }

  it.effect("is upgraded once by processes that start together, while others append", () =>
    Effect.gen(function* () {
      const sql = yield* connect(yield* Effect.flatMap(TestServer, freshDatabase))
      yield* runScript(sql, scriptUpTo("eventfold", 1))
      const before = yield* storeOn(sql, { migrate: false })
      const appends = Effect.forEach(
        Array.from({ length: 40 }, (_, i) => i),
        (i) => before.append([{ stream: `red-${i}`, expected: "no stream", events: [eventOf()] }]),
        { concurrency: 10 }
      )
      const upgrades = Effect.forEach(Array.from({ length: 4 }), () => migrate(sql, "eventfold"), { concurrency: 4 })
      yield* Effect.all([appends, upgrades], { concurrency: "unbounded" })
      assert.strictEqual(yield* before.head, 40)
      assert.lengthOf(yield* sql.unsafe("SELECT FROM eventfold.migrations"), migrations("eventfold").length)
    })
  )

  it("prints every step, in order, each with a sentence that says what it is for", () => {
    const whole = script("eventfold")
    let at = whole.indexOf(migrationLock("eventfold"))
    assert.isAtLeast(at, 0)
    const statements = [...foundations("eventfold"), ...migrations("eventfold").flatMap(({ statements }) => statements)]
    for (const statement of statements) {
      const next = whole.indexOf(`${statement};\n`, at)
      assert.isAbove(next, at, statement.slice(0, 80))
      at = next
    }
    for (const { name } of migrations("eventfold")) assert.include(whole, `'${name}'`)
  })
})
