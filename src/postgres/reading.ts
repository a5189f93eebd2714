/**
 * Reads, page by page: between two pages no connection is held and no snapshot is open, so a slow reader costs nobody anything.
 *
 * A page is bounded in every way: by its events, by their bytes, and by what is walked to find them.
 */
import type * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { ReadOptions, StoreError } from "../EventStore.ts"
import { all as everything, type Query, type QueryItem } from "../Query.ts"
import type { Metadata, RecordedEvent } from "../RecordedEvent.ts"
import type { StreamName } from "../StreamName.ts"
import { instantOf } from "./instant.ts"
import { quoted } from "./schema/names.ts"

/** The most events of a page. */
export const pageSize = 1000

/** The most entries of an index that one statement walks for each item of a query: positions, or the events of a tag. */
export const walkSize = 10_000

/** The most positions that one statement walks where it looks into metadata: few are found, and nobody waits for each of them. */
const searchSize = 100_000

/** The bytes with which a page ends, as the database stores them. */
const pageBytes = 8 * 1024 * 1024

/**
 * What a compressed value counts for, as nobody knows what it unfolds to before it does. JSON hardly ever comes to more; what is made
 * for it comes to 90 times with pglz and 255 times with lz4, and so a page is bounded in any case.
 */
const unfolding = 16

/** An event as a statement gives it. */
export interface Row {
  readonly position: bigint
  readonly stream: StreamName
  readonly version: bigint
  readonly id: string
  readonly type: string
  readonly schema_version: number
  readonly recorded_at: Date
  readonly tags: ReadonlyArray<string | null> | null
  readonly data: Schema.Json
  /** An object, as nothing else is ever written. */
  readonly metadata: Schema.Json
  /** Of a page that is measured: what its contents take, and whether each of them is small. */
  readonly bytes?: bigint
  readonly is_small?: boolean
  /** The last version or position there was, on the first row of a page that is read forward. */
  readonly last?: bigint | null
}

/** The row of a search that has no event. */
interface Searched {
  readonly position: null
  /** How far the log was searched. */
  readonly reach: bigint
  /** The last position there was. */
  readonly last: bigint
}

const contents = ["tags", "data", "metadata"]

/** What a content may have so that a page of such is no larger than a page may be. */
const smallBytes = Math.floor(pageBytes / pageSize / contents.length)

// Both look at a value without fetching it. They are made for speed: a page of small events must not become slower by them.
const isSmall = (column: string): string =>
  `pg_column_size(e.${column}) <= ${smallBytes} AND pg_column_compression(e.${column}) IS NULL`
const bytesOf = (column: string): string =>
  `pg_column_size(e.${column})::bigint * CASE WHEN pg_column_compression(e.${column}) IS NULL THEN 1 ELSE ${unfolding} END`

/** The columns of an event, apart from its contents. */
export const envelope = "e.position, e.stream, e.version, e.id, e.type, e.schema_version, e.recorded_at"
const nothing = `NULL::bigint AS position, NULL::text AS stream, NULL::bigint AS version, NULL::uuid AS id, NULL::text AS type,
  NULL::integer AS schema_version, NULL::timestamptz AS recorded_at, NULL::text[] AS tags, NULL::jsonb AS data, NULL::jsonb AS metadata`
/** The columns of its contents, where each of them is small. */
export const smallContents = contents.map((column) => `CASE WHEN ${isSmall(column)} THEN e.${column} END AS ${column}`)
const measuredContents = [
  ...contents.map((column) => `e.${column}`),
  `${contents.map(bytesOf).join(" + ")} AS bytes`,
  `${contents.map(isSmall).join(" AND ")} AS is_small`
]

/** A row with all its contents. */
interface WholeRow extends Row {
  readonly tags: ReadonlyArray<string | null>
}

const isMetadata = (value: Schema.Json): value is Metadata & Schema.JsonObject =>
  Predicate.isObject(value) && !Array.isArray(value)

const isText = (tag: string | null): tag is string => typeof tag === "string"

/** A class, as a literal that fills pages would be put where only a full collection clears it away, with all that it holds. */
class Recorded implements RecordedEvent {
  readonly id: string
  readonly type: string
  readonly schemaVersion: number
  readonly stream: StreamName
  readonly version: number
  readonly position: number
  readonly recordedAt: DateTime.Utc
  readonly data: Schema.Json
  readonly tags: ReadonlyArray<string>
  readonly metadata: Metadata
  constructor(row: WholeRow) {
    this.id = row.id
    this.type = row.type
    this.schemaVersion = row.schema_version
    this.stream = row.stream
    this.version = Number(row.version)
    this.position = Number(row.position)
    this.recordedAt = instantOf(row.recorded_at)
    this.data = row.data
    // A damaged row can hold what is neither: it is not to keep anybody from reading the log.
    this.tags = row.tags.every(isText) ? row.tags : row.tags.filter(isText)
    this.metadata = isMetadata(row.metadata) ? row.metadata : {}
  }
}
/** What is read: the events of a stream by version, or of the log by position. */
export type Source =
  | { readonly by: "version"; readonly stream: string }
  | {
      readonly by: "position"
      readonly query: Query | undefined
      /** Fields that the metadata has, with just these values. */
      readonly metadata?: { readonly [field: string]: Schema.Json } | undefined
    }

/** A text of SQL that numbers its parameters as they come. */
class Parameters {
  readonly values: Array<unknown> = []
  add(value: unknown, type: string): string {
    this.values.push(value)
    return `$${this.values.length}::${type}`
  }
}

/** What the metadata has to be like, as SQL. Not as `@>`, which finds what has more in it than is asked for as well. */
const metadataCondition = (metadata: { readonly [field: string]: Schema.Json }, parameters: Parameters): string =>
  Object.entries(metadata)
    .map(([field, value]) => {
      const name = parameters.add(field, "text")
      return `e.metadata -> ${name} = ${parameters.add(JSON.stringify(value), "jsonb")}`
    })
    .join(" AND ")

/** What is left to read. */
export interface Bounds {
  readonly from: number
  readonly to: number
  readonly limit: number
  readonly direction: "forward" | "backward"
  /** Whether to sum up the bytes of the page: where large events are about, for it makes a page of small ones a quarter slower. */
  readonly measured?: boolean
}

/**
 * The statement that reads one page. Measured, it ends with the event that fills the page. Otherwise the contents of large events are
 * left out, and the page is to end before the first of them.
 *
 * What a query matches is found by a function of the database, whose plans do not depend on what the planner knows of the log.
 */
export const readStatement = (
  schema: string,
  source: Source,
  { direction, from, limit, measured = false, to }: Bounds
): { readonly text: string; readonly parameters: ReadonlyArray<unknown> } => {
  const parameters = new Parameters()
  const lowest = parameters.add(from, "bigint")
  const highest = parameters.add(Math.min(to, Number.MAX_SAFE_INTEGER), "bigint")
  const most = parameters.add(Math.min(limit, pageSize), "bigint")
  const order = (table: string) => `ORDER BY ${table}.${source.by} ${direction === "forward" ? "ASC" : "DESC"}`
  const columns = [envelope, ...(measured ? measuredContents : smallContents)]
  let found: string
  const metadata = source.by === "position" ? source.metadata : undefined
  const query = source.by === "position" ? (source.query ?? (metadata && everything)) : undefined
  const condition = metadata && metadataCondition(metadata, parameters)
  const [item, ...others] = query ?? []
  const isWalked = item !== undefined && others.length === 0 && item.tags === undefined && !measured
  if (isWalked && (direction === "forward" || condition !== undefined)) {
    return walkStatement(schema, item, parameters, { lowest, highest, most, direction, condition })
  }
  if (query !== undefined) {
    const queried = parameters.add(JSON.stringify(query), "jsonb")
    // Of those that match more are looked at than fit a page, where they have to fulfil a condition as well.
    const looked = condition === undefined ? most : walkSize * query.length
    const call = `matching(${queried}, ${lowest}, ${highest}, ${looked}, ${walkSize}, ${direction === "backward"})`
    columns.push("e.reach", "e.last")
    found = `FROM ${quoted(schema)}.${call} e`
    if (condition === undefined) found += ` ${order("e")}`
    else {
      // The row without an event is the last one forward, where a full page needs none, and the first one backward.
      const rows = direction === "forward" ? most : `${most} + 1`
      found += ` WHERE e.position IS NULL OR (${condition}) ${order("e")} LIMIT ${rows}`
    }
  } else {
    const key = `e.${source.by}`
    const all = `FROM ${quoted(schema)}.events e WHERE ${source.by === "version" ? `e.stream = ${parameters.add(source.stream, "text")}` : true}`
    if (direction === "forward") {
      // On one row, as a number on each would cost as much as all the rest of the envelope. There is no gap: this is the first one.
      columns.push(`CASE WHEN ${key} = ${lowest} THEN (SELECT max(${key}) ${all}) END AS last`)
    }
    found = `${all} AND ${key} >= ${lowest} AND ${key} <= ${highest} ${order("e")} LIMIT ${most}`
  }
  const page = `SELECT ${columns.join(", ")} ${found}`
  const text = measured
    ? `SELECT * FROM (
  SELECT page.*, sum(page.bytes) OVER (${order("page")} ROWS UNBOUNDED PRECEDING) AS total FROM (${page}) page
) page
WHERE coalesce(page.total - page.bytes, 0) < ${pageBytes} ${order("page")}`
    : page
  return { text, parameters: parameters.values }
}

/** What a statement walks. */
interface Walk {
  readonly lowest: string
  readonly highest: string
  readonly most: string
  readonly direction: Bounds["direction"]
  readonly condition: string | undefined
}

/**
 * The statement for what most readers ask for: the events of some types or categories, from a position on. It walks the log by its primary
 * key, over no more positions than one statement may, and gives a row without an event that says how far.
 */
const walkStatement = (
  schema: string,
  { categories, types }: QueryItem,
  parameters: Parameters,
  { condition, direction, highest, lowest, most }: Walk
) => {
  const events = `${quoted(schema)}.events`
  const size = condition === undefined ? walkSize : searchSize
  const last = `(SELECT coalesce(max(position), 0) FROM ${events})`
  const [start, end, order] =
    direction === "forward"
      ? [lowest, `least(${highest}, ${lowest} + ${size} - 1)`, "ASC"]
      : [`greatest(${lowest}, least(${highest}, ${last}) - ${size} + 1)`, highest, "DESC"]
  const ofTypes = types === undefined ? "" : ` AND e.type = ANY (${parameters.add(types, "text[]")})`
  const ofCategories =
    categories === undefined ? "" : ` AND split_part(e.stream, '-', 1) = ANY (${parameters.add(categories, "text[]")})`
  const ofMetadata = condition === undefined ? "" : ` AND ${condition}`
  const text = `SELECT ${nothing}, ${direction === "forward" ? `least(${end}, log.last)` : start} AS reach, log.last
FROM (SELECT ${last} AS last) log
UNION ALL
(SELECT ${envelope}, ${smallContents.join(", ")}, NULL, NULL FROM ${events} e
WHERE e.position >= ${start} AND e.position <= ${end}${ofTypes}${ofCategories}${ofMetadata} ORDER BY e.position ${order} LIMIT ${most})`
  return { text, parameters: parameters.values }
}

/** What one statement has read. */
export interface Page {
  readonly events: ReadonlyArray<RecordedEvent>
  /** How far everything there is has been read with them, in the direction of the read. */
  readonly upTo: number
  /** The last version or position there was, if the statement has told. */
  readonly last: number
  /** Whether large events are about, so that the next page had better be measured. */
  readonly isLarge: boolean
}

/** That a row came with its contents. What is null may be left out as well as a null of JSON: a page that is measured will tell. */
const isWhole = (row: Row, measured: boolean): row is WholeRow =>
  measured || (row.tags !== null && row.metadata !== null && row.data !== null)

/** What the rows of a page that was asked for come to. */
export const toPage = (
  { by }: Source,
  { direction, from, limit, measured = false, to }: Bounds,
  rows: ReadonlyArray<Row | Searched>
): Page => {
  const events: Array<RecordedEvent> = []
  let reach = direction === "forward" ? to : from
  let last = Infinity
  let bytes = 0
  let isLarge = false
  let start: number | undefined
  for (const row of rows) {
    if (typeof row.last === "bigint") last = Number(row.last)
    if (row.position === null) {
      reach = Number(row.reach)
    } else if (start === undefined) {
      isLarge ||= !isWhole(row, false) || row.is_small === false
      bytes += Number(row.bytes ?? 0)
      if (isWhole(row, measured)) events.push(new Recorded(row))
      else start = direction === "forward" ? Number(row[by]) - 1 : Number(row[by]) + 1
    }
  }
  const isCut = start !== undefined || bytes >= pageBytes || events.length === Math.min(limit, pageSize)
  return { events, upTo: isCut ? (start ?? events[events.length - 1]![by]) : reach, last, isLarge }
}

/**
 * Reads one page of what is left: up to its end, or as far as one statement goes. It has no event when nothing was found so far, and when
 * the first one is large and the page was not measured.
 */
export const readPage = (
  sql: SqlClient,
  schema: string,
  source: Source,
  bounds: Bounds
): Effect.Effect<Page, SqlError> => {
  const { text, parameters } = readStatement(schema, source, bounds)
  return Effect.map(sql.unsafe<Row | Searched>(text, parameters), (rows) => toPage(source, bounds, rows))
}

/**
 * The events of a source within bounds, of those that are there when the read starts: when its first page is read, which others may do.
 */
export const read = (
  sql: SqlClient,
  schema: string,
  source: Source,
  { from = 1, to = Infinity, limit = Infinity, direction = "forward" }: ReadOptions,
  mapped: <A>(effect: Effect.Effect<A, SqlError>) => Effect.Effect<A, StoreError>,
  firstPage?: (bounds: Bounds) => Effect.Effect<Page, StoreError>
): Stream.Stream<RecordedEvent, StoreError> => {
  const all: Bounds = { from: Math.max(from, 1), to, limit, direction }
  if (limit === 0 || all.from > to) return Stream.empty
  const page = (bounds: Bounds) =>
    bounds === all && firstPage !== undefined ? firstPage(bounds) : mapped(readPage(sql, schema, source, bounds))
  return Stream.paginate(all, (bounds) =>
    Effect.map(page(bounds), ({ events, isLarge, last, upTo }) => {
      const left = { limit: bounds.limit - events.length, direction, measured: isLarge }
      const next: Bounds =
        direction === "forward"
          ? { ...left, from: upTo + 1, to: Math.min(bounds.to, last) }
          : { ...left, from: bounds.from, to: upTo - 1 }
      const isDone = next.limit === 0 || (direction === "forward" ? upTo >= next.to : upTo <= next.from)
      return [events, isDone ? Option.none() : Option.some(next)] as const
    })
  )
}
