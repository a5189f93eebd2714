/**
 * What who looks after processes asks for, and does. Each is one statement.
 */
import * as Effect from "effect/Effect"
import { checkList, checkProcess, checkRemove, checkRequest, checkSteps } from "../../internal/adapter/process.ts"
import type { ProcessStore, Status } from "../../ProcessStore.ts"
import { textOf } from "../instant.ts"
import type { Access } from "../projections/access.ts"
import { literal } from "../schema/names.ts"
import { columns, type InstanceRow, instancesOf, type StepRow, stepsOf } from "./rows.ts"

type Tending = Pick<ProcessStore["Service"], "request" | "list" | "count" | "steps" | "remove">

export const tending = ({ changed, lockingQuery, query, s }: Access): Tending => {
  const asking = `INSERT INTO ${s}.process_requests (process, partition, instance, request)
VALUES ($1::text, $2::integer, $3::text, $4::text)`

  const counting = `SELECT i.status, count(*) AS count FROM ${s}.process_instances i WHERE i.process = $1::text GROUP BY i.status`

  const stepping = `SELECT k.number, k.at, k.step FROM ${s}.process_steps k
WHERE k.process = $1::text AND k.instance = $2::text AND k.number > $3::bigint ORDER BY k.number LIMIT $4::bigint`

  // One that somebody writes at the moment is left for another time: nobody waits for a removal, and it waits for nobody. By a list, and not by a
  // join: that walks an index however many the plan takes them for.
  const removing = `WITH picked AS MATERIALIZED (
  SELECT i.instance FROM ${s}.process_instances i WHERE i.process = $1::text AND i.ended_at < $2::text::timestamptz
  ORDER BY i.ended_at, i.instance LIMIT $3::bigint FOR UPDATE SKIP LOCKED
), stepless AS (
  DELETE FROM ${s}.process_steps k WHERE k.process = $1::text AND k.instance = ANY (ARRAY(SELECT p.instance FROM picked p))
), removed AS (
  DELETE FROM ${s}.process_instances i WHERE i.process = $1::text AND i.instance = ANY (ARRAY(SELECT p.instance FROM picked p))
  RETURNING 1
)
SELECT count(*) AS count FROM removed`

  return {
    request: Effect.fnUntraced(function* (process, asked) {
      const json = yield* Effect.fromResult(checkRequest(process, asked))
      yield* query(asking, [process, asked.partition, asked.instance, json])
      yield* changed
    }),

    list: Effect.fnUntraced(function* (process, options) {
      const fields = yield* Effect.fromResult(checkList(process, options))
      const { after = "", limit, startedBefore, status, updatedBefore, waitingFor } = options
      const parameters: Array<unknown> = [process, after, BigInt(limit)]
      const conditions: Array<string> = []
      const given = (condition: string, value: unknown): void => {
        parameters.push(value)
        conditions.push(`AND ${condition.replace("?", `$${parameters.length}`)}`)
      }
      // In so many words, and not as a parameter: so an index of one's own with such a condition serves it.
      if (status !== undefined) conditions.push(`AND i.status = ${literal(status)}`)
      if (startedBefore !== undefined) given("i.started_at < ?::text::timestamptz", textOf(startedBefore))
      if (updatedBefore !== undefined) given("i.updated_at < ?::text::timestamptz", textOf(updatedBefore))
      if (waitingFor !== undefined) given("?::text = ANY (i.waiting_for)", waitingFor)
      for (const [field, json] of fields) {
        parameters.push(json)
        conditions.push(`AND i.state -> ${literal(field)} = $${parameters.length}::jsonb`)
      }
      const rows = yield* query<InstanceRow>(
        `SELECT ${columns} FROM ${s}.process_instances i
WHERE i.process = $1::text AND i.instance > $2::text ${conditions.join(" ")} ORDER BY i.instance LIMIT $3::bigint`,
        parameters
      )
      return yield* instancesOf(process, rows)
    }),

    count: Effect.fnUntraced(function* (process) {
      yield* Effect.fromResult(checkProcess(process))
      const rows = yield* query<{ readonly status: Status; readonly count: bigint }>(counting, [process])
      return new Map(rows.map(({ count, status }) => [status, Number(count)]))
    }),

    steps: Effect.fnUntraced(function* (process, instance, { after, limit }) {
      yield* Effect.fromResult(checkSteps(process, instance, { after, limit }))
      const rows = yield* query<StepRow>(stepping, [process, instance, BigInt(after), BigInt(limit)])
      return yield* stepsOf(process, instance, rows)
    }),

    remove: Effect.fnUntraced(function* (process, { limit, updatedBefore }) {
      yield* Effect.fromResult(checkRemove(process, { limit, updatedBefore }))
      const parameters = [process, textOf(updatedBefore), BigInt(limit)]
      const [row] = yield* lockingQuery<{ readonly count: bigint }>(removing, parameters)
      return Number(row!.count)
    })
  }
}
