/**
 * Orders, 2 and 3. State and evolve, commands and decide.
 *
 * A customer asks, and can be refused. The shop reports how it ended, and an order ends once: what is reported of one that is over
 * changes nothing.
 */
import { Result, Schema } from "effect"
import { Decider } from "eventfold"
import { Customer, Lines, Money } from "../vocabulary.ts"
import { CancelReason, OrderEvent } from "./events.ts"

/** An order is open until it is either cancelled or fulfilled. */
export const Order = Schema.TaggedUnion({
  NotPlaced: {},
  /** `cancellation`: whether the customer has asked for it, and was told no. */
  Open: { cancellation: Schema.Literals(["none", "requested", "refused"]) },
  Cancelled: { reason: CancelReason },
  Fulfilled: {}
})

export const OrderCommand = Schema.TaggedUnion({
  // The customer's.
  Place: { customer: Customer, lines: Lines, total: Money },
  RequestCancellation: {},
  // The shop's.
  Cancel: { reason: CancelReason },
  RefuseCancellation: {},
  Fulfil: {}
})

export class OrderAlreadyPlaced extends Schema.TaggedError<OrderAlreadyPlaced>()("OrderAlreadyPlaced", {}) {}
export class OrderNotPlaced extends Schema.TaggedError<OrderNotPlaced>()("OrderNotPlaced", {}) {}
export class OrderIsFulfilled extends Schema.TaggedError<OrderIsFulfilled>()("OrderIsFulfilled", {}) {}
export class CancellationWasRefused extends Schema.TaggedError<CancellationWasRefused>()(
  "CancellationWasRefused",
  {}
) {}

export const order = Decider.make({
  name: "order",
  state: Order,
  initial: { _tag: "NotPlaced" },
  commands: OrderCommand,
  events: OrderEvent,
  isTerminal: ({ _tag }) => _tag === "Cancelled" || _tag === "Fulfilled"
})
  .evolve({
    OrderPlaced: () => ({ _tag: "Open", cancellation: "none" }),
    CancellationRequested: (order) => (order._tag === "Open" ? { ...order, cancellation: "requested" } : order),
    CancellationRefused: (order) => (order._tag === "Open" ? { ...order, cancellation: "refused" } : order),
    OrderCancelled: (_, { reason }) => ({ _tag: "Cancelled", reason }),
    OrderFulfilled: () => ({ _tag: "Fulfilled" })
  })
  .decide({
    Place: ({ customer, lines, total }, order) =>
      order._tag === "NotPlaced"
        ? [{ _tag: "OrderPlaced", customer, lines, total }]
        : Result.fail(new OrderAlreadyPlaced()),
    RequestCancellation: (_, order) => {
      if (order._tag === "NotPlaced") return Result.fail(new OrderNotPlaced())
      if (order._tag === "Fulfilled") return Result.fail(new OrderIsFulfilled())
      if (order._tag === "Cancelled" || order.cancellation === "requested") return []
      if (order.cancellation === "refused") return Result.fail(new CancellationWasRefused())
      return [{ _tag: "CancellationRequested" }]
    },
    Cancel: ({ reason }, order) => (order._tag === "Open" ? [{ _tag: "OrderCancelled", reason }] : []),
    RefuseCancellation: (_, order) =>
      order._tag === "Open" && order.cancellation === "requested" ? [{ _tag: "CancellationRefused" }] : [],
    Fulfil: (_, order) => {
      if (order._tag !== "Open") return []
      // Nobody is left without an answer.
      return order.cancellation === "requested"
        ? [{ _tag: "CancellationRefused" }, { _tag: "OrderFulfilled" }]
        : [{ _tag: "OrderFulfilled" }]
    }
  })
