/**
 * A small shop for tests of processes: an order reserves stock and is paid, or what was reserved is released. Everything that can happen to a
 * process happens in it: events, rejections, executions, timers, and commands that have nothing to do.
 */
import { Data, DateTime, Effect, Layer, Result, Schema } from "effect"
import { Aggregate, Decider, Event, Process, ProcessManager } from "eventfold"

const { cancel, schedule, send, sends } = ProcessManager

export const OrderEvent = Event.define({
  OrderPlaced: { orderId: Schema.String, sku: Schema.String, quantity: Schema.Int },
  OrderPaid: { orderId: Schema.String },
  OrderShipped: { orderId: Schema.String },
  OrderCancelled: { orderId: Schema.String, reason: Schema.String }
})

class NotOpen extends Data.TaggedError("NotOpen")<{ readonly status: string }> {}

const Order = Schema.Struct({
  orderId: Schema.String,
  status: Schema.Literals(["none", "placed", "paid", "shipped", "cancelled"])
})

export const order = Decider.make({
  name: "order",
  state: Order,
  initial: { orderId: "", status: "none" },
  commands: Schema.TaggedUnion({
    Place: { orderId: Schema.String, sku: Schema.String, quantity: Schema.Int },
    Pay: {},
    Ship: {},
    CancelOrder: { reason: Schema.String }
  }),
  events: OrderEvent
})
  .evolve({
    OrderPlaced: (_, { orderId }) => ({ orderId, status: "placed" }),
    OrderPaid: (state) => ({ ...state, status: "paid" }),
    OrderShipped: (state) => ({ ...state, status: "shipped" }),
    OrderCancelled: (state) => ({ ...state, status: "cancelled" })
  })
  .decide({
    Place: ({ orderId, quantity, sku }, { status }) =>
      status === "none" ? [{ _tag: "OrderPlaced", orderId, sku, quantity }] : [],
    Pay: (_, { orderId, status }) =>
      status === "placed" ? [{ _tag: "OrderPaid", orderId }] : Result.fail(new NotOpen({ status })),
    Ship: (_, { orderId, status }) =>
      status === "paid" ? [{ _tag: "OrderShipped", orderId }] : Result.fail(new NotOpen({ status })),
    CancelOrder: ({ reason }, { orderId, status }) =>
      status === "placed" ? [{ _tag: "OrderCancelled", orderId, reason }] : Result.fail(new NotOpen({ status }))
  })

class OutOfStock extends Data.TaggedError("OutOfStock")<{ readonly left: number }> {}

export const StockEvent = Event.define({
  Restocked: { quantity: Schema.Int },
  Reserved: { orderId: Schema.String, quantity: Schema.Int },
  Released: { orderId: Schema.String }
})

const Stock = Schema.Struct({ left: Schema.Int, reserved: Schema.Record(Schema.String, Schema.Int) })

const without = <A>(all: { readonly [key: string]: A }, key: string): { readonly [key: string]: A } =>
  Object.fromEntries(Object.entries(all).filter(([one]) => one !== key))

export const stock = Decider.make({
  name: "stock",
  state: Stock,
  initial: { left: 0, reserved: {} },
  commands: Schema.TaggedUnion({
    Restock: { quantity: Schema.Int },
    Reserve: { orderId: Schema.String, quantity: Schema.Int },
    Release: { orderId: Schema.String }
  }),
  events: StockEvent
})
  .evolve({
    Restocked: (state, { quantity }) => ({ ...state, left: state.left + quantity }),
    Reserved: ({ left, reserved }, { orderId, quantity }) => ({
      left: left - quantity,
      reserved: { ...reserved, [orderId]: quantity }
    }),
    Released: ({ left, reserved }, { orderId }) => ({
      left: left + (reserved[orderId] ?? 0),
      reserved: without(reserved, orderId)
    })
  })
  .decide({
    Restock: ({ quantity }) => [{ _tag: "Restocked", quantity }],
    Reserve: ({ orderId, quantity }, { left }) =>
      left < quantity ? Result.fail(new OutOfStock({ left })) : [{ _tag: "Reserved", orderId, quantity }],
    Release: ({ orderId }, { reserved }) => (orderId in reserved ? [{ _tag: "Released", orderId }] : [])
  })

const Fulfilment = Schema.Struct({
  phase: Schema.Literals(["new", "reserving", "paying", "shipping", "releasing", "done", "failed"]),
  sku: Schema.String,
  quantity: Schema.Int,
  /** What it was told of, in order. */
  heard: Schema.Array(Schema.String)
})

const at =
  (phase: typeof Fulfilment.Type.phase, heard: string) =>
  (state: typeof Fulfilment.Type): typeof Fulfilment.Type => ({ ...state, phase, heard: [...state.heard, heard] })

/** How long an order may stay unpaid. */
export const deadline = "20 seconds"

export const fulfilment = ProcessManager.make({
  name: "fulfilment",
  state: Fulfilment,
  initial: { phase: "new", sku: "", quantity: 0, heard: [] },
  events: OrderEvent,
  targets: {
    orders: sends(order, ["Ship", "CancelOrder"]),
    stock: sends(stock, ["Reserve", "Release"])
  },
  timers: ["payment"],
  isTerminal: ({ phase }) => phase === "done" || phase === "failed"
})
  .correlate({
    OrderPlaced: ({ orderId }) => orderId,
    OrderPaid: ({ orderId }) => orderId,
    OrderShipped: ({ orderId }) => orderId,
    OrderCancelled: ({ orderId }) => orderId
  })
  .evolve({
    events: {
      OrderPlaced: (state, { quantity, sku }) => ({ ...at("reserving", "placed")(state), sku, quantity }),
      OrderPaid: at("shipping", "paid"),
      OrderShipped: at("done", "shipped"),
      OrderCancelled: at("releasing", "cancelled")
    },
    rejected: {
      orders: { Ship: at("failed", "not shipped"), CancelOrder: (state) => at(state.phase, "not cancelled")(state) },
      stock: { Reserve: at("failed", "out of stock") }
    },
    executed: {
      stock: { Reserve: at("paying", "reserved"), Release: at("failed", "released") }
    },
    elapsed: { payment: (state) => at(state.phase, "too late")(state) }
  })
  .react({
    events: {
      OrderPlaced: (_, { orderId, quantity, sku }) => [send("stock", sku, { _tag: "Reserve", orderId, quantity })],
      OrderPaid: (_, { orderId }) => [cancel("payment"), send("orders", orderId, { _tag: "Ship" })],
      OrderShipped: () => [],
      OrderCancelled: ({ sku }, { orderId }) => [cancel("payment"), send("stock", sku, { _tag: "Release", orderId })]
    },
    rejected: {
      orders: { Ship: () => [], CancelOrder: () => [] },
      stock: {
        Reserve: (_, { rejection }, { instance }) => [
          send("orders", instance, { _tag: "CancelOrder", reason: `only ${rejection.left} left` })
        ]
      }
    },
    executed: {
      stock: { Reserve: (_, __, { now }) => [schedule("payment", DateTime.addDuration(now, deadline))] }
    },
    elapsed: {
      payment: (_, __, { instance }) => [send("orders", instance, { _tag: "CancelOrder", reason: "not paid in time" })]
    },
    resume: ({ phase, quantity, sku }, { instance, now }) =>
      phase === "reserving"
        ? [send("stock", sku, { _tag: "Reserve", orderId: instance, quantity })]
        : phase === "paying"
          ? [schedule("payment", DateTime.addDuration(now, deadline))]
          : phase === "shipping"
            ? [send("orders", instance, { _tag: "Ship" })]
            : []
  })

export class Orders extends Aggregate.Service<Orders>()("test/Orders", { decider: order }) {}
export class Stocks extends Aggregate.Service<Stocks>()("test/Stocks", { decider: stock }) {}

export class Fulfilments extends Process.Service<Fulfilments>()("test/Fulfilments", {
  manager: fulfilment,
  aggregates: { orders: Orders, stock: Stocks }
}) {}

export const aggregates = Layer.mergeAll(Orders.layer, Stocks.layer)

/** Fills the shelves, and places an order. */
export const place = Effect.fnUntraced(function* (orderId: string, quantity = 1, sku = "tea") {
  const orders = yield* Orders
  return yield* orders.execute(orderId, { _tag: "Place", orderId, sku, quantity })
})

export const restock = Effect.fnUntraced(function* (quantity: number, sku = "tea") {
  const stocks = yield* Stocks
  return yield* stocks.execute(sku, { _tag: "Restock", quantity })
})
