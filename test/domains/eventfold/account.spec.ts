import { test } from "node:test"
import { Spec } from "eventfold/testing"
import { account, InsufficientFunds, NotOpen } from "./account.ts"

const { given } = Spec.decider(account)

test("a deposit is added", async () => {
  await given([{ _tag: "AccountOpened", owner: "Ada" }])
    .when({ _tag: "Deposit", amount: 5 })
    .then([{ _tag: "Deposited", amount: 5 }])
})

test("no money goes into an account that is not open", async () => {
  await given([]).when({ _tag: "Deposit", amount: 5 }).thenFails(new NotOpen())
})

test("no more is withdrawn than there is", async () => {
  await given([
    { _tag: "AccountOpened", owner: "Ada" },
    { _tag: "Deposited", amount: 5 }
  ])
    .when({ _tag: "Withdraw", amount: 6 })
    .thenFails(new InsufficientFunds({ balance: 5 }))
})
