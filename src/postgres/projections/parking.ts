/**
 * Events that could not be handled, lane by lane, within the transaction of a commit: the row of the partition is locked.
 */
import * as Effect from "effect/Effect"
import type { ProjectionStore } from "../../ProjectionStore.ts"
import { type Access, Lanes } from "./access.ts"
import { type ParkedRow, parkedOf, told } from "./rows.ts"

type Parking = Pick<ProjectionStore["Service"], "park" | "parkedIn" | "unpark" | "parkAgain">

const lanesChange = Effect.map(Lanes, (lanes) => {
  lanes.hasChanged = true
})

export const parking = ({ query, s }: Access): Parking => ({
  park: ({ generation, partition }, { lane, position, problem }) =>
    Effect.andThen(
      query(
        `INSERT INTO ${s}.projection_parked AS k (generation, partition, position, lane, problem, attempts)
VALUES ($1::integer, $2::integer, $3::bigint, $4::text, $5::text, $6::integer)
ON CONFLICT (generation, partition, position) DO UPDATE
SET lane = EXCLUDED.lane, problem = EXCLUDED.problem, attempts = EXCLUDED.attempts, parked_at = EXCLUDED.parked_at, retry = false`,
        [generation, partition, BigInt(position), lane, told(problem), problem === "" ? 0 : 1]
      ),
      lanesChange
    ),

  parkedIn: ({ generation, partition }, lane) =>
    Effect.map(
      query<ParkedRow>(
        `SELECT generation, partition, position, lane, problem, attempts, parked_at FROM ${s}.projection_parked
WHERE generation = $1::integer AND partition = $2::integer AND lane = $3::text ORDER BY position`,
        [generation, partition, lane]
      ),
      (rows) => rows.map(parkedOf)
    ),

  unpark: ({ generation, partition }, position) =>
    Effect.andThen(
      query(
        `DELETE FROM ${s}.projection_parked
WHERE generation = $1::integer AND partition = $2::integer AND position = $3::bigint`,
        [generation, partition, BigInt(position)]
      ),
      lanesChange
    ),

  parkAgain: ({ generation, partition }, { lane, position, problem }) =>
    Effect.asVoid(
      query(
        `UPDATE ${s}.projection_parked SET retry = false,
  attempts = attempts + CASE WHEN position = $4::bigint THEN 1 ELSE 0 END,
  problem = CASE WHEN position = $4::bigint THEN $5::text ELSE problem END
WHERE generation = $1::integer AND partition = $2::integer AND lane = $3::text AND (retry OR position = $4::bigint)`,
        [generation, partition, lane, BigInt(position), told(problem)]
      )
    )
})
