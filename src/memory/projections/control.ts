/**
 * What people see of projections, and what they can do about them.
 */
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as HashMap from "effect/HashMap"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { StoreError } from "../../EventStore.ts"
import { withStood } from "../../internal/adapter/replayed.ts"
import type { ProjectionStore, Skipped, Status } from "../../ProjectionStore.ts"
import type { Database, View } from "../database.ts"
import type { Row } from "../log.ts"
import { takeOut } from "./parking.ts"
import {
  add,
  claimLost,
  emptied,
  type Generation,
  invalid,
  liveOf,
  ofProjection,
  ownerOf,
  parkedOf,
  type Partition,
  positionsOf,
  remove,
  type State,
  update,
  updatePartition
} from "./State.ts"

type Control = Pick<
  ProjectionStore["Service"],
  | "status"
  | "pause"
  | "resume"
  | "reset"
  | "rebuild"
  | "skip"
  | "skipped"
  | "parked"
  | "retryParked"
  | "discardParked"
  | "removeRetired"
  | "changes"
>

const statusOf = (generation: Generation, partition: number, { head, now }: View, log: ReadonlyArray<Row>): Status => {
  const { definition, id, partitions, role } = generation
  const { failure, rate, state, ...its } = partitions[partition]!
  const position = positionsOf(generation, head)[partition]!
  const next = position < head ? log[position] : undefined
  return {
    name: definition.name,
    version: definition.version,
    generation: id,
    mode: definition.mode,
    role,
    partition,
    partitions: definition.partitions,
    state,
    position,
    lag: Math.max(0, head - position),
    lagTime: Duration.millis(next === undefined ? 0 : Math.max(0, now - next.recordedAt.epochMilliseconds)),
    rate,
    owner: ownerOf({ failure, rate, state, ...its }, now),
    failure,
    parked: parkedOf(generation, partition).length
  }
}

const byNameAndGeneration = (a: Generation, b: Generation): number =>
  a.definition.name === b.definition.name ? a.id - b.id : a.definition.name < b.definition.name ? -1 : 1

/** Changes the partitions of generations that are not retired. */
const updateRun = (state: State, name: string, change: (partition: Partition) => Partition): State =>
  update(
    state,
    ({ definition, role }) => definition.name === name && role !== "retired",
    (generation) => ({ ...generation, partitions: generation.partitions.map(change) })
  )

export const control = ({ change, changed, log, look }: Database): Control => {
  /** Changes a projection that is there. */
  const changeKnown = (
    name: string,
    make: (generations: ReadonlyArray<Generation>, view: View) => Result.Result<State, StoreError>
  ) =>
    change((view) => {
      const generations = ofProjection(view.state, name)
      return generations.length === 0
        ? Result.fail(invalid(`there is no projection ${name}`))
        : Result.map(make(generations, view), (state) => [undefined, state] as const)
    })

  const skipping = (state: State, { generation, ...skipped }: Skipped): State =>
    update(
      state,
      ({ id }) => id === generation,
      (its) => ({ ...its, skipped: [...its.skipped, { generation, ...skipped }] })
    )

  return {
    status: (name) =>
      look((view) =>
        view.state.generations
          .filter(({ definition }) => name === undefined || definition.name === name)
          .toSorted(byNameAndGeneration)
          .flatMap((generation) =>
            generation.partitions.map((_, partition) => statusOf(generation, partition, view, log.rows))
          )
      ),

    pause: (name) =>
      changeKnown(name, (_, { state }) =>
        Result.succeed(
          updateRun(state, name, (partition) =>
            partition.state === "running" ? { ...claimLost(partition), state: "paused" } : partition
          )
        )
      ),

    resume: (name) =>
      changeKnown(name, (_, { state }) =>
        Result.succeed(updateRun(state, name, (partition) => ({ ...partition, state: "running", failure: undefined })))
      ),

    reset: (name) =>
      changeKnown(name, (_, { head, state }) => {
        const live = liveOf(state, name)
        if (live === undefined) return Result.fail(invalid(`projection ${name} is not live yet`))
        const its = ({ id }: Generation) => id === live.id
        if (live.definition.mode === "async") {
          return Result.succeed(
            update(state, its, (generation) => ({
              ...emptied(generation),
              replayedTo: withStood(
                generation.replayedTo,
                generation.partitions.map(({ position }) => position)
              )
            }))
          )
        }
        // One that is inline has to be filled before appends can keep it again; it does so in place of another that fills.
        const others = remove(state, ({ definition, role }) => definition.name === name && role === "filling")
        return Result.succeed(
          update(others, its, (generation) => ({
            ...emptied(generation),
            role: "filling",
            replayedTo: withStood(generation.replayedTo, [head])
          }))
        )
      }),

    rebuild: (name) =>
      changeKnown(name, (generations, { head, state }) => {
        const isFilling = ({ definition, role }: Generation) => definition.name === name && role === "filling"
        const live = liveOf(state, name)
        return Result.succeed(
          live === undefined || generations.some(isFilling)
            ? update(state, isFilling, emptied)
            : add(state, live.definition, "filling", head)
        )
      }),

    skip: (name, { position, reason }) =>
      changeKnown(name, (generations, { now, state }) => {
        const failed = generations.flatMap(({ id, partitions, role }) =>
          partitions.flatMap(({ failure }, partition) =>
            role !== "retired" && failure?.position === position ? [{ generation: id, partition }] : []
          )
        )
        if (failed.length === 0) {
          return Result.fail(invalid(`no partition of projection ${name} has failed at position ${position}`))
        }
        const skippedAt = DateTime.makeUnsafe(now)
        return Result.succeed(
          failed.reduce(
            (state, where) =>
              updatePartition(skipping(state, { ...where, position, reason, skippedAt }), where, (partition) => ({
                ...claimLost(partition),
                state: "running",
                failure: undefined
              })),
            state
          )
        )
      }),

    skipped: (name) =>
      look(({ state }) =>
        ofProjection(state, name).flatMap(({ skipped }) =>
          skipped.toSorted((a, b) => a.partition - b.partition || a.position - b.position)
        )
      ),

    parked: (name) =>
      look(({ state }) =>
        ofProjection(state, name)
          .filter(({ role }) => role !== "retired")
          .flatMap((generation) => generation.partitions.flatMap((_, partition) => parkedOf(generation, partition)))
      ),

    retryParked: (name, lane) =>
      changeKnown(name, (_, { state }) =>
        Result.succeed(
          update(
            state,
            ({ definition, role }) => definition.name === name && role !== "retired",
            (generation) => ({
              ...generation,
              partitions: generation.partitions.map((partition, i) => ({
                ...partition,
                retry: new Set([...partition.retry, ...parkedOf(generation, i, lane).map(({ lane }) => lane)])
              }))
            })
          )
        )
      ),

    discardParked: (name, { position, reason }) =>
      changeKnown(name, (generations, { now, state }) => {
        const found = generations.flatMap(({ parked, role }) =>
          role === "retired" ? [] : Array.from(HashMap.values(parked)).filter((event) => event.position === position)
        )
        if (found.length === 0) {
          return Result.fail(invalid(`projection ${name} has no event parked at position ${position}`))
        }
        const skippedAt = DateTime.makeUnsafe(now)
        return Result.succeed(
          found.reduce((state, event) => {
            const { generation, partition } = event
            const without = updatePartition(takeOut(state, event), event, claimLost)
            return skipping(without, { generation, partition, position, reason, skippedAt })
          }, state)
        )
      }),

    removeRetired: (name) =>
      changeKnown(name, (_, { state }) =>
        Result.succeed(remove(state, ({ definition, role }) => definition.name === name && role === "retired"))
      ),

    changes: Stream.fromPubSub(changed)
  }
}
