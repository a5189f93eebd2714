/**
 * Run by node with --expose-gc: reads a large log through the store, one way after the other, and writes what each way gave, and
 * by how much the heap had grown while it did; and the most memory that the process had at any time.
 *
 *     node --expose-gc bigReader.ts <url> <schema> <stream> <after how many events to look at the heap>
 */
import { Effect, Layer, Redacted, Stream } from "effect"
import { PgClient } from "@effect/sql-pg"
import { EventStore, StreamName } from "eventfold"
import { PostgresEventStore } from "eventfold/postgres"

const [, , url = "", schema = "", streamName = "", every = ""] = process.argv

const program = Effect.gen(function* () {
  const store = yield* EventStore.EventStore
  const stream = yield* Effect.fromResult(StreamName.parse(streamName))
  const ways = {
    "the stream": store.readStream(stream),
    "the stream backward": store.readStream(stream, { direction: "backward" }),
    "the log": store.readLog(),
    "the log backward by type": store.readLog({ direction: "backward", query: [{ types: ["Odd"] }] }),
    "a subscription that catches up": Stream.take(store.subscribe({ after: 0 }), yield* store.head)
  }
  let mostResident = 0
  const heap = Effect.sync(() => {
    mostResident = Math.max(mostResident, process.memoryUsage().rss)
    globalThis.gc?.()
    return process.memoryUsage().heapUsed
  })
  const results: Array<{ readonly way: string; readonly events: number; readonly grown: number }> = []
  for (const [way, events] of Object.entries(ways)) {
    const before = yield* heap
    let count = 0
    let most = 0
    yield* Stream.runForEachArray(events, (chunk) => {
      const sampled = Math.floor(count / Number(every)) !== Math.floor((count + chunk.length) / Number(every))
      count += chunk.length
      return sampled ? Effect.map(heap, (used) => (most = Math.max(most, used - before))) : Effect.void
    })
    results.push({ way, events: count, grown: most })
  }
  process.stdout.write(JSON.stringify({ results, mostResident }))
})

await program.pipe(
  Effect.provide(
    PostgresEventStore.layer({ schema, migrate: false }).pipe(
      Layer.provide(PgClient.layer({ url: Redacted.make(url), maxConnections: 2 }))
    )
  ),
  Effect.runPromise
)
