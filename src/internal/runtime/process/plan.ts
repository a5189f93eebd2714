/**
 * What running a process comes down to.
 */
import type * as Schedule from "effect/Schedule"
import type { EventStore } from "../../../EventStore.ts"
import type { ProcessStore } from "../../../ProcessStore.ts"
import type { Definition, ProjectionStore } from "../../../ProjectionStore.ts"
import type { Aggregates } from "./dispatch.ts"
import type { Manager, Rules } from "./rules.ts"

export interface Plan {
  /** Its name is that of the projection that the process is kept as. */
  readonly definition: Definition
  readonly manager: Manager
  readonly rules: Rules
  readonly aggregates: Aggregates
  /** When a command that failed is tried again. */
  readonly retry: Schedule.Schedule<unknown>
  /** How many commands of a partition are executed at a time. */
  readonly concurrency: number
  /** How many events may lead to one that is reacted to. */
  readonly maxDepth: number
}

export interface Stores {
  readonly events: EventStore["Service"]
  readonly projections: ProjectionStore["Service"]
  readonly processes: ProcessStore["Service"]
}

const prefix = "process:"

/** The name of the projection that a process is kept as. */
export const projectionOf = (name: string): string => `${prefix}${name}`

/** The process that is kept as a projection, where one is. */
export const processOf = (projection: string): string | undefined =>
  projection.startsWith(prefix) ? projection.slice(prefix.length) : undefined
