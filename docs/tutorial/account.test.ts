// account.test.ts
import { it } from "@effect/vitest"
import { Spec } from "eventfold/testing"
import { account, AlreadyOpen, InsufficientFunds, NotOpen } from "./account.ts"
import type { AccountEvent } from "./events.ts"

const { given } = Spec.decider(account)

const opened: AccountEvent = { _tag: "AccountOpened", owner: "Ada" }
const deposited: AccountEvent = { _tag: "Deposited", amount: 100 }

it.effect("anybody can open an account", () => given([]).when({ _tag: "Open", owner: "Ada" }).then([opened]))

it.effect("an account is opened once", () =>
  given([opened]).when({ _tag: "Open", owner: "Eve" }).thenFails(new AlreadyOpen())
)

it.effect("nothing goes into an account that is not open", () =>
  given([]).when({ _tag: "Deposit", amount: 1 }).thenFails(new NotOpen())
)

it.effect("what is there can be withdrawn", () =>
  given([opened, deposited])
    .when({ _tag: "Withdraw", amount: 100 })
    .then([{ _tag: "Withdrawn", amount: 100 }])
)

it.effect("and not a cent more", () =>
  given([opened, deposited])
    .when({ _tag: "Withdraw", amount: 101 })
    .thenFails(new InsufficientFunds({ balance: 100 }))
)
