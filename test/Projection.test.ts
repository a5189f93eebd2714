import { assert, describe, it } from "@effect/vitest"
import { DateTime, Duration, Effect, Fiber, HashMap, Option, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Event, EventStore, Projection, ProjectionStore, View } from "eventfold"
import { MemoryEventStore } from "eventfold/memory"
import {
  altered,
  append,
  appendStored,
  caughtUp,
  cleared,
  contents,
  documents,
  everything,
  events,
  put,
  start,
  until
} from "./projection/support.ts"

const byKey = Projection.make({ version: 1, view: contents() })

describe("a keyed view", () => {
  it.effect("shows what was appended before it began and after, in order, key by key", () =>
    Effect.gen(function* () {
      yield* append("1", put("a", 1), put("b", 2))
      const { reader } = yield* start(byKey)
      yield* caughtUp(reader)
      yield* append("2", put("a", 3))
      yield* append("1", put("a", 4), put("b", 5))
      yield* caughtUp(reader)
      assert.deepStrictEqual(yield* documents(reader), { a: [1, 3, 4], b: [2, 5] })
      assert.deepStrictEqual(yield* reader.get("a"), Option.some([1, 3, 4]))
      assert.deepStrictEqual(yield* reader.get("c"), Option.none())
      const some = yield* reader.getMany(["b", "c"])
      assert.deepStrictEqual(Array.from(HashMap.entries(some)), [["b", [2, 5]]])
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )

  it.effect("takes away what is gone, and begins anew after it, within a batch and over batches", () =>
    Effect.gen(function* () {
      const { reader } = yield* start(byKey)
      yield* append("1", put("a", 1), put("b", 1), cleared("b"), put("c", 1), cleared("c"), put("c", 2))
      yield* caughtUp(reader)
      assert.deepStrictEqual(yield* documents(reader), { a: [1], c: [2] })
      yield* append("1", cleared("a"))
      yield* caughtUp(reader)
      assert.deepStrictEqual(yield* reader.get("a"), Option.none())
      yield* append("1", put("a", 7))
      yield* caughtUp(reader)
      assert.deepStrictEqual(yield* documents(reader), { a: [7], c: [2] })
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )

  it.effect("never decodes an event of a type that it does not show", () =>
    Effect.gen(function* () {
      yield* appendStored("1", "Unheard", { of: "it" })
      yield* append("1", put("a", 1))
      yield* appendStored("1", "Unheard", "of")
      yield* append("1", put("a", 2))
      const { reader } = yield* start(byKey)
      yield* caughtUp(reader)
      assert.deepStrictEqual(yield* documents(reader), { a: [1, 2] })
      assert.deepStrictEqual(yield* reader.parked, [])
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )

  it.effect("goes on where it was when it is run again", () =>
    Effect.gen(function* () {
      const first = yield* start(byKey)
      yield* append("1", put("a", 1))
      yield* caughtUp(first.reader)
      yield* first.stop
      yield* append("1", put("a", 2))
      const { reader } = yield* start(byKey)
      yield* caughtUp(reader)
      assert.deepStrictEqual(yield* documents(reader), { a: [1, 2] })
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )

  it.effect("is read by those who do not run it", () =>
    Effect.gen(function* () {
      class Contents extends Projection.Service<Contents>()("test/Contents", byKey) {}
      const reading = Effect.gen(function* () {
        const reader = yield* Contents
        assert.deepStrictEqual(yield* documents(reader), {})
        const running = yield* start(byKey)
        yield* append("1", put("a", 1))
        yield* caughtUp(running.reader)
        assert.deepStrictEqual(yield* documents(reader), { a: [1] })
      })
      yield* Effect.provide(reading, Contents.layerReader)
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )

  it.effect("writes each key once for a batch, however many events it has", () => {
    const saved: Array<ReadonlyArray<string>> = []
    const counting = altered(({ save }) => ({
      save: (generation, changes) => {
        saved.push(Array.from(changes.keys()))
        return save(generation, changes)
      }
    }))
    return Effect.gen(function* () {
      const many = Array.from({ length: 100 }, (_, n) => put(n % 2 === 0 ? "a" : "b", n))
      yield* append("1", ...many)
      const { reader } = yield* start(byKey)
      yield* caughtUp(reader)
      assert.deepStrictEqual(saved, [["a", "b"]])
      assert.strictEqual((yield* documents(reader))["a"]?.length, 50)
    }).pipe(Effect.provide(counting))
  })

  it.effect("reads no document twice while it alone writes them", () => {
    let reads = 0
    const counting = altered(({ documents }) => ({
      documents: (generation, keys, options) => {
        reads += keys.length
        return documents(generation, keys, options)
      }
    }))
    return Effect.gen(function* () {
      const { reader } = yield* start(byKey)
      for (let n = 0; n < 5; n++) {
        yield* append("1", put("a", n))
        yield* caughtUp(reader)
      }
      assert.deepStrictEqual(yield* documents(reader), { a: [0, 1, 2, 3, 4] })
      assert.strictEqual(reads, 1)
    }).pipe(Effect.provide(counting))
  })
})

describe("a whole view", () => {
  const whole = Projection.make({ version: 1, view: everything() })

  it.effect("shows its initial model, and then one model of the whole log", () =>
    Effect.gen(function* () {
      const { reader } = yield* start(whole)
      assert.deepStrictEqual(yield* reader.get, [])
      yield* append("1", put("a", 1), put("b", 2))
      yield* append("2", put("a", 3))
      yield* caughtUp(reader)
      assert.deepStrictEqual(yield* reader.get, [1, 2, 3])
      assert.deepStrictEqual(yield* reader.at({ position: 2 }), [1, 2])
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )

  it.effect("that no store has heard of shows its initial model", () =>
    Effect.gen(function* () {
      class Whole extends Projection.Service<Whole>()("test/Whole", whole) {}
      const reading = Effect.flatMap(Whole, ({ get }) => get)
      assert.deepStrictEqual(yield* Effect.provide(reading, Whole.layerReader), [])
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )
})

describe("query", () => {
  const Item = Schema.Struct({ owner: Schema.String, at: Schema.DateTimeUtcFromMillis, size: Schema.Int })
  const items = View.keyed({
    name: "items",
    events,
    key: ({ key }) => key,
    model: Item,
    initial: { owner: "", at: DateTime.makeUnsafe(0), size: 0 }
  }).evolve({
    Put: (_, { key, n }) => ({ owner: key[0] ?? "", at: DateTime.makeUnsafe(n * 1000), size: n }),
    Cleared: () => View.gone
  })
  const filled = Effect.gen(function* () {
    const { reader } = yield* start(Projection.make({ version: 1, view: items }))
    yield* append("1", put("b2", 1), put("a1", 2), put("a2", 1), put("b1", 2), put("a3", 1))
    yield* caughtUp(reader)
    return reader
  })
  const keysOf = (options: Projection.QueryOptions<typeof Item.Type>) =>
    Effect.gen(function* () {
      const { query } = yield* filled
      return (yield* Stream.runCollect(query(options))).map(([key]) => key)
    }).pipe(Effect.provide(MemoryEventStore.layer))

  it.effect("gives models in the order of their keys", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* keysOf({}), ["a1", "a2", "a3", "b1", "b2"])
    })
  )

  it.effect("gives those whose fields have the values given, as models and not as JSON", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* keysOf({ where: { owner: "a" } }), ["a1", "a2", "a3"])
      assert.deepStrictEqual(yield* keysOf({ where: { owner: "a", size: 1 } }), ["a2", "a3"])
      assert.deepStrictEqual(yield* keysOf({ where: { at: DateTime.makeUnsafe(2000) } }), ["a1", "b1"])
      assert.deepStrictEqual(yield* keysOf({ where: { owner: "c" } }), [])
    })
  )

  it.effect("begins after a key and ends at a limit", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* keysOf({ after: "a2" }), ["a3", "b1", "b2"])
      assert.deepStrictEqual(yield* keysOf({ after: "a1", limit: 2 }), ["a2", "a3"])
      assert.deepStrictEqual(yield* keysOf({ where: { owner: "b" }, after: "b1", limit: 5 }), ["b2"])
      assert.deepStrictEqual(yield* keysOf({ limit: 0 }), [])
    })
  )

  it.effect("goes on over as many pages as there are", () =>
    Effect.gen(function* () {
      const { reader } = yield* start(byKey)
      const keys = Array.from({ length: 1203 }, (_, n) => String(n).padStart(4, "0"))
      yield* append("1", ...keys.map((key) => put(key, 1)))
      yield* caughtUp(reader)
      assert.deepStrictEqual(
        (yield* Stream.runCollect(reader.query())).map(([key]) => key),
        keys
      )
      assert.strictEqual(yield* Stream.runCount(reader.query({ limit: 501 })), 501)
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )

  it.effect("by fields is refused where the model has none", () =>
    Effect.gen(function* () {
      const { reader } = yield* start(byKey)
      const error = yield* Effect.flip(Stream.runDrain(reader.query({ where: { length: 1 } })))
      assert.deepInclude(error, { _tag: "StoreError", reason: "InvalidRequest" })
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )
})

describe("at", () => {
  it.effect("gives the models as of a position or an instant, and touches nothing that is stored", () =>
    Effect.gen(function* () {
      const { reader } = yield* start(byKey)
      yield* append("1", put("a", 1))
      yield* TestClock.adjust("1 minute")
      yield* append("1", put("a", 2), put("b", 3))
      yield* TestClock.adjust("1 minute")
      yield* append("1", cleared("a"))
      yield* caughtUp(reader)
      const asOf = (point: Projection.Point) =>
        Effect.map(reader.at(point), (models) => Object.fromEntries(HashMap.entries(models)))
      assert.deepStrictEqual(yield* asOf({ position: 0 }), {})
      assert.deepStrictEqual(yield* asOf({ position: 1 }), { a: [1] })
      assert.deepStrictEqual(yield* asOf({ position: 2 }), { a: [1, 2] })
      assert.deepStrictEqual(yield* asOf({ position: 3 }), { a: [1, 2], b: [3] })
      assert.deepStrictEqual(yield* asOf({ position: 100 }), { b: [3] })
      assert.deepStrictEqual(yield* asOf({ instant: DateTime.makeUnsafe(0) }), { a: [1] })
      assert.deepStrictEqual(yield* asOf({ instant: DateTime.makeUnsafe(59_999) }), { a: [1] })
      assert.deepStrictEqual(yield* asOf({ instant: DateTime.makeUnsafe(60_000) }), { a: [1, 2], b: [3] })
      assert.deepStrictEqual(yield* documents(reader), { b: [3] })
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )
})

describe("awaitPosition", () => {
  it.effect("is there at once when the projection is", () =>
    Effect.gen(function* () {
      const { reader } = yield* start(byKey)
      yield* reader.awaitPosition(0)
      const { position } = yield* append("1", put("a", 1))
      yield* caughtUp(reader)
      yield* reader.awaitPosition(position)
      yield* reader.awaitPosition(position, "0 millis")
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )

  it.effect("waits until what was appended can be read", () =>
    Effect.gen(function* () {
      const { reader } = yield* start(byKey)
      const { position } = yield* append("1", put("a", 1))
      const waiting = yield* Effect.forkChild(Effect.andThen(reader.awaitPosition(position), reader.get("a")), {
        startImmediately: true
      })
      assert.isUndefined(waiting.pollUnsafe())
      yield* caughtUp(reader)
      assert.deepStrictEqual(yield* Fiber.join(waiting), Option.some([1]))
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )

  it.effect("says where the projection was when it did not come so far in time", () =>
    Effect.gen(function* () {
      const { reader } = yield* start(byKey)
      yield* append("1", put("a", 1))
      yield* caughtUp(reader)
      for (const [timeout, millis] of [
        [undefined, 5000],
        ["300 millis", 300]
      ] as const) {
        const waiting = yield* Effect.forkChild(Effect.flip(reader.awaitPosition(7, timeout)), {
          startImmediately: true
        })
        yield* TestClock.adjust(millis - 1)
        assert.isUndefined(waiting.pollUnsafe())
        yield* TestClock.adjust(50)
        const error = yield* Fiber.join(waiting)
        assert.deepInclude(error, { _tag: "AwaitTimeout", projection: "contents", position: 7, reached: 1 })
        assert.include(error.message, "did not come to position 7 in time: it is at 1")
      }
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )

  it.effect("comes to the position of an event that the projection does not handle", () =>
    Effect.gen(function* () {
      const { reader } = yield* start(byKey)
      yield* append("1", put("a", 1))
      const { position } = yield* appendStored("1", "Unheard", {})
      yield* caughtUp(reader)
      yield* reader.awaitPosition(position)
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )
})

describe("status", () => {
  it.effect("tells who runs it, how far it is behind in events and in time, and how fast it goes", () =>
    Effect.gen(function* () {
      const { reader, stop } = yield* start(byKey)
      yield* append("1", put("a", 1), put("a", 2))
      yield* caughtUp(reader)
      const [running] = yield* reader.status
      assert.deepInclude(running, {
        name: "contents",
        version: 1,
        mode: "async",
        role: "live",
        partition: 0,
        partitions: 1,
        state: "running",
        position: 2,
        lag: 0,
        failure: undefined,
        parked: 0
      })
      assert.isDefined(running?.owner)
      assert.isAbove(running?.rate ?? 0, 0)
      yield* stop
      yield* append("1", put("a", 3), put("a", 4))
      yield* TestClock.adjust("10 seconds")
      const [idle] = yield* reader.status
      assert.deepInclude(idle, { owner: undefined, position: 2, lag: 2 })
      assert.strictEqual(idle === undefined ? 0 : Duration.toSeconds(idle.lagTime), 10)
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )
})

describe("a document that does not decode", () => {
  const spoilt = Effect.gen(function* () {
    const { reader, stop } = yield* start(byKey)
    yield* append("1", put("a", 1), put("b", 1))
    yield* caughtUp(reader)
    yield* stop
    const store = yield* ProjectionStore.ProjectionStore
    const live = yield* store.live("contents")
    yield* store.save(live?.generation ?? 0, new Map([["a", "spoilt"]]))
    return reader
  })

  it.effect("is a DocumentDecodeError for who reads it", () =>
    Effect.gen(function* () {
      const reader = yield* spoilt
      const reads = [reader.get("a"), reader.getMany(["b", "a"]), Stream.runDrain(reader.query())]
      for (const read of reads) {
        const error = yield* Effect.flip(Effect.asVoid(read))
        assert.deepInclude(error, { _tag: "DocumentDecodeError", projection: "contents", key: "a" })
      }
      assert.deepStrictEqual(yield* reader.get("b"), Option.some([1]))
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )

  it.effect("fails the projection at the event that needs it", () =>
    Effect.gen(function* () {
      yield* spoilt
      const { reader } = yield* start(byKey)
      const { position } = yield* append("1", put("b", 2), put("a", 2), put("b", 3))
      yield* until(
        "it has failed",
        Effect.map(reader.status, ([one]) => one?.failure?.position === position - 1)
      )
      assert.deepStrictEqual(yield* reader.get("b"), Option.some([1, 2]))
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )
})

describe("a projection that cannot be", () => {
  const view = contents()
  const one = { events, handle: () => Effect.void }

  it("is refused when it is made", () => {
    assert.throws(() => Projection.make({ version: 0, view }), /its version is not a whole number from 1/)
    assert.throws(() => Projection.make({ version: 1.5, view }), /its version/)
    assert.throws(() => Projection.make({ version: 1, view, name: "" }), /its name is empty/)
    assert.throws(() => Projection.make({ version: 1, view, partitions: 0 }), /its partitions/)
    assert.throws(() => Projection.handler({ ...one, name: "x", version: 1, mode: "inline", partitions: 2 }), /inline/)
  })

  it.effect("is refused by the store when it is run", () =>
    Effect.gen(function* () {
      yield* start(byKey)
      const error = yield* Effect.flip(start(Projection.make({ version: 1, view, partitions: 2 })))
      assert.deepInclude(error, { _tag: "StoreError", reason: "Misconfigured" })
      const tables = Projection.handler({ ...one, name: "x", version: 1, tables: { lines: "(n int)" } })
      assert.deepInclude(yield* Effect.flip(start(tables)), { _tag: "StoreError", reason: "Misconfigured" })
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )

  it.effect("has no events of its own when its definitions are of other types", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      const other = Projection.handler({
        name: "other",
        version: 1,
        events: Event.pick(events, ["Cleared"]),
        handle: (batch) => Effect.sync(() => seen.push(...batch.map(({ event }) => event._tag)))
      })
      const { reader } = yield* start(other)
      yield* append("1", put("a", 1), cleared("a"))
      const { head } = yield* EventStore.EventStore
      yield* until(
        "it is at the end",
        Effect.all([head, reader.status]).pipe(Effect.map(([head, [one]]) => one?.position === head))
      )
      assert.deepStrictEqual(seen, ["Cleared"])
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )
})
