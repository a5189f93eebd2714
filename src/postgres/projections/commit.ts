/**
 * How a partition moves on: a piece of work and the new position in one transaction.
 *
 * Invariant: the transaction begins with an UPDATE of the partition's row that finds it only in the claim's epoch and at its
 * position. So the row is locked from the first statement to the end: work is only done by who may commit it, and of any number
 * of commits from one position one is stored. The new position is written at once, for what is in a transaction is in it from
 * the start: that saves a round trip.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Claim, ProjectionStore } from "../../ProjectionStore.ts"
import { type Access, idleFor, invalid, Lanes, outsideOfTransactions, transaction } from "./access.ts"
import { claimLost } from "./claims.ts"

export const commit = (access: Access): Pick<ProjectionStore["Service"], "commit"> => {
  const { changed, query, s } = access

  const fence = ({ epoch, generation, partition, position }: Claim, to: number, rate: number) =>
    query<{ readonly lease: number }>(
      `UPDATE ${s}.projection_partitions
SET position = $5::bigint, rate = $6::double precision, lease_until = clock_timestamp() + lease
WHERE generation = $1::integer AND partition = $2::integer AND epoch = $3::bigint AND position = $4::bigint
RETURNING (extract(epoch FROM lease) * 1000)::double precision AS lease, ${idleFor("lease")}`,
      [generation, partition, BigInt(epoch), BigInt(position), BigInt(to), rate]
    )

  const renewLease = ({ generation, partition }: Claim) =>
    query(
      `UPDATE ${s}.projection_partitions SET lease_until = clock_timestamp() + lease
WHERE generation = $1::integer AND partition = $2::integer`,
      [generation, partition]
    )

  const parkedLanes = ({ generation, partition }: Claim) =>
    Effect.map(
      query<{ readonly lane: string }>(
        `SELECT DISTINCT lane FROM ${s}.projection_parked WHERE generation = $1::integer AND partition = $2::integer`,
        [generation, partition]
      ),
      (rows) => new Set(rows.map(({ lane }) => lane))
    )

  const moveOn = Effect.fnUntraced(function* <E, R>(
    claim: Claim,
    to: number,
    rate: number,
    work: Effect.Effect<void, E, R>
  ) {
    const began = yield* Clock.currentTimeMillis
    const [row] = yield* fence(claim, to, rate)
    if (row === undefined) return yield* claimLost(claim)
    const lanes = { hasChanged: false }
    yield* Effect.provideService(work, Lanes, lanes)
    // Others see a lease when it is committed: that of a long piece of work would then be over.
    if ((yield* Clock.currentTimeMillis) - began > row.lease / 2) yield* renewLease(claim)
    yield* changed
    return lanes.hasChanged ? yield* parkedLanes(claim) : claim.parked
  })

  return {
    commit: Effect.fnUntraced(function* <E, R>(
      claim: Claim,
      { rate, to }: { readonly to: number; readonly rate: number },
      work: Effect.Effect<void, E, R>
    ) {
      yield* outsideOfTransactions(access, "a commit")
      if (to < claim.position) {
        return yield* invalid(`partition ${claim.partition} of ${claim.name} is at position ${claim.position} already`)
      }
      const parked = yield* transaction(access, moveOn(claim, to, rate, work))
      const skipped = new Set(Array.from(claim.skipped).filter((position) => position > to))
      return { ...claim, position: to, parked, skipped }
    })
  }
}
