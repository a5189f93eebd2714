/**
 * The port for who looks into a log from outside: an operator, a developer who debugs, a tool. It asks what the runtime never does, and
 * so is no part of `EventStore`: how much there is of what, where an event with an id is, what was recorded in a time or with some metadata.
 *
 * It only reads. What it is asked may cost a scan of the log, which a store does where the events are.
 */
import * as Context from "effect/Context"
import type * as DateTime from "effect/DateTime"
import type * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import type { StoreError } from "./EventStore.ts"
import type { Query } from "./Query.ts"
import type { RecordedEvent } from "./RecordedEvent.ts"
import type { StreamName } from "./StreamName.ts"

/** What there is of a category. */
export interface CategoryStatistics {
  /** The name of the category. */
  readonly category: string
  /** How many streams it has. */
  readonly streams: number
  /** How many events they have. */
  readonly events: number
}

/** What there is of a type in a version of its schema. */
export interface TypeStatistics {
  /** The type, as stored. */
  readonly type: string
  /** The version of its schema, from 1. */
  readonly schemaVersion: number
  /** How many events there are. */
  readonly events: number
  /**
   * Bytes of data and metadata, of all of them and of the largest: as JSON in UTF-8, the way PostgreSQL writes it, with a blank after every
   * colon and comma and numbers without exponents.
   */
  readonly bytes: number
  /** Bytes of the largest one, counted likewise. */
  readonly largest: number
}

/** What was recorded on a day. */
export interface DayStatistics {
  /** In UTC, as `2026-03-31`. */
  readonly day: string
  /** How many events were recorded on it. */
  readonly events: number
}

/** A stream and how many events it has. */
export interface StreamStatistics {
  /** The name of the stream. */
  readonly stream: StreamName
  /** Its version, where nothing of it was left out. */
  readonly events: number
}

/**
 * What a log holds.
 */
export interface Statistics {
  /** The position of the last event, 0 for an empty log. */
  readonly head: number
  /** How many events there are. */
  readonly events: number
  /** How many streams have an event. */
  readonly streams: number
  /** When the first and the last event were recorded. */
  readonly first: DateTime.Utc | undefined
  /** When the last one was. */
  readonly last: DateTime.Utc | undefined
  /** By name. */
  readonly categories: ReadonlyArray<CategoryStatistics>
  /** By name and version. */
  readonly types: ReadonlyArray<TypeStatistics>
  /** The last days on which something was recorded, in order: at most as many as were asked for. */
  readonly days: ReadonlyArray<DayStatistics>
  /** The longest streams, the longest first and by name where they are equally long: at most as many as were asked for. */
  readonly longest: ReadonlyArray<StreamStatistics>
  /** Bytes that it takes up where it is kept, with its indexes. `undefined` where the store cannot tell. */
  readonly stored: { readonly events: number; readonly indexes: number } | undefined
}

/**
 * Which events are looked for. All that is given has to be so.
 */
export interface Search {
  /** The types, categories and tags that are looked for. Every event by default. */
  readonly query?: Query | undefined
  /** Recorded at this instant or later. */
  readonly since?: DateTime.Utc | undefined
  /** Recorded before this instant. */
  readonly until?: DateTime.Utc | undefined
  /** Fields that the metadata has, with just these values. The order of keys does not matter. */
  readonly metadata?: { readonly [field: string]: Schema.Json } | undefined
  /** The lowest and the highest position. */
  readonly from?: number | undefined
  /** The highest position. */
  readonly to?: number | undefined
  /** The most events to give. All by default. */
  readonly limit?: number | undefined
  /** The order in which they are given. `"forward"` by default. */
  readonly direction?: "forward" | "backward" | undefined
}

/**
 * A look into a log.
 *
 * @example
 * import { Inspection } from "eventfold"
 * import { MemoryEventStore, MemoryInspection } from "eventfold/memory"
 * import { Effect, Layer, Stream } from "effect"
 *
 * export const causedByAda = Effect.gen(function* () {
 *   const look = yield* Inspection.Inspection
 *   const { events } = yield* look.statistics({ days: 14, longest: 10 })
 *   const last = look.search({ metadata: { actor: "user:ada" }, direction: "backward", limit: 5 })
 *   return { of: events, last: yield* Stream.runCollect(last) }
 * }).pipe(Effect.provide(MemoryInspection.layer.pipe(Layer.provide(MemoryEventStore.layer))))
 */
export class Inspection extends Context.Service<
  Inspection,
  {
    /** What the log holds, as of one moment. */
    readonly statistics: (options: {
      /** How many days are told of at most. */
      readonly days: number
      /** How many streams are told of at most. */
      readonly longest: number
    }) => Effect.Effect<Statistics, StoreError>
    /** The event with an id, in upper or lower case, unless there is none. */
    readonly event: (id: string) => Effect.Effect<RecordedEvent | undefined, StoreError>
    /** Events by position, with back-pressure. It ends where the log ended when it began. */
    readonly search: (search: Search) => Stream.Stream<RecordedEvent, StoreError>
  }
>()("eventfold/Inspection") {}
