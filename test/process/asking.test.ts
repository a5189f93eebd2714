/**
 * What is refused with a reason, before anything is done, and what is said when somebody has to look.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Layer, Logger, References, Schema } from "effect"
import { Event, Process, ProcessManager } from "eventfold"
import { Spec } from "eventfold/testing"
import { ask, makeDesk, memory, once, settle, tellStored } from "./support.ts"

const Put = Event.define({ Put: { key: Schema.String } })

const plain = ProcessManager.make({ name: "plain", state: Schema.Int, initial: 0, events: Put })
  .correlate({ Put: ({ key }) => key })
  .evolve({ events: { Put: (count) => count + 1 } })
  .react({ events: { Put: () => [] } })

describe("to resume without rules that say what a state calls for", () => {
  it.effect("is refused, and changes nothing", () => {
    class Plain extends Process.Service<Plain>()("test/Plain", { manager: plain, aggregates: {} }) {}
    return Effect.gen(function* () {
      const process = yield* Plain
      yield* tellStored("Put", { key: "a" })
      yield* settle(process)
      const refused = yield* Effect.flip(process.resume("a"))
      assert.strictEqual(refused._tag, "RequestRefused")
      assert.include(refused.message, "cannot resume: its process manager has no `resume`")
    }).pipe(Effect.provide(Layer.provideMerge(Plain.layer, memory)))
  })

  it.effect("is no step of a spec", () =>
    Effect.gen(function* () {
      const failure = yield* Effect.flip(
        Spec.process(plain)
          .given([{ _tag: "Put", key: "a" }])
          .resume()
          .thenNothing()
          .asEffect()
      )
      assert.include(failure.message, "its process manager has no `resume`")
    })
  )

  it("is known of a composition, if either side has such rules", () => {
    const { manager } = makeDesk()
    assert.isFalse(ProcessManager.compose(plain, ProcessManager.empty).canResume)
    assert.isTrue(ProcessManager.compose(plain, manager).canResume)
    assert.isTrue(ProcessManager.compose(ProcessManager.empty, manager).canResume)
  })
})

describe("another number of partitions", () => {
  it.effect("is refused, and the right one is said", () =>
    Effect.gen(function* () {
      const stores = yield* Layer.build(memory)
      const run = (partitions: number) => {
        class Plain extends Process.Service<Plain>()("test/Plain", { manager: plain, aggregates: {}, partitions }) {}
        return Effect.exit(
          Effect.scoped(Layer.build(Layer.provide(Layer.fresh(Plain.layer), Layer.succeedContext(stores))))
        )
      }
      assert.isTrue(Exit.isSuccess(yield* run(3)))
      assert.isTrue(Exit.isSuccess(yield* run(3)))
      const refused = yield* run(2)
      assert.include(String(refused), "kept in 3 partitions, which cannot be changed: say `partitions: 3`")
    })
  )
})

describe("an instance that gets stuck", () => {
  it.effect("is told of in the log, once, with what it is stuck at", () => {
    const said: Array<Readonly<Record<string, unknown>>> = []
    const logger = Logger.make(({ fiber, logLevel, message }) => {
      if (logLevel === "Error")
        said.push({ ...fiber.getRef(References.CurrentLogAnnotations), message: String(message) })
    })
    const { broken, start } = makeDesk(once)
    return Effect.gen(function* () {
      const { process } = yield* start
      broken.add("decide 7")
      yield* ask("d", "x", { numbers: [7] })
      yield* settle(process)
      yield* ask("d", "y", { numbers: [8] })
      yield* settle(process)
      assert.lengthOf(said, 1)
      assert.deepInclude(said[0], {
        message: "process instance is stuck",
        process: "desk",
        instance: "d",
        at: "command Do for tools d",
        reason: "Failed"
      })
      assert.include(said[0]?.problem, "decide 7 is broken")
    }).pipe(Effect.provide(Layer.merge(memory, Logger.layer([logger]))))
  })
})
