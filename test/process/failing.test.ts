import { assert, describe, it } from "@effect/vitest"
import { Effect, Schedule } from "effect"
import { TestClock } from "effect/testing"
import { EventStore } from "eventfold"
import {
  altering,
  ask,
  doneBy,
  found,
  inputsOf,
  makeDesk,
  memory,
  notesOf,
  once,
  settle,
  storyOf,
  until
} from "./support.ts"

/** Appends to streams of a category fail. */
const failing = (category: string, error: () => EventStore.StoreError | undefined) => ({
  events: (store: EventStore.EventStore["Service"]): Partial<EventStore.EventStore["Service"]> => ({
    append: (writes, options) =>
      Effect.suspend(() => {
        const problem = writes.some(({ stream }) => stream.startsWith(`${category}-`)) ? error() : undefined
        return problem === undefined ? store.append(writes, options) : Effect.fail(problem)
      })
  })
})

describe("a command that fails", () => {
  it.effect("is tried again on the schedule, and then its instance is stuck with all that is known", () => {
    const { broken, start } = makeDesk({
      runs: { retry: Schedule.max([Schedule.spaced("1 second"), Schedule.recurs(3)]) }
    })
    let tried = 0
    const counting = {
      has: (what: string) => {
        if (what === "decide 1") tried++
        return what === "decide 1"
      }
    }
    return Effect.gen(function* () {
      broken.has = counting.has
      const { process } = yield* start
      yield* ask("d", "x", { numbers: [1, 2] })
      yield* until(
        "it was tried",
        Effect.sync(() => tried > 0)
      )
      const first = tried
      yield* TestClock.adjust("2500 millis")
      assert.strictEqual(tried, first * 3)
      assert.strictEqual((yield* found(process, "d")).status, "running")
      yield* TestClock.adjust("600 millis")
      assert.strictEqual(tried, first * 4)
      const { commands, status, stuck } = yield* found(process, "d")
      assert.strictEqual(status, "stuck")
      if (stuck?._tag !== "Command") return assert.fail("it is stuck at a command")
      const { problem, ...rest } = stuck
      assert.deepStrictEqual(rest, {
        _tag: "Command",
        ...commands[0]!,
        to: "tools",
        target: "d",
        command: { _tag: "Do", n: 1 },
        attempts: 4,
        reason: "Failed"
      })
      assert.include(problem, "decide 1 is broken")
      assert.lengthOf(commands, 2)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(tried, first * 4)
      assert.deepStrictEqual(yield* inputsOf(process, "d"), ["Event", "Failed"])
    }).pipe(Effect.provide(memory))
  })

  it.effect("keeps what comes later waiting, in order, and nothing of it is done; others go on", () => {
    const { broken, start } = makeDesk(once)
    return Effect.gen(function* () {
      broken.add("decide 1")
      const { process } = yield* start
      yield* ask("d", "x", { numbers: [1, 2], after: [{ timer: "a", millis: 5000 }] })
      yield* settle(process)
      yield* ask("d", "y", { numbers: [3] })
      yield* ask("d", "z", { cancelled: ["b"] })
      yield* ask("other", "o", { numbers: [4] })
      yield* TestClock.adjust("10 seconds")
      yield* settle(process)
      const stuck = yield* found(process, "d")
      assert.deepStrictEqual(stuck.state.notes, ["x"])
      assert.deepStrictEqual(
        stuck.timers.map(({ timer }) => timer),
        ["a"]
      )
      assert.lengthOf(stuck.waiting, 2)
      assert.deepStrictEqual(yield* doneBy("d"), [])
      assert.deepStrictEqual(yield* notesOf(process, "other"), ["o", "did 4"])

      broken.clear()
      yield* process.retry("d")
      yield* settle(process)
      const { state, status, waiting } = yield* found(process, "d")
      // The events come before the timer, which is due since.
      assert.deepStrictEqual(
        state.notes.filter((note) => !note.startsWith("did")),
        ["x", "y", "z", "a"]
      )
      assert.deepStrictEqual(
        state.notes.filter((note) => note.startsWith("did")),
        ["did 1", "did 2", "did 3"]
      )
      assert.deepStrictEqual(waiting, [])
      assert.strictEqual(status, "running")
      assert.deepStrictEqual(yield* doneBy("d"), [1, 2, 3])
    }).pipe(Effect.provide(memory))
  })

  it.effect("is passed over, and what stands behind it is done", () => {
    const { broken, start } = makeDesk(once)
    return Effect.gen(function* () {
      broken.add("decide 1")
      const { process } = yield* start
      yield* ask("d", "x", { numbers: [1, 2] })
      yield* settle(process)
      yield* process.skip("d", "it is not wanted")
      yield* settle(process)
      assert.deepStrictEqual(yield* notesOf(process, "d"), ["x", "did 2"])
      assert.deepStrictEqual(yield* doneBy("d"), [2])
      const steps = yield* storyOf(process, "d")
      assert.deepStrictEqual(
        steps.map(({ input }) => input._tag),
        ["Event", "Failed", "Skipped", "Executed"]
      )
      assert.deepInclude(steps[2]!.input, { reason: "it is not wanted" })
    }).pipe(Effect.provide(memory))
  })

  it.effect("is dropped with all the rest where the instance is cancelled", () => {
    const { broken, start } = makeDesk(once)
    return Effect.gen(function* () {
      broken.add("decide 1")
      const { process } = yield* start
      yield* ask("d", "x", { numbers: [1, 2], after: [{ timer: "a", millis: 1000 }] })
      yield* settle(process)
      yield* ask("d", "y")
      yield* settle(process)
      yield* process.cancel("d", "enough")
      yield* settle(process)
      yield* ask("d", "z")
      yield* TestClock.adjust("2 seconds")
      yield* settle(process)
      const { commands, status, stuck, timers, waiting } = yield* found(process, "d")
      assert.deepStrictEqual(
        { commands, status, stuck, timers, waiting },
        { commands: [], status: "cancelled", stuck: undefined, timers: [], waiting: [] }
      )
      assert.deepStrictEqual(yield* inputsOf(process, "d"), ["Event", "Failed", "Cancelled"])
    }).pipe(Effect.provide(memory))
  })

  it.effect("is replaced by what the state calls for where that is asked", () => {
    const { broken, start } = makeDesk(once)
    return Effect.gen(function* () {
      broken.add("decide 1")
      const { process } = yield* start
      yield* ask("d", "x", { numbers: [1, 2], after: [{ timer: "a", millis: 1000 }] })
      yield* settle(process)
      yield* ask("d", "y", { numbers: [3] })
      yield* settle(process)
      yield* process.resume("d")
      yield* settle(process)
      const { state, timers } = yield* found(process, "d")
      assert.deepStrictEqual(yield* doneBy("d"), [1001, 3])
      assert.include(state.notes, "y")
      assert.deepStrictEqual(timers, [])
    }).pipe(Effect.provide(memory))
  })

  it.effect("after it was stored, for nobody knows whether it was, is tried again and counts once", () => {
    const { start } = makeDesk({ runs: { retry: Schedule.recurs(3) } })
    let appends = 0
    const lost = new EventStore.StoreError({ reason: "OutcomeUnknown", problem: "the connection was lost" })
    return Effect.gen(function* () {
      const { process } = yield* start
      yield* ask("d", "x", { numbers: [1, 2] })
      yield* settle(process)
      assert.strictEqual(appends, 2)
      assert.deepStrictEqual(yield* doneBy("d"), [1, 2])
      const steps = yield* storyOf(process, "d")
      assert.deepStrictEqual(
        steps.map(({ input }) => (input._tag === "Executed" ? input.events : input._tag)),
        ["Event", 1, 1]
      )
    }).pipe(
      (all) =>
        altering(all, {
          events: ({ append }) => ({
            append: (writes, options) =>
              Effect.flatMap(append(writes, options), (appended) => {
                const isTool = writes.some(({ stream }) => stream.startsWith("tool-"))
                if (isTool) appends++
                return isTool ? Effect.fail(lost) : Effect.succeed(appended)
              })
          })
        }),
      Effect.provide(memory)
    )
  })

  it.effect.each(["Unexpected", "AccessDenied", "Timeout", "Contention"] as const)(
    "because its store says no gets stuck, and is executed when that is mended: %s",
    (reason) => {
      const { start } = makeDesk(once)
      let error: EventStore.StoreError | undefined = new EventStore.StoreError({ reason, problem: "it says no" })
      return Effect.gen(function* () {
        const { process } = yield* start
        yield* ask("d", "x", { numbers: [1] })
        yield* settle(process)
        const { stuck } = yield* found(process, "d")
        assert.deepInclude(stuck, { _tag: "Command", reason: "Failed", attempts: 1 })
        assert.include(stuck?.problem, "it says no")
        error = undefined
        yield* process.retry("d")
        yield* settle(process)
        assert.deepStrictEqual(yield* doneBy("d"), [1])
      }).pipe(
        (all) =>
          altering(
            all,
            failing("tool", () => error)
          ),
        Effect.provide(memory)
      )
    }
  )

  it.effect.each(["Unavailable", "StorageFull", "ReadOnly"] as const)(
    "is waited for where its store is away: %s",
    (reason) => {
      const away = new EventStore.StoreError({ reason, problem: "not now" })
      const { start } = makeDesk(once)
      let isAway = true
      return Effect.gen(function* () {
        const { process } = yield* start
        yield* ask("d", "x", { numbers: [1] })
        yield* TestClock.adjust("5 minutes")
        const { commands, status } = yield* found(process, "d")
        assert.strictEqual(status, "running")
        assert.lengthOf(commands, 1)
        isAway = false
        yield* settle(process)
        assert.deepStrictEqual(yield* doneBy("d"), [1])
      }).pipe(
        (all) =>
          altering(
            all,
            failing("tool", () => (isAway ? away : undefined))
          ),
        Effect.provide(memory)
      )
    }
  )

  it.effect("for an aggregate that cannot be named gets stuck", () => {
    const { start } = makeDesk(once)
    // The name of the stream of its tool is longer than any can be.
    const desk = "d".repeat(498)
    return Effect.gen(function* () {
      const { process } = yield* start
      yield* ask(desk, "x", { numbers: [1] })
      yield* settle(process)
      const { status, stuck } = yield* found(process, desk)
      assert.strictEqual(status, "stuck")
      assert.include(stuck?.problem, "more than 500")
    }).pipe(Effect.provide(memory))
  })

  it.effect("because something interrupted it is tried again, and gets stuck", () => {
    const { start } = makeDesk(once)
    let isInterrupted = true
    return Effect.gen(function* () {
      const { process } = yield* start
      yield* ask("d", "x", { numbers: [1] })
      yield* settle(process)
      assert.strictEqual((yield* found(process, "d")).status, "stuck")
      isInterrupted = false
      yield* process.retry("d")
      yield* settle(process)
      assert.deepStrictEqual(yield* doneBy("d"), [1])
    }).pipe(
      (all) =>
        altering(all, {
          events: (store) => ({
            append: (writes, options) =>
              Effect.suspend(() =>
                isInterrupted && writes.some(({ stream }) => stream.startsWith("tool-"))
                  ? Effect.interrupt
                  : store.append(writes, options)
              )
          })
        }),
      Effect.provide(memory)
    )
  })
})
