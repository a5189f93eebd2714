/**
 * A look at a store, and at all that follows its log. Each question has so long for an answer, and what does not answer is told: no look fails
 * or waits for ever, whatever the store does.
 */
import * as Cause from "effect/Cause"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { type EventStore, StoreError } from "../../../EventStore.ts"
import type { ProcessStore, Status as ProcessStatus } from "../../../ProcessStore.ts"
import type { ProjectionStore, Status } from "../../../ProjectionStore.ts"
import { processOf, type Stores } from "../process/plan.ts"

/**
 * How a store is doing.
 */
export interface StoreHealth {
  /** Whether it has answered. */
  readonly isReachable: boolean
  /** The position of the last event. */
  readonly head: number | undefined
  /** How long an append would have waited for its turn. `undefined` where that took too long to be known. */
  readonly writeLatency: Duration.Duration | undefined
  /** Why it cannot be reached, or appended to, in the store's own words. */
  readonly problem: string | undefined
}

/**
 * How many instances a process has, by status.
 */
export interface ProcessCounts {
  /** The name of the process. */
  readonly name: string
  /** How many instances there are of each status, 0 included. */
  readonly counts: { readonly [S in ProcessStatus]: number }
}

/** Why there is no answer, in a word that says nothing of what is stored, and in the store's words. */
export interface Silence {
  readonly reason: string
  readonly problem: string
}

/** What was answered, or why nothing was. */
export type Answer<A> =
  | { readonly value: A; readonly silence: undefined }
  | { readonly value: undefined; readonly silence: Silence }

/** What was seen. */
export interface Seen {
  readonly store: {
    readonly health: StoreHealth
    readonly head: Answer<number>
    readonly writeLatency: Answer<Duration.Duration>
  }
  readonly projections: Answer<ReadonlyArray<Status>>
  readonly processes: Answer<ReadonlyArray<ProcessCounts>>
}

const late: Silence = { reason: "it took too long", problem: "it did not answer in time" }

const silenceOf = (cause: Cause.Cause<StoreError>): Silence => {
  const error = Cause.squash(cause)
  return error instanceof StoreError
    ? { reason: error.reason, problem: error.message }
    : { reason: "Unexpected", problem: Cause.pretty(cause) }
}

const answerOf = <A>(exit: Exit.Exit<A, StoreError>): Answer<A> =>
  Exit.isSuccess(exit)
    ? { value: exit.value, silence: undefined }
    : { value: undefined, silence: silenceOf(exit.cause) }

/** Waits no longer than it may, also for what cannot be interrupted. */
const within = <A>(question: Effect.Effect<A, StoreError>, timeout: Duration.Duration): Effect.Effect<Answer<A>> =>
  Effect.acquireUseRelease(
    Effect.forkDetach(question),
    (asked) =>
      Effect.map(
        Effect.timeoutOption(Fiber.await(asked), timeout),
        Option.match({ onNone: (): Answer<A> => ({ value: undefined, silence: late }), onSome: answerOf })
      ),
    (asked) => Effect.sync(() => asked.interruptUnsafe())
  )

const countsOf = (processes: ProcessStore["Service"], name: string): Effect.Effect<ProcessCounts, StoreError> =>
  Effect.map(processes.count(name), (counts) => ({
    name,
    counts: {
      running: counts.get("running") ?? 0,
      stuck: counts.get("stuck") ?? 0,
      ended: counts.get("ended") ?? 0,
      cancelled: counts.get("cancelled") ?? 0
    }
  }))

/** Asks for the projections, and then for the processes that there are among them. */
const followers = Effect.fnUntraced(function* (
  projections: ProjectionStore["Service"],
  processes: ProcessStore["Service"],
  timeout: Duration.Duration
) {
  const all = yield* within(projections.status(), timeout)
  const names = new Set(all.value?.flatMap(({ name }) => processOf(name) ?? []))
  const counts = yield* within(
    Effect.forEach(names, (name) => countsOf(processes, name)),
    timeout
  )
  return { projections: all, processes: counts }
})

const latency = (events: EventStore["Service"]) => Effect.map(Effect.timed(events.settledHead), ([elapsed]) => elapsed)

/** Looks at everything, at once. Nobody wants to see that in a trace. */
export const look = Effect.fnUntraced(function* (
  { events, processes, projections }: Stores,
  timeout: Duration.Duration
): Effect.fn.Return<Seen> {
  const [head, writeLatency, rest] = yield* Effect.all(
    [within(events.head, timeout), within(latency(events), timeout), followers(projections, processes, timeout)],
    { concurrency: "unbounded" }
  )
  const health: StoreHealth = {
    isReachable: head.silence === undefined,
    head: head.value,
    writeLatency: writeLatency.value,
    problem: (head.silence ?? writeLatency.silence)?.problem
  }
  return { store: { health, head, writeLatency }, ...rest }
}, Effect.withTracerEnabled(false))
