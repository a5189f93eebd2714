/**
 * Whether projections are well.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { StoreError } from "../../../EventStore.ts"
import { ProjectionStore, type Status } from "../../../ProjectionStore.ts"

/**
 * How the projections of a store are doing.
 */
export interface Health {
  readonly isHealthy: boolean
  /** What is wrong, a sentence each. */
  readonly problems: ReadonlyArray<string>
  readonly projections: ReadonlyArray<Status>
}

const problemOf = (maxLag: Duration.Duration) => (status: Status) => {
  const { failure, lag, lagTime, name, owner, partition, partitions, role, state } = status
  if (role === "retired") return []
  const which = partitions === 1 ? name : `${name}, partition ${partition},`
  if (failure !== undefined) return [`${which} has failed at position ${failure.position}: ${failure.problem}`]
  if (state !== "running" || lag === 0 || Duration.isLessThanOrEqualTo(lagTime, maxLag)) return []
  return owner === undefined
    ? [`${which} is ${lag} positions behind, and nobody runs it`]
    : [`${which} is ${lag} positions behind, by ${Duration.format(lagTime)}`]
}

/**
 * Asks how the projections of the store are doing. Red is what has failed, and what runs but is more than `maxLag` behind, a minute by
 * default. What is paused is not, and neither are parked events: somebody has decided on them.
 */
export const health = (options?: {
  readonly maxLag?: Duration.Input
}): Effect.Effect<Health, StoreError, ProjectionStore> =>
  Effect.gen(function* () {
    const store = yield* ProjectionStore
    const projections = yield* store.status()
    const maxLag = Duration.fromInputUnsafe(options?.maxLag ?? "1 minute")
    const problems = projections.flatMap(problemOf(maxLag))
    return { isHealthy: problems.length === 0, problems, projections }
  })
