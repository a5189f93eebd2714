import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { ProcessStore } from "eventfold"
import { ask, asked, doneBy, found, inputsOf, makeDesk, memory, notesOf, once, settle, tell } from "./support.ts"

describe("what throws", () => {
  it.effect("on an answer leaves the command to be answered again", () => {
    const { broken, start } = makeDesk(once)
    return Effect.gen(function* () {
      const { process } = yield* start
      broken.add("evolve did 1").add("react no -1")
      yield* tell(asked("executed", "x", { numbers: [1, 2] }), asked("rejected", "x", { numbers: [-1] }))
      yield* settle(process)
      const executed = yield* found(process, "executed")
      const rejected = yield* found(process, "rejected")
      assert.deepInclude(executed.stuck, { _tag: "Command", reason: "Defect", to: "tools" })
      assert.include(executed.stuck?.problem, "evolve did 1 is broken")
      assert.include(rejected.stuck?.problem, "react no -1 is broken")
      assert.deepStrictEqual(rejected.state.notes, ["x"])
      assert.deepStrictEqual(yield* doneBy("executed"), [1])
      yield* process.retry("rejected")
      yield* settle(process)
      assert.strictEqual((yield* found(process, "rejected")).status, "stuck")

      broken.clear()
      yield* process.retry("executed")
      yield* process.retry("rejected")
      yield* settle(process)
      assert.deepStrictEqual(yield* notesOf(process, "executed"), ["x", "did 1", "did 2"])
      assert.deepStrictEqual(yield* notesOf(process, "rejected"), ["x", "no -1"])
      // What was executed before was executed once.
      assert.deepStrictEqual(yield* doneBy("executed"), [1, 2])
      assert.deepStrictEqual(yield* inputsOf(process, "rejected"), [
        "Event",
        "Rejected",
        "Retried",
        "Rejected",
        "Retried",
        "Rejected"
      ])
    }).pipe(Effect.provide(memory))
  })

  for (const what of ["evolve y", "react y", "isTerminal y"]) {
    it.effect(`on an event (${what}) keeps it at the head of those that wait`, () => {
      const { broken, start } = makeDesk(once)
      return Effect.gen(function* () {
        const { process } = yield* start
        yield* ask("d", "x")
        yield* settle(process)
        broken.add(what)
        yield* tell(asked("d", "y", { numbers: [1] }), asked("d", "z", { numbers: [2] }), asked("o", "z"))
        yield* settle(process)
        const { stuck, waiting } = yield* found(process, "d")
        assert.deepInclude(stuck, { _tag: "Event", position: 2, reason: "Defect" })
        assert.include(stuck?.problem, `${what} is broken`)
        assert.deepStrictEqual(waiting, [2, 3])
        assert.deepStrictEqual(yield* notesOf(process, "o"), ["z"])
        yield* process.retry("d")
        yield* settle(process)
        assert.deepStrictEqual((yield* found(process, "d")).waiting, [2, 3])

        broken.clear()
        yield* process.retry("d")
        yield* settle(process)
        assert.deepStrictEqual((yield* notesOf(process, "d")).slice(0, 3), ["x", "y", "z"])
        assert.deepStrictEqual(yield* doneBy("d"), [1, 2])
      }).pipe(Effect.provide(memory))
    })

    it.effect(`on an event (${what}) is passed over with that event alone`, () => {
      const { broken, start } = makeDesk(once)
      return Effect.gen(function* () {
        const { process } = yield* start
        broken.add(what)
        yield* tell(asked("d", "y", { numbers: [1] }), asked("d", "z", { numbers: [2] }))
        yield* settle(process)
        yield* process.skip("d", "y is wrong")
        yield* settle(process)
        assert.deepStrictEqual(yield* notesOf(process, "d"), ["z", "did 2"])
        assert.deepStrictEqual(yield* inputsOf(process, "d"), ["Event", "Skipped", "Event", "Executed"])
      }).pipe(Effect.provide(memory))
    })
  }

  it.effect("on a timer leaves it due; it is retried or passed over", () => {
    const { broken, start } = makeDesk(once)
    return Effect.gen(function* () {
      const { process } = yield* start
      broken.add("react a")
      const after = [
        { timer: "a", millis: 1000 },
        { timer: "b", millis: 2000 }
      ] as const
      yield* tell(asked("retried", "x", { after }), asked("skipped", "x", { after }))
      yield* settle(process)
      yield* TestClock.adjust("5 seconds")
      yield* settle(process)
      const { state, stuck, timers } = yield* found(process, "retried")
      assert.deepInclude(stuck, { _tag: "Timer", timer: "a", reason: "Defect" })
      assert.deepStrictEqual(state.notes, ["x"])
      assert.lengthOf(timers, 2)
      yield* process.skip("skipped", "no a")
      yield* settle(process)
      broken.clear()
      yield* process.retry("retried")
      yield* settle(process)
      assert.deepStrictEqual(yield* notesOf(process, "skipped"), ["x", "b", "did 7"])
      assert.deepStrictEqual(yield* notesOf(process, "retried"), ["x", "a", "b", "did 7"])
    }).pipe(Effect.provide(memory))
  })

  it.effect("on what a state calls for is retried before the events that wait, or passed over", () => {
    const { broken, start } = makeDesk(once)
    return Effect.gen(function* () {
      broken.add("resume")
      yield* tell(asked("retried", "x"), asked("skipped", "x"), asked("quiet", "x"))
      const { process } = yield* start
      yield* settle(process)
      for (const desk of ["retried", "skipped", "quiet"]) {
        assert.deepInclude((yield* found(process, desk)).stuck, { _tag: "Resume", reason: "Defect" })
      }
      yield* tell(asked("retried", "y", { numbers: [1] }), asked("skipped", "y", { numbers: [1] }))
      yield* settle(process)
      assert.lengthOf((yield* found(process, "retried")).waiting, 1)
      yield* process.skip("skipped", "no")
      yield* settle(process)
      assert.deepStrictEqual(yield* doneBy("skipped"), [1])

      broken.clear()
      yield* process.retry("retried")
      yield* process.retry("quiet")
      yield* settle(process)
      assert.deepStrictEqual(yield* doneBy("retried"), [1001, 1])
      assert.deepStrictEqual(yield* doneBy("quiet"), [1001])
    }).pipe(Effect.provide(memory))
  })

  it.effect("on what was recorded before there was a process is folded when it is mended, and nobody reacts", () => {
    const { broken, start } = makeDesk(once)
    return Effect.gen(function* () {
      broken.add("evolve y")
      yield* tell(
        asked("d", "x", { numbers: [1] }),
        asked("d", "y", { numbers: [2] }),
        asked("d", "z", { numbers: [3] })
      )
      const { process } = yield* start
      yield* settle(process)
      yield* ask("d", "new", { numbers: [4] })
      yield* settle(process)
      assert.deepStrictEqual((yield* found(process, "d")).waiting, [2, 3, 4])
      broken.clear()
      yield* process.retry("d")
      yield* settle(process)
      // What the three old ones call for, and then the new one.
      assert.deepStrictEqual(yield* doneBy("d"), [1003, 4])
    }).pipe(Effect.provide(memory))
  })
})

describe("an instance that is stuck", () => {
  it.effect("is so in whichever runtime comes after, which does what was asked of it meanwhile", () => {
    const { broken, start } = makeDesk(once)
    return Effect.gen(function* () {
      const first = yield* start
      broken.add("decide 1")
      yield* ask("d", "x", { numbers: [1] })
      yield* settle(first.process)
      const before = yield* found(first.process, "d")
      yield* first.stop
      const second = yield* start
      yield* ask("d", "y")
      yield* settle(second.process)
      const after = yield* found(second.process, "d")
      assert.deepStrictEqual(after, { ...before, waiting: [2] })
      yield* second.stop
      broken.clear()
      yield* second.process.retry("d")
      const { process } = yield* start
      yield* settle(process)
      assert.sameMembers([...(yield* notesOf(process, "d"))], ["x", "did 1", "y"])
    }).pipe(Effect.provide(memory))
  })

  it.effect("is told of hundreds of events that waited, in order, and stops at the next that is wrong", () => {
    const { broken, start } = makeDesk(once)
    return Effect.gen(function* () {
      const { process } = yield* start
      broken.add("evolve n0").add("evolve n170")
      const notes = Array.from({ length: 350 }, (_, index) => `n${index}`)
      yield* tell(...notes.map((note) => asked("d", note)))
      yield* settle(process)
      assert.lengthOf((yield* found(process, "d")).waiting, 350)
      broken.delete("evolve n0")
      yield* process.retry("d")
      yield* settle(process)
      assert.deepStrictEqual(yield* notesOf(process, "d"), notes.slice(0, 170))
      assert.deepInclude((yield* found(process, "d")).stuck, { _tag: "Event", position: 171 })
      broken.clear()
      yield* process.retry("d")
      yield* ask("d", "last")
      yield* settle(process)
      assert.deepStrictEqual(yield* notesOf(process, "d"), [...notes, "last"])
    }).pipe(Effect.provide(memory))
  })

  it.effect("goes on where it has come to throw at the state that it is in", () => {
    const { broken, start } = makeDesk(once)
    return Effect.gen(function* () {
      const { process } = yield* start
      broken.add("evolve y")
      yield* tell(asked("d", "x"), asked("d", "y"))
      yield* settle(process)
      broken.clear()
      broken.add("isTerminal x")
      yield* process.retry("d")
      yield* settle(process)
      assert.deepStrictEqual(yield* notesOf(process, "d"), ["x", "y"])
    }).pipe(Effect.provide(memory))
  })

  it.effect("is not skipped over something else than it was stuck at when that was asked", () => {
    const { broken, start } = makeDesk(once)
    return Effect.gen(function* () {
      const first = yield* start
      broken.add("evolve y").add("evolve z")
      yield* tell(asked("d", "y"), asked("d", "z"))
      yield* settle(first.process)
      yield* first.stop
      // The second is asked of what the first is about, and is handled when that is over.
      yield* first.process.skip("d", "y is wrong")
      const late = yield* Effect.map(found(first.process, "d"), ({ steps }) => steps)
      const { process } = yield* start
      yield* settle(process)
      assert.deepInclude((yield* found(process, "d")).stuck, { _tag: "Event", position: 2 })
      const store = yield* ProcessStore.ProcessStore
      const request = { _tag: "Skip", reason: "y is wrong", steps: late }
      yield* Effect.forEach([0, 1, 2, 3], (partition) => store.request("desk", { partition, instance: "d", request }), {
        discard: true
      })
      yield* TestClock.adjust("2 seconds")
      yield* settle(process)
      assert.deepInclude((yield* found(process, "d")).stuck, { _tag: "Event", position: 2 })
    }).pipe(Effect.provide(memory))
  })

  it.effect("keeps as much of a reason as a story can", () => {
    const { broken, start } = makeDesk(once)
    return Effect.gen(function* () {
      const { process } = yield* start
      broken.add("evolve y")
      yield* tell(asked("d", "y"), asked("d", "z"))
      yield* settle(process)
      yield* process.skip("d", "y".repeat(1024 * 1024 - 60))
      yield* settle(process)
      assert.deepStrictEqual(yield* notesOf(process, "d"), ["z"])
    }).pipe(Effect.provide(memory))
  })
})
