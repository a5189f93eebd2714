import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { EventStore, type ProcessStore } from "eventfold"
import { altering, ask, asked, doneBy, found, log, makeDesk, memory, notesOf, once, settle, tell } from "./support.ts"

describe("what cannot be kept", () => {
  it.effect(
    "a state that its schema refuses gets its instance stuck at the input, and nothing before it is lost",
    () => {
      const { start } = makeDesk(once)
      return Effect.gen(function* () {
        const { process } = yield* start
        const long = "x".repeat(101)
        yield* tell(
          asked("d", "x", { numbers: [1] }),
          asked("d", long, { numbers: [2] }),
          asked("d", "y", { numbers: [3] }),
          asked("o", "o")
        )
        yield* settle(process)
        const { stuck, waiting } = yield* found(process, "d")
        assert.deepInclude(stuck, { _tag: "Event", position: 2, reason: "Defect" })
        assert.deepStrictEqual(waiting, [2, 3])
        assert.deepStrictEqual(yield* notesOf(process, "o"), ["o"])
        yield* process.skip("d", "too long")
        yield* settle(process)
        assert.deepStrictEqual(yield* doneBy("d"), [1, 3])
      }).pipe(Effect.provide(memory))
    }
  )

  it.effect("what the store refuses gets its instance stuck at the input, and all else is kept", () => {
    const { start } = makeDesk({ runs: { ...once.runs, partitions: 1 } })
    const desks = Array.from({ length: 20 }, (_, index) => `d${index}`)
    const refused = (changes: Parameters<ProcessStore.ProcessStore["Service"]["save"]>[1]): boolean =>
      changes.instances.some(({ instance, state }) => instance === "d7" && JSON.stringify(state).includes("refused"))
    const no = new EventStore.StoreError({ reason: "InvalidRequest", problem: "no such state" })
    return Effect.gen(function* () {
      const { process } = yield* start
      yield* tell(
        ...desks.map((desk) => asked(desk, "x", { numbers: [1] })),
        asked("d7", "refused", { numbers: [2] }),
        ...desks.map((desk) => asked(desk, "y", { numbers: [3] }))
      )
      yield* settle(process)
      const { stuck, waiting } = yield* found(process, "d7")
      assert.deepInclude(stuck, { _tag: "Event", position: 21, reason: "Defect" })
      assert.include(stuck?.problem, "no such state")
      assert.deepStrictEqual(waiting, [21, 29])
      for (const desk of desks) {
        if (desk !== "d7") assert.deepStrictEqual(yield* doneBy(desk), [1, 3])
      }
      yield* process.skip("d7", "it is refused")
      yield* settle(process)
      assert.deepStrictEqual(yield* doneBy("d7"), [1, 3])
    }).pipe(
      (all) =>
        altering(all, {
          processes: (store) => ({
            save: (name, changes) =>
              Effect.suspend(() => (refused(changes) ? Effect.fail(no) : store.save(name, changes)))
          })
        }),
      Effect.provide(memory)
    )
  })

  it.effect("what was kept while something else was refused is not told again", () => {
    const { start } = makeDesk({ runs: { ...once.runs, partitions: 1 } })
    const desks = Array.from({ length: 8 }, (_, index) => `d${index}`)
    type Changes = Parameters<ProcessStore.ProcessStore["Service"]["save"]>[1]
    const has = ({ instances }: Changes, desk: string) => instances.some(({ instance }) => instance === desk)
    let isKnown = false
    // All together are refused; then, when some have been kept, nobody knows what became of the rest.
    const refusal = (changes: Changes): EventStore.StoreError | undefined => {
      if (isKnown) return undefined
      if (has(changes, "d0") && has(changes, "d7")) {
        return new EventStore.StoreError({ reason: "InvalidRequest", problem: "so many" })
      }
      if (!has(changes, "d7")) return undefined
      isKnown = true
      return new EventStore.StoreError({ reason: "OutcomeUnknown", problem: "it was lost" })
    }
    return Effect.gen(function* () {
      const { process } = yield* start
      yield* settle(process)
      yield* tell(...desks.map((desk) => asked(desk, "x", { numbers: [1] })))
      yield* settle(process)
      assert.isTrue(isKnown)
      for (const desk of desks) {
        assert.deepStrictEqual(yield* notesOf(process, desk), ["x", "did 1"])
        assert.deepStrictEqual(yield* doneBy(desk), [1])
      }
    }).pipe(
      (all) =>
        altering(all, {
          processes: (store) => ({
            save: (name, changes) =>
              Effect.suspend(() => {
                const error = refusal(changes)
                return error === undefined ? store.save(name, changes) : Effect.fail(error)
              })
          })
        }),
      Effect.provide(memory)
    )
  })

  it.effect("what cannot be read of what was kept stops the process, until it is mended and resumed", () => {
    const { start } = makeDesk({ runs: { ...once.runs, partitions: 1 } })
    let isDamaged = false
    return Effect.gen(function* () {
      const first = yield* start
      yield* ask("d", "x")
      yield* settle(first.process)
      yield* first.stop
      isDamaged = true
      const { process } = yield* start
      yield* tell(asked("o", "x", { numbers: [1] }), asked("d", "y", { numbers: [1] }))
      yield* TestClock.adjust("10 seconds")
      const error = yield* Effect.flip(process.get("d"))
      assert.include(error.problem, "what is kept of instance d of process desk cannot be read by this code")
      assert.deepStrictEqual(yield* doneBy("d"), [])
      const [status] = yield* process.control.status
      assert.strictEqual(status?.state, "failed")
      assert.include(status?.failure?.problem, "instance d of process desk cannot be read")
      isDamaged = false
      yield* process.control.resume
      yield* settle(process)
      assert.deepStrictEqual(yield* notesOf(process, "d"), ["x", "y", "did 1"])
      assert.deepStrictEqual(yield* notesOf(process, "o"), ["x", "did 1"])
    }).pipe(
      (all) =>
        altering(all, {
          processes: (store) => ({
            load: (name, instances) =>
              Effect.map(store.load(name, instances), (all) =>
                all.map((one) => (isDamaged && one.instance === "d" ? { ...one, document: { position: "x" } } : one))
              )
          })
        }),
      Effect.provide(memory)
    )
  })

  it.effect.each(["Unavailable", "Timeout", "StorageFull", "ReadOnly"] as const)(
    "a store that is away, or has no room, is waited for, and nobody gets stuck: %s",
    (reason) => {
      const away = new EventStore.StoreError({ reason, problem: "not now" })
      const { start } = makeDesk(once)
      let isAway = false
      return Effect.gen(function* () {
        const { process } = yield* start
        yield* ask("d", "x", { numbers: [1] })
        yield* settle(process)
        isAway = true
        yield* ask("d", "y", { numbers: [2] })
        yield* TestClock.adjust("30 seconds")
        assert.deepStrictEqual(yield* notesOf(process, "d"), ["x", "did 1"])
        isAway = false
        yield* settle(process)
        assert.deepStrictEqual(yield* notesOf(process, "d"), ["x", "did 1", "y", "did 2"])
        assert.lengthOf(yield* log("tool"), 2)
      }).pipe(
        (all) =>
          altering(all, {
            processes: (store) => ({
              save: (name, changes) => Effect.suspend(() => (isAway ? Effect.fail(away) : store.save(name, changes)))
            })
          }),
        Effect.provide(memory)
      )
    }
  )
})
