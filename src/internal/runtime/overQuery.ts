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
import * as Metrics from "../../Metrics.ts"
import type { Query } from "../../Query.ts"
import type { RecordedEvent } from "../../RecordedEvent.ts"
import { derivedId } from "../kernel/derivedId.ts"
import { decideMeasured, type Execution, type Target, toAppend } from "./execution.ts"
import { evolveRecorded, type Loaded, unloaded } from "./loaded.ts"
import { type Measures, stopwatch } from "./measuring.ts"
import { annotate, spanned } from "./tracing.ts"

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

/**
 * Whether a query has an item without tags. What offends a condition is found by a tag, or else event by event: then it is worth a look at the head
 * to say how far the log was read, which may be far beyond the last event that matched.
 */
const isWide = (query: Query): boolean => query.some(({ tags = [] }) => tags.length === 0)

/** Folds the events of the log that match a query, after a position up to which they were folded before, and counts them. */
export const foldQuery = <D extends Decider.Any>(
  decider: D,
  store: EventStore["Service"],
  query: Query,
  before: Loaded<Decider.State<D>> = unloaded(decider),
  after = before.position
): Effect.Effect<Loaded<Decider.State<D>> & { readonly count: number }, Failure> =>
  Effect.suspend(() => {
    let loaded = before
    let count = 0
    const recorded = store.readLog({ query, from: after + 1 })
    const fold = eachDecoded(decider, recorded, (recorded, events) => {
      loaded = evolveRecorded(decider, loaded, events, recorded)
      count++
    })
    return Effect.map(fold, () => ({ ...loaded, count }))
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
  // The position up to which all that matches was folded.
  let readTo = 0
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

  const lookNext = (): void => {
    looksBefore = true
  }

  const headBefore = isWide(query) ? store.head : Effect.succeed(0)

  const spanOptions = () => ({
    attributes: { "eventfold.category": measures.category, "eventfold.stream": stream }
  })

  const fold = spanned("eventfold.load", spanOptions, (span, fiber) => {
    const seconds = stopwatch(fiber)
    return Effect.flatMap(headBefore, (head) =>
      Effect.map(foldQuery(decider, store, query, loaded, readTo), ({ count, ...folded }) => {
        loaded = folded
        readTo = Math.max(readTo, head, folded.position)
        hasRead = true
        Metrics.update(measures.loadSeconds, seconds(), fiber.context)
        Metrics.update(measures.loadReplayedEvents, count, fiber.context)
        if (span !== undefined) annotate(span, { "eventfold.replayed_events": count })
      })
    )
  })

  const outcome = (): QueryOutcome<E> => before ?? settled ?? { events: [], position: loaded.position }

  return {
    catchUp: Effect.andThen(
      fold,
      Effect.suspend(() => (looksBefore ? lookBefore : Effect.void))
    ),
    isStored: () => before !== undefined,
    isProvisional: () => isRepeatable && !looksBefore,
    hasRead: () => hasRead,
    restart: lookNext,
    seek: lookNext,
    decide: (context, metadata) =>
      Effect.withFiber((fiber) => {
        issued = command()
        const decision = decideMeasured<D, Rejection>(fiber, measures, decider, stream, loaded, issued, context)
        if (Result.isFailure(decision)) return Effect.fail(decision.failure)
        decided = decision.success.events
        if (decided.length === 0) return Effect.succeed([])
        return Effect.succeed([{ stream, expected: "any", events: toAppend(decision.success, eventId, metadata) }])
      }),
    condition: () => ({ query, after: readTo }),
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
