// @effect-diagnostics floatingEffect:off missingLayerContext:off
/**
 * What the types of aggregates hold. Compiled by `npm run check`; each refusal has its positive twin above it.
 */
import { DateTime, Effect, type Layer, type Result } from "effect"
import { Aggregate, type Decider, type Event, type EventStore } from "eventfold"
import {
  type account,
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

// A point in time says what it is, and is one thing.
export const points = [
  accounts.state("ada", { at: { version: 1 } }),
  accounts.state("ada", { at: { position: 1 } }),
  accounts.state("ada", { at: { instant: DateTime.makeUnsafe(0) } }),
  accounts.state("ada", { at: undefined })
]
// @ts-expect-error a number is a version or a position: which?
accounts.state("ada", { at: 1 })
// @ts-expect-error a point is one thing
accounts.state("ada", { at: { version: 1, position: 2 } })
// @ts-expect-error a text is no instant
accounts.state("ada", { at: { instant: "2026-03-03" } })

// A comparison can fail with a state that its schema refuses, and has the events that the decider reads.
const compared = accounts.compare("ada", { from: { version: 1 } })
holds<Same<ErrorOf<typeof compared>, EventStore.StoreError | Event.DecodeError | Aggregate.StateEncodeError>>()
holds<Same<Effect.Success<typeof compared>["events"][number]["event"], AccountEvent>>()
// @ts-expect-error it begins somewhere
accounts.compare("ada", { to: { version: 1 } })

// What would come of commands: for each its own rejections. None of them is a failure of the question.
const supposed = accounts.whatIf("ada", [
  { _tag: "Open", owner: "Ada" },
  { _tag: "Deposit", amount: 1 },
  { _tag: "Withdraw", amount: 1 }
])
type Steps = Effect.Success<typeof supposed>["steps"]
holds<Same<ErrorOf<typeof supposed>, EventStore.StoreError | Event.DecodeError>>()
holds<Same<Steps["length"], 3>>()
holds<Same<Steps[0]["decision"], Result.Result<ReadonlyArray<AccountEvent>, AlreadyOpen>>>()
holds<Same<Steps[1]["decision"], Result.Result<ReadonlyArray<AccountEvent>>>>()
holds<Same<Steps[2]["decision"], Result.Result<ReadonlyArray<AccountEvent>, NotOpen | InsufficientFunds>>>()
// Of a list of any length, what any of them can be rejected with.
declare const several: ReadonlyArray<Decider.Command<typeof account>>
const listed = accounts.whatIf("ada", several, { at: { version: 2 } })
holds<
  Same<
    Effect.Success<typeof listed>["steps"][number]["decision"],
    Result.Result<ReadonlyArray<AccountEvent>, AlreadyOpen | NotOpen | InsufficientFunds>
  >
>()
// @ts-expect-error no such command
accounts.whatIf("ada", [{ _tag: "Pay", amount: 1 }])
// @ts-expect-error a field of the wrong type
accounts.whatIf("ada", [{ _tag: "Deposit", amount: "1" }])
