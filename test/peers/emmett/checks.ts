/**
 * Holds what is stored against what was asked for. Each check gives what is wrong, one sentence each.
 */
import type pg from "pg"

/** What is wrong. */
export type Problems = ReadonlyArray<string>

const digits = (count: number): string => count.toLocaleString("en-US")

/** Says what something should have been, where it is not. */
export const same = (what: string, actual: number, expected: number): Problems =>
  actual === expected ? [] : [`${what}: ${digits(actual)} instead of ${digits(expected)}`]

/** The one row of a statement, of counts. */
const counts = async <const Name extends string>(
  pool: pg.Pool,
  text: string,
  parameters: ReadonlyArray<unknown> = []
): Promise<Readonly<Record<Name, number>>> => {
  const { rows } = await pool.query<Readonly<Record<Name, bigint>>>(text, [...parameters])
  const numbers = Object.entries<bigint>(rows[0] ?? {}).map(([name, count]) => [name, Number(count)])
  return Object.fromEntries(numbers)
}

/** Streams without a gap, each event with its amount and account, the heads being their last versions. */
const shapes = `WITH of_stream AS (
    SELECT stream_id, count(*) AS events, max(stream_position) AS last, min(stream_position) AS first, count(DISTINCT message_id) AS ids,
      count(*) FILTER (
        WHERE (message_data->>'amount')::bigint <> stream_position OR message_data->>'account' <> stream_id OR stream_position <> nth
      ) AS wrong
    FROM (
      SELECT *, row_number() OVER (PARTITION BY stream_id ORDER BY global_position) AS nth
      FROM emt_messages WHERE NOT is_archived AND stream_id > $1::text AND stream_id < $2::text
    ) AS e
    GROUP BY stream_id
  )
  SELECT count(*) AS streams, coalesce(sum(events), 0)::bigint AS events, coalesce(sum(ids), 0)::bigint AS ids,
    coalesce(sum(wrong), 0)::bigint AS wrong, coalesce(max(events), 0) AS longest, coalesce(min(events), 0) AS shortest,
    count(*) FILTER (WHERE first = 1 AND last = events AND stream_position = events) AS whole
  FROM of_stream LEFT JOIN emt_streams USING (stream_id)`

/** A category has so many events in so many streams, of whatever lengths: versions 1, 2, 3..., the amounts being the versions. */
export const categoryIsWhole = async (
  pool: pg.Pool,
  category: string,
  streams: number,
  events: number,
  length?: number
): Promise<Problems> => {
  const found = await counts<"streams" | "events" | "ids" | "wrong" | "longest" | "shortest" | "whole">(pool, shapes, [
    `${category}-`,
    `${category}.`
  ])
  return [
    ...same(`events of ${category}`, found.events, events),
    ...same(`streams of ${category}`, found.streams, streams),
    ...same(`streams of ${category} without a gap`, found.whole, streams),
    ...same(`ids of ${category}`, found.ids, events),
    ...same(`events of ${category} that are not what was appended`, found.wrong, 0),
    ...(length === undefined || streams === 0 ? [] : same(`longest stream of ${category}`, found.longest, length)),
    ...(length === undefined || streams === 0 ? [] : same(`shortest stream of ${category}`, found.shortest, length))
  ]
}

/** A category has so many streams of so many events each. */
export const streamsAreWhole = (pool: pg.Pool, category: string, streams: number, length: number): Promise<Problems> =>
  categoryIsWhole(pool, category, streams, streams * length, length)

/** The positions of the log are there once each. */
export const logIsWhole = async (pool: pg.Pool, atLeast: number): Promise<Problems> => {
  const { distinct, events } = await counts<"events" | "distinct">(
    pool,
    "SELECT count(*) AS events, count(DISTINCT global_position) AS distinct FROM emt_messages"
  )
  return [
    ...same("positions of the log", distinct, events),
    ...(events < atLeast ? same("events", events, atLeast) : [])
  ]
}

/** Every account has the document that its events come to, and there are no others. */
export const documentsAreRight = async (pool: pg.Pool, collection: string): Promise<Problems> => {
  const found = await counts<"accounts" | "documents" | "right" | "events" | "entries">(
    pool,
    `SELECT count(*) AS accounts, (SELECT count(*) FROM "${collection}") AS documents, sum(e.entries)::bigint AS events,
      (SELECT coalesce(sum((data->>'entries')::bigint), 0)::bigint FROM "${collection}") AS entries,
      count(*) FILTER (WHERE (d.data->>'balance')::bigint = e.balance AND (d.data->>'entries')::bigint = e.entries) AS right
    FROM (
      SELECT stream_id, sum((message_data->>'amount')::bigint) AS balance, count(*) AS entries FROM emt_messages GROUP BY 1
    ) AS e LEFT JOIN "${collection}" d ON d._id = e.stream_id`
  )
  return [
    ...same(`documents of ${collection}`, found.documents, found.accounts),
    ...same(`documents of ${collection} that are right`, found.right, found.accounts),
    ...same(`events that are in the documents of ${collection}`, found.entries, found.events)
  ]
}

/** Every event has its row in a table, and there are no others. */
export const rowsAreRight = async (pool: pg.Pool, table: string): Promise<Problems> => {
  const found = await counts<"events" | "right" | "rows">(
    pool,
    `SELECT count(*) AS events, (SELECT count(*) FROM ${table}) AS rows,
      count(*) FILTER (WHERE t.account = e.message_data->>'account' AND t.amount = (e.message_data->>'amount')::bigint) AS right
    FROM emt_messages e LEFT JOIN ${table} t ON t.position = e.global_position`
  )
  return [
    ...same(`rows of ${table}`, found.rows, found.events),
    ...same(`rows of ${table} that are right`, found.right, found.events)
  ]
}
