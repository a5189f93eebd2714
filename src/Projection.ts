/**
 * A projection: a read model that follows the log. A pure view kept as documents, or a handler that writes tables of its own, with a
 * name and a version.
 *
 * What a batch of events changes and how far the projection has come are one transaction, fenced by the position before: each event
 * counts once. A new version fills beside the one that is read, and takes over when it has come as far. An event that fails is retried, and
 * then stops the projection or is parked, with the later ones of its key behind it: nothing passes unseen.
 *
 * An inline projection is kept in the append's own transaction: who has appended, reads what came of it. Inline ones, and versions that fill beside
 * the live one, are known from Marten; that what is parked keeps its order, from Axon.
 */
import * as Arr from "effect/Array"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type * as Stream from "effect/Stream"
import * as Event from "./Event.ts"
import { EventStore, type StoreError } from "./EventStore.ts"
import { type Control, makeVersionControl } from "./internal/runtime/projection/control.ts"
import { documentsHandling, laneOf } from "./internal/runtime/projection/documents.ts"
import { makeInline } from "./internal/runtime/projection/inline.ts"
import { type Phase, type Plan } from "./internal/runtime/projection/plan.ts"
import {
  type DocumentDecodeError,
  makeDocument,
  makeDocuments,
  queryOf,
  type Stores
} from "./internal/runtime/projection/reader.ts"
import { supervise } from "./internal/runtime/projection/supervisor.ts"
import {
  type CompareError,
  compareKeyed,
  compareWhole,
  type DocumentComparison,
  type DocumentsComparison,
  foldedAt,
  foldedKeyedAt
} from "./internal/runtime/projection/timeTravel.ts"
import type { Interval, LogPoint as Point } from "./internal/runtime/point.ts"
import { uuidV7 } from "./internal/runtime/uuid.ts"
import { type Definition, ProjectionStore } from "./ProjectionStore.ts"
import type { RecordedEvent } from "./RecordedEvent.ts"
import * as View from "./View.ts"

export { AwaitTimeout, LiveTimeout } from "./internal/runtime/projection/control.ts"
export { DocumentDecodeError } from "./internal/runtime/projection/reader.ts"
export { type DocumentChange, DocumentEncodeError } from "./internal/runtime/projection/timeTravel.ts"
export type { Control, DocumentComparison, DocumentsComparison, Interval, Phase, Point }

/** When a projection is brought up to date: after the append, or with it. */
export type Mode = Definition["mode"]

/** A projection, and how it is read. */
export interface Projection<
  out Reader,
  out M extends Mode = Mode,
  out R = never,
  out E extends Event.Tagged = Event.Tagged
> {
  /** The name under which its read models, and how far it has come, are kept. */
  readonly name: string
  /** From 1. Another version is filled beside the one that is live. */
  readonly version: number
  /** Whether it is handled after the append, or in the append's own transaction. */
  readonly mode: M
  readonly "~eventfold/Projection": {
    readonly plan: Plan<R>
    /** How the projection of a name is read. */
    readonly reader: (stores: Stores, name: string) => Reader
    readonly events: Pick<Event.Definitions<E>, "stored">
    /** The view that it is of, unless it is a handler. */
    readonly view: View.Any | undefined
  }
}

/** Which models of a view are asked for. */
export interface QueryOptions<Model> {
  /** The values that fields have. One that is `undefined` does not restrict. */
  readonly where?: { readonly [Field in keyof Model & string]?: Model[Field] | undefined } | undefined
  /** The key after which to begin. */
  readonly after?: string | undefined
  /** The most models to give. All by default. */
  readonly limit?: number | undefined
}

/** The documents of a keyed view. */
export interface Documents<Model, E extends Event.Tagged = Event.Tagged> extends Control {
  /** The model of a key, unless there is none. */
  readonly get: (key: string) => Effect.Effect<Option.Option<Model>, StoreError | DocumentDecodeError>
  /** Those models of some keys that are there. */
  readonly getMany: (keys: ReadonlyArray<string>) => Effect.Effect<View.Models<Model>, StoreError | DocumentDecodeError>
  /**
   * The models in the order of their keys, all or those whose fields have the values given. Every document is looked at: what is to be
   * searched often, and by an index, is better kept in a table.
   */
  readonly query: (
    options?: QueryOptions<Model>
  ) => Stream.Stream<readonly [key: string, model: Model], StoreError | DocumentDecodeError>
  /** The models as they were at a point in time, folded from the log up to there: all of them are held in memory. */
  readonly at: (point: Point) => Effect.Effect<View.Models<Model>, StoreError | Event.DecodeError>
  /**
   * What is different between two points in time, the later one being the end of the log by default. Where `from` is the later one, the patches
   * lead back. It is folded from the log: all models as of the later point are held in memory, what is different as of the other, and the
   * view's events between them.
   */
  readonly compare: (interval: Interval<Point>) => Effect.Effect<DocumentsComparison<Model, E>, CompareError>
}

/** The one document of a whole view. */
export interface Document<Model, E extends Event.Tagged = Event.Tagged> extends Control {
  /** The model: the view's initial one before there is an event. */
  readonly get: Effect.Effect<Model, StoreError | DocumentDecodeError>
  /** The model as it was at a point in time, folded from the log up to there. */
  readonly at: (point: Point) => Effect.Effect<Model, StoreError | Event.DecodeError>
  /**
   * What is different between two points in time, the later one being the end of the log by default. Where `from` is the later one, the patch
   * leads back. It is folded from the log: both models and the view's events between them are held in memory.
   */
  readonly compare: (interval: Interval<Point>) => Effect.Effect<DocumentComparison<Model, E>, CompareError>
}

/** The tables of a handler. */
export interface Tables<Table extends string> extends Control {
  /** The name, as SQL writes it, under which the live version's table is read. */
  readonly table: (table: Table) => string
}

/** How a projection is run. */
interface Settings<M extends Mode> {
  /** From 1. A projection whose version is raised is rebuilt beside the one that is live, and takes over. */
  readonly version: number
  /**
   * `"async"` by default. `"inline"` keeps it in the append's own transaction, with {@link withInline}; its handlers cannot look at the version,
   * position and instant of an event, which are not known before it is appended.
   */
  readonly mode?: M
  /** How many workers share the events, by stream. 1 by default: then all is in the order of the log. */
  readonly partitions?: number
  /** When an event that fails is tried again. After 100 ms, 200 ms and so on, 5 times, by default. */
  readonly retry?: Schedule.Schedule<unknown>
  /**
   * What becomes of an event that fails for good. `"stop"`, by default: the projection fails, and waits to be resumed. `"park"`: it is set
   * aside, with the later ones of its key or stream behind it, and everything else goes on.
   */
  readonly onFailure?: "stop" | "park"
}

const defaultRetry = Schedule.max([Schedule.exponential("100 millis"), Schedule.recurs(5)])

const settings = <M extends Mode>(
  name: string,
  { version, mode, partitions = 1, retry = defaultRetry, onFailure = "stop" }: Settings<M>,
  events: { readonly stored: ReadonlyMap<string, unknown> },
  tables: Definition["tables"]
) => {
  const wrong =
    name === ""
      ? "its name is empty"
      : !Number.isSafeInteger(version) || version < 1
        ? "its version is not a whole number from 1"
        : !Number.isSafeInteger(partitions) || partitions < 1
          ? "its partitions are not a whole number from 1"
          : mode === "inline" && partitions !== 1
            ? "an inline projection has no partitions"
            : undefined
  if (wrong !== undefined) throw new Error(`the projection "${name}" cannot be made: ${wrong}`)
  const types = Array.from(events.stored.keys())
  const definition: Definition = { name, version, mode: mode ?? "async", partitions, types, tables }
  return { definition, query: queryOf(events), retry, onFailure }
}

/**
 * A projection of a view. A keyed view is kept as one document for each key, a whole view as one document. Throws where its settings cannot be.
 *
 * @example
 * import { Event, Projection, StreamName, View } from "eventfold"
 * import { Schema } from "effect"
 *
 * const balances = View.keyed({
 *   name: "balances",
 *   events: Event.define({ Deposited: { amount: Schema.Int } }),
 *   key: (_, { stream }) => StreamName.id(stream),
 *   model: Schema.Int,
 *   initial: 0
 * }).evolve({ Deposited: (balance, { amount }) => balance + amount })
 *
 * class Balances extends Projection.Service<Balances>()("app/Balances", Projection.make({ version: 1, view: balances })) {}
 */
export function make<Model, E extends Event.Tagged, M extends Mode = "async">(
  options: Settings<M> & { readonly view: View.KeyedView<Model, E>; readonly name?: string }
): Projection<Documents<Model, E>, NoInfer<M>, never, E>
export function make<Model, E extends Event.Tagged, M extends Mode = "async">(
  options: Settings<M> & { readonly view: View.View<Model, E>; readonly name?: string }
): Projection<Document<Model, E>, NoInfer<M>, never, E>
export function make(
  options: Settings<Mode> & { readonly view: View.Any; readonly name?: string }
): Projection<unknown, Mode> {
  const { view, name = view.name } = options
  const plan: Plan<never> = {
    ...settings(name, options, view.events, {}),
    decode: (recorded) => Event.decodeRecorded(view.events, recorded),
    encode: (event) => Event.encode(view.events, event),
    laneOf: laneOf(view),
    hasPhases: false,
    handling: documentsHandling(view)
  }
  const reader = (stores: Stores, name: string) => {
    const control = makeVersionControl(name, stores.store, options.version)
    if (view._tag === "View") {
      return {
        ...control,
        get: makeDocument(name, view, stores),
        at: (point: Point) => foldedAt(view, stores, point),
        compare: compareWhole(view, stores)
      }
    }
    const { get, getMany, query } = makeDocuments(name, view, stores)
    return {
      ...control,
      get,
      getMany,
      query: ({ where = {}, after, limit = Infinity }: QueryOptions<object> = {}) => query({ where, after, limit }),
      at: (point: Point) => foldedKeyedAt(view, stores, point),
      compare: compareKeyed(view, stores)
    }
  }
  return projection({ plan, reader, events: view.events, view })
}

const projection = <Reader, R, E extends Event.Tagged>(
  parts: Projection<Reader, Mode, R, E>["~eventfold/Projection"]
): Projection<Reader, Mode, R, E> => {
  const { name, version, mode } = parts.plan.definition
  return { name, version, mode, "~eventfold/Projection": parts }
}

/** What a handler can ask. */
export interface HandlerContext<in Table extends string> {
  /** The name of one of its tables, as SQL writes it. */
  readonly table: (table: Table) => string
  /**
   * Whether these events are handled for the first time, or again by a new generation: then what reaches beyond its tables, such as a mail,
   * has been done.
   */
  readonly phase: Phase
}

/** How a projection with tables of its own is made and run. */
interface HandlerOptions<E extends Event.Tagged, Err, R, Table extends string, M extends Mode> extends Settings<M> {
  /** Names the projection. Its tables, and how far it has come, are kept under it. */
  readonly name: string
  /** The events that it handles. Take some types of a larger set with `Event.pick`. */
  readonly events: Event.Definitions<E>
  /** Its tables by name: what stands after the name in CREATE TABLE. Each generation has its own. */
  readonly tables?: { readonly [Name in Table]: string }
  /** What has to stay in order when an event is parked. The stream by default. */
  readonly key?: (event: E, recorded: RecordedEvent) => string
  /**
   * Handles a batch, at least one event, in the order of the log, in the transaction that moves the projection on. What it writes with the
   * store's own client counts once; what else it does may happen again when the transaction fails.
   */
  readonly handle: (
    events: Arr.NonEmptyReadonlyArray<Event.Decoded<E>>,
    context: HandlerContext<Table>
  ) => Effect.Effect<unknown, Err, R>
}

/**
 * A projection that writes tables of its own. It needs a store on a database. Throws where its settings cannot be.
 *
 * @example
 * import { Event, Projection, StreamName } from "eventfold"
 * import { Effect, Schema } from "effect"
 * import { SqlClient } from "effect/sql"
 *
 * const payments = Projection.handler({
 *   name: "payments",
 *   version: 1,
 *   events: Event.define({ Paid: { amount: Schema.Int } }),
 *   tables: { lines: "(position bigint PRIMARY KEY, amount bigint NOT NULL)" },
 *   handle: Effect.fnUntraced(function* (events, { table }) {
 *     const sql = yield* SqlClient.SqlClient
 *     const positions = events.map(({ recorded }) => recorded.position)
 *     const amounts = events.map(({ event }) => event.amount)
 *     yield* sql`INSERT INTO ${sql.literal(table("lines"))} SELECT * FROM unnest(${positions}::bigint[], ${amounts}::bigint[])`
 *   })
 * })
 */
export function handler<E extends Event.Tagged, Err, R, Table extends string = never, M extends Mode = "async">(
  options: HandlerOptions<E, Err, R, Table, M>
): Projection<Tables<Table>, NoInfer<M>, R, E>
export function handler<E extends Event.Tagged, Err, R, Table extends string>(
  options: HandlerOptions<E, Err, R, Table, Mode>
): Projection<Tables<Table>, Mode, R, E> {
  const { name, events, tables, key, handle } = options
  // Its own plan decodes what it is given, so the events are of its own types.
  const plan: Plan<R> = {
    ...settings(name, options, events, { ...tables }),
    decode: (recorded) => Event.decodeRecorded(events, recorded),
    encode: (event) => Event.encode(events, event as E),
    laneOf: ({ event, recorded }) => (key === undefined ? recorded.stream : key(event as E, recorded)),
    hasPhases: true,
    handling: (store, { name, generation }) => ({
      prepare: (batch, phase) => {
        const table = (table: Table) => store.tableOf(name, generation, table)
        const decoded = batch as ReadonlyArray<Event.Decoded<E>>
        return Effect.succeed(
          Arr.isReadonlyArrayNonEmpty(decoded)
            ? Effect.asVoid(Effect.suspend(() => handle(decoded, { table, phase })))
            : Effect.void
        )
      },
      forget: () => {}
    })
  }
  const reader = ({ store }: Stores, name: string) => ({
    ...makeVersionControl(name, store, options.version),
    table: (table: Table) => store.liveTable(name, table)
  })
  return projection({ plan, reader, events, view: undefined })
}

/**
 * Makes the service of a projection, a class to be extended: `layer` runs it and reads it, `layerReader` reads it alone. Any number of
 * processes may run it: each partition has one owner at a time.
 */
export const Service =
  <Self>() =>
  <const Key extends string, Reader, M extends Mode, R>(
    key: Key,
    projection: Projection<Reader, M, R>
  ): Context.ServiceClass<Self, Key, Reader> & {
    /** Runs the projection, and reads it. Fails where the store cannot keep it. */
    readonly layer: Layer.Layer<Self, StoreError, EventStore | ProjectionStore | R>
    /** Reads the projection, and does not run it. */
    readonly layerReader: Layer.Layer<Self, never, EventStore | ProjectionStore>
  } => {
    const service = Context.Service<Self, Reader>()(key)
    const { plan, reader } = projection["~eventfold/Projection"]
    const stores = Effect.all({ store: ProjectionStore, eventStore: EventStore })
    const layerReader = Layer.effect(
      service,
      Effect.map(stores, (stores) => reader(stores, projection.name))
    )
    const layer = Layer.effect(
      service,
      Effect.gen(function* () {
        const { store, eventStore } = yield* stores
        // An inline one is run where its events are appended.
        if (projection.mode === "async") {
          yield* store.register(plan.definition)
          yield* supervise(plan, store, eventStore, yield* uuidV7)
        }
        return reader({ store, eventStore }, projection.name)
      })
    )
    return Object.assign(service, { layer, layerReader })
  }

/**
 * A store whose appends keep inline projections, in the same transaction. What a projection fails with fails the append. It first fills
 * those that are not live yet, and so may take a while to be there.
 *
 * @example
 * import { Event, Projection, View } from "eventfold"
 * import { MemoryEventStore } from "eventfold/memory"
 * import { Schema } from "effect"
 *
 * const AccountEvent = Event.define({ Deposited: { amount: Schema.Int } })
 * const total = View.make({ name: "total", events: AccountEvent, model: Schema.Int, initial: 0 }).evolve({
 *   Deposited: (total, { amount }) => total + amount
 * })
 *
 * const inline = Projection.make({ version: 1, view: total, mode: "inline" })
 * export const Store = Projection.withInline(MemoryEventStore.layer, [inline])
 */
export const withInline = <A, E, In, const Rs extends ReadonlyArray<unknown>>(
  store: Layer.Layer<A | EventStore | ProjectionStore, E, In>,
  projections: { readonly [Index in keyof Rs]: Projection<unknown, "inline", Rs[Index]> }
): Layer.Layer<
  A | EventStore | ProjectionStore,
  E | StoreError,
  In | Exclude<Rs[number], A | EventStore | ProjectionStore>
> => {
  const plans: ReadonlyArray<Plan<Rs[number]>> = projections.map((one) => one["~eventfold/Projection"].plan)
  return Layer.provideMerge(
    Layer.effect(
      EventStore,
      Effect.flatMap(Effect.all([ProjectionStore, EventStore, uuidV7]), ([projections, events, owner]) =>
        makeInline(plans, projections, events, owner)
      )
    ),
    store
  )
}
