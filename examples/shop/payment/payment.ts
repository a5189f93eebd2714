/**
 * Payments, 2 and 3. State and evolve, commands and decide. A payment bears the id of its order.
 *
 * The gateway is asked by events, and answers with events (see `gateway.ts`): a payment observes the answers. Between the two nobody knows
 * whether there is money, so that is a state of its own, in which a payment can be neither made again nor withdrawn.
 */
import { Result, Schema } from "effect"
import { Decider } from "eventfold"
import { Money } from "../vocabulary.ts"
import { Card, GatewayEvent, PaymentEvent } from "./events.ts"

export const Payment = Schema.TaggedUnion({
  NotRequested: {},
  Requested: { amount: Money },
  /** The gateway has been asked, and has not answered. */
  Submitted: { amount: Money },
  Captured: { amount: Money },
  Declined: {},
  Withdrawn: {},
  Refunding: { amount: Money },
  Refunded: { amount: Money }
})

export const PaymentCommand = Schema.TaggedUnion({
  Request: { amount: Money },
  Pay: { card: Card },
  Withdraw: {},
  Refund: {}
})

export class PaymentNotRequested extends Schema.TaggedError<PaymentNotRequested>()("PaymentNotRequested", {}) {}
/** It is with the gateway, which cannot be called back. */
export class PaymentUnderWay extends Schema.TaggedError<PaymentUnderWay>()("PaymentUnderWay", {}) {}
/** The gateway has taken the money. */
export class PaymentAlreadyMade extends Schema.TaggedError<PaymentAlreadyMade>()("PaymentAlreadyMade", {}) {}
/** It was declined or withdrawn. */
export class PaymentIsOver extends Schema.TaggedError<PaymentIsOver>()("PaymentIsOver", {}) {}

export const payment = Decider.make({
  name: "payment",
  state: Payment,
  initial: { _tag: "NotRequested" },
  commands: PaymentCommand,
  events: PaymentEvent,
  observes: GatewayEvent,
  isTerminal: ({ _tag }) => _tag === "Declined" || _tag === "Withdrawn" || _tag === "Refunded"
})
  .evolve({
    PaymentRequested: (_, { amount }) => ({ _tag: "Requested", amount }),
    PaymentSubmitted: (_, { amount }) => ({ _tag: "Submitted", amount }),
    PaymentWithdrawn: () => ({ _tag: "Withdrawn" }),
    RefundRequested: (_, { amount }) => ({ _tag: "Refunding", amount }),
    PaymentCaptured: (_, { amount }) => ({ _tag: "Captured", amount }),
    PaymentDeclined: () => ({ _tag: "Declined" }),
    PaymentRefunded: (_, { amount }) => ({ _tag: "Refunded", amount })
  })
  .decide({
    // One for each order.
    Request: ({ amount }, payment) => (payment._tag === "NotRequested" ? [{ _tag: "PaymentRequested", amount }] : []),
    Pay: ({ card }, payment) => {
      switch (payment._tag) {
        case "NotRequested":
          return Result.fail(new PaymentNotRequested())
        case "Requested":
          return [{ _tag: "PaymentSubmitted", amount: payment.amount, card }]
        case "Submitted":
          return Result.fail(new PaymentUnderWay())
        case "Captured":
          return Result.fail(new PaymentAlreadyMade())
        default:
          return Result.fail(new PaymentIsOver())
      }
    },
    Withdraw: (_, payment) => {
      switch (payment._tag) {
        case "NotRequested":
        case "Requested":
          return [{ _tag: "PaymentWithdrawn" }]
        case "Submitted":
          return Result.fail(new PaymentUnderWay())
        case "Captured":
          return Result.fail(new PaymentAlreadyMade())
        default:
          return []
      }
    },
    // What was taken is given back, once. Where nothing was taken, there is nothing to give back.
    Refund: (_, payment) => (payment._tag === "Captured" ? [{ _tag: "RefundRequested", amount: payment.amount }] : [])
  })
