/**
 * What a reader costs: a page of memory however long the log is, and no connection while it thinks.
 */
import { join } from "node:path"
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Fiber, Latch, Layer, Schema, Stream } from "effect"
import { EventStore, StreamName } from "eventfold"
import { PostgresEventStore } from "eventfold/postgres"
import { node, root } from "../support/project.ts"
import { clientOf, TestServer } from "../support/server.ts"
import { BigServer } from "./support/bigServer.ts"

const schema = "memory"
const stream = StreamName.make("counter", "1")
const size = 1_000_000

/** Events of a mebibyte each: every other one is stored as it is, and the rest compressed to a hundredth. */
const large = { schema: "large", stream: StreamName.make("document", "1"), size: 300, bytes: 1024 * 1024 - 100 }

const fillLarge = `WITH random AS (
  SELECT left(string_agg(md5(i::text), ''), ${large.bytes}) AS text FROM generate_series(1, ${large.bytes / 32} + 1) AS g (i)
)
INSERT INTO ${large.schema}.events
  (position, stream, version, id, type, schema_version, recorded_at, tags, data, metadata)
SELECT i, '${large.stream}', i, lpad(to_hex(i), 32, '0')::uuid, CASE WHEN i % 2 = 0 THEN 'Even' ELSE 'Odd' END, 1,
  '2026-01-01Z'::timestamptz + i * interval '1 ms', '{}',
  jsonb_build_object('i', i, 'text', CASE WHEN i % 4 < 2 THEN text ELSE repeat('x', ${large.bytes}) END), '{}'
FROM generate_series(1, ${large.size}) AS g (i), random`

const fill = `INSERT INTO ${schema}.events
  (position, stream, version, id, type, schema_version, recorded_at, tags, data, metadata)
SELECT i, '${stream}', i, lpad(to_hex(i), 32, '0')::uuid, CASE WHEN i % 2 = 0 THEN 'Even' ELSE 'Odd' END, 1,
  '2026-01-01Z'::timestamptz + i * interval '1 ms', '{}', '{"amount": 1, "note": "a few words"}', '{}'
FROM generate_series(1, ${size}) AS g (i)`

const Report = Schema.fromJsonString(
  Schema.Struct({
    results: Schema.Array(Schema.Struct({ way: Schema.String, events: Schema.Int, grown: Schema.Int })),
    mostResident: Schema.Int
  })
)

/** Reads all events whichever way in a process of its own, and gives what it has come to. */
const report = (of: {
  readonly schema: string
  readonly stream: string
  readonly size: number
  readonly every: number
}) =>
  Effect.gen(function* () {
    const { url } = yield* TestServer
    const reader = join("test", "postgres", "support", "bigReader.ts")
    const options = ["--expose-gc", "--conditions=@eventfold/source"]
    const { code, stdout, stderr } = yield* Effect.promise(() =>
      node([...options, reader, url, of.schema, of.stream, String(of.every)], root)
    )
    assert.strictEqual(code, 0, stderr)
    const { mostResident, results } = yield* Schema.decodeEffect(Report)(stdout)
    assert.deepStrictEqual(
      results.map(({ way, events }) => [way, events]),
      [
        ["the stream", of.size],
        ["the stream backward", of.size],
        ["the log", of.size],
        ["the log backward by type", of.size / 2],
        ["a subscription that catches up", of.size]
      ]
    )
    return { mostResident, mostGrown: Math.max(...results.map(({ grown }) => grown)) }
  })

/** A store over the filled log, on three connections: two listen, one of them for the store of large events, and one is left. */
const FilledStore = Layer.unwrap(
  Effect.map(TestServer, (server) =>
    Layer.effect(
      EventStore.EventStore,
      Effect.gen(function* () {
        const store = yield* PostgresEventStore.make({ schema })
        const sql = yield* PgClient.PgClient
        yield* PostgresEventStore.make({ schema: large.schema })
        yield* sql.unsafe(fill)
        yield* sql.unsafe(fillLarge)
        yield* sql.unsafe("ANALYZE")
        return store
      })
    ).pipe(Layer.provide(clientOf(server, { maxConnections: 3 })))
  )
)

layer(FilledStore.pipe(Layer.provideMerge(BigServer)), { excludeTestServices: true, timeout: "2 minutes" })(
  "reading a million events",
  (it) => {
    it.effect(
      "takes less than 50 MB of memory, whichever way",
      () =>
        Effect.gen(function* () {
          const { mostGrown } = yield* report({ schema, stream, size, every: 50_000 })
          assert.isBelow(mostGrown, 50_000_000)
        }),
      120_000
    )

    it.effect(
      "takes no more when the events are large: a page has fewer of them",
      () =>
        Effect.gen(function* () {
          const { mostGrown, mostResident } = yield* report({ ...large, every: 1 })
          // A page that is compressed unfolds to 60 MB, and is there as bytes, as text and as values.
          assert.isBelow(mostGrown, 100_000_000)
          assert.isBelow(mostResident, 500_000_000)
        }),
      120_000
    )

    it.effect(
      "holds no connection while a reader thinks",
      () =>
        Effect.gen(function* () {
          const store = yield* EventStore.EventStore
          const go = yield* Latch.make(false)
          const slow = (events: Stream.Stream<unknown, EventStore.StoreError>) =>
            Effect.gen(function* () {
              const reading = yield* Latch.make(false)
              const fiber = yield* events.pipe(
                Stream.tap(() => Effect.andThen(reading.open, go.await)),
                Stream.take(1500),
                Stream.runCount,
                Effect.forkScoped
              )
              yield* reading.await
              return fiber
            })
          const fibers = yield* Effect.forEach(Array.from({ length: 5 }), () =>
            Effect.all([
              slow(store.readLog()),
              slow(store.readLog({ direction: "backward", query: [{ types: ["Even"] }] })),
              slow(store.readStream(stream)),
              slow(store.subscribe({ after: 0 }))
            ])
          )
          const event = {
            id: crypto.randomUUID(),
            type: "Even",
            schemaVersion: 1,
            tags: [],
            data: {},
            metadata: {}
          }
          const appended = yield* store.append([{ stream: "other-1", expected: "no stream", events: [event] }])
          assert.strictEqual(appended.position, yield* store.head)
          assert.strictEqual(yield* Stream.runCount(store.readLog({ from: size - 2000 })), 2002)
          yield* go.open
          const counts = yield* Effect.forEach(fibers.flat(), Fiber.join)
          assert.deepStrictEqual(
            counts,
            Array.from({ length: 20 }, () => 1500)
          )
        }).pipe(Effect.scoped, Effect.timeout("60 seconds")),
      120_000
    )
  }
)
