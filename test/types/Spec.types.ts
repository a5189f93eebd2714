// @effect-diagnostics floatingEffect:off missingEffectError:off
/**
 * What the types of specs hold. Compiled by `npm run check`; each refusal has its positive twin above it.
 */
import { Schema } from "effect"
import { Event, View } from "eventfold"
import { Spec } from "eventfold/testing"
import { account, AccountEvent, AlreadyOpen, InsufficientFunds } from "./domain.ts"

const { given } = Spec.decider(account)

export const specs = [
  given([{ _tag: "Deposited", amount: 1 }])
    .when({ _tag: "Deposit", amount: 1 })
    .then([{ _tag: "Deposited", amount: 1 }]),
  given([])
    .when({ _tag: "Withdraw", amount: 1 })
    .thenFails(new InsufficientFunds({ balance: 0 })),
  given([]).when({ _tag: "Withdraw", amount: 0 }).thenNothing(),
  given([]).when({ _tag: "Open", owner: "Ada" }).thenState({ _tag: "Open", owner: "Ada", balance: 0 })
]

const deposit = given([]).when({ _tag: "Deposit", amount: 1 })
const withdraw = given([]).when({ _tag: "Withdraw", amount: 1 })

// @ts-expect-error not an event of this decider
given([{ _tag: "Paid", amount: 1 }])
// @ts-expect-error not a command of this decider
given([]).when({ _tag: "Pay", amount: 1 })
// @ts-expect-error not an event of this decider
deposit.then([{ _tag: "Paid", amount: 1 }])
// @ts-expect-error not this command's error
withdraw.thenFails(new AlreadyOpen({ owner: "Ada" }))
// @ts-expect-error this command is never rejected
deposit.thenFails(new InsufficientFunds({ balance: 0 }))
// @ts-expect-error not a state of this decider
deposit.thenState({ _tag: "Frozen" })

const total = View.make({
  name: "total",
  events: Event.pick(AccountEvent, ["Deposited", "Withdrawn"]),
  model: Schema.Int,
  initial: 0
}).evolve({
  Deposited: (sum, { amount }) => sum + amount,
  Withdrawn: (sum, { amount }) => sum - amount
})
export const viewSpec = Spec.view(total)
  .given([{ _tag: "Deposited", amount: 1 }])
  .then(1)
// @ts-expect-error an event that the view does not show
Spec.view(total).given([{ _tag: "AccountOpened", owner: "Ada", currency: "EUR" }])
// @ts-expect-error not the view's model
Spec.view(total).given([]).then("1")

const byOwner = View.keyed({
  name: "by-owner",
  events: AccountEvent,
  key: (event) => (event._tag === "AccountOpened" ? event.owner : ""),
  model: Schema.Int,
  initial: 0
}).evolve({
  AccountOpened: (count) => count + 1,
  Deposited: (count) => count,
  Withdrawn: () => View.gone
})
export const keyedSpec = Spec.view(byOwner)
  .given([{ _tag: "AccountOpened", owner: "Ada", currency: "EUR" }])
  .then({ Ada: 1 })
// @ts-expect-error not a model of the view
Spec.view(byOwner).given([]).then({ Ada: "1" })

// @ts-expect-error the handler of Withdrawn is missing
View.make({ name: "x", events: AccountEvent, model: Schema.Int, initial: 0 }).evolve({
  AccountOpened: (n) => n,
  Deposited: (n) => n
})
