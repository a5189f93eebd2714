// accounts.ts
import { Aggregate } from "eventfold"
import { account } from "./account.ts"

export class Accounts extends Aggregate.Service<Accounts>()("bank/Accounts", { decider: account }) {}

interface Transfer {
  readonly from: string
  readonly to: string
  readonly amount: number
}

// Both sides are stored, or neither is.
export const transfer = (
  accounts: Accounts["Service"],
  { amount, from, to }: Transfer,
  options?: Aggregate.ExecuteOptions
) =>
  Aggregate.executeAll(
    [accounts.prepare(from, { _tag: "Withdraw", amount }), accounts.prepare(to, { _tag: "Deposit", amount })],
    options
  )
