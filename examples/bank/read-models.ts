/**
 * 5. Read models: what is shown of all accounts, and of an account's months. Each is a pure fold of events, and a projection
 * keeps what it comes to, so that a question is answered without folding a stream.
 *
 * The overview is kept in the transaction that stores the events, so it is never behind: that costs each command a little. Statements
 * follow the log at their own pace, and who has to see what was just written says up to which position.
 */
import { DateTime, Schema } from "effect"
import { Event, Projection, StreamName, View } from "eventfold"
import { AccountEvent, AccountId, Amount } from "./events.ts"

/** An account among all accounts. */
export const AccountSummary = Schema.Struct({
  owner: Schema.String,
  status: Schema.Literals(["open", "closed"]),
  balance: Schema.Int,
  /** How many it has sent and received. */
  transfers: Schema.Int
})
export type AccountSummary = typeof AccountSummary.Type

const after = (account: AccountSummary, amount: number, transfers = 0): AccountSummary => ({
  ...account,
  balance: account.balance + amount,
  transfers: account.transfers + transfers
})

/** All accounts, by their ids. */
export const accountOverview = View.keyed({
  name: "account-overview",
  events: AccountEvent,
  key: (_, { stream }) => StreamName.id(stream),
  model: AccountSummary,
  initial: { owner: "", status: "open", balance: 0, transfers: 0 }
}).evolve({
  AccountOpened: (account, { owner }) => ({ ...account, owner }),
  Deposited: (account, { amount }) => after(account, amount),
  Withdrawn: (account, { amount }) => after(account, -amount),
  TransferSent: (account, { amount }) => after(account, -amount, 1),
  TransferReceived: (account, { amount }) => after(account, amount, 1),
  AccountClosed: (account) => ({ ...account, status: "closed" })
})

/** Money that came or went. */
export const StatementLine = Schema.Struct({
  at: Schema.DateTimeUtc,
  type: Schema.Literals(["deposit", "withdrawal", "transfer sent", "transfer received"]),
  counterparty: Schema.optionalKey(AccountId),
  amount: Amount
})
export type StatementLine = typeof StatementLine.Type

/** One month of an account. */
export const Statement = Schema.Struct({
  lines: Schema.Array(StatementLine),
  /** What came and what went. A balance is a number that a double holds exactly; what passes in a month need not be. */
  in: Schema.BigInt,
  out: Schema.BigInt
})
export type Statement = typeof Statement.Type

export const emptyStatement: Statement = { lines: [], in: 0n, out: 0n }

const withLine = (statement: Statement, line: StatementLine): Statement => {
  const lines = [...statement.lines, line]
  const amount = BigInt(line.amount)
  return line.type === "deposit" || line.type === "transfer received"
    ? { ...statement, lines, in: statement.in + amount }
    : { ...statement, lines, out: statement.out + amount }
}

/** The key of a statement. */
export const statementOf = (account: string, month: string): string => `${account}/${month}`

/** The month of an instant in UTC, such as `2026-01`. */
export const monthOf = (instant: DateTime.Utc): string => DateTime.formatIso(instant).slice(0, 7)

/** The statements of all accounts, by account and month. */
export const monthlyStatements = View.keyed({
  name: "monthly-statements",
  events: Event.pick(AccountEvent, ["Deposited", "Withdrawn", "TransferSent", "TransferReceived"]),
  key: (_, { stream, recordedAt }) => statementOf(StreamName.id(stream), monthOf(recordedAt)),
  model: Statement,
  initial: emptyStatement
}).evolve({
  Deposited: (statement, { amount }, { recordedAt: at }) => withLine(statement, { at, type: "deposit", amount }),
  Withdrawn: (statement, { amount }, { recordedAt: at }) => withLine(statement, { at, type: "withdrawal", amount }),
  TransferSent: (statement, { to, amount }, { recordedAt: at }) =>
    withLine(statement, { at, type: "transfer sent", counterparty: to, amount }),
  TransferReceived: (statement, { from, amount }, { recordedAt: at }) =>
    withLine(statement, { at, type: "transfer received", counterparty: from, amount })
})

/** In the transaction of each append: the store that the bank is given has to keep it, see `main.ts`. */
export const overview = Projection.make({ version: 1, view: accountOverview, mode: "inline" })

export class Overview extends Projection.Service<Overview>()("bank/Overview", overview) {}

/** After each append. */
export const statements = Projection.make({ version: 1, view: monthlyStatements })

export class Statements extends Projection.Service<Statements>()("bank/Statements", statements) {}
