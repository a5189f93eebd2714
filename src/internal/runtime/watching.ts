/**
 * What is measured, traced and said of the execution of commands. It looks on: whatever it finds, the commands come to the same.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type * as Tracer from "effect/Tracer"
import { DecodeError } from "../../Event.ts"
import {
  type Appended,
  type AppendError,
  ConcurrencyConflict,
  type Condition,
  ConditionConflict,
  type EventStore,
  StoreError,
  type Write
} from "../../EventStore.ts"
import * as Logging from "../../Logging.ts"
import * as Metrics from "../../Metrics.ts"
import type { StreamName } from "../../StreamName.ts"
import { type CommandOutcome, type Measures, stopwatch } from "./measuring.ts"
import { annotate, oneOrAll, spanned } from "./tracing.ts"

/** A command that is watched, before it is known what comes of it. */
export interface Watched {
  readonly measures: Measures
  readonly stream: StreamName
  /** The command's tag, where it is known before it is decided. */
  readonly tag: string | undefined
}

/** What has come of a command so far. */
export interface Account {
  /** What was decided last. */
  readonly command: unknown
  readonly outcome: "executed" | "nothing" | "repeated"
  /** The version that the stream came to, where it is known. */
  readonly version: number | undefined
  readonly events: ReadonlyArray<unknown>
}

/** How an execution goes, as it goes. */
export interface Progress {
  commandId: string | undefined
  retries: number
  accounts: () => ReadonlyArray<Account>
}

export const tagOf = (value: unknown): string | undefined =>
  Predicate.hasProperty(value, "_tag") && typeof value._tag === "string" ? value._tag : undefined

const failureOf = (exit: Exit.Exit<unknown, unknown>): Option.Option<unknown> =>
  Exit.isSuccess(exit) ? Option.none() : Cause.findErrorOption(exit.cause)

const outcomeOfFailure = (cause: Cause.Cause<unknown>): CommandOutcome => {
  const failure = Cause.findErrorOption(cause)
  if (Option.isNone(failure)) return Cause.hasInterruptsOnly(cause) ? "interrupted" : "failed"
  const error = failure.value
  if (error instanceof ConcurrencyConflict || error instanceof ConditionConflict) return "conflict"
  return error instanceof StoreError || error instanceof DecodeError ? "failed" : "rejected"
}

/** What is said beside the outcome. Of a rejection only which one it is: what it holds may be anybody's. */
const problemOf = (outcome: CommandOutcome, exit: Exit.Exit<unknown, unknown>) => {
  const error = Option.getOrUndefined(failureOf(exit))
  if (outcome === "rejected") return { rejection: tagOf(error) }
  return Predicate.isError(error) ? { problem: error.message } : {}
}

const end = (
  fiber: Fiber.Fiber<unknown, unknown>,
  watched: ReadonlyArray<Watched>,
  { accounts: accountsOf, commandId, retries }: Progress,
  span: Tracer.Span | undefined,
  seconds: number,
  exit: Exit.Exit<unknown, unknown>
): Effect.Effect<void> | undefined => {
  const accounts = accountsOf()
  const failed = Exit.isFailure(exit) ? outcomeOfFailure(exit.cause) : undefined
  const tags: Array<string> = []
  const outcomes: Array<CommandOutcome> = []
  for (let i = 0; i < watched.length; i++) {
    const { measures, tag } = watched[i]!
    const command = tagOf(accounts[i]?.command) ?? tag ?? "unknown"
    const outcome = failed ?? accounts[i]?.outcome ?? "failed"
    tags.push(command)
    outcomes.push(outcome)
    Metrics.update(measures.commands(command, outcome), 1, fiber.context)
    Metrics.update(measures.commandSeconds, seconds, fiber.context)
  }
  const level = failed === "conflict" ? "Warn" : "Debug"
  const isLogged = Logging.isEnabled(fiber, level)
  if (span === undefined && !isLogged) return undefined
  const isStored = failed === undefined
  const command = oneOrAll(tags)
  const outcome = oneOrAll(outcomes)
  const version = isStored ? oneOrAll(accounts.map(({ version }) => version)) : undefined
  const events = isStored ? accounts.reduce((sum, { events }) => sum + events.length, 0) : 0
  if (span !== undefined) {
    annotate(span, {
      "eventfold.command": command,
      "eventfold.command_id": commandId,
      "eventfold.outcome": outcome,
      "eventfold.version": version,
      "eventfold.events": events,
      "eventfold.retries": retries
    })
  }
  if (!isLogged) return undefined
  const payloads = fiber.getRef(Logging.Payloads)
    ? {
        data: oneOrAll(accounts.map(({ command, events }) => ({ command, events: isStored ? events : [] }))),
        ...(failed === "rejected" ? { rejected: Option.getOrUndefined(failureOf(exit)) } : {})
      }
    : {}
  const said = failed === "conflict" ? Effect.logWarning("command") : Effect.logDebug("command")
  // Also where a logger throws.
  return Effect.annotateLogs(Effect.ignoreCause(said), {
    category: oneOrAll(watched.map(({ measures }) => measures.category)),
    stream: oneOrAll(watched.map(({ stream }) => stream)),
    command,
    commandId,
    outcome,
    ...(isStored ? { version } : {}),
    events,
    retries,
    ...(failed === undefined ? {} : problemOf(failed, exit)),
    ...payloads
  })
}

/** Watches the execution of commands, as one. */
export const watching = <A, E>(
  watched: ReadonlyArray<Watched>,
  execute: (progress: Progress) => Effect.Effect<A, E>
): Effect.Effect<A, E> => {
  const options = () => ({
    // What it appends is handled by others, in spans that go on from this one.
    kind: "producer" as const,
    attributes: {
      "eventfold.category": oneOrAll(watched.map(({ measures }) => measures.category)),
      "eventfold.stream": oneOrAll(watched.map(({ stream }) => stream))
    }
  })
  return spanned("eventfold.execute", options, (span, fiber) => {
    const seconds = stopwatch(fiber)
    const progress: Progress = { commandId: undefined, retries: 0, accounts: () => [] }
    // With nothing to say it is no effect, which costs less.
    return Effect.onExitPrimitive(execute(progress), (exit) => {
      try {
        return end(fiber, watched, progress, span, seconds(), exit)
      } catch {
        // There is nobody to tell.
        return undefined
      }
    })
  })
}

/** Watches one attempt, and those after it. */
export const watchingAttempts = <A, E, R>(
  watched: ReadonlyArray<Watched>,
  progress: Progress,
  attempt: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> => {
  let isLate = false
  return Effect.withFiber(({ context }) => {
    if (isLate) {
      progress.retries++
      for (const { measures } of watched) Metrics.update(measures.retries, 1, context)
    }
    return Effect.onExitPrimitive(attempt, (exit) => {
      const error = Option.getOrUndefined(failureOf(exit))
      const isOver = error instanceof ConditionConflict
      if (!isOver && !(error instanceof ConcurrencyConflict)) return undefined
      isLate = true
      const late = isOver ? watched[0] : watched.find(({ stream }) => stream === error.stream)
      if (late !== undefined) Metrics.update(late.measures.conflicts, 1, context)
      return undefined
    })
  })
}

/** Watches the append of what was decided. */
export const watchingAppend = (
  store: EventStore["Service"],
  writes: ReadonlyArray<Write>,
  condition: Condition | undefined
): Effect.Effect<Appended, AppendError> => {
  const append = condition === undefined ? store.append(writes) : store.append(writes, { condition })
  const options = () => ({
    attributes: {
      "eventfold.stream": oneOrAll(writes.map(({ stream }) => stream)),
      "eventfold.events": writes.reduce((sum, { events }) => sum + events.length, 0)
    }
  })
  return spanned("eventfold.append", options, (span) =>
    span === undefined
      ? append
      : Effect.tap(append, ({ position, repeated, versions }) => {
          annotate(span, {
            "eventfold.outcome": repeated ? "repeated" : "stored",
            "eventfold.position": position,
            "eventfold.version": oneOrAll(versions)
          })
          return Effect.void
        })
  )
}
