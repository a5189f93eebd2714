import { assert, describe, it } from "@effect/vitest"
import { Context, DateTime, Effect, Layer, Option, Schema, Stream } from "effect"
import { Aggregate, Decider, Event, Process, ProcessManager } from "eventfold"
import { ask, asked, deskEvents, found, makeDesk, memory, run, settle, storyOf, tell } from "./support.ts"

const inspected = (name: string) => Effect.map(Process.inspect(name), Option.getOrThrow)

describe("a process that is known by its name", () => {
  it.effect("shows what its process manager shows, with states as JSON", () => {
    const { broken, start } = makeDesk()
    return Effect.gen(function* () {
      const { process } = yield* start
      broken.add("evolve y")
      yield* tell(asked("a", "x", { after: [{ timer: "a", millis: 60_000 }] }), asked("b", "y"), asked("c", "z"))
      yield* settle(process)
      const byName = yield* inspected("desk")
      assert.deepStrictEqual(yield* Process.names, ["desk"])
      for (const name of ["a", "b", "c"]) {
        assert.deepStrictEqual(Option.getOrThrow(yield* byName.get(name)), yield* found(process, name))
      }
      assert.isTrue(Option.isNone(yield* byName.get("d")))
      assert.deepStrictEqual(yield* byName.count, yield* process.count)
      assert.deepStrictEqual(yield* Stream.runCollect(byName.story("a")), yield* storyOf(process, "a"))
      const names = (options: Process.InspectOptions) =>
        Effect.map(Stream.runCollect(byName.list(options)), (all) => all.map(({ instance }) => instance))
      assert.deepStrictEqual(yield* names({}), ["a", "b", "c"])
      assert.deepStrictEqual(yield* names({ status: "stuck" }), ["b"])
      assert.deepStrictEqual(yield* names({ waitingFor: { timer: "a" } }), ["a"])
      assert.deepStrictEqual(yield* names({ where: { notes: ["z"] } }), ["c"])
    }).pipe(Effect.provide(memory))
  })

  it.effect("is not there under another name", () =>
    Effect.gen(function* () {
      yield* makeDesk().start
      assert.isTrue(Option.isNone(yield* Process.inspect("des")))
      assert.isTrue(Option.isNone(yield* Process.inspect("")))
    }).pipe(Effect.provide(memory))
  )

  it.effect("has its instances looked after by their owners", () => {
    const { broken, start } = makeDesk({ runs: { partitions: 3 } })
    return Effect.gen(function* () {
      const { process } = yield* start
      broken.add("evolve y")
      const desks = ["retry", "skip", "cancel", "resume"]
      yield* tell(...desks.map((desk) => asked(desk, "y")))
      yield* settle(process)
      broken.clear()
      const byName = yield* inspected("desk")
      yield* byName.retry("retry")
      yield* byName.skip("skip", "no")
      yield* byName.cancel("cancel", "no")
      yield* byName.resume("resume")
      yield* settle(process)
      const last = (desk: string) => Effect.map(storyOf(process, desk), (steps) => steps[1]?.input._tag)
      assert.deepStrictEqual(yield* Effect.forEach(desks, last), ["Retried", "Skipped", "Cancelled", "Resumed"])
      assert.instanceOf(yield* Effect.flip(byName.retry("retry")), Process.RequestRefused)
    }).pipe(Effect.provide(memory))
  })

  it.effect("does not lose what an instance is about to do where nobody can tell what its state calls for", () => {
    const counter = Decider.make({
      name: "counter",
      state: Schema.Int,
      initial: 0,
      commands: Schema.TaggedUnion({ Count: {} }),
      events: Event.define({ Counted: {} })
    })
      .evolve({ Counted: (count) => count + 1 })
      .decide({ Count: () => [{ _tag: "Counted" }] })
    const manager = ProcessManager.make({
      name: "waiting",
      state: Schema.Int,
      initial: 0,
      events: deskEvents,
      targets: { counters: ProcessManager.sends(counter, ["Count"]) },
      timers: ["a"]
    })
      .correlate({ Asked: ({ desk }) => desk })
      .evolve({ events: { Asked: (count) => count + 1 }, elapsed: { a: (count) => count + 10 } })
      .react({
        events: { Asked: (_, __, { now }) => [ProcessManager.schedule("a", DateTime.addDuration(now, "1 minute"))] },
        elapsed: { a: () => [] }
      })
    class Counters extends Aggregate.Service<Counters>()("test/Counters", { decider: counter }) {}
    class Waiting extends Process.Service<Waiting>()("test/Waiting", { manager, aggregates: { counters: Counters } }) {}
    return Effect.gen(function* () {
      const { context } = yield* run(Layer.provide(Waiting.layer, Counters.layer))
      const process = Context.get(context, Waiting)
      yield* ask("a", "x")
      yield* settle(process)
      const before = yield* found(process, "a")
      assert.lengthOf(before.timers, 1)
      assert.instanceOf(yield* Effect.flip(process.resume("a")), Process.RequestRefused)
      const byName = yield* inspected("waiting")
      yield* byName.resume("a")
      yield* settle(process)
      assert.deepStrictEqual(yield* found(process, "a"), before)
    }).pipe(Effect.provide(memory))
  })
})
