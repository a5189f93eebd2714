/**
 * Copies a log, or some streams of it, into another store under a pure function: events are renamed, split, dropped, rewritten. It is the only
 * way to "change" history, for what was recorded is not changed: the source is only read, and who wants the other history goes on in
 * the target.
 *
 * A copy keeps order, times, and what caused what. It is streamed in bounded memory, each page in one transaction of the target with
 * the position of the source that it leads to: stopped or killed at any moment, and run again, it comes to just what one undisturbed
 * run comes to. A run ends at the head that the source had when it began, and running it again copies what has come since.
 *
 * A transform gets a recorded event and gives what it is copied as: a plain function, or one of those here, composed.
 *
 * It is what Greg Young calls copy and replace ("Versioning in an Event Sourced System").
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Event from "./Event.ts"
import { EventStore, type RestoredEvent, type StoreError } from "./EventStore.ts"
import * as Model from "./internal/runtime/copyModel.ts"
import { runCopy } from "./internal/runtime/copyRun.ts"
import { ProjectionStore } from "./ProjectionStore.ts"
import * as Query from "./Query.ts"
import type { RecordedEvent } from "./RecordedEvent.ts"
import * as StreamName from "./StreamName.ts"

export { CopyFailed } from "./internal/runtime/copyModel.ts"
export type { Copied, Copy, Report, Transform } from "./internal/runtime/copyModel.ts"

/**
 * What is copied.
 */
export interface Options {
  /** Under it the target keeps how far the copy has come: a copy of the same name goes on where it stands. */
  readonly name: string
  /** The events that are copied, of those that match and are in one of the streams. All by default. */
  readonly from?: {
    /** Those that match it. Every event by default; with `streams`, every event of their categories. */
    readonly query?: Query.Query
    /** Those in one of these streams. Every stream by default. */
    readonly streams?: ReadonlyArray<StreamName.StreamName>
  }
  /** What becomes of each. Each is copied as it is by default. */
  readonly transform?: Model.Transform
}

/**
 * The store that is copied from, which is only read, and the one that is copied to: what the layers of stores give.
 */
export interface Stores {
  /** The store that is copied from. */
  readonly from: Context.Context<EventStore>
  /** Both services of one store, of one layer: what is copied, and that it was, is one transaction. */
  readonly to: Context.Context<EventStore | ProjectionStore>
}

/** What a copy can fail with. */
export type CopyError = Model.CopyFailed | StoreError

/** Copies each event as it is. */
export const keep: Model.Transform = (recorded) => [recorded]

/**
 * A copy of some events under a pure function. What a transform throws stops the copy before the event it was thrown at.
 *
 * @example
 * import { Copy } from "eventfold"
 *
 * const withoutNoise = Copy.make({
 *   name: "without-noise",
 *   transform: Copy.compose(
 *     Copy.drop([{ types: ["PageViewed"] }]),
 *     Copy.renameTypes({ AccountCreated: "AccountOpened" }),
 *     Copy.renameCategories({ acct: "account" })
 *   )
 * })
 */
export const make = ({ from = {}, name, transform = keep }: Options): Model.Copy => ({
  name,
  query: from.query ?? (from.streams && [{ categories: Array.from(new Set(from.streams.map(StreamName.category))) }]),
  streams: from.streams === undefined ? undefined : new Set(from.streams),
  transform
})

/**
 * What becomes of a recorded event, as the target is given it: to look at before anything is copied, and to test a transform. Throws what
 * the transform throws.
 */
export const transformed = (copy: Model.Copy, recorded: RecordedEvent): ReadonlyArray<RestoredEvent> =>
  Model.transformed(copy.transform, recorded)

/**
 * Runs a copy as a stream of what it has come to: where it stands at the beginning, and then after each page.
 */
export const stream = (copy: Model.Copy, { from, to }: Stores): Stream.Stream<Model.Report, CopyError> =>
  runCopy(copy, {
    source: Context.get(from, EventStore),
    target: Context.get(to, EventStore),
    projections: Context.get(to, ProjectionStore)
  })

/**
 * Copies everything up to the head that the source has now, and gives what the copy has come to, in this run and those before. Fails with
 * `CopyFailed` before an event that cannot be copied, and goes on with it when it is run again. A `StoreError`
 * that is retryable is met by running it again. While another run of this name is under way it waits for that one.
 *
 * @example
 * import { Copy } from "eventfold"
 * import { MemoryEventStore } from "eventfold/memory"
 * import { Effect, Layer } from "effect"
 *
 * const store = Layer.build(Layer.fresh(MemoryEventStore.layer))
 *
 * const program = Effect.gen(function* () {
 *   const [from, to] = yield* Effect.all([store, store])
 *   return yield* Copy.run(Copy.make({ name: "everything" }), { from, to })
 * })
 *
 * const { read, written } = await Effect.runPromise(Effect.scoped(program))
 */
export const run = (copy: Model.Copy, stores: Stores): Effect.Effect<Model.Report, CopyError> =>
  Stream.runFold(
    stream(copy, stores),
    () => Model.begun(copy).report,
    (_, report) => report
  )

/**
 * One transform after the other: what the first makes of an event is given to the second, and so on, as if it had been recorded so.
 */
export const compose =
  (...transforms: ReadonlyArray<Model.Transform>): Model.Transform =>
  (recorded) =>
    transforms.reduce<ReadonlyArray<RecordedEvent>>(
      (events, transform) => events.flatMap((event) => transform(event).map((copied) => ({ ...event, ...copied }))),
      [recorded]
    )

/**
 * Drops the events that match, and keeps the others.
 */
export const drop =
  (query: Query.Query): Model.Transform =>
  (recorded) =>
    Query.matches(query, recorded) ? [] : [recorded]

/** The value of an object's own key. */
const own = <A>(record: { readonly [key: string]: A }, key: string): A | undefined =>
  Object.hasOwn(record, key) ? record[key] : undefined

/**
 * Gives types other names, by the names they are stored under.
 */
export const renameTypes =
  (names: { readonly [stored: string]: string }): Model.Transform =>
  (recorded) => [{ ...recorded, type: own(names, recorded.type) ?? recorded.type }]

/**
 * Gives categories other names: all their streams, each with its id.
 */
export const renameCategories =
  (names: { readonly [category: string]: string }): Model.Transform =>
  (recorded) => {
    const before = StreamName.category(recorded.stream)
    const category = own(names, before)
    if (category === undefined) return [recorded]
    return [{ ...recorded, stream: StreamName.make(category, recorded.stream.slice(before.length + 1)) }]
  }

/**
 * Rewrites the data of types as JSON, by the names they are stored under. The schema version stays: {@link translate} writes another.
 *
 * @example
 * import { Copy } from "eventfold"
 *
 * // Rates were stored as numbers, and are to be texts.
 * export const asText = Copy.rewrite({ RateChanged: (rate) => String(rate) })
 */
export const rewrite =
  (changes: {
    readonly [stored: string]: (data: Schema.Json, recorded: RecordedEvent) => Schema.Json
  }): Model.Transform =>
  (recorded) => {
    const change = own(changes, recorded.type)
    return [change === undefined ? recorded : { ...recorded, data: change(recorded.data, recorded) }]
  }

/**
 * Rewrites events as what they mean: those that the first definitions can read are decoded with them, upcasts and all, and what the function
 * makes of each is written with the second definitions, in their newest version and with their tags. Events of other types are kept.
 * One that does not decode, or cannot be written, stops the copy.
 */
export const translate =
  <Old extends Event.Tagged, New extends Event.Tagged, const Out extends ReadonlyArray<New>>(
    from: Event.Definitions<Old>,
    to: Event.Definitions<New>,
    change: (event: Old, recorded: RecordedEvent) => Out
  ): Model.Transform =>
  (recorded) =>
    from.stored.has(recorded.type)
      ? Result.getOrThrow(Event.decode(from, recorded))
          .flatMap((event) => change(event, recorded))
          .map((event) => ({ ...recorded, ...Result.getOrThrow(Event.encode(to, event)) }))
      : [recorded]

/**
 * Writes every event of these definitions as it would be written today: upcast, renamed and retired types replaced, tagged. Events of other types
 * are kept. Old names and retired types are needed no more then. The chain of versions is: what is written has the number of the newest one. To begin
 * at version 1 again, {@link translate} into fresh definitions.
 *
 * @example
 * import { Copy, Event } from "eventfold"
 * import { Schema } from "effect"
 *
 * const AccountEvent = Event.define({
 *   AccountOpened: Event.version({ owner: Schema.String }).next({ holder: Schema.String }, ({ owner }) => ({ holder: owner }))
 * })
 *
 * export const upToDate = Copy.make({ name: "up-to-date", transform: Copy.upcast(AccountEvent) })
 */
export const upcast = <E extends Event.Tagged>(definitions: Event.Definitions<E>): Model.Transform =>
  translate(definitions, definitions, (event) => [event])
