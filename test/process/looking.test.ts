import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Stream } from "effect"
import { TestClock } from "effect/testing"
import { EventStore, Process } from "eventfold"
import {
  altering,
  ask,
  asked,
  doneBy,
  during,
  found,
  makeDesk,
  memory,
  notesOf,
  settle,
  storyOf,
  tell,
  tellBroken
} from "./support.ts"

const names = <E>(all: Stream.Stream<Process.Instance<unknown>, E>) =>
  Effect.map(Stream.runCollect(all), (found) => found.map(({ instance }) => instance))

/** Why something that was asked was refused. */
const refusal = <A, E>(asking: Effect.Effect<A, E>) =>
  Effect.map(Effect.flip(asking), (error) => {
    assert.instanceOf(error, Process.RequestRefused)
    return error.message
  })

describe("what is asked of an instance", () => {
  it.effect("is refused where it does not apply, and says why", () => {
    const { start } = makeDesk()
    return Effect.gen(function* () {
      const { process } = yield* start
      yield* tell(asked("running", "x"), asked("over", "x", { isOver: true }), asked("cancelled", "x"))
      yield* settle(process)
      yield* process.cancel("cancelled", "no need")
      yield* settle(process)
      const { cancel, resume, retry, skip } = process
      assert.strictEqual(
        yield* refusal(retry("nobody")),
        "process desk, instance nobody: cannot retry: there is no such instance"
      )
      assert.include(yield* refusal(retry("running")), "it is running, and stuck at nothing")
      assert.include(yield* refusal(skip("running", "x")), "cannot skip: it is running")
      for (const desk of ["over", "cancelled"]) {
        const status = desk === "over" ? "ended" : "cancelled"
        assert.include(yield* refusal(retry(desk)), `it is ${status}`)
        assert.include(yield* refusal(skip(desk, "x")), `it is ${status}`)
        assert.include(yield* refusal(cancel(desk, "x")), `it is ${status} already`)
        assert.include(yield* refusal(resume(desk)), `it is ${status} already`)
      }
      yield* TestClock.adjust("2 seconds")
      for (const desk of ["running", "over"]) assert.lengthOf(yield* storyOf(process, desk), 1)
    }).pipe(Effect.provide(memory))
  })

  it.effect("counts once where it is asked twice, or by two at a time", () => {
    const { broken, start } = makeDesk()
    return Effect.gen(function* () {
      const { process } = yield* start
      broken.add("evolve y")
      yield* tell(...["retry", "skip", "cancel"].flatMap((desk) => [asked(desk, "y"), asked(desk, "z")]))
      yield* settle(process)
      broken.clear()
      const twice = <A, E>(asking: Effect.Effect<A, E>) => Effect.all([asking, asking], { concurrency: 2 })
      yield* twice(process.retry("retry"))
      yield* twice(process.skip("skip", "no"))
      yield* twice(process.cancel("cancel", "no"))
      yield* settle(process)
      const inputs = (desk: string) =>
        Effect.map(storyOf(process, desk), (steps) => steps.map(({ input }) => input._tag))
      assert.deepStrictEqual(yield* inputs("retry"), ["Event", "Retried", "Event", "Event"])
      assert.deepStrictEqual(yield* inputs("skip"), ["Event", "Skipped", "Event"])
      assert.deepStrictEqual(yield* inputs("cancel"), ["Event", "Cancelled"])
    }).pipe(Effect.provide(memory))
  })

  it.effect("is done by whoever runs it later where nobody does now, and by who asks through a reader", () => {
    const { Desks, start } = makeDesk()
    return Effect.gen(function* () {
      const first = yield* start
      yield* ask("d", "x", { after: [{ timer: "a", millis: 60_000 }] })
      yield* settle(first.process)
      yield* first.stop
      yield* Effect.flatMap(Desks, ({ cancel }) => cancel("d", "no need")).pipe(Effect.provide(Desks.layerReader))
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual((yield* found(first.process, "d")).status, "running")
      const { process } = yield* start
      yield* settle(process)
      assert.strictEqual((yield* found(process, "d")).status, "cancelled")
    }).pipe(Effect.provide(memory))
  })

  it.effect("is done within about a second where it was asked elsewhere, and nobody tells of it", () => {
    const { start } = makeDesk()
    return Effect.gen(function* () {
      const { process } = yield* start
      yield* ask("d", "x")
      yield* settle(process)
      yield* process.cancel("d", "no need")
      yield* TestClock.adjust("1100 millis")
      assert.strictEqual((yield* found(process, "d")).status, "cancelled")
    }).pipe((all) => altering(all, { processes: () => ({ requested: Stream.never }) }), Effect.provide(memory))
  })

  it.effect("to cancel ends it, whatever it was about to do", () => {
    const { start } = makeDesk()
    return Effect.gen(function* () {
      const { process } = yield* start
      yield* ask("d", "x", { after: [{ timer: "a", millis: 5000 }] })
      yield* settle(process)
      yield* process.cancel("d", "no need")
      yield* settle(process)
      yield* ask("d", "y", { numbers: [1] })
      yield* TestClock.adjust("10 seconds")
      yield* settle(process)
      assert.deepStrictEqual(yield* notesOf(process, "d"), ["x"])
      const [, cancelled] = yield* storyOf(process, "d")
      assert.deepStrictEqual(cancelled?.input, { _tag: "Cancelled", reason: "no need" })
    }).pipe(Effect.provide(memory))
  })

  it.effect("to resume puts what the state calls for in place of what it was about to do", () => {
    const { start } = makeDesk()
    return Effect.gen(function* () {
      const { process } = yield* start
      yield* ask("d", "x", { after: [{ timer: "a", millis: 5000 }] })
      yield* settle(process)
      yield* process.resume("d")
      yield* settle(process)
      yield* TestClock.adjust("10 seconds")
      yield* settle(process)
      assert.deepStrictEqual(yield* notesOf(process, "d"), ["x", "did 1001"])
      yield* process.resume("d")
      yield* settle(process)
      assert.deepStrictEqual(yield* doneBy("d"), [1001, 1002])
    }).pipe(Effect.provide(memory))
  })
})

describe("instances are listed", () => {
  it.effect("by status, age, idleness, what they wait for, and their state", () => {
    const { broken, start } = makeDesk()
    return Effect.gen(function* () {
      const { process } = yield* start
      broken.add("evolve y")
      const after = [{ timer: "a", millis: 3_600_000 }] as const
      yield* tell(
        asked("a-waiting", "x", { after }),
        asked("b-stuck", "y"),
        asked("c-over", "x", { isOver: true }),
        asked("d-cancelled", "x")
      )
      yield* settle(process)
      yield* process.cancel("d-cancelled", "no need")
      yield* settle(process)
      yield* TestClock.adjust("10 seconds")
      yield* tell(asked("a-waiting", "z"), asked("e-new", "x"))
      yield* settle(process)

      const { list } = process
      assert.deepStrictEqual(yield* names(list()), ["a-waiting", "b-stuck", "c-over", "d-cancelled", "e-new"])
      assert.deepStrictEqual(yield* names(list({ status: "running" })), ["a-waiting", "e-new"])
      assert.deepStrictEqual(yield* names(list({ status: "stuck" })), ["b-stuck"])
      assert.deepStrictEqual(yield* names(list({ status: "ended" })), ["c-over"])
      assert.deepStrictEqual(yield* names(list({ status: "cancelled" })), ["d-cancelled"])
      const old = ["a-waiting", "b-stuck", "c-over", "d-cancelled"]
      assert.deepStrictEqual(yield* names(list({ olderThan: "5 seconds" })), old)
      assert.deepStrictEqual(yield* names(list({ olderThan: "1 hour" })), [])
      assert.deepStrictEqual(yield* names(list({ idleFor: "5 seconds" })), ["b-stuck", "c-over", "d-cancelled"])
      assert.deepStrictEqual(yield* names(list({ waitingFor: { timer: "a" } })), ["a-waiting"])
      assert.deepStrictEqual(yield* names(list({ waitingFor: { timer: "b" } })), [])
      assert.deepStrictEqual(yield* names(list({ where: { isOver: true } })), ["c-over"])
      assert.deepStrictEqual(yield* names(list({ where: { notes: ["x", "z"], isOver: undefined } })), ["a-waiting"])
      assert.deepStrictEqual(yield* names(list({ where: { notes: ["z"] } })), [])
      assert.deepStrictEqual(yield* names(list({ after: "b-stuck", limit: 2 })), ["c-over", "d-cancelled"])
      assert.deepStrictEqual(yield* names(list({ limit: 0 })), [])
      assert.deepStrictEqual(
        yield* names(list({ status: "running", olderThan: "5 seconds", where: { isOver: false } })),
        ["a-waiting"]
      )
      assert.deepStrictEqual(yield* process.count, { running: 2, stuck: 1, ended: 1, cancelled: 1 })
    }).pipe(Effect.provide(memory))
  })

  it.effect("by what is older than anything can be: none", () => {
    const { start } = makeDesk()
    return Effect.gen(function* () {
      const { process } = yield* start
      yield* ask("d", "x", { isOver: true })
      yield* settle(process)
      assert.deepStrictEqual(yield* names(process.list({ olderThan: Duration.infinity })), [])
      assert.deepStrictEqual(yield* names(process.list({ idleFor: "900000000 days" })), [])
      assert.strictEqual(yield* process.removeEnded(Duration.infinity), 0)
    }).pipe(Effect.provide(memory))
  })

  it.effect("by a command that is under way", () => {
    const { start } = makeDesk()
    return Effect.gen(function* () {
      const { process } = yield* start
      yield* tell(asked("d", "x", { numbers: [1] }), asked("e", "x"))
      yield* TestClock.adjust("1 second")
      const waiting = process.list({ waitingFor: { to: "tools", command: "Do" } })
      assert.deepStrictEqual(yield* names(waiting), ["d"])
      assert.deepStrictEqual(
        (yield* found(process, "d")).commands.map(({ command }) => command),
        [{ _tag: "Do", n: 1 }]
      )
    }).pipe(
      (all) => altering(all, { events: ({ append }) => ({ append: holding(append, () => true) }) }),
      Effect.provide(memory)
    )
  })

  it.effect("page after page", () => {
    const { start } = makeDesk()
    return Effect.gen(function* () {
      const { process } = yield* start
      const all = Array.from({ length: 450 }, (_, index) => `d${String(index).padStart(3, "0")}`)
      yield* tell(...all.map((desk) => asked(desk, "x")))
      yield* settle(process)
      assert.deepStrictEqual(yield* names(process.list()), all)
      assert.deepStrictEqual(yield* names(process.list({ after: "d100", limit: 250 })), all.slice(101, 351))
      yield* tell(...Array.from({ length: 450 }, (_, index) => asked("long", `n${index}`)))
      yield* settle(process)
      const steps = yield* storyOf(process, "long")
      assert.deepStrictEqual(
        steps.map(({ number }) => number),
        Array.from({ length: 450 }, (_, index) => index + 1)
      )
    }).pipe(Effect.provide(memory))
  })

  it.effect("by fields that the state has, and by no others", () => {
    const { start } = makeDesk()
    return Effect.gen(function* () {
      const { process } = yield* start
      const exit = yield* Effect.exit(Stream.runCollect(process.list({ where: JSON.parse(`{"colour": "red"}`) })))
      assert.isTrue(Exit.isFailure(exit))
      assert.include(String(exit), `has no field "colour"`)
    }).pipe(Effect.provide(memory))
  })
})

/** Appends of commands hang for as long as something holds. */
function holding(append: EventStore.EventStore["Service"]["append"], isHeld: () => boolean): typeof append {
  return (writes, options) =>
    Effect.suspend(() =>
      isHeld() && writes.some(({ stream }) => stream.startsWith("tool-")) ? Effect.never : append(writes, options)
    )
}

describe("instances that are over", () => {
  it.effect("are removed with their stories, once nothing has happened to them for so long", () => {
    const { start } = makeDesk()
    return Effect.gen(function* () {
      const { process } = yield* start
      yield* tell(asked("over", "x", { isOver: true }), asked("running", "x"))
      yield* settle(process)
      assert.strictEqual(yield* process.removeEnded("1 minute"), 0)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* process.removeEnded("50 seconds"), 1)
      assert.deepStrictEqual(yield* names(process.list()), ["running"])
      assert.deepStrictEqual(yield* storyOf(process, "over"), [])
    }).pipe(Effect.provide(memory))
  })

  it.effect("begin anew with what comes after they were removed", () => {
    const { start } = makeDesk()
    return Effect.gen(function* () {
      const { process } = yield* start
      const life = Effect.gen(function* () {
        yield* ask("d", "x")
        yield* settle(process)
        // What the state calls for is another thing in each life, though it is the same.
        yield* process.resume("d")
        yield* settle(process)
        assert.deepStrictEqual(yield* notesOf(process, "d"), ["x", "did 1001"])
        yield* ask("d", "y", { isOver: true })
        yield* settle(process)
        assert.lengthOf(yield* storyOf(process, "d"), 4)
        yield* TestClock.adjust("1 minute")
        assert.strictEqual(yield* process.removeEnded("30 seconds"), 1)
      })
      yield* life
      yield* life
      assert.deepStrictEqual(yield* doneBy("d"), [1001, 1001])
    }).pipe(Effect.provide(memory))
  })

  it.effect("go on where an event comes that makes them not be over", () => {
    const { start } = makeDesk()
    return Effect.gen(function* () {
      const { process } = yield* start
      yield* ask("d", "x", { isOver: true })
      yield* settle(process)
      yield* ask("d", "y", { numbers: [1] })
      yield* settle(process)
      assert.strictEqual((yield* found(process, "d")).status, "running")
      assert.deepStrictEqual(yield* notesOf(process, "d"), ["x", "y", "did 1"])
    }).pipe(Effect.provide(memory))
  })
})

describe("who waits until it is settled", () => {
  it.effect("waits in vain for a process that has stopped, and is told where", () => {
    const { start } = makeDesk()
    return Effect.gen(function* () {
      const { process } = yield* start
      yield* tellBroken
      const error = yield* Effect.flip(during(process.awaitSettled("3 seconds")))
      if (error._tag !== "AwaitTimeout") return assert.fail("it is a time-out")
      assert.deepInclude(error, { projection: "process:desk", position: 1, reached: 0 })
      assert.include(error.message, "it has failed at position 1")
    }).pipe(Effect.provide(memory))
  })

  it.effect("waits in vain for a command that hangs, and is told which", () => {
    const { start } = makeDesk()
    let isHeld = true
    return Effect.gen(function* () {
      const { process } = yield* start
      yield* ask("d", "x", { numbers: [1] })
      const error = yield* Effect.flip(during(process.awaitSettled("3 seconds")))
      assert.include(error.message, "instance d has something to do")
      assert.include(error.message, "command:tools.Do")
      isHeld = false
    }).pipe(
      (all) => altering(all, { events: ({ append }) => ({ append: holding(append, () => isHeld) }) }),
      Effect.provide(memory)
    )
  })

  it.effect("waits in vain where nobody runs it", () => {
    const { Desks } = makeDesk()
    return Effect.gen(function* () {
      yield* ask("d", "x")
      const error = yield* Effect.flip(
        during(Effect.flatMap(Desks, ({ awaitSettled }) => awaitSettled("1 second"))).pipe(
          Effect.provide(Desks.layerReader)
        )
      )
      assert.include(error.message, "did not come to position 1 in time: it is at 0")
    }).pipe(Effect.provide(memory))
  })

  it.effect("does not wait for what is stuck, nor for timers that are not due", () => {
    const { broken, start } = makeDesk()
    return Effect.gen(function* () {
      const { process } = yield* start
      broken.add("evolve y")
      yield* tell(asked("d", "y"), asked("e", "x", { after: [{ timer: "a", millis: 60_000 }] }))
      yield* during(process.awaitSettled())
      assert.deepStrictEqual(yield* process.count, { running: 1, stuck: 1, ended: 0, cancelled: 0 })
    }).pipe(Effect.provide(memory))
  })
})
