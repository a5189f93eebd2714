/**
 * The domain that the type tests speak of, written as a user would: no type argument, no cast.
 */
import { Data, Result, Schema } from "effect"
import { Aggregate, Decider, Event } from "eventfold"

export class AlreadyOpen extends Data.TaggedError("AlreadyOpen")<{ readonly owner: string }> {}
export class NotOpen extends Data.TaggedError("NotOpen")<{}> {}
export class InsufficientFunds extends Data.TaggedError("InsufficientFunds")<{ readonly balance: number }> {}

export const AccountEvent = Event.define({
  AccountOpened: Event.version({ owner: Schema.String }).next(
    { owner: Schema.String, currency: Schema.String },
    (v1) => ({ ...v1, currency: "EUR" })
  ),
  Deposited: { amount: Schema.Int },
  Withdrawn: { amount: Schema.Int }
})
export type AccountEvent = typeof AccountEvent.Type

export const AccountState = Schema.TaggedUnion({
  New: {},
  Open: { owner: Schema.String, balance: Schema.Int }
})

export const AccountCommand = Schema.TaggedUnion({
  Open: { owner: Schema.String },
  Deposit: { amount: Schema.Int },
  Withdraw: { amount: Schema.Int }
})

export const vocabulary = Decider.make({
  name: "account",
  state: AccountState,
  initial: { _tag: "New" },
  commands: AccountCommand,
  events: AccountEvent
})

export const evolving = vocabulary.evolve({
  AccountOpened: (_, { owner }) => ({ _tag: "Open", owner, balance: 0 }),
  Deposited: (state, { amount }) => (state._tag === "Open" ? { ...state, balance: state.balance + amount } : state),
  Withdrawn: (state, { amount }) => (state._tag === "Open" ? { ...state, balance: state.balance - amount } : state)
})

export const account = evolving.decide({
  Open: ({ owner }, state) =>
    state._tag === "Open"
      ? Result.fail(new AlreadyOpen({ owner: state.owner }))
      : [{ _tag: "AccountOpened", owner, currency: "EUR" }],
  Deposit: ({ amount }) => [{ _tag: "Deposited", amount }],
  Withdraw: ({ amount }, state) => {
    if (state._tag === "New") return Result.fail(new NotOpen())
    if (amount === 0) return []
    if (state.balance < amount) return Result.fail(new InsufficientFunds({ balance: state.balance }))
    return [{ _tag: "Withdrawn", amount }]
  }
})

export class Accounts extends Aggregate.Service<Accounts>()("bank/Accounts", { decider: account }) {}

/** Whether two types are the same. */
export type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/** Does not compile unless its type argument is `true`. */
export const holds = <T extends true>(): T | undefined => undefined
