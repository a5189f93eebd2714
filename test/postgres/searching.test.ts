/**
 * A query whose matches are far apart: no statement walks more than a part of the log, and readers go on from there.
 */
import type { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Context, Effect, Fiber, Latch, Layer, Stream } from "effect"
import type { EventStore, Query } from "eventfold"
import { walkSize } from "../../src/postgres/reading.ts"
import { TestServer } from "../support/server.ts"
import { BigServer } from "./support/bigServer.ts"
import { connect, freshSchema, storeOn, within } from "./support/stores.ts"
import { eventOf, writeTo } from "./support/workload.ts"

const schema = "searching"
const size = 300_000
const windows = size / walkSize

/** Where the rare type and the rare tag are. */
const rare = [5, 100_000, 100_001, 150_007, 299_999]

const fill = [
  `INSERT INTO ${schema}.events
  (position, stream, version, id, type, schema_version, recorded_at, tags, data, metadata)
SELECT i, 'counter-1', i, lpad(to_hex(i), 32, '0')::uuid, CASE WHEN i IN (${rare.join(", ")}) THEN 'Rare' ELSE 'Common' END, 1,
  '2026-01-01Z'::timestamptz + i * interval '1 ms',
  CASE WHEN i IN (${rare.join(", ")}) THEN '{common, rare}'::text[] ELSE '{common}' END, '{"amount": 1}', '{}'
FROM generate_series(1, ${size}) AS g (i)`,
  `INSERT INTO ${schema}.event_tags (tag, position) SELECT unnest(tags), position FROM ${schema}.events`
]

/** So many alternatives that to search the whole log with all of them takes more than a second, and a window less than a tenth of one. */
const many = (item: Query.QueryItem): Query.Query => [
  ...Array.from({ length: 25 }, (_, i) => ({ types: [`Absent${i}`] })),
  item
]

const rareType = [{ types: ["Rare"] }]
const rareSecond = [{ tags: ["common", "rare"] }]

class Filled extends Context.Service<Filled, { readonly url: string }>()("test/Filled") {
  static readonly layer = Layer.effect(
    Filled,
    Effect.scoped(
      Effect.gen(function* () {
        const { url } = yield* TestServer
        const sql = yield* connect(url)
        yield* storeOn(sql, { schema })
        for (const statement of fill) yield* sql.unsafe(statement)
        return { url }
      })
    )
  )
}

/** A store that looks for news only when it is told of them, on a client that counts its searches. */
const counting = (statementTimeout = "0") =>
  Effect.gen(function* () {
    const { url } = yield* Filled
    const sql = yield* connect(url, { startupParameters: { statement_timeout: statementTimeout } })
    let searches = 0
    const counted: PgClient.PgClient = new Proxy(sql, {
      get: (target, key, self) =>
        key === "unsafe"
          ? (text: string, parameters?: ReadonlyArray<unknown>) => {
              if (text.includes(".matching(") || text.includes("AS reach")) searches++
              return target.unsafe(text, parameters)
            }
          : Reflect.get(target, key, self)
    })
    const store = yield* storeOn(counted, { schema, migrate: false, pollInterval: "1 hour" })
    return { searches: () => searches, store }
  })

const positions = (events: Stream.Stream<{ readonly position: number }, EventStore.StoreError>) =>
  Effect.map(Stream.runCollect(events), (all) => all.map(({ position }) => position))

const backward = { direction: "backward" } as const

layer(Filled.layer.pipe(Layer.provideMerge(BigServer)), { excludeTestServices: true, timeout: "2 minutes" })(
  "a search for what is rare",
  (it) => {
    it.effect("ends within a statement_timeout that is too short for the whole log, in both directions", () =>
      Effect.gen(function* () {
        const { store } = yield* counting("600ms")
        for (const query of [many({ types: ["Rare"] }), many({ tags: ["common", "rare"] })]) {
          assert.deepStrictEqual(yield* positions(store.readLog({ query })), rare)
          assert.deepStrictEqual(yield* positions(store.readLog({ query, ...backward })), rare.toReversed())
        }
        const subscribed = Stream.take(store.subscribe({ after: 0, query: many({ types: ["Rare"] }) }), rare.length)
        assert.deepStrictEqual(yield* positions(subscribed).pipe(within("catching up", "30 seconds")), rare)
      })
    )

    it.effect("walks positions, or the events of a tag, and no more of them in one statement than it may", () =>
      Effect.gen(function* () {
        const { searches, store } = yield* counting()
        const counted = (read: Parameters<typeof store.readLog>[0]) =>
          Effect.gen(function* () {
            const before = searches()
            const found = yield* positions(store.readLog(read))
            return { found, statements: searches() - before }
          })
        for (const query of [rareType, rareSecond]) {
          assert.deepStrictEqual(yield* counted({ query }), { found: rare, statements: windows })
          assert.deepStrictEqual(yield* counted({ query, ...backward }), {
            found: rare.toReversed(),
            statements: windows
          })
        }
        // There are few of them however long the log is.
        const query = [{ tags: ["rare"] }]
        assert.deepStrictEqual(yield* counted({ query }), { found: rare, statements: 1 })
        assert.deepStrictEqual(yield* counted({ query, ...backward }), { found: rare.toReversed(), statements: 1 })
      })
    )

    it.effect("keeps to its bounds over all its statements", () =>
      Effect.gen(function* () {
        const { store } = yield* counting()
        for (const query of [rareType, rareSecond, [...rareType, ...rareSecond]]) {
          for (const [from, to, limit] of [
            [1, size, 3],
            [6, 150_006, 10],
            [100_000, 150_007, 10],
            [100_001, 299_999, 1],
            [10_001, 20_000, 10],
            [size, 2 * size, 10]
          ] as const) {
            const inside = rare.filter((position) => position >= from && position <= to)
            const bounds = { query, from, to, limit }
            assert.deepStrictEqual(yield* positions(store.readLog(bounds)), inside.slice(0, limit))
            assert.deepStrictEqual(
              yield* positions(store.readLog({ ...bounds, ...backward })),
              inside.toReversed().slice(0, limit)
            )
          }
        }
      })
    )

    it.effect("ends where the log ended when it began, and a subscription goes on from there", () =>
      Effect.gen(function* () {
        const { store } = yield* counting()
        const went = { read: yield* Latch.make(false), back: yield* Latch.make(false) }
        const go = yield* Latch.make(false)
        const slowly = (begun: Latch.Latch, options: EventStore.ReadOptions) =>
          positions(
            Stream.tap(store.readLog({ query: rareType, ...options }), () => Effect.andThen(begun.open, go.await))
          ).pipe(Effect.forkChild)
        const reading = yield* slowly(went.read, {})
        const back = yield* slowly(went.back, backward)
        const seen = yield* Stream.take(store.subscribe({ after: 0, query: rareType }), rare.length + 1).pipe(
          positions,
          Effect.forkChild
        )
        yield* went.read.await
        yield* went.back.await
        const { position } = yield* store.append(writeTo(`later-${freshSchema()}`, eventOf("Rare")))
        yield* go.open
        assert.deepStrictEqual(yield* Fiber.join(reading), rare)
        assert.deepStrictEqual(yield* Fiber.join(back), rare.toReversed())
        assert.deepStrictEqual(yield* Fiber.join(seen).pipe(within("the subscriber", "30 seconds")), [
          ...rare,
          position
        ])
      })
    )
  }
)
