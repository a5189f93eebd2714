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
 * What health is asked for.
 */
export interface HealthOptions {
  /** The projections that there must be, such as the application's own. */
  readonly expected?: ReadonlyArray<{ readonly name: string }>
  /** How far one may be behind. A minute by default. */
  readonly maxLag?: Duration.Input
}

/**
 * Asks how the projections of the store are doing. Red is what has failed, what is behind for longer than it may, and what is expected
 * and not live. What is paused is not, and neither are parked events: somebody has decided on them.
 */
export const health = ({ expected = [], maxLag = "1 minute" }: HealthOptions = {}): Effect.Effect<
  Health,
  StoreError,
  ProjectionStore
> =>
  Effect.gen(function* () {
    const store = yield* ProjectionStore
    const projections = yield* store.status()
    const isLive = ({ name }: { readonly name: string }): boolean =>
      projections.some((status) => status.name === name && status.role === "live")
    const missing = expected.filter((one) => !isLive(one)).map(({ name }) => `${name} is not live: nobody keeps it`)
    const problems = [...missing, ...projections.flatMap(problemOf(Duration.fromInputUnsafe(maxLag)))]
    return { isHealthy: problems.length === 0, problems, projections }
  })
