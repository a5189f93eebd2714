/**
 * What every store measures and says of its appends, alike.
 *
 * The metrics are those of the registry that is there when the store is made, and not of each caller: appends of several callers go together.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type { Appended, AppendError, Write } from "../../EventStore.ts"
import * as Logging from "../../Logging.ts"
import * as Metrics from "../../Metrics.ts"
import * as StreamName from "../../StreamName.ts"

/** An append that is sent, and when it was asked for. */
export interface Asked {
  readonly writes: ReadonlyArray<{
    readonly stream: StreamName.StreamName
    readonly events: ReadonlyArray<{ readonly type: string }>
  }>
  /** In nanoseconds of {@link Measuring.now}. */
  readonly askedAt: bigint
}

/** How many appends wait in all stores of a registry. */
interface Waiting {
  count: number
}

export interface Measuring {
  readonly now: () => bigint
  /** To be counted up and down by who has a queue. */
  readonly waiting: Waiting
  /** Counts one that waits for its turn, for who has no queue. It may stop waiting any number of times. */
  readonly wait: () => { readonly askedAt: bigint; readonly stopWaiting: () => undefined }
  /** Appends have been sent together, and answered. */
  readonly sent: (batch: ReadonlyArray<Asked>, answers: ReadonlyArray<Result.Result<Appended, AppendError>>) => void
  /** The connection was lost under so many appends: it has to be asked what became of them. */
  readonly connectionLost: (appends: number, problem: string) => Effect.Effect<void>
}

type Outcome = "stored" | "repeated" | "conflict" | "failed"

const outcomeOf = (answer: Result.Result<Appended, AppendError>): Outcome => {
  if (Result.isSuccess(answer)) return answer.success.repeated ? "repeated" : "stored"
  return answer.failure._tag === "StoreError" ? "failed" : "conflict"
}

const waitingOf = new WeakMap<Metric.MetricRegistry, Map<string, Waiting>>()

/** Stores that share a series of the gauge wait in one number, which the gauge reads. */
const waitingIn = (context: Context.Context<never>): Waiting => {
  const registry = Context.get(context, Metric.MetricRegistry)
  const series = JSON.stringify(Object.entries(Context.get(context, Metric.CurrentMetricAttributes)).toSorted())
  const all = waitingOf.get(registry) ?? new Map<string, Waiting>()
  waitingOf.set(registry, all)
  const found = all.get(series)
  if (found !== undefined) return found
  const waiting = { count: 0 }
  all.set(series, waiting)
  const ignore = (): void => undefined
  Metric.registerUnsafe(Metrics.appendQueueDepth, context, {
    get: () => ({ value: waiting.count }),
    update: ignore,
    modify: ignore
  })
  return waiting
}

/** How many events there are of a type in a category, in the batch that is counted. */
interface Tally {
  readonly category: string
  readonly type: string
  readonly metric: Metric.Metric<number, unknown>
  count: number
}

/** A category ends with the first hyphen of a stream's name. */
const isOf = ({ category, type }: Tally, stream: StreamName.StreamName, eventType: string): boolean =>
  type === eventType && stream[category.length] === "-" && stream.startsWith(category)

/** Counts events by category and type. Most are as the one before, and then nothing is looked up. */
const makeTallies = () => {
  const known = new Map<string, Map<string, Tally>>()
  let size = 0
  let last: Tally | undefined
  let counted: Array<Tally> = []
  const find = (category: string, type: string): Tally => {
    const found = known.get(category)?.get(type)
    if (found !== undefined) return found
    const tally = { category, type, metric: Metrics.eventsAppended.series({ category, type }), count: 0 }
    if (size >= Metrics.mostSeries) return tally
    size++
    known.set(category, (known.get(category) ?? new Map<string, Tally>()).set(type, tally))
    return tally
  }
  return {
    add: (stream: StreamName.StreamName, type: string): void => {
      if (last === undefined || !isOf(last, stream, type)) last = find(StreamName.category(stream), type)
      if (last.count++ === 0) counted.push(last)
    },
    report: (context: Context.Context<never>): void => {
      for (const tally of counted) {
        Metrics.update(tally.metric, tally.count, context)
        tally.count = 0
      }
      counted = []
    }
  }
}

const makeWith = (context: Context.Context<never>): Measuring => {
  const clock = Context.get(context, Clock.Clock)
  const now = (): bigint => clock.monotonicTimeNanosUnsafe()
  const waiting = waitingIn(context)
  const stored = makeTallies()
  const appendSeconds: Readonly<Record<Outcome, Metric.Metric<number, unknown>>> = {
    stored: Metrics.appendSeconds.series({ outcome: "stored" }),
    repeated: Metrics.appendSeconds.series({ outcome: "repeated" }),
    conflict: Metrics.appendSeconds.series({ outcome: "conflict" }),
    failed: Metrics.appendSeconds.series({ outcome: "failed" })
  }
  // What is there from the start is seen to rise by the first as well.
  Metrics.update(Metrics.appendConnectionsLost, 0, context)
  return {
    now,
    waiting,
    wait: () => {
      let isWaiting = true
      waiting.count++
      const stopWaiting = (): undefined => {
        if (isWaiting) waiting.count--
        isWaiting = false
      }
      return { askedAt: now(), stopWaiting }
    },
    sent: (batch, answers) => {
      const answeredAt = now()
      let events = 0
      for (let i = 0; i < batch.length; i++) {
        const { askedAt, writes } = batch[i]!
        const outcome = outcomeOf(answers[i]!)
        Metrics.update(appendSeconds[outcome], Number(answeredAt - askedAt) / 1e9, context)
        for (const write of writes) {
          events += write.events.length
          if (outcome === "stored") for (const { type } of write.events) stored.add(write.stream, type)
        }
      }
      Metrics.update(Metrics.appendBatchAppends, batch.length, context)
      Metrics.update(Metrics.appendBatchEvents, events, context)
      stored.report(context)
    },
    connectionLost: (appends, problem) =>
      Effect.suspend(() => {
        Metrics.update(Metrics.appendConnectionsLost, 1, context)
        return Effect.annotateLogs(Effect.logWarning("connection lost under appends"), { appends, problem })
      })
  }
}

/** For a store that is made here. */
export const make: Effect.Effect<Measuring> = Effect.map(Effect.context<never>(), makeWith)

/** One value where there is one, as in most appends. */
const oneOrAll = <A>(all: ReadonlyArray<A>): A | ReadonlyArray<A> => (all.length === 1 ? all[0]! : all)

const what = (writes: ReadonlyArray<Write>, hasPayloads: boolean) => {
  try {
    return {
      stream: oneOrAll(writes.map(({ stream }) => stream)),
      types: writes.flatMap(({ events }) => events.map(({ type }) => type)),
      ...(hasPayloads ? { data: writes.flatMap(({ events }) => events.map(({ data }) => data)) } : {})
    }
  } catch {
    // It was refused for being something else.
    return {}
  }
}

const became = (exit: Exit.Exit<Appended, AppendError>) => {
  if (Exit.isSuccess(exit)) {
    const { position, repeated, versions } = exit.value
    return { outcome: repeated ? "repeated" : "stored", version: oneOrAll(versions), position }
  }
  const failure = Option.getOrUndefined(Cause.findErrorOption(exit.cause))
  return failure === undefined
    ? { outcome: Cause.hasInterruptsOnly(exit.cause) ? "interrupted" : "failed" }
    : { outcome: outcomeOf(Result.fail(failure)), problem: failure.message }
}

/** Says what came of an append, where the log of the fiber takes that. */
export const logged = (
  fiber: Fiber.Fiber<unknown, unknown>,
  writes: ReadonlyArray<Write>,
  append: Effect.Effect<Appended, AppendError>
): Effect.Effect<Appended, AppendError> =>
  Logging.isEnabled(fiber, "Debug")
    ? Effect.onExit(append, (exit) =>
        // Also where a logger throws.
        Effect.annotateLogs(Effect.ignoreCause(Effect.logDebug("append")), {
          ...what(writes, fiber.getRef(Logging.Payloads)),
          ...became(exit)
        })
      )
    : append
