/**
 * The log of the memory store: arrays, and how much of them readers may see.
 */
import * as DateTime from "effect/DateTime"
import * as Result from "effect/Result"
import {
  type Appended,
  type AppendError,
  ConcurrencyConflict,
  type Condition,
  ConditionConflict,
  isExpected,
  type ReadOptions,
  type Restored,
  StoreError
} from "../EventStore.ts"
import { findStored } from "../internal/adapter/repetition.ts"
import type { CheckedEvent, CheckedWrite } from "../internal/adapter/request.ts"
import { type CheckedRestoredEvent, checkTimes, findRestored } from "../internal/adapter/restoring.ts"
import * as Query from "../Query.ts"
import type { RecordedEvent } from "../RecordedEvent.ts"
import type { StreamName } from "../StreamName.ts"

/** Data and metadata are kept as text, and parsed for every reader: no reader can change what another one reads. */
export interface Row extends Omit<RecordedEvent, "data" | "metadata"> {
  readonly dataJson: string
  readonly metadataJson: string
}

export const toRecorded = ({ dataJson, metadataJson, ...row }: Row): RecordedEvent => ({
  ...row,
  tags: [...row.tags],
  data: JSON.parse(dataJson),
  metadata: JSON.parse(metadataJson)
})

/**
 * Rows by position, by stream and by id. One may write at a time. What is written is seen by who looks up to the last row, and by
 * everybody when it is committed.
 */
export class Log {
  readonly rows: Array<Row> = []
  /** The position up to which everybody may read. */
  committed = 0
  readonly #streams = new Map<string, Array<Row>>()
  readonly #byId = new Map<string, Row>()

  /** The rows of a stream that are not above a position. */
  streamUpTo(stream: string, position: number): { readonly rows: ReadonlyArray<Row>; readonly length: number } {
    const rows = this.#streams.get(stream) ?? []
    let length = rows.length
    while (length > 0 && rows[length - 1]!.position > position) length--
    return { rows, length }
  }

  /** Stores events at the end, unless they are stored already, or something that was expected does not hold. */
  append(
    writes: ReadonlyArray<CheckedWrite>,
    condition: Condition | undefined,
    now: number
  ): Result.Result<Appended, AppendError> {
    const repeated = findStored(writes, (id) => this.#byId.get(id))
    return repeated === undefined
      ? Result.map(this.#check(writes, condition), () => this.#store(writes, now))
      : Result.succeed(repeated)
  }

  /** Stores events that were recorded elsewhere at the end, unless they are stored already, or their times do not go on from it. */
  restore(events: ReadonlyArray<CheckedRestoredEvent>, now: number): Result.Result<Restored, StoreError> {
    const stored = findRestored(events, (id) => this.#byId.get(id))
    if (stored !== undefined) return stored
    const last = this.rows[this.rows.length - 1]?.recordedAt.epochMilliseconds
    return Result.map(checkTimes(events, { last, now: this.#timeOfNext(now) }), () => {
      for (const { recordedAt, stream, ...event } of events) this.#push(event, stream, recordedAt)
      return { position: this.rows.length, repeated: false }
    })
  }

  commit(): void {
    this.committed = this.rows.length
  }

  /** Takes back what was written after a position that is not committed. */
  undo(position: number): void {
    while (this.rows.length > position) {
      const { id, stream } = this.rows.pop()!
      this.#streams.get(stream)!.pop()
      this.#byId.delete(id)
    }
  }

  #versionOf(stream: string): number {
    return this.#streams.get(stream)?.length ?? 0
  }

  #check(writes: ReadonlyArray<CheckedWrite>, condition: Condition | undefined): Result.Result<void, AppendError> {
    for (const { stream, expected } of writes) {
      const actual = this.#versionOf(stream)
      if (!isExpected(expected, actual)) return Result.fail(new ConcurrencyConflict({ stream, expected, actual }))
    }
    const { id } = writes.flatMap(({ events }) => events).find((event) => this.#byId.has(event.id)) ?? {}
    if (id !== undefined) {
      const { stream, version } = this.#byId.get(id)!
      const problem = `event ${id} is stored already, as version ${version} of stream ${stream}`
      return Result.fail(new StoreError({ reason: "DuplicateEvent", problem }))
    }
    const offending = condition && this.#firstMatch(condition)
    return condition && offending
      ? Result.fail(new ConditionConflict({ after: condition.after, position: offending.position }))
      : Result.succeed(undefined)
  }

  #firstMatch({ after, query }: Condition): Row | undefined {
    for (let i = after; i < this.rows.length; i++) if (Query.matches(query, this.rows[i]!)) return this.rows[i]
    return undefined
  }

  #timeOfNext(now: number): number {
    const previous = this.rows[this.rows.length - 1]
    return Math.max(now, previous === undefined ? 0 : previous.recordedAt.epochMilliseconds)
  }

  #push(event: CheckedEvent, stream: StreamName, recordedAt: DateTime.Utc): void {
    const rows = this.#streams.get(stream) ?? []
    this.#streams.set(stream, rows)
    const row: Row = { ...event, stream, version: rows.length + 1, position: this.rows.length + 1, recordedAt }
    rows.push(row)
    this.rows.push(row)
    this.#byId.set(row.id, row)
  }

  #store(writes: ReadonlyArray<CheckedWrite>, now: number): Appended {
    const recordedAt = DateTime.makeUnsafe(this.#timeOfNext(now))
    for (const { stream, events } of writes) for (const event of events) this.#push(event, stream, recordedAt)
    return {
      position: this.rows.length,
      versions: writes.map(({ stream }) => this.#versionOf(stream)),
      recordedAt,
      repeated: false
    }
  }
}

/** The events among the first so many rows that a read asks for, one at a time. */
export function* select(
  { length, rows }: { readonly rows: ReadonlyArray<Row>; readonly length: number },
  options: ReadOptions & { readonly query?: Query.Query }
): Generator<RecordedEvent> {
  const { from = 1, to = Infinity, limit = Infinity, direction = "forward", query } = options
  const lowest = Math.max(from, 1)
  const highest = Math.min(to, length)
  let left = limit
  for (let i = lowest; i <= highest && left > 0; i++) {
    const row = rows[(direction === "forward" ? i : lowest + highest - i) - 1]!
    if (query === undefined || Query.matches(query, row)) {
      left--
      yield toRecorded(row)
    }
  }
}
