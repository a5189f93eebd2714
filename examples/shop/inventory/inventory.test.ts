/**
 * Inventory, 4. Specs. Each is run as a pure function, and once more through an event store.
 */
import { describe, it } from "@effect/vitest"
import { Effect, HashMap } from "effect"
import { MemoryEventStore } from "eventfold/memory"
import { Spec } from "eventfold/testing"
import { type InventoryEvent } from "./events.ts"
import { inventory, NoRoom, OutOfStock } from "./inventory.ts"

const { given } = Spec.decider(inventory)

const rule = (name: string, spec: Spec.DeciderSpec) => {
  it.effect(name, () => spec)
  it.effect(`${name}, in a store`, () => Effect.provide(spec.onStore, MemoryEventStore.layer))
}

const received = (quantity: number): InventoryEvent => ({ _tag: "StockReceived", quantity })
const reserved = (orderId: string, quantity: number): InventoryEvent => ({ _tag: "StockReserved", orderId, quantity })
const released = (orderId: string, quantity: number): InventoryEvent => ({
  _tag: "ReservationReleased",
  orderId,
  quantity
})
const taken = (orderId: string, quantity: number): InventoryEvent => ({ _tag: "StockTaken", orderId, quantity })

const reserve = (orderId: string, quantity: number) => ({ _tag: "Reserve" as const, orderId, quantity })
const release = (orderId: string) => ({ _tag: "Release" as const, orderId })
const take = (orderId: string) => ({ _tag: "Take" as const, orderId })

describe("receiving", () => {
  rule(
    "what comes in is there",
    given([])
      .when({ _tag: "Receive", quantity: 5 })
      .then([received(5)])
  )
  rule(
    "as long as there is room",
    given(Array.from({ length: 1000 }, () => received(1_000_000)))
      .when({ _tag: "Receive", quantity: 1 })
      .thenFails(new NoRoom({ limit: 1_000_000_000 }))
  )
})

describe("reserving", () => {
  rule(
    "what is there can be promised",
    given([received(5)])
      .when(reserve("a", 3))
      .then([reserved("a", 3)])
  )
  rule(
    "to the last piece",
    given([received(5), reserved("a", 3)])
      .when(reserve("b", 2))
      .then([reserved("b", 2)])
  )
  rule(
    "and not a piece more: what is promised is not promised twice",
    given([received(5), reserved("a", 3)])
      .when(reserve("b", 3))
      .thenFails(new OutOfStock({ available: 2 }))
  )
  rule(
    "nothing of what never came",
    given([])
      .when(reserve("a", 1))
      .thenFails(new OutOfStock({ available: 0 }))
  )
  rule(
    "an order has one reservation",
    given([received(5), reserved("a", 3)])
      .when(reserve("a", 3))
      .thenNothing()
  )
  rule(
    "what is promised is still in the house",
    given([received(5)])
      .when(reserve("constructor", 3))
      .thenState({ onHand: 5, reserved: HashMap.make(["constructor", 3]) })
  )
})

describe("settling", () => {
  const history = [received(5), reserved("a", 3)]
  rule(
    "a reservation can be released",
    given(history)
      .when(release("a"))
      .then([released("a", 3)])
  )
  rule(
    "then others can have it",
    given([...history, released("a", 3)])
      .when(reserve("b", 5))
      .then([reserved("b", 5)])
  )
  rule(
    "or taken",
    given(history)
      .when(take("a"))
      .then([taken("a", 3)])
  )
  rule(
    "then it is gone",
    given([...history, taken("a", 3)])
      .when(reserve("b", 3))
      .thenFails(new OutOfStock({ available: 2 }))
  )
  rule(
    "once: what is taken is not released",
    given([...history, taken("a", 3)])
      .when(release("a"))
      .thenNothing()
  )
  rule(
    "what is released is not taken",
    given([...history, released("a", 3)])
      .when(take("a"))
      .thenNothing()
  )
  rule("only one's own", given(history).when(release("b")).thenNothing())
})
