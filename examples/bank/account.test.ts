/**
 * 7. Specs: the rules of the bank. Each is run as a pure function, and once more through an event store.
 */
import { describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { MemoryEventStore } from "eventfold/memory"
import { Spec } from "eventfold/testing"
import {
  account,
  AccountAlreadyOpen,
  AccountIsClosed,
  AccountNotOpen,
  BalanceNotZero,
  BalanceTooLarge,
  InsufficientFunds,
  RecipientIsClosed,
  RecipientNotOpen,
  TransferToSelf
} from "./account.ts"
import { type AccountEvent, Amount } from "./events.ts"

const { given } = Spec.decider(account)

const rule = (name: string, spec: Spec.DeciderSpec) => {
  it.effect(name, () => spec)
  it.effect(`${name}, in a store`, () => Effect.provide(spec.onStore, MemoryEventStore.layer))
}

const cents = (amount: number) => Amount.make(amount)
const opened: AccountEvent = { _tag: "AccountOpened", owner: "Ada" }
const closed: AccountEvent = { _tag: "AccountClosed" }
const deposited = (amount: number): AccountEvent => ({ _tag: "Deposited", amount: cents(amount) })
const withdrawn = (amount: number): AccountEvent => ({ _tag: "Withdrawn", amount: cents(amount) })

const most = Number.MAX_SAFE_INTEGER

describe("opening", () => {
  rule("anybody can open an account", given([]).when({ _tag: "Open", owner: "Ada" }).then([opened]))
  rule(
    "a new account is empty",
    given([]).when({ _tag: "Open", owner: "Ada" }).thenState({ _tag: "Open", owner: "Ada", balance: 0 })
  )
  rule(
    "an account is opened once",
    given([opened]).when({ _tag: "Open", owner: "Eve" }).thenFails(new AccountAlreadyOpen())
  )
  rule(
    "a closed account stays closed",
    given([opened, closed]).when({ _tag: "Open", owner: "Ada" }).thenFails(new AccountIsClosed())
  )
})

describe("depositing", () => {
  const deposit = (amount: number) => ({ _tag: "Deposit" as const, amount: cents(amount) })

  rule(
    "money can be put into an open account",
    given([opened])
      .when(deposit(100))
      .then([deposited(100)])
  )
  rule(
    "deposits add up",
    given([opened, deposited(100)])
      .when(deposit(50))
      .thenState({ _tag: "Open", owner: "Ada", balance: 150 })
  )
  rule("not into one that was never opened", given([]).when(deposit(1)).thenFails(new AccountNotOpen()))
  rule("not into a closed one", given([opened, closed]).when(deposit(1)).thenFails(new AccountIsClosed()))
  rule(
    "a balance can be as large as is exact",
    given([opened, deposited(1)])
      .when(deposit(most - 1))
      .then([deposited(most - 1)])
  )
  rule(
    "and no larger",
    given([opened, deposited(1)])
      .when(deposit(most))
      .thenFails(new BalanceTooLarge({ limit: most }))
  )
})

describe("withdrawing", () => {
  const withdraw = (amount: number) => ({ _tag: "Withdraw" as const, amount: cents(amount) })

  rule(
    "what is there can be withdrawn",
    given([opened, deposited(100)])
      .when(withdraw(30))
      .then([withdrawn(30)])
  )
  rule(
    "to the last cent",
    given([opened, deposited(100), withdrawn(30)])
      .when(withdraw(70))
      .then([withdrawn(70)])
  )
  rule(
    "and not a cent more",
    given([opened, deposited(100), withdrawn(30)])
      .when(withdraw(71))
      .thenFails(new InsufficientFunds({ balance: 70, requested: cents(71) }))
  )
  rule("not from one that was never opened", given([]).when(withdraw(1)).thenFails(new AccountNotOpen()))
  rule("not from a closed one", given([opened, closed]).when(withdraw(1)).thenFails(new AccountIsClosed()))
})

describe("transferring", () => {
  const transfer = (amount: number, to = "bob") => ({ transferId: "t1", from: "ada", to, amount: cents(amount) })
  const sent: AccountEvent = { _tag: "TransferSent", transferId: "t1", to: "bob", amount: cents(40) }
  const received: AccountEvent = { _tag: "TransferReceived", transferId: "t1", from: "ada", amount: cents(40) }
  const send = (amount: number, to?: string) => ({ _tag: "SendTransfer" as const, ...transfer(amount, to) })
  const receive = (amount: number) => ({ _tag: "ReceiveTransfer" as const, ...transfer(amount) })

  rule(
    "what is there can be sent",
    given([opened, deposited(100)])
      .when(send(40))
      .then([sent])
  )
  rule(
    "what is sent is gone",
    given([opened, deposited(100)])
      .when(send(40))
      .thenState({ _tag: "Open", owner: "Ada", balance: 60 })
  )
  rule(
    "no more can be sent than is there",
    given([opened, deposited(100), sent])
      .when(send(61))
      .thenFails(new InsufficientFunds({ balance: 60, requested: cents(61) }))
  )
  rule(
    "not to oneself",
    given([opened, deposited(100)])
      .when(send(40, "ada"))
      .thenFails(new TransferToSelf())
  )
  rule("not from an account that was never opened", given([]).when(send(40)).thenFails(new AccountNotOpen()))
  rule("not from a closed one", given([opened, closed]).when(send(40)).thenFails(new AccountIsClosed()))

  rule("an open account receives transfers", given([opened]).when(receive(40)).then([received]))
  rule(
    "what is received is there",
    given([opened, received]).when(receive(2)).thenState({ _tag: "Open", owner: "Ada", balance: 42 })
  )
  rule(
    "an account that was never opened does not",
    given([])
      .when(receive(40))
      .thenFails(new RecipientNotOpen({ to: "bob" }))
  )
  rule(
    "nor a closed one",
    given([opened, closed])
      .when(receive(40))
      .thenFails(new RecipientIsClosed({ to: "bob" }))
  )
  rule(
    "nor one whose balance would not be exact",
    given([opened, deposited(most)])
      .when(receive(1))
      .thenFails(new BalanceTooLarge({ limit: most }))
  )
})

describe("closing", () => {
  rule("an empty account can be closed", given([opened]).when({ _tag: "Close" }).then([closed]))
  rule(
    "an emptied one too",
    given([opened, deposited(5), withdrawn(5)])
      .when({ _tag: "Close" })
      .thenState({ _tag: "Closed", owner: "Ada" })
  )
  rule(
    "one with money cannot",
    given([opened, deposited(5)])
      .when({ _tag: "Close" })
      .thenFails(new BalanceNotZero({ balance: 5 }))
  )
  rule("nor one that was never opened", given([]).when({ _tag: "Close" }).thenFails(new AccountNotOpen()))
  rule("nor one that is closed", given([opened, closed]).when({ _tag: "Close" }).thenFails(new AccountIsClosed()))
})
