/**
 * Who runs which partition.
 *
 * Invariant: a partition's epoch grows with every claim, and whenever a claim is to be lost; nobody but the holder of the last
 * epoch commits. Leases only say when somebody else may claim: they are by the clock of the database, and nothing that counts
 * rests on them.
 *
 * Invariant: a partition is asked for by one owner at a time, who does not hold it: a row says by whom, and who claims the partition
 * deletes it. Of owners that ask at once for the same one the first gets it, the others ask with their next look: so what they count is
 * what the one before them has left. Were it not, one partition too many would change hands, and come back.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { StoreError } from "../../EventStore.ts"
import { type Claim, ClaimLost, type ProjectionStore } from "../../ProjectionStore.ts"
import type { Access } from "./access.ts"
import { type ClaimRow, claimOf, livePosition, renewedOf, type StandingRow, standingOf, told } from "./rows.ts"

type Claims = Pick<ProjectionStore["Service"], "claim" | "renew" | "release" | "standing" | "fail">

/** A partition, and the epoch in which it was claimed. */
type Hold = Pick<Claim, "generation" | "partition"> & { readonly epoch: number | bigint }

const interval = (parameter: string): string => `(${parameter}::double precision * interval '1 millisecond')`

/** Holds as three arrays, and as the rows that SQL makes of them. */
const arraysOf = (holds: ReadonlyArray<Hold>): ReadonlyArray<unknown> => [
  holds.map(({ generation }) => generation),
  holds.map(({ partition }) => partition),
  holds.map(({ epoch }) => BigInt(epoch))
]
const holdRows = "unnest($1::integer[], $2::integer[], $3::bigint[]) AS c (generation, partition, epoch)"

/** That somebody asks for a partition, and that counts. */
const asking = (s: string, what: string): string =>
  `EXISTS (SELECT FROM ${s}.projection_asked_for a
    WHERE a.generation = p.generation AND a.partition = p.partition AND a.until > clock_timestamp() ${what})`

/**
 * As common table expressions: has an owner ($4) who finds nothing "free", of partitions that are "run", ask for one. Each partition counts for who has
 * asked for it, its heir, and else for who holds it.
 */
const asked = (s: string): string => `shares AS (
  SELECT run.generation, run.partition, run.holder, h.heir, count(*) OVER (PARTITION BY run.generation, h.heir) AS share
  FROM run LEFT JOIN ${s}.projection_asked_for a
    ON a.generation = run.generation AND a.partition = run.partition AND a.until > clock_timestamp()
  CROSS JOIN LATERAL (SELECT coalesce(a.owner, run.holder) AS heir) h
  WHERE h.heir IS NOT NULL
), asked AS (
  INSERT INTO ${s}.projection_asked_for AS a (generation, partition, owner, until)
  SELECT theirs.generation, theirs.partition, $4::text, clock_timestamp() + ${interval("$5")}
  FROM shares theirs
  LEFT JOIN (SELECT DISTINCT generation, share FROM shares WHERE heir = $4::text) mine ON mine.generation = theirs.generation
  WHERE theirs.heir = theirs.holder AND theirs.share >= coalesce(mine.share, 0) + 2
    AND NOT EXISTS (SELECT FROM shares own WHERE own.heir = $4::text AND own.holder IS DISTINCT FROM $4::text)
    AND NOT EXISTS (SELECT FROM free) AND $3::bigint > 0
  ORDER BY theirs.share - coalesce(mine.share, 0) DESC, theirs.generation, theirs.partition LIMIT 1
  ON CONFLICT (generation, partition) DO UPDATE SET owner = EXCLUDED.owner, until = EXCLUDED.until
  WHERE a.until <= clock_timestamp()
)`

/** The rows of partitions whose last epoch is that of a hold, locked in the one order in which rows of partitions are locked. */
const locked = (s: string, skip: "" | "SKIP LOCKED"): string =>
  `SELECT p.generation, p.partition FROM ${holdRows}
  JOIN ${s}.projection_partitions p ON p.generation = c.generation AND p.partition = c.partition AND p.epoch = c.epoch
  ORDER BY p.generation, p.partition FOR UPDATE OF p ${skip}`

export const claims = ({ changed, lockingQuery, query, s }: Access): Claims => {
  /**
   * The claims that stand. It is asked once they are held, in a statement of its own: the one that took them may have waited,
   * and would see beside a partition what was parked before its former owner's last commit.
   */
  const held = (holds: ReadonlyArray<Hold>) =>
    holds.length === 0
      ? Effect.succeed([])
      : query<ClaimRow>(
          `SELECT g.name, g.version, p.generation, p.partition, g.partitions, p.epoch, p.position, g.role, g.replayed_to,
  ${livePosition(s)} AS live_position,
  ARRAY(SELECT DISTINCT k.lane FROM ${s}.projection_parked k
    WHERE k.generation = p.generation AND k.partition = p.partition) AS parked,
  ARRAY(SELECT DISTINCT k.lane FROM ${s}.projection_parked k
    WHERE k.generation = p.generation AND k.partition = p.partition AND k.retry) AS retry,
  ${asking(s, "")} AS is_asked_for,
  ARRAY(SELECT k.position FROM ${s}.projection_skipped k
    WHERE k.generation = p.generation AND k.partition = p.partition AND k.position > p.position) AS skipped
FROM ${holdRows}
JOIN ${s}.projection_partitions p ON p.generation = c.generation AND p.partition = c.partition AND p.epoch = c.epoch
JOIN ${s}.projection_generations g ON g.id = p.generation
WHERE p.state = 'running' AND p.claimable
ORDER BY p.generation, p.partition`,
          arraysOf(holds)
        )

  return {
    // Who finds a row locked leaves it: it is being claimed, or committed by somebody who has not lost it yet.
    claim: ({ lease, most, name, owner, version }) =>
      lockingQuery<Hold>(
        `WITH free AS (
  SELECT p.generation, p.partition FROM ${s}.projection_partitions p
  JOIN ${s}.projection_generations g ON g.id = p.generation
  WHERE g.name = $1::text AND g.version = $2::integer AND p.claimable AND p.state = 'running'
    AND (p.lease_until IS NULL OR p.lease_until <= clock_timestamp())
    AND NOT ${asking(s, "AND a.owner <> $4::text")}
  ORDER BY p.generation, p.partition LIMIT $3::bigint FOR UPDATE OF p SKIP LOCKED
), run AS (
  SELECT p.generation, p.partition, CASE WHEN p.lease_until > clock_timestamp() THEN p.owner END AS holder
  FROM ${s}.projection_partitions p JOIN ${s}.projection_generations g ON g.id = p.generation
  WHERE g.name = $1::text AND g.version = $2::integer AND p.claimable AND p.state = 'running'
), ${asked(s)}, answered AS (
  DELETE FROM ${s}.projection_asked_for a USING free WHERE a.generation = free.generation AND a.partition = free.partition
)
UPDATE ${s}.projection_partitions p
SET epoch = p.epoch + 1, owner = $4::text, lease = ${interval("$5")}, lease_until = clock_timestamp() + ${interval("$5")}
FROM free WHERE p.generation = free.generation AND p.partition = free.partition
RETURNING p.generation, p.partition, p.epoch`,
        [
          name,
          version,
          BigInt(Math.max(0, Math.min(Math.floor(most), Number.MAX_SAFE_INTEGER))),
          told(owner),
          Duration.toMillis(lease)
        ]
      ).pipe(
        Effect.flatMap(held),
        Effect.map((rows) => rows.map(claimOf))
      ),

    // A row that is locked is most often being committed by the very owner, which renews it.
    renew: (claims, lease) =>
      claims.length === 0
        ? Effect.succeed([])
        : Effect.andThen(
            lockingQuery(
              `WITH held AS (${locked(s, "SKIP LOCKED")})
UPDATE ${s}.projection_partitions p SET lease = ${interval("$4")}, lease_until = clock_timestamp() + ${interval("$4")}
FROM held WHERE p.generation = held.generation AND p.partition = held.partition`,
              [...arraysOf(claims), Duration.toMillis(lease)]
            ),
            Effect.map(held(claims), (rows) => rows.map(renewedOf))
          ),

    release: (claims) =>
      claims.length === 0
        ? Effect.void
        : Effect.asVoid(
            lockingQuery(
              `WITH held AS (${locked(s, "")})
UPDATE ${s}.projection_partitions p SET epoch = p.epoch + 1, owner = NULL, lease_until = NULL
FROM held WHERE p.generation = held.generation AND p.partition = held.partition`,
              arraysOf(claims)
            )
          ),

    standing: ({ generation }) =>
      Effect.map(
        query<StandingRow>(
          `SELECT g.role, g.replayed_to, ${livePosition(s)} AS live_position
FROM ${s}.projection_generations g WHERE g.id = $1::integer`,
          [generation]
        ),
        ([row]) => standingOf(row)
      ),

    fail: (claim, { position, problem }) =>
      lockingQuery(
        `UPDATE ${s}.projection_partitions SET epoch = epoch + 1, owner = NULL, lease_until = NULL,
  state = 'failed', failure_position = $4::bigint, failure_problem = $5::text
WHERE generation = $1::integer AND partition = $2::integer AND epoch = $3::bigint
RETURNING generation`,
        [claim.generation, claim.partition, BigInt(claim.epoch), BigInt(position), told(problem)]
      ).pipe(
        Effect.flatMap((rows): Effect.Effect<void, StoreError | ClaimLost> =>
          rows.length === 0 ? Effect.fail(claimLost(claim)) : changed
        )
      )
  }
}

export const claimLost = ({ generation, name, partition }: Claim): ClaimLost =>
  new ClaimLost({ projection: name, generation, partition })
