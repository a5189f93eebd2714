/**
 * What is measured, and under which names: by Effect's own `Metric`, so that whatever exports those exports these, such as
 * `PrometheusMetrics` and `Otlp` of `effect/observability`.
 *
 * Every module that does something measures it here and nowhere else, and what is measured is never what is decided by. Durations are in
 * seconds. Attributes have few values: the names of types, categories, commands, projections and processes that a program has, and never the
 * name of a stream, an instance or an id.
 */
import type * as Context from "effect/Context"
import * as Metric from "effect/Metric"

/** Seconds, from 10 microseconds to 10 seconds. */
const durations = [
  0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5,
  5, 10
]

const counts = [0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000]

/** The most combinations of attributes that a process tells apart in a metric. */
export const mostSeries = 1000

/**
 * A metric that tells its attributes apart, at little cost each time.
 *
 * @example
 * import { Metrics } from "eventfold"
 * import { Effect, Metric } from "effect"
 *
 * const deposits = Metrics.commands.series({ category: "account", command: "Deposit", outcome: "executed" })
 *
 * await Effect.runPromise(Metric.value(deposits)) // { count: 0, incremental: true }
 */
export type Measure<M> = M & {
  /** The metric with attributes: the same one for the same. What comes after the first {@link mostSeries} combinations counts as `other`. */
  readonly series: (attributes: Metric.Metric.AttributeSet) => M
}

interface Node<M> {
  metric: M | undefined
  readonly next: Map<string, Node<M>>
}

/**
 * A metric by its attributes. What comes after the first {@link mostSeries} combinations counts as `other`, in all attributes: a program that
 * makes names up must not fill its memory with them, nor that of who collects.
 */
const bounded = <M>(
  make: (attributes: Metric.Metric.AttributeSet) => M
): ((attributes: Metric.Metric.AttributeSet) => M) => {
  const root: Node<M> = { metric: undefined, next: new Map() }
  let size = 0
  let other: M | undefined
  const add = (attributes: Metric.Metric.AttributeSet): M => {
    if (size >= mostSeries) {
      return (other ??= make(Object.fromEntries(Object.keys(attributes).map((name) => [name, "other"]))))
    }
    let node = root
    for (const value of Object.values(attributes)) {
      const next = node.next.get(value) ?? { metric: undefined, next: new Map() }
      node.next.set(value, next)
      node = next
    }
    size++
    return (node.metric = make(attributes))
  }
  return (attributes) => {
    let node: Node<M> | undefined = root
    for (const name in attributes) node = node?.next.get(attributes[name]!)
    return node?.metric ?? add(attributes)
  }
}

// Each series is a metric of its own, which remembers where it counts. One that is shared by series looks that up each time anew.
const counter = (name: string, description: string): Measure<Metric.Counter<number>> => {
  const make = (attributes?: Metric.Metric.AttributeSet) =>
    Metric.counter(name, { description, incremental: true, attributes })
  return Object.assign(make(), { series: bounded(make) })
}

const histogram = (
  name: string,
  description: string,
  boundaries: ReadonlyArray<number>
): Measure<Metric.Histogram<number>> => {
  const make = (attributes?: Metric.Metric.AttributeSet) =>
    Metric.histogram(name, { description, boundaries, attributes })
  return Object.assign(make(), { series: bounded(make) })
}

// The store.

/** Events that were stored, by `category` and `type`. In a transaction of the caller's they count when they are written, whatever becomes of it. */
export const eventsAppended = counter("eventfold_events_appended_total", "Events that were stored")

/** How long an append took its caller, from the call to the answer, by `outcome`: `stored`, `repeated`, `conflict` or `failed`. */
export const appendSeconds = histogram(
  "eventfold_append_seconds",
  "How long an append takes, with the time that it waits for others",
  durations
)

/** Appends that went to the log together. */
export const appendBatchAppends = histogram(
  "eventfold_append_batch_appends",
  "Appends that are sent to the log together",
  counts
)

/** Events of the appends that went to the log together. */
export const appendBatchEvents = histogram(
  "eventfold_append_batch_events",
  "Events of the appends that are sent to the log together",
  counts
)

/** Appends that wait to be sent, in all stores of this process. It is counted when it is looked at. */
export const appendQueueDepth = Metric.gauge("eventfold_append_queue_depth", {
  description: "Appends that wait to be sent to the log"
})

/** Batches of appends whose connection was lost, so that the store had to ask what became of them. */
export const appendConnectionsLost = counter(
  "eventfold_append_connections_lost_total",
  "Batches of appends under which the connection was lost"
)

// Aggregates.

/**
 * Commands by `category`, `command` and `outcome`: `executed`, `nothing` (there was nothing to do), `repeated` (it had been executed before),
 * `rejected`, `conflict` (others kept coming first), `failed`, or `interrupted`. Of commands that are executed as one each counts, and where
 * they fail, each with that.
 */
export const commands = counter("eventfold_commands_total", "Commands, by what came of them")

/** How long a command takes, by `category`, from the call to the answer, whatever that is. */
export const commandSeconds = histogram(
  "eventfold_command_seconds",
  "How long a command takes, with all that it is tried again",
  durations
)

/** How long it takes to have a state, by `category`: from memory, from a snapshot, from events, or from what is known and the events since. */
export const loadSeconds = histogram("eventfold_load_seconds", "How long it takes to load a state", durations)

/** How many events were folded to have a state, by `category`. */
export const loadReplayedEvents = histogram(
  "eventfold_load_replayed_events",
  "Events that are folded when a state is loaded",
  counts
)

/** How many events a stream has, by `category`, each time that it is loaded. */
export const streamLength = histogram(
  "eventfold_stream_length",
  "Events of a stream, each time that it is loaded",
  counts
)

/** How often a state was looked for in memory, by `category` and `outcome`: `hit` or `miss`. */
export const stateCacheLoads = counter("eventfold_state_cache_loads_total", "Looks for a state in memory")

/** How often a snapshot was looked for, by `category` and `outcome`: `hit`, or `miss` where there is none that can be used. */
export const snapshotLoads = counter("eventfold_snapshot_loads_total", "Looks for a snapshot")

/** How long a decision takes, by `category`: with its events encoded and folded. */
export const decideSeconds = histogram(
  "eventfold_decide_seconds",
  "How long a decision takes, with its events encoded and folded",
  durations
)

/** How often a command came to append after others had, by the `category` of the stream. */
export const conflicts = counter("eventfold_conflicts_total", "Appends of commands that came after others")

/** How often a command was decided again after a conflict, by `category`. */
export const retries = counter("eventfold_retries_total", "Decisions that are made again after a conflict")

// Projections and processes. What both are kept as is a projection: `reaction:mails`, `publication:orders`, `process:booking`. The gauges are kept by
// `Health.layerMetrics`, of all that the store knows of, by `projection`, `partition` and `role`: `live` or `filling`.

/** Positions of the log that a partition has not come to. */
export const projectionLagEvents = Metric.gauge("eventfold_projection_lag_events", {
  description: "Positions of the log that a partition of a projection has not come to"
})

/** How long ago the first event was recorded that a partition has not come to. */
export const projectionLagSeconds = Metric.gauge("eventfold_projection_lag_seconds", {
  description: "How long ago the first event was recorded that a partition of a projection has not come to"
})

/** Events a second: 0 where nothing was handled since it was looked at before. */
export const projectionRate = Metric.gauge("eventfold_projection_rate", {
  description: "Events that a partition of a projection handles in a second"
})

/** Events that are set aside. */
export const projectionParkedEvents = Metric.gauge("eventfold_projection_parked_events", {
  description: "Events of a partition of a projection that are set aside"
})

/** 1 where a partition is run by somebody, in this process or another one; 0 where it is paused, has failed, or has no owner. */
export const projectionRunning = Metric.gauge("eventfold_projection_running", {
  description: "Whether a partition of a projection is run by somebody"
})

/** Events that came to be behind a partition in this process, handled or set aside, by `projection` and `partition`. */
export const projectionEvents = Metric.counter("eventfold_projection_events_total", {
  description: "Events that a partition of a projection has handled",
  incremental: true
})

const seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

/** How long a batch takes, by `projection` and `partition`, from when it is begun until it is committed, with all that was tried again. */
export const projectionBatchSeconds = Metric.histogram("eventfold_projection_batch_seconds", {
  description: "How long a batch of events takes a projection, until it is committed",
  boundaries: seconds
})

/** Attempts at a batch that have failed, by `projection` and `partition`: for what it is of, and not for a store that is away. */
export const projectionFailures = Metric.counter("eventfold_projection_failures_total", {
  description: "Attempts of a projection at a batch of events that have failed",
  incremental: true
})

/** Instances, by `process` and `status`: `running`, `stuck`, `ended` or `cancelled`. */
export const processInstances = Metric.gauge("eventfold_process_instances", {
  description: "Instances of a process, by status"
})

/**
 * Commands that were sent, by `process` and `outcome`: `executed`, `rejected`, `failed` for good; and each time that one was tried again,
 * `retried`.
 */
export const processCommands = Metric.counter("eventfold_process_commands_total", {
  description: "Commands of a process, by what became of them",
  incremental: true
})

/** How late a timer has elapsed, by `process`. Its count is how many have. */
export const processTimerDelaySeconds = Metric.histogram("eventfold_process_timer_delay_seconds", {
  description: "How late a timer of a process has elapsed",
  boundaries: [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600, 86_400]
})

/** What a reaction does for an event, or the publication of one, by `projection` and `outcome`: each time that it is tried, `succeeded` or `failed`. */
export const reactionAttempts = Metric.counter("eventfold_reaction_attempts_total", {
  description: "Attempts of a reaction or a publication at an event",
  incremental: true
})

/** How long such an attempt takes, by `projection`. */
export const reactionSeconds = Metric.histogram("eventfold_reaction_seconds", {
  description: "How long an attempt of a reaction or a publication takes",
  boundaries: seconds
})

/** 1 where the store was there when it was asked last, otherwise 0: then there are no gauges of what it keeps. Kept by `Health.layerMetrics`. */
export const storeReachable = Metric.gauge("eventfold_store_reachable", {
  description: "Whether the store answers"
})

/** How long an append would have waited for the lock of the log. Kept by `Health.layerMetrics`. */
export const storeWriteLatencySeconds = Metric.gauge("eventfold_store_write_latency_seconds", {
  description: "How long an append would have waited for the lock of the log"
})

// Measuring.

/** Any metric by its attributes, as a {@link Measure} has them. */
export const seriesOf = <Input, State>(
  metric: Metric.Metric<Input, State>
): ((attributes: Metric.Metric.AttributeSet) => Metric.Metric<Input, State>) =>
  bounded((attributes) => Metric.withAttributes(metric, attributes))

/** Updates a metric of a registry: that of the context. It never throws: what is measured goes on, also where it cannot be measured. */
export const update = <Input>(
  metric: Metric.Metric<Input, unknown>,
  input: Input,
  context: Context.Context<never>
): void => {
  try {
    metric.updateUnsafe(input, context)
  } catch {
    // There is nobody to tell.
  }
}
