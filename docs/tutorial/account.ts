// account.ts
import { Result, Schema } from "effect"
import { Decider } from "eventfold"
import { AccountEvent } from "./events.ts"

// What the rules have to remember of the events, and no more. Nobody decides by the owner, so it is not here.
export const Account = Schema.TaggedUnion({
  NotOpen: {},
  Open: { balance: Schema.Int }
})

// What can be asked of an account.
const Amount = Schema.Int.check(Schema.isGreaterThan(0))
export const AccountCommand = Schema.TaggedUnion({
  Open: { owner: Schema.NonEmptyString },
  Deposit: { amount: Amount },
  Withdraw: { amount: Amount }
})

// Why it can be refused.
export class AlreadyOpen extends Schema.TaggedError<AlreadyOpen>()("AlreadyOpen", {}) {}
export class NotOpen extends Schema.TaggedError<NotOpen>()("NotOpen", {}) {}
export class InsufficientFunds extends Schema.TaggedError<InsufficientFunds>()("InsufficientFunds", {
  balance: Schema.Int
}) {}

export const account = Decider.make({
  name: "account",
  state: Account,
  initial: { _tag: "NotOpen" },
  commands: AccountCommand,
  events: AccountEvent
})
  .evolve({
    AccountOpened: () => ({ _tag: "Open", balance: 0 }),
    Deposited: (state, { amount }) => (state._tag === "Open" ? { ...state, balance: state.balance + amount } : state),
    Withdrawn: (state, { amount }) => (state._tag === "Open" ? { ...state, balance: state.balance - amount } : state)
  })
  .decide({
    Open: ({ owner }, state) =>
      state._tag === "Open" ? Result.fail(new AlreadyOpen()) : [{ _tag: "AccountOpened", owner }],
    Deposit: ({ amount }, state) =>
      state._tag === "Open" ? [{ _tag: "Deposited", amount }] : Result.fail(new NotOpen()),
    Withdraw: ({ amount }, state) => {
      if (state._tag === "NotOpen") return Result.fail(new NotOpen())
      if (amount > state.balance) return Result.fail(new InsufficientFunds({ balance: state.balance }))
      return [{ _tag: "Withdrawn", amount }]
    }
  })
