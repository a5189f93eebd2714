/**
 * Executing commands: load, decide, append, and once more after a conflict.
 */
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"
import * as Causation from "../../Causation.ts"
import * as Decider from "../../Decider.ts"
import type * as Event from "../../Event.ts"
import {
  type Appended,
  type AppendError,
  ConcurrencyConflict,
  ConditionConflict,
  type EventStore,
  StoreError,
  type Write
} from "../../EventStore.ts"
import type { Metadata } from "../../RecordedEvent.ts"
import * as StreamName from "../../StreamName.ts"
import type { Execution, Target } from "./execution.ts"
import type { LoadPolicy } from "./loader.ts"
import { uuidV7 } from "./uuid.ts"
import { type Progress, type Watched, watching, watchingAppend, watchingAttempts } from "./watching.ts"

/**
 * How a command is executed.
 */
export interface ExecuteOptions {
  /**
   * Makes the execution idempotent: a command id that has been executed on this stream gives its first outcome again,
   * whatever came between and whichever process asks. A command that was rejected or had nothing to do left no trace, and is
   * decided anew. By default every execution is a command of its own.
   */
  readonly commandId?: string | undefined
  /** Metadata for this command's events alone, beside what the fiber's context gives. */
  readonly metadata?: Metadata | undefined
  /**
   * How new the state has to be that is decided on first. By default it is one in memory, unless the last look at the stream has found what
   * others had written, and the latest otherwise. With one in memory a read is saved where nobody else has written to the stream.
   * The answer is always the same: what is stored is held against the version that the stream has, and a rejection, or nothing to do, is only
   * answered on the latest state.
   */
  readonly load?: LoadPolicy | undefined
}

/** What can go wrong in executing any command. */
export type ExecuteError = ConcurrencyConflict | StoreError | Event.DecodeError

/**
 * A command for one aggregate, to be executed together with others by {@link executeAll}.
 */
export interface Prepared<out Result, out Rejection> {
  readonly "~eventfold/Prepared": Watched & {
    readonly store: EventStore["Service"]
    readonly retry: Schedule.Schedule<unknown>
    readonly begin: (
      executed: Pick<Target<Decider.Any>, "commandId" | "isRepeatable" | "together" | "policy">
    ) => Execution<Result, Rejection>
  }
}

/** What happens after a conflict. */
export interface RetryOptions {
  /** When to decide again after a conflict, and how often. At once and up to 10 times by default. */
  readonly retry?: Schedule.Schedule<unknown> | undefined
}

export const defaultRetry = Schedule.recurs(10)

const problemOf = (
  commands: ReadonlyArray<Prepared<unknown, unknown>["~eventfold/Prepared"]>,
  commandId: string
): string | undefined => {
  const wrong = StreamName.nameProblem(commandId)
  if (wrong !== undefined) return `the command id ${wrong}`
  if (commands.some(({ store }) => store !== commands[0]!.store)) {
    return "commands of aggregates over different stores cannot be executed as one"
  }
  return undefined
}

export const withoutUndefined = (metadata: Metadata): Metadata =>
  Object.fromEntries(Object.entries(metadata).filter(([, value]) => value !== undefined))

/** What several effects come to one after the other; of one, which most commands are, what it is itself. */
const allOf = <A, E>(effects: ReadonlyArray<Effect.Effect<A, E>>): Effect.Effect<unknown, E> =>
  effects.length === 1 ? effects[0]! : Effect.all(effects, { discard: true })

/** What others can have come first with: to a stream, or with an event that matches a query. */
type Conflict = ConcurrencyConflict | ConditionConflict

/** Tells the conflict that an append can have from the other one, which is a defect. */
type Telling<C extends Conflict> = (error: Conflict) => Effect.Effect<never, C>

/** Gives whether it is done: what cannot be answered for good by what is known in memory is decided once more. */
const attempt = Effect.fnUntraced(function* <Rejection, C extends Conflict>(
  store: EventStore["Service"],
  executions: ReadonlyArray<Execution<unknown, Rejection>>,
  streams: ReadonlyArray<StreamName.StreamName>,
  commandId: string,
  metadata: Metadata,
  telling: Telling<C>
) {
  const catchUp = allOf(executions.map((execution) => execution.catchUp))
  const isProvisional = (): boolean => executions.some((execution) => execution.isProvisional())
  const isStored = (): boolean => executions.some((execution) => execution.isStored())
  yield* catchUp
  // Stored before: together, so that where one was, those that stored nothing had nothing to do. Once more, for the streams
  // were read one after the other, and it may have been stored in between.
  if (isStored()) {
    if (isProvisional()) return false
    yield* catchUp
    return true
  }
  const context = Decider.context({ now: yield* DateTime.now, commandId })
  const writes: Array<Write> = []
  for (const execution of executions) {
    // Also where it throws: on another state it may not.
    const decided = yield* Effect.exit(execution.decide(context, metadata))
    const isSomething = Exit.isSuccess(decided) && decided.value.length > 0
    if (!isSomething && isProvisional()) return false
    writes.push(...(yield* decided))
  }
  const twice = streams.find((stream, index) => stream === streams[index - 1])
  if (twice !== undefined) {
    const problem = `two commands for stream ${twice} cannot be executed as one: execute one after the other`
    return yield* new StoreError({ reason: "InvalidRequest", problem })
  }
  if (writes.length === 0) return true
  const asOf = yield* Clock.currentTimeMillis
  // What is refused may have been executed before, and before what was known in memory; and a state that nobody looked at is no conflict
  // that the schedule has to know of.
  const mayPass = (error: AppendError): boolean =>
    error._tag === "StoreError"
      ? !error.isRetryable && isProvisional()
      : executions.some((execution) => !execution.hasRead())
  const failed = (error: AppendError): Effect.Effect<undefined, C | StoreError | Event.DecodeError> => {
    for (const execution of executions) execution.doubt()
    if (mayPass(error)) return Effect.undefined
    if (error._tag !== "StoreError") return telling(error)
    if (error.reason !== "DuplicateEvent") return Effect.fail(error)
    // Executed elsewhere since the streams were read, and come to other events there.
    return Effect.flatMap(catchUp, () => (isStored() ? Effect.undefined : Effect.fail(error)))
  }
  const appending = watchingAppend(store, writes, executions[0]!.condition?.())
  const appended: Appended | undefined = yield* Effect.catch(appending, failed)
  if (appended === undefined) return isStored()
  // Executed elsewhere at the same time: what it came to is in the streams by now.
  if (appended.repeated) {
    for (const execution of executions) execution.seek?.()
    yield* catchUp
    return true
  }
  let position = appended.position
  for (const execution of executions.toReversed()) position -= yield* execution.settle(position, asOf)
  return true
})

const isConflict = (error: unknown): boolean =>
  error instanceof ConcurrencyConflict || error instanceof ConditionConflict

/** Runs an effect again after a conflict. The schedule, which costs as much as the rest of a command, is made when there is one. */
const retrying = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  schedule: Schedule.Schedule<unknown>
): Effect.Effect<A, E, R> =>
  Effect.catch(effect, (error) => {
    if (!isConflict(error)) return Effect.fail(error)
    let isFirst = true
    const again = Effect.suspend(() => {
      if (!isFirst) return effect
      isFirst = false
      return Effect.fail(error)
    })
    return Effect.retry(again, { schedule, while: isConflict })
  })

const execute = Effect.fnUntraced(function* <Result, Rejection, C extends Conflict>(
  prepared: ReadonlyArray<Prepared<Result, Rejection>["~eventfold/Prepared"]>,
  options: ExecuteOptions & RetryOptions,
  telling: Telling<C>,
  progress: Progress
) {
  const commandId = options.commandId ?? (yield* uuidV7)
  progress.commandId = commandId
  const problem = problemOf(prepared, commandId)
  if (problem !== undefined) return yield* new StoreError({ reason: "InvalidRequest", problem })
  const { store, retry } = prepared[0]!
  const metadata = withoutUndefined({ ...(yield* Causation.metadata(commandId)), ...options.metadata, commandId })
  const together = prepared.map(({ stream }) => stream).toSorted()
  const isRepeatable = options.commandId !== undefined
  const executions = prepared.map(({ begin }) => begin({ commandId, isRepeatable, together, policy: options.load }))
  progress.accounts = () => executions.map((execution) => execution.account())
  const once = attempt(store, executions, together, commandId, metadata, telling)
  const loadDecideAppend = Effect.flatMap(once, (isDone) => {
    if (isDone) return Effect.void
    for (const execution of executions) execution.restart()
    return once
  })
  yield* retrying(watchingAttempts(prepared, progress, loadDecideAppend), options.retry ?? retry)
  return executions.map((execution) => execution.outcome())
})

const onStreams: Telling<ConcurrencyConflict> = (error) =>
  error._tag === "ConcurrencyConflict" ? Effect.fail(error) : Effect.die(error)

const overQuery: Telling<ConditionConflict> = (error) =>
  error._tag === "ConditionConflict" ? Effect.fail(error) : Effect.die(error)

/** Load, decide, append; after a conflict fold what was missed, and decide again. */
export const run = <Result, Rejection>(
  commands: ReadonlyArray<Prepared<Result, Rejection>>,
  options: ExecuteOptions & RetryOptions
): Effect.Effect<ReadonlyArray<Result>, Rejection | ExecuteError> => {
  const prepared = commands.map((command) => command["~eventfold/Prepared"])
  return prepared.length === 0
    ? Effect.succeed([])
    : watching(prepared, (progress) => execute(prepared, options, onStreams, progress))
}

/** The same for a command that is decided over a query, and stored on the condition that nothing further matches. */
export const runOver = <Result, Rejection>(
  command: Prepared<Result, Rejection>,
  options: ExecuteOptions & RetryOptions
): Effect.Effect<Result, Rejection | ConditionConflict | StoreError | Event.DecodeError> => {
  const prepared = [command["~eventfold/Prepared"]]
  return Effect.map(
    watching(prepared, (progress) => execute(prepared, options, overQuery, progress)),
    ([outcome]) => outcome!
  )
}
