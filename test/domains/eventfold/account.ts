import { Result, Schema } from "effect"
import { Decider, Event } from "eventfold"

const AccountEvent = Event.define({
  AccountOpened: { owner: Schema.NonEmptyString },
  Deposited: { amount: Schema.Int },
  Withdrawn: { amount: Schema.Int }
})

const AccountCommand = Schema.TaggedUnion({
  Open: { owner: Schema.NonEmptyString },
  Deposit: { amount: Schema.Int },
  Withdraw: { amount: Schema.Int }
})

export class NotOpen extends Schema.TaggedError<NotOpen>()("NotOpen", {}) {}
export class InsufficientFunds extends Schema.TaggedError<InsufficientFunds>()("InsufficientFunds", {
  balance: Schema.Int
}) {}

export const account = Decider.make({
  name: "account",
  state: Schema.TaggedUnion({ New: {}, Open: { balance: Schema.Int } }),
  initial: { _tag: "New" },
  events: AccountEvent,
  commands: AccountCommand
})
  .evolve({
    AccountOpened: () => ({ _tag: "Open", balance: 0 }),
    Deposited: (state, { amount }) => (state._tag === "Open" ? { ...state, balance: state.balance + amount } : state),
    Withdrawn: (state, { amount }) => (state._tag === "Open" ? { ...state, balance: state.balance - amount } : state)
  })
  .decide({
    Open: ({ owner }, state) => (state._tag === "New" ? [{ _tag: "AccountOpened", owner }] : []),
    Deposit: ({ amount }, state) =>
      state._tag === "Open" ? [{ _tag: "Deposited", amount }] : Result.fail(new NotOpen()),
    Withdraw: ({ amount }, state) => {
      if (state._tag === "New") return Result.fail(new NotOpen())
      if (state.balance < amount) return Result.fail(new InsufficientFunds({ balance: state.balance }))
      return [{ _tag: "Withdrawn", amount }]
    }
  })
