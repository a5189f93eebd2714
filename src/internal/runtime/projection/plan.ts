/**
 * What running a projection comes down to, whichever form it has: how events are decoded, what has to stay in order, and how a
 * batch becomes a piece of work within the transaction that moves the projection on.
 */
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Result from "effect/Result"
import type * as Schedule from "effect/Schedule"
import type { Decoded, DecodeError, EncodedEvent, EncodeError, Tagged } from "../../../Event.ts"
import { isWaitedFor, StoreError } from "../../../EventStore.ts"
import { type Claim, ClaimLost, type Definition, type ProjectionStore } from "../../../ProjectionStore.ts"
import type { Query } from "../../../Query.ts"
import type { RecordedEvent } from "../../../RecordedEvent.ts"

/** Whether an event is handled for the first time, or has been handled by a generation before this one. */
export type Phase = "live" | "rebuild"

/** A batch that a projection could not handle: it threw, failed, or an event did not decode. */
export class HandlingFailure extends Data.TaggedError("HandlingFailure")<{ readonly problem: string }> {
  override get message(): string {
    return this.problem
  }
}

/** What handles the batches of one partition. It may remember what it has written, as long as it alone writes it. */
export interface Handling<out R> {
  /**
   * What a batch comes to: the effect given is to be run in the transaction, the effect that gives it before. It fails with whatever a
   * handler fails with: the store knows which of it may pass.
   */
  readonly prepare: (
    events: ReadonlyArray<Decoded<Tagged>>,
    phase: Phase
  ) => Effect.Effect<Effect.Effect<void, unknown, R>, HandlingFailure | StoreError, R>
  /** Forgets what it remembers: a transaction has failed. */
  readonly forget: () => void
}

export interface Plan<out R> {
  readonly definition: Definition
  readonly query: Query
  readonly decode: (recorded: RecordedEvent) => Result.Result<ReadonlyArray<Decoded<Tagged>>, DecodeError>
  /** How its events are stored, of those that are written. */
  readonly encode: (event: Tagged) => Result.Result<EncodedEvent, EncodeError>
  /** What has to stay in order with an event, beside its stream. */
  readonly laneOf: (event: Decoded<Tagged>) => string
  /** Whether it makes a difference to it in which phase it is. */
  readonly hasPhases: boolean
  /** Whether it passes over what was handled before, or was there before it was: as far as that is known, without reading it. */
  readonly isLiveOnly?: boolean
  /** About how many events go together, at most. As many as a page holds, by default. */
  readonly most?: number
  /** `isExclusive`: nobody else writes the documents of this generation. */
  readonly handling: (
    store: ProjectionStore["Service"],
    options: { readonly name: string; readonly generation: number; readonly isExclusive: boolean }
  ) => Handling<R>
  /** When an event that fails is tried again, before {@link onFailure}. */
  readonly retry: Schedule.Schedule<unknown>
  readonly onFailure: "stop" | "park"
}

/** Whether a claim is the only one that writes its generation's documents. */
export const isExclusive = ({ partitions }: Claim): boolean => partitions === 1

/**
 * Runs what handles events, with the transaction around it. What fails or throws is a failure to handle, except for what may pass in the
 * store, and for a claim that is lost.
 */
export const handled = <A, R>(
  effect: Effect.Effect<A, unknown, R>
): Effect.Effect<A, HandlingFailure | StoreError | ClaimLost, R> =>
  Effect.catchCause(effect, (cause) => {
    const error = Cause.squash(cause)
    const isKnown =
      error instanceof HandlingFailure ||
      error instanceof ClaimLost ||
      (error instanceof StoreError && isWaitedFor(error))
    // When its own fiber is interrupted it does not come here: so a handler that is, has done it to itself.
    return Effect.fail(isKnown ? error : new HandlingFailure({ problem: Cause.pretty(cause) }))
  })

/** Runs a pure function of the user's. What it throws is a failure to handle. */
export const pure = <A>(run: () => A): Effect.Effect<A, HandlingFailure> =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(run())
    } catch (error) {
      return Effect.fail(error instanceof HandlingFailure ? error : new HandlingFailure({ problem: String(error) }))
    }
  })
