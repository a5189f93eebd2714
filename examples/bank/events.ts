/**
 * 1. Events: what can happen to an account, as facts in the past tense. They are all that is ever stored.
 */
import { Schema } from "effect"
import { Event } from "eventfold"

/** An amount of money in minor units, such as cents: a whole number, more than 0, that a double holds exactly. */
export const Amount = Schema.Int.check(Schema.isGreaterThan(0, { expected: "more than 0" })).pipe(
  Schema.brand("Amount")
)
export type Amount = typeof Amount.Type

/** The id of an account, chosen by whoever opens it. */
export const AccountId = Schema.String.check(
  Schema.isPattern(/^[A-Za-z0-9_-]{1,64}$/, { expected: "1 to 64 letters, digits, hyphens or underscores" })
)

/** A name as people write it: no control characters, no space around it. */
export const Owner = Schema.String.check(
  Schema.isPattern(/^[^\s\p{Cc}\p{Cs}]([^\p{Cc}\p{Cs}]{0,98}[^\s\p{Cc}\p{Cs}])?$/u, { expected: "a name" })
)

export const AccountEvent = Event.define({
  AccountOpened: { owner: Owner },
  Deposited: { amount: Amount },
  Withdrawn: { amount: Amount },
  TransferSent: { transferId: Schema.String, to: AccountId, amount: Amount },
  TransferReceived: { transferId: Schema.String, from: AccountId, amount: Amount },
  AccountClosed: {}
})
export type AccountEvent = typeof AccountEvent.Type
