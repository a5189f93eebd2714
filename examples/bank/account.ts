/**
 * 2. State and evolve: what an account remembers of its events.
 * 3. Commands and decide: what can be asked of it, which events follow, and when it says no.
 *
 * Everything here is a pure function. A command that is allowed gives events; a command that is not gives a rejection,
 * a tagged error with what there is to know about it.
 */
import { Result, Schema } from "effect"
import { Decider } from "eventfold"
import { AccountEvent, AccountId, Amount, Owner } from "./events.ts"

/** An account is not open, then open, then closed for good. Only an open one has money. */
export const Account = Schema.TaggedUnion({
  NotOpen: {},
  Open: { owner: Owner, balance: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)) },
  Closed: { owner: Owner }
})
export type Account = typeof Account.Type

/** A transfer is asked of both its accounts, in the same words. */
export const Transfer = Schema.Struct({ transferId: Schema.String, from: AccountId, to: AccountId, amount: Amount })
export type Transfer = typeof Transfer.Type

export const AccountCommand = Schema.TaggedUnion({
  Open: { owner: Owner },
  Deposit: { amount: Amount },
  Withdraw: { amount: Amount },
  SendTransfer: Transfer.fields,
  ReceiveTransfer: Transfer.fields,
  Close: {}
})

export class AccountNotOpen extends Schema.TaggedError<AccountNotOpen>()("AccountNotOpen", {}) {}
export class AccountAlreadyOpen extends Schema.TaggedError<AccountAlreadyOpen>()("AccountAlreadyOpen", {}) {}
export class AccountIsClosed extends Schema.TaggedError<AccountIsClosed>()("AccountIsClosed", {}) {}
export class InsufficientFunds extends Schema.TaggedError<InsufficientFunds>()("InsufficientFunds", {
  balance: Schema.Int,
  requested: Amount
}) {}
export class BalanceTooLarge extends Schema.TaggedError<BalanceTooLarge>()("BalanceTooLarge", { limit: Schema.Int }) {}
export class BalanceNotZero extends Schema.TaggedError<BalanceNotZero>()("BalanceNotZero", { balance: Schema.Int }) {}
export class TransferToSelf extends Schema.TaggedError<TransferToSelf>()("TransferToSelf", {}) {}
export class RecipientNotOpen extends Schema.TaggedError<RecipientNotOpen>()("RecipientNotOpen", { to: AccountId }) {}
export class RecipientIsClosed extends Schema.TaggedError<RecipientIsClosed>()("RecipientIsClosed", {
  to: AccountId
}) {}

const moved = (account: Account, amount: number): Account =>
  account._tag === "Open" ? { ...account, balance: account.balance + amount } : account

const cannotUse = ({ _tag }: { readonly _tag: "NotOpen" | "Closed" }) =>
  _tag === "Closed" ? Result.fail(new AccountIsClosed()) : Result.fail(new AccountNotOpen())

/** Every balance is a number that a double holds exactly. */
const limit = Number.MAX_SAFE_INTEGER

export const account = Decider.make({
  name: "account",
  state: Account,
  initial: { _tag: "NotOpen" },
  commands: AccountCommand,
  events: AccountEvent
})
  .evolve({
    AccountOpened: (_, { owner }) => ({ _tag: "Open", owner, balance: 0 }),
    Deposited: (account, { amount }) => moved(account, amount),
    Withdrawn: (account, { amount }) => moved(account, -amount),
    TransferSent: (account, { amount }) => moved(account, -amount),
    TransferReceived: (account, { amount }) => moved(account, amount),
    AccountClosed: (account) => (account._tag === "Open" ? { _tag: "Closed", owner: account.owner } : account)
  })
  .decide({
    Open: ({ owner }, account) => {
      if (account._tag === "Open") return Result.fail(new AccountAlreadyOpen())
      if (account._tag === "Closed") return Result.fail(new AccountIsClosed())
      return [{ _tag: "AccountOpened", owner }]
    },
    Deposit: ({ amount }, account) => {
      if (account._tag !== "Open") return cannotUse(account)
      if (amount > limit - account.balance) return Result.fail(new BalanceTooLarge({ limit }))
      return [{ _tag: "Deposited", amount }]
    },
    Withdraw: ({ amount }, account) => {
      if (account._tag !== "Open") return cannotUse(account)
      const { balance } = account
      if (amount > balance) return Result.fail(new InsufficientFunds({ balance, requested: amount }))
      return [{ _tag: "Withdrawn", amount }]
    },
    SendTransfer: ({ transferId, from, to, amount }, account) => {
      if (account._tag !== "Open") return cannotUse(account)
      if (from === to) return Result.fail(new TransferToSelf())
      const { balance } = account
      if (amount > balance) return Result.fail(new InsufficientFunds({ balance, requested: amount }))
      return [{ _tag: "TransferSent", transferId, to, amount }]
    },
    ReceiveTransfer: ({ transferId, from, to, amount }, account) => {
      if (account._tag === "NotOpen") return Result.fail(new RecipientNotOpen({ to }))
      if (account._tag === "Closed") return Result.fail(new RecipientIsClosed({ to }))
      if (amount > limit - account.balance) return Result.fail(new BalanceTooLarge({ limit }))
      return [{ _tag: "TransferReceived", transferId, from, amount }]
    },
    Close: (_, account) => {
      if (account._tag !== "Open") return cannotUse(account)
      const { balance } = account
      if (balance > 0) return Result.fail(new BalanceNotZero({ balance }))
      return [{ _tag: "AccountClosed" }]
    }
  })
