/**
 * Gauges of what was seen. A series is there for as long as what it tells of: what was seen before, and is not any more, has none.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import type * as Scope from "effect/Scope"
import * as Metrics from "../../../Metrics.ts"
import type { Status } from "../../../ProjectionStore.ts"
import type { ProcessCounts, Seen } from "./look.ts"

type Gauge = Metric.Metric<number, unknown>

/** A gauge with its attributes, what it is known by, and its value. */
interface Series {
  readonly key: string
  readonly gauge: Gauge
  readonly value: number
}

const seriesOf = (gauge: Gauge, value: number, attributes: Metric.Metric.AttributeSet = {}): Series => ({
  key: JSON.stringify([gauge.id, attributes]),
  gauge: Metric.withAttributes(gauge, attributes),
  value
})

const isRun = ({ mode, owner, role, state }: Status): boolean =>
  state === "running" && (owner !== undefined || (mode === "inline" && role === "live"))

const ofProcess = ({ counts, name }: ProcessCounts): ReadonlyArray<Series> =>
  Object.entries(counts).map(([status, count]) => seriesOf(Metrics.processInstances, count, { process: name, status }))

export interface Gauges {
  readonly set: (seen: Seen) => Effect.Effect<void>
}

/** Gauges that are there for as long as the scope. */
export const makeGauges: Effect.Effect<Gauges, never, Scope.Scope> = Effect.gen(function* () {
  let current = new Map<string, Series>()
  /** Where partitions were when they were seen last. */
  let positions = new Map<string, number>()

  const ofProjection = (status: Status): ReadonlyArray<Series> => {
    const { generation, lag, lagTime, name, parked, partition, position, rate, role } = status
    const attributes = { projection: name, partition: String(partition), role }
    const place = `${generation}/${partition}`
    const hasMoved = (positions.get(place) ?? position) !== position
    positions.set(place, position)
    return [
      seriesOf(Metrics.projectionLagEvents, lag, attributes),
      seriesOf(Metrics.projectionLagSeconds, Duration.toSeconds(lagTime), attributes),
      // What is stored is of the last batches, however long ago they were.
      seriesOf(Metrics.projectionRate, hasMoved ? rate : 0, attributes),
      seriesOf(Metrics.projectionParkedEvents, parked, attributes),
      seriesOf(Metrics.projectionRunning, isRun(status) ? 1 : 0, attributes)
    ]
  }

  const replace = Effect.fnUntraced(function* (all: ReadonlyArray<Series>) {
    const next = new Map(all.map((series) => [series.key, series]))
    for (const [key, { gauge }] of current) if (!next.has(key)) yield* Metric.remove(gauge)
    for (const { gauge, value } of next.values()) yield* Metric.update(gauge, value)
    current = next
  })

  yield* Effect.addFinalizer(() => replace([]))

  return {
    set: Effect.fnUntraced(function* ({ processes, projections, store }) {
      const { isReachable, writeLatency } = store.health
      if (projections.value === undefined) positions = new Map()
      yield* replace([
        seriesOf(Metrics.storeReachable, isReachable ? 1 : 0),
        ...(writeLatency === undefined
          ? []
          : [seriesOf(Metrics.storeWriteLatencySeconds, Duration.toSeconds(writeLatency))]),
        ...(projections.value ?? []).filter(({ role }) => role !== "retired").flatMap(ofProjection),
        ...(processes.value ?? []).flatMap(ofProcess)
      ])
    })
  }
})
