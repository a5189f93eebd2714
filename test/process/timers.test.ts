import { assert, describe, it } from "@effect/vitest"
import { Context, DateTime, Effect, Layer, Stream } from "effect"
import { TestClock } from "effect/testing"
import { aggregates, Fulfilments, Orders, place, restock } from "./domain.ts"
import {
  altering,
  ask,
  asked,
  doneBy,
  found,
  log,
  makeDesk,
  memory,
  notesOf,
  run,
  settle,
  storyOf,
  tell,
  until
} from "./support.ts"

const timersOf = (...what: Parameters<typeof found>) =>
  Effect.map(found(...what), ({ timers }) => timers.map(({ at, timer }) => [timer, at.epochMilliseconds] as const))

describe("a timer", () => {
  it.effect("elapses once it is due, and not before, with the instant that it was set to", () => {
    const { start } = makeDesk()
    return Effect.gen(function* () {
      const { process } = yield* start
      yield* ask("d", "x", { after: [{ timer: "a", millis: 3000 }] })
      yield* settle(process)
      const { dueAt } = yield* Effect.map(found(process, "d"), ({ timers: [timer] }) => ({ dueAt: timer!.at }))
      const now = yield* DateTime.now
      yield* TestClock.adjust(dueAt.epochMilliseconds - now.epochMilliseconds - 1)
      assert.deepStrictEqual(yield* notesOf(process, "d"), ["x"])
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(yield* notesOf(process, "d"), ["x", "a"])
      const steps = yield* storyOf(process, "d")
      assert.deepStrictEqual(steps[1]?.input, { _tag: "Elapsed", timer: "a", at: dueAt })
      assert.deepStrictEqual(steps[1]?.at, dueAt)
      yield* TestClock.adjust("1 minute")
      assert.lengthOf(yield* storyOf(process, "d"), 2)
    }).pipe(Effect.provide(memory))
  })

  it.effect("that is set anew elapses at the later instant alone, or at the earlier", () => {
    const { start } = makeDesk()
    return Effect.gen(function* () {
      const { process } = yield* start
      const after = [{ timer: "a", millis: 3000 }] as const
      yield* tell(asked("later", "x", { after }), asked("earlier", "x", { after }))
      yield* tell(
        asked("later", "y", { after: [{ timer: "a", millis: 6000 }] }),
        asked("earlier", "y", { after: [{ timer: "a", millis: 1000 }] })
      )
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(yield* notesOf(process, "earlier"), ["x", "y", "a"])
      yield* TestClock.adjust("3 seconds")
      assert.deepStrictEqual(yield* notesOf(process, "later"), ["x", "y"])
      assert.lengthOf(yield* timersOf(process, "later"), 1)
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(yield* notesOf(process, "later"), ["x", "y", "a"])
      assert.deepStrictEqual(yield* notesOf(process, "earlier"), ["x", "y", "a"])
    }).pipe(Effect.provide(memory))
  })

  it.effect("that is cancelled does not elapse; nor does one of an instance that is over", () => {
    const { start } = makeDesk()
    return Effect.gen(function* () {
      const { process } = yield* start
      const after = [
        { timer: "a", millis: 1000 },
        { timer: "b", millis: 2000 }
      ] as const
      yield* tell(asked("cancelled", "x", { after }), asked("over", "x", { after }))
      yield* settle(process)
      yield* tell(asked("cancelled", "y", { cancelled: ["a", "c"] }), asked("over", "y", { isOver: true }))
      yield* TestClock.adjust("3 seconds")
      yield* settle(process)
      assert.deepStrictEqual(yield* notesOf(process, "cancelled"), ["x", "y", "b", "did 7"])
      assert.deepStrictEqual(yield* notesOf(process, "over"), ["x", "y"])
      assert.deepStrictEqual(yield* timersOf(process, "over"), [])
      assert.strictEqual((yield* found(process, "over")).status, "ended")
      assert.deepStrictEqual((yield* storyOf(process, "cancelled"))[1]?.timers, [
        { timer: "a", at: null },
        { timer: "c", at: null }
      ])
    }).pipe(Effect.provide(memory))
  })

  it.effect("elapses after one that was due before it, also where both are due by now", () => {
    const { start } = makeDesk()
    return Effect.gen(function* () {
      const first = yield* start
      yield* tell(
        asked("d", "x", {
          after: [
            { timer: "b", millis: 3000 },
            { timer: "a", millis: 2000 }
          ]
        }),
        asked("same", "x", {
          after: [
            { timer: "b", millis: 2000 },
            { timer: "a", millis: 2000 }
          ]
        })
      )
      yield* settle(first.process)
      yield* first.stop
      yield* TestClock.adjust("1 minute")
      const { process } = yield* start
      yield* settle(process)
      assert.deepStrictEqual(yield* notesOf(process, "d"), ["x", "a", "b", "did 7"])
      // Of two that are due at one instant, first the one that was set first.
      assert.deepStrictEqual(yield* notesOf(process, "same"), ["x", "b", "a", "did 7"])
    }).pipe(Effect.provide(memory))
  })

  it.effect("that is due in the past elapses at once", () => {
    const { start } = makeDesk()
    return Effect.gen(function* () {
      const { process } = yield* start
      yield* TestClock.adjust("1 minute")
      yield* ask("d", "x", { after: [{ timer: "a", millis: -60_000 }] })
      yield* settle(process)
      assert.deepStrictEqual(yield* notesOf(process, "d"), ["x", "a"])
    }).pipe(Effect.provide(memory))
  })

  it.effect("elapses in whichever runtime runs then, once", () => {
    const { start } = makeDesk()
    return Effect.gen(function* () {
      const first = yield* start
      yield* ask("d", "x", { after: [{ timer: "b", millis: 10_000 }] })
      yield* settle(first.process)
      yield* first.stop
      yield* TestClock.adjust("5 seconds")
      const second = yield* start
      yield* settle(second.process)
      assert.deepStrictEqual(yield* notesOf(second.process, "d"), ["x"])
      yield* second.stop
      yield* TestClock.adjust("1 minute")
      const { process } = yield* start
      yield* settle(process)
      assert.deepStrictEqual(yield* notesOf(process, "d"), ["x", "b", "did 7"])
      assert.deepStrictEqual(yield* doneBy("d"), [7])
    }).pipe(Effect.provide(memory))
  })

  it.effect("is one of ten thousand that are due at one instant, each of which elapses once", () => {
    const { start } = makeDesk()
    const count = 10_000
    return Effect.gen(function* () {
      const { process } = yield* start
      const names = Array.from({ length: count }, (_, index) => `d${index}`)
      for (let index = 0; index < count; index += 500) {
        const some = names.slice(index, index + 500)
        yield* tell(...some.map((name) => asked(name, "x", { after: [{ timer: "a", millis: 60_000 }] })))
      }
      yield* settle(process)
      yield* TestClock.adjust("61 seconds")
      yield* settle(process)
      for (const name of [names[0]!, names[4999]!, names[9999]!]) {
        assert.deepStrictEqual(yield* notesOf(process, name), ["x", "a"])
      }
      const stores = yield* process.count
      assert.strictEqual(stores.running, count)
      let elapsed = 0
      for (const name of names) if ((yield* storyOf(process, name)).length === 2) elapsed++
      assert.strictEqual(elapsed, count)
    }).pipe(Effect.provide(memory))
  })

  it.effect("that sets itself again with no delay keeps nobody from anything", () => {
    const { start } = makeDesk({ again: ({ notes }) => !notes.includes("stop"), runs: { partitions: 1 } })
    return Effect.gen(function* () {
      const { process } = yield* start
      yield* tell(asked("d", "x", { after: [{ timer: "c", millis: 100 }] }), asked("o", "x"))
      yield* until(
        "it has elapsed many times",
        Effect.map(notesOf(process, "d"), (notes) => notes.length > 50)
      )
      yield* tell(asked("o", "y", { numbers: [1] }), asked("d", "stop"))
      yield* settle(process)
      assert.deepStrictEqual(yield* notesOf(process, "o"), ["x", "y", "did 1"])
      assert.include(yield* notesOf(process, "d"), "stop")
    }).pipe(Effect.provide(memory))
  })
})

describe("a timer does not overtake an event that was recorded before it was due", () => {
  it.effect("where the process was not running from before the one to after the other", () => {
    const shop = Fulfilments.layer.pipe(Layer.provideMerge(aggregates))
    return Effect.gen(function* () {
      const first = yield* run(shop)
      yield* restock(2).pipe(Effect.provideContext(first.context))
      yield* place("o1").pipe(Effect.provideContext(first.context))
      yield* settle(Context.get(first.context, Fulfilments))
      yield* first.stop
      const orders = Context.get((yield* run(aggregates)).context, Orders)
      yield* TestClock.adjust("10 seconds")
      yield* orders.execute("o1", { _tag: "Pay" })
      yield* TestClock.adjust("1 minute")
      const { context } = yield* run(shop)
      yield* settle(Context.get(context, Fulfilments))
      assert.deepStrictEqual(
        (yield* log("order")).map(({ type }) => type),
        ["OrderPlaced", "OrderPaid", "OrderShipped"]
      )
    }).pipe(Effect.provide(memory))
  })

  it.effect("where there are more events than are read at a time", () => {
    const { start } = makeDesk()
    return Effect.gen(function* () {
      const first = yield* start
      yield* ask("d", "x", { after: [{ timer: "a", millis: 60_000 }] })
      yield* settle(first.process)
      yield* first.stop
      for (let index = 0; index < 10; index++) {
        yield* tell(...Array.from({ length: 300 }, (_, n) => asked(`o${n}`, "x")))
      }
      yield* ask("d", "y")
      yield* TestClock.adjust("2 minutes")
      const { process } = yield* start
      yield* settle(process)
      assert.deepStrictEqual(yield* notesOf(process, "d"), ["x", "y", "a"])
    }).pipe(Effect.provide(memory))
  })

  it.effect("where the event comes late to who reads the log", () => {
    const { start } = makeDesk({ runs: { partitions: 1 } })
    let isSlow = false
    return Effect.gen(function* () {
      const { process } = yield* start
      yield* ask("d", "x", { after: [{ timer: "a", millis: 3000 }] })
      yield* settle(process)
      isSlow = true
      yield* TestClock.adjust("1 second")
      yield* ask("d", "y")
      // It is due now, and what was recorded before is still on its way.
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(yield* notesOf(process, "d"), ["x"])
      isSlow = false
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(yield* notesOf(process, "d"), ["x", "y", "a"])
    }).pipe(
      (all) =>
        altering(all, {
          events: ({ subscribePages }) => ({
            subscribePages: (options) =>
              Stream.tap(subscribePages(options), () =>
                Effect.repeat(Effect.sleep("100 millis"), { until: () => !isSlow })
              )
          })
        }),
      Effect.provide(memory)
    )
  })

  it.effect("where that event is one that waits behind what its instance was stuck at", () => {
    const { broken, start } = makeDesk()
    return Effect.gen(function* () {
      const { process } = yield* start
      broken.add("evolve y")
      yield* tell(asked("d", "x", { after: [{ timer: "a", millis: 3000 }] }), asked("d", "y"), asked("d", "z"))
      yield* TestClock.adjust("1 minute")
      yield* settle(process)
      assert.deepStrictEqual(yield* notesOf(process, "d"), ["x"])
      broken.clear()
      yield* process.retry("d")
      yield* settle(process)
      assert.deepStrictEqual(yield* notesOf(process, "d"), ["x", "y", "z", "a"])
    }).pipe(Effect.provide(memory))
  })
})
