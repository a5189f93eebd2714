// @effect-diagnostics floatingEffect:off missingLayerContext:off
/**
 * What the types of boundaries hold. Compiled by `npm run check`; each refusal has its positive twin above it.
 */
import { Effect, type Layer } from "effect"
import { Boundary, type Decider, type Event, type EventStore, type Query } from "eventfold"
import {
  account,
  type AccountEvent,
  type AccountState,
  type AlreadyOpen,
  holds,
  type InsufficientFunds,
  type NotOpen,
  type Same
} from "./domain.ts"

type ErrorOf<T> = T extends Effect.Effect<unknown, infer E, unknown> ? E : never
type StoreErrors = EventStore.ConditionConflict | EventStore.StoreError | Event.DecodeError

// Everything is inferred: the functions are given the commands of the decider.
class Till extends Boundary.Service<Till>()("bank/Till", {
  decider: account,
  boundaryOf: (command) => {
    holds<Same<typeof command, Decider.Command<typeof account>>>()
    return [{ tags: [`till:${command._tag}`] }]
  },
  streamOf: (command) => {
    holds<Same<typeof command, Decider.Command<typeof account>>>()
    return `till-${command._tag}`
  }
}) {}

declare const till: Till["Service"]

// Executing a command fails with what that command is rejected with, with the store's errors, and with nothing else.
const deposit = till.execute({ _tag: "Deposit", amount: 1 })
const open = till.execute({ _tag: "Open", owner: "Ada" })
const withdraw = till.execute({ _tag: "Withdraw", amount: 1 })
holds<Same<ErrorOf<typeof deposit>, StoreErrors>>()
holds<Same<ErrorOf<typeof open>, AlreadyOpen | StoreErrors>>()
holds<Same<ErrorOf<typeof withdraw>, NotOpen | InsufficientFunds | StoreErrors>>()
// @ts-expect-error a withdrawal cannot fail with the errors of opening
holds<Same<ErrorOf<typeof withdraw>, AlreadyOpen | NotOpen | InsufficientFunds | StoreErrors>>()
// @ts-expect-error no stream is expected to be anywhere, so none can be where it is not expected
holds<Same<ErrorOf<typeof deposit>, EventStore.ConcurrencyConflict | StoreErrors>>()
// Of a command of any kind, what any of them can be rejected with.
declare const any: Decider.Command<typeof account>
const anyOf = till.execute(any)
holds<Same<ErrorOf<typeof anyOf>, AlreadyOpen | NotOpen | InsufficientFunds | StoreErrors>>()

// Catching a tag takes just that error away.
const caught = withdraw.pipe(Effect.catchTag("ConditionConflict", ({ position }) => Effect.succeed(position)))
holds<Same<ErrorOf<typeof caught>, NotOpen | InsufficientFunds | EventStore.StoreError | Event.DecodeError>>()
// @ts-expect-error there is no such error to catch
withdraw.pipe(Effect.catchTag("AlreadyOpen", () => Effect.succeed(0)))

// It needs nothing, and its outcome is typed by the decider.
holds<Same<Effect.Services<typeof withdraw>, never>>()
holds<Same<Effect.Success<typeof withdraw>, Boundary.Outcome<AccountEvent>>>()
holds<Same<Boundary.Outcome<AccountEvent>["events"], ReadonlyArray<AccountEvent>>>()

// With an id, and with metadata.
till.execute({ _tag: "Deposit", amount: 1 }, { commandId: "request-7", metadata: { till: "west" } })
// @ts-expect-error nothing is kept in memory, so there is nothing to choose from
till.execute({ _tag: "Deposit", amount: 1 }, { load: "latest" })
// @ts-expect-error no such command
till.execute({ _tag: "Pay", amount: 1 })
// @ts-expect-error a field of the wrong type
till.execute({ _tag: "Deposit", amount: "1" })
// @ts-expect-error the id of a stream is for `streamOf` to say
till.execute("ada", { _tag: "Deposit", amount: 1 })

// What a query comes to.
const state = till.state([{ tags: ["till:Open"] }])
holds<Same<ErrorOf<typeof state>, EventStore.StoreError | Event.DecodeError>>()
holds<Same<Effect.Success<typeof state>["state"], typeof AccountState.Type>>()
// @ts-expect-error a query is a list of what any one is enough of
till.state({ tags: ["till:Open"] })

// The layer needs an event store and nothing else.
const layer: Layer.Layer<Till, never, EventStore.EventStore> = Till.layer
// @ts-expect-error
const selfSufficient: Layer.Layer<Till> = Till.layer
export { layer, selfSufficient }

// As a value, with the same types.
const made = Boundary.make({
  decider: account,
  boundaryOf: () => [{ types: ["AccountOpened"], tags: ["till"] }],
  streamOf: () => "till-one"
})
holds<Same<ErrorOf<typeof made>, never>>()
holds<Same<Effect.Services<typeof made>, EventStore.EventStore>>()
holds<Same<Effect.Success<typeof made>, Till["Service"]>>()

const boundaryOf = (): Query.Query => [{ tags: ["till"] }]
const streamOf = () => "till-one" as const
Boundary.make({ decider: account, boundaryOf, streamOf })
// @ts-expect-error no stream to keep the events in
Boundary.make({ decider: account, boundaryOf })
// @ts-expect-error nothing that a command has to know
Boundary.make({ decider: account, streamOf })
// @ts-expect-error a tag alone is no query
Boundary.make({ decider: account, streamOf, boundaryOf: () => ["till"] })
// @ts-expect-error there are no such words in a query
Boundary.make({ decider: account, streamOf, boundaryOf: () => [{ labels: ["till"] }] })
// @ts-expect-error a stream has a category and an id
Boundary.make({ decider: account, boundaryOf, streamOf: () => "till" })
// @ts-expect-error commands have no such field
Boundary.make({ decider: account, boundaryOf, streamOf: ({ till }) => `till-${till}` })
// @ts-expect-error there are no snapshots
Boundary.make({ decider: account, boundaryOf, streamOf, snapshots: { version: 1, every: 100 } })
