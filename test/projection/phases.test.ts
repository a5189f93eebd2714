import { assert, describe, it } from "@effect/vitest"
import { Effect, Schedule } from "effect"
import { TestClock } from "effect/testing"
import { Event, Projection } from "eventfold"
import { MemoryEventStore } from "eventfold/memory"
import { append, caughtUp, events, failed, put, start, until } from "./support.ts"

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

describe("the phase of an event", () => {
  /** Every event that a handler has seen, by generation of its code, in either phase. */
  const witness = (version: number, partitions = 1, broken: ReadonlySet<number> = new Set()) => {
    const live: Array<number> = []
    const rebuilt: Array<number> = []
    const projection = Projection.handler({
      name: "mails",
      version,
      partitions,
      retry: Schedule.recurs(0),
      events: Event.pick(events, ["Put"]),
      handle: (batch, { phase }) =>
        Effect.suspend(() => {
          const all = batch.map(({ event }) => event.n)
          if (all.some((n) => broken.has(n))) return Effect.fail("broken")
          ;(phase === "live" ? live : rebuilt).push(...all)
          return Effect.void
        })
    })
    return { live, rebuilt, projection }
  }
  const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)
  const sorted = (...all: ReadonlyArray<ReadonlyArray<number>>) => all.flat().toSorted((a, b) => a - b)

  it.effect("is live for what came after the projection was made, and rebuild for what was there", () =>
    Effect.gen(function* () {
      const { live, projection, rebuilt } = witness(1)
      yield* many(0, 10)
      const { reader } = yield* start(projection)
      yield* many(10, 20)
      yield* caughtUp(reader)
      assert.deepStrictEqual(rebuilt, numbers(0, 10))
      assert.deepStrictEqual(live, numbers(10, 20))
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )

  it.effect("is live once for each event over all generations: rebuilt, reset, of other partitions", () =>
    Effect.gen(function* () {
      const [first, second, third] = [witness(1), witness(2, 3), witness(3, 2)]
      let to = 0
      const more = Effect.suspend(() => many(to, (to += 10)))
      const old = yield* start(first.projection)
      yield* more
      yield* old.reader.rebuild
      yield* more
      yield* isLive(old.reader, 2)
      yield* more
      yield* caughtUp(old.reader)
      yield* old.reader.reset
      yield* more
      yield* caughtUp(old.reader)
      yield* more
      const next = yield* start(second.projection)
      yield* more
      yield* isLive(next.reader, 3)
      yield* more
      yield* old.stop
      yield* next.reader.rebuild
      yield* more
      yield* isLive(next.reader, 4)
      yield* more
      yield* caughtUp(next.reader)
      const last = yield* start(third.projection)
      yield* isLive(last.reader, 5)
      yield* more
      yield* caughtUp(last.reader)
      assert.deepStrictEqual(sorted(first.live, second.live, third.live), numbers(0, to))
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )

  it.effect("is live once for each event also when the old generation has failed in the middle", () =>
    Effect.gen(function* () {
      const broken = new Set([15])
      const [first, second] = [witness(1, 1, broken), witness(2)]
      const old = yield* start(first.projection)
      yield* many(0, 10)
      yield* caughtUp(old.reader)
      yield* many(10, 20)
      yield* failed(old.reader)
      const next = yield* start(second.projection)
      yield* isLive(next.reader, 2)
      yield* many(20, 30)
      yield* caughtUp(next.reader)
      assert.deepStrictEqual(first.live, numbers(0, 15))
      assert.deepStrictEqual(second.rebuilt, numbers(0, 15))
      assert.deepStrictEqual(second.live, numbers(15, 30))
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )

  it.effect("is live once for each event also when it is paused in the middle", () =>
    Effect.gen(function* () {
      const [first, second] = [witness(1), witness(2)]
      const old = yield* start(first.projection)
      yield* many(0, 10)
      yield* caughtUp(old.reader)
      yield* old.reader.pause
      yield* many(10, 20)
      const next = yield* start(second.projection)
      yield* TestClock.adjust("5 seconds")
      yield* next.reader.resume
      yield* isLive(next.reader, 2)
      yield* many(20, 30)
      yield* caughtUp(next.reader)
      assert.deepStrictEqual(sorted(first.live, second.live), numbers(0, 30))
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )

  it.effect("is rebuild for what was there before the first version, also when that never came to it", () =>
    Effect.gen(function* () {
      yield* many(0, 10)
      const [first, second] = [witness(1, 1, new Set([3])), witness(2)]
      const old = yield* start(first.projection)
      yield* failed(old.reader)
      const next = yield* start(second.projection)
      yield* isLive(next.reader, 2)
      yield* many(10, 20)
      yield* caughtUp(next.reader)
      assert.deepStrictEqual(second.rebuilt, numbers(0, 10))
      assert.deepStrictEqual(second.live, numbers(10, 20))
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )

  it.effect("is rebuild for what was handled before a reset, also by the version that comes next", () =>
    Effect.gen(function* () {
      const [first, second] = [witness(1), witness(2)]
      const old = yield* start(first.projection)
      yield* many(0, 10)
      yield* caughtUp(old.reader)
      yield* old.stop
      yield* old.reader.reset
      const next = yield* start(second.projection)
      yield* isLive(next.reader, 2)
      yield* many(10, 20)
      yield* caughtUp(next.reader)
      assert.deepStrictEqual(first.live, numbers(0, 10))
      assert.deepStrictEqual(second.live, numbers(10, 20))
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )
})
