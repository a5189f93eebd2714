/**
 * How the world outside is reached: an effect for each event, run before the transaction that moves the position on, and what it gives is
 * appended in that transaction. Events of one lane are run one after the other, lanes side by side.
 *
 * A process remembers what it has run until that is committed: a batch that is divided, or whose transaction fails, runs nothing twice.
 * Only who dies in between leaves the next one to run it again.
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Metric from "effect/Metric"
import * as Predicate from "effect/Predicate"
import * as Schedule from "effect/Schedule"
import type { Decoded, Tagged } from "../../../Event.ts"
import { EventStore, isWaitedFor, StoreError, type Write } from "../../../EventStore.ts"
import * as Metrics from "../../../Metrics.ts"
import { makeBounded } from "../bounded.ts"
import { continuing } from "../eventTraces.ts"
import { debug, warn } from "../logs.ts"
import { stopwatch } from "../measuring.ts"
import { weightOf } from "../projection/pace.ts"
import { HandlingFailure, type Plan, pure } from "../projection/plan.ts"

type Event = Decoded<Tagged>

/** What is done for events. */
export interface Outside<out R> {
  readonly name: string
  readonly laneOf: (event: Event) => string
  /** Does it, at least once, and gives what is to be appended. */
  readonly run: (event: Event) => Effect.Effect<ReadonlyArray<Write>, unknown, R>
  /** When an event that fails is tried again. */
  readonly retry: Schedule.Schedule<unknown>
  readonly onFailure: Plan<never>["onFailure"]
  /** How many lanes are run side by side. */
  readonly concurrency: number
}

const attemptsBy = Metrics.seriesOf(Metrics.reactionAttempts)
const secondsBy = Metrics.seriesOf(Metrics.reactionSeconds)

/** What is remembered of events that are not committed yet. */
const most = { entries: 10_000, weight: 16 * 1024 * 1024 }

/** An event that could not be run: why, whether it helps to try again, and when at the earliest. */
interface Attempt {
  readonly failure: HandlingFailure | StoreError
  readonly mayPass: boolean
  readonly after: Duration.Duration
}

/** An event that could not be run so far. */
interface Failed {
  readonly failure: HandlingFailure
  /** Whether there is nothing left of its schedule. */
  readonly isOver: boolean
  /** Whether that was said of it alone: who asks for it then, wants another try. */
  readonly isSaid: boolean
}

/** What a store says that may pass, whoever runs the partition waits for: it is no failure of the event. */
const attempted = (cause: Cause.Cause<unknown>): Attempt => {
  const error = Cause.squash(cause)
  if (error instanceof StoreError && isWaitedFor(error)) return { failure: error, mayPass: false, after: Duration.zero }
  const isFinal =
    error instanceof HandlingFailure || (Predicate.hasProperty(error, "isRetryable") && error.isRetryable === false)
  const after = Predicate.hasProperty(error, "retryAfter") ? error.retryAfter : undefined
  const problem = error instanceof HandlingFailure ? error.problem : Cause.pretty(cause)
  return {
    failure: new HandlingFailure({ problem }),
    mayPass: !isFinal,
    after: Duration.isDuration(after) ? after : Duration.zero
  }
}

/** Runs an event until it succeeds, or the schedule is over. */
const persistently = <R>(outside: Outside<R>, event: Event): Effect.Effect<ReadonlyArray<Write>, Attempt, R> =>
  Effect.suspend(() => {
    let last: Attempt | undefined
    const complain = (attempt: Attempt) => {
      const isFirst = last === undefined
      last = attempt
      if (!isFirst || !(attempt.failure instanceof HandlingFailure)) return Effect.void
      const { problem } = attempt.failure
      return warn("reaction fails", { projection: outside.name, position: event.recorded.position, problem })
    }
    return Effect.retry(Effect.tapError(once(outside, event), complain), {
      schedule: Schedule.modifyDelay(outside.retry, ({ duration }) =>
        Effect.sync(() => Duration.max(duration, last?.after ?? Duration.zero))
      ),
      while: ({ mayPass }) => mayPass
    })
  })

/** Runs an event, in its own trace. */
const once = <R>({ name, run }: Outside<R>, event: Event): Effect.Effect<ReadonlyArray<Write>, Attempt, R> => {
  const { position, type } = event.recorded
  const about = () => ({ projection: name, position, type })
  const counted = (exit: Exit.Exit<unknown, unknown>, seconds: number) =>
    Effect.gen(function* () {
      const outcome = Exit.isSuccess(exit) ? "succeeded" : "failed"
      yield* Metric.update(attemptsBy({ projection: name, outcome }), 1)
      yield* Metric.update(secondsBy({ projection: name }), seconds)
      yield* debug("reaction", () => ({ ...about(), outcome }))
    })
  const measured = Effect.withFiber((fiber) => {
    const elapsed = stopwatch(fiber)
    return Effect.onExit(
      Effect.suspend(() => run(event)),
      (exit) => counted(exit, elapsed())
    )
  })
  return Effect.catchCause(
    continuing("eventfold.reaction", event.recorded, about, () => measured),
    (cause) => Effect.fail(attempted(cause))
  )
}

const weightOfWrites = (writes: ReadonlyArray<Write>): number => {
  let weight = 0
  for (const { events } of writes)
    for (const { data, metadata } of events) weight += weightOf(data) + weightOf(metadata)
  return weight
}

/** One write for each stream. */
const merged = (all: Iterable<Write>): ReadonlyArray<Write> => {
  const byStream = new Map<string, Write>()
  for (const write of all) {
    const before = byStream.get(write.stream)
    byStream.set(write.stream, before === undefined ? write : { ...write, events: [...before.events, ...write.events] })
  }
  return Array.from(byStream.values())
}

const append = Effect.fnUntraced(function* (writes: ReadonlyArray<Write>) {
  const store = yield* EventStore
  if (!(yield* store.inTransaction)) {
    const problem = "the event store takes no part in the projection store's transactions: make both over one client"
    return yield* new StoreError({ reason: "Misconfigured", problem })
  }
  yield* store.append(writes)
})

const nothing: Effect.Effect<void> = Effect.void

/** Whether all are of one recorded event. */
const isAlone = (events: ReadonlyArray<Event>): boolean =>
  events.every(({ recorded }) => recorded === events[0]!.recorded)

const grouped = (events: ReadonlyArray<Event>, laneOf: Outside<never>["laneOf"]) =>
  pure(() => {
    const lanes = new Map<string, Array<Event>>()
    for (const event of events) {
      const lane = laneOf(event)
      const its = lanes.get(lane)
      if (its === undefined) lanes.set(lane, [event])
      else its.push(event)
    }
    return lanes
  })

/** To be made once for each process: what has been run is remembered for all the partitions that it has, and gets again. */
export const handlingOutside = <R>(outside: Outside<R>): Plan<R | EventStore>["handling"] => {
  const done = makeBounded<ReadonlyArray<Write>>(most)
  return () => {
    const failed = makeBounded<Failed>(most)
    let underWay: ReadonlyArray<string> = []

    const runOne = Effect.fnUntraced(function* (event: Event, isAlone: boolean) {
      const known = done.get(event.id)
      if (known !== undefined) return known
      const before = failed.get(event.id)
      if (before !== undefined && (before.isOver ? !before.isSaid : !isAlone)) return yield* before.failure
      // Where nothing gets past an event, what is before it is committed before it is tried again.
      const isPatient = before === undefined ? isAlone || outside.onFailure === "park" : !before.isOver
      const writes = yield* (isPatient ? persistently(outside, event) : once(outside, event)).pipe(
        Effect.tapError(({ failure, mayPass }) =>
          Effect.sync(() => {
            if (!(failure instanceof HandlingFailure)) return
            failed.set(
              event.id,
              { failure, isOver: isPatient || before?.isOver === true || !mayPass, isSaid: false },
              1
            )
          })
        ),
        Effect.mapError(({ failure }) => failure)
      )
      failed.remove(event.id)
      done.set(event.id, writes, weightOfWrites(writes))
      return writes
    })

    /** Up to the first that fails. */
    const runLane = (events: ReadonlyArray<Event>, isAlone: boolean, results: Map<string, ReadonlyArray<Write>>) =>
      Effect.forEach(events, (event) => Effect.map(runOne(event, isAlone), (writes) => results.set(event.id, writes)), {
        discard: true
      }).pipe(
        Effect.as(undefined),
        Effect.catch((failure) => Effect.succeed(failure))
      )

    /** Of one that fails alone it is known by now, and by somebody else: whoever asks for it again wants another try. */
    const say = (events: ReadonlyArray<Event>): void => {
      for (const { id } of events) {
        const before = failed.get(id)
        if (before !== undefined) failed.set(id, { ...before, isSaid: true }, 1)
      }
    }

    /** Of one that cannot be recorded nothing is remembered: another try is to run it again. */
    const recording = (events: ReadonlyArray<Event>, writes: ReadonlyArray<Write>) =>
      Effect.tapError(append(writes), (error) =>
        Effect.sync(() => {
          const mayPass = error._tag === "StoreError" && isWaitedFor(error)
          if (isAlone(events) && !mayPass) for (const { id } of events) done.remove(id)
        })
      )

    return {
      prepare: Effect.fnUntraced(function* (events, phase) {
        // Nobody has forgotten them, so they are committed.
        for (const id of underWay) done.remove(id)
        underWay = []
        if (phase === "rebuild" || events.length === 0) return nothing
        const lanes = yield* grouped(events, outside.laneOf)
        const results = new Map<string, ReadonlyArray<Write>>()
        const { concurrency } = outside
        const ended = yield* Effect.forEach(lanes.values(), (lane) => runLane(lane, isAlone(events), results), {
          concurrency
        })
        done.trim()
        failed.trim()
        const failure = ended.find((one) => one !== undefined)
        if (failure !== undefined) {
          if (isAlone(events)) say(events)
          return yield* failure
        }
        underWay = events.map(({ id }) => id)
        const writes = merged(events.flatMap(({ id }) => results.get(id)!))
        return writes.length === 0 ? nothing : recording(events, writes)
      }),
      forget: () => {
        underWay = []
      }
    }
  }
}
