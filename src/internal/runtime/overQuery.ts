/**
 * One execution of one command over a query: the state that the events of the log fold to which match it, and what was decided on that. Like one on
 * a stream it lives through the retries of its command.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type * as Decider from "../../Decider.ts"
import * as Event from "../../Event.ts"
import type { EventStore, StoreError } from "../../EventStore.ts"
import type { Query } from "../../Query.ts"
import type { RecordedEvent } from "../../RecordedEvent.ts"
import { derivedId } from "../kernel/derivedId.ts"
import { decideMeasured, type Execution, type Target, toAppend } from "./execution.ts"
import { evolveRecorded, type Loaded, unloaded } from "./loaded.ts"
import type { Measures } from "./measuring.ts"

/** What a command over a query came to. */
export interface QueryOutcome<out E> {
  /** The new events, in order; none if there was nothing to do. */
  readonly events: ReadonlyArray<E>
  /** The position of the last event that the command knows of: its own last one, or the last one that it was decided on. 0 when there is none. */
  readonly position: number
}

type Failure = StoreError | Event.DecodeError

/** Does something with each event of a stream of them that is of interest, with what it reads as. */
const eachDecoded = <D extends Decider.Any>(
  decider: D,
  recorded: Stream.Stream<RecordedEvent, StoreError>,
  use: (recorded: RecordedEvent, events: ReadonlyArray<Decider.Read<D>>) => void,
  isOfInterest: (recorded: RecordedEvent) => boolean = () => true
): Effect.Effect<void, Failure> =>
  Stream.runForEachArray(recorded, (page) => {
    for (const recorded of page) {
      if (!isOfInterest(recorded)) continue
      const events = Event.decode<Decider.Read<D>>(decider.reads, recorded)
      if (Result.isFailure(events)) return Effect.fail(events.failure)
      use(recorded, events.success)
    }
    return Effect.void
  })

/** Folds the events of the log that match a query, after what was folded of them before. */
export const foldQuery = <D extends Decider.Any>(
  decider: D,
  store: EventStore["Service"],
  query: Query,
  before: Loaded<Decider.State<D>> = unloaded(decider)
): Effect.Effect<Loaded<Decider.State<D>>, Failure> =>
  Effect.suspend(() => {
    let loaded = before
    const recorded = store.readLog({ query, from: before.position + 1 })
    const fold = eachDecoded(decider, recorded, (recorded, events) => {
      loaded = evolveRecorded(decider, loaded, events, recorded)
    })
    return Effect.map(fold, () => loaded)
  })

export const makeOverQuery = <D extends Decider.Any, Rejection>(
  decider: D,
  store: EventStore["Service"],
  measures: Measures,
  query: Query,
  { command, commandId, isRepeatable, stream, together }: Omit<Target<D>, "policy" | "about">
): Execution<QueryOutcome<Decider.Event<D>>, Rejection> => {
  type E = Decider.Event<D>
  const eventId = (index: number): string => derivedId(commandId, "event", stream, String(index), ...together)

  let loaded = unloaded(decider)
  let hasRead = false
  let decided: ReadonlyArray<E> = []
  let settled: QueryOutcome<E> | undefined
  let issued: Decider.Command<D> | undefined
  // What an earlier execution of this command came to, found in its stream by the ids that its events must have: they need not match the query.
  let before: QueryOutcome<E> | undefined
  let count = 0
  let nextId = eventId(0)
  let looksBefore = false
  let looked = 0

  const lookBefore = Effect.suspend(() =>
    eachDecoded(
      decider,
      store.readStream(stream, { from: looked + 1 }),
      ({ position }, events) => {
        before = { events: [...(before?.events ?? []), ...events], position }
        nextId = eventId(++count)
      },
      ({ id, version }) => {
        looked = version
        return id === nextId
      }
    )
  )

  const outcome = (): QueryOutcome<E> => before ?? settled ?? { events: [], position: loaded.position }

  return {
    catchUp: Effect.suspend(() =>
      Effect.flatMap(foldQuery(decider, store, query, loaded), (folded) => {
        loaded = folded
        hasRead = true
        return looksBefore ? lookBefore : Effect.void
      })
    ),
    isStored: () => before !== undefined,
    isProvisional: () => isRepeatable && !looksBefore,
    hasRead: () => hasRead,
    restart: () => {
      looksBefore = true
    },
    decide: (context, metadata) =>
      Effect.suspend(() => {
        issued = command()
        return Effect.map(
          decideMeasured<D, Rejection>(measures, decider, stream, loaded, issued, context),
          (decision) => {
            decided = decision.events
            return decided.length === 0
              ? []
              : [{ stream, expected: "any" as const, events: toAppend(decision, eventId, metadata) }]
          }
        )
      }),
    condition: () => ({ query, after: loaded.position }),
    settle: (position) =>
      Effect.sync(() => {
        settled = { events: decided, position: decided.length === 0 ? loaded.position : position }
        return decided.length
      }),
    doubt: () => undefined,
    outcome,
    account: () => {
      const { events } = outcome()
      const came = events.length === 0 ? "nothing" : "executed"
      return { command: issued, outcome: before === undefined ? came : "repeated", version: undefined, events }
    },
    version: () => loaded.version
  }
}
