// @effect-diagnostics floatingEffect:off missingLayerContext:off
/**
 * What the types of aggregates hold. Compiled by `npm run check`; each refusal has its positive twin above it.
 */
import { Effect, type Layer } from "effect"
import { Aggregate, type Event, type EventStore } from "eventfold"
import {
  type AccountEvent,
  Accounts,
  type AlreadyOpen,
  holds,
  type InsufficientFunds,
  type NotOpen,
  type Same
} from "./domain.ts"

type ErrorOf<T> = T extends Effect.Effect<unknown, infer E, unknown> ? E : never
type StoreErrors = EventStore.ConcurrencyConflict | EventStore.StoreError | Event.DecodeError

declare const accounts: Accounts["Service"]

// Executing a command fails with what that command is rejected with, with the store's errors, and with nothing else.
const deposit = accounts.execute("ada", { _tag: "Deposit", amount: 1 })
const open = accounts.execute("ada", { _tag: "Open", owner: "Ada" })
const withdraw = accounts.execute("ada", { _tag: "Withdraw", amount: 1 })
holds<Same<ErrorOf<typeof deposit>, StoreErrors>>()
holds<Same<ErrorOf<typeof open>, AlreadyOpen | StoreErrors>>()
holds<Same<ErrorOf<typeof withdraw>, NotOpen | InsufficientFunds | StoreErrors>>()
// @ts-expect-error a withdrawal cannot fail with the errors of opening
holds<Same<ErrorOf<typeof withdraw>, AlreadyOpen | NotOpen | InsufficientFunds | StoreErrors>>()

// Catching a tag takes just that error away.
const caught = withdraw.pipe(Effect.catchTag("InsufficientFunds", ({ balance }) => Effect.succeed(balance)))
holds<Same<ErrorOf<typeof caught>, NotOpen | StoreErrors>>()
// @ts-expect-error there is no such error to catch
withdraw.pipe(Effect.catchTag("AlreadyOpen", () => Effect.succeed(0)))

// The outcome is typed by the decider.
const outcome = Effect.map(deposit, ({ events, version, position, state }) => ({
  events,
  version,
  position,
  tag: state._tag
}))
holds<
  Same<
    Effect.Success<typeof outcome>,
    { events: ReadonlyArray<AccountEvent>; version: number; position: number; tag: "New" | "Open" }
  >
>()

// @ts-expect-error no such command
accounts.execute("ada", { _tag: "Pay", amount: 1 })
// @ts-expect-error a field of the wrong type
accounts.execute("ada", { _tag: "Deposit", amount: "1" })

// Several commands together: each its own outcome, all their rejections.
const both = Aggregate.executeAll([
  accounts.prepare("ada", { _tag: "Withdraw", amount: 1 }),
  accounts.prepare("bob", { _tag: "Deposit", amount: 1 })
])
holds<Same<ErrorOf<typeof both>, NotOpen | InsufficientFunds | StoreErrors>>()
holds<Same<Effect.Success<typeof both>["length"], 2>>()

// The layer needs an event store and nothing else.
const layer: Layer.Layer<Accounts, never, EventStore.EventStore> = Accounts.layer
// @ts-expect-error
const selfSufficient: Layer.Layer<Accounts> = Accounts.layer
export { layer, selfSufficient }
