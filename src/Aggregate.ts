/**
 * An aggregate: a decider as a service over the event store, one stream for each id.
 *
 * To execute a command it folds the stream, decides, and appends what was decided on the expectation that nothing came in
 * between. If something did, it folds only what it missed and decides again.
 *
 * The aggregate as the boundary of what is consistent is Eric Evans's; that a retry folds what was missed alone, Jérémie Chassaing's.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import * as Decider from "./Decider.ts"
import * as Event from "./Event.ts"
import { EventStore, type ReadOptions, type StoreError } from "./EventStore.ts"
import { decoded } from "./internal/runtime/decoded.ts"
import { type Books, type Closing, makeBooks } from "./internal/runtime/books.ts"
import {
  defaultRetry,
  type ExecuteError,
  type ExecuteOptions,
  type Prepared,
  type RetryOptions,
  run
} from "./internal/runtime/executing.ts"
import { makeExecution } from "./internal/runtime/execution.ts"
import type { Loaded, Outcome } from "./internal/runtime/loaded.ts"
import { makeLoader, type LoadPolicy } from "./internal/runtime/loader.ts"
import { makeMeasures } from "./internal/runtime/measuring.ts"
import { makeSnapshots, snapshotCode, type Snapshots, type StreamSnapshots } from "./internal/runtime/snapshots.ts"
import { makeStateCache } from "./internal/runtime/stateCache.ts"
import { makeTimeTravel, type TimeTravel } from "./internal/runtime/timeTravel.ts"
import { tagOf } from "./internal/runtime/watching.ts"
import type { SnapshotStore } from "./SnapshotStore.ts"
import * as StreamName from "./StreamName.ts"

export { snapshotCode }
export type { Interval, Point } from "./internal/runtime/point.ts"
export {
  type Comparison,
  StateEncodeError,
  type Step,
  type Supposition,
  type TimeTravel,
  type WhatIfOptions
} from "./internal/runtime/timeTravel.ts"
export type { Books, Closing, ExecuteError, ExecuteOptions, Loaded, LoadPolicy, Outcome, Prepared, Snapshots }

/**
 * An aggregate's service.
 */
export interface Aggregate<D extends Decider.Any> extends TimeTravel<D> {
  /**
   * Executes a command. Fails with what this very command can be rejected with, with `ConcurrencyConflict` when others kept
   * coming first for as long as the retry schedule lasts, or with the store's errors.
   */
  readonly execute: <Tag extends Decider.Command<D>["_tag"]>(
    id: string,
    command: Decider.Command<D> & { readonly _tag: Tag },
    options?: ExecuteOptions
  ) => Effect.Effect<Outcome<Decider.State<D>, Decider.Event<D>>, Decider.Rejection<D, Tag> | ExecuteError>
  /** A command to be executed together with others by {@link executeAll}. */
  readonly prepare: <Tag extends Decider.Command<D>["_tag"]>(
    id: string,
    command: Decider.Command<D> & { readonly _tag: Tag }
  ) => Prepared<Outcome<Decider.State<D>, Decider.Event<D>>, Decider.Rejection<D, Tag>>
  /**
   * Closes the books of a stream: a command ends it, and another one begins the next stream with a summary, both or none. Each of the two
   * points to the other: the events that begin it have the metadata `continues`, those that end the first one `continuedBy`.
   * Both commands have to come to events, and the next stream must have none yet; otherwise nothing is stored, and the error says why. The name is
   * Oskar Dudycz's.
   */
  readonly closeBooks: <Close extends Decider.Command<D>["_tag"], Open extends Decider.Command<D>["_tag"]>(
    id: string,
    closing: Closing<D, Close, Open>,
    options?: ExecuteOptions
  ) => Effect.Effect<Books<D>, Decider.Rejection<D, Close> | Decider.Rejection<D, Open> | ExecuteError>
  /**
   * The events of a stream and of all those that it continues, from the first stream's first event on. What has been added to an earlier stream since
   * its books were closed is not among them.
   */
  readonly story: (id: string) => Stream.Stream<Event.Decoded<Decider.Read<D>>, StoreError | Event.DecodeError>
  /** The events, each with its record. None for an id that nothing has happened to. */
  readonly history: (
    id: string,
    options?: ReadOptions
  ) => Stream.Stream<Event.Decoded<Decider.Read<D>>, StoreError | Event.DecodeError>
  /** The name of the stream of an id. */
  readonly streamOf: (id: string) => StreamName.StreamName
}

/**
 * How an aggregate is run. `S` is what it says about snapshots.
 */
export interface Options<D extends Decider.Any, S extends Snapshots | undefined = undefined> extends RetryOptions {
  /** The rules, and the schemas, of what it runs. */
  readonly decider: D
  /** The category of the streams. The decider's name by default. */
  readonly category?: string
  /**
   * How many states are kept in memory, and about how many bytes they take together: 10,000 and 32 MiB by default. They save reading what
   * was read before, and are never trusted to be the latest. What is kept is frozen: `evolve` makes new states, and does not change old ones.
   * Of a state that is terminal nothing is kept.
   */
  readonly cache?: { readonly entries?: number | undefined; readonly bytes?: number | undefined } | undefined
  /** Snapshots, where streams are long. None by default. */
  readonly snapshots?: S
}

/** What it takes to run an aggregate. Snapshots need a store, and a scope that they are written in. */
export type Requirements<S extends Snapshots | undefined> = [S] extends [undefined]
  ? EventStore
  : EventStore | SnapshotStore | Scope.Scope

type Results<Commands> = {
  readonly [Index in keyof Commands]: Commands[Index] extends Prepared<infer Result, unknown> ? Result : never
}

type Rejections<Commands extends ReadonlyArray<unknown>> =
  Commands[number] extends Prepared<unknown, infer Rejection> ? Rejection : never

/**
 * Executes several commands as one: all their events are appended, or none. What any of them is rejected with rejects all,
 * and a conflict on any of their streams decides all of them again, on the retry schedule of the first unless `retry` is given.
 * A command id is that of all of them together.
 *
 * "One aggregate a transaction" is Vaughn Vernon's rule: this is for where two things really have to change at once.
 *
 * @example
 * import { Aggregate } from "eventfold"
 *
 * declare const debit: Aggregate.Prepared<"debited", "insufficient funds">
 * declare const credit: Aggregate.Prepared<"credited", "closed">
 *
 * export const transfer = Aggregate.executeAll([debit, credit], { commandId: "transfer:42" })
 */
export const executeAll = <const Commands extends ReadonlyArray<Prepared<unknown, unknown>>>(
  commands: Commands,
  options: ExecuteOptions & RetryOptions = {}
): Effect.Effect<Results<Commands>, Rejections<Commands> | ExecuteError> =>
  // A list of results is typed by its length alone; `run` keeps the order of the commands.
  run(commands, options) as Effect.Effect<unknown, Rejections<Commands> | ExecuteError> as Effect.Effect<
    Results<Commands>,
    Rejections<Commands> | ExecuteError
  >

/** Refuses what would quietly come to something else. */
const checkOptions = ({
  cache,
  snapshots
}: Pick<Options<Decider.Any, Snapshots | undefined>, "cache" | "snapshots">) => {
  const whole = (name: string, value: number | undefined, least: number): void => {
    if (value === undefined || (Number.isSafeInteger(value) && value >= least)) return
    throw new Error(`${name} is ${value}: give a whole number of at least ${least}`)
  }
  whole("cache.entries", cache?.entries, 0)
  whole("cache.bytes", cache?.bytes, 0)
  whole("snapshots.version", snapshots?.version, 1)
  whole("snapshots.every", snapshots?.every, 1)
  whole("snapshots.keep", snapshots?.keep, 1)
}

const checkCategory = (category: string): void => {
  const wrong = StreamName.categoryProblem(category)
  if (wrong !== undefined) throw new Error(`the category "${category}" ${wrong}: give another one as \`category\``)
}

/**
 * An aggregate as a value, for code that does not know its deciders by name. {@link Service} is the usual way.
 */
export const make = <D extends Decider.Any, S extends Snapshots | undefined = undefined>(
  options: Options<D, S>
): Effect.Effect<Aggregate<D>, never, Requirements<S>> => {
  const { snapshots } = options
  checkOptions(options)
  const optional: Effect.Effect<
    Option.Option<StreamSnapshots<Decider.State<D>>>,
    never,
    SnapshotStore | Scope.Scope
  > = snapshots === undefined ? Effect.succeedNone : Effect.asSome(makeSnapshots(options.decider, snapshots))
  // Without snapshots their store is not asked for, which is what the condition in the type says.
  return Effect.flatMap(optional, (snapshots) => makeWith(options, snapshots)) as Effect.Effect<
    Aggregate<D>,
    never,
    Requirements<S>
  >
}

const makeWith = <D extends Decider.Any>(
  options: Options<D, Snapshots | undefined>,
  snapshots: Option.Option<StreamSnapshots<Decider.State<D>>>
): Effect.Effect<Aggregate<D>, never, EventStore> =>
  Effect.gen(function* () {
    const store = yield* EventStore
    const { cache, decider, category = decider.name, retry = defaultRetry } = options
    checkCategory(category)
    const streamOf = (id: string) => StreamName.make(category, id)
    const { bytes = 32 * 1024 * 1024, entries = 10_000 } = cache ?? {}
    const states = makeStateCache(decider, { bytes, entries })
    const measures = makeMeasures(category)
    const loader = makeLoader(decider, store, states, snapshots, measures)

    const prepare: Aggregate<D>["prepare"] = (id, command) => ({
      "~eventfold/Prepared": {
        store,
        stream: streamOf(id),
        retry,
        tag: tagOf(command),
        measures,
        begin: (executed) =>
          makeExecution(decider, loader, { ...executed, stream: streamOf(id), command: () => command })
      }
    })

    return {
      ...makeTimeTravel(decider, store, loader, streamOf),
      ...makeBooks(decider, store, loader, streamOf, retry),
      streamOf,
      prepare,
      execute: (id, command, executeOptions) =>
        Effect.map(run([prepare(id, command)], executeOptions ?? {}), ([outcome]) => outcome!),
      history: (id, readOptions) => decoded(decider.reads, store.readStream(streamOf(id), readOptions))
    }
  })

/**
 * Makes the service of an aggregate, a class to be extended, with a layer that needs an event store, and a store of snapshots
 * where there are any. Throws for a category that has a hyphen, and for sizes that are no whole numbers.
 *
 * @example
 * import { Aggregate, Decider, Event } from "eventfold"
 * import { MemoryEventStore } from "eventfold/memory"
 * import { Effect, Layer, Schema } from "effect"
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
 * class Counters extends Aggregate.Service<Counters>()("app/Counters", { decider: counter }) {}
 *
 * const program = Effect.gen(function* () {
 *   const counters = yield* Counters
 *   yield* counters.execute("clicks", { _tag: "Increment" }, { commandId: "click:1" })
 *   const { state, version } = yield* counters.state("clicks")
 *   const { state: before } = yield* counters.state("clicks", { at: { version: 0 } })
 *   return { before, state, version } // { before: 0, state: 1, version: 1 }
 * })
 *
 * await Effect.runPromise(Effect.provide(program, Layer.provide(Counters.layer, MemoryEventStore.layer)))
 */
export const Service =
  <Self>() =>
  <const Key extends string, D extends Decider.Any, S extends Snapshots | undefined = undefined>(
    key: Key,
    options: Options<D, S>
  ): Context.ServiceClass<Self, Key, Aggregate<D>> & {
    /** The aggregate, over the stores that are provided. */
    readonly layer: Layer.Layer<Self, never, Exclude<Requirements<S>, Scope.Scope>>
    /** What it runs, and where: for tools that are given the class alone. */
    readonly decider: D
    /** The category of its streams. */
    readonly category: string
  } => {
    const { decider, category = decider.name } = options
    checkCategory(category)
    checkOptions(options)
    const service = Context.Service<Self, Aggregate<D>>()(key)
    return Object.assign(service, { layer: Layer.effect(service, make(options)), decider, category })
  }
