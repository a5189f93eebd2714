/**
 * What there is to see: of the live generation, and of how all are doing. Each is one statement, and so of one moment.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import type { StoreError } from "../../EventStore.ts"
import type { Documents, ProjectionStore, Status } from "../../ProjectionStore.ts"
import { textProblem } from "../../StreamName.ts"
import { literal } from "../schema/names.ts"
import { type Access, invalid } from "./access.ts"
import { toDocuments } from "./documents.ts"
import { head, livePosition, type ParkedRow, parkedOf, type SkippedRow, skippedOf } from "./rows.ts"

type Reading = Pick<ProjectionStore["Service"], "live" | "read" | "list" | "status" | "skipped" | "parked">

interface LiveRow {
  readonly generation: number
  readonly version: number
  readonly mode: Status["mode"]
  readonly position: bigint
}

interface DocumentRow {
  readonly key: string
  readonly document: Schema.Json
}

interface StatusRow {
  readonly name: string
  readonly version: number
  readonly generation: number
  readonly mode: Status["mode"]
  readonly role: Status["role"]
  readonly partition: number
  readonly partitions: number
  readonly state: Status["state"]
  readonly position: bigint
  readonly lag: bigint
  readonly lag_millis: number
  readonly rate: number
  readonly owner: string | null
  readonly failure_position: bigint | null
  readonly failure_problem: string | null
  readonly parked: bigint
}

const statusOf = ({ failure_position, failure_problem, lag_millis, ...row }: StatusRow): Status => ({
  ...row,
  position: Number(row.position),
  lag: Number(row.lag),
  lagTime: Duration.millis(lag_millis),
  owner: row.owner ?? undefined,
  failure:
    row.state === "failed" && failure_position !== null
      ? { position: Number(failure_position), problem: failure_problem ?? "" }
      : undefined,
  parked: Number(row.parked)
})

export const reading = ({ query, s }: Access): Reading => {
  /** Documents of the live generation. */
  const documentsOf = (
    name: string,
    conditions: string,
    parameters: ReadonlyArray<unknown>
  ): Effect.Effect<Documents, StoreError> =>
    Effect.map(
      query<DocumentRow>(
        `SELECT d.key, d.document FROM ${s}.projection_documents d
WHERE d.generation = (SELECT g.id FROM ${s}.projection_generations g WHERE g.name = $1::text AND g.role = 'live')
  AND d.document IS NOT NULL ${conditions}`,
        [name, ...parameters]
      ),
      toDocuments
    )

  return {
    live: (name) =>
      Effect.map(
        query<LiveRow>(
          `SELECT g.id AS generation, g.version, g.mode, ${livePosition(s)} AS position
FROM ${s}.projection_generations g WHERE g.name = $1::text AND g.role = 'live'`,
          [name]
        ),
        ([row]) => (row === undefined ? undefined : { ...row, position: Number(row.position) })
      ),

    // No document has a key that the database cannot hold.
    read: (name, keys) =>
      documentsOf(name, "AND d.key = ANY ($2::text[])", [keys.filter((key) => textProblem(key) === undefined)]),

    list: (name, { after, limit, where }) =>
      Effect.suspend(() => {
        const parameters: Array<unknown> = [
          BigInt(Math.max(0, Math.min(Math.floor(limit), Number.MAX_SAFE_INTEGER))),
          after ?? null
        ]
        let conditions = "AND ($3::text IS NULL OR d.key > $3::text)"
        for (const [field, value] of Object.entries(where)) {
          const wrong = textProblem(field)
          if (wrong !== undefined) return Effect.fail(invalid(`the name of a field ${wrong}`))
          parameters.push(JSON.stringify(value))
          // In so many words, and not as a parameter: so an index on the expression serves it.
          conditions += ` AND d.document -> ${literal(field)} = $${parameters.length + 1}::jsonb`
        }
        return documentsOf(name, `${conditions} ORDER BY d.key LIMIT $2::bigint`, parameters)
      }),

    status: (name) =>
      Effect.map(
        query<StatusRow>(
          `SELECT g.name, g.version, g.id AS generation, g.mode, g.role, p.partition, g.partitions, p.state, at.position,
  greatest(log.head - at.position, 0) AS lag,
  coalesce(greatest(extract(epoch FROM clock_timestamp() - next.recorded_at) * 1000, 0), 0)::double precision AS lag_millis,
  p.rate, CASE WHEN p.lease_until > clock_timestamp() THEN p.owner END AS owner, p.failure_position, p.failure_problem,
  (SELECT count(*) FROM ${s}.projection_parked k WHERE k.generation = p.generation AND k.partition = p.partition) AS parked
FROM ${s}.projection_generations g
JOIN ${s}.projection_partitions p ON p.generation = g.id
CROSS JOIN (SELECT ${head(s)} AS head) AS log
CROSS JOIN LATERAL (
  SELECT CASE WHEN g.role = 'live' AND g.mode = 'inline' THEN log.head ELSE p.position END AS position
) AS at
LEFT JOIN ${s}.events next ON next.position = at.position + 1
WHERE $1::text IS NULL OR g.name = $1::text
ORDER BY g.name, g.id, p.partition`,
          [name ?? null]
        ),
        (rows) => rows.map(statusOf)
      ),

    skipped: (name) =>
      Effect.map(
        query<SkippedRow>(
          `SELECT k.generation, k.partition, k.position, k.reason, k.skipped_at FROM ${s}.projection_skipped k
JOIN ${s}.projection_generations g ON g.id = k.generation
WHERE g.name = $1::text ORDER BY k.generation, k.partition, k.position`,
          [name]
        ),
        (rows) => rows.map(skippedOf)
      ),

    parked: (name) =>
      Effect.map(
        query<ParkedRow>(
          `SELECT k.generation, k.partition, k.position, k.lane, k.problem, k.attempts, k.parked_at FROM ${s}.projection_parked k
JOIN ${s}.projection_generations g ON g.id = k.generation
WHERE g.name = $1::text AND g.role <> 'retired' ORDER BY k.generation, k.partition, k.position`,
          [name]
        ),
        (rows) => rows.map(parkedOf)
      )
  }
}
