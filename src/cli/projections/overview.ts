/**
 * Projections as a whole: what the partitions of a generation come to, as JSON and as people read it.
 */
import * as Duration from "effect/Duration"
import type * as Schema from "effect/Schema"
import type { Status } from "../../ProjectionStore.ts"
import { count, counted, duration } from "../output/format.ts"
import { printable, table } from "../output/table.ts"

/** What is kept as a projection, by how its name begins. */
export type Kind = "projection" | "process" | "reaction" | "publication" | "copy"

const prefixes = ["process", "reaction", "publication", "copy"] as const

export const kindOf = (name: string): Kind => prefixes.find((kind) => name.startsWith(`${kind}:`)) ?? "projection"

/** A generation of a projection. */
export interface Overview {
  readonly name: string
  readonly version: number
  readonly generation: number
  readonly mode: Status["mode"]
  readonly role: Status["role"]
  /** The worst of its partitions. */
  readonly state: Status["state"]
  /** The lowest of its partitions. */
  readonly position: number
  /** The greatest of its partitions. */
  readonly lag: number
  readonly lagTime: Duration.Duration
  /** Events a second, of all its partitions. */
  readonly rate: number
  readonly owners: ReadonlyArray<string>
  readonly parked: number
  /** By number. */
  readonly partitions: ReadonlyArray<Status>
}

/** Generations, in the order of their partitions' statuses. */
export const overviewsOf = (statuses: ReadonlyArray<Status>): ReadonlyArray<Overview> =>
  Array.from(Map.groupBy(statuses, ({ generation, name }) => JSON.stringify([name, generation])).values(), (all) => {
    const { generation, mode, name, role, version } = all[0]!
    const states = new Set(all.map(({ state }) => state))
    return {
      name,
      version,
      generation,
      mode,
      role,
      state: states.has("failed") ? "failed" : states.has("paused") ? "paused" : "running",
      position: Math.min(...all.map(({ position }) => position)),
      lag: Math.max(...all.map(({ lag }) => lag)),
      lagTime: all.map(({ lagTime }) => lagTime).reduce(Duration.max),
      rate: all.reduce((sum, { rate }) => sum + rate, 0),
      owners: Array.from(new Set(all.flatMap(({ owner }) => owner ?? []))),
      parked: all.reduce((sum, { parked }) => sum + parked, 0),
      partitions: all
    }
  })

/** An infinite rate, as of a batch that took no time, is no JSON. */
const rateOf = (rate: number): number | null => (Number.isFinite(rate) ? Math.round(rate * 10) / 10 : null)

const partitionJson = ({ failure, lag, lagTime, owner, parked, partition, position, rate, state }: Status) => ({
  partition,
  state,
  position,
  lag,
  lagMillis: Math.round(Duration.toMillis(lagTime)),
  rate: rateOf(rate),
  owner: owner ?? null,
  parked,
  failure: failure ?? null
})

/** A generation as JSON. */
export const overviewJson = ({ lagTime, partitions, rate, ...its }: Overview): Schema.JsonObject => ({
  name: its.name,
  kind: kindOf(its.name),
  version: its.version,
  generation: its.generation,
  mode: its.mode,
  role: its.role,
  state: its.state,
  position: its.position,
  lag: its.lag,
  lagMillis: Math.round(Duration.toMillis(lagTime)),
  rate: rateOf(rate),
  owners: its.owners,
  parked: its.parked,
  partitions: partitions.map(partitionJson)
})

/** Whether it goes on with every append, and nobody has to run it. */
export const isKeptByAppends = ({ mode, role }: Pick<Status, "mode" | "role">): boolean =>
  mode === "inline" && role === "live"

const stateText = ({ partitions, role, state }: Overview): string => {
  if (role === "retired") return ""
  const such = partitions.filter((one) => one.state === state).length
  return such === partitions.length ? state : `${state} (${such} of ${partitions.length})`
}

const ownersText = (its: Overview): string => {
  if (its.role === "retired") return ""
  if (isKeptByAppends(its)) return "the appends"
  return its.owners.length === 0 ? "nobody" : its.owners.length === 1 ? its.owners[0]! : `${its.owners.length} owners`
}

const rateText = (rate: number): string => (rate === 0 ? "" : Number.isFinite(rate) ? `${count(rate)}/s` : "")

/** How much of the way a generation that fills has come. */
const roleText = ({ name, position, role }: Overview, all: ReadonlyArray<Overview>): string => {
  if (role !== "filling") return role
  const live = all.find((one) => one.name === name && one.role === "live")
  if (live === undefined || live.position === 0) return role
  return `filling ${Math.min(100, Math.floor((position * 100) / live.position))}%`
}

/** What does not go on, and what to do about it. */
const failuresText = (all: ReadonlyArray<Overview>): ReadonlyArray<string> =>
  all
    .filter(({ role }) => role !== "retired")
    .flatMap(({ name, partitions }) =>
      partitions.flatMap(({ failure, partition }) =>
        failure === undefined
          ? []
          : [
              printable(
                `${name}, partition ${partition}, has failed at position ${failure.position}: ${failure.problem}`
              ),
              printable(`  Mend it, then: eventfold projections resume ${name}`)
            ]
      )
    )

/** Generations as a table, with what they have failed at beneath. */
export const overviewsText = (all: ReadonlyArray<Overview>): string => {
  if (all.length === 0) return "there are no projections"
  const rows = all.map((one) => [
    one.name,
    String(one.version),
    roleText(one, all),
    stateText(one),
    String(one.partitions.length),
    count(one.position),
    one.role === "retired" ? "" : count(one.lag),
    one.role === "retired" || one.lag === 0 ? "" : duration(one.lagTime),
    one.role === "retired" ? "" : rateText(one.rate),
    one.parked === 0 ? "" : count(one.parked),
    ownersText(one)
  ])
  const columns = ["projection", "#version", "role", "state", "#partitions", "#position", "#lag", "#behind", "#rate"]
  return [table([...columns, "#parked", "run by"], rows), ...failuresText(all)].join("\n")
}

/** The partitions of a generation, under a line that names it. */
export const partitionsText = (one: Overview): string => {
  const of = `generation ${one.generation}, version ${one.version}: ${one.role}, ${one.mode}`
  const rows = one.partitions.map(({ lag, lagTime, owner, parked, partition, position, rate, state }) => [
    String(partition),
    one.role === "retired" ? "" : state,
    count(position),
    one.role === "retired" ? "" : count(lag),
    one.role === "retired" || lag === 0 ? "" : duration(lagTime),
    one.role === "retired" ? "" : rateText(rate),
    parked === 0 ? "" : count(parked),
    isKeptByAppends(one) ? "the appends" : (owner ?? (one.role === "retired" ? "" : "nobody"))
  ])
  const head = ["#partition", "state", "#position", "#lag", "#behind", "#rate", "#parked", "run by"]
  return [of, table(head, rows), ...failuresText([one])].join("\n")
}

/** A projection in a few words. */
export const briefly = (all: ReadonlyArray<Overview>): string =>
  all
    .filter(({ role }) => role !== "retired")
    .map(
      ({ lag, role, state }) =>
        `the ${role} generation is ${state}, ${lag === 0 ? "at the head" : `${counted(lag, "event")} behind`}`
    )
    .join("; ")
