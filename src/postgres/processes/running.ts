/**
 * What who runs a partition asks for: instances by name, those that are ready or due, and requests. Each is one statement.
 */
import * as Effect from "effect/Effect"
import { checkInstances, checkPartition } from "../../internal/adapter/process.ts"
import type { ProcessStore } from "../../ProcessStore.ts"
import { instantOf, textOf } from "../instant.ts"
import type { Access } from "../projections/access.ts"
import { columns, type InstanceRow, instancesOf, type RequestRow, requestsOf } from "./rows.ts"

type Running = Pick<ProcessStore["Service"], "load" | "ready" | "due" | "requests">

/** An instance that is due, or none, and when the next timer is due. */
type DueRow = { readonly next: Date | null } & (InstanceRow | { readonly instance: null })

const isThere = (row: DueRow): row is InstanceRow & DueRow => row.instance !== null

export const running = ({ query, s }: Access): Running => {
  const instances = `${s}.process_instances i`

  const loading = `SELECT ${columns} FROM ${instances} WHERE i.process = $1::text AND i.instance = ANY ($2::text[])`

  // No name is the empty text, so all come after it.
  const whoIsReady = `SELECT ${columns} FROM ${instances}
WHERE i.process = $1::text AND i.partition = $2::integer AND i.is_ready AND i.instance > $3::text
ORDER BY i.instance LIMIT $4::bigint`

  const whoIsDue = `SELECT n.next, d.*
FROM (SELECT (
  SELECT i.due_at FROM ${instances} WHERE i.process = $1::text AND i.partition = $2::integer AND i.due_at > $3::text::timestamptz
  ORDER BY i.due_at LIMIT 1
) AS next) AS n
LEFT JOIN LATERAL (
  SELECT ${columns} FROM ${instances}
  WHERE i.process = $1::text AND i.partition = $2::integer AND i.due_at <= $3::text::timestamptz
  ORDER BY i.due_at, i.instance LIMIT $4::bigint
) AS d ON true
ORDER BY d.due_at, d.instance`

  const asked = `SELECT r.id, r.instance, r.request FROM ${s}.process_requests r
WHERE r.process = $1::text AND r.partition = $2::integer ORDER BY r.id LIMIT $3::bigint`

  return {
    load: Effect.fnUntraced(function* (process, names) {
      yield* Effect.fromResult(checkInstances(process, names))
      if (names.length === 0) return []
      return yield* instancesOf(process, yield* query<InstanceRow>(loading, [process, names]))
    }),

    ready: Effect.fnUntraced(function* (process, partition, { after, limit }) {
      yield* Effect.fromResult(checkPartition(process, partition, { after, limit }))
      const rows = yield* query<InstanceRow>(whoIsReady, [process, partition, after ?? "", BigInt(limit)])
      return yield* instancesOf(process, rows)
    }),

    due: Effect.fnUntraced(function* (process, partition, { limit, until }) {
      yield* Effect.fromResult(checkPartition(process, partition, { until, limit }))
      const parameters = [process, partition, textOf(until), BigInt(limit)]
      const rows = yield* query<DueRow>(whoIsDue, parameters)
      const next = rows[0]?.next ?? undefined
      return {
        instances: yield* instancesOf(process, rows.filter(isThere)),
        next: next === undefined ? undefined : instantOf(next)
      }
    }),

    requests: Effect.fnUntraced(function* (process, partition, limit) {
      yield* Effect.fromResult(checkPartition(process, partition, { limit }))
      return yield* requestsOf(process, yield* query<RequestRow>(asked, [process, partition, BigInt(limit)]))
    })
  }
}
