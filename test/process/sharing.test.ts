import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { type Process, type ProcessManager, ProjectionStore } from "eventfold"
import { altering, asked, doneBy, log, makeDesk, memory, notesOf, settle, storyOf, tell, until } from "./support.ts"

const desks = Array.from({ length: 40 }, (_, index) => `d${index}`)

const owners = ({ control }: Pick<Process.Process<ProcessManager.Any>, "control">) =>
  Effect.map(control.status, (all) => all.map(({ owner }) => owner))

const tellAll = (note: string, ...numbers: ReadonlyArray<number>) =>
  tell(...desks.map((desk) => asked(desk, note, { numbers })))

/** A runtime that can be gone from one moment to the next: nothing that it asks of its stores is done any more. */
const mortal = () => {
  let isGone = false
  const gone = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.suspend(() => (isGone ? Effect.never : effect))
  const alter = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    altering(effect, {
      events: (store) => ({ append: (writes, options) => gone(store.append(writes, options)) }),
      projections: (store) => ({
        claim: (options) => gone(store.claim(options)),
        renew: (claims, lease) => gone(store.renew(claims, lease)),
        commit: (claim, progress, work) => gone(store.commit(claim, progress, work)),
        release: (claims) => Effect.suspend(() => (isGone ? Effect.void : store.release(claims)))
      })
    })
  return {
    alter,
    die: Effect.sync(() => {
      isGone = true
    })
  }
}

/** That every desk was told of all, once and in order, and has done all, once and in order. */
const check = Effect.fnUntraced(function* (
  process: Parameters<typeof notesOf>[0] & Parameters<typeof storyOf>[0],
  notes: ReadonlyArray<string>,
  numbers: ReadonlyArray<number>
) {
  for (const desk of desks) {
    const all = yield* notesOf(process, desk)
    assert.deepStrictEqual(
      all.filter((note) => !note.startsWith("did")),
      notes
    )
    assert.deepStrictEqual(
      all.filter((note) => note.startsWith("did")),
      numbers.map((n) => `did ${n}`)
    )
    assert.deepStrictEqual(yield* doneBy(desk), numbers)
    const steps = yield* storyOf(process, desk)
    assert.deepStrictEqual(
      steps.map(({ number }) => number),
      steps.map((_, index) => index + 1)
    )
  }
})

describe("several runtimes", () => {
  it.effect("share the partitions, and everything is done once", () => {
    const { start } = makeDesk()
    return Effect.gen(function* () {
      const [one, two] = yield* Effect.all([start, start], { concurrency: 2 })
      yield* until(
        "each has some",
        Effect.map(owners(one.process), (all) => new Set(all).size === 2 && all.every((owner) => owner !== undefined))
      )
      for (const round of [1, 2, 3]) yield* tellAll(`r${round}`, round, -round, 0)
      yield* settle(two.process)
      for (const desk of desks) assert.deepStrictEqual(yield* doneBy(desk), [1, 2, 3])
      const done = (yield* notesOf(one.process, "d0")).filter((note) => !note.startsWith("r"))
      assert.deepStrictEqual(done, ["did 1", "no -1", "did 0", "did 2", "no -2", "did 0", "did 3", "no -3", "did 0"])
    }).pipe(Effect.provide(memory))
  })

  it.effect("go on with the work of one that ends, within a second", () => {
    const { start } = makeDesk()
    return Effect.gen(function* () {
      const [one, two] = yield* Effect.all([start, start], { concurrency: 2 })
      yield* TestClock.adjust("1 second")
      yield* tellAll("x", 1, 2)
      yield* TestClock.adjust(1)
      yield* one.stop
      yield* tellAll("y", 3)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(new Set(yield* owners(two.process)).size, 1)
      yield* settle(two.process)
      yield* check(two.process, ["x", "y"], [1, 2, 3])
    }).pipe(Effect.provide(memory))
  })

  it.effect("go on with the work of one that is gone in the middle of it, within five seconds", () => {
    const { start } = makeDesk()
    const { alter, die } = mortal()
    return Effect.gen(function* () {
      const [, two] = yield* Effect.all([alter(start), start], { concurrency: 2 })
      yield* TestClock.adjust("1 second")
      assert.strictEqual(new Set(yield* owners(two.process)).size, 2)
      yield* tellAll("x", 1, 2)
      yield* until(
        "some is done",
        Effect.map(log("tool"), ({ length }) => length > 10)
      )
      yield* die
      yield* tellAll("y", 3)
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(new Set(yield* owners(two.process)).size, 1)
      yield* settle(two.process)
      yield* check(two.process, ["x", "y"], [1, 2, 3])
    }).pipe(Effect.provide(memory))
  })
})

describe("a claim that is lost in the middle of the work", () => {
  it.effect("loses nothing, and doubles nothing", () => {
    const { start } = makeDesk({ runs: { concurrency: 2 } })
    return Effect.gen(function* () {
      const { process } = yield* start
      const projections = yield* ProjectionStore.ProjectionStore
      for (const round of [1, 2, 3, 4, 5]) {
        yield* tellAll(`r${round}`, round)
        yield* TestClock.adjust(round)
        yield* projections.pause("process:desk")
        yield* TestClock.adjust("600 millis")
        yield* projections.resume("process:desk")
        yield* TestClock.adjust(round * 200)
      }
      yield* settle(process)
      yield* check(process, ["r1", "r2", "r3", "r4", "r5"], [1, 2, 3, 4, 5])
    }).pipe(Effect.provide(memory))
  })

  it.effect("while it is paused nothing is done, and no timer elapses", () => {
    const { start } = makeDesk()
    return Effect.gen(function* () {
      const { process } = yield* start
      yield* tell(asked("d", "x", { after: [{ timer: "a", millis: 1000 }] }))
      yield* settle(process)
      yield* process.control.pause
      yield* tell(asked("d", "y", { numbers: [1] }))
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(yield* notesOf(process, "d"), ["x"])
      assert.lengthOf(yield* log("tool"), 0)
      yield* process.control.resume
      yield* settle(process)
      assert.sameMembers([...(yield* notesOf(process, "d"))], ["x", "y", "a", "did 1"])
    }).pipe(Effect.provide(memory))
  })
})
