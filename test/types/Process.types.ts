/**
 * What the types of processes hold. Compiled by `npm run check`; each refusal has its positive twin above it.
 */
import { type Effect, type Layer, type Option, Schema, type Stream } from "effect"
import {
  Aggregate,
  Decider,
  Event,
  type EventStore,
  Process,
  ProcessManager,
  type ProcessStore,
  type ProjectionStore
} from "eventfold"
import { account, Accounts, holds, type Same } from "./domain.ts"

const bell = Decider.make({
  name: "bell",
  state: Schema.Int,
  initial: 0,
  commands: Schema.TaggedUnion({ Ring: {}, Mute: {} }),
  events: Event.define({ Rang: {} })
})
  .evolve({ Rang: (count) => count + 1 })
  .decide({ Ring: () => [{ _tag: "Rang" }], Mute: () => [] })

class Bells extends Aggregate.Service<Bells>()("test/Bells", { decider: bell }) {}

const Watched = Event.define({ Opened: { id: Schema.String }, Closed: { id: Schema.String } })

const vocabulary = {
  state: Schema.Struct({ count: Schema.Int, since: Schema.DateTimeUtcFromString, note: Schema.String }),
  events: Watched
} as const
declare const initial: typeof vocabulary.state.Type

const watching = ProcessManager.make({
  ...vocabulary,
  name: "watching",
  initial,
  targets: { bell: ProcessManager.sends(bell, ["Ring"]), bank: ProcessManager.sends(account, ["Open"]) },
  timers: ["late", "later"]
})
  .correlate({ Opened: ({ id }) => id, Closed: ({ id }) => id })
  .evolve({
    events: { Opened: (state) => state, Closed: (state) => state },
    rejected: { bank: { Open: (state) => state } },
    elapsed: { late: (state) => state, later: (state) => state }
  })
  .react({
    events: { Opened: () => [], Closed: () => [] },
    rejected: { bank: { Open: () => [] } },
    elapsed: { late: () => [], later: () => [] }
  })

class Watching extends Process.Service<Watching>()("test/Watching", {
  manager: watching,
  aggregates: { bell: Bells, bank: Accounts }
}) {}

// Its layer needs the stores and the aggregates; one that only looks after it needs the stores.
type Stores = EventStore.EventStore | ProjectionStore.ProjectionStore | ProcessStore.ProcessStore
holds<Same<typeof Watching.layer, Layer.Layer<Watching, EventStore.StoreError, Stores | Bells | Accounts>>>()
holds<Same<typeof Watching.layerReader, Layer.Layer<Watching, never, Stores>>>()

// Each target has its aggregate, of its very decider, and there are no others.
export const missing = Process.Service<object>()("test/Missing", {
  manager: watching,
  // @ts-expect-error the bank is missing
  aggregates: { bell: Bells }
})
export const extra = Process.Service<object>()("test/Extra", {
  manager: watching,
  // @ts-expect-error there is no target of this name
  aggregates: { bell: Bells, bank: Accounts, more: Bells }
})
export const other = Process.Service<object>()("test/Other", {
  manager: watching,
  // @ts-expect-error another decider
  aggregates: { bell: Accounts, bank: Accounts }
})
// @ts-expect-error they have to be given
export const none = Process.Service<object>()("test/None", { manager: watching })

// One without targets needs no aggregates.
const counting = ProcessManager.make({ ...vocabulary, name: "counting", initial })
  .correlate({ Opened: ({ id }) => id, Closed: ({ id }) => id })
  .evolve({ events: { Opened: (state) => state, Closed: (state) => state } })
  .react({ events: { Opened: () => [], Closed: () => [] } })
class Counting extends Process.Service<Counting>()("test/Counting", { manager: counting, aggregates: {} }) {}
holds<Same<typeof Counting.layer, Layer.Layer<Counting, EventStore.StoreError, Stores>>>()

declare const process: Watching["Service"]
declare const counted: Counting["Service"]

// Its instances have its state.
type State = typeof vocabulary.state.Type
type Found = Effect.Success<ReturnType<typeof process.get>>
holds<Same<Found, Option.Option<Process.Instance<State>>>>()
holds<Same<ReturnType<typeof process.list>, Stream.Stream<Process.Instance<State>, EventStore.StoreError>>>()

// What they may be waiting for is a timer of its own, or a command that it sends.
export const waits: ReadonlyArray<Process.WaitingFor<typeof watching>> = [
  { timer: "late" },
  { to: "bell", command: "Ring" },
  { to: "bank", command: "Open" }
]
export const waiting = [
  process.list({ waitingFor: { timer: "later" } }),
  // @ts-expect-error no timer of its own
  process.list({ waitingFor: { timer: "latest" } }),
  process.list({ waitingFor: { to: "bell", command: "Ring" } }),
  // @ts-expect-error a command of the bell that it does not send
  process.list({ waitingFor: { to: "bell", command: "Mute" } }),
  // @ts-expect-error a command of the other target
  process.list({ waitingFor: { to: "bell", command: "Open" } }),
  // @ts-expect-error no target
  process.list({ waitingFor: { to: "door", command: "Ring" } }),
  // @ts-expect-error it has no timers, and sends nothing
  counted.list({ waitingFor: { timer: "late" } })
]

// They are searched by the fields of their state.
export const searched = [
  process.list({ where: { count: 1, note: undefined }, status: "stuck", olderThan: "1 hour", limit: 10 }),
  // @ts-expect-error no field of the state
  process.list({ where: { colour: "red" } }),
  // @ts-expect-error not of the field's type
  process.list({ where: { count: "1" } }),
  // @ts-expect-error no status
  process.list({ status: "paused" })
]

// What is asked of an instance may be refused; what is only looked at may not.
type Failure<T extends (...args: never) => unknown> = Effect.Error<ReturnType<T>>
holds<Same<Failure<typeof process.skip>, EventStore.StoreError | Process.RequestRefused>>()
holds<Same<Failure<typeof process.retry>, EventStore.StoreError | Process.RequestRefused>>()
holds<Same<Failure<typeof process.get>, EventStore.StoreError>>()
export const asking = [
  // @ts-expect-error why has to be said
  process.skip("it"),
  // @ts-expect-error why has to be said
  process.cancel("it")
]
// @ts-expect-error a process is not reset: what it has done stays done
holds<typeof process.control.reset>()
