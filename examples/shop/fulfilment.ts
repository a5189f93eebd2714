/**
 * 5. Fulfilment: what follows from what, across the domains. An order that is placed is seen through to its end, whatever comes in
 * between: goods are reserved, paid, shipped and delivered; or what has been done is undone, and the order is cancelled.
 *
 * The README has this as a table, each input in each state. Three rules carry most of it:
 *
 * - Commands of an order are sent one after the other, so what is released is released after it was reserved, and an order is cancelled
 *   when all else has been sent.
 * - Who decides is who is asked: whether a parcel can still be stopped, or a payment still be withdrawn, is what shipment and payment say.
 * - An order is over when it says so itself, and nobody has money any more that is not theirs.
 */
import { DateTime, Duration, Schema } from "effect"
import { Event, ProcessManager, type RecordedEvent, StreamName } from "eventfold"
import { inventory } from "./inventory/inventory.ts"
import { InventoryEvent } from "./inventory/events.ts"
import { CancelReason, OrderEvent } from "./order/events.ts"
import { order } from "./order/order.ts"
import { GatewayEvent, PaymentEvent } from "./payment/events.ts"
import { payment } from "./payment/payment.ts"
import { ShipmentEvent } from "./shipping/events.ts"
import { shipment } from "./shipping/shipment.ts"
import { Customer, type Line, Lines, Money, Sku } from "./vocabulary.ts"

const { cancel, schedule, send } = ProcessManager

/** What was ordered, as long as it is needed. */
const ordered = { customer: Customer, lines: Lines, total: Money }

/**
 *     NotPlaced → Reserving → AwaitingPayment → Shipping ──────────→ UnderWay → Delivered → Over
 *                     │              │              ├ StoppingShipment ┘                      ↑
 *                     └──────────────┴──────────────┴────────┴──→ CallingOff ─────────────────┘
 */
export const Fulfilment = Schema.TaggedUnion({
  NotPlaced: {},
  /** Goods are being reserved, of which these are. */
  Reserving: { ...ordered, reserved: Schema.Array(Sku) },
  /** The customer has been asked to pay. */
  AwaitingPayment: ordered,
  /** It is paid, and the carrier is to come. */
  Shipping: ordered,
  /** The customer does not want it any more, and it is not known yet whether the parcel can be stopped. */
  StoppingShipment: ordered,
  /** Nothing can stop it any more. */
  UnderWay: ordered,
  Delivered: ordered,
  /** It comes to nothing: what was done is being undone. */
  CallingOff: {
    reason: CancelReason,
    /** The goods to be given back. */
    skus: Schema.Array(Sku),
    /** Whether it is not settled yet who has the money. */
    isPaymentOpen: Schema.Boolean,
    isOrderCancelled: Schema.Boolean
  },
  Over: {}
})
export type Fulfilment = typeof Fulfilment.Type

type CallingOff = Extract<Fulfilment, { readonly _tag: "CallingOff" }>

const skusOf = (lines: ReadonlyArray<Line>) => lines.map(({ sku }) => sku)

const callingOff = (reason: CancelReason, skus: ReadonlyArray<string>, isPaymentOpen: boolean): CallingOff => ({
  _tag: "CallingOff",
  reason,
  skus,
  isPaymentOpen,
  isOrderCancelled: false
})

/** Called off is over when the order is cancelled, and the money is where it belongs. */
const settled = (state: CallingOff): Fulfilment =>
  state.isOrderCancelled && !state.isPaymentOpen ? { _tag: "Over" } : state

/** It is settled who has the money. */
const paymentSettled = (state: Fulfilment): Fulfilment =>
  state._tag === "CallingOff" ? settled({ ...state, isPaymentOpen: false }) : state

/** There will be no money. */
const notPaid = (state: Fulfilment): Fulfilment =>
  state._tag === "AwaitingPayment" ? callingOff("PaymentDeclined", skusOf(state.lines), false) : paymentSettled(state)

const reserve = (id: string, { sku, quantity }: Line) => send("stock", sku, { _tag: "Reserve", orderId: id, quantity })
const take = (id: string, { sku }: Line) => send("stock", sku, { _tag: "Take", orderId: id })
const requestPayment = (id: string, amount: number) => send("payments", id, { _tag: "Request", amount })
const withdraw = (id: string) => send("payments", id, { _tag: "Withdraw" })
const refund = (id: string) => send("payments", id, { _tag: "Refund" })
const ship = (id: string, { customer, lines }: { readonly customer: string; readonly lines: ReadonlyArray<Line> }) =>
  send("shipments", id, { _tag: "Request", to: customer, lines })
const stopShipment = (id: string) => send("shipments", id, { _tag: "Cancel" })
const refuseCancellation = (id: string) => send("orders", id, { _tag: "RefuseCancellation" })
const fulfil = (id: string) => send("orders", id, { _tag: "Fulfil" })

/** Gives back the goods, and then the order is cancelled. */
const undo = (id: string, { skus, reason }: CallingOff) => [
  ...skus.map((sku) => send("stock", sku, { _tag: "Release", orderId: id })),
  send("orders", id, { _tag: "Cancel", reason })
]

/** What is heard, of all that happens. */
const heardOfOrders = Event.pick(OrderEvent, [
  "OrderPlaced",
  "CancellationRequested",
  "OrderCancelled",
  "OrderFulfilled"
])
const heardOfStock = Event.pick(InventoryEvent, ["StockReserved"])
const heardOfPayments = Event.union(Event.pick(PaymentEvent, ["PaymentWithdrawn"]), GatewayEvent)
const heardOfShipments = Event.pick(ShipmentEvent, ["ShipmentCancelled", "ShipmentDispatched", "ShipmentDelivered"])

const ofItsStream = (_: unknown, { stream }: RecordedEvent.RecordedEvent) => StreamName.id(stream)

/** How long a customer has got to pay. */
export const paymentDeadline = Duration.minutes(15)

/** The rules, for a deadline of any length. */
export const fulfilmentWithin = (deadline: Duration.Duration) =>
  ProcessManager.make({
    name: "fulfilment",
    state: Fulfilment,
    initial: { _tag: "NotPlaced" },
    events: Event.union(Event.union(heardOfOrders, heardOfStock), Event.union(heardOfPayments, heardOfShipments)),
    targets: {
      orders: ProcessManager.sends(order, ["Cancel", "RefuseCancellation", "Fulfil"]),
      stock: ProcessManager.sends(inventory, ["Reserve", "Release", "Take"]),
      payments: ProcessManager.sends(payment, ["Request", "Withdraw", "Refund"]),
      shipments: ProcessManager.sends(shipment, ["Request", "Cancel"])
    },
    timers: ["payment"],
    isTerminal: ({ _tag }) => _tag === "Over"
  })
    .correlate({
      OrderPlaced: ofItsStream,
      CancellationRequested: ofItsStream,
      OrderCancelled: ofItsStream,
      OrderFulfilled: ofItsStream,
      StockReserved: ({ orderId }) => orderId,
      PaymentWithdrawn: ofItsStream,
      PaymentCaptured: ofItsStream,
      PaymentDeclined: ofItsStream,
      PaymentRefunded: ofItsStream,
      ShipmentCancelled: ofItsStream,
      ShipmentDispatched: ofItsStream,
      ShipmentDelivered: ofItsStream
    })
    .evolve({
      events: {
        OrderPlaced: (state, { customer, lines, total }) =>
          state._tag === "NotPlaced" ? { _tag: "Reserving", customer, lines, total, reserved: [] } : state,
        StockReserved: (state, _, { recorded }) => {
          if (state._tag !== "Reserving") return state
          const reserved = [...state.reserved, StreamName.id(recorded.stream)]
          const { customer, lines, total } = state
          return lines.every(({ sku }) => reserved.includes(sku))
            ? { _tag: "AwaitingPayment", customer, lines, total }
            : { ...state, reserved }
        },
        PaymentCaptured: (state) => (state._tag === "AwaitingPayment" ? { ...state, _tag: "Shipping" } : state),
        PaymentDeclined: notPaid,
        PaymentWithdrawn: notPaid,
        PaymentRefunded: paymentSettled,
        CancellationRequested: (state) => {
          if (state._tag === "Reserving") return callingOff("ByCustomer", skusOf(state.lines), false)
          if (state._tag === "AwaitingPayment") return callingOff("ByCustomer", skusOf(state.lines), true)
          return state._tag === "Shipping" ? { ...state, _tag: "StoppingShipment" } : state
        },
        ShipmentCancelled: (state) => {
          if (state._tag === "Shipping") return callingOff("NotShippable", skusOf(state.lines), true)
          return state._tag === "StoppingShipment" ? callingOff("ByCustomer", skusOf(state.lines), true) : state
        },
        ShipmentDispatched: (state) =>
          state._tag === "Shipping" || state._tag === "StoppingShipment" ? { ...state, _tag: "UnderWay" } : state,
        ShipmentDelivered: (state) => (state._tag === "UnderWay" ? { ...state, _tag: "Delivered" } : state),
        // Where it was not this process, somebody has ended it by hand, and looks after it from there.
        OrderCancelled: (state) =>
          state._tag === "CallingOff" ? settled({ ...state, isOrderCancelled: true }) : { _tag: "Over" },
        OrderFulfilled: () => ({ _tag: "Over" })
      },
      rejected: {
        stock: {
          Reserve: (state, { id }) =>
            state._tag === "Reserving"
              ? callingOff(
                  "OutOfStock",
                  skusOf(state.lines).filter((sku) => sku !== id),
                  false
                )
              : state
        },
        // It is with the gateway, or paid: then that is heard as well.
        payments: { Withdraw: (state) => state },
        shipments: {
          Cancel: (state) => (state._tag === "StoppingShipment" ? { ...state, _tag: "UnderWay" } : state)
        }
      },
      elapsed: {
        payment: (state) =>
          state._tag === "AwaitingPayment" ? callingOff("PaymentOverdue", skusOf(state.lines), true) : state
      }
    })
    .react({
      events: {
        OrderPlaced: (state, { lines }, { instance }) =>
          state._tag === "Reserving" ? lines.map((line) => reserve(instance, line)) : [],
        StockReserved: (state, _, { instance, now }) =>
          state._tag === "AwaitingPayment"
            ? [requestPayment(instance, state.total), schedule("payment", DateTime.addDuration(now, deadline))]
            : [],
        PaymentCaptured: (state, _, { instance }) => {
          if (state._tag === "Shipping") return [cancel("payment"), ship(instance, state)]
          // It has come too late.
          return state._tag === "CallingOff" ? [refund(instance)] : []
        },
        PaymentDeclined: (state, _, { instance }) =>
          state._tag === "CallingOff" && state.reason === "PaymentDeclined"
            ? [cancel("payment"), ...undo(instance, state)]
            : [],
        PaymentWithdrawn: (state, _, { instance }) =>
          state._tag === "CallingOff" && state.reason === "PaymentDeclined"
            ? [cancel("payment"), ...undo(instance, state)]
            : [],
        PaymentRefunded: () => [],
        CancellationRequested: (state, _, { instance }) => {
          switch (state._tag) {
            case "CallingOff":
              if (state.reason !== "ByCustomer") return []
              return state.isPaymentOpen
                ? [cancel("payment"), withdraw(instance), ...undo(instance, state)]
                : undo(instance, state)
            case "StoppingShipment":
              return [stopShipment(instance)]
            case "UnderWay":
              return [refuseCancellation(instance)]
            default:
              return []
          }
        },
        ShipmentCancelled: (state, _, { instance }) =>
          state._tag === "CallingOff" ? [refund(instance), ...undo(instance, state)] : [],
        ShipmentDispatched: (state, _, { instance }) =>
          state._tag === "UnderWay" ? state.lines.map((line) => take(instance, line)) : [],
        ShipmentDelivered: (state, _, { instance }) => (state._tag === "Delivered" ? [fulfil(instance)] : []),
        OrderCancelled: () => [],
        OrderFulfilled: () => []
      },
      rejected: {
        stock: {
          // The first that is not there is not among what is given back; those that are not there either change nothing.
          Reserve: (state, { id }, { instance }) =>
            state._tag === "CallingOff" && state.reason === "OutOfStock" && !state.skus.includes(id)
              ? undo(instance, state)
              : []
        },
        payments: { Withdraw: () => [] },
        shipments: { Cancel: (_, __, { instance }) => [refuseCancellation(instance)] }
      },
      elapsed: {
        payment: (state, _, { instance }) =>
          state._tag === "CallingOff" ? [withdraw(instance), ...undo(instance, state)] : []
      },
      resume: (state, { instance, now }) => {
        switch (state._tag) {
          case "Reserving":
            return state.lines.filter(({ sku }) => !state.reserved.includes(sku)).map((line) => reserve(instance, line))
          case "AwaitingPayment":
            return [requestPayment(instance, state.total), schedule("payment", DateTime.addDuration(now, deadline))]
          case "Shipping":
            return [ship(instance, state)]
          case "StoppingShipment":
            return [stopShipment(instance)]
          case "UnderWay":
            return [...state.lines.map((line) => take(instance, line)), refuseCancellation(instance)]
          case "Delivered":
            return [...state.lines.map((line) => take(instance, line)), fulfil(instance)]
          case "CallingOff":
            // Of withdrawing and refunding one comes to something at most, and to nothing where nothing was paid.
            return [...(state.isPaymentOpen ? [withdraw(instance), refund(instance)] : []), ...undo(instance, state)]
          default:
            return []
        }
      }
    })

export const fulfilment = fulfilmentWithin(paymentDeadline)
