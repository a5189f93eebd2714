/**
 * The metrics of an aggregate, which are those of its category.
 */
import * as Clock from "effect/Clock"
import type * as Fiber from "effect/Fiber"
import type * as Metric from "effect/Metric"
import * as Metrics from "../../Metrics.ts"

/** What came of a command. */
export type CommandOutcome = "executed" | "nothing" | "repeated" | "rejected" | "conflict" | "failed" | "interrupted"

type Numbers = Metric.Metric<number, unknown>

/** The metrics with their attributes, as far as they are known. */
export interface Measures {
  readonly category: string
  readonly commands: (command: string, outcome: CommandOutcome) => Numbers
  readonly commandSeconds: Numbers
  readonly loadSeconds: Numbers
  readonly loadReplayedEvents: Numbers
  readonly streamLength: Numbers
  readonly cacheHits: Numbers
  readonly cacheMisses: Numbers
  readonly snapshotHits: Numbers
  readonly snapshotMisses: Numbers
  readonly decideSeconds: Numbers
  readonly conflicts: Numbers
  readonly retries: Numbers
}

export const makeMeasures = (category: string): Measures => ({
  category,
  commands: (command, outcome) => Metrics.commands.series({ category, command, outcome }),
  commandSeconds: Metrics.commandSeconds.series({ category }),
  loadSeconds: Metrics.loadSeconds.series({ category }),
  loadReplayedEvents: Metrics.loadReplayedEvents.series({ category }),
  streamLength: Metrics.streamLength.series({ category }),
  cacheHits: Metrics.stateCacheLoads.series({ category, outcome: "hit" }),
  cacheMisses: Metrics.stateCacheLoads.series({ category, outcome: "miss" }),
  snapshotHits: Metrics.snapshotLoads.series({ category, outcome: "hit" }),
  snapshotMisses: Metrics.snapshotLoads.series({ category, outcome: "miss" }),
  decideSeconds: Metrics.decideSeconds.series({ category }),
  conflicts: Metrics.conflicts.series({ category }),
  retries: Metrics.retries.series({ category })
})

/** Begins to measure time: gives how many seconds have passed. */
export const stopwatch = (fiber: Fiber.Fiber<unknown, unknown>): (() => number) => {
  const clock = fiber.getRef(Clock.Clock)
  const began = clock.monotonicTimeNanosUnsafe()
  return () => Number(clock.monotonicTimeNanosUnsafe() - began) / 1e9
}
