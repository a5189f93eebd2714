/**
 * What subscriptions cost while nothing happens, and what finds events that no notification told of.
 */
import { assert, layer } from "@effect/vitest"
import { type Duration, Effect, Fiber, Latch, Stream } from "effect"
import { quoted } from "../../src/postgres/schema/names.ts"
import { TestServer } from "../support/server.ts"
import { connect, freshSchema, storeOn, within } from "./support/stores.ts"
import { eventOf, writeTo } from "./support/workload.ts"

/** Subscribers that have had one event and wait for another, on a client with a name of its own. */
const waiting = (count: number, pollInterval: Duration.Input) =>
  Effect.gen(function* () {
    const { url } = yield* TestServer
    const schema = freshSchema()
    const name = `idle_${schema}`
    const observer = yield* connect(url)
    const sql = yield* connect(url, { applicationName: name, maxConnections: 30 })
    const store = yield* storeOn(sql, { schema, pollInterval })
    yield* store.append(writeTo("idle-1", eventOf()))
    const seen: Array<number> = []
    // One after the other, so that catching up does not take more connections than waiting.
    const followers = yield* Effect.forEach(
      Array.from({ length: count }),
      Effect.fnUntraced(function* () {
        const isThere = yield* Latch.make(false)
        const following = Stream.runForEach(Stream.take(store.subscribe({ after: 0 }), 2), ({ position }) =>
          Effect.andThen(
            Effect.sync(() => seen.push(position)),
            isThere.open
          )
        )
        const follower = yield* Effect.forkScoped(following)
        yield* isThere.await
        return follower
      })
    )
    return { followers, name, observer, schema, seen }
  })

layer(TestServer.layer(), { excludeTestServices: true })("subscriptions that wait", (it) => {
  it.effect("do not take a connection each", () =>
    Effect.gen(function* () {
      const { name, observer } = yield* waiting(40, "1 hour")
      const [row] = yield* observer.unsafe<{ readonly count: bigint }>(
        "SELECT count(*) AS count FROM pg_stat_activity WHERE application_name = $1",
        [name]
      )
      // The one that listens, and those of the pool that they have shared to catch up.
      assert.isAtMost(Number(row?.count), 3)
    })
  )

  it.effect("are all that anybody listens for", () =>
    Effect.gen(function* () {
      const { url } = yield* TestServer
      const schema = freshSchema()
      const name = `deaf_${schema}`
      const observer = yield* connect(url)
      const store = yield* storeOn(yield* connect(url, { applicationName: name }), { schema })
      yield* store.append(writeTo("idle-1", eventOf()))
      const listeners = Effect.map(
        observer.unsafe<{ readonly count: bigint }>(
          "SELECT count(*) AS count FROM pg_stat_activity WHERE application_name = $1 AND query LIKE 'LISTEN%'",
          [name]
        ),
        ([row]) => Number(row?.count)
      )
      assert.strictEqual(yield* listeners, 0)
      yield* Effect.forkScoped(Stream.runDrain(store.subscribe({ after: 0 })))
      yield* Effect.repeat(listeners, { until: (count) => count === 1 }).pipe(within("listening", "10 seconds"))
    })
  )

  it.effect("get what is stored without a word", () =>
    Effect.gen(function* () {
      const { followers, observer, schema, seen } = yield* waiting(3, "100 millis")
      const events = `${quoted(schema)}.events`
      yield* observer.unsafe(
        `INSERT INTO ${events}
SELECT position + 1, stream, version + 1, gen_random_uuid(), type, schema_version, recorded_at, tags, data, metadata
FROM ${events} WHERE position = 1`
      )
      yield* Effect.forEach(followers, Fiber.join, { discard: true }).pipe(within("finding it", "10 seconds"))
      assert.deepStrictEqual(
        seen.toSorted((a, b) => a - b),
        [1, 1, 1, 2, 2, 2]
      )
    })
  )
})
