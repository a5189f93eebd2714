/**
 * Orders, 4. Specs. Each is run as a pure function, and once more through an event store.
 */
import { describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { MemoryEventStore } from "eventfold/memory"
import { Spec } from "eventfold/testing"
import { type OrderEvent } from "./events.ts"
import { CancellationWasRefused, order, OrderAlreadyPlaced, OrderIsFulfilled, OrderNotPlaced } from "./order.ts"

const { given } = Spec.decider(order)

const rule = (name: string, spec: Spec.DeciderSpec) => {
  it.effect(name, () => spec)
  it.effect(`${name}, in a store`, () => Effect.provide(spec.onStore, MemoryEventStore.layer))
}

const ordered = { customer: "Ada", lines: [{ sku: "tea", quantity: 2 }], total: 900 }
const placed: OrderEvent = { _tag: "OrderPlaced", ...ordered }
const asked: OrderEvent = { _tag: "CancellationRequested" }
const refused: OrderEvent = { _tag: "CancellationRefused" }
const fulfilled: OrderEvent = { _tag: "OrderFulfilled" }
const cancelled: OrderEvent = { _tag: "OrderCancelled", reason: "OutOfStock" }

describe("placing", () => {
  const place = { _tag: "Place" as const, ...ordered }
  rule("anybody can place an order", given([]).when(place).then([placed]))
  rule("an order is placed once", given([placed]).when(place).thenFails(new OrderAlreadyPlaced()))
  rule(
    "a new order is open, and nobody wants it cancelled",
    given([]).when(place).thenState({ _tag: "Open", cancellation: "none" })
  )
})

describe("a customer who changes their mind", () => {
  const ask = { _tag: "RequestCancellation" as const }
  rule("can ask for an order to be cancelled", given([placed]).when(ask).then([asked]))
  rule("is asking once, however often they say it", given([placed, asked]).when(ask).thenNothing())
  rule("has what they want once it is cancelled", given([placed, cancelled]).when(ask).thenNothing())
  rule("is told no once", given([placed, asked, refused]).when(ask).thenFails(new CancellationWasRefused()))
  rule("is too late once it is fulfilled", given([placed, fulfilled]).when(ask).thenFails(new OrderIsFulfilled()))
  rule("has to have ordered", given([]).when(ask).thenFails(new OrderNotPlaced()))
})

describe("the shop", () => {
  const cancel = { _tag: "Cancel" as const, reason: "OutOfStock" as const }
  const refuse = { _tag: "RefuseCancellation" as const }
  const fulfil = { _tag: "Fulfil" as const }
  rule("cancels an order, and says why", given([placed]).when(cancel).then([cancelled]))
  rule("cancels it where that was asked for", given([placed, asked]).when(cancel).then([cancelled]))
  rule("tells a customer no who has asked", given([placed, asked]).when(refuse).then([refused]))
  rule("and nobody who has not", given([placed]).when(refuse).thenNothing())
  rule("fulfils an order", given([placed]).when(fulfil).then([fulfilled]))
  rule("and answers who has asked meanwhile", given([placed, asked]).when(fulfil).then([refused, fulfilled]))
  rule("ends an order once: not a fulfilled one", given([placed, fulfilled]).when(cancel).thenNothing())
  rule("not a cancelled one", given([placed, cancelled]).when(fulfil).thenNothing())
  rule("not one that was never placed", given([]).when(cancel).thenNothing())
})
