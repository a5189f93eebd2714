/**
 * One of several processes that append to streams of their own, from a store for each stream, with work that is done inline: a child that says when it is ready, begins when
 * it is told to, and answers how long each append took.
 */
import { NodeRuntime } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { Effect, Latch, Layer, Redacted, Schema } from "effect"
import { EventStore, Projection, type StreamName } from "eventfold"
import { PostgresEventStore } from "eventfold/postgres"
import { bookedEvent } from "./rows.ts"
import { type Answer, Task, warmUps, workProjection } from "./work.ts"

const say = (message: unknown) => Effect.sync(() => process.send?.(message))

const isReady = Effect.andThen(
  say("ready"),
  Effect.suspend(() => told)
)

const told = Effect.callback<void>((resume) => {
  process.once("message", () => resume(Effect.void))
})

const append = Effect.fnUntraced(function* (
  { category, millis, work }: typeof Task.Type,
  key: string,
  begin: Effect.Effect<void>,
  latencies: Array<number>
) {
  const store = yield* EventStore.EventStore
  const one = (stream: StreamName.StreamName, version: number, amount: number) =>
    store.append([{ stream, expected: version, events: [bookedEvent(stream, amount)] }])
  // A process that has just begun is slow.
  for (let version = 0; version < warmUps; version++) yield* one(`before${category}-${key}`, version, 0)
  yield* begin
  const end = performance.now() + millis
  for (let version = 0, since = 0; since < end; version++) {
    const began = performance.now()
    yield* one(`${category}-${key}`, version, work)
    since = performance.now()
    latencies.push(since - began)
  }
})

Effect.gen(function* () {
  const task = yield* Schema.decodeUnknownEffect(Task)(process.argv[2])
  const { keys, schema, url } = task
  const client = PgClient.layer({ url: Redacted.make(url), maxConnections: 2 })
  const stores = Projection.withInline(PostgresEventStore.layer({ schema }), [workProjection])
  const ready = yield* Latch.make()
  const latencies: Array<number> = []
  let waiting = 0
  // The last one that is ready says so for all.
  const begin = Effect.suspend(() => (++waiting === keys.length ? Effect.andThen(isReady, ready.open) : ready.await))
  yield* Effect.forEach(
    keys,
    (key) =>
      Effect.provide(append(task, key, begin, latencies), Layer.fresh(Layer.provide(stores, Layer.fresh(client)))),
    { concurrency: "unbounded", discard: true }
  )
  const answer: typeof Answer.Type = latencies
  yield* say(answer)
  process.disconnect()
}).pipe(NodeRuntime.runMain)
