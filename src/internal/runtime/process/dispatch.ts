/**
 * Executing the commands of a process: at least once each, and with an id that makes it count once.
 *
 * A command is executed by who holds the claim, and nobody stores what comes of it whose lease may be over: who is believed dead may have been
 * only asleep. What it had sent before was decided on what it had loaded before, and is refused by the version of the stream where anything has
 * happened since. So a command that another owner was told is rejected is not executed by this one later.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Aggregate from "../../../Aggregate.ts"
import type * as Decider from "../../../Decider.ts"
import { DecodeError, type Tagged } from "../../../Event.ts"
import { ConcurrencyConflict, isWaitedFor, StoreError, type StoreReason } from "../../../EventStore.ts"
import * as Metrics from "../../../Metrics.ts"
import { debug, warn } from "../logs.ts"
import { continuing } from "../eventTraces.ts"
import { annotate } from "../tracing.ts"
import { type Pending, tagOf } from "./model.ts"
import type { Rules } from "./rules.ts"
import type { Answer } from "./turn.ts"

/** Aggregates by the names that the process manager knows them by. */
export type Aggregates = ReadonlyMap<string, Aggregate.Aggregate<Decider.Any>>

/** A command was neither executed nor rejected. */
class NotExecuted extends Data.TaggedError("NotExecuted")<{ readonly problem: string; readonly waits: boolean }> {}

const lookEvery = Duration.millis(100)

export interface Dispatching {
  readonly name: string
  readonly rules: Rules
  readonly aggregates: Aggregates
  /** When a command that failed is tried again. */
  readonly retry: Schedule.Schedule<unknown>
  /** How many are executed at a time; and how many of those that have failed before. */
  readonly concurrency: number
  /** The end of the lease, in milliseconds. */
  readonly until: () => number
}

/** Executes commands. */
export interface Dispatcher {
  /** Has a command of an instance executed, in turn with the others for its aggregate, and told what has become of it. Waits for nothing. */
  readonly send: (instance: string, pending: Pending, told: (answer: Answer) => Effect.Effect<unknown>) => void
}

const isTechnical = (error: unknown): error is ConcurrencyConflict | StoreError | DecodeError =>
  error instanceof ConcurrencyConflict || error instanceof StoreError || error instanceof DecodeError

/** What may pass, and may as well be for what the command does, and whom it meets: that is not waited for without end. */
const ofTheCommand: ReadonlySet<StoreReason> = new Set(["Timeout", "Contention"])

/** What an attempt has come to. A defect of the aggregate is no defect of the process. */
const answerOf = (command: Tagged, cause: Cause.Cause<unknown>): Effect.Effect<Answer, NotExecuted> => {
  const error = Cause.squash(cause)
  // Who is interrupted is not asked for an answer: here it is what the command needed that was.
  const isRejection = Cause.hasFails(cause) && !Cause.hasDies(cause) && !Cause.hasInterrupts(cause)
  if (isRejection && !isTechnical(error)) {
    return Effect.succeed({ _tag: "Rejected", command, rejection: error })
  }
  const problem = isRejection ? String(error) : Cause.pretty(cause)
  // A store that is not there, or has no room, has nothing to do with this command.
  const waits = error instanceof StoreError && isWaitedFor(error) && !ofTheCommand.has(error.reason)
  return Effect.fail(new NotExecuted({ problem, waits }))
}

const lapsed = new StoreError({
  reason: "Unavailable",
  problem: "the lease was over before what was decided could be stored"
})

/** A command that stores only what was loaded and decided on while the lease stood. */
const fenced = <Outcome, Rejection>(
  prepared: Aggregate.Prepared<Outcome, Rejection>,
  stands: Effect.Effect<boolean>
): Aggregate.Prepared<Outcome, Rejection> => {
  const its = prepared["~eventfold/Prepared"]
  const { store } = its
  const append: typeof store.append = (writes, options) =>
    Effect.flatMap(stands, (is) => (is ? store.append(writes, options) : Effect.fail(lapsed)))
  return { "~eventfold/Prepared": { ...its, store: { ...store, append } } }
}

type Task = Parameters<Dispatcher["send"]>

/** An attempt at a command. */
const attemptAt = (
  { aggregates, rules, until }: Dispatching,
  { cause, command: json, id: commandId, target, to }: Pending
): Effect.Effect<Answer, NotExecuted> => {
  const decoded = rules.decodeCommand(to, json)
  const aggregate = aggregates.get(to)
  if (Result.isFailure(decoded))
    return Effect.succeed({ _tag: "Failed", attempts: 0, problem: decoded.failure.problem })
  if (aggregate === undefined) {
    return Effect.succeed({ _tag: "Failed", attempts: 0, problem: `there is no aggregate for ${to}` })
  }
  const command = decoded.success
  const stands = Effect.map(Clock.currentTimeMillis, (now) => now < until())
  const prepared = fenced(aggregate.prepare(target, command), stands)
  // The trace goes on with the span that this is in.
  const { traceparent: _, ...metadata } = cause ?? {}
  const options: Aggregate.ExecuteOptions = { commandId, metadata }
  const executed = Effect.matchCauseEffect(Aggregate.executeAll([prepared], options), {
    onFailure: (failure) => answerOf(command, failure),
    onSuccess: ([{ events, version }]): Effect.Effect<Answer> =>
      Effect.succeed({ _tag: "Executed", command, events, version })
  })
  const attempt: Effect.Effect<Answer, NotExecuted> = Effect.flatMap(stands, (is) =>
    is ? executed : Effect.andThen(Effect.sleep(lookEvery), attempt)
  )
  return attempt
}

const outcomeOf = ({ _tag }: Answer): string => _tag.toLowerCase()

/**
 * A dispatcher, for as long as the scope. What fails is tried again beside what comes after it.
 */
export const makeDispatcher = (dispatching: Dispatching): Effect.Effect<Dispatcher, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { concurrency, name, retry } = dispatching
    const counted = (outcome: string) =>
      Metric.update(Metric.withAttributes(Metrics.processCommands, { process: name, outcome }), 1)
    const retried = counted("retried")
    const outcomes = { Executed: counted("executed"), Rejected: counted("rejected"), Failed: counted("failed") }

    const aboutOf = (instance: string, { command, id, target, to }: Pending) => ({
      process: name,
      instance,
      to,
      target,
      command: tagOf(command),
      commandId: id
    })

    /** An attempt, in the trace of what the command follows from. */
    const tried = (instance: string, pending: Pending): Effect.Effect<Answer, NotExecuted> =>
      continuing(
        "eventfold.process.command",
        { metadata: pending.cause ?? {} },
        () => aboutOf(instance, pending),
        (span) =>
          Effect.catchDefect(
            Effect.suspend(() => attemptAt(dispatching, pending)),
            (defect) => Effect.fail(new NotExecuted({ problem: String(defect), waits: false }))
          ).pipe(
            Effect.tap((answer) =>
              Effect.sync(() => {
                if (span !== undefined) annotate(span, { "eventfold.outcome": outcomeOf(answer) })
              })
            )
          )
      )

    /** Tells what has become of a command. */
    const answering = ([instance, pending, told]: Task, answer: Answer) =>
      Effect.gen(function* () {
        yield* outcomes[answer._tag]
        yield* debug("process command", () => ({ ...aboutOf(instance, pending), outcome: outcomeOf(answer) }))
        return yield* told(answer)
      })
    const scope = yield* Effect.scope
    const tasks = yield* Queue.unbounded<Task>()
    const room = yield* Semaphore.make(concurrency)

    /** Tries again until there is an answer to be told. */
    const persist = ([instance, pending]: Task, attempt: Effect.Effect<Answer, NotExecuted>, first: NotExecuted) => {
      let attempts = 1
      const again = Effect.suspend(() => {
        attempts++
        return Effect.andThen(retried, room.withPermit(attempt))
      })
      let isKnown = false
      let isTried = false
      const say = ({ problem, waits }: NotExecuted) => {
        if (waits ? isKnown : isTried) return Effect.void
        if (waits) isKnown = true
        else isTried = true
        const message = waits ? "process waits for the store of a command" : "process command fails"
        return warn(message, { ...aboutOf(instance, pending), problem })
      }
      let next: Effect.Effect<Answer, NotExecuted> = Effect.fail(first)
      return Effect.suspend(() => {
        const now = next
        next = again
        return now
      }).pipe(
        Effect.tapError(say),
        Effect.retry({ schedule: Schedule.spaced("200 millis"), while: ({ waits }) => waits }),
        Effect.retry(retry),
        Effect.catchTag("NotExecuted", ({ problem }) => Effect.succeed<Answer>({ _tag: "Failed", attempts, problem }))
      )
    }

    /** Commands by the aggregate that they are for, where one of them is under way: they would only be in each other's way. */
    const behind = new Map<string, Array<Task>>()
    const placeOf = ({ target, to }: Pending): string => `${to} ${target}`

    const next = (pending: Pending): void => {
      const place = placeOf(pending)
      const task = behind.get(place)?.shift()
      if (task === undefined) behind.delete(place)
      else Queue.offerUnsafe(tasks, task)
    }

    const work = Effect.flatMap(Queue.take(tasks), (task) => {
      const [instance, pending] = task
      const attempt = tried(instance, pending)
      return Effect.matchEffect(
        Effect.ensuring(
          attempt,
          Effect.sync(() => next(pending))
        ),
        {
          onSuccess: (answer) => answering(task, answer),
          onFailure: (error) =>
            Effect.forkIn(
              Effect.flatMap(persist(task, attempt, error), (answer) => answering(task, answer)),
              scope
            )
        }
      )
    })
    for (let i = 0; i < concurrency; i++) yield* Effect.forkIn(Effect.forever(work), scope)

    return {
      send: (...task) => {
        const place = placeOf(task[1])
        const waiting = behind.get(place)
        if (waiting !== undefined) return void waiting.push(task)
        behind.set(place, [])
        Queue.offerUnsafe(tasks, task)
      }
    }
  })
