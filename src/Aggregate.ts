/**
 * An aggregate: a decider as a service over the event store, one stream for each id.
 *
 * To execute a command it folds the stream, decides, and appends what was decided on the expectation that nothing came in
 * between. If something did, it folds only what it missed and decides again.
 */
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as Causation from "./Causation.ts"
import * as Decider from "./Decider.ts"
import * as Event from "./Event.ts"
import { ConcurrencyConflict, EventStore, type ReadOptions, StoreError } from "./EventStore.ts"
import { decoded } from "./internal/runtime/decoded.ts"
import { type Execution, makeExecution } from "./internal/runtime/execution.ts"
import { evolveRecorded, type Loaded, type Outcome, unloaded } from "./internal/runtime/loaded.ts"
import { uuidV7 } from "./internal/runtime/uuid.ts"
import type { Metadata, RecordedEvent } from "./RecordedEvent.ts"
import * as StreamName from "./StreamName.ts"

export type { Loaded, Outcome }

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
}

/** What can go wrong in executing any command. */
export type ExecuteError = ConcurrencyConflict | StoreError | Event.DecodeError

/**
 * A command for one aggregate, to be executed together with others by {@link executeAll}.
 */
export interface Prepared<out Result, out Rejection> {
  readonly "~eventfold/Prepared": {
    readonly store: EventStore["Service"]
    readonly stream: StreamName.StreamName
    readonly retry: Schedule.Schedule<unknown>
    readonly begin: (commandId: string, together: ReadonlyArray<StreamName.StreamName>) => Execution<Result, Rejection>
  }
}

/**
 * An aggregate's service.
 */
export interface Aggregate<D extends Decider.Any> {
  /**
   * Executes a command. Fails with what this very command can be rejected with, with {@link ConcurrencyConflict} when others kept
   * coming first for as long as the retry schedule lasts, or with the store's errors.
   */
  readonly execute: <Tag extends Decider.Command<D>["_tag"]>(
    id: string,
    command: Decider.Command<D> & { readonly _tag: Tag },
    options?: ExecuteOptions
  ) => Effect.Effect<Outcome<Decider.State<D>, Decider.Event<D>>, Decider.Rejection<D, Tag> | ExecuteError>
  /** A command to be executed together with others by {@link executeAll}. */
  readonly prepare: <Tag extends Decider.Command<D>["_tag"]>(
    id: string,
    command: Decider.Command<D> & { readonly _tag: Tag }
  ) => Prepared<Outcome<Decider.State<D>, Decider.Event<D>>, Decider.Rejection<D, Tag>>
  /**
   * The state: now, at a version, or at an instant (after all events recorded up to and including it). A version that the
   * stream has not reached gives the state it has; the answer's `version` says which that is.
   */
  readonly state: (
    id: string,
    options?: { readonly at?: number | DateTime.Utc | undefined }
  ) => Effect.Effect<Loaded<Decider.State<D>>, StoreError | Event.DecodeError>
  /** The events, each with its record. None for an id that nothing has happened to. */
  readonly history: (
    id: string,
    options?: ReadOptions
  ) => Stream.Stream<Event.Decoded<Decider.Read<D>>, StoreError | Event.DecodeError>
  /** The name of the stream of an id. */
  readonly streamOf: (id: string) => StreamName.StreamName
}

interface RetryOptions {
  /** When to decide again after a conflict, and how often. At once and up to 10 times by default. */
  readonly retry?: Schedule.Schedule<unknown> | undefined
}

/**
 * How an aggregate is run.
 */
export interface Options<D extends Decider.Any> extends RetryOptions {
  readonly decider: D
  /** The category of the streams. The decider's name by default. */
  readonly category?: string
}

const defaultRetry = Schedule.recurs(10)

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

const withoutUndefined = (metadata: Metadata): Metadata =>
  Object.fromEntries(Object.entries(metadata).filter(([, value]) => value !== undefined))

const loadDecideAppend = Effect.fnUntraced(function* <Rejection>(
  store: EventStore["Service"],
  executions: ReadonlyArray<Execution<unknown, Rejection>>,
  streams: ReadonlyArray<StreamName.StreamName>,
  commandId: string,
  metadata: Metadata
) {
  const catchUp = Effect.forEach(executions, (execution) => execution.catchUp, { discard: true })
  yield* catchUp
  // Stored before: together, so that where one was, those that stored nothing had nothing to do. Once more, for the streams
  // were read one after the other, and it may have been stored in between.
  if (executions.some((execution) => execution.isStored())) return yield* catchUp
  const context = Decider.context({ now: yield* DateTime.now, commandId })
  const writes = []
  for (const execution of executions) writes.push(...(yield* execution.decide(context, metadata)))
  const twice = streams.find((stream, index) => stream === streams[index - 1])
  if (twice !== undefined) {
    const problem = `two commands for stream ${twice} cannot be executed as one: execute one after the other`
    return yield* new StoreError({ reason: "InvalidRequest", problem })
  }
  if (writes.length === 0) return
  const appended = yield* Effect.catchTag(store.append(writes), "ConditionConflict", Effect.die)
  // Executed elsewhere at the same time: what it came to is in the streams by now.
  if (appended.repeated) return yield* catchUp
  let position = appended.position
  for (const execution of executions.toReversed()) position -= execution.settle(position)
})

/** Load, decide, append; after a conflict fold what was missed, and decide again. */
const run = Effect.fnUntraced(function* <Result, Rejection>(
  commands: ReadonlyArray<Prepared<Result, Rejection>>,
  options: ExecuteOptions & RetryOptions
) {
  if (commands.length === 0) return []
  const prepared = commands.map((command) => command["~eventfold/Prepared"])
  const commandId = options.commandId ?? (yield* uuidV7)
  const problem = problemOf(prepared, commandId)
  if (problem !== undefined) return yield* new StoreError({ reason: "InvalidRequest", problem })
  const { store, retry } = prepared[0]!
  const metadata = withoutUndefined({ ...(yield* Causation.metadata(commandId)), ...options.metadata, commandId })
  const together = prepared.map(({ stream }) => stream).toSorted()
  const executions = prepared.map(({ begin }) => begin(commandId, together))
  yield* Effect.retry(loadDecideAppend(store, executions, together, commandId, metadata), {
    schedule: options.retry ?? retry,
    while: (error) => error instanceof ConcurrencyConflict
  })
  return executions.map((execution) => execution.outcome())
})

type Results<Commands> = {
  readonly [Index in keyof Commands]: Commands[Index] extends Prepared<infer Result, unknown> ? Result : never
}

type Rejections<Commands extends ReadonlyArray<unknown>> =
  Commands[number] extends Prepared<unknown, infer Rejection> ? Rejection : never

/**
 * Executes several commands as one: all their events are appended, or none. What any of them is rejected with rejects all,
 * and a conflict on any of their streams decides all of them again, on the retry schedule of the first unless `retry` is given.
 * A command id is that of all of them together.
 *
 * @example
 * import { Aggregate } from "eventfold"
 *
 * declare const debit: Aggregate.Prepared<"debited", "insufficient funds">
 * declare const credit: Aggregate.Prepared<"credited", "closed">
 *
 * export const transfer = Aggregate.executeAll([debit, credit], { commandId: "transfer:42" })
 */
export const executeAll = <const Commands extends ReadonlyArray<Prepared<unknown, unknown>>>(
  commands: Commands,
  options: ExecuteOptions & RetryOptions = {}
): Effect.Effect<Results<Commands>, Rejections<Commands> | ExecuteError> =>
  // A list of results is typed by its length alone; `run` keeps the order of the commands.
  run(commands, options) as Effect.Effect<unknown, Rejections<Commands> | ExecuteError> as Effect.Effect<
    Results<Commands>,
    Rejections<Commands> | ExecuteError
  >

const isUpTo =
  (at: number | DateTime.Utc | undefined) =>
  (recorded: RecordedEvent): boolean =>
    at === undefined || typeof at === "number" || DateTime.isLessThanOrEqualTo(recorded.recordedAt, at)

const checkCategory = (category: string): void => {
  const wrong = StreamName.categoryProblem(category)
  if (wrong !== undefined) throw new Error(`the category "${category}" ${wrong}: give another one as \`category\``)
}

/**
 * An aggregate as a value, for code that does not know its deciders by name. {@link Service} is the usual way.
 */
export const make = <D extends Decider.Any>(options: Options<D>): Effect.Effect<Aggregate<D>, never, EventStore> =>
  Effect.gen(function* () {
    const store = yield* EventStore
    const { decider, category = decider.name, retry = defaultRetry } = options
    checkCategory(category)
    const streamOf = (id: string) => StreamName.make(category, id)

    const prepare: Aggregate<D>["prepare"] = (id, command) => ({
      "~eventfold/Prepared": {
        store,
        stream: streamOf(id),
        retry,
        begin: (commandId, together) => makeExecution(store, decider, streamOf(id), command, commandId, together)
      }
    })

    return {
      streamOf,
      prepare,
      execute: (id, command, executeOptions) =>
        Effect.map(run([prepare(id, command)], executeOptions ?? {}), ([outcome]) => outcome!),
      state: (id, options) =>
        store.readStream(streamOf(id), typeof options?.at === "number" ? { to: options.at } : {}).pipe(
          Stream.takeWhile(isUpTo(options?.at)),
          Stream.runFoldEffect(
            () => unloaded(decider),
            (loaded, recorded) =>
              Effect.map(Effect.fromResult(Event.decode<Decider.Read<D>>(decider.reads, recorded)), (events) =>
                evolveRecorded(decider, loaded, events, recorded)
              )
          )
        ),
      history: (id, readOptions) => decoded(decider.reads, store.readStream(streamOf(id), readOptions))
    }
  })

/**
 * Makes the service of an aggregate, a class to be extended, with a layer that needs an event store and nothing else.
 *
 * @example
 * import { Aggregate, Decider, Event } from "eventfold"
 * import { Schema } from "effect"
 *
 * const counter = Decider.make({
 *   name: "counter",
 *   state: Schema.Int,
 *   initial: 0,
 *   commands: Schema.TaggedUnion({ Increment: {} }),
 *   events: Event.define({ Incremented: {} })
 * })
 *   .evolve({ Incremented: (count) => count + 1 })
 *   .decide({ Increment: () => [{ _tag: "Incremented" }] })
 *
 * class Counters extends Aggregate.Service<Counters>()("app/Counters", { decider: counter }) {}
 */
export const Service =
  <Self>() =>
  <const Key extends string, D extends Decider.Any>(
    key: Key,
    options: Options<D>
  ): Context.ServiceClass<Self, Key, Aggregate<D>> & { readonly layer: Layer.Layer<Self, never, EventStore> } => {
    checkCategory(options.category ?? options.decider.name)
    const service = Context.Service<Self, Aggregate<D>>()(key)
    return Object.assign(service, { layer: Layer.effect(service, make(options)) })
  }
