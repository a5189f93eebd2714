/**
 * Orders, 1. Events: what a customer and the shop have agreed on.
 */
import { Schema } from "effect"
import { Event } from "eventfold"
import { Customer, Lines, Money } from "../vocabulary.ts"

/** Why an order has come to nothing. */
export const CancelReason = Schema.Literals([
  "OutOfStock",
  "PaymentDeclined",
  "PaymentOverdue",
  "ByCustomer",
  "NotShippable"
])
export type CancelReason = typeof CancelReason.Type

export const OrderEvent = Event.define({
  OrderPlaced: { customer: Customer, lines: Lines, total: Money },
  CancellationRequested: {},
  /** The goods are on their way: they are delivered as ordered. */
  CancellationRefused: {},
  OrderCancelled: { reason: CancelReason },
  OrderFulfilled: {}
})
export type OrderEvent = typeof OrderEvent.Type
