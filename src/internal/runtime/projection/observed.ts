/**
 * What is measured, traced and said of a partition at work, be it of a projection, a reaction or a process.
 */
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Metrics from "../../../Metrics.ts"
import type { Claim } from "../../../ProjectionStore.ts"
import type { RecordedEvent } from "../../../RecordedEvent.ts"
import { debug } from "../logs.ts"
import { together } from "../eventTraces.ts"
import { stopwatch } from "../measuring.ts"

export interface Observed {
  /** Around the handling of some events together, until they are committed. */
  readonly batch: <A, E, R>(
    effect: Effect.Effect<A, E, R>,
    events: ReadonlyArray<RecordedEvent>
  ) => Effect.Effect<A, E, R>
  /** How long a batch takes, of whatever it is. What it is about is said when it is over. */
  readonly timed: <A, E, R>(
    message: string,
    effect: Effect.Effect<A, E, R>,
    about: Record<string, number>
  ) => Effect.Effect<A, E, R>
  /** So many events are behind it. */
  readonly passed: (events: number) => Effect.Effect<void>
  /** An attempt has failed. */
  readonly failed: Effect.Effect<void>
  /** None has failed so far: what is there from the start is seen to rise by the first as well. */
  readonly begun: Effect.Effect<void>
}

/** The attributes of a partition's metrics. */
export const attributesOf = ({ name, partition }: Pick<Claim, "name" | "partition">): Metric.Metric.AttributeSet => ({
  projection: name,
  partition: String(partition)
})

/** What is said while a partition is at work says of which. */
export const annotated = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  { name, partition, version }: Claim
): Effect.Effect<A, E, R> => Effect.annotateLogs(effect, { projection: name, version, partition })

export const observed = (claim: Claim): Observed => {
  const { name, partition, version } = claim
  const its = attributesOf(claim)
  const passed = Metric.withAttributes(Metrics.projectionEvents, its)
  const seconds = Metric.withAttributes(Metrics.projectionBatchSeconds, its)
  const failures = Metric.withAttributes(Metrics.projectionFailures, its)

  const timed: Observed["timed"] = (message, effect, about) =>
    Effect.withFiber((fiber) => {
      const elapsed = stopwatch(fiber)
      const took = Effect.suspend(() => Metric.update(seconds, elapsed()))
      return Effect.tap(effect, () =>
        Effect.andThen(
          took,
          debug(message, () => about)
        )
      )
    })

  return {
    batch: (effect, events) => {
      const [first] = events
      const last = events.at(-1)
      if (first === undefined || last === undefined) return effect
      const about = { from: first.position, to: last.position, events: events.length }
      return together(
        "eventfold.projection",
        () => events,
        () => ({ projection: name, version, partition, ...about }),
        timed("projection batch", effect, about)
      )
    },
    passed: (events) => (events === 0 ? Effect.void : Metric.update(passed, events)),
    failed: Metric.update(failures, 1),
    begun: Metric.update(failures, 0),
    timed
  }
}
