/**
 * Events that could not be handled, lane by lane.
 */
import * as DateTime from "effect/DateTime"
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type { Claim, Parked, ProjectionStore } from "../../ProjectionStore.ts"
import type { Database } from "../database.ts"
import { find, type Generation, parkedOf, type State, update, updatePartition } from "./State.ts"

type Parking = Pick<ProjectionStore["Service"], "park" | "parkedIn" | "unpark" | "parkAgain">

/** Says that a lane is not asked to be retried any more. */
export const notRetried = (state: State, where: Pick<Claim, "generation" | "partition">, lane: string): State =>
  updatePartition(state, where, (partition) => ({
    ...partition,
    retry: new Set(Array.from(partition.retry).filter((asked) => asked !== lane))
  }))

/** Takes a parked event out. A lane that has no other is not asked to be retried any more. */
export const takeOut = (state: State, { generation, lane, partition, position }: Parked): State => {
  const after = updateParked(state, generation, (parked) => HashMap.remove(parked, position))
  return parkedOf(find(after, generation)!, partition, lane).length === 0
    ? notRetried(after, { generation, partition }, lane)
    : after
}

const updateParked = (
  state: State,
  id: number,
  change: (parked: Generation["parked"]) => Generation["parked"]
): State =>
  update(
    state,
    (generation) => generation.id === id,
    (generation) => ({ ...generation, parked: change(generation.parked) })
  )

const parkedAt = (state: State, { generation: id, partition }: Claim, position: number): Parked | undefined => {
  const generation = find(state, id)
  const parked = generation && Option.getOrUndefined(HashMap.get(generation.parked, position))
  return parked?.partition === partition ? parked : undefined
}

export const parking = ({ change, look }: Database): Parking => ({
  park: ({ generation, partition }, event) =>
    change(({ now, state }) => {
      const { lane, position, problem } = event
      const attempts = problem === "" ? 0 : 1
      const parked = { generation, partition, position, lane, problem, attempts, parkedAt: DateTime.makeUnsafe(now) }
      return Result.succeed([undefined, updateParked(state, generation, HashMap.set(position, parked))])
    }),

  parkedIn: ({ generation: id, partition }, lane) =>
    look(({ state }) => {
      const generation = find(state, id)
      return generation === undefined ? [] : parkedOf(generation, partition, lane)
    }),

  unpark: (claim, position) =>
    change(({ state }) => {
      const parked = parkedAt(state, claim, position)
      return Result.succeed([undefined, parked === undefined ? state : takeOut(state, parked)])
    }),

  parkAgain: (claim, { lane, position, problem }) =>
    change(({ state }) => {
      const parked = parkedAt(state, claim, position)
      if (parked === undefined) return Result.succeed([undefined, state])
      const again = { ...parked, problem, attempts: parked.attempts + 1 }
      const after = updateParked(state, claim.generation, HashMap.set(position, again))
      return Result.succeed([undefined, notRetried(after, claim, lane)])
    })
})
