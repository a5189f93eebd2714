/**
 * What the types of process managers hold. Compiled by `npm run check`; each refusal has its positive twin above it.
 */
import { Data, DateTime, Result, Schema } from "effect"
import { Decider, Event, ProcessManager } from "eventfold"
import { holds, type Same } from "./domain.ts"

const { cancel, schedule, send } = ProcessManager

class OutOfStock extends Data.TaggedError("OutOfStock")<{ readonly left: number }> {}
class Closed extends Data.TaggedError("Closed")<{}> {}

const inventory = Decider.make({
  name: "inventory",
  state: Schema.Int,
  initial: 0,
  commands: Schema.TaggedUnion({
    Reserve: { orderId: Schema.String, quantity: Schema.Int },
    Release: { orderId: Schema.String },
    Restock: {}
  }),
  events: Event.define({ Reserved: { orderId: Schema.String }, Released: { orderId: Schema.String } })
})
  .evolve({ Reserved: (left) => left - 1, Released: (left) => left + 1 })
  .decide({
    Reserve: ({ orderId, quantity }, left) =>
      left < quantity ? Result.fail(new OutOfStock({ left })) : [{ _tag: "Reserved", orderId }],
    Release: ({ orderId }) => [{ _tag: "Released", orderId }],
    Restock: (_, left) => (left < 0 ? Result.fail(new Closed()) : [])
  })
type InventoryEvent = Decider.Event<typeof inventory>

const OrderEvent = Event.define({
  OrderPlaced: { orderId: Schema.String, sku: Schema.String, quantity: Schema.Int },
  OrderCancelled: { orderId: Schema.String }
})

const vocabulary = ProcessManager.make({
  name: "fulfilment",
  state: Schema.Struct({ phase: Schema.Literals(["new", "open", "over"]), left: Schema.Int }),
  initial: { phase: "new", left: 0 },
  events: Event.union(OrderEvent, Event.pick(inventory.events, ["Reserved"])),
  targets: { stock: ProcessManager.sends(inventory, ["Reserve", "Release"]) },
  timers: ["deadline", "reminder"],
  isTerminal: ({ phase }) => phase === "over"
})
const evolving = vocabulary.correlate({
  OrderPlaced: ({ orderId }) => orderId,
  OrderCancelled: ({ orderId }, { position }) => (position === 0 ? undefined : orderId),
  Reserved: ({ orderId }) => orderId
})
const keep = <A>(state: A): A => state
const events = { OrderPlaced: keep, OrderCancelled: keep, Reserved: keep }
const rejected = { stock: { Reserve: keep } }
const elapsed = { deadline: keep, reminder: keep }
const reacting = evolving.evolve({
  events: {
    OrderPlaced: (state, { quantity }) => ({ ...state, phase: "open", left: quantity }),
    OrderCancelled: (state) => ({ ...state, phase: "over" }),
    Reserved: keep
  },
  rejected: { stock: { Reserve: (state, { rejection }) => ({ ...state, left: rejection.left }) } },
  elapsed
})
const none = () => []
const unheard = { OrderPlaced: none, OrderCancelled: none, Reserved: none }
const resigned = { stock: { Reserve: none } }
const unhurried = { deadline: none, reminder: none }

// Everything is inferred: states, events, outcomes and contexts, with no annotation.
const fulfilment = reacting.react({
  events: {
    OrderPlaced: (_, { orderId, quantity, sku }, { now }) => [
      send("stock", sku, { _tag: "Reserve", orderId, quantity }),
      schedule("deadline", DateTime.add(now, { minutes: 15 }))
    ],
    OrderCancelled: (_, { orderId }) => ["a", "b"].map((sku) => send("stock", sku, { _tag: "Release", orderId })),
    Reserved: ({ left }, _, { recorded }) => (recorded.version > left ? [cancel("deadline")] : [])
  },
  rejected: {
    stock: {
      Reserve: (_, { command, id, rejection }) => {
        holds<Same<typeof rejection, OutOfStock>>()
        holds<Same<typeof command._tag, "Reserve">>()
        return [send("stock", id, { _tag: "Release", orderId: command.orderId })]
      }
    }
  },
  executed: {
    stock: {
      Release: (_, { command, events }) => {
        holds<Same<typeof events, ReadonlyArray<InventoryEvent>>>()
        holds<Same<typeof command._tag, "Release">>()
        return []
      }
    }
  },
  elapsed: {
    deadline: (_, { at, timer }) => {
      holds<Same<typeof timer, "deadline">>()
      return [schedule("reminder", at)]
    },
    reminder: none
  },
  resume: ({ phase }, { instance, now }) =>
    phase === "open" ? [schedule("deadline", now), send("stock", instance, { _tag: "Release", orderId: instance })] : []
})
declare const context: ProcessManager.InputContext
declare const recorded: Parameters<typeof fulfilment.instanceOf>[1]
const { initial } = fulfilment
const actions = fulfilment.resume(initial, context)
type Sent = Extract<(typeof actions)[number], { readonly _tag: "Send" }>
type Set = Extract<(typeof actions)[number], { readonly _tag: "Schedule" }>
holds<Same<(typeof initial)["phase"], "new" | "open" | "over">>()
holds<Same<Sent["to"], "stock">>()
holds<Same<Sent["command"]["_tag"], "Reserve" | "Release">>()
holds<Same<Set["timer"], "deadline" | "reminder">>()

// The initial state is one of the states, and a command that is sent is one of the target's.
ProcessManager.make({ name: "x", state: Schema.Int, initial: 0, events: OrderEvent })
// @ts-expect-error no such state
ProcessManager.make({ name: "x", state: Schema.Int, initial: "none", events: OrderEvent })
// @ts-expect-error the target has no such command
ProcessManager.sends(inventory, ["Reserve", "Count"])

// correlate has one handler for each event type, giving a text or nothing.
// @ts-expect-error the handler of Reserved is missing
vocabulary.correlate({ OrderPlaced: ({ orderId }) => orderId, OrderCancelled: ({ orderId }) => orderId })
// @ts-expect-error there is no such event
vocabulary.correlate({ OrderPlaced: () => "", OrderCancelled: () => "", Reserved: () => "", Released: () => "" })
// @ts-expect-error an instance has a text for its name
vocabulary.correlate({ OrderPlaced: ({ quantity }) => quantity, OrderCancelled: () => "", Reserved: () => "" })
// @ts-expect-error the event has no such field
vocabulary.correlate({ OrderPlaced: ({ id }) => id, OrderCancelled: () => "", Reserved: () => "" })

// evolve has one for each event, each timer, and each command that can be rejected.
evolving.evolve({ events, rejected, elapsed })
// @ts-expect-error the handler of Reserved is missing
evolving.evolve({ events: { OrderPlaced: keep, OrderCancelled: keep }, rejected, elapsed })
// @ts-expect-error there is no such event
evolving.evolve({ events: { ...events, OrderPaid: keep }, rejected, elapsed })
// @ts-expect-error Reserve can be rejected
evolving.evolve({ events, elapsed })
// @ts-expect-error Reserve can be rejected
evolving.evolve({ events, rejected: { stock: {} }, elapsed })
// @ts-expect-error Release cannot be rejected
evolving.evolve({ events, rejected: { stock: { Reserve: keep, Release: keep } }, elapsed })
// @ts-expect-error Restock can be rejected, and is not sent
evolving.evolve({ events, rejected: { stock: { Reserve: keep, Restock: keep } }, elapsed })
// @ts-expect-error there is no such target
evolving.evolve({ events, rejected: { stock: { Reserve: keep }, shop: {} }, elapsed })
// @ts-expect-error the handlers of timers are missing
evolving.evolve({ events, rejected })
// @ts-expect-error the handler of a timer is missing
evolving.evolve({ events, rejected, elapsed: { deadline: keep } })
// @ts-expect-error there is no such timer
evolving.evolve({ events, rejected, elapsed: { deadline: keep, reminder: keep, alarm: keep } })
// @ts-expect-error no such state
evolving.evolve({ events, rejected, elapsed: { deadline: () => ({ phase: "closed", left: 0 }), reminder: keep } })
// @ts-expect-error a state without what is left
evolving.evolve({ events: { ...events, Reserved: () => ({ phase: "open" as const }) }, rejected, elapsed })
evolving.evolve({
  events,
  // @ts-expect-error the rejection has no such field
  rejected: { stock: { Reserve: (state, { rejection }) => ({ ...state, left: rejection.rest }) } },
  elapsed
})

// What was executed may have a handler, of the commands that are sent.
evolving.evolve({ events, rejected, elapsed, executed: { stock: { Reserve: keep, Release: keep } } })
// @ts-expect-error Restock is not sent
evolving.evolve({ events, rejected, elapsed, executed: { stock: { Restock: keep } } })
// @ts-expect-error there is no such target
evolving.evolve({ events, rejected, elapsed, executed: { shop: { Reserve: keep } } })

// Where there are no timers and nothing can be rejected, there is nothing to handle.
const quiet = ProcessManager.make({
  name: "quiet",
  state: Schema.Int,
  initial: 0,
  events: Event.define({ Rang: {} }),
  targets: { releasing: ProcessManager.sends(inventory, ["Release"]) }
}).correlate({ Rang: () => "bell" })
const bell = quiet.evolve({ events: { Rang: (count) => count + 1 } }).react({ events: { Rang: none } })
quiet.evolve({ events: { Rang: keep }, rejected: {}, elapsed: {} })
// @ts-expect-error there are no timers
quiet.evolve({ events: { Rang: keep }, elapsed: { alarm: keep } })
// @ts-expect-error nothing can be rejected
quiet.evolve({ events: { Rang: keep }, rejected: { releasing: { Release: keep } } })

// react has the same handlers, giving what this process manager may ask for.
reacting.react({ events: unheard, rejected: resigned, elapsed: unhurried })
// @ts-expect-error the handler of Reserved is missing
reacting.react({ events: { OrderPlaced: none, OrderCancelled: none }, rejected: resigned, elapsed: unhurried })
// @ts-expect-error Reserve can be rejected
reacting.react({ events: unheard, elapsed: unhurried })
// @ts-expect-error the handlers of timers are missing
reacting.react({ events: unheard, rejected: resigned })
reacting.react({
  // @ts-expect-error there is no such target
  events: { ...unheard, Reserved: () => [send("shop", "a", { _tag: "Release", orderId: "" })] },
  rejected: resigned,
  elapsed: unhurried
})
reacting.react({
  // @ts-expect-error a command that is not said to be sent
  events: { ...unheard, Reserved: () => [send("stock", "a", { _tag: "Restock" })] },
  rejected: resigned,
  elapsed: unhurried
})
reacting.react({
  // @ts-expect-error a command without its field
  events: { ...unheard, Reserved: () => [send("stock", "a", { _tag: "Release" })] },
  rejected: resigned,
  elapsed: unhurried
})
reacting.react({
  events: unheard,
  rejected: resigned,
  // @ts-expect-error there is no such timer
  elapsed: { deadline: () => [cancel("alarm")], reminder: (_, __, { now }) => [schedule("deadline", now)] }
})
reacting.react({
  events: unheard,
  rejected: resigned,
  // @ts-expect-error a timer is due at an instant, and not after a time
  elapsed: { deadline: none, reminder: () => [schedule("deadline", "15 minutes")] }
})
reacting.react({
  events: unheard,
  rejected: resigned,
  elapsed: unhurried,
  // @ts-expect-error a reaction is no promise
  resume: () => Promise.resolve([])
})

// An input is typed by its kind.
fulfilment.evolve(initial, { _tag: "Event", event: { _tag: "Reserved", orderId: "a" }, recorded }, context)
fulfilment.evolve(initial, { _tag: "Elapsed", timer: "deadline", at: context.now }, context)
// @ts-expect-error there is no such timer
fulfilment.evolve(initial, { _tag: "Elapsed", timer: "alarm", at: context.now }, context)
// @ts-expect-error an event that it does not hear
fulfilment.evolve(initial, { _tag: "Event", event: { _tag: "Released", orderId: "a" }, recorded }, context)

// A composition has the words of both, and refuses targets and timers that both have.
const both = ProcessManager.compose(fulfilment, bell)
type Both = ReturnType<typeof both.resume>[number]
holds<Same<keyof typeof both.targets, "stock" | "releasing">>()
holds<Same<Extract<Both, { readonly _tag: "Send" }>["to"], "stock" | "releasing">>()
holds<
  Same<
    typeof both.events.Type,
    typeof OrderEvent.Type | Event.Case<InventoryEvent, "Reserved"> | { readonly _tag: "Rang" }
  >
>()
holds<Same<(typeof both.initial)[1], number>>()
ProcessManager.compose(fulfilment, ProcessManager.empty)
ProcessManager.compose(ProcessManager.empty, fulfilment)
const alarm = ProcessManager.make({
  name: "alarm",
  state: Schema.Int,
  initial: 0,
  events: Event.define({ Slept: {} }),
  timers: ["wake"]
})
  .correlate({ Slept: () => "bed" })
  .evolve({ events: { Slept: keep }, elapsed: { wake: keep } })
  .react({ events: { Slept: none }, elapsed: { wake: none } })
ProcessManager.compose(alarm, bell)
// @ts-expect-error both have the target
ProcessManager.compose(bell, bell)
// @ts-expect-error both have the timer
ProcessManager.compose(alarm, alarm)

// Of a decider that does not compile it asks for no rejections: the error is where the mistake is, and nowhere else.
const mistaken = Decider.make({
  name: "mistaken",
  state: Schema.Int,
  initial: 0,
  commands: Schema.TaggedUnion({ Reserve: { orderId: Schema.String } }),
  events: Event.define({ Reserved: { orderId: Schema.String } })
})
  .evolve({ Reserved: (left) => left - 1 })
  .decide({
    // @ts-expect-error the event has no such field
    Reserve: ({ orderId }, left) =>
      left < 1 ? Result.fail(new OutOfStock({ left })) : [{ _tag: "Reserved", order: orderId }]
  })
ProcessManager.make({
  name: "unharmed",
  state: Schema.Int,
  initial: 0,
  events: OrderEvent,
  targets: { stock: ProcessManager.sends(mistaken, ["Reserve"]) }
})
  .correlate({ OrderPlaced: ({ orderId }) => orderId, OrderCancelled: ({ orderId }) => orderId })
  .evolve({ events: { OrderPlaced: keep, OrderCancelled: keep } })
  .react({ events: { OrderPlaced: none, OrderCancelled: none } })
