import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect, Stream } from "effect"
import { TestClock } from "effect/testing"
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
  settle,
  storyOf,
  tell
} from "./support.ts"

describe("what was recorded before there was a process", () => {
  it.effect("is folded, and nobody reacts; then it does what the state calls for, once", () => {
    const { start } = makeDesk()
    return Effect.gen(function* () {
      yield* tell(
        asked("d", "x", { numbers: [1], after: [{ timer: "a", millis: 10 }] }),
        asked("over", "x", { numbers: [2] }),
        asked("d", "y", { numbers: [3] }),
        asked("over", "y", { numbers: [4], isOver: true })
      )
      yield* TestClock.adjust("1 minute")
      const first = yield* start
      yield* settle(first.process)
      assert.deepStrictEqual(yield* doneBy("d"), [1002])
      assert.deepStrictEqual(yield* notesOf(first.process, "d"), ["x", "y", "did 1002"])
      const inputs = (yield* storyOf(first.process, "d")).map(({ input }) => input._tag)
      assert.deepStrictEqual(inputs, ["Event", "Event", "Resumed", "Executed"])
      yield* first.stop
      const { process } = yield* start
      yield* settle(process)
      assert.lengthOf(yield* storyOf(process, "d"), 4)
      yield* ask("d", "z", { numbers: [5] })
      yield* settle(process)
      assert.deepStrictEqual(yield* doneBy("d"), [1002, 5])
    }).pipe(Effect.provide(memory))
  })

  it.effect("is resumed before an event that comes later, also in the same page of the log", () => {
    const { start } = makeDesk({ runs: { partitions: 1 } })
    return Effect.gen(function* () {
      yield* ask("d", "x", { numbers: [1] })
      // It is there, and has handled nothing of it.
      const first = yield* start
      yield* first.process.control.pause
      yield* first.stop
      yield* ask("d", "y", { numbers: [2] })
      const { process } = yield* start
      yield* process.control.resume
      yield* settle(process)
      const steps = yield* storyOf(process, "d")
      assert.deepStrictEqual(steps.map(({ input }) => input._tag).slice(0, 3), ["Event", "Resumed", "Event"])
      assert.deepStrictEqual(yield* doneBy("d"), [1001, 2])
    }).pipe(Effect.provide(memory))
  })

  it.effect("is resumed once by whoever comes after one that has only folded it", () => {
    const { start } = makeDesk()
    return Effect.gen(function* () {
      yield* tell(asked("d", "x"), asked("e", "x"))
      const first = yield* altering(start, { processes: () => ({ ready: () => Effect.never }) })
      yield* TestClock.adjust("3 seconds")
      assert.deepStrictEqual(yield* notesOf(first.process, "d"), ["x"])
      assert.lengthOf(yield* log("tool"), 0)
      yield* first.stop
      yield* ask("e", "y", { numbers: [1] })
      const { process } = yield* start
      yield* settle(process)
      assert.deepStrictEqual(yield* doneBy("d"), [1001])
      assert.deepStrictEqual(yield* doneBy("e"), [1001, 1])
    }).pipe(Effect.provide(memory))
  })

  it.effect("of those that are over calls for nothing", () => {
    const { broken, start } = makeDesk()
    broken.add("resume")
    return Effect.gen(function* () {
      yield* tell(asked("over", "x", { isOver: true }))
      const { process } = yield* start
      yield* settle(process)
      assert.strictEqual((yield* found(process, "over")).status, "ended")
    }).pipe(Effect.provide(memory))
  })
})

describe("an event", () => {
  it.effect("that leaves an instance as it was, and asks for nothing, begins none; nor does one of no instance", () => {
    const { start } = makeDesk()
    return Effect.gen(function* () {
      const { process } = yield* start
      yield* tell(asked("quiet", ""), asked("nobody", "x", { numbers: [1] }), asked("asking", "", { numbers: [1] }))
      yield* settle(process)
      assert.isTrue((yield* process.get("quiet"))._tag === "None")
      assert.isTrue((yield* process.get("nobody"))._tag === "None")
      assert.strictEqual((yield* found(process, "asking")).steps, 2)
      // One that is there is told of it.
      yield* ask("asking", "")
      yield* settle(process)
      assert.strictEqual((yield* found(process, "asking")).steps, 3)
      assert.deepStrictEqual(
        (yield* Stream.runCollect(process.list())).map(({ instance }) => instance),
        ["asking"]
      )
    }).pipe(Effect.provide(memory))
  })

  it.effect("is dated by when it was recorded, and an answer by when it came", () => {
    const { start } = makeDesk()
    return Effect.gen(function* () {
      const first = yield* start
      yield* settle(first.process)
      yield* first.stop
      yield* TestClock.adjust("1 minute")
      yield* ask("d", "x", { after: [{ timer: "a", millis: 3_600_000 }] })
      yield* TestClock.adjust("1 minute")
      const { process } = yield* start
      yield* settle(process)
      const [timer] = (yield* found(process, "d")).timers
      const [event] = yield* log()
      assert.deepStrictEqual(timer?.at, DateTime.addDuration(event!.recordedAt, "1 hour"))
    }).pipe(Effect.provide(memory))
  })
})
