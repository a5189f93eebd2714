/**
 * What the types of deciders hold. Compiled by `npm run check`; each refusal has its positive twin in `domain.ts` or above it.
 */
import { Data, Result, Schema } from "effect"
import { Decider, Event } from "eventfold"
import {
  account,
  type AlreadyOpen,
  evolving,
  holds,
  type InsufficientFunds,
  NotOpen,
  type Same,
  vocabulary
} from "./domain.ts"

type Account = typeof account

// Everything is inferred.
holds<Same<Decider.Command<Account>["_tag"], "Open" | "Deposit" | "Withdraw">>()
holds<Same<Decider.Event<Account>["_tag"], "AccountOpened" | "Deposited" | "Withdrawn">>()
holds<Same<Decider.State<Account>["_tag"], "New" | "Open">>()

// Each command is rejected with its own errors alone.
holds<Same<Decider.Rejection<Account, "Open">, AlreadyOpen>>()
holds<Same<Decider.Rejection<Account, "Deposit">, never>>()
holds<Same<Decider.Rejection<Account, "Withdraw">, NotOpen | InsufficientFunds>>()
// @ts-expect-error a withdrawal is not rejected with the errors of opening
holds<Same<Decider.Rejection<Account, "Withdraw">, NotOpen | InsufficientFunds | AlreadyOpen>>()

// The initial state is one of the states.
const light = {
  name: "light",
  state: Schema.Literals(["on", "off"]),
  commands: Schema.TaggedUnion({ Switch: {} }),
  events: Event.define({ Switched: {} })
}
Decider.make({ ...light, initial: "off" })
// @ts-expect-error no such state
Decider.make({ ...light, initial: "dim" })

// evolve has one handler for each event type, of the right event and state.
// @ts-expect-error the handler of Withdrawn is missing
vocabulary.evolve({
  AccountOpened: (_, { owner }) => ({ _tag: "Open", owner, balance: 0 }),
  Deposited: (state) => state
})
vocabulary.evolve({
  AccountOpened: (_, { owner }) => ({ _tag: "Open", owner, balance: 0 }),
  Deposited: (state) => state,
  Withdrawn: (state) => state,
  // @ts-expect-error there is no such event
  Paid: (state) => state
})
vocabulary.evolve({
  // @ts-expect-error a state without its balance
  AccountOpened: (_, { owner }) => ({ _tag: "Open", owner }),
  Deposited: (state) => state,
  Withdrawn: (state) => state
})
vocabulary.evolve({
  // @ts-expect-error no such state
  AccountOpened: () => ({ _tag: "Frozen" }),
  Deposited: (state) => state,
  Withdrawn: (state) => state
})
vocabulary.evolve({
  // @ts-expect-error the event has no such field
  AccountOpened: (_, { name }) => ({ _tag: "Open", owner: name, balance: 0 }),
  Deposited: (state) => state,
  Withdrawn: (state) => state
})

// decide has one handler for each command, giving this decider's events or a tagged error.
// @ts-expect-error the handler of Withdraw is missing
evolving.decide({
  Open: () => [],
  Deposit: () => []
})
evolving.decide({
  Open: () => [],
  Deposit: () => [],
  Withdraw: () => [],
  // @ts-expect-error there is no such command
  Pay: () => []
})
evolving.decide({
  Open: () => [],
  // @ts-expect-error a field of the wrong type
  Deposit: ({ amount }) => [{ _tag: "Deposited", amount: String(amount) }],
  Withdraw: () => []
})
evolving.decide({
  Open: () => [],
  // @ts-expect-error no such event
  Deposit: ({ amount }) => [{ _tag: "Paid", amount }],
  Withdraw: () => []
})
evolving.decide({
  Open: () => [],
  // @ts-expect-error the command has no such field
  Deposit: ({ sum }) => [{ _tag: "Deposited", amount: sum }],
  Withdraw: () => []
})
evolving.decide({
  Open: () => [],
  Deposit: () => [],
  // @ts-expect-error a rejection is a tagged error, not a text
  Withdraw: () => Result.fail("not open")
})
evolving.decide({
  Open: () => [],
  Deposit: () => [],
  // @ts-expect-error a decision is no promise
  Withdraw: () => Promise.resolve([])
})

// Deciding is typed by the command.
declare const context: Decider.DecideContext
const deposited = account.decide({ _tag: "Deposit", amount: 1 }, account.initial, context)
holds<Same<typeof deposited, Result.Result<ReadonlyArray<Decider.Event<Account>>, never>>>()
// @ts-expect-error no such command
account.decide({ _tag: "Pay", amount: 1 }, account.initial, context)
// @ts-expect-error the field of another command
account.decide({ _tag: "Deposit", owner: "ada" }, account.initial, context)

// A composition keeps each command's own errors, and refuses commands that both have.
class Full extends Data.TaggedError("Full")<{}> {}
const shelf = Decider.make({
  name: "shelf",
  state: Schema.Int,
  initial: 0,
  commands: Schema.TaggedUnion({ Put: {} }),
  events: Event.define({ Stored: {} })
})
  .evolve({ Stored: (count) => count + 1 })
  .decide({ Put: (_, count) => (count > 9 ? Result.fail(new Full()) : [{ _tag: "Stored" }]) })
const both = Decider.compose(account, shelf)
holds<Same<Decider.Rejection<typeof both, "Put">, Full>>()
holds<Same<Decider.Rejection<typeof both, "Open">, AlreadyOpen>>()
// @ts-expect-error both have the same commands
Decider.compose(shelf, shelf)

// A family speaks of keyed commands and events, with the same errors.
const shelves = Decider.many(shelf)
holds<Same<Decider.Rejection<typeof shelves, "Put">, Full>>()
shelves.decide(Event.keyed("left", { _tag: "Put" }), shelves.initial, context)
// @ts-expect-error a command without its key
shelves.decide({ _tag: "Put" }, shelves.initial, context)

// Under another vocabulary a command has the errors of what it asks.
const wallet = Decider.adapt(account, {
  name: "wallet",
  commands: Schema.TaggedUnion({ Pay: { cents: Schema.Int }, TopUp: { cents: Schema.Int } }),
  events: Event.define({ Paid: { cents: Schema.Int }, ToppedUp: { cents: Schema.Int } })
}).via({
  ask: {
    Pay: ({ cents }) => ({ _tag: "Withdraw", amount: cents }),
    TopUp: ({ cents }) => ({ _tag: "Deposit", amount: cents })
  },
  write: {
    AccountOpened: () => [],
    Deposited: ({ amount }) => [{ _tag: "ToppedUp", cents: amount }],
    Withdrawn: ({ amount }) => [{ _tag: "Paid", cents: amount }]
  },
  read: {
    Paid: ({ cents }) => [{ _tag: "Withdrawn", amount: cents }],
    ToppedUp: ({ cents }) => [{ _tag: "Deposited", amount: cents }]
  }
})
holds<Same<Decider.Rejection<typeof wallet, "Pay">, NotOpen | InsufficientFunds>>()
holds<Same<Decider.Rejection<typeof wallet, "TopUp">, never>>()

// Fields too many are refused, beside a spread as well.
evolving.decide({
  Open: () => [],
  // @ts-expect-error the event has no such field
  Deposit: ({ amount }) => [{ _tag: "Deposited", amount, currency: "EUR" }],
  Withdraw: () => []
})
// Events of several types in one list, with and without what is optional, are right.
Decider.make({
  name: "log",
  state: Schema.Array(Schema.String),
  initial: [],
  commands: Schema.TaggedUnion({ Note: {} }),
  events: Event.define({ Noted: { text: Schema.String, by: Schema.optionalKey(Schema.String) }, Counted: {} })
})
  .evolve({ Noted: (all, { text }) => [...all, text], Counted: () => [] })
  .decide({ Note: () => [{ _tag: "Noted", text: "a" }, { _tag: "Counted" }, { _tag: "Noted", text: "b", by: "c" }] })
evolving.decide({
  // @ts-expect-error the owner is of no withdrawal
  Open: (command) => Result.succeed([{ ...command, _tag: "Withdrawn", amount: 1 }]),
  Deposit: () => [],
  Withdraw: () => []
})
vocabulary.evolve({
  AccountOpened: (_, { owner }) => ({ _tag: "Open", owner, balance: 0 }),
  // @ts-expect-error no state has such a field
  Deposited: (state, { amount }) => (state._tag === "Open" ? { ...state, balence: state.balance + amount } : state),
  Withdrawn: (state) => state
})

// A decider that observes must evolve by what it observes, and cannot decide it.
const observing = Decider.make({
  name: "alarm",
  state: Schema.Int,
  initial: 0,
  commands: Schema.TaggedUnion({ Ring: {} }),
  events: Event.define({ Rang: {} }),
  observes: Event.define({ Stored: {} })
})
const alarm = observing.evolve({ Rang: () => 0, Stored: (count) => count + 1 })
// @ts-expect-error the handler of the observed event is missing
observing.evolve({ Rang: () => 0 })
alarm.decide({ Ring: (_, count) => (count === 0 ? [] : [{ _tag: "Rang" }]) })
// @ts-expect-error an observed event is written by others
alarm.decide({ Ring: () => [{ _tag: "Stored" }] })
