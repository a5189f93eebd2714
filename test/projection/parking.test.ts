import { assert, describe, it } from "@effect/vitest"
import { Effect, Schedule } from "effect"
import { TestClock } from "effect/testing"
import { Event, Projection } from "eventfold"
import { MemoryEventStore } from "eventfold/memory"
import {
  append,
  caughtUp,
  cleared,
  documents,
  events,
  everything,
  handling,
  parkedOf,
  parking,
  parks,
  put,
  retry,
  start
} from "./support.ts"

describe("an event that fails", () => {
  it.effect("is set aside with the later ones of its key, and other keys go on", () => {
    const broken = new Set([2])
    return Effect.gen(function* () {
      const { reader } = yield* start(parking(broken))
      yield* append("1", put("a", 1), put("a", 2), put("b", 3), put("a", 4))
      yield* caughtUp(reader)
      yield* append("2", put("a", 5), put("b", 6))
      yield* caughtUp(reader)
      assert.deepStrictEqual(yield* documents(reader), { a: [1], b: [3, 6] })
      const [first, ...behind] = yield* reader.parked
      assert.deepInclude(first, { generation: 1, partition: 0, position: 2, lane: "a", attempts: 1 })
      assert.include(first?.problem, "2 is broken")
      assert.deepStrictEqual(
        behind.map(({ attempts, lane, position, problem }) => ({ attempts, lane, position, problem })),
        [
          { attempts: 0, lane: "a", position: 4, problem: "" },
          { attempts: 0, lane: "a", position: 5, problem: "" }
        ]
      )
      assert.deepInclude((yield* reader.status)[0], { state: "running", parked: 3, position: 6 })
    }).pipe(Effect.provide(MemoryEventStore.layer))
  })

  it.effect("is applied when it is retried and no longer fails, with those behind it and in order", () => {
    const broken = new Set([2])
    return Effect.gen(function* () {
      const { reader } = yield* start(parking(broken))
      yield* append("1", put("a", 1), put("a", 2), put("a", 3), put("a", 4))
      yield* caughtUp(reader)
      broken.clear()
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(yield* documents(reader), { a: [1] })
      yield* retry(reader)
      assert.deepStrictEqual(yield* documents(reader), { a: [1, 2, 3, 4] })
      assert.deepStrictEqual(yield* reader.parked, [])
      yield* append("1", put("a", 5))
      yield* caughtUp(reader)
      assert.deepStrictEqual(yield* documents(reader), { a: [1, 2, 3, 4, 5] })
    }).pipe(Effect.provide(MemoryEventStore.layer))
  })

  it.effect("is retried in vain: attempts and problem say so, and nothing behind it is applied", () => {
    const broken = new Set([2, 4])
    return Effect.gen(function* () {
      const { reader } = yield* start(parking(broken))
      yield* append("1", put("a", 1), put("a", 2), put("a", 3), put("a", 4), put("a", 5))
      yield* caughtUp(reader)
      yield* retry(reader)
      assert.deepInclude((yield* reader.parked)[0], { position: 2, attempts: 2 })
      assert.lengthOf(yield* reader.parked, 4)
      broken.delete(2)
      // Up to the next that fails.
      yield* retry(reader)
      assert.deepStrictEqual(yield* documents(reader), { a: [1, 2, 3] })
      const [next, last] = yield* reader.parked
      assert.deepInclude(next, { position: 4, attempts: 1 })
      assert.include(next?.problem, "4 is broken")
      assert.deepInclude(last, { position: 5, attempts: 0, problem: "" })
      yield* append("1", put("a", 6))
      yield* caughtUp(reader)
      assert.deepStrictEqual(yield* parkedOf(reader), [
        [4, "a"],
        [5, "a"],
        [6, "a"]
      ])
      broken.clear()
      yield* retry(reader)
      assert.deepStrictEqual(yield* documents(reader), { a: [1, 2, 3, 4, 5, 6] })
    }).pipe(Effect.provide(MemoryEventStore.layer))
  })

  it.effect("is tried once for each time it is asked for, however long that takes", () => {
    const slow = Projection.handler({
      name: "slow",
      version: 1,
      events,
      onFailure: "park",
      retry: Schedule.recurs(0),
      handle: () => Effect.delay(Effect.fail("broken"), "4 seconds")
    })
    return Effect.gen(function* () {
      const { reader } = yield* start(slow)
      yield* append("1", put("a", 1))
      yield* parks(reader, 1)
      yield* reader.retryParked()
      yield* TestClock.adjust("20 seconds")
      assert.deepInclude((yield* reader.parked)[0], { attempts: 2 })
    }).pipe(Effect.provide(MemoryEventStore.layer))
  })

  it.effect("is retried with its lane alone where one is named", () => {
    const broken = new Set([1, 2])
    return Effect.gen(function* () {
      const { reader } = yield* start(parking(broken))
      yield* append("1", put("a", 1), put("b", 2), put("a", 3), put("b", 4))
      yield* caughtUp(reader)
      broken.clear()
      yield* retry(reader, "b")
      assert.deepStrictEqual(yield* documents(reader), { b: [2, 4] })
      assert.deepStrictEqual(yield* parkedOf(reader), [
        [1, "a"],
        [3, "a"]
      ])
    }).pipe(Effect.provide(MemoryEventStore.layer))
  })

  it.effect("is discarded with a reason that is kept, and those behind it are applied when they are retried", () => {
    const broken = new Set([2])
    return Effect.gen(function* () {
      const { reader } = yield* start(parking(broken))
      yield* append("1", put("a", 1), put("a", 2), put("a", 3))
      yield* caughtUp(reader)
      const error = yield* Effect.flip(reader.discardParked(1, "not parked"))
      assert.deepInclude(error, { _tag: "StoreError", reason: "InvalidRequest" })
      yield* reader.discardParked(2, "it never was")
      yield* append("1", put("a", 4))
      yield* caughtUp(reader)
      assert.deepStrictEqual(yield* documents(reader), { a: [1] })
      yield* retry(reader, "a")
      assert.deepStrictEqual(yield* documents(reader), { a: [1, 3, 4] })
      assert.deepStrictEqual(
        (yield* reader.skipped).map(({ position, reason }) => [position, reason]),
        [[2, "it never was"]]
      )
    }).pipe(Effect.provide(MemoryEventStore.layer))
  })

  it.effect("is the last of its lane and is discarded: the key is free again", () => {
    const broken = new Set([2])
    return Effect.gen(function* () {
      const { reader } = yield* start(parking(broken))
      yield* append("1", put("a", 1), put("a", 2))
      yield* caughtUp(reader)
      yield* reader.discardParked(2, "it never was")
      yield* append("1", put("a", 3))
      yield* caughtUp(reader)
      assert.deepStrictEqual(yield* documents(reader), { a: [1, 3] })
    }).pipe(Effect.provide(MemoryEventStore.layer))
  })

  it.effect("stays parked when the runner is another", () => {
    const broken = new Set([2])
    return Effect.gen(function* () {
      const first = yield* start(parking(broken))
      yield* append("1", put("a", 1), put("a", 2), put("a", 3))
      yield* caughtUp(first.reader)
      yield* first.stop
      broken.clear()
      const { reader } = yield* start(parking(broken))
      yield* append("1", put("a", 4), put("b", 5))
      yield* caughtUp(reader)
      assert.deepStrictEqual(yield* documents(reader), { a: [1], b: [5] })
      yield* retry(reader)
      assert.deepStrictEqual(yield* documents(reader), { a: [1, 2, 3, 4], b: [5] })
    }).pipe(Effect.provide(MemoryEventStore.layer))
  })

  it.effect("of a whole view is set aside with the later ones of its stream", () => {
    const broken = new Set([2])
    return Effect.gen(function* () {
      const { reader } = yield* start(
        Projection.make({ version: 1, view: everything(broken), onFailure: "park", retry: Schedule.recurs(0) })
      )
      yield* append("1", put("a", 1), put("a", 2), put("a", 3))
      yield* append("2", put("a", 4))
      yield* caughtUp(reader)
      assert.deepStrictEqual(yield* reader.get, [1, 4])
      assert.deepStrictEqual(yield* parkedOf(reader), [
        [2, "box-1"],
        [3, "box-1"]
      ])
    }).pipe(Effect.provide(MemoryEventStore.layer))
  })

  it.effect("of a handler is set aside with the later ones of the key that it gives", () => {
    const broken = new Set([2])
    const { byKey, seen } = handling(broken, ({ key }) => key)
    return Effect.gen(function* () {
      const { reader } = yield* start(byKey)
      yield* append("1", put("a", 1), put("b", 2), put("a", 3))
      yield* append("2", put("b", 4), put("a", 5))
      yield* caughtUp(reader)
      assert.deepStrictEqual(seen, [1, 3, 5])
      broken.clear()
      yield* retry(reader, "b")
      assert.deepStrictEqual(seen, [1, 3, 5, 2, 4])
    }).pipe(Effect.provide(MemoryEventStore.layer))
  })

  it.effect("is not made a batch of nothing by those behind it: a handler is given at least one event", () => {
    const sizes: Array<number> = []
    const counting = Projection.handler({
      name: "counting",
      version: 1,
      events: Event.pick(events, ["Put"]),
      onFailure: "park",
      retry: Schedule.recurs(0),
      handle: (batch) =>
        Effect.suspend(() => {
          sizes.push(batch.length)
          return sizes.length === 1 ? Effect.fail("broken") : Effect.void
        })
    })
    return Effect.gen(function* () {
      const { reader } = yield* start(counting)
      yield* append("1", put("a", 1))
      yield* parks(reader, 1)
      yield* append("1", put("a", 2), put("a", 3))
      yield* append("2", cleared("a"))
      yield* caughtUp(reader)
      yield* append("2", put("a", 4))
      yield* caughtUp(reader)
      assert.deepStrictEqual(sizes, [1, 1])
    }).pipe(Effect.provide(MemoryEventStore.layer))
  })
})
