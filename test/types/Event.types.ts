/**
 * What the types of event definitions hold. Compiled by `npm run check`; each refusal has its positive twin above it.
 */
import { Schema } from "effect"
import { Event } from "eventfold"
import { AccountEvent, holds, type Same } from "./domain.ts"

// The union of the events is inferred, in its newest shape.
holds<
  Same<
    AccountEvent,
    | { readonly _tag: "AccountOpened"; readonly owner: string; readonly currency: string }
    | { readonly _tag: "Deposited"; readonly amount: number }
    | { readonly _tag: "Withdrawn"; readonly amount: number }
  >
>()
// @ts-expect-error the union is not another one
holds<Same<AccountEvent, { readonly _tag: "Deposited"; readonly amount: number }>>()

// A step gives the next version's shape.
Event.version({ name: Schema.String }).next({ first: Schema.String }, ({ name }) => ({ first: name }))
// @ts-expect-error a step with a missing field
Event.version({ name: Schema.String }).next({ first: Schema.String }, () => ({}))
// @ts-expect-error a step with a field of the wrong type
Event.version({ name: Schema.String }).next({ first: Schema.String }, () => ({ first: 1 }))
// @ts-expect-error a step that reads a field the version before does not have
Event.version({ name: Schema.String }).next({ first: Schema.String }, (v1) => ({ first: v1.nickname }))

// A third version steps from the second, not from the first.
Event.version({ a: Schema.String })
  .next({ b: Schema.Int }, ({ a }) => ({ b: a.length }))
  .next({ c: Schema.Boolean }, ({ b }) => ({ c: b > 0 }))
Event.version({ a: Schema.String })
  .next({ b: Schema.Int }, ({ a }) => ({ b: a.length }))
  // @ts-expect-error the first version's field is gone by now
  .next({ c: Schema.Boolean }, ({ a }) => ({ c: a === "" }))

// Events are written as literals of the union.
Event.encode(AccountEvent, { _tag: "Deposited", amount: 1 })
// @ts-expect-error an event of no such type
Event.encode(AccountEvent, { _tag: "Paid", amount: 1 })
// @ts-expect-error a field of the wrong type
Event.encode(AccountEvent, { _tag: "Deposited", amount: "1" })
// @ts-expect-error a field that the event does not have
Event.encode(AccountEvent, { _tag: "Deposited", amount: 1, currency: "EUR" })

// A retired type becomes events of the set.
AccountEvent.retired("FeeCharged", { fee: Schema.Int }, ({ fee }) => [{ _tag: "Withdrawn", amount: fee }])
// @ts-expect-error a retired type cannot become an event of another set
AccountEvent.retired("FeeCharged", { fee: Schema.Int }, ({ fee }) => [{ _tag: "Paid", amount: fee }])

// Only living types are renamed and tagged.
AccountEvent.renamed({ Deposited: "MoneyDeposited" }).tagged({ AccountOpened: ({ owner }) => [`owner:${owner}`] })
// @ts-expect-error there is no such type to rename
AccountEvent.renamed({ Paid: "MoneyPaid" })
// @ts-expect-error there is no such field to tag by
AccountEvent.tagged({ AccountOpened: ({ name }) => [`owner:${name}`] })

// A pick knows the picked events alone.
const moves = Event.pick(AccountEvent, ["Deposited", "Withdrawn"])
holds<Same<(typeof moves.Type)["_tag"], "Deposited" | "Withdrawn">>()
// @ts-expect-error there is no such type to pick
Event.pick(AccountEvent, ["Paid"])

// A field cannot be called `_tag`: that is the name of the type.
Event.define({ Deposited: { amount: Schema.Int } })
// @ts-expect-error
Event.define({ Deposited: { _tag: Schema.String, amount: Schema.Int } })
