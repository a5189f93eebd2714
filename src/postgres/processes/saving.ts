/**
 * How a turn of a process is kept: instances, steps and what was done of the requests, as one statement in the transaction that is under way.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type { SqlError } from "effect/sql/SqlError"
import type { StoreError } from "../../EventStore.ts"
import {
  type CheckedChanges,
  type CheckedInstance,
  type CheckedStep,
  checkSave
} from "../../internal/adapter/process.ts"
import type { ProcessStore } from "../../ProcessStore.ts"
import { arrayOf } from "../appendCall.ts"
import { textOf } from "../instant.ts"
import { type Access, invalid } from "../projections/access.ts"
import { fromSqlError } from "../sqlErrors.ts"

/** What a statement carries at most. */
const mostCharacters = 4 * 1024 * 1024

/** What one statement saves. */
interface Portion {
  readonly instances: Array<CheckedInstance>
  readonly steps: Array<CheckedStep>
}

/** Nothing needs to be said of the order of the parts: none sees what the others change, and they change different tables. */
const savingOf = (s: string): string =>
  `WITH done AS (
  DELETE FROM ${s}.process_requests WHERE process = $1::text AND id = ANY ($2::bigint[])
), stepped AS (
  INSERT INTO ${s}.process_steps (process, instance, number, at, step)
  SELECT $1::text, c.instance, c.number, c.at::timestamptz, c.step
  FROM unnest($3::text[], $4::bigint[], $5::text[], $6::text[]) AS c (instance, number, at, step)
)
INSERT INTO ${s}.process_instances AS i (
  process, instance, partition, status, is_ready, due_at, waiting_for, started_at, updated_at, ended_at, steps, state, document
)
SELECT $1::text, c.instance, c.partition, c.status, c.is_ready, c.due_at::timestamptz, c.waiting_for::text[],
  c.started_at::timestamptz, c.updated_at::timestamptz,
  CASE WHEN c.status IN ('ended', 'cancelled') THEN c.updated_at::timestamptz END, c.steps, c.state::jsonb, c.document
FROM unnest(
  $7::text[], $8::int[], $9::text[], $10::boolean[], $11::text[], $12::text[], $13::text[], $14::text[],
  $15::bigint[], $16::text[], $17::text[]
) AS c (instance, partition, status, is_ready, due_at, waiting_for, started_at, updated_at, steps, state, document)
ORDER BY c.instance COLLATE "C"
ON CONFLICT (process, instance) DO UPDATE SET
  partition = EXCLUDED.partition, status = EXCLUDED.status, is_ready = EXCLUDED.is_ready, due_at = EXCLUDED.due_at,
  waiting_for = EXCLUDED.waiting_for, started_at = EXCLUDED.started_at, updated_at = EXCLUDED.updated_at,
  ended_at = EXCLUDED.ended_at, steps = EXCLUDED.steps, state = EXCLUDED.state, document = EXCLUDED.document`

/** A list as a parameter. The client knows no type for one that has no value in it. */
const listOf = <A>(values: ReadonlyArray<A | null>): ReadonlyArray<A | null> | null =>
  values.some((value) => value !== null) ? values : null

const parametersOf = (
  process: string,
  { instances, steps }: Portion,
  done: CheckedChanges["done"]
): ReadonlyArray<unknown> => [
  process,
  listOf(done.map(BigInt)),
  listOf(steps.map(({ instance }) => instance)),
  listOf(steps.map(({ number }) => BigInt(number))),
  listOf(steps.map(({ at }) => textOf(at))),
  listOf(steps.map(({ json }) => json)),
  listOf(instances.map(({ instance }) => instance)),
  listOf(instances.map(({ partition }) => partition)),
  listOf(instances.map(({ status }) => status)),
  listOf(instances.map(({ isReady }) => isReady)),
  listOf(instances.map(({ dueAt }) => (dueAt === undefined ? null : textOf(dueAt)))),
  listOf(instances.map(({ waitingFor }) => arrayOf(waitingFor))),
  listOf(instances.map(({ startedAt }) => textOf(startedAt))),
  listOf(instances.map(({ updatedAt }) => textOf(updatedAt))),
  listOf(instances.map(({ steps }) => BigInt(steps))),
  listOf(instances.map(({ stateJson }) => stateJson)),
  listOf(instances.map(({ documentJson }) => documentJson))
]

/** Changes in portions that go with one statement each: but for very large ones, all of them with one. */
const portionsOf = ({ instances, steps }: CheckedChanges): ReadonlyArray<Portion> => {
  const portions: Array<Portion> = [{ instances: [], steps: [] }]
  let characters = 0
  const next = (size: number): Portion => {
    if (characters + size > mostCharacters && characters > 0) {
      portions.push({ instances: [], steps: [] })
      characters = 0
    }
    characters += size
    return portions[portions.length - 1]!
  }
  for (const one of instances) next(one.stateJson.length + one.documentJson.length).instances.push(one)
  for (const one of steps) next(one.json.length).steps.push(one)
  return portions
}

/** Which one there already is, in the words of the database. */
const detailOf = ({ reason: { cause } }: SqlError): string =>
  Predicate.hasProperty(cause, "detail") && Predicate.isString(cause.detail) ? `: ${cause.detail}` : ""

/** Nothing but a step cannot be there twice: an instance is replaced, and the numbers of requests are the database's own. */
const fromSaving =
  (process: string) =>
  (error: SqlError): StoreError =>
    error.reason._tag === "UniqueViolation"
      ? invalid(`a step of ${process} is there already, somebody else has written its instance${detailOf(error)}`)
      : fromSqlError(error)

export const saving = ({ s, sql }: Access): Pick<ProcessStore["Service"], "save"> => {
  const statement = savingOf(s)
  return {
    save: Effect.fnUntraced(function* (process, changes) {
      const checked = yield* Effect.fromResult(checkSave(process, changes))
      if (Option.isNone(yield* Effect.serviceOption(sql.transactionService))) {
        return yield* invalid("what processes come to is saved in a transaction only")
      }
      const { done, instances, steps } = checked
      if (done.length + instances.length + steps.length === 0) return
      for (const [i, portion] of portionsOf(checked).entries()) {
        const parameters = parametersOf(process, portion, i === 0 ? done : [])
        yield* Effect.mapError(sql.unsafe(statement, parameters), fromSaving(process))
      }
    })
  }
}
