/**
 * The port of what processes keep: the instances of process managers, what each has been through, and what is asked of them. Beside
 * the log and what projections keep, in the same database where there is one.
 *
 * How far a process has come is the position of a projection that bears its name, and who runs a partition of it holds a claim of that
 * projection: see {@link ProjectionStore}. What comes of an input is saved in the transaction that moves the claim on. So an instance is
 * written by one owner at a time, and `save` may replace what is there without looking.
 *
 * What is kept of an instance is one document that nobody looks into here, and beside it what it is looked up by.
 */
import * as Context from "effect/Context"
import type * as DateTime from "effect/DateTime"
import type * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import type { StoreError } from "./EventStore.ts"

/**
 * The longest name of a process, in Unicode code points. With the longest name of an instance it is as much as every store can index.
 */
export const maxProcessLength = 150

/**
 * The longest name of an instance, and of what one waits for, in Unicode code points.
 */
export const maxInstanceLength = 500

/**
 * The largest state, document, step and request, each in bytes of its JSON in UTF-8. In a state a number counts with all its digits: 1e300
 * has 301.
 */
export const maxBytes = 1024 * 1024

/**
 * How many levels deep any of them may be nested.
 */
export const maxDepth = 500

/**
 * How many things an instance may wait for.
 */
export const maxWaitingFor = 100

/**
 * How an instance is doing. It is running; or it is stuck at something that somebody has to look at; or it has ended, by itself or
 * because it was cancelled.
 */
export type Status = "running" | "stuck" | "ended" | "cancelled"

/**
 * An instance as it is kept.
 */
export interface Instance {
  /** The name of the instance. */
  readonly instance: string
  /** The partition of the process that it belongs to. It never changes. */
  readonly partition: number
  /** How it is doing. */
  readonly status: Status
  /** Whether there is something to do for it now, that waits for nothing. */
  readonly isReady: boolean
  /** When its next timer is due, in whole milliseconds. None where it waits for no timer. */
  readonly dueAt: DateTime.Utc | undefined
  /** What it waits for, as names to look for it by. At most {@link maxWaitingFor}, each as long as a name of an instance. */
  readonly waitingFor: ReadonlyArray<string>
  /** In whole milliseconds, as the instant below. It never changes. */
  readonly startedAt: DateTime.Utc
  /** When something happened to it last. */
  readonly updatedAt: DateTime.Utc
  /** The number of its last step, from 1. */
  readonly steps: number
  /** Its state, as JSON. Its texts are valid Unicode without NUL characters. It keeps no order of keys. */
  readonly state: Schema.Json
  /** All else that the runtime knows of it, as JSON. It comes back as `JSON.stringify` writes it: any text, keys in their order. */
  readonly document: Schema.Json
}

/**
 * Something that an instance has been through, and what came of it.
 */
export interface Step {
  /** The name of the instance. */
  readonly instance: string
  /** Counts the steps of an instance, from 1 without gaps. */
  readonly number: number
  /** When it was taken, in whole milliseconds. */
  readonly at: DateTime.Utc
  /** What happened, and what was done, as JSON. It comes back as a document does. */
  readonly step: Schema.Json
}

/**
 * Something that is asked of an instance by whoever looks after it, until its owner has done it.
 */
export interface Request {
  /** Grows with every request. */
  readonly id: number
  /** The name of the instance that it is asked of. */
  readonly instance: string
  /** As JSON. It comes back as a document does. */
  readonly request: Schema.Json
}

/**
 * Which instances are looked for. All that is given has to be so.
 */
export interface Filter {
  /** Those that are doing so. */
  readonly status?: Status | undefined
  /** Those that were started before. */
  readonly startedBefore?: DateTime.Utc | undefined
  /** Those that were updated before: to which nothing has happened since. */
  readonly updatedBefore?: DateTime.Utc | undefined
  /** Those that wait for it, among other things. */
  readonly waitingFor?: string | undefined
  /** Those whose state is an object that has these fields, with just these values. The order of keys does not matter. */
  readonly where?: { readonly [field: string]: Schema.Json } | undefined
}

/**
 * What processes keep.
 *
 * Names of processes and instances are no empty texts, valid Unicode without NUL characters, and ordered by code points. Instants are whole
 * milliseconds, and none is before the year 1.
 *
 * What breaks a rule of the port is an `InvalidRequest`, and changes nothing: a name that is empty, too long or no valid Unicode, a number or
 * an instant that is none, JSON that is none, too large or too deep.
 *
 * Inside a transaction everything sees what the transaction has done; nobody else does before it is committed. All but `save` works outside of one as well.
 *
 * @example
 * import { ProcessStore } from "eventfold"
 * import { Effect } from "effect"
 *
 * export const stuckOrders = Effect.gen(function* () {
 *   const store = yield* ProcessStore.ProcessStore
 *   return yield* store.list("orders", { status: "stuck", after: undefined, limit: 100 })
 * })
 */
export class ProcessStore extends Context.Service<
  ProcessStore,
  {
    // Within the transaction that is under way.

    /**
     * Puts instances in place of what is there of them, and adds steps. Refused with `InvalidRequest` outside of a transaction, and where a step
     * is there already: then somebody else has written the instance, and the transaction may have to be given up. Requests of this process that
     * have been done are taken out, as far as they are there. No instance, and no step, is there twice in one save.
     */
    readonly save: (
      process: string,
      changes: {
        /** Each as it is from now on. */
        readonly instances: ReadonlyArray<Instance>
        /** Steps to add, each with the next number of its instance. */
        readonly steps: ReadonlyArray<Step>
        /** The requests that were done. */
        readonly done: ReadonlyArray<Request["id"]>
      }
    ) => Effect.Effect<void, StoreError>

    // For who runs a partition.

    /** Those of some instances that are there, in no particular order. */
    readonly load: (
      process: string,
      instances: ReadonlyArray<string>
    ) => Effect.Effect<ReadonlyArray<Instance>, StoreError>
    /** Instances of a partition that are ready, in the order of their names, after one of them, at most so many. */
    readonly ready: (
      process: string,
      partition: number,
      options: { readonly after: string | undefined; readonly limit: number }
    ) => Effect.Effect<ReadonlyArray<Instance>, StoreError>
    /**
     * Instances of a partition with a timer that is due at an instant or before, the first due first, and by name where that is the same; at
     * most so many. `next` is when the first timer after that instant is due, if there is one.
     */
    readonly due: (
      process: string,
      partition: number,
      options: { readonly until: DateTime.Utc; readonly limit: number }
    ) => Effect.Effect<
      { readonly instances: ReadonlyArray<Instance>; readonly next: DateTime.Utc | undefined },
      StoreError
    >
    /** What is asked of the instances of a partition, in the order in which it was, at most so much. */
    readonly requests: (
      process: string,
      partition: number,
      limit: number
    ) => Effect.Effect<ReadonlyArray<Request>, StoreError>

    // For who looks after them.

    /** Asks something of an instance. */
    readonly request: (
      process: string,
      request: { readonly partition: number; readonly instance: string; readonly request: Schema.Json }
    ) => Effect.Effect<void, StoreError>
    /** Says whenever something was asked for in this process of the operating system, once it is committed. */
    readonly requested: Stream.Stream<void>
    /** Instances in the order of their names, after one of them, at most so many. */
    readonly list: (
      process: string,
      options: Filter & { readonly after: string | undefined; readonly limit: number }
    ) => Effect.Effect<ReadonlyArray<Instance>, StoreError>
    /** How many instances there are, by status, of those that there are any of. */
    readonly count: (process: string) => Effect.Effect<ReadonlyMap<Status, number>, StoreError>
    /** The steps of an instance after a number, in order, at most so many. */
    readonly steps: (
      process: string,
      instance: string,
      options: { readonly after: number; readonly limit: number }
    ) => Effect.Effect<ReadonlyArray<Step>, StoreError>
    /**
     * Removes instances that have ended or were cancelled, and were updated before an instant, with their steps: those that were so longest ago
     * first, at most so many. Gives how many there were.
     */
    readonly remove: (
      process: string,
      options: { readonly updatedBefore: DateTime.Utc; readonly limit: number }
    ) => Effect.Effect<number, StoreError>
  }
>()("eventfold/ProcessStore") {}
