import { assert, describe, it } from "@effect/vitest"
import { Effect, Schedule, Schema } from "effect"
import { Event, Projection, View } from "eventfold"
import { MemoryEventStore } from "eventfold/memory"
import {
  append,
  appendStored,
  caughtUp,
  documents,
  events,
  failed,
  handling,
  parkedOf,
  parking,
  parks,
  put,
  retry,
  start
} from "./support.ts"

describe("an event of several keys", () => {
  /** What is stored as one event was put under two keys. */
  const both = Event.define({ Put: { key: Schema.String, n: Schema.Int } }).retired(
    "Both",
    { n: Schema.Int },
    ({ n }) => [
      { _tag: "Put", key: "a", n },
      { _tag: "Put", key: "b", n }
    ]
  )
  const of = (broken: ReadonlySet<number>) => {
    const view = View.keyed({
      name: "both",
      events: both,
      key: ({ key }) => key,
      model: Schema.Array(Schema.Int),
      initial: []
    }).evolve({
      Put: (all, { n }) => {
        if (broken.has(n)) throw new Error(`${n} is broken`)
        return [...all, n]
      }
    })
    return Projection.make({ version: 1, view, onFailure: "park", retry: Schedule.recurs(0) })
  }

  it.effect("stops the projection when it fails", () => {
    const broken = new Set([2])
    return Effect.gen(function* () {
      const { reader } = yield* start(of(broken))
      yield* append("1", put("a", 1))
      yield* appendStored("1", "Both", { n: 2 })
      const status = yield* failed(reader)
      assert.strictEqual(status?.failure?.position, 2)
      assert.include(status?.failure?.problem, "several keys")
      assert.deepStrictEqual(yield* documents(reader), { a: [1] })
      broken.clear()
      yield* reader.resume
      yield* caughtUp(reader)
      assert.deepStrictEqual(yield* documents(reader), { a: [1, 2], b: [2] })
    }).pipe(Effect.provide(MemoryEventStore.layer))
  })

  it.effect("stops the projection when one of its keys has events that are parked", () => {
    const broken = new Set([1])
    return Effect.gen(function* () {
      const { reader } = yield* start(of(broken))
      yield* append("1", put("a", 1), put("b", 2))
      yield* appendStored("1", "Both", { n: 3 })
      const status = yield* failed(reader)
      assert.strictEqual(status?.failure?.position, 3)
      assert.include(status?.failure?.problem, `events of "a" are parked`)
      broken.clear()
      yield* reader.discardParked(1, "it is nothing")
      yield* reader.resume
      yield* caughtUp(reader)
      assert.deepStrictEqual(yield* documents(reader), { a: [3], b: [2, 3] })
    }).pipe(Effect.provide(MemoryEventStore.layer))
  })
})

describe("an event that does not decode", () => {
  it.effect("is set aside with the later ones of its stream, and with what comes behind those", () => {
    const broken = new Set<number>()
    return Effect.gen(function* () {
      const first = yield* start(parking(broken))
      yield* append("1", put("a", 1))
      yield* appendStored("1", "Put", { key: "a", n: "two" })
      yield* append("2", put("a", 3), put("b", 4))
      yield* append("1", put("b", 5))
      yield* caughtUp(first.reader)
      // b has an event that is parked, and so waits as well; a is free.
      yield* append("2", put("a", 6), put("b", 7))
      yield* caughtUp(first.reader)
      const parked: Effect.Success<ReturnType<typeof parkedOf>> = [
        [2, "box-1"],
        [5, "box-1"],
        [7, "box-1"]
      ]
      assert.deepStrictEqual(yield* parkedOf(first.reader), parked)
      assert.deepStrictEqual(yield* documents(first.reader), { a: [1, 3, 6], b: [4] })
      // Who runs it next knows that as well.
      yield* first.stop
      const { reader } = yield* start(parking(broken))
      yield* append("2", put("b", 8), put("c", 9))
      yield* caughtUp(reader)
      assert.deepStrictEqual(yield* parkedOf(reader), [...parked, [8, "box-1"]])
      yield* reader.discardParked(2, "it is nothing")
      yield* retry(reader)
      assert.deepStrictEqual(yield* documents(reader), { a: [1, 3, 6], b: [4, 5, 7, 8], c: [9] })
    }).pipe(Effect.provide(MemoryEventStore.layer))
  })

  it.effect("and one of its stream that is parked already do not wait for each other", () => {
    const broken = new Set([1])
    return Effect.gen(function* () {
      const { reader } = yield* start(parking(broken))
      yield* append("1", put("a", 1))
      yield* appendStored("1", "Put", { key: "a", n: "two" })
      yield* append("1", put("a", 3))
      yield* parks(reader, 3)
      broken.clear()
      yield* retry(reader, "a")
      assert.deepStrictEqual(yield* documents(reader), { a: [1] })
      yield* retry(reader)
      assert.deepStrictEqual(yield* parkedOf(reader), [
        [2, "box-1"],
        [3, "box-1"]
      ])
      yield* reader.discardParked(2, "it is nothing")
      yield* retry(reader)
      assert.deepStrictEqual(yield* documents(reader), { a: [1, 3] })
    }).pipe(Effect.provide(MemoryEventStore.layer))
  })
})

describe("a key that throws", () => {
  it.effect("sets the event aside with the later ones of its stream", () => {
    let isBroken = true
    const view = View.keyed({
      name: "keys",
      events,
      key: ({ key }) => {
        if (isBroken && key === "b") throw new Error("no key")
        return key
      },
      model: Schema.Array(Schema.Int),
      initial: []
    }).evolve({ Put: (all, { n }) => [...all, n], Cleared: () => View.gone })
    return Effect.gen(function* () {
      const projection = Projection.make({ version: 1, view, onFailure: "park", retry: Schedule.recurs(0) })
      const { reader } = yield* start(projection)
      yield* append("1", put("a", 1), put("b", 2), put("a", 3))
      yield* append("2", put("c", 4))
      yield* caughtUp(reader)
      assert.deepStrictEqual(yield* documents(reader), { a: [1], c: [4] })
      isBroken = false
      yield* retry(reader)
      assert.deepStrictEqual(yield* documents(reader), { a: [1, 3], b: [2], c: [4] })
    }).pipe(Effect.provide(MemoryEventStore.layer))
  })

  it.effect("of a handler is a failure where events are parked: whether it comes behind them is not known", () => {
    const { byKey } = handling(new Set([1]), ({ key }) => {
      if (key === "b") throw new Error("no key")
      return key
    })
    return Effect.gen(function* () {
      const { reader } = yield* start(byKey)
      yield* append("1", put("a", 1))
      yield* append("2", put("b", 2), put("c", 3))
      yield* append("3", put("c", 4))
      yield* caughtUp(reader)
      assert.deepStrictEqual(yield* parkedOf(reader), [
        [1, "a"],
        [2, "box-2"],
        [3, "box-2"],
        [4, "box-2"]
      ])
    }).pipe(Effect.provide(MemoryEventStore.layer))
  })
})
