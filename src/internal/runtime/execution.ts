/**
 * One execution of one command on one stream: the state folded so far, and what was decided on it. It lives through the retries of
 * its command, so that a conflict costs only the events that were missed.
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import type * as Decider from "../../Decider.ts"
import type * as Event from "../../Event.ts"
import type { Condition, EventToAppend, StoreError, Write } from "../../EventStore.ts"
import type { Metadata } from "../../RecordedEvent.ts"
import type { StreamName } from "../../StreamName.ts"
import { derivedId } from "../kernel/derivedId.ts"
import * as Metrics from "../../Metrics.ts"
import { type Decision, decideOn } from "./decision.ts"
import type { Loaded, Outcome } from "./loaded.ts"
import { type Loader, type LoadPolicy, nothingKnown } from "./loader.ts"
import { type Measures, stopwatch } from "./measuring.ts"
import type { Account } from "./watching.ts"

/** What the loop of load, decide and append works with. */
export interface Execution<out Result, out Rejection> {
  /** Folds what the stream has beyond what was folded so far. */
  readonly catchUp: Effect.Effect<void, StoreError | Event.DecodeError>
  /** Whether this very execution has been stored before: by an earlier one with the same command id. */
  readonly isStored: () => boolean
  /**
   * Whether a rejection, or having nothing to do, may be wrong: the state may not be the latest, or it was not folded here, and then the
   * execution may have been stored before and nobody has seen it. What is stored cannot be wrong: the expected version and the ids of its
   * events see to that.
   */
  readonly isProvisional: () => boolean
  /** Whether the stream was looked at, and not only what is known of it in memory. */
  readonly hasRead: () => boolean
  /** Has the next {@link catchUp} read what it takes to decide for good. */
  readonly restart: () => void
  /** Has the next {@link catchUp} find what was stored before, where that does not come right after what was folded. */
  readonly seek?: () => void
  /** Decides on what was folded: one write, or none if there is nothing to do. */
  readonly decide: (
    context: Decider.DecideContext,
    metadata: Metadata
  ) => Effect.Effect<ReadonlyArray<Write>, Rejection>
  /** On what condition that is stored. Only what is decided over a query has one. */
  readonly condition?: () => Condition
  /** Takes what was decided as stored, the last event at `position`, and gives the number of events that were. `asOf`: when that was about to be. */
  readonly settle: (position: number, asOf: number) => Effect.Effect<number>
  /** The append of what was decided has failed. */
  readonly doubt: () => void
  readonly outcome: () => Result
  /** What has come of it so far, for those who watch. */
  readonly account: () => Account
  /** The version of what was folded so far. */
  readonly version: () => number
}

/** An execution whose decision others go on from. */
export interface DecidedExecution<D extends Decider.Any, out Rejection> extends Execution<
  Outcome<Decider.State<D>, Decider.Event<D>>,
  Rejection
> {
  /** What the stream would come to with what was decided last. */
  readonly decided: () => Pick<Loaded<Decider.State<D>>, "state" | "version">
}

/** The command of an execution, and where it goes. */
export interface Target<D extends Decider.Any> {
  readonly stream: StreamName
  /** Known when it is decided: it may follow from what was decided just before. */
  readonly command: () => Decider.Command<D>
  /** What its events say beside what all events of the execution say. */
  readonly about?: () => Metadata
  readonly commandId: string
  /** Whether somebody may have used that id before. */
  readonly isRepeatable: boolean
  /** All streams of the execution, in order. */
  readonly together: ReadonlyArray<StreamName>
  /** How new the state has to be that is decided on first; likely to be the latest, where nothing is said. */
  readonly policy: LoadPolicy | undefined
}

/** Decides a command on a state, and measures how long that takes. */
export const decideMeasured = <D extends Decider.Any, Rejection>(
  fiber: Fiber.Fiber<unknown, unknown>,
  measures: Measures,
  decider: D,
  stream: StreamName,
  loaded: Pick<Loaded<Decider.State<D>>, "state" | "version">,
  command: Decider.Command<D>,
  context: Decider.DecideContext
): Result.Result<Decision<Decider.State<D>, Decider.Event<D>>, Rejection> => {
  const seconds = stopwatch(fiber)
  const decision = decideOn<D, Rejection>(decider, stream, loaded, command, context)
  Metrics.update(measures.decideSeconds, seconds(), fiber.context)
  return decision
}

/** What is stored of a decision. */
export const toAppend = (
  { encoded }: Decision<unknown, unknown>,
  idOf: (index: number) => string,
  metadata: Metadata
): ReadonlyArray<EventToAppend> => encoded.map((event, index) => ({ ...event, id: idOf(index), metadata }))

export const makeExecution = <D extends Decider.Any, Rejection>(
  decider: D,
  loader: Loader<Decider.State<D>, Decider.Read<D>>,
  { about, command, commandId, isRepeatable, policy, stream, together }: Target<D>
): DecidedExecution<D, Rejection> => {
  type State = Decider.State<D>
  type E = Decider.Event<D>

  // All streams of the execution are part of the ids: the same command id over other streams is another command, and
  // cannot be taken for half of this one.
  const eventId = (index: number): string => derivedId(commandId, "event", stream, String(index), ...together)

  const nothing = nothingKnown(decider)
  let known = nothing
  let hasBegun = false
  // Whether every event of the stream has been seen here, and whether the stream was looked at at all.
  let isWhole = false
  let isRead = false
  let decided: { readonly events: ReadonlyArray<E>; readonly state: State } = { events: [], state: known.loaded.state }
  let settled: ReadonlyArray<E> = []
  let issued: Decider.Command<D> | undefined
  // What an earlier execution of this command came to, found by the ids that its events must have.
  let before: Outcome<State, E> | undefined
  let count = 0
  let nextId = eventId(0)

  const readOn = Effect.suspend(() =>
    Effect.map(
      loader.readOn(stream, known, (recorded, events, loaded) => {
        if (recorded.id !== nextId) return
        before = { ...loaded, events: [...(before?.events ?? []), ...events] }
        nextId = eventId(++count)
      }),
      (read) => {
        isRead = true
        return (known = read)
      }
    )
  )

  const begin = Effect.flatMap(loader.begin(stream), (begun) => {
    known = begun
    hasBegun = true
    isWhole = begun.source === "nothing"
    return Effect.flatMap(loader.isEnough(begun, policy), (isEnough) => (isEnough ? Effect.succeed(begun) : readOn))
  })

  const outcome = (): Outcome<State, E> => before ?? { ...known.loaded, events: settled }

  return {
    catchUp: Effect.asVoid(
      loader.watching(
        stream,
        Effect.suspend(() => (hasBegun ? readOn : begin))
      )
    ),
    isStored: () => before !== undefined,
    hasRead: () => isRead,
    isProvisional: () => !isRead || (isRepeatable && !isWhole),
    restart: () => {
      hasBegun = true
      if (!isRepeatable || isWhole) return
      known = { ...nothing, snapshotAt: known.snapshotAt }
      isWhole = true
    },
    decide: (context, metadata) =>
      Effect.withFiber((fiber) => {
        const { loaded } = known
        issued = command()
        const decision = decideMeasured<D, Rejection>(fiber, loader.measures, decider, stream, loaded, issued, context)
        if (Result.isFailure(decision)) return Effect.fail(decision.failure)
        decided = decision.success
        if (decided.events.length === 0) return Effect.succeed([])
        const idOf = (index: number): string => (index === 0 ? nextId : eventId(index))
        const events = toAppend(decision.success, idOf, { ...metadata, ...about?.() })
        return Effect.succeed([{ stream, expected: loaded.version, events }])
      }),
    settle: (position, asOf) =>
      Effect.suspend(() => {
        settled = decided.events
        if (settled.length === 0) return Effect.succeed(0)
        const loaded = { state: decided.state, version: known.loaded.version + settled.length, position }
        return Effect.map(loader.keep(stream, known, loaded, asOf), (kept) => {
          known = kept
          return settled.length
        })
      }),
    doubt: () => loader.doubt(stream),
    outcome,
    account: () => {
      const { events, version } = outcome()
      const came = events.length === 0 ? "nothing" : "executed"
      return { command: issued, outcome: before === undefined ? came : "repeated", version, events }
    },
    version: () => known.loaded.version,
    decided: () => ({ state: decided.state, version: known.loaded.version + decided.events.length })
  }
}
