/**
 * What of what was seen is wrong, a sentence each. None has a word of what is stored: it may be read by anybody.
 */
import * as Duration from "effect/Duration"
import type { Status } from "../../../ProjectionStore.ts"
import type { ProcessCounts, Seen } from "./look.ts"

/** What is taken to be healthy. */
export interface Limits {
  readonly expected: ReadonlyArray<{ readonly name: string }>
  readonly maxLag: Duration.Duration
  readonly maxWriteLatency: Duration.Duration
  readonly maxStuck: number
  readonly timeout: Duration.Duration
}

const ofStore = ({ store }: Seen, { maxWriteLatency, timeout }: Limits): ReadonlyArray<string> => {
  const { head, writeLatency } = store
  if (head.silence !== undefined) return [`the store cannot be reached: ${head.silence.reason}`]
  if (writeLatency.silence !== undefined) {
    return [`an append would wait for more than ${Duration.format(timeout)}: ${writeLatency.silence.reason}`]
  }
  return Duration.isGreaterThan(writeLatency.value, maxWriteLatency)
    ? [`an append would wait for ${Duration.format(writeLatency.value)}`]
    : []
}

const ofProjection =
  (maxLag: Duration.Duration) =>
  ({ failure, lag, lagTime, name, owner, partition, partitions, role, state }: Status): ReadonlyArray<string> => {
    if (role === "retired") return []
    const which = partitions === 1 ? name : `${name}, partition ${partition},`
    if (failure !== undefined) return [`${which} has failed at position ${failure.position}`]
    if (state !== "running" || lag === 0 || Duration.isLessThanOrEqualTo(lagTime, maxLag)) return []
    return owner === undefined
      ? [`${which} is ${lag} positions behind, and nobody runs it`]
      : [`${which} is ${lag} positions behind, by ${Duration.format(lagTime)}`]
  }

const ofProcess =
  (maxStuck: number) =>
  ({ counts: { stuck }, name }: ProcessCounts): ReadonlyArray<string> =>
    stuck <= maxStuck ? [] : [`process ${name} has ${stuck} stuck ${stuck === 1 ? "instance" : "instances"}`]

export const problemsOf = (seen: Seen, limits: Limits): ReadonlyArray<string> => {
  const { processes, projections, store } = seen
  const problems = [...ofStore(seen, limits)]
  // What cannot be asked cannot answer, which was said.
  const isReachable = store.head.silence === undefined
  if (isReachable && projections.silence !== undefined) {
    problems.push(`how projections are doing cannot be told: ${projections.silence.reason}`)
  }
  if (isReachable && processes.silence !== undefined) {
    problems.push(`how processes are doing cannot be told: ${processes.silence.reason}`)
  }
  if (projections.value !== undefined) {
    const live = new Set(projections.value.flatMap(({ name, role }) => (role === "live" ? [name] : [])))
    for (const { name } of limits.expected) if (!live.has(name)) problems.push(`${name} is not live: nobody keeps it`)
    problems.push(...projections.value.flatMap(ofProjection(limits.maxLag)))
  }
  problems.push(...(processes.value ?? []).flatMap(ofProcess(limits.maxStuck)))
  return problems
}
