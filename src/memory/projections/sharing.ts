/**
 * How owners come to have equally many partitions of a generation.
 */
import type { Claim } from "../../ProjectionStore.ts"
import { askerOf, type Generation, ownerOf, type Partition } from "./State.ts"

/** How many partitions each owner has, or is to have: what is asked for counts for who asks. */
const sharesOf = ({ partitions }: Generation, now: number): ReadonlyMap<string, number> => {
  const shares = new Map<string, number>()
  for (const partition of partitions) {
    const heir = askerOf(partition, now) ?? ownerOf(partition, now)
    if (heir !== undefined && partition.state === "running") shares.set(heir, (shares.get(heir) ?? 0) + 1)
  }
  return shares
}

/**
 * What an owner who finds nothing free may ask for: a partition of whoever has the most, and at least two more than the owner, where that is the most
 * more. Nothing while it waits for what it has asked for.
 */
export const toAskFor = (
  generations: ReadonlyArray<Generation>,
  owner: string,
  now: number
): Pick<Claim, "generation" | "partition"> | undefined => {
  const waits = (partition: Partition): boolean => partition.state === "running" && askerOf(partition, now) === owner
  if (generations.some(({ partitions }) => partitions.some(waits))) return undefined
  let found: Pick<Claim, "generation" | "partition"> | undefined
  let most = 1
  for (const generation of generations) {
    const shares = sharesOf(generation, now)
    const mine = shares.get(owner) ?? 0
    for (const [index, partition] of generation.partitions.entries()) {
      const holder = ownerOf(partition, now)
      if (holder === undefined || partition.state !== "running" || askerOf(partition, now) !== undefined) continue
      const more = (shares.get(holder) ?? 0) - mine
      if (more <= most) continue
      most = more
      found = { generation: generation.id, partition: index }
    }
  }
  return found
}
