import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Schema } from "effect"
import { TestClock } from "effect/testing"
import { Aggregate, Causation, Decider, Event, Process, ProcessManager, ProcessStore, ProjectionStore } from "eventfold"
import { MemoryEventStore } from "eventfold/memory"
import { derivedId } from "../../src/internal/kernel/derivedId.ts"
import { aggregates, Fulfilments, Orders, place, restock, Stocks } from "./domain.ts"
import { ask, asked, found, log, makeDesk, memory, notesOf, run, settle, storyOf, tell } from "./support.ts"

const shop = Fulfilments.layer.pipe(Layer.provideMerge(aggregates), Layer.provideMerge(memory))

const pay = (id: string) => Effect.flatMap(Orders, (orders) => orders.execute(id, { _tag: "Pay" }))
const cancelOrder = (id: string) =>
  Effect.flatMap(Orders, (orders) => orders.execute(id, { _tag: "CancelOrder", reason: "no need" }))

/** A story in short: what happened, with what was sent and set. */
const short = (steps: ReadonlyArray<Process.StoryStep>) =>
  steps.map(({ commands, input, timers }) => {
    const what =
      input._tag === "Event"
        ? input.type
        : input._tag === "Elapsed"
          ? input.timer
          : "command" in input
            ? Schema.decodeUnknownSync(Tagged)(input.command)._tag
            : ""
    const sent = commands.map(({ command }) => Schema.decodeUnknownSync(Tagged)(command)._tag)
    const set = timers.map(({ at, timer }) => (at === null ? `-${timer}` : `+${timer}`))
    return [input._tag, what, ...sent, ...set].join(" ")
  })
const Tagged = Schema.Struct({ _tag: Schema.String })

const types = Effect.map(log(), (all) => all.map(({ stream, type }) => `${stream} ${type}`))

describe("the story of an order", () => {
  it.effect("that is paid", () =>
    Effect.gen(function* () {
      const process = yield* Fulfilments
      yield* restock(2)
      yield* place("o1")
      yield* settle(process)
      assert.deepStrictEqual(
        (yield* found(process, "o1")).timers.map(({ timer }) => timer),
        ["payment"]
      )
      yield* pay("o1")
      yield* settle(process)
      yield* TestClock.adjust("1 minute")
      yield* settle(process)
      const { commands, state, status, timers } = yield* found(process, "o1")
      assert.deepStrictEqual({ commands, status, timers }, { commands: [], status: "ended", timers: [] })
      assert.strictEqual(state.phase, "done")
      assert.deepStrictEqual(yield* types, [
        "stock-tea Restocked",
        "order-o1 OrderPlaced",
        "stock-tea Reserved",
        "order-o1 OrderPaid",
        "order-o1 OrderShipped"
      ])
      const told = short(yield* storyOf(process, "o1"))
      assert.deepStrictEqual(told.slice(0, 3), [
        "Event OrderPlaced Reserve",
        "Executed Reserve +payment",
        "Event OrderPaid Ship -payment"
      ])
      // The order has told of it, and so has the answer: in either order.
      assert.sameMembers(told.slice(3), ["Executed Ship", "Event OrderShipped"])
    }).pipe(Effect.provide(shop))
  )

  it.effect("that is out of stock", () =>
    Effect.gen(function* () {
      const process = yield* Fulfilments
      yield* restock(1)
      yield* place("o1", 2)
      yield* settle(process)
      assert.deepStrictEqual(yield* types, ["stock-tea Restocked", "order-o1 OrderPlaced", "order-o1 OrderCancelled"])
      const steps = yield* storyOf(process, "o1")
      const told = short(steps)
      assert.deepStrictEqual(told.slice(0, 2), ["Event OrderPlaced Reserve", "Rejected Reserve CancelOrder"])
      assert.sameMembers(told.slice(2), [
        "Executed CancelOrder",
        "Event OrderCancelled Release -payment",
        "Executed Release"
      ])
      assert.deepInclude(steps[1]?.input, { rejection: { _tag: "OutOfStock", left: 1 } })
      assert.strictEqual((yield* found(process, "o1")).status, "ended")
    }).pipe(Effect.provide(shop))
  )

  it.effect("that is not paid in time", () =>
    Effect.gen(function* () {
      const process = yield* Fulfilments
      const stocks = yield* Stocks
      yield* restock(1)
      yield* place("o1")
      yield* settle(process)
      const [timer] = (yield* found(process, "o1")).timers
      yield* TestClock.adjust("19 seconds")
      assert.lengthOf(yield* log("order"), 1)
      yield* TestClock.adjust("1 second")
      yield* settle(process)
      assert.deepStrictEqual((yield* types).slice(3), ["order-o1 OrderCancelled", "stock-tea Released"])
      assert.deepStrictEqual((yield* stocks.state("tea")).state, { left: 1, reserved: {} })
      const steps = yield* storyOf(process, "o1")
      assert.deepStrictEqual(short(steps).slice(0, 3), [
        "Event OrderPlaced Reserve",
        "Executed Reserve +payment",
        "Elapsed payment CancelOrder"
      ])
      assert.deepStrictEqual(steps[2]?.input, { _tag: "Elapsed", timer: "payment", at: timer!.at })
      assert.strictEqual((yield* found(process, "o1")).status, "ended")
    }).pipe(Effect.provide(shop))
  )

  it.effect("that is cancelled", () =>
    Effect.gen(function* () {
      const process = yield* Fulfilments
      yield* restock(1)
      yield* place("o1")
      yield* settle(process)
      yield* cancelOrder("o1")
      yield* settle(process)
      yield* TestClock.adjust("1 minute")
      yield* settle(process)
      assert.deepStrictEqual((yield* types).slice(3), ["order-o1 OrderCancelled", "stock-tea Released"])
      assert.deepStrictEqual(short(yield* storyOf(process, "o1")), [
        "Event OrderPlaced Reserve",
        "Executed Reserve +payment",
        "Event OrderCancelled Release -payment",
        "Executed Release"
      ])
    }).pipe(Effect.provide(shop))
  )

  it.effect("is told in steps that count from 1, with the ids that its events have", () =>
    Effect.gen(function* () {
      const process = yield* Fulfilments
      yield* restock(1)
      yield* place("o1")
      yield* settle(process)
      yield* pay("o1")
      yield* settle(process)
      const steps = yield* storyOf(process, "o1")
      assert.deepStrictEqual(
        steps.map(({ number }) => number),
        steps.map((_, index) => index + 1)
      )
      assert.strictEqual((yield* found(process, "o1")).steps, steps.length)
      const times = steps.map(({ at }) => at.epochMilliseconds)
      assert.deepStrictEqual(
        times,
        times.toSorted((a, b) => a - b)
      )
      const placed = (yield* log("order"))[0]!
      assert.deepStrictEqual(steps[0]?.input, {
        _tag: "Event",
        id: placed.id,
        type: "OrderPlaced",
        stream: "order-o1",
        position: placed.position
      })
      const command = { _tag: "Reserve", orderId: "o1", quantity: 1 }
      const id = derivedId(placed.id, "command", "fulfilment", "o1", "0")
      assert.deepStrictEqual(steps[0]?.commands, [{ id, to: "stock", target: "tea", command }])
      assert.deepStrictEqual(steps[1]?.input, {
        _tag: "Executed",
        id,
        to: "stock",
        target: "tea",
        command,
        events: 1,
        version: 2
      })
    }).pipe(Effect.provide(shop))
  )
})

describe("what commands append", () => {
  it.effect("says which event it follows from, and by which command", () =>
    Effect.gen(function* () {
      const { process } = yield* makeDesk().start
      yield* ask("d", "x", { numbers: [1, 2], after: [{ timer: "b", millis: 1000 }] })
      yield* settle(process)
      yield* TestClock.adjust("2 seconds")
      yield* settle(process)
      const [told, ...done] = yield* log()
      const steps = yield* storyOf(process, "d")
      const ids = steps.flatMap(({ commands }) => commands.map(({ id }) => id))
      assert.lengthOf(done, 3)
      for (const [index, { metadata }] of done.entries()) {
        assert.strictEqual(metadata.causationId, told!.id)
        assert.strictEqual(metadata.correlationId, told!.id)
        assert.strictEqual(metadata.causationDepth, 1)
        assert.strictEqual(metadata.commandId, ids[index])
      }
      assert.strictEqual(new Set(ids).size, 3)
    }).pipe(Effect.provide(memory))
  )

  it.effect("belongs to the correlation of what it follows from", () =>
    Effect.gen(function* () {
      const process = yield* Fulfilments
      const orders = yield* Orders
      yield* restock(1)
      yield* Causation.withMetadata(orders.execute("o1", { _tag: "Place", orderId: "o1", sku: "tea", quantity: 1 }), {
        correlationId: "all of it",
        causationDepth: 5
      })
      yield* settle(process)
      yield* TestClock.adjust("1 minute")
      yield* settle(process)
      const [placed, reserved, cancelled, released] = (yield* log()).slice(1)
      for (const { metadata } of [reserved!, cancelled!, released!]) {
        assert.strictEqual(metadata.correlationId, "all of it")
      }
      assert.strictEqual(reserved!.metadata.causationId, placed!.id)
      // The timer was set by an answer, which follows from the event that the order was placed.
      assert.strictEqual(cancelled!.metadata.causationId, placed!.id)
      assert.strictEqual(released!.metadata.causationId, cancelled!.id)
      assert.strictEqual(reserved!.metadata.causationDepth, 6)
      assert.strictEqual(released!.metadata.causationDepth, 7)
    }).pipe(Effect.provide(shop))
  )

  it.effect("is there once, also where another that knows nothing of the first runs the process anew", () => {
    const { start } = makeDesk()
    return Effect.gen(function* () {
      const first = yield* start
      yield* tell(
        asked("d", "x", { numbers: [1, -1, 0, 2] }),
        asked("e", "y", { numbers: [3], after: [{ timer: "b", millis: 500 }] })
      )
      yield* ask("d", "z", { numbers: [4] })
      yield* settle(first.process)
      yield* TestClock.adjust("1 second")
      yield* settle(first.process)
      yield* first.stop
      const before = yield* log()
      const story = yield* storyOf(first.process, "d")
      // Its log is empty when the process is registered: so it has all of it to react to.
      const { context } = yield* run(MemoryEventStore.layer)
      const projections = Context.get(context, ProjectionStore.ProjectionStore)
      const again = yield* start.pipe(
        Effect.provideService(ProjectionStore.ProjectionStore, projections),
        Effect.provideService(ProcessStore.ProcessStore, Context.get(context, ProcessStore.ProcessStore))
      )
      yield* settle(again.process)
      assert.deepStrictEqual(yield* log(), before)
      const ids = (steps: ReadonlyArray<Process.StoryStep>) =>
        steps.flatMap(({ commands }) => commands.map(({ id }) => id))
      assert.sameMembers(ids(yield* storyOf(again.process, "d")), ids(story))
      assert.sameMembers(
        (yield* notesOf(again.process, "d")).filter((note) => note.startsWith("did") || note.startsWith("no")),
        ["did 1", "no -1", "did 0", "did 2", "did 4"]
      )
    }).pipe(Effect.provide(memory))
  })
})

describe("processes that cause each other's events", () => {
  const Went = Event.define({ PingWent: { id: Schema.String }, PongWent: { id: Schema.String } })
  const ping = Decider.make({
    name: "ping",
    state: Schema.Int,
    initial: 0,
    commands: Schema.TaggedUnion({ Ping: { most: Schema.Int } }),
    events: Event.pick(Went, ["PingWent"])
  })
    .evolve({ PingWent: (count) => count + 1 })
    .decide({ Ping: ({ most }, count) => (count < most ? [{ _tag: "PingWent", id: "it" }] : []) })
  const pong = Decider.make({
    name: "pong",
    state: Schema.Int,
    initial: 0,
    commands: Schema.TaggedUnion({ Pong: {} }),
    events: Event.pick(Went, ["PongWent"])
  })
    .evolve({ PongWent: (count) => count + 1 })
    .decide({ Pong: () => [{ _tag: "PongWent", id: "it" }] })

  const pinging = ProcessManager.make({
    name: "pinging",
    state: Schema.Int,
    initial: 0,
    events: Event.pick(Went, ["PongWent"]),
    targets: { ping: ProcessManager.sends(ping, ["Ping"]) }
  })
    .correlate({ PongWent: ({ id }) => id })
    .evolve({ events: { PongWent: (count) => count + 1 } })
    .react({ events: { PongWent: (_, { id }) => [ProcessManager.send("ping", id, { _tag: "Ping", most: 40 })] } })
  const ponging = ProcessManager.make({
    name: "ponging",
    state: Schema.Int,
    initial: 0,
    events: Event.pick(Went, ["PingWent"]),
    targets: { pong: ProcessManager.sends(pong, ["Pong"]) }
  })
    .correlate({ PingWent: ({ id }) => id })
    .evolve({ events: { PingWent: (count) => count + 1 } })
    .react({ events: { PingWent: (_, { id }) => [ProcessManager.send("pong", id, { _tag: "Pong" })] } })

  class Pings extends Aggregate.Service<Pings>()("test/Pings", { decider: ping }) {}
  class Pongs extends Aggregate.Service<Pongs>()("test/Pongs", { decider: pong }) {}

  const both = (maxCausationDepth: number) => {
    class Pinging extends Process.Service<Pinging>()("test/Pinging", {
      manager: pinging,
      aggregates: { ping: Pings },
      maxCausationDepth
    }) {}
    class Ponging extends Process.Service<Ponging>()("test/Ponging", {
      manager: ponging,
      aggregates: { pong: Pongs },
      maxCausationDepth
    }) {}
    return Effect.gen(function* () {
      const { context } = yield* run(
        Layer.mergeAll(Pinging.layer, Ponging.layer).pipe(Layer.provideMerge(Layer.mergeAll(Pings.layer, Pongs.layer)))
      )
      const pings = Context.get(context, Pings)
      yield* pings.execute("it", { _tag: "Ping", most: 1 })
      const [a, b] = [Context.get(context, Pinging), Context.get(context, Ponging)]
      for (let i = 0; i < 3; i++) {
        yield* settle(a)
        yield* settle(b)
      }
      return [a, b] as const
    })
  }

  it.effect("stop at the greatest depth, stuck with what is wrong", () =>
    Effect.gen(function* () {
      const [a, b] = yield* both(10)
      assert.lengthOf(yield* log(), 12)
      const stuck = [yield* found(a, "it"), yield* found(b, "it")].filter(({ status }) => status === "stuck")
      assert.lengthOf(stuck, 1)
      assert.deepInclude(stuck[0]?.stuck, { _tag: "Event", reason: "CausationTooDeep", position: 12 })
      assert.include(stuck[0]?.stuck?.problem, "more than 10")
      const depths = (yield* log()).map(({ metadata }) => metadata.causationDepth ?? 0)
      assert.deepStrictEqual(depths, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
    }).pipe(Effect.provide(memory))
  )

  it.effect("go on where there is no bound", () =>
    Effect.gen(function* () {
      const [a, b] = yield* both(Infinity)
      assert.strictEqual((yield* found(a, "it")).status, "running")
      assert.strictEqual((yield* found(b, "it")).status, "running")
      assert.lengthOf(yield* log("ping"), 40)
    }).pipe(Effect.provide(memory))
  )
})
