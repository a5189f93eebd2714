/**
 * Payments, 4. Specs. Each is run as a pure function, and once more through an event store.
 */
import { describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { MemoryEventStore } from "eventfold/memory"
import { Spec } from "eventfold/testing"
import { type GatewayEvent, type PaymentEvent } from "./events.ts"
import { payment, PaymentAlreadyMade, PaymentIsOver, PaymentNotRequested, PaymentUnderWay } from "./payment.ts"

const { given } = Spec.decider(payment)

const rule = (name: string, spec: Spec.DeciderSpec) => {
  it.effect(name, () => spec)
  it.effect(`${name}, in a store`, () => Effect.provide(spec.onStore, MemoryEventStore.layer))
}

const amount = 900
const requested: PaymentEvent = { _tag: "PaymentRequested", amount }
const submitted: PaymentEvent = { _tag: "PaymentSubmitted", amount, card: "visa-1" }
const withdrawn: PaymentEvent = { _tag: "PaymentWithdrawn" }
const refund: PaymentEvent = { _tag: "RefundRequested", amount }
const captured: GatewayEvent = { _tag: "PaymentCaptured", amount }
const declined: GatewayEvent = { _tag: "PaymentDeclined" }
const refunded: GatewayEvent = { _tag: "PaymentRefunded", amount }

describe("asking for a payment", () => {
  const ask = { _tag: "Request" as const, amount }
  rule("a customer is asked to pay", given([]).when(ask).then([requested]))
  rule("once", given([requested]).when(ask).thenNothing())
  rule("and not when that was withdrawn before", given([withdrawn]).when(ask).thenNothing())
})

describe("paying", () => {
  const pay = { _tag: "Pay" as const, card: "visa-1" }
  rule("a card is for the gateway to charge, with what was asked", given([requested]).when(pay).then([submitted]))
  rule("nobody pays who was not asked", given([]).when(pay).thenFails(new PaymentNotRequested()))
  rule("nobody pays twice", given([requested, submitted]).when(pay).thenFails(new PaymentUnderWay()))
  rule(
    "not when it is paid either",
    given([requested, submitted, captured]).when(pay).thenFails(new PaymentAlreadyMade())
  )
  rule("too late is too late", given([requested, withdrawn]).when(pay).thenFails(new PaymentIsOver()))
  rule(
    "a card that was declined is the last",
    given([requested, submitted, declined]).when(pay).thenFails(new PaymentIsOver())
  )
})

describe("withdrawing", () => {
  const withdraw = { _tag: "Withdraw" as const }
  rule("nobody is asked any more", given([requested]).when(withdraw).then([withdrawn]))
  rule("nor will be, if that comes first", given([]).when(withdraw).then([withdrawn]))
  rule(
    "what is with the gateway cannot be called back",
    given([requested, submitted]).when(withdraw).thenFails(new PaymentUnderWay())
  )
  rule("nor what is paid", given([requested, submitted, captured]).when(withdraw).thenFails(new PaymentAlreadyMade()))
  rule("what is over is over", given([requested, submitted, declined]).when(withdraw).thenNothing())
})

describe("refunding", () => {
  const giveBack = { _tag: "Refund" as const }
  rule("what was taken is given back", given([requested, submitted, captured]).when(giveBack).then([refund]))
  rule("once", given([requested, submitted, captured, refund]).when(giveBack).thenNothing())
  rule(
    "and that is the end of it",
    given([requested, submitted, captured, refund, refunded]).when(giveBack).thenNothing()
  )
  rule(
    "where nothing was taken there is nothing to give back",
    given([requested, withdrawn]).when(giveBack).thenNothing()
  )
  rule("nor while nobody knows", given([requested, submitted]).when(giveBack).thenNothing())
})
