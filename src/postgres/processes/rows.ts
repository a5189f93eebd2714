/**
 * Rows of the database as values of the port.
 */
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import { StoreError } from "../../EventStore.ts"
import type { Instance, Request, Status, Step } from "../../ProcessStore.ts"
import { instantOf } from "../instant.ts"

/** The columns of an instance. */
export const columns =
  "i.instance, i.partition, i.status, i.is_ready, i.due_at, i.waiting_for, i.started_at, i.updated_at, i.steps, i.state, i.document"

export interface InstanceRow {
  readonly instance: string
  readonly partition: number
  readonly status: Status
  readonly is_ready: boolean
  readonly due_at: Date | null
  readonly waiting_for: ReadonlyArray<string>
  readonly started_at: Date
  readonly updated_at: Date
  readonly steps: bigint
  readonly state: Schema.Json
  readonly document: string
}

export interface StepRow {
  readonly number: bigint
  readonly at: Date
  readonly step: string
}

export interface RequestRow {
  readonly id: bigint
  readonly instance: string
  readonly request: string
}

/** JSON that somebody has damaged is an error that names it. */
const parsed = (what: string, text: string): Effect.Effect<Schema.Json, StoreError> =>
  Effect.try({
    try: () => JSON.parse(text),
    catch: (cause) => new StoreError({ reason: "Unexpected", problem: `${what} is damaged: ${cause}` })
  })

export const instancesOf = (
  process: string,
  rows: ReadonlyArray<InstanceRow>
): Effect.Effect<ReadonlyArray<Instance>, StoreError> =>
  Effect.forEach(rows, (row) =>
    Effect.map(
      parsed(`the document of instance ${row.instance} of ${process}`, row.document),
      (document): Instance => ({
        instance: row.instance,
        partition: row.partition,
        status: row.status,
        isReady: row.is_ready,
        dueAt: row.due_at === null ? undefined : instantOf(row.due_at),
        waitingFor: row.waiting_for,
        startedAt: instantOf(row.started_at),
        updatedAt: instantOf(row.updated_at),
        steps: Number(row.steps),
        state: row.state,
        document
      })
    )
  )

export const stepsOf = (
  process: string,
  instance: string,
  rows: ReadonlyArray<StepRow>
): Effect.Effect<ReadonlyArray<Step>, StoreError> =>
  Effect.forEach(rows, ({ at, number, step }) =>
    Effect.map(parsed(`step ${number} of instance ${instance} of ${process}`, step), (json): Step => ({
      instance,
      number: Number(number),
      at: instantOf(at),
      step: json
    }))
  )

export const requestsOf = (
  process: string,
  rows: ReadonlyArray<RequestRow>
): Effect.Effect<ReadonlyArray<Request>, StoreError> =>
  Effect.forEach(rows, ({ id, instance, request }) =>
    Effect.map(parsed(`request ${id} of instance ${instance} of ${process}`, request), (json): Request => ({
      id: Number(id),
      instance,
      request: json
    }))
  )
