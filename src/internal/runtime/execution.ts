/**
 * One execution of one command on one stream: the state folded so far, and what was decided on it. It lives through the retries of
 * its command, so that a conflict costs only the events that were missed.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as Decider from "../../Decider.ts"
import * as Event from "../../Event.ts"
import type { EventStore, EventToAppend, StoreError, Write } from "../../EventStore.ts"
import type { Metadata, RecordedEvent } from "../../RecordedEvent.ts"
import type { StreamName } from "../../StreamName.ts"
import { derivedId } from "../kernel/derivedId.ts"
import { type DeciderDefect, guard } from "../kernel/guard.ts"
import { evolveRecorded, type Loaded, type Outcome, unloaded } from "./loaded.ts"

/** What the loop of load, decide and append works with. */
export interface Execution<out Result, out Rejection> {
  /** Folds what the stream has beyond what was folded so far. */
  readonly catchUp: Effect.Effect<void, StoreError | Event.DecodeError>
  /** Whether this very execution has been stored before: by an earlier one with the same command id. */
  readonly isStored: () => boolean
  /** Decides on what was folded: one write, or none if there is nothing to do. */
  readonly decide: (
    context: Decider.DecideContext,
    metadata: Metadata
  ) => Effect.Effect<ReadonlyArray<Write>, Rejection>
  /** Takes what was decided as stored, the last event at `position`, and gives the number of events that were. */
  readonly settle: (position: number) => number
  readonly outcome: () => Result
}

export const makeExecution = <D extends Decider.Any, Rejection>(
  store: EventStore["Service"],
  decider: D,
  stream: StreamName,
  command: Decider.Command<D>,
  commandId: string,
  together: ReadonlyArray<StreamName>
): Execution<Outcome<Decider.State<D>, Decider.Event<D>>, Rejection> => {
  type State = Decider.State<D>
  type E = Decider.Event<D>

  // All streams of the execution are part of the ids: the same command id over other streams is another command, and
  // cannot be taken for half of this one.
  const eventId = (index: number): string => derivedId(commandId, "event", stream, String(index), ...together)
  const guarded = <A>(during: DeciderDefect["during"], { _tag: tag }: Event.Tagged, run: () => A): A =>
    guard({ decider, during, tag, stream, version: loaded.version }, run)

  let loaded: Loaded<State> = unloaded(decider)
  let decided: { readonly events: ReadonlyArray<E>; readonly state: State } = { events: [], state: loaded.state }
  let settled: ReadonlyArray<E> = []
  // What an earlier execution of this command came to, found by the ids that its events must have.
  let before: Outcome<State, E> | undefined
  let known = 0
  let nextId = eventId(0)

  const foldPage = (page: ReadonlyArray<RecordedEvent>): Effect.Effect<void, Event.DecodeError> => {
    for (const recorded of page) {
      const events = Event.decode<E>(decider.reads, recorded)
      if (Result.isFailure(events)) return Effect.fail(events.failure)
      loaded = evolveRecorded(decider, loaded, events.success, recorded)
      if (recorded.id === nextId) {
        before = { ...loaded, events: [...(before?.events ?? []), ...events.success] }
        nextId = eventId(++known)
      }
    }
    return Effect.void
  }

  const toAppend = (event: E, index: number, metadata: Metadata): EventToAppend => ({
    ...guarded("encode", event, () => Result.getOrThrow(Event.encode(decider.events, event))),
    id: index === 0 ? nextId : eventId(index),
    metadata
  })

  return {
    catchUp: Effect.suspend(() =>
      Stream.runForEachArray(store.readStream(stream, { from: loaded.version + 1 }), foldPage)
    ),
    isStored: () => before !== undefined,
    decide: (context, metadata) =>
      Effect.suspend(() => {
        const decision: Result.Result<ReadonlyArray<E>, Rejection> = guarded("decide", command, () =>
          decider.decide(command, loaded.state, context)
        )
        if (Result.isFailure(decision)) return Effect.fail(decision.failure)
        // Folded before it is stored: an event that evolve cannot take must not get into the log.
        let state = loaded.state
        for (const event of decision.success) state = guarded("evolve", event, () => decider.evolve(state, event))
        decided = { events: decision.success, state }
        if (decided.events.length === 0) return Effect.succeed([])
        const events = decided.events.map((event, index) => toAppend(event, index, metadata))
        return Effect.succeed([{ stream, expected: loaded.version, events }])
      }),
    settle: (position) => {
      settled = decided.events
      if (settled.length > 0) loaded = { state: decided.state, version: loaded.version + settled.length, position }
      return settled.length
    },
    outcome: () => before ?? { ...loaded, events: settled }
  }
}
