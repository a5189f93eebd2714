/**
 * Reads, page by page: between two pages no connection is held and no snapshot is open, so a slow reader costs nobody anything.
 */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { ReadOptions, StoreError } from "../EventStore.ts"
import type { Query } from "../Query.ts"
import type { Metadata, RecordedEvent } from "../RecordedEvent.ts"
import type { StreamName } from "../StreamName.ts"
import { quoted } from "./schema/names.ts"

/** The most events of a page. */
export const pageSize = 1000

interface Row {
  readonly position: bigint
  readonly stream: StreamName
  readonly version: bigint
  readonly id: string
  readonly type: string
  readonly schema_version: number
  readonly recorded_at: Date
  readonly tags: ReadonlyArray<string>
  readonly data: Schema.Json
  readonly metadata: Metadata
  /** The last version or position there was when the page was read. */
  readonly last: bigint
}

const columns =
  "e.position, e.stream, e.version, e.id, e.type, e.schema_version, e.recorded_at, e.tags, e.data, e.metadata"

const toRecorded = (row: Row): RecordedEvent => ({
  id: row.id,
  type: row.type,
  schemaVersion: row.schema_version,
  stream: row.stream,
  version: Number(row.version),
  position: Number(row.position),
  recordedAt: DateTime.fromDateUnsafe(row.recorded_at),
  data: row.data,
  tags: row.tags,
  metadata: row.metadata
})

/** What is read: the events of a stream by version, or of the log by position. */
export type Source =
  | { readonly by: "version"; readonly stream: string }
  | { readonly by: "position"; readonly query: Query | undefined }

/** A text of SQL that numbers its parameters as they come. */
class Parameters {
  readonly values: Array<unknown> = []
  add(value: unknown, type: string): string {
    this.values.push(value)
    return `$${this.values.length}::${type}`
  }
}

interface Bounds {
  readonly from: number
  readonly to: number
  readonly limit: number
  readonly direction: "forward" | "backward"
}

/**
 * The statement that reads one page, and the parameters it has added. What a query matches is found by a function of the database, whose
 * plans do not depend on what the planner knows of the log.
 */
const pageOf = (schema: string, source: Source, bounds: Bounds, parameters: Parameters): string => {
  const lowest = parameters.add(bounds.from, "bigint")
  const highest = parameters.add(Math.min(bounds.to, Number.MAX_SAFE_INTEGER), "bigint")
  const most = parameters.add(bounds.limit, "bigint")
  if (source.by === "position" && source.query !== undefined) {
    const query = parameters.add(JSON.stringify(source.query), "jsonb")
    const backward = bounds.direction === "backward"
    return `SELECT ${columns} FROM ${quoted(schema)}.matching(${query}, ${lowest}, ${highest}, ${most}, ${backward}) e`
  }
  const key = `e.${source.by}`
  const ofStream = source.by === "version" ? `e.stream = ${parameters.add(source.stream, "text")} AND ` : ""
  return `SELECT ${columns} FROM ${quoted(schema)}.events e
WHERE ${ofStream}${key} >= ${lowest} AND ${key} <= ${highest}
ORDER BY ${key} ${bounds.direction === "forward" ? "ASC" : "DESC"} LIMIT ${most}`
}

/**
 * The statement that reads one page, with the last version or position there is in the same snapshot.
 */
export const readStatement = (
  schema: string,
  source: Source,
  bounds: Bounds
): { readonly text: string; readonly parameters: ReadonlyArray<unknown> } => {
  const parameters = new Parameters()
  const page = pageOf(schema, source, bounds, parameters)
  const ofStream = source.by === "version" ? ` WHERE stream = ${parameters.add(source.stream, "text")}` : ""
  const last = `SELECT max(${source.by}) FROM ${quoted(schema)}.events${ofStream}`
  return {
    text: `SELECT page.*, (${last}) AS last FROM (${page}) page
ORDER BY page.${source.by} ${bounds.direction === "forward" ? "ASC" : "DESC"}`,
    parameters: parameters.values
  }
}

/**
 * The statement that searches the log from a position on, and gives one row even when nothing matches, for the end of the log.
 */
export const searchStatement = (
  schema: string,
  after: number,
  query: Query | undefined
): { readonly text: string; readonly parameters: ReadonlyArray<unknown> } => {
  const parameters = new Parameters()
  const bounds = { from: after + 1, to: Infinity, limit: pageSize, direction: "forward" } as const
  const page = pageOf(schema, { by: "position", query }, bounds, parameters)
  return {
    text: `SELECT page.*, coalesce(log.head, 0) AS last
FROM (SELECT max(position) AS head FROM ${quoted(schema)}.events) log LEFT JOIN LATERAL (${page}) page ON true
ORDER BY page.position`,
    parameters: parameters.values
  }
}

/**
 * The events of a source within bounds, of those that are there when the read starts.
 */
export const read = (
  sql: SqlClient,
  schema: string,
  source: Source,
  { from = 1, to = Infinity, limit = Infinity, direction = "forward" }: ReadOptions,
  mapped: <A>(effect: Effect.Effect<A, SqlError>) => Effect.Effect<A, StoreError>
): Stream.Stream<RecordedEvent, StoreError> =>
  Stream.paginate({ from: Math.max(from, 1), to, limit }, (bounds) =>
    Effect.gen(function* () {
      const size = Math.min(bounds.limit, pageSize)
      if (size === 0 || bounds.from > bounds.to) return [[], Option.none()] as const
      const { text, parameters } = readStatement(schema, source, { ...bounds, limit: size, direction })
      const rows = yield* mapped(sql.unsafe<Row>(text, parameters))
      const events = rows.map(toRecorded)
      const end = events[events.length - 1]
      if (end === undefined || events.length < size) return [events, Option.none()] as const
      const left = bounds.limit - events.length
      const next =
        direction === "forward"
          ? { from: end[source.by] + 1, to: Math.min(bounds.to, Number(rows[0]!.last)), limit: left }
          : { from: bounds.from, to: end[source.by] - 1, limit: left }
      return [events, Option.some(next)] as const
    })
  )

/**
 * The events after a position that match, up to a page of them, and how far the log has been searched for them.
 */
export const searchOn = (
  sql: SqlClient,
  schema: string,
  after: number,
  query: Query | undefined
): Effect.Effect<{ readonly events: ReadonlyArray<RecordedEvent>; readonly upTo: number }, SqlError> => {
  const { text, parameters } = searchStatement(schema, after, query)
  return Effect.map(sql.unsafe<Row>(text, parameters), (rows) => {
    const events = rows.filter((row) => row.position !== null).map(toRecorded)
    const upTo =
      events.length === pageSize ? events[events.length - 1]!.position : Math.max(after, Number(rows[0]!.last))
    return { events, upTo }
  })
}
