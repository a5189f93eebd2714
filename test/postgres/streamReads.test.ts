/**
 * Streams that are read at the same time: their first pages go together, and nobody can tell.
 */
import { assert, layer } from "@effect/vitest"
import { Effect, Fiber, Latch, Stream } from "effect"
import type { EventStore, StreamName } from "eventfold"
import {
  type Facts,
  Reader,
  aStore,
  databases,
  factsOf,
  fill,
  live,
  readFacts,
  settle,
  upTo,
  versionsOf
} from "./support/watched.ts"
import { eventOf, writeTo } from "./support/workload.ts"

/** What a read is to give, of all there is. */
const expectedOf = (
  facts: ReadonlyArray<Facts>,
  { direction, from = 1, limit = Infinity, to = Infinity }: EventStore.ReadOptions
): ReadonlyArray<Facts> => {
  const within = facts.filter(({ version }) => version >= from && version <= to)
  return (direction === "backward" ? within.toReversed() : within).slice(0, limit)
}

/** Numbers from 0 up to 1, always the same of a seed (mulberry32). */
const randomOf = (seed: number) => {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

for (const [database, client] of databases) {
  layer(client, live)(`streams that are read at the same time, on ${database},`, (it) => {
    it.effect("give each reader what it asked for, in order", () =>
      Effect.gen(function* () {
        const { sent, store } = yield* aStore()
        const lengths = [0, 1, 2, 5, 15, 16, 17, 40, 120, 1300]
        const filled = new Map<StreamName.StreamName, ReadonlyArray<Facts>>()
        for (const [i, length] of lengths.entries()) {
          filled.set(`small-${i}`, yield* fill(store, `small-${i}`, length))
          if (length < 1000) {
            filled.set(`large-${i}`, yield* fill(store, `large-${i}`, length, (version) => version % (i + 1) === 0))
          }
        }
        const streams = [...filled]
        const seed = Date.now() % 100_000
        const random = randomOf(seed)
        const upToRandom = (most: number) => Math.floor(random() * (most + 1))
        for (let round = 0; round < 5; round++) {
          const reads = Array.from({ length: 200 }, () => {
            const [stream, facts] = streams[upToRandom(streams.length - 1)]!
            const [from, to] = [upToRandom(facts.length + 2), upToRandom(facts.length + 2)]
            const options: EventStore.ReadOptions = {
              ...(random() < 0.4 ? { from } : {}),
              ...(random() < 0.3 ? { to } : {}),
              ...(random() < 0.3 ? { limit: upToRandom(20) } : {}),
              ...(random() < 0.1 ? { direction: "backward" } : {})
            }
            return { stream, facts, options }
          })
          const read = yield* Effect.forEach(reads, ({ options, stream }) => readFacts(store, stream, options), {
            concurrency: "unbounded"
          })
          reads.forEach(({ facts, options, stream }, i) => {
            const what = `seed ${seed}, round ${round}, read ${i}: ${stream} ${JSON.stringify(options)}`
            assert.deepStrictEqual(read[i], expectedOf(facts, options), what)
          })
        }
        assert.isTrue(sent.some(({ streams }) => streams.length === 64))
        // Together they are no larger than a page.
        assert.deepStrictEqual(
          sent.filter(({ rows }) => rows > 1000),
          []
        )
      })
    )

    it.effect("take a few statements, and one that is read alone takes one of its own", () =>
      Effect.gen(function* () {
        const { sent, store } = yield* aStore()
        const streams = upTo(50).map((i): StreamName.StreamName => `account-${i}`)
        for (const stream of streams) yield* fill(store, stream, 5)
        sent.length = 0
        const read = yield* Effect.forEach(streams, (stream) => readFacts(store, stream), { concurrency: "unbounded" })
        assert.deepStrictEqual(
          read.map(versionsOf),
          streams.map(() => upTo(5))
        )
        assert.deepStrictEqual(sent.flatMap(({ streams }) => streams).toSorted(), streams.toSorted())
        assert.isAtMost(sent.length, 3)
        sent.length = 0
        for (const stream of streams.slice(0, 3)) {
          yield* Effect.provideService(readFacts(store, stream), Reader, stream)
        }
        assert.deepStrictEqual(
          sent,
          streams.slice(0, 3).map((stream) => ({ streams: [stream], isGathered: false, rows: 5, reader: stream }))
        )
      })
    )

    it.effect("give long ones to their end, as it was when the read began", () =>
      Effect.gen(function* () {
        const { sent, store } = yield* aStore()
        const long = yield* fill(store, "long-1", 1500)
        const cut = yield* fill(store, "cut-1", 100)
        const streams = upTo(40).map((i): StreamName.StreamName =>
          i === 20 ? "long-1" : i === 30 ? "cut-1" : `new-${i}`
        )
        sent.length = 0
        const read = yield* Effect.forEach(
          streams,
          Effect.fnUntraced(function* (stream) {
            const seen: Array<Facts> = []
            yield* Stream.runForEachArray(store.readStream(stream), (page) => {
              const isFirst = seen.length === 0
              seen.push(...page.map(factsOf))
              // After its first page the stream goes on, which this read is not to see.
              return isFirst && stream === "cut-1" ? store.append(writeTo(stream)) : Effect.void
            })
            return seen
          }),
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual(read[19], long)
        assert.deepStrictEqual(read[29], cut)
        assert.isTrue(sent.some(({ isGathered, streams }) => isGathered && streams.includes("cut-1")))
        assert.isAtMost(sent.length, 6)
        assert.lengthOf(yield* readFacts(store, "cut-1"), 101)
      })
    )

    it.effect("end at bounds of all kinds", () =>
      Effect.gen(function* () {
        const { store } = yield* aStore()
        const facts = yield* fill(store, "edge-1", 60)
        const most = Number.MAX_SAFE_INTEGER
        const bounds: ReadonlyArray<EventStore.ReadOptions> = [
          {},
          { from: 0 },
          { from: 60 },
          { from: 61 },
          { from: most },
          { to: 0 },
          { to: 1 },
          { to: most },
          { from: 7, to: 6 },
          { from: 7, to: 7 },
          { from: most, to: most },
          { limit: 0 },
          { limit: 1 },
          // All that it gets of a shared page, one less and one more.
          { limit: 61 },
          { limit: 62 },
          { limit: 63 },
          { from: 5, limit: most }
        ]
        const read = yield* Effect.forEach(bounds, (options) => readFacts(store, "edge-1", options), {
          concurrency: "unbounded"
        })
        bounds.forEach((options, i) =>
          assert.deepStrictEqual(read[i], expectedOf(facts, options), JSON.stringify(options))
        )
      })
    )

    it.effect("may have any name", () =>
      Effect.gen(function* () {
        const { sent, store } = yield* aStore()
        const ids = [
          "'; DROP TABLE events; --",
          "NULL",
          '{"a",b}',
          "\\",
          '\\"',
          "$1",
          "%s",
          "\u{1f600}",
          "a-b",
          "{}",
          ","
        ]
        const streams = ids.map((id): StreamName.StreamName => `name-${id}`)
        for (const stream of streams) yield* store.append(writeTo(stream, { ...eventOf(), data: stream }))
        sent.length = 0
        const read = yield* Effect.forEach(streams, (stream) => readFacts(store, stream), { concurrency: "unbounded" })
        assert.deepStrictEqual(
          read.map((facts) => facts.map(({ data }) => data)),
          streams.map((stream) => [stream])
        )
        assert.isTrue(sent.some(({ streams }) => streams.length >= 10))
      })
    )

    it.effect("are seen by a transaction as it has written them, and by others as they were", () =>
      Effect.gen(function* () {
        const { answers, client, sent, store } = yield* aStore("kept-1")
        yield* fill(store, "account-1", 2)
        // All the time somebody else reads, so that there is something to be gathered with.
        answers.closeUnsafe()
        const others = yield* Effect.forkChild(readFacts(store, "kept-1"))
        yield* settle
        sent.length = 0
        const elsewhere = Effect.forEach(upTo(9), () => readFacts(store, "account-1"), { concurrency: "unbounded" })
        const began = yield* Latch.make(false)
        const outside = yield* Effect.forkChild(Effect.andThen(began.await, elsewhere))
        const own = yield* Effect.flip(
          client.withTransaction(
            Effect.gen(function* () {
              yield* store.append(writeTo("account-1"))
              // The embedded database answers them only after the transaction has ended.
              yield* began.open
              yield* settle
              return yield* Effect.flatMap(readFacts(store, "account-1"), Effect.fail)
            })
          )
        )
        answers.openUnsafe()
        assert.lengthOf(yield* Fiber.join(others), 0)
        assert.isTrue(Array.isArray(own) && own.length === 3)
        for (const facts of yield* Fiber.join(outside)) assert.deepStrictEqual(versionsOf(facts), [1, 2])
        assert.isTrue(sent.some(({ isGathered }) => isGathered))
        assert.lengthOf(yield* readFacts(store, "account-1"), 2)
      })
    )

    it.effect("are never older than the read: one that begins while others are on their way does not join them", () =>
      Effect.gen(function* () {
        const { answers, sent, store } = yield* aStore()
        yield* fill(store, "account-1", 1)
        answers.closeUnsafe()
        sent.length = 0
        const before = yield* Effect.forEach(upTo(10), () => Effect.forkChild(readFacts(store, "account-1")))
        yield* Effect.repeat(settle, { until: () => sent.some(({ isGathered }) => isGathered) })
        yield* store.append(writeTo("account-1"))
        const after = yield* Effect.forkChild(readFacts(store, "account-1"))
        yield* settle
        answers.openUnsafe()
        assert.deepStrictEqual(versionsOf(yield* Fiber.join(after)), [1, 2])
        for (const fiber of before) assert.include([1, 2], (yield* Fiber.join(fiber)).length)
      })
    )

    it.effect("have what their reader has appended, however many do so at once", () =>
      Effect.gen(function* () {
        const { store } = yield* aStore()
        yield* Effect.forEach(
          upTo(60),
          Effect.fnUntraced(function* (i) {
            const stream: StreamName.StreamName = `account-${i}`
            for (const version of upTo(10)) {
              yield* store.append(writeTo(stream))
              assert.deepStrictEqual(versionsOf(yield* readFacts(store, stream)), upTo(version))
            }
          }),
          { concurrency: "unbounded", discard: true }
        )
      })
    )
  })
}
