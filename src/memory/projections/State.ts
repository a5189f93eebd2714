/**
 * The state of all projections, and of all processes, as one immutable value: who changes it makes another one, so a transaction can throw its
 * own away.
 */
import * as Duration from "effect/Duration"
import * as HashMap from "effect/HashMap"
import * as Result from "effect/Result"
import { StoreError, type Write } from "../../EventStore.ts"
import {
  type Claim,
  ClaimLost,
  type Definition,
  type Parked,
  type Skipped,
  type Standing
} from "../../ProjectionStore.ts"
import * as Processes from "../processes/State.ts"

export interface Partition {
  readonly state: "running" | "paused" | "failed"
  /** Everything up to it has been handled. Not kept while the generation is inline and live: see {@link positionOf}. */
  readonly position: number
  /** Grows with every claim, and whenever a claim is to be lost. */
  readonly epoch: number
  /** Who holds it, and until when by the clock. */
  readonly lease: { readonly owner: string; readonly until: number } | undefined
  /** Who has asked for it, and until when that counts. */
  readonly asked: { readonly owner: string; readonly until: number } | undefined
  readonly rate: number
  readonly failure: { readonly position: number; readonly problem: string } | undefined
  /** The lanes that are asked to be retried. */
  readonly retry: ReadonlySet<string>
}

export interface Generation {
  readonly id: number
  readonly definition: Definition
  readonly role: "live" | "filling" | "retired"
  /** The head of the log when it was made; once it took over from another, where that one stood. */
  readonly replayedTo: ReadonlyArray<ReadonlyArray<number>>
  readonly partitions: ReadonlyArray<Partition>
  /** As JSON text, parsed for every reader: no reader can change what another one reads. */
  readonly documents: HashMap.HashMap<string, string>
  /** By position. */
  readonly parked: HashMap.HashMap<number, Parked>
  readonly skipped: ReadonlyArray<Skipped>
}

export interface State {
  /** The number of the generation that was made last. */
  readonly last: number
  readonly generations: ReadonlyArray<Generation>
  readonly processes: Processes.Processes
}

export const empty: State = { last: 0, generations: [], processes: Processes.empty }

const untouched: Partition = {
  state: "running",
  position: 0,
  epoch: 0,
  lease: undefined,
  asked: undefined,
  rate: 0,
  failure: undefined,
  retry: new Set()
}

export const invalid = (problem: string): StoreError => new StoreError({ reason: "InvalidRequest", problem })

/** Adds an empty generation. */
export const add = (state: State, definition: Definition, role: "live" | "filling", head: number): State => {
  const id = state.last + 1
  const made: Generation = {
    id,
    definition,
    role,
    replayedTo: [[head]],
    partitions: Array.from({ length: definition.partitions }, () => untouched),
    documents: HashMap.empty(),
    parked: HashMap.empty(),
    skipped: []
  }
  return { ...state, last: id, generations: [...state.generations, made] }
}

/** A generation as it was when it was made, but for its claims: those are lost. */
export const emptied = (generation: Generation): Generation => ({
  ...generation,
  documents: HashMap.empty(),
  parked: HashMap.empty(),
  skipped: [],
  partitions: generation.partitions.map(({ epoch, state }) => ({
    ...untouched,
    epoch: epoch + 1,
    state: state === "paused" ? "paused" : "running"
  }))
})

export const find = (state: State, id: number): Generation | undefined =>
  state.generations.find((generation) => generation.id === id)

export const ofProjection = (state: State, name: string): ReadonlyArray<Generation> =>
  state.generations.filter(({ definition }) => definition.name === name)

export const liveOf = (state: State, name: string): Generation | undefined =>
  ofProjection(state, name).find(({ role }) => role === "live")

/** Exchanges some of the generations. */
export const update = (
  state: State,
  which: (generation: Generation) => boolean,
  change: (generation: Generation) => Generation
): State => ({
  ...state,
  generations: state.generations.map((generation) => (which(generation) ? change(generation) : generation))
})

/** Removes some of the generations, with all they have. */
export const remove = (state: State, which: (generation: Generation) => boolean): State => ({
  ...state,
  generations: state.generations.filter((generation) => !which(generation))
})

export const updatePartition = (
  state: State,
  { generation: id, partition: index }: Pick<Claim, "generation" | "partition">,
  change: (partition: Partition) => Partition
): State =>
  update(
    state,
    (generation) => generation.id === id,
    (generation) => ({
      ...generation,
      partitions: generation.partitions.map((partition, i) => (i === index ? change(partition) : partition))
    })
  )

/** A partition that nobody holds, and whose last claim is lost. */
export const claimLost = (partition: Partition): Partition => ({
  ...partition,
  epoch: partition.epoch + 1,
  lease: undefined
})

const isInlineNow = ({ definition, role }: Generation): boolean => role === "live" && definition.mode === "inline"

/** The positions of a generation's partitions. One that is live and inline stands at the head: it is part of every append. */
export const positionsOf = (generation: Generation, head: number): ReadonlyArray<number> =>
  generation.partitions.map(({ position }) => (isInlineNow(generation) ? head : position))

/** The position that all partitions of a generation have come to. */
export const positionOf = (generation: Generation, head: number): number => Math.min(...positionsOf(generation, head))

export const standingOf = (state: State, generation: Generation | undefined, head: number): Standing => {
  if (generation === undefined || generation.role === "retired") return { _tag: "Retired" }
  if (generation.role === "live") return { _tag: "Live", replayedTo: generation.replayedTo }
  const live = liveOf(state, generation.definition.name)
  return { _tag: "Filling", upTo: live === undefined ? Infinity : positionOf(live, head) }
}

/** The parked events of a partition, or of one lane of it, in order. */
export const parkedOf = (generation: Generation, partition: number, lane?: string): ReadonlyArray<Parked> =>
  Array.from(HashMap.values(generation.parked))
    .filter((parked) => parked.partition === partition && (lane === undefined || parked.lane === lane))
    .toSorted((a, b) => a.position - b.position)

/** The claim on a partition as it stands. */
export const claimOf = (state: State, generation: Generation, partition: number, head: number): Claim => {
  const { definition, id, skipped } = generation
  const { epoch } = generation.partitions[partition]!
  const position = positionsOf(generation, head)[partition]!
  const ahead = skipped.filter((one) => one.partition === partition && one.position > position)
  return {
    name: definition.name,
    version: definition.version,
    generation: id,
    partition,
    partitions: definition.partitions,
    epoch,
    position,
    standing: standingOf(state, generation, head),
    parked: new Set(parkedOf(generation, partition).map(({ lane }) => lane)),
    skipped: new Set(ahead.map(({ position }) => position))
  }
}

/** The generation of a claim that is the last one on its partition. */
export const claimed = (state: State, { epoch, generation: id, name, partition }: Claim) => {
  const generation = find(state, id)
  return generation !== undefined &&
    generation.role !== "retired" &&
    generation.partitions[partition]?.epoch === epoch &&
    generation.partitions[partition].state === "running"
    ? Result.succeed(generation)
    : Result.fail(new ClaimLost({ projection: name, generation: id, partition }))
}

/** The generation of a claim that may commit: the last one on its partition, and at the position that is stored. */
export const standing = (state: State, claim: Claim) =>
  Result.flatMap(claimed(state, claim), (generation) => {
    const { generation: id, name, partition } = claim
    return generation.partitions[partition]?.position === claim.position
      ? Result.succeed(generation)
      : Result.fail(new ClaimLost({ projection: name, generation: id, partition }))
  })

export const leaseUntil = (now: number, lease: Duration.Duration): number => now + Duration.toMillis(lease)

/** Who holds a partition while its lease lasts. */
export const ownerOf = ({ lease }: Partition, now: number): string | undefined =>
  lease !== undefined && lease.until > now ? lease.owner : undefined

/** Who asks for a partition, as long as that counts. */
export const askerOf = ({ asked }: Partition, now: number): string | undefined =>
  asked !== undefined && asked.until > now ? asked.owner : undefined

/** Refuses events that a live inline projection handles, which the append does not run, and to run what is not live. */
export const checkInline = (
  { generations }: State,
  writes: ReadonlyArray<{ readonly events: ReadonlyArray<Pick<Write["events"][number], "type">> }>,
  inline: ReadonlySet<number>
): Result.Result<void, StoreError> => {
  const live = generations.filter(isInlineNow)
  const gone = Array.from(inline).find((id) => !live.some((generation) => generation.id === id))
  if (gone !== undefined) {
    const problem = `generation ${gone} of an inline projection is not live any more`
    return Result.fail(new StoreError({ reason: "Misconfigured", problem }))
  }
  const left = live.filter(({ id }) => !inline.has(id))
  if (left.length === 0) return Result.succeed(undefined)
  const types = new Set(writes.flatMap(({ events }) => events.map(({ type }) => type)))
  for (const { definition } of left) {
    const type = definition.types.find((type) => types.has(type))
    if (type === undefined) continue
    const { name, version } = definition
    const problem = `events of type ${type} are projected inline by ${name}, version ${version}, which this append does not run`
    return Result.fail(new StoreError({ reason: "Misconfigured", problem }))
  }
  return Result.succeed(undefined)
}
