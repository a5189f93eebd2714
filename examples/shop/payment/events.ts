/**
 * Payments, 1. Events: what is decided here, and what the gateway has answered.
 */
import { Schema } from "effect"
import { Event } from "eventfold"
import { Money } from "../vocabulary.ts"

/** What a customer pays with, as the gateway names it. */
export const Card = Schema.String.check(Schema.isPattern(/^[a-z0-9-]{1,64}$/, { expected: "the name of a card" }))

export const PaymentEvent = Event.define({
  /** A customer is asked to pay. */
  PaymentRequested: { amount: Money },
  /** The customer has given a card, which the gateway is to charge. */
  PaymentSubmitted: { amount: Money, card: Card },
  /** Nobody is asked any more. */
  PaymentWithdrawn: {},
  /** The gateway is to give back what it has taken. */
  RefundRequested: { amount: Money }
})
export type PaymentEvent = typeof PaymentEvent.Type

/** What the gateway has done. It is not asked whether that suits: these are facts. */
export const GatewayEvent = Event.define({
  PaymentCaptured: { amount: Money },
  PaymentDeclined: {},
  PaymentRefunded: { amount: Money }
})
export type GatewayEvent = typeof GatewayEvent.Type
