// @effect-diagnostics floatingEffect:off missingEffectError:off
/**
 * What the types of specs hold. Compiled by `npm run check`; each refusal has its positive twin above it.
 */
import { Context, Effect, Schema } from "effect"
import { Event, type EventStore, ProcessManager, Projection, type ProjectionStore, View } from "eventfold"
import { Spec } from "eventfold/testing"
import { account, AccountEvent, AlreadyOpen, holds, InsufficientFunds, type Same } from "./domain.ts"

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

const totalProjection = Spec.projection(Projection.make({ version: 1, view: total }))
const ownersProjection = Spec.projection(Projection.make({ version: 1, view: byOwner, mode: "inline" }))
export const projectionSpecs = [
  totalProjection.given([{ _tag: "Deposited", amount: 1 }, Spec.stored("Deposited", 1, {})]).then(1),
  totalProjection.given([Spec.recorded({ _tag: "Deposited", amount: 1 }, { stream: "account-ada" })]).then(1),
  ownersProjection.given([{ _tag: "AccountOpened", owner: "Ada", currency: "EUR" }]).then({ Ada: 1 })
]
// @ts-expect-error an event that the projection does not handle
totalProjection.given([{ _tag: "AccountOpened", owner: "Ada", currency: "EUR" }])
// @ts-expect-error not the view's model
totalProjection.given([]).then("1")
// @ts-expect-error not models by key
ownersProjection.given([]).then(1)
// @ts-expect-error a view shows its models, it is not read otherwise
totalProjection.given([]).thenReads(() => Effect.succeed(1), 1)

class Mails extends Context.Service<Mails, { readonly sent: number }>()("test/Mails") {}
class Ledger extends Context.Service<Ledger, { readonly lines: Effect.Effect<ReadonlyArray<string>, Error> }>()(
  "test/Ledger"
) {}
const handler = Spec.projection(
  Projection.handler({
    name: "mails",
    version: 1,
    events: AccountEvent,
    tables: { mails: "(n int)" },
    handle: () => Mails
  })
)
const reads = handler
  .given([{ _tag: "Deposited", amount: 1 }])
  .thenReads(({ table }) => Effect.map(Ledger, () => table("mails")), "mails")
holds<Same<Effect.Services<typeof reads>, Mails | Ledger>>()
holds<
  Same<Effect.Services<typeof reads.onStore>, Mails | Ledger | EventStore.EventStore | ProjectionStore.ProjectionStore>
>()
// @ts-expect-error a table that the handler has not
handler.given([]).thenReads(({ table }) => Effect.succeed(table("letters")), "")
// @ts-expect-error not what is read
handler.given([]).thenReads(() => Effect.succeed(1), "1")
// @ts-expect-error it has no model
handler.given([]).then(1)
// @ts-expect-error it needs services, and so cannot be awaited
export const awaited = async () => await reads

const settlement = ProcessManager.make({
  name: "settlement",
  state: Schema.Literals(["none", "due", "settled"]),
  initial: "none",
  events: Event.pick(AccountEvent, ["AccountOpened", "Deposited"]),
  targets: {
    accounts: ProcessManager.sends(account, ["Withdraw", "Deposit"]),
    openings: ProcessManager.sends(account, ["Open"])
  },
  timers: ["due"]
})
  .correlate({ AccountOpened: ({ owner }) => owner, Deposited: () => undefined })
  .evolve({
    events: { AccountOpened: () => "due", Deposited: (state) => state },
    rejected: { accounts: { Withdraw: (state) => state }, openings: { Open: (state) => state } },
    elapsed: { due: () => "settled" }
  })
  .react({
    events: { AccountOpened: () => [], Deposited: () => [] },
    rejected: { accounts: { Withdraw: () => [] }, openings: { Open: () => [] } },
    elapsed: { due: () => [] }
  })
const settling = Spec.process(settlement).given([{ _tag: "AccountOpened", owner: "Ada", currency: "EUR" }])
const { send } = ProcessManager
export const processSpecs = [
  settling
    .when({ _tag: "Deposited", amount: 1 })
    .then([send("accounts", "Ada", { _tag: "Withdraw", amount: 1 })])
    .thenState("due")
    .then([]),
  settling.when(Spec.recorded({ _tag: "Deposited", amount: 1 }, { at: 0 })).thenIgnored(),
  settling.when(Spec.stored("Deposited", 1, {})).thenNothing(),
  settling
    .whenRejected("accounts", "Ada", { _tag: "Withdraw", amount: 1 }, new InsufficientFunds({ balance: 0 }))
    .thenTimer("due", "1 day")
    .whenExecuted("accounts", "Ada", { _tag: "Deposit", amount: 1 }, [{ _tag: "Deposited", amount: 1 }])
    .thenNoTimer("due"),
  settling.elapse("1 day").resume().thenEnded()
]
export const awaitedProcess = async (): Promise<void> => await settling.thenNothing().thenEnded()

// @ts-expect-error an event that the process manager does not hear
Spec.process(settlement).given([{ _tag: "Withdrawn", amount: 1 }])
// @ts-expect-error an event that the process manager does not hear
settling.when({ _tag: "Withdrawn", amount: 1 })
// @ts-expect-error no such target
settling.then([send("account", "Ada", { _tag: "Withdraw", amount: 1 })])
// @ts-expect-error a command that this target is not sent
settling.then([send("openings", "Ada", { _tag: "Withdraw", amount: 1 })])
// @ts-expect-error the same once it has an expectation
settling.thenNothing().then([send("openings", "Ada", { _tag: "Withdraw", amount: 1 })])
// @ts-expect-error not a state of this process manager
settling.thenState("paid")
// @ts-expect-error no such timer
settling.thenTimer("late", "1 day")
// @ts-expect-error no such timer
settling.thenNoTimer("late")
// @ts-expect-error a time has a unit
settling.elapse("1")
// @ts-expect-error not this command's error
settling.whenRejected("accounts", "Ada", { _tag: "Withdraw", amount: 1 }, new AlreadyOpen({ owner: "Ada" }))
// @ts-expect-error this command is never rejected
settling.whenRejected("accounts", "Ada", { _tag: "Deposit", amount: 1 }, new InsufficientFunds({ balance: 0 }))
// @ts-expect-error a command that this target is not sent
settling.whenExecuted("openings", "Ada", { _tag: "Deposit", amount: 1 }, [])
// @ts-expect-error a field of the wrong type
settling.whenExecuted("accounts", "Ada", { _tag: "Deposit", amount: "1" }, [])
// @ts-expect-error not an event of the target
settling.whenExecuted("accounts", "Ada", { _tag: "Deposit", amount: 1 }, [{ _tag: "Reserved" }])
// @ts-expect-error it says not yet what to expect
export const unfinished = Effect.runPromise(settling.elapse("1 day"))
// @ts-expect-error it says not yet what to expect
export const awaitedUnfinished = async () => await settling.elapse("1 day")
