/**
 * What can be asked of any projection: how it is doing, to wait for it, and to change its course.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { StoreError } from "../../../EventStore.ts"
import type { Parked, ProjectionStore, Skipped, Status } from "../../../ProjectionStore.ts"
import { failedAt, lookUntil, standstillOf } from "./waiting.ts"

/**
 * A projection did not come to a position in time.
 */
export class AwaitTimeout extends Schema.TaggedError<AwaitTimeout>("eventfold/AwaitTimeout")("AwaitTimeout", {
  /** The name of the projection. */
  projection: Schema.String,
  /** The position that was waited for. */
  position: Schema.Int,
  /** Where it was. */
  reached: Schema.Int,
  /** What it has failed at and how it goes on, or what else keeps it, as far as that is known. */
  problem: Schema.UndefinedOr(Schema.String)
}) {
  override get message(): string {
    const why = this.problem === undefined ? "" : `; ${this.problem}`
    return `projection ${this.projection} did not come to position ${this.position} in time: it is at ${this.reached}${why}`
  }
}

/**
 * A version of a projection was not the one that is read in time.
 */
export class LiveTimeout extends Schema.TaggedError<LiveTimeout>("eventfold/LiveTimeout")("LiveTimeout", {
  /** The name of the projection. */
  projection: Schema.String,
  /** The version that was waited for. */
  version: Schema.Int,
  /** The version that is read, unless none is. */
  live: Schema.UndefinedOr(Schema.Int),
  /** What it has failed at, if it has, and how it goes on. */
  problem: Schema.UndefinedOr(Schema.String)
}) {
  override get message(): string {
    const instead = this.live === undefined ? "nobody has run it yet" : `version ${this.live} is read`
    const why = this.problem === undefined ? "" : `; ${this.problem}`
    return `version ${this.version} of projection ${this.projection} has not taken over in time: ${instead}${why}`
  }
}

/**
 * What can be asked of any projection.
 */
export interface Control {
  /**
   * Waits until everything up to a position can be read, such as the position that an append has answered. 5 seconds at most by default.
   */
  readonly awaitPosition: (position: number, timeout?: Duration.Input) => Effect.Effect<void, AwaitTimeout | StoreError>
  /**
   * Waits until this version is read, or a higher one: until then readers are given what an older version keeps. 5 seconds at most by default, which is
   * not enough to fill a long log.
   */
  readonly awaitLive: (timeout?: Duration.Input) => Effect.Effect<void, LiveTimeout | StoreError>
  /** Its generations, by partition: the live one, one that fills, and those that are retired. */
  readonly status: Effect.Effect<ReadonlyArray<Status>, StoreError>
  /** Stops it, in every process, until it is resumed. */
  readonly pause: Effect.Effect<void, StoreError>
  /** Lets it go on, also where it has failed. */
  readonly resume: Effect.Effect<void, StoreError>
  /** Empties it and begins anew. Who reads meanwhile finds it empty, and then filling. */
  readonly reset: Effect.Effect<void, StoreError>
  /** Fills it anew beside what is read, which it replaces when it has come as far. */
  readonly rebuild: Effect.Effect<void, StoreError>
  /** Passes over the event it has failed at, and goes on. The reason is kept. */
  readonly skip: (position: number, reason: string) => Effect.Effect<void, StoreError>
  /** The events that were passed over or discarded. */
  readonly skipped: Effect.Effect<ReadonlyArray<Skipped>, StoreError>
  /** The events that are set aside. */
  readonly parked: Effect.Effect<ReadonlyArray<Parked>, StoreError>
  /** Tries the events that are set aside again, in order: all, or those of one lane. */
  readonly retryParked: (lane?: string) => Effect.Effect<void, StoreError>
  /** Takes an event out that is set aside, for good. The reason is kept. */
  readonly discardParked: (position: number, reason: string) => Effect.Effect<void, StoreError>
  /** Deletes what is kept of generations that were replaced. */
  readonly removeRetired: Effect.Effect<void, StoreError>
}

export const makeControl = (name: string, store: ProjectionStore["Service"]): Omit<Control, "awaitLive"> => ({
  awaitPosition: (position, timeout = "5 seconds") => {
    const reached = Effect.map(store.live(name), (live) => live?.position ?? 0)
    const tooLate = Effect.gen(function* () {
      const problem = yield* standstillOf(store, name)
      return yield* new AwaitTimeout({ projection: name, position, reached: yield* reached, problem })
    })
    return lookUntil(store, reached, (reached) => reached >= position).pipe(
      Effect.asVoid,
      Effect.timeoutOrElse({ duration: timeout, orElse: () => tooLate })
    )
  },
  status: store.status(name),
  pause: store.pause(name),
  resume: store.resume(name),
  reset: store.reset(name),
  rebuild: store.rebuild(name),
  skip: (position, reason) => store.skip(name, { position, reason }),
  skipped: store.skipped(name),
  parked: store.parked(name),
  retryParked: (lane) => store.retryParked(name, lane),
  discardParked: (position, reason) => store.discardParked(name, { position, reason }),
  removeRetired: store.removeRetired(name)
})

/** What can be asked by the code of a version. */
export const makeVersionControl = (name: string, store: ProjectionStore["Service"], version: number): Control => ({
  ...makeControl(name, store),
  awaitLive: (timeout = "5 seconds") => {
    const live = Effect.map(store.live(name), (live) => live?.version)
    const tooLate = Effect.gen(function* () {
      const problem = yield* failedAt(store, name)
      return yield* new LiveTimeout({ projection: name, version, live: yield* live, problem })
    })
    return lookUntil(store, live, (live) => live !== undefined && live >= version).pipe(
      Effect.asVoid,
      Effect.timeoutOrElse({ duration: timeout, orElse: () => tooLate })
    )
  }
})
