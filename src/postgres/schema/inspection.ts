/**
 * The statements that look into the log as a whole. Nothing is made for them in the database: they are asked by people, and rarely.
 */
import { literal } from "./names.ts"

/**
 * What the log holds, as one row. $1 is how many of the last days, and $2 how many of the longest streams are asked for.
 *
 * The log is read twice: as a whole, into as few rows as still have everything, and for the names of its streams. Each stream has one event of
 * version 1, so streams are counted without them.
 */
export const statistics = (s: string): string =>
  `WITH cells AS MATERIALIZED (
  SELECT category, type, schema_version, day, count(*) AS events, count(*) FILTER (WHERE version = 1) AS streams,
    sum(bytes) AS bytes, max(bytes) AS largest
  FROM (
    SELECT split_part(stream, '-', 1) AS category, type, schema_version, (recorded_at AT TIME ZONE 'UTC')::date AS day, version,
      octet_length(data::text) + octet_length(metadata::text) AS bytes
    -- So that contents are written out once, and nobody sorts them.
    FROM ${s}.events OFFSET 0
  ) e GROUP BY category, type, schema_version, day
), longest AS (
  SELECT e.stream, count(*) AS events FROM ${s}.events e GROUP BY e.stream ORDER BY count(*) DESC, e.stream LIMIT $2::bigint
), per_category AS (
  SELECT category, sum(streams) AS streams, sum(events) AS events FROM cells GROUP BY category ORDER BY category
), per_type AS (
  SELECT type, schema_version AS "schemaVersion", sum(events) AS events, sum(bytes) AS bytes, max(largest) AS largest
  FROM cells GROUP BY type, schema_version ORDER BY type, schema_version
), per_day AS (
  SELECT CASE WHEN isfinite(day) THEN day - date '1970-01-01' END AS day, sum(events) AS events
  FROM cells GROUP BY cells.day ORDER BY cells.day DESC LIMIT $1::bigint
)
SELECT
  (SELECT coalesce(max(position), 0) FROM ${s}.events) AS head,
  (SELECT coalesce(sum(events), 0)::bigint FROM cells) AS events,
  (SELECT coalesce(sum(streams), 0)::bigint FROM cells) AS streams,
  (SELECT recorded_at FROM ${s}.events ORDER BY position LIMIT 1) AS first,
  (SELECT recorded_at FROM ${s}.events ORDER BY position DESC LIMIT 1) AS last,
  (SELECT coalesce(json_agg(c), '[]') FROM per_category c) AS categories,
  (SELECT coalesce(json_agg(t), '[]') FROM per_type t) AS types,
  (SELECT coalesce(json_agg(d), '[]') FROM per_day d) AS days,
  (SELECT coalesce(json_agg(l), '[]') FROM longest l) AS longest,
  pg_table_size(${literal(`${s}.events`)}) AS stored_events,
  pg_indexes_size(${literal(`${s}.events`)}) + pg_total_relation_size(${literal(`${s}.event_tags`)}) AS stored_indexes`

/** The place of the event with an id, $1. */
export const positionOf = (s: string): string => `SELECT position FROM ${s}.events WHERE id = $1::uuid`

/** The first position at which the time is an instant or later; where there is none, the one after the head. */
const firstAt = (s: string, instant: string): string =>
  `(WITH RECURSIVE halves (low, high) AS (
    SELECT 1::bigint, log.head + 1
    UNION ALL
    SELECT CASE WHEN e.recorded_at < ${instant} THEN e.position + 1 ELSE h.low END,
      CASE WHEN e.recorded_at < ${instant} THEN h.high ELSE h.middle END
    FROM (SELECT low, high, (low + high) / 2 AS middle FROM halves WHERE low < high) h
    LEFT JOIN LATERAL (
      SELECT o.position, o.recorded_at FROM ${s}.events o
      WHERE o.position >= h.middle AND o.position <= log.head ORDER BY o.position LIMIT 1
    ) e ON true
  ) SELECT low FROM halves WHERE low >= high)`

/** The head of the log, and the positions at which the times since $1 and until $2 begin and end. Both may be null. */
export const bounds = (s: string): string =>
  `SELECT log.head,
  CASE WHEN $1::timestamptz IS NULL THEN 1 ELSE ${firstAt(s, "$1::timestamptz")} END AS lowest,
  CASE WHEN $2::timestamptz IS NULL THEN log.head ELSE ${firstAt(s, "$2::timestamptz")} - 1 END AS highest
FROM (SELECT coalesce(max(position), 0) AS head FROM ${s}.events) log`
