import { DeciderSpecification } from "@event-driven-io/emmett"
import { test } from "node:test"
import { decide, evolve, initialState, InsufficientFunds, NotOpen } from "./account.ts"

const given = DeciderSpecification.for({ decide, evolve, initialState })

test("a deposit is added", () => {
  given([{ type: "AccountOpened", data: { owner: "Ada" } }])
    .when({ type: "Deposit", data: { amount: 5 } })
    .then([{ type: "Deposited", data: { amount: 5 } }])
})

test("no money goes into an account that is not open", () => {
  given([])
    .when({ type: "Deposit", data: { amount: 5 } })
    .thenThrows(NotOpen)
})

test("no more is withdrawn than there is", () => {
  given([
    { type: "AccountOpened", data: { owner: "Ada" } },
    { type: "Deposited", data: { amount: 5 } }
  ])
    .when({ type: "Withdraw", data: { amount: 6 } })
    .thenThrows(InsufficientFunds, ({ balance }) => balance === 5)
})
