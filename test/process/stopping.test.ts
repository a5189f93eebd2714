import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { ask, asked, doneBy, found, makeDesk, memory, notesOf, settle, tell, tellBroken, until } from "./support.ts"
import type { Process, ProcessManager } from "eventfold"

/** Waits until all partitions have failed, and gives at which positions. */
const failures = ({ control }: Pick<Process.Process<ProcessManager.Any>, "control">, partitions: number) =>
  Effect.gen(function* () {
    const all = Effect.map(control.status, (all) =>
      all.flatMap(({ failure, state }) => (state === "failed" && failure !== undefined ? [failure] : []))
    )
    yield* until(
      `${partitions} partitions have failed`,
      Effect.map(all, ({ length }) => length === partitions)
    )
    return yield* all
  })

describe("an event that cannot be read", () => {
  it.effect("stops the process at just that event, and nothing before it is lost", () => {
    const { start } = makeDesk()
    return Effect.gen(function* () {
      const { process, stop } = yield* start
      const desks = Array.from({ length: 12 }, (_, index) => `d${index}`)
      yield* tell(...desks.map((desk) => asked(desk, "x", { numbers: [1, 2] })))
      yield* tellBroken
      yield* tell(...desks.map((desk) => asked(desk, "y", { numbers: [3] })))
      const problems = yield* failures(process, 4)
      assert.deepStrictEqual(
        problems.map(({ position }) => position),
        [13, 13, 13, 13]
      )
      assert.include(problems[0]?.problem, "desk")
      for (const desk of desks) assert.strictEqual((yield* notesOf(process, desk))[0], "x")
      // It stays so, wherever it runs.
      yield* stop
      const again = yield* start
      yield* TestClock.adjust("10 seconds")
      yield* failures(again.process, 4)
      for (const desk of desks) assert.notInclude(yield* notesOf(again.process, desk), "y")

      yield* again.process.control.skip(13, "it is broken")
      yield* settle(again.process)
      for (const desk of desks) {
        assert.deepStrictEqual(yield* doneBy(desk), [1, 2, 3])
        const told = (yield* notesOf(again.process, desk)).filter((note) => !note.startsWith("did"))
        assert.deepStrictEqual(told, ["x", "y"])
      }
      const [skipped] = yield* again.process.control.skipped
      assert.deepInclude(skipped, { position: 13, reason: "it is broken" })
    }).pipe(Effect.provide(memory))
  })

  it.effect("stops it once more where there is another", () => {
    const { start } = makeDesk({ runs: { partitions: 1 } })
    return Effect.gen(function* () {
      const { process } = yield* start
      yield* ask("d", "x")
      yield* tellBroken
      yield* ask("d", "y")
      yield* tellBroken
      yield* ask("d", "z")
      assert.deepStrictEqual(
        (yield* failures(process, 1)).map(({ position }) => position),
        [2]
      )
      yield* process.control.skip(2, "broken")
      yield* until(
        "it has gone on",
        Effect.map(notesOf(process, "d"), ({ length }) => length === 2)
      )
      assert.deepStrictEqual(
        (yield* failures(process, 1)).map(({ position }) => position),
        [4]
      )
      assert.deepStrictEqual(yield* notesOf(process, "d"), ["x", "y"])
      yield* process.control.skip(4, "broken too")
      yield* settle(process)
      assert.deepStrictEqual(yield* notesOf(process, "d"), ["x", "y", "z"])
    }).pipe(Effect.provide(memory))
  })
})

describe("an event whose instance cannot be told", () => {
  it.effect("stops the process until it is mended and resumed", () => {
    const { broken, start } = makeDesk()
    return Effect.gen(function* () {
      const { process } = yield* start
      broken.add("correlate y")
      yield* tell(
        asked("d", "x", { numbers: [1] }),
        asked("d", "y", { numbers: [2] }),
        asked("d", "z", { numbers: [3] })
      )
      const problems = yield* failures(process, 4)
      assert.strictEqual(problems[0]?.position, 2)
      assert.include(problems[0]?.problem, "correlate y is broken")
      yield* process.control.resume
      yield* TestClock.adjust("5 seconds")
      yield* failures(process, 4)
      broken.clear()
      yield* process.control.resume
      yield* settle(process)
      assert.deepStrictEqual(yield* doneBy("d"), [1, 2, 3])
    }).pipe(Effect.provide(memory))
  })

  it.effect("is one whose instance has no name that can be kept", () => {
    const { start } = makeDesk({ runs: { partitions: 1 } })
    return Effect.gen(function* () {
      const { process } = yield* start
      yield* tell(asked("d", "x"), asked("", "x"))
      const problems = yield* failures(process, 1)
      assert.deepInclude(problems[0], { position: 2 })
      assert.include(problems[0]?.problem, "is empty")
    }).pipe(Effect.provide(memory))
  })

  it.effect("and is waiting behind what its instance was stuck at gets that stuck, and stops nobody", () => {
    const { broken, start } = makeDesk()
    return Effect.gen(function* () {
      const { process } = yield* start
      broken.add("evolve x")
      yield* tell(asked("d", "x"), asked("d", "y"))
      yield* settle(process)
      broken.clear()
      broken.add("correlate y")
      yield* process.retry("d")
      yield* settle(process)
      const { state, stuck } = yield* found(process, "d")
      assert.deepStrictEqual(state.notes, ["x"])
      assert.deepInclude(stuck, { _tag: "Event", position: 2 })
      assert.include(stuck?.problem, "correlate y is broken")
    }).pipe(Effect.provide(memory))
  })
})
