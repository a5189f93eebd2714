/**
 * 4. Service: accounts over an event store, one stream for each, and transfers between two of them.
 */
import { Schedule } from "effect"
import { Aggregate } from "eventfold"
import { account, type Transfer } from "./account.ts"

/**
 * A conflict means that another command on the same account came first, so with each of them somebody gets on: decide
 * again at once, as often as there may be commands on one account at a time.
 */
export class Accounts extends Aggregate.Service<Accounts>()("bank/Accounts", {
  decider: account,
  retry: Schedule.recurs(100)
}) {}

/** Moves money from one account to another: both sides are stored, or neither is. */
export const transfer = (accounts: Accounts["Service"], transfer: Transfer, options: Aggregate.ExecuteOptions) =>
  Aggregate.executeAll(
    [
      accounts.prepare(transfer.from, { _tag: "SendTransfer", ...transfer }),
      accounts.prepare(transfer.to, { _tag: "ReceiveTransfer", ...transfer })
    ],
    options
  )
