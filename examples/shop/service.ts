/**
 * 8. Services: an aggregate for each domain, the fulfilment that sends them commands, and the reactions that reach outside. Each of the last three
 * can be run by any number of processes.
 */
import { Duration, Layer, Schedule } from "effect"
import { Aggregate, Process, Reaction } from "eventfold"
import { booking } from "./carrier.ts"
import { fulfilmentWithin, paymentDeadline } from "./fulfilment.ts"
import { charging } from "./gateway.ts"
import { inventory } from "./inventory/inventory.ts"
import { order } from "./order/order.ts"
import { payment } from "./payment/payment.ts"
import { shipment } from "./shipping/shipment.ts"

/** With each conflict somebody gets on: decide again at once, as often as there may be commands for one thing at a time. */
const retry = Schedule.recurs(100)

export class Orders extends Aggregate.Service<Orders>()("shop/Orders", { decider: order, retry }) {}

export class Stock extends Aggregate.Service<Stock>()("shop/Stock", { decider: inventory, retry }) {}

export class Payments extends Aggregate.Service<Payments>()("shop/Payments", { decider: payment, retry }) {}

export class Shipments extends Aggregate.Service<Shipments>()("shop/Shipments", { decider: shipment, retry }) {}

export const aggregates = Layer.mergeAll(Orders.layer, Stock.layer, Payments.layer, Shipments.layer)

/** How long an hour of the shop takes, as a part of an hour: 1, unless a day is to be over sooner. */
export type Tempo = number

/** So long for the shop. */
export const lasting = (duration: Duration.Duration, tempo: Tempo): Duration.Duration =>
  Duration.millis(Math.round(Duration.toMillis(duration) * tempo))

const fulfilmentAt = (tempo: Tempo) => ({
  manager: fulfilmentWithin(lasting(paymentDeadline, tempo)),
  aggregates: { orders: Orders, stock: Stock, payments: Payments, shipments: Shipments }
})

const againAt = (tempo: Tempo) => lasting(Duration.minutes(1), tempo)

export class Fulfilments extends Process.Service<Fulfilments>()("shop/Fulfilment", fulfilmentAt(1)) {}

export class Charging extends Reaction.Service<Charging>()("shop/Charging", charging(againAt(1))) {}

export class Booking extends Reaction.Service<Booking>()("shop/Booking", booking(againAt(1))) {}

/** The shop at work. It needs the gateway and the carrier, its aggregates, and a store. */
export const shopAt = (tempo: Tempo) =>
  Layer.mergeAll(
    Process.Service<Fulfilments>()("shop/Fulfilment", fulfilmentAt(tempo)).layer,
    Reaction.Service<Charging>()("shop/Charging", charging(againAt(tempo))).layer,
    Reaction.Service<Booking>()("shop/Booking", booking(againAt(tempo))).layer
  )
