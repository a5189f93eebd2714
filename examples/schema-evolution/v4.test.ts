/**
 * Specs of release 4 over what the releases before have stored: given is JSON as it was written then.
 */
import { describe, it } from "@effect/vitest"
import { Spec } from "eventfold/testing"
import { accounts, customer, PayFirst } from "./v4.ts"

const { given } = Spec.decider(customer)

const joined = Spec.stored("Joined", 1, { name: "Ada", size: "small" })
const state = { name: "Ada", box: "small" as const, boxes: 0, owes: 0, place: "door" }

describe("who joined has subscribed", () => {
  for (const [release, subscribed] of [
    ["in release 1, to a size", joined],
    ["in release 2, to a box", Spec.stored("Joined", 2, { name: "Ada", box: "small" })],
    ["in release 3, under the name of today", Spec.stored("Subscribed", 2, { name: "Ada", box: "small" })]
  ] as const) {
    it.effect(release, () => given([subscribed]).when({ _tag: "Pay", cents: 0, by: "card" }).thenState(state))
    it.effect(`${release}, and does not subscribe again`, () =>
      given([subscribed]).when({ _tag: "Subscribe", name: "Ada", box: "large" }).thenNothing()
    )
  }
})

describe("what was sold was delivered, and paid in cash", () => {
  for (const [release, sold, place] of [
    ["in release 1, at the door", Spec.stored("BoxSold", 1, { price: "12.50" }), "door"],
    ["in release 2, where it says", Spec.stored("BoxSold", 1, { price: "12.50", place: "porch" }), "porch"],
    ["in release 3, in cents", Spec.stored("BoxSold", 2, { cents: 1250, place: "porch" }), "porch"]
  ] as const) {
    it.effect(`${release}: so nothing is owed, and the next one can be delivered`, () =>
      given([joined, sold])
        .when({ _tag: "Deliver", cents: 1350, place: "porch" })
        .then([{ _tag: "BoxDelivered", cents: 1350, place: "porch" }])
    )
    it.effect(`${release}: so a box was had`, () =>
      given([joined, sold])
        .when({ _tag: "Pay", cents: 0, by: "cash" })
        .thenState({ ...state, boxes: 1, place })
    )
    it.effect(`${release}: so it is among what was paid in cash`, () =>
      Spec.view(accounts)
        .given([
          Spec.recorded(joined, { stream: "customer-ada" }),
          Spec.recorded(sold, { stream: "customer-ada" }),
          Spec.recorded({ _tag: "Paid", cents: 5, by: "card" }, { stream: "customer-ada" })
        ])
        .then({ ada: { name: "Ada", boxes: 1, cash: 1250, card: 5 } })
    )
  }

  it.effect("what is delivered today is owed until it is paid", () =>
    given([joined, { _tag: "BoxDelivered", cents: 1350, place: "door" }])
      .when({ _tag: "Deliver", cents: 1350, place: "door" })
      .thenFails(new PayFirst({ owes: 1350 }))
  )
})

describe("flyers", () => {
  it.effect("mean nothing", () =>
    given([joined, Spec.stored("FlyerEnclosed", 1, { campaign: "bring a friend" })])
      .when({ _tag: "Pay", cents: 0, by: "card" })
      .thenState(state)
  )
})
