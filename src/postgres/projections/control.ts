/**
 * What people do about partitions. Whoever runs what is changed has lost its claim.
 */
import * as Effect from "effect/Effect"
import type { StoreError } from "../../EventStore.ts"
import type { ProjectionStore } from "../../ProjectionStore.ts"
import { type Access, invalid, transaction } from "./access.ts"
import { knownGenerations, lockPartitions } from "./generations.ts"
import { told } from "./rows.ts"

type Control = Pick<ProjectionStore["Service"], "pause" | "resume" | "skip" | "retryParked" | "discardParked">

export const control = (access: Access): Control => {
  const { changed, query, s } = access

  /** Changes the generations of a projection that are not retired, given their numbers, with the rows of their partitions locked. */
  const change = (name: string, make: (ids: ReadonlyArray<number>) => Effect.Effect<unknown, StoreError>) =>
    transaction(
      access,
      Effect.gen(function* () {
        const known = yield* knownGenerations(access, name)
        const ids = known.filter(({ role }) => role !== "retired").map(({ id }) => id)
        yield* lockPartitions(access, ids)
        yield* make(ids)
        yield* changed
      })
    )

  return {
    pause: (name) =>
      change(name, (ids) =>
        query(
          `UPDATE ${s}.projection_partitions SET state = 'paused', epoch = epoch + 1, owner = NULL, lease_until = NULL
WHERE generation = ANY ($1::integer[]) AND state = 'running'`,
          [ids]
        )
      ),

    resume: (name) =>
      change(name, (ids) =>
        query(
          `UPDATE ${s}.projection_partitions SET state = 'running', failure_position = NULL, failure_problem = NULL
WHERE generation = ANY ($1::integer[]) AND state <> 'running'`,
          [ids]
        )
      ),

    skip: (name, { position, reason }) =>
      change(name, (ids) =>
        Effect.gen(function* () {
          const skipped = yield* query(
            `WITH failed AS (
  UPDATE ${s}.projection_partitions SET state = 'running', failure_position = NULL, failure_problem = NULL,
    epoch = epoch + 1, owner = NULL, lease_until = NULL
  WHERE generation = ANY ($1::integer[]) AND state = 'failed' AND failure_position = $2::bigint
  RETURNING generation, partition
)
INSERT INTO ${s}.projection_skipped (generation, partition, position, reason)
SELECT generation, partition, $2::bigint, $3::text FROM failed
ON CONFLICT (generation, partition, position) DO UPDATE SET reason = EXCLUDED.reason, skipped_at = EXCLUDED.skipped_at
RETURNING generation`,
            [ids, BigInt(position), told(reason)]
          )
          if (skipped.length === 0) {
            return yield* invalid(`no partition of projection "${name}" has failed at position ${position}`)
          }
        })
      ),

    // The lanes are asked for when claims are renewed: nobody has to lose one for that.
    retryParked: (name, lane) =>
      change(name, (ids) =>
        query(
          `UPDATE ${s}.projection_parked SET retry = true
WHERE generation = ANY ($1::integer[]) AND ($2::text IS NULL OR lane = $2::text) AND NOT retry`,
          [ids, lane ?? null]
        )
      ),

    discardParked: (name, { position, reason }) =>
      change(name, (ids) =>
        Effect.gen(function* () {
          const discarded = yield* query(
            `WITH discarded AS (
  DELETE FROM ${s}.projection_parked WHERE generation = ANY ($1::integer[]) AND position = $2::bigint
  RETURNING generation, partition
), lost AS (
  UPDATE ${s}.projection_partitions p SET epoch = p.epoch + 1, owner = NULL, lease_until = NULL
  FROM discarded d WHERE p.generation = d.generation AND p.partition = d.partition
)
INSERT INTO ${s}.projection_skipped (generation, partition, position, reason)
SELECT generation, partition, $2::bigint, $3::text FROM discarded
ON CONFLICT (generation, partition, position) DO UPDATE SET reason = EXCLUDED.reason, skipped_at = EXCLUDED.skipped_at
RETURNING generation`,
            [ids, BigInt(position), told(reason)]
          )
          if (discarded.length === 0) {
            return yield* invalid(`projection "${name}" has no event parked at position ${position}`)
          }
        })
      )
  }
}
