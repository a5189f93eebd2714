import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Schedule } from "effect"
import { TestClock } from "effect/testing"
import { Projection, ProjectionStore } from "eventfold"
import { MemoryEventStore } from "eventfold/memory"
import {
  altered,
  append,
  caughtUp,
  cleared,
  contents,
  documents,
  during,
  failed,
  folded,
  put,
  start,
  until
} from "./support.ts"

const version = (version: number, broken: ReadonlySet<number> = new Set(), partitions = 1) =>
  Projection.make({ version, view: contents(broken), partitions, retry: Schedule.recurs(0) })

const many = (from: number, to: number) =>
  Effect.forEach(
    Array.from({ length: to - from }, (_, i) => from + i),
    (n) => append(String(n % 3), put(String(n % 2), n)),
    { discard: true }
  )

/** Waits until a generation is the one that is read. */
const isLive = ({ status }: Projection.Control, wanted: number) =>
  until(
    `generation ${wanted} is live`,
    Effect.map(status, (all) => all.some(({ generation, role }) => generation === wanted && role === "live"))
  )

describe("a higher version", () => {
  it.effect("fills beside the one that is read, and takes over when it has come as far", () =>
    Effect.gen(function* () {
      yield* many(0, 40)
      const old = yield* start(version(1))
      yield* caughtUp(old.reader)
      const before = yield* documents(old.reader)
      // It cannot go on, and so cannot take over.
      const broken = new Set([20])
      const next = yield* start(version(2, broken))
      yield* failed(next.reader)
      assert.deepStrictEqual(yield* documents(next.reader), before)
      yield* many(40, 50)
      yield* caughtUp(old.reader)
      assert.deepStrictEqual(yield* documents(next.reader), yield* folded(contents()))
      broken.clear()
      yield* next.reader.resume
      yield* isLive(next.reader, 2)
      assert.deepStrictEqual(yield* documents(old.reader), yield* folded(contents()))
      yield* many(50, 60)
      yield* caughtUp(next.reader)
      assert.deepStrictEqual(yield* documents(next.reader), yield* folded(contents()))
      assert.deepStrictEqual(
        (yield* next.reader.status).map(({ generation, role, version }) => ({ generation, role, version })),
        [
          { generation: 1, role: "retired", version: 1 },
          { generation: 2, role: "live", version: 2 }
        ]
      )
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )

  it.effect("can be waited for", () =>
    Effect.gen(function* () {
      yield* many(0, 20)
      const old = yield* start(version(1))
      yield* old.reader.awaitLive(0)
      const broken = new Set([10])
      const next = yield* start(version(2, broken))
      yield* failed(next.reader)
      const waiting = yield* Effect.forkChild(Effect.flip(next.reader.awaitLive("3 seconds")))
      yield* TestClock.adjust("3 seconds")
      const timeout = yield* Fiber.join(waiting)
      assert.instanceOf(timeout, Projection.LiveTimeout)
      assert.match(
        timeout.message,
        /^version 2 of projection contents has not taken over in time: version 1 is read; it has failed at position 11: /
      )
      const taken = yield* Effect.forkChild(next.reader.awaitLive("1 hour"))
      broken.clear()
      yield* next.reader.resume
      yield* isLive(next.reader, 2)
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(taken)
      assert.deepStrictEqual(yield* documents(next.reader), yield* folded(contents()))
      // A higher one will do: it is what is read.
      yield* old.reader.awaitLive(0)
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )

  it.effect(
    "who waits for one that has failed is told how it goes on, and who waits for one that nobody runs which it is",
    () =>
      Effect.gen(function* () {
        const waitFor = (reader: Projection.Control, position: number) =>
          during(Effect.flip(reader.awaitPosition(position, "3 seconds")))
        yield* many(0, 10)
        yield* Effect.scoped(
          Effect.gen(function* () {
            const { reader } = yield* start(version(3))
            yield* caughtUp(reader)
            yield* reader.pause
            assert.match((yield* waitFor(reader, 20)).message, /it is at 10; it is paused$/)
            yield* reader.resume
          })
        )
        yield* many(10, 20)
        const lower = yield* start(version(2, new Set([15])))
        const unheard = yield* waitFor(lower.reader, 20)
        assert.match(unheard.message, /it is at 10; version 3 is the one that is read, and nobody runs it$/)
        const next = yield* start(version(4, new Set([5])))
        yield* failed(next.reader)
        const failing = yield* waitFor(next.reader, 20)
        assert.match(
          failing.message,
          /it has failed at position 6: [^]*resumed: npx eventfold projections resume contents$/
        )
      }).pipe(Effect.provide(MemoryEventStore.layer))
  )

  it.effect("replaces one that has failed, at the position where that stands", () =>
    Effect.gen(function* () {
      const old = yield* start(version(1, new Set([5])))
      yield* many(0, 10)
      yield* failed(old.reader)
      const next = yield* start(version(2))
      yield* isLive(next.reader, 2)
      yield* caughtUp(next.reader)
      assert.deepStrictEqual(yield* documents(next.reader), yield* folded(contents()))
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )

  it.effect("may have other partitions", () =>
    Effect.gen(function* () {
      yield* many(0, 30)
      for (const [one, partitions] of [1, 3, 2, 1].entries()) {
        const { reader, stop } = yield* start(version(one + 1, new Set(), partitions))
        yield* isLive(reader, one + 1)
        yield* many(one * 10, one * 10 + 10)
        yield* caughtUp(reader)
        // Several partitions write a key in no order.
        const sorted = (all: { readonly [key: string]: ReadonlyArray<number> }) =>
          Object.fromEntries(Object.entries(all).map(([key, some]) => [key, some.toSorted((a, b) => a - b)]))
        assert.deepStrictEqual(sorted(yield* documents(reader)), sorted(yield* folded(contents())))
        yield* stop
      }
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )

  it.effect("is not run by code of a lower one, which reads it", () =>
    Effect.gen(function* () {
      const next = yield* start(version(2))
      yield* many(0, 5)
      yield* caughtUp(next.reader)
      const old = yield* start(version(1))
      yield* TestClock.adjust("5 seconds")
      assert.lengthOf(yield* old.reader.status, 1)
      assert.deepStrictEqual(yield* documents(old.reader), yield* folded(contents()))
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )

  it.effect("parks what it parks while it fills, and keeps it parked when it is live", () =>
    Effect.gen(function* () {
      const old = yield* start(version(1))
      yield* append("1", put("a", 1), put("a", 2), put("b", 3))
      yield* caughtUp(old.reader)
      const broken = new Set([1])
      const parking = Projection.make({
        version: 2,
        view: contents(broken),
        onFailure: "park",
        retry: Schedule.recurs(0)
      })
      const { reader } = yield* start(parking)
      yield* isLive(reader, 2)
      yield* append("1", put("a", 4), put("b", 5))
      yield* caughtUp(reader)
      assert.deepStrictEqual(yield* documents(reader), { b: [3, 5] })
      assert.deepStrictEqual(
        (yield* reader.parked).map(({ generation, position }) => [generation, position]),
        [
          [2, 1],
          [2, 2],
          [2, 4]
        ]
      )
      broken.clear()
      yield* reader.retryParked()
      yield* TestClock.adjust("3 seconds")
      assert.deepStrictEqual(yield* documents(reader), { a: [1, 2, 4], b: [3, 5] })
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )
})

describe("what is left when a generation takes over", () => {
  /** Holds the taking over of generations up, and what partitions commit. */
  const holding = () => {
    const held = { isHeld: true, partition: -1 }
    const store = altered(({ commit, takeOver }) => ({
      takeOver: (claim, most, finish) => (held.isHeld ? Effect.succeed(false) : takeOver(claim, most, finish)),
      commit: (claim, progress, work) =>
        Effect.suspend(() =>
          claim.generation === 2 && claim.partition === held.partition ? Effect.never : commit(claim, progress, work)
        )
    }))
    return { held, store }
  }

  it.effect("comes behind what is parked", () => {
    const { held, store } = holding()
    return Effect.gen(function* () {
      const old = yield* start(version(1))
      yield* append("1", put("a", 1), put("b", 2))
      yield* caughtUp(old.reader)
      const next = Projection.make({
        version: 2,
        view: contents(new Set([1])),
        partitions: 2,
        onFailure: "park",
        retry: Schedule.recurs(0)
      })
      const { reader } = yield* start(next)
      yield* until(
        "it is parked",
        Effect.map(reader.parked, (all) => all.length === 1)
      )
      held.partition = (yield* reader.parked)[0]?.partition ?? -1
      yield* append("1", put("a", 3), put("b", 4))
      yield* caughtUp(old.reader)
      held.isHeld = false
      yield* isLive(reader, 2)
      assert.deepStrictEqual(yield* documents(reader), { b: [2, 4] })
      assert.deepStrictEqual(
        (yield* reader.parked).map(({ lane, position }) => [position, lane]),
        [
          [1, "a"],
          [3, "a"]
        ]
      )
    }).pipe(Effect.provide(store))
  })

  it.effect("is not what is to be skipped", () => {
    const { held, store } = holding()
    const broken = new Set([1])
    return Effect.gen(function* () {
      const old = yield* start(version(1))
      yield* append("1", put("a", 1), put("b", 2))
      yield* caughtUp(old.reader)
      const { reader } = yield* start(version(2, broken, 2))
      held.partition = (yield* failed(reader))?.partition ?? -1
      yield* reader.skip(1, "it never was")
      broken.clear()
      held.isHeld = false
      yield* isLive(reader, 2)
      assert.deepStrictEqual(yield* documents(reader), { b: [2] })
    }).pipe(Effect.provide(store))
  })
})

describe("rebuild", () => {
  it.effect("never shows less than before, nor a position that goes back", () => {
    const seen: Array<{ readonly position: number; readonly size: number }> = []
    const watching = altered(({ commit, live, read, takeOver }) => {
      const look = Effect.all([live("contents"), read("contents", ["a"])]).pipe(
        Effect.map(([live, documents]) => {
          const all = documents.get("a")
          seen.push({ position: live?.position ?? 0, size: Array.isArray(all) ? all.length : 0 })
        })
      )
      return {
        commit: (claim, progress, work) => Effect.tap(commit(claim, progress, work), look),
        takeOver: (claim, most, finish) => Effect.tap(takeOver(claim, most, finish), look)
      }
    })
    return Effect.gen(function* () {
      const { reader } = yield* start(version(1))
      for (let round = 0; round < 4; round++) {
        for (let n = 0; n < 20; n++) {
          yield* append(String(n % 3), put("a", n))
          if (n === 5) yield* reader.rebuild
          if (n % 4 === 0) yield* TestClock.adjust("70 millis")
        }
        yield* TestClock.adjust("3 seconds")
      }
      yield* isLive(reader, 5)
      yield* caughtUp(reader)
      for (const [i, { position, size }] of seen.entries()) {
        assert.isAtLeast(position, seen[i - 1]?.position ?? 0)
        assert.isAtLeast(size, seen[i - 1]?.size ?? 0)
      }
      assert.lengthOf((yield* documents(reader))["a"] ?? [], 80)
    }).pipe(Effect.provide(watching))
  })

  it.effect("of what is rebuilt already begins anew", () =>
    Effect.gen(function* () {
      const broken = new Set<number>()
      const { reader } = yield* start(version(1, broken))
      yield* many(0, 10)
      yield* caughtUp(reader)
      broken.add(5)
      yield* reader.rebuild
      yield* failed(reader)
      broken.clear()
      yield* reader.rebuild
      yield* isLive(reader, 2)
      assert.deepStrictEqual(yield* documents(reader), yield* folded(contents()))
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )

  it.effect("leaves what it replaced until it is removed", () =>
    Effect.gen(function* () {
      const { reader } = yield* start(version(1))
      yield* many(0, 4)
      yield* caughtUp(reader)
      yield* reader.rebuild
      yield* isLive(reader, 2)
      yield* reader.removeRetired
      assert.deepStrictEqual(
        (yield* reader.status).map(({ generation, role }) => [generation, role]),
        [[2, "live"]]
      )
      yield* many(4, 8)
      yield* caughtUp(reader)
      assert.deepStrictEqual(yield* documents(reader), yield* folded(contents()))
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )

  it.effect("works for a log with nothing in it", () =>
    Effect.gen(function* () {
      const { reader } = yield* start(version(1))
      yield* reader.rebuild
      yield* isLive(reader, 2)
      yield* append("1", put("a", 1), cleared("a"), put("b", 2))
      yield* caughtUp(reader)
      assert.deepStrictEqual(yield* documents(reader), { b: [2] })
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )
})

describe("reset", () => {
  it.effect("shows nothing at first, and everything in the end", () =>
    Effect.gen(function* () {
      const { reader, stop } = yield* start(version(1))
      yield* many(0, 10)
      yield* caughtUp(reader)
      yield* stop
      yield* reader.reset
      assert.deepStrictEqual(yield* documents(reader), {})
      yield* start(version(1))
      yield* caughtUp(reader)
      assert.deepStrictEqual(yield* documents(reader), yield* folded(contents()))
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )

  it.effect("while it is run counts every event once", () =>
    Effect.gen(function* () {
      const { reader } = yield* start(version(1, new Set(), 3))
      for (let round = 0; round < 5; round++) {
        yield* many(round * 10, round * 10 + 10)
        yield* reader.reset
        yield* TestClock.adjust("130 millis")
      }
      yield* caughtUp(reader)
      const sorted = (all: { readonly [key: string]: ReadonlyArray<number> }) =>
        Object.fromEntries(Object.entries(all).map(([key, some]) => [key, some.toSorted((a, b) => a - b)]))
      assert.deepStrictEqual(sorted(yield* documents(reader)), sorted(yield* folded(contents())))
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )
})

describe("pause", () => {
  it.effect("stops it in every process until it is resumed", () =>
    Effect.gen(function* () {
      const { reader } = yield* start(version(1))
      const other = yield* start(version(1))
      yield* many(0, 4)
      yield* caughtUp(reader)
      const before = yield* documents(reader)
      yield* other.reader.pause
      yield* many(4, 8)
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(yield* documents(reader), before)
      assert.deepInclude((yield* reader.status)[0], { state: "paused", owner: undefined, lag: 4 })
      yield* reader.resume
      yield* caughtUp(reader)
      assert.deepStrictEqual(yield* documents(reader), yield* folded(contents()))
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )

  it.effect("of a projection that is not there is refused", () =>
    Effect.gen(function* () {
      const store = yield* ProjectionStore.ProjectionStore
      const error = yield* Effect.flip(store.pause("nobody"))
      assert.deepInclude(error, { _tag: "StoreError", reason: "InvalidRequest" })
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )
})
