import { assert, describe, it } from "@effect/vitest"
import { Data, DateTime, Duration, Effect, Exit, Result, Schema, SchemaGetter } from "effect"
import { Decider, Event, ProcessManager } from "eventfold"
import { Spec } from "eventfold/testing"

const { cancel, schedule, send } = ProcessManager

class OutOfStock extends Data.TaggedError("OutOfStock")<{ readonly left: number }> {}

const inventory = Decider.make({
  name: "inventory",
  state: Schema.Int,
  initial: 0,
  commands: Schema.TaggedUnion({
    Reserve: { orderId: Schema.String, quantity: Schema.Int },
    Release: { orderId: Schema.String }
  }),
  events: Event.define({ Reserved: { orderId: Schema.String, quantity: Schema.Int }, Released: {} })
})
  .evolve({ Reserved: (left, { quantity }) => left - quantity, Released: (left) => left + 1 })
  .decide({
    Reserve: ({ orderId, quantity }, left) =>
      left < quantity ? Result.fail(new OutOfStock({ left })) : [{ _tag: "Reserved", orderId, quantity }],
    Release: () => [{ _tag: "Released" }]
  })

const orders = Decider.make({
  name: "order",
  state: Schema.Int,
  initial: 0,
  commands: Schema.TaggedUnion({ Cancel: { reason: Schema.String } }),
  events: Event.define({ OrderCancelled: { orderId: Schema.String } })
})
  .evolve({ OrderCancelled: (state) => state })
  .decide({ Cancel: () => [] })

const OrderEvent = Event.define({
  OrderPlaced: Event.version({ orderId: Schema.String, sku: Schema.String }).next(
    { orderId: Schema.String, sku: Schema.String, quantity: Schema.Int },
    (v1) => ({ ...v1, quantity: 1 })
  ),
  OrderPaid: { orderId: Schema.String },
  OrderNoted: { orderId: Schema.UndefinedOr(Schema.String) }
}).retired("OrderReordered", { orderId: Schema.String }, ({ orderId }) => [
  { _tag: "OrderPlaced", orderId, sku: "chair", quantity: 1 },
  { _tag: "OrderPaid", orderId }
])

const State = Schema.Struct({
  phase: Schema.Literals(["new", "open", "paid", "failed"]),
  notes: Schema.Array(Schema.String)
})

/** Reserves what is ordered, reminds of the payment every five minutes, and gives up after fifteen, or when there is no stock. */
const fulfilment = ProcessManager.make({
  name: "fulfilment",
  state: State,
  initial: { phase: "new", notes: [] },
  events: OrderEvent,
  targets: {
    stock: ProcessManager.sends(inventory, ["Reserve", "Release"]),
    orders: ProcessManager.sends(orders, ["Cancel"])
  },
  timers: ["payment", "reminder"],
  isTerminal: ({ phase }) => phase === "paid" || phase === "failed"
})
  .correlate({
    OrderPlaced: ({ orderId }) => orderId,
    OrderPaid: ({ orderId }) => orderId,
    OrderNoted: ({ orderId }) => orderId
  })
  .evolve({
    events: {
      OrderPlaced: (state) => ({ ...state, phase: "open" }),
      OrderPaid: (state) => ({ ...state, phase: "paid" }),
      OrderNoted: (state, _, { recorded }) =>
        recorded.metadata.actor === undefined ? state : { ...state, notes: [...state.notes, recorded.metadata.actor] }
    },
    rejected: {
      stock: {
        Reserve: (state, { rejection }) => ({ phase: "failed", notes: [...state.notes, `left ${rejection.left}`] })
      }
    },
    executed: { stock: { Reserve: (state, { events }) => ({ ...state, notes: events.map(({ _tag }) => _tag) }) } },
    elapsed: {
      payment: (state) => ({ ...state, phase: "failed" }),
      reminder: (state, { at }, { now }) => ({
        ...state,
        notes: [...state.notes, `${DateTime.formatIso(at)} ${DateTime.formatIso(now)}`]
      })
    }
  })
  .react({
    events: {
      OrderPlaced: (_, { orderId, quantity, sku }, { now }) => [
        send("stock", sku, { _tag: "Reserve", orderId, quantity }),
        schedule("reminder", DateTime.add(now, { minutes: 5 })),
        schedule("payment", DateTime.add(now, { minutes: 15 }))
      ],
      OrderPaid: () => [],
      OrderNoted: (_, __, { recorded }) => (recorded.metadata.actor === "boss" ? [cancel("reminder")] : [])
    },
    rejected: {
      stock: {
        Reserve: (_, { rejection }, { instance }) => [
          send("orders", instance, { _tag: "Cancel", reason: rejection._tag })
        ]
      }
    },
    elapsed: {
      payment: (_, __, { instance }) => [send("orders", instance, { _tag: "Cancel", reason: "unpaid" })],
      reminder: (_, { at }, { instance }) => [
        send("stock", "chair", { _tag: "Release", orderId: `reminder of ${instance}` }),
        schedule("reminder", DateTime.add(at, { minutes: 5 }))
      ]
    },
    resume: ({ phase }, { instance, now }) =>
      phase === "open"
        ? [
            send("orders", instance, { _tag: "Cancel", reason: "resumed" }),
            schedule("payment", DateTime.add(now, { hours: 1 }))
          ]
        : []
  })

const { given } = Spec.process(fulfilment)
const placed = { _tag: "OrderPlaced", orderId: "a", sku: "chair", quantity: 2 } as const
const paid = { _tag: "OrderPaid", orderId: "a" } as const
const noted = { _tag: "OrderNoted", orderId: "a" } as const
const reserve = { _tag: "Reserve", orderId: "a", quantity: 2 } as const
const reserved = { _tag: "Reserved", orderId: "a", quantity: 2 } as const
const release = send("stock", "chair", { _tag: "Release", orderId: "reminder of a" })
const giveUp = (reason: string) => send("orders", "a", { _tag: "Cancel", reason })

const when = given([]).when(placed)

const started = { _tag: "Started" } as const

/** A clock that ticks after a minute, and then again and again; its state is what is given. */
const ticking = (again: Duration.Input | undefined, state: string, isTerminal = () => false) =>
  ProcessManager.make({
    name: "ticking",
    state: Schema.String,
    initial: "",
    events: Event.define({ Started: {} }),
    timers: ["tick"],
    isTerminal
  })
    .correlate({ Started: () => "clock" })
    .evolve({ events: { Started: () => state }, elapsed: { tick: (state) => state } })
    .react({
      events: { Started: (_, __, { now }) => [schedule("tick", DateTime.add(now, { minutes: 1 }))] },
      elapsed: {
        tick: (_, { at }) => (again === undefined ? [] : [schedule("tick", DateTime.addDuration(at, again))])
      }
    })

const firstMinute = DateTime.makeUnsafe("2000-01-01T00:01:00Z")

/** Two timers that are due at one instant, in the order in which they were set. */
const relay = ProcessManager.make({
  name: "relay",
  state: Schema.Array(Schema.String),
  initial: [],
  events: Event.define({ Started: {}, Delayed: {} }),
  timers: ["a", "b"]
})
  .correlate({ Started: () => "it", Delayed: () => "it" })
  .evolve({
    events: { Started: (ran) => ran, Delayed: (ran) => ran },
    elapsed: { a: (ran) => [...ran, "a"], b: (ran) => [...ran, "b"] }
  })
  .react({
    events: {
      Started: () => [schedule("a", firstMinute), schedule("b", firstMinute)],
      Delayed: () => [schedule("a", firstMinute)]
    },
    elapsed: { a: () => [], b: () => [] }
  })

/** A process manager of one event, that does as it is told; it changes what was executed, which it may not. */
const doing = <S>(
  state: Schema.Codec<S, unknown>,
  initial: S,
  evolve: (state: NoInfer<S>, event: typeof started) => NoInfer<S>,
  react: (
    state: S,
    context: ProcessManager.InputContext
  ) => ReadonlyArray<ProcessManager.Send<"stock", typeof reserve>> = () => []
) =>
  Spec.process(
    ProcessManager.make({
      name: "doing",
      state,
      initial,
      events: Event.define({ Started: {} }),
      targets: { stock: ProcessManager.sends(inventory, ["Reserve"]) }
    })
      .correlate({ Started: () => "it" })
      .evolve({
        events: { Started: evolve },
        rejected: { stock: { Reserve: (state) => state } },
        executed: { stock: { Reserve: (state, { events }) => (Object.assign(events[0]!, { quantity: 0 }), state) } }
      })
      .react({
        events: { Started: (state, _, context) => react(state, context) },
        rejected: { stock: { Reserve: () => [] } }
      })
  )
    .given([])
    .when(started)

/** That a spec does not hold, and says so in these words. */
const fails = Effect.fnUntraced(function* (
  spec: Effect.Effect<void, Spec.SpecFailure>,
  ...words: ReadonlyArray<string>
) {
  const failure = yield* Effect.flip(spec)
  for (const text of words) assert.include(failure.message, text)
  return failure
})

describe("then", () => {
  it.effect("holds for just these commands of what came last", () =>
    when
      .then([send("stock", "chair", reserve)])
      .when(noted)
      .then([])
  )

  it.effect("fails for another value, and names the first difference", () =>
    Effect.gen(function* () {
      const failure = yield* fails(when.then([send("stock", "chair", { ...reserve, quantity: 3 })]))
      assert.include(failure.problem, "fulfilment: OrderPlaced asks for other commands")
      assert.include(failure.problem, "first difference at commands[0].command.quantity: expected 3, got 2")
      assert.include(failure.problem, "(step 3 of the spec, then)")
      assert.include(failure.diff!, '-      "quantity": 3')
      assert.include(failure.diff!, '+      "quantity": 2')
    })
  )

  it.effect("fails for another id, another target, a command too few or too many", () =>
    Effect.gen(function* () {
      yield* fails(when.then([send("stock", "table", reserve)]), 'commands[0].id: expected "table", got "chair"')
      yield* fails(when.then([giveUp("x")]), 'expected "Cancel", got "Reserve"', '+    "to": "stock"')
      yield* fails(when.then([]), "commands[0]: expected nothing, got {")
      yield* fails(when.then([send("stock", "chair", reserve), giveUp("x")]), "commands[1]: expected {")
    })
  )

  it.effect("fails for another order", () =>
    Effect.gen(function* () {
      const late = when.elapse("10 minutes")
      yield* late.then([release, release])
      const both = given([placed]).elapse("5 minutes").elapse("10 minutes")
      yield* both.then([release, giveUp("unpaid")])
      yield* fails(both.then([giveUp("unpaid"), release]), "the passing of 10m asks for other commands")
    })
  )

  it.effect("is about all that is given, as long as nothing else came", () =>
    given([placed, Spec.recorded(noted, { at: "2000-01-01T00:05:00Z" })]).then([
      send("stock", "chair", reserve),
      release
    ])
  )

  it.effect("fails for commands that are not sent, or do not fit their schema", () =>
    Effect.gen(function* () {
      const halves = send("stock", "chair", { ...reserve, quantity: 0.5 })
      yield* fails(when.then([halves]), "expected command 0: the command Reserve to stock does not fit its schema")
      const more = send("stock", "chair", { ...reserve, colour: "red" })
      yield* fails(when.then([more]), "expected command 0", "colour")
      yield* fails(when.then([send("stock", "", reserve)]), 'stock "", whose stream name has an empty id')
    })
  )
})

describe("thenNothing", () => {
  it.effect("holds where no command is asked for and no timer changed", () =>
    given([placed]).when(noted).thenNothing().elapse("4 minutes").thenNothing()
  )

  it.effect("fails for a command, and shows it", () =>
    fails(when.thenNothing(), "OrderPlaced asks for commands: first difference at commands[0]", '"quantity": 2')
  )

  it.effect("fails for a timer that is cancelled, by hand or by the end", () =>
    Effect.gen(function* () {
      const byHand = given([placed]).when(Spec.recorded(noted, { metadata: { actor: "boss" } }))
      yield* fails(
        byHand.thenNothing(),
        'OrderNoted changes the timers: first difference at timers.reminder: expected "2000-01-01T00:05:00.000Z", got nothing'
      )
      yield* fails(given([placed]).when(paid).thenNothing(), "OrderPaid changes the timers")
    })
  )

  it.effect("fails for a timer that is set, also by the one that has elapsed", () =>
    Effect.gen(function* () {
      const { given } = Spec.process(ticking("1 minute", ""))
      yield* fails(given([]).when(started).thenNothing(), "timers.tick: expected nothing, got ")
      yield* fails(given([started]).elapse("1 minute").thenNothing(), "the passing of 1m changes the timers")
    })
  )

  it.effect("holds for a timer that elapses and asks for nothing", () => {
    const { given } = Spec.process(ticking(undefined, ""))
    return given([started]).elapse("1 minute").thenNothing().thenNoTimer("tick")
  })
})

describe("thenState", () => {
  it.effect("holds for the state, whatever was asked for", () => when.thenState({ phase: "open", notes: [] }))

  it.effect("fails for another state, and for one that does not fit its schema", () =>
    Effect.gen(function* () {
      const failure = yield* fails(when.thenState({ phase: "paid", notes: [] }))
      assert.include(failure.problem, "OrderPlaced leads to another state")
      assert.include(failure.problem, 'first difference at phase: expected "paid", got "open"')
      assert.include(failure.diff!, '-  "phase": "paid"')
      const more = { phase: "open", notes: [], more: 1 } as const
      yield* fails(when.thenState(more), "the expected state does not fit its schema", "more")
    })
  )
})

describe("thenEnded", () => {
  it.effect("holds for a terminal state, which cancels all timers", () =>
    given([placed]).when(paid).thenEnded().thenNoTimer("payment").thenNoTimer("reminder").elapse("1 day").thenNothing()
  )

  it.effect("fails for another state, and shows it", () =>
    fails(when.thenEnded(), "OrderPlaced does not lead to a terminal state", '"phase": "open"')
  )

  it.effect("cancels what the last reaction has set as well", () => {
    const { given } = Spec.process(ticking("1 minute", "", () => true))
    return given([]).when(started).thenEnded().thenNoTimer("tick")
  })
})

describe("thenTimer", () => {
  it.effect("holds for a timer that is due so long after the time that it is", () =>
    when
      .thenTimer("payment", "15 minutes")
      .thenTimer("reminder", Duration.minutes(5))
      .elapse("4 minutes")
      .thenTimer("payment", "11 minutes")
      .when(Spec.recorded(noted, { at: "2000-01-01T00:04:30Z" }))
      .thenTimer("payment", "630 seconds")
  )

  it.effect("fails for another instant, and for a timer that is not set", () =>
    Effect.gen(function* () {
      const failure = yield* fails(when.thenTimer("payment", "14 minutes"))
      assert.include(failure.problem, "fulfilment: the timer payment is due at another instant")
      assert.include(
        failure.problem,
        "expected in 14m (2000-01-01T00:14:00.000Z), got in 15m (2000-01-01T00:15:00.000Z)"
      )
      assert.include(failure.actual!, "reminder in 5m")
      const ended = given([placed]).when(paid)
      yield* fails(ended.thenTimer("payment", "15 minutes"), "the timer payment is not set", "no timer is set")
    })
  )
})

describe("thenNoTimer", () => {
  it.effect("holds for a timer that is not set", () =>
    given([placed])
      .when(Spec.recorded(noted, { metadata: { actor: "boss" } }))
      .thenNoTimer("reminder")
      .thenTimer("payment", "15 minutes")
  )

  it.effect("fails for one that is, and says when it is due", () =>
    fails(when.thenNoTimer("reminder"), "the timer reminder is set, and due in 5m (2000-01-01T00:05:00.000Z)")
  )
})

describe("thenIgnored", () => {
  it.effect("holds for an event of no instance, and of another one", () =>
    given([placed])
      .when({ ...noted, orderId: undefined })
      .thenIgnored()
      .thenNothing()
      .when({ ...paid, orderId: "b" })
      .thenNothing()
      .thenIgnored()
      .thenState({ phase: "open", notes: [] })
  )

  it.effect("fails for an event of the instance", () =>
    fails(given([placed]).when(paid).thenIgnored(), 'OrderPaid is not ignored: it happens to the instance "a"')
  )

  it.effect("fails for what is no event", () =>
    fails(given([placed]).elapse("1 minute").thenIgnored(), "the passing of 1m cannot be ignored")
  )

  it.effect("is what such an event fails without", () =>
    Effect.gen(function* () {
      const none = given([placed]).when({ ...noted, orderId: undefined })
      yield* fails(none.thenNothing(), "the event (OrderNoted) is no concern of any instance")
      const other = given([placed]).when({ ...paid, orderId: "b" })
      yield* fails(other.thenNothing(), 'happens to the instance "b", and the spec is about "a"')
      yield* fails(other.when(paid).thenIgnored(), 'happens to the instance "b"', "step 2 of the spec, when")
      yield* fails(given([placed, { ...paid, orderId: "b" }]).thenNothing(), "given event 1 (OrderPaid) happens to")
    })
  )
})

describe("given", () => {
  it.effect("is folded and reacted to, so that timers are set and may elapse", () =>
    given([Spec.recorded(placed, { at: "2000-01-01T12:00:00Z" }), Spec.recorded(noted, { at: "2000-01-01T12:06:00Z" })])
      .thenTimer("payment", "9 minutes")
      .thenTimer("reminder", "4 minutes")
      .thenState({ phase: "open", notes: ["2000-01-01T12:05:00.000Z 2000-01-01T12:05:00.000Z"] })
  )

  it.effect("takes events as they were stored, of versions and types that are gone", () =>
    Effect.gen(function* () {
      yield* given([Spec.stored("OrderPlaced", 1, { orderId: "a", sku: "chair" })]).then([
        send("stock", "chair", { ...reserve, quantity: 1 })
      ])
      yield* given([])
        .when(Spec.stored("OrderReordered", 1, { orderId: "a" }))
        .thenEnded()
    })
  )

  it.effect("fails for events that cannot be stored", () =>
    Effect.gen(function* () {
      yield* fails(
        given([{ ...placed, quantity: 0.5 }]).thenNothing(),
        "given event 0 (OrderPlaced) cannot be stored",
        "step 1 of the spec, given"
      )
      const more = { ...paid, more: 1 }
      yield* fails(given([placed]).when(more).thenEnded(), "the event (OrderPaid) cannot be stored", "more")
      const old = Spec.stored("OrderPlaced", 1, { orderId: 1 })
      yield* fails(given([old]).thenNothing(), "given event 0 (OrderPlaced) cannot be read back")
    })
  )

  it.effect("numbers the events of each stream, and of the log", () => {
    const places = ProcessManager.make({
      name: "places",
      state: Schema.Array(Schema.String),
      initial: [],
      events: Event.define({ Moved: {} })
    })
      .correlate({ Moved: () => "all" })
      .evolve({
        events: {
          Moved: (seen, _, { instance, now, recorded: { position, recordedAt, stream, type, version } }) => [
            ...seen,
            `${instance} ${type} ${stream} ${version} ${position} ${DateTime.Equivalence(recordedAt, now)}`
          ]
        }
      })
      .react({ events: { Moved: () => [] } })
    const moved = { _tag: "Moved" } as const
    return Spec.process(places)
      .given([moved, Spec.recorded(moved, { stream: "box-1" })])
      .when(moved)
      .thenState(["all Moved spec-1 1 1 true", "all Moved box-1 1 2 true", "all Moved spec-1 2 3 true"])
  })
})

describe("whenRejected and whenExecuted", () => {
  it.effect("tell the instance what became of a command", () =>
    Effect.gen(function* () {
      yield* given([placed])
        .whenRejected("stock", "chair", reserve, new OutOfStock({ left: 1 }))
        .then([giveUp("OutOfStock")])
        .thenState({ phase: "failed", notes: ["left 1"] })
        .thenEnded()
      yield* given([placed])
        .whenExecuted("stock", "chair", reserve, [reserved])
        .thenNothing()
        .thenState({ phase: "open", notes: ["Reserved"] })
        .whenExecuted("orders", "a", { _tag: "Cancel", reason: "unpaid" }, [])
        .thenNothing()
    })
  )

  it.effect("can fail, and say so", () =>
    Effect.gen(function* () {
      const rejected = given([placed]).whenRejected("stock", "chair", reserve, new OutOfStock({ left: 1 }))
      yield* fails(rejected.thenNothing(), "fulfilment: the rejection of Reserve by stock asks for commands")
      const executed = given([placed]).whenExecuted("stock", "chair", reserve, [reserved])
      yield* fails(executed.thenEnded(), "the execution of Reserve by stock does not lead to a terminal state")
    })
  )

  it.effect("fail for commands and events that cannot be stored", () =>
    Effect.gen(function* () {
      const rejected = given([placed]).whenRejected(
        "stock",
        "chair",
        { ...reserve, quantity: 0.5 },
        new OutOfStock({ left: 1 })
      )
      yield* fails(rejected.thenEnded(), "the command Reserve to stock does not fit its schema", "quantity")
      const executed = given([placed]).whenExecuted("stock", "chair", reserve, [{ ...reserved, quantity: 0.5 }])
      yield* fails(executed.thenNothing(), "event 0 (Reserved) of Reserve cannot be stored")
    })
  )

  it.effect("need an instance, which an event has to start", () =>
    Effect.gen(function* () {
      const executed = (history: ReadonlyArray<typeof noted>) =>
        given(history).whenExecuted("stock", "chair", reserve, []).thenNothing()
      yield* fails(executed([]), "the execution of Reserve by stock needs an instance", "give such an event first")
      // It leaves the initial state as it is, and asks for nothing.
      yield* fails(executed([noted]), "nothing that happened has started one")
    })
  )
})

describe("elapse", () => {
  it.effect("has timers elapse in the order of their instants, each at its own", () =>
    given([placed])
      .elapse("12 minutes")
      .then([release, release])
      .thenState({
        phase: "open",
        notes: [
          "2000-01-01T00:05:00.000Z 2000-01-01T00:05:00.000Z",
          "2000-01-01T00:10:00.000Z 2000-01-01T00:10:00.000Z"
        ]
      })
      .thenTimer("reminder", "3 minutes")
  )

  it.effect("lets one go first that was set first, where two are due at once", () =>
    // The reminder is due then as well, and was set anew ten minutes later than the payment.
    given([placed])
      .elapse("15 minutes")
      .then([release, release, giveUp("unpaid")])
      .thenEnded()
  )

  it.effect("has all elapse that are due at once, in the order in which they were set, or set anew", () => {
    const run = Spec.process(relay).given([started])
    return Effect.andThen(
      run.elapse("1 minute").thenState(["a", "b"]),
      run.when({ _tag: "Delayed" }).elapse("1 minute").thenState(["b", "a"])
    )
  })

  it.effect("has a timer elapse that was set to an instant that is past, as soon as the time goes on", () =>
    Effect.gen(function* () {
      const late = Spec.process(relay).given([Spec.recorded(started, { at: "2000-01-01T00:03:00Z" })])
      yield* late.thenTimer("a", "-2 minutes").thenState([]).elapse(0).thenState(["a", "b"])
      yield* fails(late.thenNoTimer("a"), "the timer a is set, and due 2m ago (2000-01-01T00:01:00.000Z)")
    })
  )

  it.effect("comes in parts to the same", () =>
    given([placed])
      .elapse("299999 millis")
      .thenNothing()
      .elapse("1 millis")
      .then([release])
      .elapse("5 minutes")
      .then([release])
      .elapse(0)
      .thenNothing()
  )

  it.effect("can fail, and say so", () =>
    fails(given([placed]).elapse("5 minutes").then([]), "the passing of 5m asks for other commands", "Release")
  )

  it.effect("is the `at` of an event as well: what is due by then comes first", () =>
    given([placed])
      .when(Spec.recorded(paid, { at: "2000-01-01T00:05:00Z" }))
      .then([release])
      .thenEnded()
  )

  it.effect("fails when time would go back, or never end", () =>
    Effect.gen(function* () {
      yield* fails(
        given([Spec.recorded(placed, { at: "2000-01-01T00:01:00Z" })])
          .when(Spec.recorded(paid, { at: "2000-01-01T00:00:59Z" }))
          .thenEnded(),
        "the event (OrderPaid) is recorded at 2000-01-01T00:00:59.000Z, and it is 2000-01-01T00:01:00.000Z already: time never goes back"
      )
      yield* fails(given([placed]).elapse("-1 minutes").thenNothing(), "cannot elapse: time never goes back")
      yield* fails(given([placed]).elapse("Infinity").thenNothing(), "an infinite time cannot elapse")
    })
  )

  it.effect("fails for a timer that elapses for ever", () => {
    const { given } = Spec.process(ticking("0 seconds", ""))
    return fails(
      given([started]).elapse("1 day").thenNothing(),
      "10000 timers have elapsed by 2000-01-01T00:01:00.000Z, the last one tick, and there are more"
    )
  })
})

describe("resume", () => {
  it.effect("asks the state what it calls for", () =>
    given([placed])
      .elapse("1 minute")
      .resume()
      .then([giveUp("resumed")])
      .thenTimer("payment", "1 hour")
      .thenTimer("reminder", "4 minutes")
      .when(paid)
      .resume()
      .thenNothing()
  )

  it.effect("can fail, and say so", () =>
    Effect.gen(function* () {
      yield* fails(given([placed]).resume().thenNothing(), "fulfilment: resume asks for commands", "resumed")
      yield* fails(given([]).resume().thenNothing(), "resume needs an instance")
    })
  )
})

describe("a spec of a process manager", () => {
  it.effect("shows a state that its schema loses", () =>
    Effect.gen(function* () {
      const Lossy = Schema.Int.pipe(
        Schema.decodeTo(Schema.Int, {
          decode: SchemaGetter.transform((n: number) => n + 1),
          encode: SchemaGetter.transform((n: number) => n)
        })
      )
      yield* fails(
        doing(Lossy, 0, () => 5).thenState(5),
        "the state after Started is read back as another: first difference at the value itself: expected 5, got 6"
      )
      const Rounded = Schema.Int.pipe(
        Schema.decodeTo(Schema.Finite, {
          decode: SchemaGetter.transform((n: number) => n),
          encode: SchemaGetter.transform((n: number) => Math.round(n))
        })
      )
      yield* fails(
        doing(Rounded, 0, () => 5.4).thenNothing(),
        "the state after Started is read back as another, by values that JSON does not tell apart",
        "5.4"
      )
      const more = { n: 1, more: 2 }
      yield* fails(
        doing(Schema.Struct({ n: Schema.Int }), { n: 0 }, () => more).thenNothing(),
        "the state after Started does not fit its schema",
        "more"
      )
    })
  )

  it.effect("reacts to the state that an input has led to", () =>
    doing(
      Schema.Int,
      0,
      (n) => n + 1,
      (n) => [send("stock", String(n), reserve)]
    )
      .when(started)
      .then([send("stock", "2", reserve)])
  )

  it.effect("goes on from the state as it was stored", () =>
    // JSON knows one zero only.
    doing(Schema.Finite, 1, (n) => (Object.is(n, -0) ? 5 : -0))
      .when(started)
      .thenState(0)
  )

  it.effect("holds for states that JSON has other words for", () =>
    Effect.gen(function* () {
      yield* doing(Schema.Void, undefined, () => undefined).thenNothing()
      const at = new Date(0)
      yield* doing(Schema.Struct({ at: Schema.UndefinedOr(Schema.Date) }), { at: undefined }, () => ({ at })).thenState(
        { at }
      )
    })
  )

  it.effect("shows commands that cannot be stored", () =>
    Effect.gen(function* () {
      const asking = (command: typeof reserve, id = "chair") =>
        doing(
          Schema.Int,
          0,
          () => 1,
          () => [send("stock", id, command)]
        )
      const more = { ...reserve, more: 1 }
      yield* fails(asking(more).thenState(1), "the command Reserve to stock does not fit its schema", "more", "step 2")
      yield* fails(
        asking(reserve, "").thenState(1),
        'the command Reserve goes to stock "", whose stream name has an empty id'
      )
    })
  )

  it.effect("shows what types let through: a target, a command or a timer that is not declared", () =>
    Effect.gen(function* () {
      const asking = (...actions: ReadonlyArray<object>) =>
        doing(
          Schema.Int,
          0,
          () => 1,
          () => actions as never
        ).thenState(1)
      yield* fails(asking(send("toString", "a", reserve)), "the command Reserve goes to toString, which is no target")
      yield* fails(asking(send("stock", "a", { _tag: "Release" })), "goes to stock, which is not said to be sent it")
      yield* fails(asking(cancel("tick")), "Started asks for tick, which is no timer")
    })
  )

  it.effect("shows an instance whose name cannot be kept", () =>
    fails(
      given([])
        .when({ ...placed, orderId: "" })
        .thenNothing(),
      'an instance "", whose name is empty'
    )
  )

  it.effect("shows what comes to something else when it is handled again", () =>
    Effect.gen(function* () {
      let count = 0
      const counting = doing(Schema.Int, 0, () => ++count)
      yield* fails(
        counting.thenNothing(),
        "doing: Started, handled again, comes to something else: first difference at state: expected 1, got 2"
      )
      yield* fails(counting.thenState(3), "taken again, doing: Started leads to another state")
      yield* fails(
        doing(
          Schema.Int,
          0,
          () => 1,
          () => [send("stock", String(Date.now()), reserve)]
        ).thenState(1),
        "first difference at actions[0].id"
      )
    })
  )

  it.effect("dies of a throw, which it names", () =>
    Effect.gen(function* () {
      const oops = () => {
        throw new Error("oops")
      }
      const dies = Effect.fnUntraced(function* (spec: Effect.Effect<void, Spec.SpecFailure>, says: string) {
        const exit = yield* Effect.exit(spec)
        assert.isTrue(Exit.hasDies(exit))
        assert.include(String(exit), says)
      })
      yield* dies(doing(Schema.Int, 0, oops).thenNothing(), "doing: evolve of Started failed: Error: oops")
      yield* dies(doing(Schema.Int, 0, () => 1, oops).thenNothing(), "doing: react of Started failed: Error: oops")
      const changing = doing(Schema.Struct({ n: Schema.Int }), { n: 0 }, (state) => Object.assign(state, { n: 1 }))
      yield* dies(changing.thenNothing(), "doing: evolve of Started failed: TypeError")
      const outcome = doing(Schema.Int, 0, () => 1).whenExecuted("stock", "chair", reserve, [reserved])
      yield* dies(outcome.thenNothing(), "doing: evolve of the execution of Reserve by stock failed: TypeError")
      const marking = doing(Schema.Int, 0, (_, event) => Object.assign(event, { n: 1 }).n)
      yield* dies(marking.thenNothing(), "doing: evolve of Started failed: TypeError")
    })
  )

  it.effect("can be gone on from in several ways, and stays what it is", () =>
    Effect.gen(function* () {
      const open = when.thenState({ phase: "open", notes: [] })
      const ended = open.when(paid).thenEnded()
      const wrong = open.thenEnded()
      yield* open
      yield* ended
      yield* Effect.flip(wrong)
      yield* open.thenTimer("payment", "15 minutes")
    })
  )

  it.effect("goes on in the composition of two", () => {
    const both = ProcessManager.compose(fulfilment, ticking("1 minute", "on"))
    return Spec.process(ProcessManager.compose(both, ProcessManager.empty))
      .given([placed])
      .elapse("5 minutes")
      .then([release])
      .when({ ...noted, orderId: "clock" })
      .thenIgnored()
      .resume()
      .then([giveUp("resumed")])
      .thenNoTimer("tick")
  })

  it("can be awaited, once it has an expectation", async () => {
    const spec = when.then([send("stock", "chair", reserve)])
    assert.isUndefined(await spec)
    const failed = await when.thenEnded().then(null, (error: unknown) => error)
    assert.instanceOf(failed, Spec.SpecFailure)
  })

  it("that is awaited before it has an expectation is an error, and passes never", async () => {
    const unfinished: ReadonlyArray<unknown> = [given([]), when, when.thenNothing().elapse("1 minute")]
    for (const spec of unfinished) {
      const error = await Promise.resolve(spec).then(
        () => undefined,
        (error: unknown) => error
      )
      assert.instanceOf(error, TypeError)
      assert.include(String(error), "says not yet what to expect")
    }
  })

  it("runs under anything that runs an Effect", () => Effect.runPromise(when.thenTimer("payment", "15 minutes")))
})
