/**
 * The same event ids from several clients and processes at the same time: stored once, and answered alike.
 */
import { join } from "node:path"
import { assert, layer } from "@effect/vitest"
import { Effect, Fiber, Schema, Stream } from "effect"
import { node, root } from "../support/project.ts"
import { freshDatabase, TestServer } from "../support/server.ts"
import { Answer, repeat } from "./support/repetition.ts"
import { connect, eventually, freshSchema, lockWaiters, storeOn } from "./support/stores.ts"

const count = 300

const newIds = (): ReadonlyArray<string> => Array.from({ length: 2 * count }, () => crypto.randomUUID())

const decode = Schema.decodeEffect(Schema.fromJsonString(Schema.Array(Answer)))

/** All were answered alike, but for who was first; and both were first at times, or there was no race. */
const agree = (one: ReadonlyArray<Answer>, other: ReadonlyArray<Answer>) => {
  assert.lengthOf(one, count)
  for (const [n, answer] of one.entries()) {
    const { repeated, ...rest } = answer
    assert.deepStrictEqual(other[n], { ...rest, repeated: !repeated })
  }
}

layer(TestServer.layer({ settings: { fsync: "off" } }), {
  excludeTestServices: true,
  concurrent: false,
  timeout: 60_000
})("appends of the same event ids", (it) => {
  const place = Effect.gen(function* () {
    const url = yield* freshDatabase(yield* TestServer)
    const schema = freshSchema()
    const sql = yield* connect(url)
    const store = yield* storeOn(sql, { schema })
    const isStoredOnce = (ids: ReadonlyArray<string>) =>
      Effect.gen(function* () {
        const log = yield* Stream.runCollect(store.readLog())
        assert.deepStrictEqual(log.map(({ id }) => id).toSorted(), ids.toSorted())
      })
    return { url, schema, sql, store, isStoredOnce }
  })

  it.effect("from two clients at once are stored once, and both are answered alike", () =>
    Effect.gen(function* () {
      const { isStoredOnce, schema, store, url } = yield* place
      const other = yield* storeOn(yield* connect(url), { schema, migrate: false })
      const ids = newIds()
      const [first, second] = yield* Effect.all([repeat(store, ids), repeat(other, ids)], { concurrency: 2 })
      agree(first, second)
      yield* isStoredOnce(ids)
    })
  )

  it.effect("from two processes at once are stored once, and both are answered alike", () =>
    Effect.gen(function* () {
      const { isStoredOnce, schema, sql, url } = yield* place
      const ids = newIds()
      const program = join("test", "postgres", "support", "repeater.ts")
      const parameters = ["--conditions=@eventfold/source", program, url, schema, JSON.stringify(ids)]
      const run = Effect.promise(() => node(parameters, root))
      const gate = yield* sql.reserve
      yield* gate.execute("SELECT pg_advisory_lock(42)", [], undefined)
      const running = yield* Effect.forkChild(Effect.all([run, run], { concurrency: 2 }))
      yield* eventually("both are there", lockWaiters(sql), (n) => n === 2, "20 seconds")
      yield* gate.execute("SELECT pg_advisory_unlock(42)", [], undefined)
      const ended = yield* Fiber.join(running)
      for (const { code, stderr } of ended) assert.strictEqual(code, 0, stderr)
      const [first, second] = yield* Effect.forEach(ended, ({ stdout }) => decode(stdout))
      agree(first!, second!)
      yield* isStoredOnce(ids)
    }).pipe(Effect.scoped)
  )
})
