/**
 * 9. The audit: what must hold whatever happens, found out from the log alone. It knows neither the deciders nor the process, and
 * counts for itself: what follows from a mistake of theirs is seen here.
 *
 * - At no position is there less of anything than is promised, and nothing is promised or given away twice.
 * - An order that is over holds no goods. It was delivered and paid for, or neither.
 * - Whoever paid has got their goods or their money, once; or it says whom that waits for.
 * - No order is forgotten: one that is open waits for its customer, the gateway or the carrier, and not for the shop.
 * - Whoever asked for a cancellation is answered.
 */
import { DateTime, type Duration } from "effect"
import type { ShopEvent } from "./events.ts"
import type { CancelReason } from "./order/events.ts"
import type { Line } from "./vocabulary.ts"

/** Something that happened to the thing of an id. */
export interface Fact {
  readonly event: ShopEvent
  readonly id: string
  readonly position: number
  readonly at: DateTime.Utc
}

/** What became of an order, as far as the log tells. */
export interface OrderAccount {
  readonly id: string
  customer: string
  lines: ReadonlyArray<Line>
  total: number
  outcome: "open" | "fulfilled" | CancelReason
  /** Pieces by sku. */
  readonly reserved: Map<string, number>
  readonly taken: Map<string, number>
  cancellation: "none" | "requested" | "refused"
  askedToPay: DateTime.Utc | undefined
  payment: "none" | "requested" | "submitted" | "captured" | "declined" | "withdrawn" | "refunding" | "refunded"
  captured: number
  shipment: "none" | "requested" | "booked" | "dispatched" | "delivered" | "cancelled"
}

/** What must hold. */
export const rules = {
  stock: "no stock is oversold: nowhere is more promised than is there",
  goods: "no goods are lost: what is promised is taken along or given back, once",
  orders: "no order is forgotten: each is over, or waits for somebody outside",
  payments: "nobody pays but by their own will, once, and the right sum",
  refunds: "no refund is missing, and none is made twice",
  parcels: "nothing is sent but what is paid, and whoever has paid gets it or the money",
  answers: "whoever wants an order cancelled is answered"
}
export type Rule = keyof typeof rules

export interface Audit {
  readonly orders: ReadonlyMap<string, OrderAccount>
  /** What is not as it must be. */
  readonly problems: ReadonlyArray<{ readonly rule: Rule; readonly problem: string }>
  /** What is not over yet, and why. */
  readonly pending: ReadonlyArray<{ readonly id: string; readonly waitsFor: string }>
}

interface Shelf {
  onHand: number
  readonly promised: Map<string, number>
}

const sum = (quantities: ReadonlyMap<string, number>): number =>
  Array.from(quantities.values()).reduce((total, quantity) => total + quantity, 0)

/**
 * Audits what happened up to an instant, in the order of the log: when all that the shop has to do by itself is done.
 */
export const audit = (
  facts: Iterable<Fact>,
  options: { readonly until: DateTime.Utc; readonly paymentDeadline: Duration.Duration }
): Audit => {
  const orders = new Map<string, OrderAccount>()
  const shelves = new Map<string, Shelf>()
  const problems: Array<Audit["problems"][number]> = []

  const orderOf = (id: string): OrderAccount => {
    const known = orders.get(id)
    if (known !== undefined) return known
    const order: OrderAccount = {
      id,
      customer: "",
      lines: [],
      total: 0,
      outcome: "open",
      reserved: new Map(),
      taken: new Map(),
      cancellation: "none",
      askedToPay: undefined,
      payment: "none",
      captured: 0,
      shipment: "none"
    }
    orders.set(id, order)
    return order
  }
  const shelfOf = (sku: string): Shelf => {
    const known = shelves.get(sku)
    if (known !== undefined) return known
    const shelf: Shelf = { onHand: 0, promised: new Map() }
    shelves.set(sku, shelf)
    return shelf
  }

  for (const { event, id, position, at } of facts) {
    const must = (rule: Rule, holds: boolean, problem: string) => {
      if (!holds) problems.push({ rule, problem: `at ${position}: ${problem}` })
    }
    const end = (outcome: OrderAccount["outcome"]) => {
      const order = orderOf(id)
      must("orders", order.outcome === "open", `order ${id} has ended twice`)
      order.outcome = outcome
    }
    const settle = (orderId: string, quantity: number) => {
      const { promised } = shelfOf(id)
      must("goods", promised.get(orderId) === quantity, `${quantity} ${id} of order ${orderId} were not promised`)
      promised.delete(orderId)
      orderOf(orderId).reserved.delete(id)
    }
    switch (event._tag) {
      case "OrderPlaced": {
        const { customer, lines, total } = event
        must("orders", orderOf(id).lines.length === 0, `order ${id} is placed twice`)
        Object.assign(orderOf(id), { customer, lines, total })
        break
      }
      case "CancellationRequested":
        must("answers", orderOf(id).outcome === "open", `order ${id} is over, and was to be cancelled`)
        must("answers", orderOf(id).cancellation === "none", `order ${id} was to be cancelled twice`)
        orderOf(id).cancellation = "requested"
        break
      case "CancellationRefused":
        must("answers", orderOf(id).cancellation === "requested", `nobody asked to cancel order ${id}`)
        orderOf(id).cancellation = "refused"
        break
      case "OrderCancelled":
        end(event.reason)
        break
      case "OrderFulfilled":
        end("fulfilled")
        break
      case "StockReceived":
        shelfOf(id).onHand += event.quantity
        break
      case "StockReserved": {
        const { orderId, quantity } = event
        const order = orderOf(orderId)
        const line = order.lines.find(({ sku }) => sku === id)
        must("goods", line?.quantity === quantity, `order ${orderId} did not ask for ${quantity} ${id}`)
        must("goods", !order.reserved.has(id) && !order.taken.has(id), `order ${orderId} has ${id} promised twice`)
        order.reserved.set(id, quantity)
        shelfOf(id).promised.set(orderId, quantity)
        break
      }
      case "ReservationReleased":
        settle(event.orderId, event.quantity)
        break
      case "StockTaken":
        settle(event.orderId, event.quantity)
        shelfOf(id).onHand -= event.quantity
        orderOf(event.orderId).taken.set(id, event.quantity)
        break
      case "PaymentRequested":
        must("payments", orderOf(id).payment === "none", `order ${id} is to be paid twice`)
        must("payments", orderOf(id).total === event.amount, `order ${id} is to be paid with ${event.amount}`)
        Object.assign(orderOf(id), { payment: "requested", askedToPay: at })
        break
      case "PaymentSubmitted":
        must("payments", orderOf(id).payment === "requested", `order ${id} is paid, and nobody asked for it`)
        orderOf(id).payment = "submitted"
        break
      case "PaymentWithdrawn":
        must("payments", orderOf(id).payment === "requested", `the payment of order ${id} was withdrawn too late`)
        orderOf(id).payment = "withdrawn"
        break
      case "PaymentCaptured":
        must("payments", orderOf(id).payment === "submitted", `order ${id} was charged, and not by its customer's will`)
        must("payments", orderOf(id).total === event.amount, `order ${id} was charged ${event.amount}`)
        orderOf(id).payment = "captured"
        orderOf(id).captured += event.amount
        break
      case "PaymentDeclined":
        must("payments", orderOf(id).payment === "submitted", `order ${id} was declined, and nobody paid`)
        orderOf(id).payment = "declined"
        break
      case "RefundRequested":
        must(
          "refunds",
          orderOf(id).payment === "captured",
          `order ${id} is to be refunded, and is not paid or refunded already`
        )
        orderOf(id).payment = "refunding"
        break
      case "PaymentRefunded":
        must("refunds", orderOf(id).payment === "refunding", `order ${id} was refunded, and nobody asked for it`)
        orderOf(id).payment = "refunded"
        orderOf(id).captured -= event.amount
        break
      case "ShipmentRequested":
        must("parcels", orderOf(id).payment === "captured", `order ${id} is to be shipped, and is not paid`)
        must("parcels", orderOf(id).shipment === "none", `order ${id} is to be shipped twice`)
        orderOf(id).shipment = "requested"
        break
      case "ShipmentBooked":
        must(
          "parcels",
          /^(requested|cancelled)$/.test(orderOf(id).shipment),
          `order ${id} was booked, and nobody asked for it`
        )
        // A late answer changes nothing.
        if (orderOf(id).shipment === "requested") orderOf(id).shipment = "booked"
        break
      case "ShipmentCancelled":
        must(
          "parcels",
          /^(requested|booked)$/.test(orderOf(id).shipment),
          `order ${id} is not to be sent, or is on its way, and was stopped`
        )
        orderOf(id).shipment = "cancelled"
        break
      case "ShipmentDispatched": {
        const order = orderOf(id)
        must("parcels", order.shipment === "booked", `order ${id} was dispatched, and nobody had booked`)
        must("parcels", order.payment === "captured", `order ${id} was dispatched, and is not paid`)
        const isThere = order.lines.every(({ sku, quantity }) => order.reserved.get(sku) === quantity)
        must("goods", isThere, `order ${id} was dispatched with goods that are not its own`)
        order.shipment = "dispatched"
        break
      }
      case "ShipmentDelivered":
        must("parcels", orderOf(id).shipment === "dispatched", `order ${id} was delivered, and never dispatched`)
        orderOf(id).shipment = "delivered"
        break
    }
    if (event._tag.startsWith("Stock")) {
      const { onHand, promised } = shelfOf(id)
      must("stock", sum(promised) <= onHand, `${sum(promised)} ${id} are promised, and ${onHand} are there`)
    }
  }

  const pending: Array<{ readonly id: string; readonly waitsFor: string }> = []
  for (const order of orders.values()) {
    const waitsFor = waiting(order, options)
    if (waitsFor !== undefined) pending.push({ id: order.id, waitsFor })
    for (const [rule, problem] of wrongs(order, waitsFor))
      problems.push({ rule, problem: `order ${order.id} ${problem}` })
  }
  return { orders, problems, pending }
}

/** Whom an order waits for, other than the shop. */
const waiting = (
  { askedToPay, outcome, payment, shipment }: OrderAccount,
  { until, paymentDeadline }: { readonly until: DateTime.Utc; readonly paymentDeadline: Duration.Duration }
): string | undefined => {
  if (payment === "submitted") return "the gateway to charge"
  if (payment === "refunding") return "the gateway to refund"
  if (outcome !== "open") return undefined
  if (payment === "requested" && askedToPay !== undefined) {
    return DateTime.isLessThan(until, DateTime.addDuration(askedToPay, paymentDeadline))
      ? "the customer to pay"
      : undefined
  }
  if (payment !== "captured") return undefined
  if (shipment === "requested" || shipment === "booked") return "the carrier to come"
  return shipment === "dispatched" ? "the carrier to deliver" : undefined
}

/** What is not as it must be at the end. */
const wrongs = (order: OrderAccount, waitsFor: string | undefined): ReadonlyArray<readonly [Rule, string]> => {
  const { cancellation, captured, lines, outcome, payment, reserved, shipment, taken } = order
  const found: Array<readonly [Rule, string]> = []
  if (lines.length === 0) found.push(["orders", "was never placed"])
  if (outcome === "open") {
    if (waitsFor === undefined) found.push(["orders", "is forgotten: it is open, and waits for nobody"])
    return found
  }
  if (reserved.size > 0) found.push(["goods", `is over, and still holds ${Array.from(reserved.keys()).join(", ")}`])
  if (cancellation === "requested" && outcome === "fulfilled")
    found.push(["answers", "was to be cancelled, and nobody answered"])
  if (outcome === "fulfilled") {
    if (shipment !== "delivered") found.push(["parcels", "is fulfilled, and was not delivered"])
    if (captured !== order.total) found.push(["payments", `is fulfilled, and ${captured} of ${order.total} are paid`])
    if (lines.some(({ sku, quantity }) => taken.get(sku) !== quantity)) {
      found.push(["goods", "is fulfilled, and its goods are still counted"])
    }
    return found
  }
  if (shipment === "dispatched" || shipment === "delivered") found.push(["parcels", "is cancelled, and was sent"])
  if (shipment === "requested" || shipment === "booked") found.push(["parcels", "is cancelled, and is to be sent"])
  if (taken.size > 0) found.push(["goods", "is cancelled, and its goods are gone"])
  if (payment === "captured") found.push(["refunds", `is cancelled, and ${captured} were not refunded`])
  if (outcome === "ByCustomer" && cancellation !== "requested")
    found.push(["answers", "is cancelled, and its customer wants it"])
  if (payment === "requested") found.push(["payments", "is cancelled, and its customer is still asked to pay"])
  return found
}
