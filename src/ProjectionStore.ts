/**
 * The port of what projections keep: read models, how far each has come, who runs it, and what it could not handle. Beside the
 * log, in the same database where there is one: what a batch of events changes, and that it was handled, is one transaction.
 *
 * A projection exists in generations. A generation is filled from the first event on, its *filling* bounded by how far the *live*
 * generation has come; when it stands where the live one stands it takes over, in one transaction, and the other is *retired*. The
 * first generation of a projection is live from the start. Readers see the live generation only.
 *
 * A generation has partitions, each with a position: everything up to it has been handled. Who runs a partition holds a claim: a lease
 * by the clock of the store, and an epoch that grows with every claim. A commit is refused with {@link ClaimLost} unless its epoch
 * is the last one and its position is the one stored: so every event counts once, whoever believes to be the owner.
 *
 * Owners share the partitions of a generation: who has at least two fewer than another one may ask for one of its partitions, and its holder
 * is told to give it back. An owner's share is what it holds and nobody asks for, with what it has asked for. So a share only grows at the cost of one
 * that was two greater: in the end sizes differ by one at most, and nothing is passed to and fro. To be asked for changes nothing about a
 * claim: only its epoch and its position say whether it stands.
 */
import * as Context from "effect/Context"
import type * as DateTime from "effect/DateTime"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import type { StoreError } from "./EventStore.ts"

/**
 * A projection as the code defines it.
 */
export interface Definition {
  /** The name under which everything of it is kept. */
  readonly name: string
  /** From 1. Another version is another generation; a version below the live one is not run. */
  readonly version: number
  /** How many partitions its events are divided into, by stream. From 1; an inline projection has 1. */
  readonly partitions: number
  /** Whether it is handled after the append, or in the append's own transaction. */
  readonly mode: "async" | "inline"
  /** The types that it handles, as stored. */
  readonly types: ReadonlyArray<string>
  /** Tables of its own, by name: what stands after the name in CREATE TABLE. Each generation has its own. */
  readonly tables: { readonly [name: string]: string }
}

/**
 * Where a generation stands.
 */
export type Standing =
  | {
      readonly _tag: "Live"
      /**
       * How far its predecessors had handled the events: positions by partition, for each number of partitions that they had. What no list
       * covers was handled by nobody before. The first generation has one position, the head of the log when it was made.
       */
      readonly replayedTo: ReadonlyArray<ReadonlyArray<number>>
    }
  /** `upTo` is how far it may go: the lowest position of the live generation, or infinity where there is none. */
  | { readonly _tag: "Filling"; readonly upTo: number }
  | { readonly _tag: "Retired" }

/**
 * The right to run one partition of a generation.
 */
export interface Claim {
  /** The projection. */
  readonly name: string
  /** The version of the code that runs it. */
  readonly version: number
  /** The generation that is run, by a number that no other generation has. */
  readonly generation: number
  /** Which of its partitions it is, from 0. */
  readonly partition: number
  /** How many it has. */
  readonly partitions: number
  /** Grows with every claim of the partition: only the last one counts. */
  readonly epoch: number
  /** Everything up to it has been handled. */
  readonly position: number
  /** Where the generation stands. */
  readonly standing: Standing
  /** The lanes that have parked events. */
  readonly parked: ReadonlySet<string>
  /** The positions that are to be skipped. */
  readonly skipped: ReadonlySet<number>
}

/**
 * A claim that was renewed, and what is asked of who holds it.
 */
export interface Renewed {
  /** The claim, with its position and standing as they are now. */
  readonly claim: Claim
  /** The lanes that are asked to be retried. */
  readonly retry: ReadonlyArray<string>
  /** Whether another owner, who has fewer partitions, asks for this one. */
  readonly isAskedFor: boolean
}

/**
 * An event that a partition could not handle, or that came behind one in its lane.
 */
export interface Parked {
  /** The generation that could not handle it. */
  readonly generation: number
  /** The partition of that generation, from 0. */
  readonly partition: number
  /** The position of the event. */
  readonly position: number
  /** What has to stay in order: a key, or a stream. */
  readonly lane: string
  /** Why it could not be handled. Empty for one that only came behind another. */
  readonly problem: string
  /** How often it has been tried. */
  readonly attempts: number
  /** When it was set aside, by the store's clock. */
  readonly parkedAt: DateTime.Utc
}

/**
 * An event that was passed over, and why.
 */
export interface Skipped {
  /** The generation that did not handle it. */
  readonly generation: number
  /** The partition of that generation, from 0. */
  readonly partition: number
  /** The position of the event. */
  readonly position: number
  /** What was said when it was passed over. */
  readonly reason: string
  /** When it was passed over, by the store's clock. */
  readonly skippedAt: DateTime.Utc
}

/**
 * How a partition of a generation is doing.
 */
export interface Status {
  /** The projection. */
  readonly name: string
  /** The version of the code that fills the generation. */
  readonly version: number
  /** The generation. */
  readonly generation: number
  /** Whether it is handled after the append, or in the append's own transaction. */
  readonly mode: Definition["mode"]
  /** Whether readers see it, it is being filled, or another one has taken its place. */
  readonly role: "live" | "filling" | "retired"
  /** The partition, from 0. */
  readonly partition: number
  /** How many partitions the generation has. */
  readonly partitions: number
  /** Whether it may go on, was told to stop, or stands before an event that it cannot handle. */
  readonly state: "running" | "paused" | "failed"
  /** Everything up to it has been handled. */
  readonly position: number
  /** Positions of the log that it has not come to. */
  readonly lag: number
  /** How long ago the first event was recorded that it has not come to. Zero when there is none. */
  readonly lagTime: Duration.Duration
  /** Events a second, over the last batches that it has handled. */
  readonly rate: number
  /** Who runs it, unless nobody does at the moment. */
  readonly owner: string | undefined
  /** What it failed at, while it is failed. */
  readonly failure: { readonly position: number; readonly problem: string } | undefined
  /** How many events are parked. */
  readonly parked: number
}

/** Documents by key, as JSON; of changes, `undefined` where there is none any more. */
export type Documents = ReadonlyMap<string, Schema.Json>
/** Documents that are to be written, by key: `undefined` for those that are to be removed. */
export type Changes = ReadonlyMap<string, Schema.Json | undefined>

/**
 * Somebody else runs the partition, or its position was set by hand. Nothing was stored.
 */
export class ClaimLost extends Schema.TaggedError<ClaimLost>("eventfold/ClaimLost")("ClaimLost", {
  /** The projection. */
  projection: Schema.String,
  /** The generation that was to be run. */
  generation: Schema.Int,
  /** The partition that was to be run, from 0. */
  partition: Schema.Int
}) {
  override get message(): string {
    return `partition ${this.partition} of projection ${this.projection} (generation ${this.generation}) has another owner`
  }
}

/**
 * What projections keep.
 *
 * @example
 * import { ProjectionStore } from "eventfold"
 * import { Effect } from "effect"
 *
 * export const failed = Effect.gen(function* () {
 *   const store = yield* ProjectionStore.ProjectionStore
 *   const partitions = yield* store.status()
 *   return partitions.filter(({ state }) => state === "failed").map(({ name, failure }) => ({ name, failure }))
 * })
 */
export class ProjectionStore extends Context.Service<
  ProjectionStore,
  {
    // Running.

    /**
     * Makes sure that there is a generation of this version, its documents and tables empty: live if the projection is new, filling if
     * another version is live. An older version than the live one is left alone, and so is what is there. Fails with
     * `Misconfigured` when the store cannot keep its tables, or when it is there with another mode, other partitions or tables.
     */
    readonly register: (definition: Definition) => Effect.Effect<void, StoreError>
    /**
     * Takes partitions of this version that are running and that nobody holds, of the live or the filling generation; at most so many. One that
     * is asked for is taken by nobody but who asked.
     *
     * Who finds none asks for one: a partition of the generation in which its share is furthest below the greatest, by two at least, of whoever has
     * that one. The store notes who asks, for the time of a lease by its own clock; then it is forgotten, whatever has become of either. An owner asks
     * for one partition at a time, nobody asks for one that another asks for, and what does not run, or is not held, is not asked for.
     */
    readonly claim: (options: {
      /** The projection. */
      readonly name: string
      /** The version of the code that asks. */
      readonly version: number
      /** Names who asks, and nobody else. */
      readonly owner: string
      /** For how long the claims stand unless they are renewed. */
      readonly lease: Duration.Duration
      /** How many partitions are taken at most. */
      readonly most: number
    }) => Effect.Effect<ReadonlyArray<Claim>, StoreError>
    /**
     * Holds on to claims for another lease. Gives those that still stand, with the lanes that are asked to be retried, and whether another
     * owner asks for the partition: who holds it is to end its work and to release it.
     */
    readonly renew: (
      claims: ReadonlyArray<Claim>,
      lease: Duration.Duration
    ) => Effect.Effect<ReadonlyArray<Renewed>, StoreError>
    /** Gives claims back, so that somebody else can take them at once: who asks for a partition, if anybody does. */
    readonly release: (claims: ReadonlyArray<Claim>) => Effect.Effect<void, StoreError>
    /** Where the generation of a claim stands now. */
    readonly standing: (claim: Claim) => Effect.Effect<Standing, StoreError>
    /**
     * Does a piece of work and moves the position of the claim forward, together or not at all. Gives the claim at its new position. The work is
     * done when the claim is known to stand, in the transaction, and fails it with whatever it fails with; where that is
     * a failure of the store that is waited for (`EventStore.isWaitedFor`), it is a `StoreError`.
     */
    readonly commit: <E, R>(
      claim: Claim,
      progress: { readonly to: number; readonly rate: number },
      work: Effect.Effect<void, E, R>
    ) => Effect.Effect<Claim, E | StoreError | ClaimLost, R>
    /**
     * Makes a filling generation the live one. While neither the live generation nor this one can move, `finish` is to handle what
     * is left of each partition, up to where the live one stands; of an inline projection, up to the head of the log while nothing is
     * appended. Gives whether it is live now: not when more is left than `most` positions of a partition.
     */
    readonly takeOver: <E, R>(
      claim: Claim,
      most: number,
      finish: (
        rest: ReadonlyArray<{ readonly partition: number; readonly after: number; readonly upTo: number }>
      ) => Effect.Effect<void, E, R>
    ) => Effect.Effect<boolean, E | StoreError | ClaimLost, R>
    /** Says that a partition cannot go on. It is not claimed again until it is resumed. */
    readonly fail: (
      claim: Claim,
      failure: { readonly position: number; readonly problem: string }
    ) => Effect.Effect<void, StoreError | ClaimLost>

    // Inline.

    /**
     * Runs an append in one transaction with what inline projections make of it. The generations are those that the work takes care of: an
     * append whose events any other live inline generation handles is refused with `Misconfigured`, and so is one for a generation that is
     * not live inline.
     */
    readonly withInline: <A, E, R>(
      generations: ReadonlyArray<number>,
      work: Effect.Effect<A, E, R>
    ) => Effect.Effect<A, E | StoreError, R>

    // Documents, within the transaction that is under way.

    /**
     * The documents of keys. With `lock` nobody else can read them so before the transaction ends, also those that are not there: who reads and
     * writes them does it one after the other.
     */
    readonly documents: (
      generation: number,
      keys: ReadonlyArray<string>,
      options: { readonly lock: boolean }
    ) => Effect.Effect<Documents, StoreError>
    /** Writes documents, and removes those that are `undefined`. */
    readonly save: (generation: number, changes: Changes) => Effect.Effect<void, StoreError>
    /** The name of a generation's table, as SQL writes it. */
    readonly tableOf: (name: string, generation: number, table: string) => string

    // What could not be handled, within the transaction that is under way.

    /** Sets an event aside, with why it could not be handled. */
    readonly park: (
      claim: Claim,
      event: { readonly position: number; readonly lane: string; readonly problem: string }
    ) => Effect.Effect<void, StoreError>
    /** The parked events of a lane, in order. */
    readonly parkedIn: (claim: Claim, lane: string) => Effect.Effect<ReadonlyArray<Parked>, StoreError>
    /** Takes a parked event out: it was handled. */
    readonly unpark: (claim: Claim, position: number) => Effect.Effect<void, StoreError>
    /** Says that a parked event was tried again in vain. Its lane is not asked to be retried any more. */
    readonly parkAgain: (
      claim: Claim,
      event: { readonly position: number; readonly lane: string; readonly problem: string }
    ) => Effect.Effect<void, StoreError>

    // Reading the live generation.

    /** The live generation, unless the projection is not there. `position` is the lowest of its partitions. */
    readonly live: (name: string) => Effect.Effect<
      | {
          /** The generation that readers see. */
          readonly generation: number
          /** The version of the code that has filled it. */
          readonly version: number
          /** The lowest position of its partitions. */
          readonly position: number
          /** How it is kept up to date. */
          readonly mode: Definition["mode"]
        }
      | undefined,
      StoreError
    >
    /** Documents by key. */
    readonly read: (name: string, keys: ReadonlyArray<string>) => Effect.Effect<Documents, StoreError>
    /**
     * Documents in the order of their keys (by code points), after a key, at most so many, whose fields equal those given.
     */
    readonly list: (
      name: string,
      options: {
        /** The key after which to begin. From the first one where it is `undefined`. */
        readonly after: string | undefined
        /** The most documents to give. */
        readonly limit: number
        /** Fields that a document has, with just these values. */
        readonly where: { readonly [field: string]: Schema.Json }
      }
    ) => Effect.Effect<Documents, StoreError>
    /** The name under which SQL finds a table of the live generation. */
    readonly liveTable: (name: string, table: string) => string

    // Control. Whoever runs what is changed has lost its claim.

    /** Of all generations, or of those of one projection, by name, generation and partition. */
    readonly status: (name?: string) => Effect.Effect<ReadonlyArray<Status>, StoreError>
    /** Stops the live and the filling generation until they are resumed. */
    readonly pause: (name: string) => Effect.Effect<void, StoreError>
    /** Lets go on what is paused or failed. What failed is tried again. */
    readonly resume: (name: string) => Effect.Effect<void, StoreError>
    /** Empties the live generation and begins it anew. Readers see it empty, and fill. */
    readonly reset: (name: string) => Effect.Effect<void, StoreError>
    /** Begins another generation of the live version beside it. One that is filling already begins anew. */
    readonly rebuild: (name: string) => Effect.Effect<void, StoreError>
    /** Passes over the event that a failed partition stands before, and lets it go on. */
    readonly skip: (
      name: string,
      options: { readonly position: number; readonly reason: string }
    ) => Effect.Effect<void, StoreError>
    /** The events that were passed over, of all generations, by generation, partition and position. */
    readonly skipped: (name: string) => Effect.Effect<ReadonlyArray<Skipped>, StoreError>
    /** The parked events of the live and the filling generation, by generation, partition and position. */
    readonly parked: (name: string) => Effect.Effect<ReadonlyArray<Parked>, StoreError>
    /** Asks for a lane to be tried again, or all. */
    readonly retryParked: (name: string, lane?: string) => Effect.Effect<void, StoreError>
    /** Takes a parked event out for good. The reason is kept among the skipped. */
    readonly discardParked: (
      name: string,
      options: { readonly position: number; readonly reason: string }
    ) => Effect.Effect<void, StoreError>
    /** Deletes retired generations, with documents and tables. */
    readonly removeRetired: (name: string) => Effect.Effect<void, StoreError>
    /** Says whenever something may have changed in this process: a batch is committed, a generation has taken over. */
    readonly changes: Stream.Stream<void>
  }
>()("eventfold/ProjectionStore") {}
