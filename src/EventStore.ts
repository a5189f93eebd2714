/**
 * The port: the one interface between the runtime and a log of events. Adapters implement it, everything above speaks to it.
 *
 * What every store promises, and the suite in `eventfold/testing` proves for each:
 *
 * 1. All or nothing: an append is stored whole or not at all.
 * 2. One winner: of racing appends with the same expectation one succeeds.
 * 3. One order: positions are contiguous and in commit order. Who has seen a position has seen, or can never see,
 *    everything below it. `recordedAt` never decreases along positions, also where events were restored with times of their own.
 * 4. Idempotent: appending the same event ids at the same place again answers as the first time did.
 * 5. Durable before acknowledged, as far as the adapter's medium goes: the memory store lives as long as its process.
 * 6. Bounded: reads are streams with back-pressure.
 * 7. Typed: every failure is one of the errors here.
 * 8. Immutable: what was recorded is not changed.
 */
import * as Context from "effect/Context"
import type * as DateTime from "effect/DateTime"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import type { EncodedEvent } from "./Event.ts"
import type { Query } from "./Query.ts"
import type { Metadata, RecordedEvent } from "./RecordedEvent.ts"
import type { StreamName } from "./StreamName.ts"

/**
 * What an append expects of a stream: the version it is at (0: no event yet), that it is new, that it is not, or nothing.
 */
export type ExpectedVersion = number | "no stream" | "stream exists" | "any"

/**
 * Whether a stream at version `actual` is where an append expects it: what every store's own check must agree with.
 */
export const isExpected = (expected: ExpectedVersion, actual: number): boolean =>
  expected === "any" ||
  (expected === "no stream" ? actual === 0 : expected === "stream exists" ? actual > 0 : actual === expected)

/**
 * An event to append.
 */
export interface EventToAppend extends EncodedEvent {
  /** A UUID of the caller's making. It is what makes an append idempotent. */
  readonly id: string
  /** What is known about it beside what happened. */
  readonly metadata: Metadata
}

/**
 * Events for one stream, and what is expected of it.
 */
export interface Write {
  /** The stream that they are appended to. */
  readonly stream: StreamName
  /** Where that stream has to be. */
  readonly expected: ExpectedVersion
  /** At least one. */
  readonly events: ReadonlyArray<EventToAppend>
}

/**
 * A dynamic consistency boundary: no event after a position may match a query. What the caller read up to that position is then
 * still all there is to know when its append is stored. The idea is Sara Pellegrini's; dcb.events has the specification.
 *
 * @example
 * import { EventStore, type Query } from "eventfold"
 * import { Effect, Stream } from "effect"
 *
 * const ofTheSeat: Query.Query = [{ tags: ["seat:12A"] }]
 *
 * export const reserve = (write: EventStore.Write) =>
 *   Effect.gen(function* () {
 *     const store = yield* EventStore.EventStore
 *     const after = yield* store.head
 *     const known = yield* Stream.runCollect(store.readLog({ query: ofTheSeat, to: after }))
 *     // Fails with ConditionConflict where somebody has reserved the seat meanwhile.
 *     if (known.length === 0) yield* store.append([write], { condition: { query: ofTheSeat, after } })
 *   })
 */
export interface Condition {
  /** The events that no new one may be among. */
  readonly query: Query
  /** The position up to which the caller has read. */
  readonly after: number
}

/**
 * The answer to an append. Its events have contiguous positions, in the order of the writes.
 */
export interface Appended {
  /** The position of the last event. */
  readonly position: number
  /** The version of each write's last event, in the order of the writes. */
  readonly versions: ReadonlyArray<number>
  /** When they were recorded, by the store's clock, in whole milliseconds. */
  readonly recordedAt: DateTime.Utc
  /** Whether the events were stored before, and this is the answer that was given then. */
  readonly repeated: boolean
}

/**
 * An event as another store has recorded it, but for its places: those are given to it anew.
 */
export interface RestoredEvent extends EventToAppend {
  /** The stream that it was recorded in. */
  readonly stream: StreamName
  /** When it was recorded, in whole milliseconds. */
  readonly recordedAt: DateTime.Utc
}

/**
 * The answer to a restore. Its events have contiguous positions, in the order in which they were given.
 */
export interface Restored {
  /** The position of the last event. */
  readonly position: number
  /** Whether the events were stored before, and this is where they are. */
  readonly repeated: boolean
}

/**
 * Bounds of a read, both inclusive. Going backward the read starts at `to`.
 */
export interface ReadOptions {
  /** The lowest version or position. 1 by default. */
  readonly from?: number
  /** The highest version or position. By default the last one there is when the read starts. */
  readonly to?: number
  /** The most events to give. */
  readonly limit?: number
  /** The order in which they are given. `"forward"` by default. */
  readonly direction?: "forward" | "backward"
}

/**
 * Some events of the log, in order: all that match after the page before, up to a position.
 */
export interface Page {
  /** None where nothing matches. */
  readonly events: ReadonlyArray<RecordedEvent>
  /** Every event up to it has been seen, or does not match. */
  readonly upTo: number
}

/**
 * The sizes that a store accepts.
 */
export interface Limits {
  /** Bytes of an event's data and metadata together, as JSON in UTF-8. */
  readonly eventBytes: number
  /** Bytes of all events of one append. */
  readonly appendBytes: number
  /** Events of one append. */
  readonly appendEvents: number
  /** Tags of one event. */
  readonly tags: number
}

/**
 * What a store accepts unless it is configured otherwise.
 */
export const defaultLimits: Limits = {
  eventBytes: 1024 * 1024,
  appendBytes: 16 * 1024 * 1024,
  appendEvents: 10_000,
  tags: 100
}

/**
 * Another append came first: the stream is not where the append expected it. Load what was missed, and decide again.
 */
export class ConcurrencyConflict extends Schema.TaggedError<ConcurrencyConflict>("eventfold/ConcurrencyConflict")(
  "ConcurrencyConflict",
  {
    /** The stream that was not where it was expected. */
    stream: Schema.String,
    /** What the append expected of it. */
    expected: Schema.Union([Schema.Int, Schema.Literals(["no stream", "stream exists", "any"])]),
    /** The version the stream is at, 0 when it has no event. */
    // What is in a damaged row can be no safe integer, and the error must be able to say so.
    // @effect-diagnostics-next-line schemaNumber:off
    actual: Schema.Number
  }
) {
  override get message(): string {
    const expected = typeof this.expected === "number" ? `version ${this.expected}` : this.expected
    return `stream ${this.stream}: expected ${expected}, is at version ${this.actual}`
  }
}

/**
 * An event that matches an append's condition was stored after the position the caller had read.
 */
export class ConditionConflict extends Schema.TaggedError<ConditionConflict>("eventfold/ConditionConflict")(
  "ConditionConflict",
  {
    /** The position up to which the caller had read. */
    after: Schema.Int,
    /** The position of the first event that matches. */
    // See ConcurrencyConflict.
    // @effect-diagnostics-next-line schemaNumber:off
    position: Schema.Number
  }
) {
  override get message(): string {
    return `the event at position ${this.position} matches the append's condition, which had read up to ${this.after}`
  }
}

/** Whether the same request may succeed later, for each reason. */
const retryableByReason = {
  /** The request breaks a rule of the port; nothing was sent. */
  InvalidRequest: false,
  /** An event id is stored already, in another place or beside other events. */
  DuplicateEvent: false,
  /** The store cannot be reached at the moment, or has no place. */
  Unavailable: true,
  /** It took longer than the store allows. */
  Timeout: true,
  /** Others were in the way, in a transaction of the caller's own: run that again. */
  Contention: true,
  /** The connection was lost and did not come back in time: whether the events are stored is not known. Appending the same
   * event ids again is safe, and answers it. */
  OutcomeUnknown: true,
  /** The store does not let its user do this. */
  AccessDenied: false,
  /** Something is missing that has to be set up first. */
  Misconfigured: false,
  /** The store only reads. */
  ReadOnly: false,
  /** There is no room left. */
  StorageFull: false,
  /** A projection that is kept in the append's own transaction failed on its events. */
  ProjectionFailed: false,
  /** None of the above: what the store said is in the problem. */
  Unexpected: false
}

/**
 * Why a store failed.
 */
export type StoreReason = keyof typeof retryableByReason

/** What lies in the store, for as long as nobody has seen to it: no request can help it, and it is over when it is mended. */
const untilMended: ReadonlySet<StoreReason> = new Set(["ReadOnly", "StorageFull"])

/**
 * The store could not do what was asked. Nothing was stored, unless the reason is `OutcomeUnknown`.
 */
export class StoreError extends Schema.TaggedError<StoreError>("eventfold/StoreError")("StoreError", {
  /** Why, in a word: whether asking again may help follows from it. */
  reason: Schema.Literals(Object.keys(retryableByReason) as ReadonlyArray<StoreReason>),
  /** What is wrong, and what to do about it. */
  problem: Schema.String
}) {
  override get message(): string {
    return `${this.reason}: ${this.problem}`
  }

  /** Whether the same request may succeed later. */
  get isRetryable(): boolean {
    return retryableByReason[this.reason]
  }
}

/**
 * Whether what runs by itself, such as a projection, waits for it to pass, for as long as that takes: what is retryable, and a store that has
 * no room, or only reads. That says nothing of what was asked, and is over when somebody has seen to the store.
 */
export const isWaitedFor = (error: StoreError): boolean => error.isRetryable || untilMended.has(error.reason)

/** What an append can fail with. */
export type AppendError = ConcurrencyConflict | ConditionConflict | StoreError

/**
 * The log of events. What breaks a rule of the port, such as an empty append or a name that is too long, is a `StoreError` with the reason
 * `InvalidRequest`: nothing is sent.
 *
 * @example
 * import { EventStore } from "eventfold"
 * import { MemoryEventStore } from "eventfold/memory"
 * import { Effect, Stream } from "effect"
 *
 * const deposited = { id: crypto.randomUUID(), type: "Deposited", schemaVersion: 1, data: { amount: 5 }, tags: [], metadata: {} }
 *
 * const program = Effect.gen(function* () {
 *   const store = yield* EventStore.EventStore
 *   yield* store.append([{ stream: "account-ada", expected: "no stream", events: [deposited] }])
 *   return yield* Stream.runCollect(store.readStream("account-ada", { direction: "backward", limit: 10 }))
 * })
 *
 * const [last] = await Effect.runPromise(Effect.provide(program, MemoryEventStore.layer))
 */
export class EventStore extends Context.Service<
  EventStore,
  {
    /**
     * Stores events in one stream, or in several at once, all or nothing; on a condition, if one is given. Events whose
     * ids are stored already, all of them and just where this append would have put them, are answered as they were the first
     * time, whatever was appended since.
     *
     * Fails with `ConcurrencyConflict` where a stream is not where it is expected, with `ConditionConflict` where an event matches the condition, and with
     * a `StoreError`, such as `DuplicateEvent` for an id that is stored in another place.
     */
    readonly append: (
      writes: ReadonlyArray<Write>,
      options?: { readonly condition?: Condition }
    ) => Effect.Effect<Appended, AppendError>
    /**
     * Stores events that were recorded elsewhere, with their times, all or nothing: right after the head, in the order given, with
     * versions that go on where each stream stands. At least one. Refused with `InvalidRequest`, which says the event: what `append`
     * refuses of an event, and a time before that of the event before it, in the log or here, or after the one that an append would
     * get now. Events whose ids are stored already, all of them and in just this order, with these streams and times, are answered as
     * repeated; others with `DuplicateEvent`. It is what `Copy` writes with: events that happen are appended.
     */
    readonly restore: (events: ReadonlyArray<RestoredEvent>) => Effect.Effect<Restored, StoreError>
    /** The events of a stream by version. A stream without events is empty. Fails with a `StoreError`, as every read here does. */
    readonly readStream: (stream: StreamName, options?: ReadOptions) => Stream.Stream<RecordedEvent, StoreError>
    /** The events of the log by position, of those that match the query. */
    readonly readLog: (options?: ReadOptions & { readonly query?: Query }) => Stream.Stream<RecordedEvent, StoreError>
    /**
     * All events after a position that match the query, those that are there and then those that come, each once and in
     * order. Never ends.
     */
    readonly subscribe: (options: {
      /** The position after which to begin. 0 for the whole log. */
      readonly after: number
      /** The events that are given. Every event by default. */
      readonly query?: Query
    }) => Stream.Stream<RecordedEvent, StoreError>
    /**
     * The same by pages, each with how far the log was searched for it: for who keeps a position, which moves on also where no event matches.
     */
    readonly subscribePages: (options: {
      /** The position after which to begin. 0 for the whole log. */
      readonly after: number
      /** The events that are given. Every event by default. */
      readonly query?: Query
    }) => Stream.Stream<Page, StoreError>
    /** The position of the last event, 0 for an empty log. */
    readonly head: Effect.Effect<number, StoreError>
    /**
     * The position of the last event, when all appends have ended that were under way when it was asked for: so all events are at or below it that
     * were recorded before, as far as clocks agree. It waits for transactions that have appended.
     */
    readonly settledHead: Effect.Effect<number, StoreError>
    /** The version of the last event of a stream, 0 when it has none. */
    readonly streamVersion: (stream: StreamName) => Effect.Effect<number, StoreError>
    /**
     * Whether the caller is in a transaction that may still be rolled back: what is read and appended there is not to be remembered as what
     * the log holds.
     */
    readonly inTransaction: Effect.Effect<boolean>
  }
>()("eventfold/EventStore") {}
