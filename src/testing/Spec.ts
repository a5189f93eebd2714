/* oxlint-disable unicorn/no-thenable -- given, when, then; see `expectation` */
/**
 * Specs: the rules of a domain as given, when, then. Exact and in order, with everything passed through the codecs.
 *
 * A spec is an Effect, and can be awaited or returned like a promise: vitest, node:test or anything else can run it. As it
 * stands it runs purely; `onStore`, where there is one, runs the same spec against whatever event store is provided. "Given, when, then" over
 * events is Greg Young's.
 *
 * @example
 * import { Decider, Event } from "eventfold"
 * import { Spec } from "eventfold/testing"
 * import { Effect, Schema } from "effect"
 *
 * const counter = Decider.make({
 *   name: "counter",
 *   state: Schema.Int,
 *   initial: 0,
 *   commands: Schema.TaggedUnion({ Increment: {} }),
 *   events: Event.define({ Incremented: {} })
 * })
 *   .evolve({ Incremented: (count) => count + 1 })
 *   .decide({ Increment: () => [{ _tag: "Incremented" }] })
 *
 * const { given } = Spec.decider(counter)
 *
 * await Effect.runPromise(
 *   given([{ _tag: "Incremented" }]).when({ _tag: "Increment" }).then([{ _tag: "Incremented" }])
 * )
 */
import type * as DateTime from "effect/DateTime"
import type { ConfigError } from "effect/Config"
import type * as Effect from "effect/Effect"
import type { FileSystem } from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"
import type * as Schema from "effect/Schema"
import type * as Decider from "../Decider.ts"
import type { Tagged } from "../Event.ts"
import type * as ProcessManager from "../ProcessManager.ts"
import type * as Projection from "../Projection.ts"
import type { Metadata } from "../RecordedEvent.ts"
import type { StreamName } from "../StreamName.ts"
import type { Any as AnyView, KeyedView, View } from "../View.ts"
import { checkEvolve } from "./internal/evolveLock.ts"
import { DeciderSpec, type Expectation, type WhenOptions } from "./internal/DeciderSpec.ts"
import { StoredEvent } from "./internal/RunnableSpec.ts"
import type { Happened, History } from "./internal/history.ts"
import { ProcessSpec, type ProcessWhen } from "./internal/ProcessSpec.ts"
import { type ProjectionSpec, projectionSpec } from "./internal/ProjectionSpec.ts"
import { type SnapshotOptions, SnapshotSpec } from "./internal/SnapshotSpec.ts"
import { ViewSpec } from "./internal/ViewSpec.ts"

import type { SpecFailure } from "./SpecFailure.ts"

export { SpecFailure } from "./SpecFailure.ts"
export type {
  DeciderSpec,
  Happened,
  ProcessSpec,
  ProcessWhen,
  ProjectionSpec,
  SnapshotOptions,
  SnapshotSpec,
  StoredEvent,
  ViewSpec,
  WhenOptions
}

/**
 * What a command must come to.
 */
export interface Then<State, Event, Rejection> {
  /** Just these events, in this order. */
  readonly then: (events: ReadonlyArray<Event>) => DeciderSpec
  /** This rejection, with these fields. */
  readonly thenFails: (rejection: Rejection) => DeciderSpec
  /** No event and no rejection. */
  readonly thenNothing: () => DeciderSpec
  /** This state, after whatever events. */
  readonly thenState: (state: State) => DeciderSpec
}

/**
 * A `then` that is no promise's: awaited, or returned from an async function, a spec without its expectation is handed two
 * functions, and says so instead of passing unseen.
 */
const expectation =
  <Expected, Spec>(make: (expected: Expected) => Spec) =>
  (expected: Expected, ...rest: ReadonlyArray<unknown>): Spec => {
    const [reject] = rest
    return typeof reject === "function"
      ? reject(new TypeError("this spec says not yet what to expect: call then, thenFails, thenNothing or thenState"))
      : make(expected)
  }

/**
 * The spec language of a decider.
 */
export const decider = <S, C extends Tagged, E extends Tagged, X extends Record<C["_tag"], unknown>, R extends Tagged>(
  self: Decider.Decider<S, C, E, X, R>
) => ({
  /** What has happened before. */
  given: (history: ReadonlyArray<R | StoredEvent>) => ({
    /** The command that is decided now. */
    when: <Tag extends C["_tag"]>(
      command: C & { readonly _tag: Tag },
      options: WhenOptions = {}
    ): Then<S, E, X[Tag]> => {
      const expecting = (expectation: Expectation<S, E>) =>
        new DeciderSpec(self, history, command, options, expectation)
      return {
        then: expectation((events) => expecting({ _tag: "Events", events })),
        thenFails: (rejection) => expecting({ _tag: "Rejection", rejection }),
        thenNothing: () => expecting({ _tag: "Events", events: [] }),
        thenState: (state) => expecting({ _tag: "State", state })
      }
    }
  })
})

/**
 * The spec of a decider's snapshots: a state that is put aside as a snapshot anywhere in a history, and taken up again, leads where the whole
 * history leads. It holds for histories that are given, and for those that come of commands at random. A state whose schema leaves
 * something out that `evolve` needs does not pass.
 *
 * @example
 * import { Decider } from "eventfold"
 * import { Spec } from "eventfold/testing"
 *
 * declare const account: Decider.Any
 *
 * export const spec = Spec.snapshots(account, { runs: 50 })
 */
export const snapshots = <
  S,
  C extends Tagged,
  E extends Tagged,
  X extends Record<C["_tag"], unknown>,
  R extends Tagged
>(
  self: Decider.Decider<S, C, E, X, R>,
  options: SnapshotOptions<NoInfer<R>> = {}
): SnapshotSpec => new SnapshotSpec(self, options)

/**
 * Holds a version of `evolve` against what it made before. The first run freezes histories and the states they come to in a file, which is to be committed;
 * later runs fail when `evolve` makes other states of them without a new version, for then it would go on from snapshots that it would not have made.
 * With a new version, or another shape of the state, the file is written anew; in CI only with `EVENTFOLD_ACCEPT=catalog` in
 * the environment, as that of `Catalog.check`.
 *
 * @example
 * import { type Decider } from "eventfold"
 * import { Spec } from "eventfold/testing"
 * import { NodeFileSystem } from "@effect/platform-node"
 * import { it } from "@effect/vitest"
 * import { Effect } from "effect"
 *
 * declare const account: Decider.Any
 *
 * it.effect("the version of evolve is that of its snapshots", () =>
 *   Effect.provide(Spec.evolveVersion(account, 1, "test/account.states.json"), NodeFileSystem.layer)
 * )
 */
export const evolveVersion = <
  S,
  C extends Tagged,
  E extends Tagged,
  X extends Record<C["_tag"], unknown>,
  R extends Tagged
>(
  self: Decider.Decider<S, C, E, X, R>,
  version: number,
  file: string,
  options: SnapshotOptions<NoInfer<R>> = {}
): Effect.Effect<void, SpecFailure | PlatformError | ConfigError, FileSystem> =>
  checkEvolve(self, version, file, options)

/**
 * An event as it was stored, as an older version of its type or under a name it no longer has: what the versions of a domain are
 * proven with. `data` is the JSON that was written then.
 *
 * @example
 * import { Event, View } from "eventfold"
 * import { Spec } from "eventfold/testing"
 * import { Schema } from "effect"
 *
 * const total = View.make({
 *   name: "total",
 *   events: Event.define({
 *     Deposited: Event.version({ amount: Schema.Int }).next({ cents: Schema.Int }, ({ amount }) => ({ cents: amount * 100 }))
 *   }),
 *   model: Schema.Int,
 *   initial: 0
 * }).evolve({ Deposited: (total, { cents }) => total + cents })
 *
 * await Spec.view(total).given([Spec.stored("Deposited", 1, { amount: 5 })]).then(500)
 */
export const stored = (type: string, schemaVersion: number, data: Schema.Json): StoredEvent =>
  new StoredEvent(type, schemaVersion, data)

/**
 * An event with its circumstances, for a view or a process manager that looks at them.
 */
export function recorded(event: StoredEvent, circumstances: Circumstances): Happened<never>
export function recorded<const E extends Tagged>(event: E, circumstances: Circumstances): Happened<E>
export function recorded<E extends Tagged>(event: E | StoredEvent, circumstances: Circumstances): Happened<E> {
  return { ...circumstances, event }
}

/** What is told of an event beside what happened. */
interface Circumstances {
  /** The stream that it is in. `spec-1` by default. */
  readonly stream?: StreamName
  /** When it was recorded. 2000-01-01T00:00:00Z by default; in a process's spec, the time that it is there. */
  readonly at?: DateTime.DateTime.Input
  /** Its metadata. None by default. */
  readonly metadata?: Metadata
}

/** The beginning of a view's spec. */
interface ViewGiven<E extends Tagged, Expected> {
  /** What has happened, in order; with {@link recorded} where the circumstances matter. */
  readonly given: (history: ReadonlyArray<E | StoredEvent | Happened<E>>) => {
    /** What the view must show: its model, or of a keyed view all models by key. */
    readonly then: (expected: Expected) => ViewSpec
  }
}

/**
 * The spec language of a view.
 */
export function view<Model, E extends Tagged>(self: View<Model, E>): ViewGiven<E, Model>
export function view<Model, E extends Tagged>(
  self: KeyedView<Model, E>
): ViewGiven<E, { readonly [key: string]: Model }>
export function view(self: AnyView): ViewGiven<Tagged, unknown> {
  return { given: (history) => ({ then: expectation((expected) => new ViewSpec(self, history, expected)) }) }
}

/** The beginning of the spec of a view's projection. */
interface ProjectionGiven<E extends Tagged, Expected, R> {
  /** What has happened, in order; with {@link recorded} where the circumstances matter. */
  readonly given: (history: ReadonlyArray<E | StoredEvent | Happened<E>>) => {
    /** What the projection must show: its model, or of a keyed view all models by key. */
    readonly then: (expected: Expected) => ProjectionSpec<R>
  }
}

/** The beginning of the spec of a projection with tables of its own. */
interface HandlerGiven<E extends Tagged, Reader, R> {
  /** What has happened, in order; with {@link recorded} where the circumstances matter. */
  readonly given: (history: ReadonlyArray<E | StoredEvent | Happened<E>>) => {
    /** What must be read afterwards, such as from the tables of the handler, whose names are told by what is given. */
    readonly thenReads: <A, R2>(
      read: (reader: Reader) => Effect.Effect<A, unknown, R2>,
      expected: NoInfer<A>
    ) => ProjectionSpec<R | R2>
  }
}

/**
 * The spec language of a projection. It runs over a store: over one in memory, or with `onStore` over what is provided.
 *
 * Every batch is delivered three times: to a process that dies when the work is done and nothing is stored, to one that stores it, and again.
 * And all is done in one batch, and then in batches of one event. So a spec that holds proves that neither makes a difference, which a
 * handler that keeps anything outside its transaction cannot say.
 *
 * @example
 * import { Event, Projection, StreamName, View } from "eventfold"
 * import { Spec } from "eventfold/testing"
 * import { Effect, Schema } from "effect"
 *
 * const balances = View.keyed({
 *   name: "balances",
 *   events: Event.define({ Deposited: { amount: Schema.Int } }),
 *   key: (_, { stream }) => StreamName.id(stream),
 *   model: Schema.Int,
 *   initial: 0
 * }).evolve({ Deposited: (balance, { amount }) => balance + amount })
 *
 * const { given } = Spec.projection(Projection.make({ version: 1, view: balances }))
 *
 * await Effect.runPromise(
 *   given([
 *     Spec.recorded({ _tag: "Deposited", amount: 1 }, { stream: "account-ada" }),
 *     Spec.recorded({ _tag: "Deposited", amount: 2 }, { stream: "account-ada" })
 *   ]).then({ ada: 3 })
 * )
 */
export function projection<Model, M extends Projection.Mode, R, E extends Tagged>(
  self: Projection.Projection<Projection.Documents<Model>, M, R, E>
): ProjectionGiven<E, { readonly [key: string]: Model }, R>
export function projection<Model, M extends Projection.Mode, R, E extends Tagged>(
  self: Projection.Projection<Projection.Document<Model>, M, R, E>
): ProjectionGiven<E, Model, R>
export function projection<Table extends string, M extends Projection.Mode, R, E extends Tagged>(
  self: Projection.Projection<Projection.Tables<Table>, M, R, E>
): HandlerGiven<E, Projection.Tables<Table>, R>
export function projection<Reader, R>(
  self: Projection.Projection<Reader, Projection.Mode, R>
): { readonly given: (history: History) => object } {
  const { view } = self["~eventfold/Projection"]
  return {
    given: (history) =>
      view === undefined
        ? {
            thenReads: <R2>(read: (reader: Reader) => Effect.Effect<unknown, unknown, R2>, expected: unknown) =>
              projectionSpec(self, history, { _tag: "Reads", read, expected })
          }
        : { then: expectation((expected) => projectionSpec(self, history, { _tag: "Models", view, expected })) }
  }
}

/**
 * The spec language of a process manager: one instance of it, from its first event on. Whatever happens to it is folded and reacted to, with events, commands
 * and, after each input, the state passed through their codecs; a terminal state cancels all timers.
 *
 * Acts (`given`, `when...`, `elapse`, `resume`) and expectations (`then...`) follow each other as they like, and an expectation is about what
 * came last. Each step gives another spec, which can be run, or be gone on from.
 *
 * It is 2000-01-01T00:00:00Z, and events are recorded now, until `elapse` or the `at` of a {@link recorded} event moves the time on. It never goes
 * back. `thenTimer` says how long from now a timer is due.
 *
 * @example
 * import { Decider, Event, ProcessManager } from "eventfold"
 * import { Spec } from "eventfold/testing"
 * import { DateTime, Schema } from "effect"
 *
 * const OrderEvent = Event.define({ OrderPlaced: { orderId: Schema.String }, OrderPaid: { orderId: Schema.String } })
 *
 * const reminder = Decider.make({
 *   name: "reminder",
 *   state: Schema.Int,
 *   initial: 0,
 *   commands: Schema.TaggedUnion({ Remind: {} }),
 *   events: Event.define({ Reminded: {} })
 * })
 *   .evolve({ Reminded: (count) => count + 1 })
 *   .decide({ Remind: () => [{ _tag: "Reminded" }] })
 *
 * const chasing = ProcessManager.make({
 *   name: "chasing",
 *   state: Schema.Literals(["new", "unpaid", "paid"]),
 *   initial: "new",
 *   events: OrderEvent,
 *   targets: { reminder: ProcessManager.sends(reminder, ["Remind"]) },
 *   timers: ["payment"],
 *   isTerminal: (state) => state === "paid"
 * })
 *   .correlate({ OrderPlaced: ({ orderId }) => orderId, OrderPaid: ({ orderId }) => orderId })
 *   .evolve({
 *     events: { OrderPlaced: () => "unpaid", OrderPaid: () => "paid" },
 *     elapsed: { payment: (state) => state }
 *   })
 *   .react({
 *     events: {
 *       OrderPlaced: (_, __, { now }) => [ProcessManager.schedule("payment", DateTime.add(now, { days: 7 }))],
 *       OrderPaid: () => []
 *     },
 *     elapsed: { payment: (_, __, { instance }) => [ProcessManager.send("reminder", instance, { _tag: "Remind" })] }
 *   })
 *
 * const placed = Spec.process(chasing)
 *   .given([])
 *   .when({ _tag: "OrderPlaced", orderId: "4711" })
 *   .then([])
 *   .thenTimer("payment", "7 days")
 *
 * await placed
 *   .elapse("7 days")
 *   .then([ProcessManager.send("reminder", "4711", { _tag: "Remind" })])
 *   .thenState("unpaid")
 * await placed.elapse("1 day").when({ _tag: "OrderPaid", orderId: "4711" }).thenEnded().thenNoTimer("payment")
 */
export const process = <S, E extends Tagged, T extends ProcessManager.Targets, Timer extends string>(
  self: ProcessManager.ProcessManager<S, E, T, Timer>
) => ({
  /** What has happened before, in order: folded, and reacted to, so that timers are set as they would be. */
  given: (history: ReadonlyArray<E | StoredEvent | Happened<E>>): ProcessWhen<S, E, T, Timer> =>
    new ProcessSpec(self, [{ _tag: "given", history }])
})
