/**
 * Shipping, 4. Specs. Each is run as a pure function, and once more through an event store.
 */
import { describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { MemoryEventStore } from "eventfold/memory"
import { Spec } from "eventfold/testing"
import { type CarrierEvent, type ShipmentEvent } from "./events.ts"
import {
  shipment,
  ShipmentIsCancelled,
  ShipmentNotBooked,
  ShipmentNotDispatched,
  ShipmentOnItsWay
} from "./shipment.ts"

const { given } = Spec.decider(shipment)

const rule = (name: string, spec: Spec.DeciderSpec) => {
  it.effect(name, () => spec)
  it.effect(`${name}, in a store`, () => Effect.provide(spec.onStore, MemoryEventStore.layer))
}

const parcel = { to: "Ada", lines: [{ sku: "tea", quantity: 2 }] }
const requested: ShipmentEvent = { _tag: "ShipmentRequested", ...parcel }
const booked: CarrierEvent = { _tag: "ShipmentBooked", tracking: "t-1" }
const cancelled: ShipmentEvent = { _tag: "ShipmentCancelled" }
const dispatched: ShipmentEvent = { _tag: "ShipmentDispatched" }
const delivered: ShipmentEvent = { _tag: "ShipmentDelivered" }

describe("asking for a shipment", () => {
  const ask = { _tag: "Request" as const, ...parcel }
  rule("a parcel is to be sent", given([]).when(ask).then([requested]))
  rule("once", given([requested]).when(ask).thenNothing())
  rule("and not when that was cancelled before", given([cancelled]).when(ask).thenNothing())
})

describe("cancelling", () => {
  const cancel = { _tag: "Cancel" as const }
  rule("a parcel can be kept here", given([requested]).when(cancel).then([cancelled]))
  rule("as long as the carrier has not come", given([requested, booked]).when(cancel).then([cancelled]))
  rule("and no longer", given([requested, booked, dispatched]).when(cancel).thenFails(new ShipmentOnItsWay()))
  rule(
    "let alone when it is delivered",
    given([requested, booked, dispatched, delivered]).when(cancel).thenFails(new ShipmentOnItsWay())
  )
  rule("it is kept once", given([requested, cancelled]).when(cancel).thenNothing())
  rule("nobody has to ask for it before", given([]).when(cancel).then([cancelled]))
})

describe("the carrier", () => {
  const dispatch = { _tag: "Dispatch" as const }
  const deliver = { _tag: "Deliver" as const }
  rule("takes along what is booked", given([requested, booked]).when(dispatch).then([dispatched]))
  rule("once", given([requested, booked, dispatched]).when(dispatch).thenNothing())
  rule("nothing else", given([requested]).when(dispatch).thenFails(new ShipmentNotBooked()))
  rule(
    "nothing that stays here",
    given([requested, booked, cancelled]).when(dispatch).thenFails(new ShipmentIsCancelled())
  )
  rule(
    "nor does a late booking change that",
    given([requested, cancelled, booked]).when(dispatch).thenFails(new ShipmentIsCancelled())
  )
  rule("delivers what it took along", given([requested, booked, dispatched]).when(deliver).then([delivered]))
  rule("once", given([requested, booked, dispatched, delivered]).when(deliver).thenNothing())
  rule("and nothing else", given([requested, booked]).when(deliver).thenFails(new ShipmentNotDispatched()))
})
