/**
 * Whether a store, and what follows its log, are well: as a value for an endpoint or a person, and as gauges for who watches.
 *
 * It is found out from the store, and so is true wherever it is asked: also of what another process runs, or nobody.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import { EventStore } from "./EventStore.ts"
import { look, type ProcessCounts, type StoreHealth } from "./internal/runtime/health/look.ts"
import { makeGauges } from "./internal/runtime/health/gauges.ts"
import { problemsOf } from "./internal/runtime/health/problems.ts"
import { ProcessStore } from "./ProcessStore.ts"
import { ProjectionStore, type Status } from "./ProjectionStore.ts"

export type { ProcessCounts, StoreHealth }

/**
 * How a store is doing, and all that follows its log.
 */
export interface Health {
  /** Whether there are no problems. */
  readonly isHealthy: boolean
  /**
   * What is wrong, a sentence each. They name what it is about, and say nothing of what is stored: why a projection has failed is in its status, and
   * why the store cannot be reached in `store`.
   */
  readonly problems: ReadonlyArray<string>
  /** The store itself: whether it answers, and how fast it could be written to. */
  readonly store: StoreHealth
  /** All projections, reactions, publications and processes, by partition. None where the store does not tell. */
  readonly projections: ReadonlyArray<Status>
  /** The processes, by name. */
  readonly processes: ReadonlyArray<ProcessCounts>
}

/**
 * What is taken to be healthy.
 */
export interface Options {
  /** What there must be, such as the application's own projections and reactions. A process is there as `process:` and its name. */
  readonly expected?: ReadonlyArray<{ readonly name: string }>
  /** How far a projection may be behind. A minute by default. */
  readonly maxLag?: Duration.Input
  /** How long an append may have to wait for its turn. A second by default. */
  readonly maxWriteLatency?: Duration.Input
  /** How many instances of a process may be stuck. None by default. */
  readonly maxStuck?: number
  /** How long the store is given for an answer. 5 seconds by default. */
  readonly timeout?: Duration.Input
}

type Stores = EventStore | ProjectionStore | ProcessStore

const stores = Effect.all({ events: EventStore, projections: ProjectionStore, processes: ProcessStore })

const defaultTimeout: Duration.Input = "5 seconds"

/**
 * Asks how everything is doing. It never fails: a store that does not answer in time is unhealthy, and that is the answer.
 *
 * Red is a store that cannot be reached, an append that would wait too long, what has failed, what is behind for longer than it may, what is
 * expected and not live, and a process that has too many instances stuck. What is paused is not, and neither are parked events:
 * somebody has decided on them.
 *
 * The write latency is the time that `EventStore.settledHead` takes, which waits for the lock of the log as an append does, and writes nothing.
 *
 * @example
 * import { Health } from "eventfold"
 * import { Effect } from "effect"
 *
 * export const complain = Effect.gen(function* () {
 *   const { isHealthy, problems } = yield* Health.check({ expected: [{ name: "balances" }], maxLag: "10 seconds" })
 *   if (!isHealthy) yield* Effect.logError("the store is not well", problems)
 * })
 */
export const check = ({
  expected = [],
  maxLag = "1 minute",
  maxStuck = 0,
  maxWriteLatency = "1 second",
  timeout = defaultTimeout
}: Options = {}): Effect.Effect<Health, never, Stores> =>
  Effect.gen(function* () {
    const limit = Duration.fromInputUnsafe(timeout)
    const seen = yield* look(yield* stores, limit)
    const problems = problemsOf(seen, {
      expected,
      maxLag: Duration.fromInputUnsafe(maxLag),
      maxWriteLatency: Duration.fromInputUnsafe(maxWriteLatency),
      maxStuck,
      timeout: limit
    })
    const { processes, projections, store } = seen
    return {
      isHealthy: problems.length === 0,
      problems,
      store: store.health,
      projections: projections.value ?? [],
      processes: processes.value ?? []
    }
  })

/**
 * Keeps the gauges of `Metrics` that tell of a store as a whole: how far projections are behind, whether they run, what is parked, and
 * how many instances processes have. It looks every 5 seconds by default, and so the gauges are true also of what nobody runs. While
 * the store cannot be reached `eventfold_store_reachable` is 0, and what it would have to tell is not there.
 *
 * One for a program is enough, in those of whose metrics somebody reads.
 *
 * @example
 * import { Health } from "eventfold"
 * import { MemoryEventStore } from "eventfold/memory"
 * import { Layer } from "effect"
 * import { PrometheusMetrics } from "effect/observability"
 *
 * export const Observed = Layer.mergeAll(PrometheusMetrics.layerHttp(), Health.layerMetrics()).pipe(
 *   Layer.provide(MemoryEventStore.layer)
 * )
 */
export const layerMetrics = ({
  every = "5 seconds",
  timeout = defaultTimeout
}: { readonly every?: Duration.Input } & Pick<Options, "timeout"> = {}): Layer.Layer<never, never, Stores> =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const limit = Duration.fromInputUnsafe(timeout)
      const gauges = yield* makeGauges
      const once = Effect.flatMap(look(yield* stores, limit), gauges.set)
      yield* Effect.forkScoped(Effect.repeat(once, Schedule.spaced(every)))
    })
  )
