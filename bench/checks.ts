/**
 * What must be true after a measurement: figures of a store that lost or doubled something are worth nothing.
 */
import type { PgClient } from "@effect/sql-pg"
import { Data, Effect, Equal } from "effect"
import type { SqlError } from "effect/sql/SqlError"

/** Something that was measured did not do its work. */
export class CheckFailed extends Data.TaggedError("CheckFailed")<{ readonly message: string }> {}

/** That something is as it must be. */
export const same = (what: string, actual: unknown, expected: unknown): Effect.Effect<void, CheckFailed> =>
  Equal.equals(actual, expected)
    ? Effect.void
    : Effect.fail(new CheckFailed({ message: `${what}: expected ${String(expected)}, is ${String(actual)}` }))

/** Some streams of a category that were written, and how many events each has. */
export interface Written {
  readonly category: string
  readonly streams: number
  readonly each: number
}

/** That a table has every stream whole: its versions are 1, 2, 3... up to the last, and there is nothing else in the category. */
export const streamsAreWhole = (
  sql: PgClient.PgClient,
  table: string,
  { category, each, streams }: Written
): Effect.Effect<void, CheckFailed | SqlError> =>
  Effect.gen(function* () {
    const [row] = yield* sql.unsafe<{ readonly streams: number; readonly whole: number; readonly events: number }>(
      `SELECT count(*)::int AS streams, coalesce(sum(events), 0)::int AS events,
        count(*) FILTER (WHERE events = $3::int AND first = 1 AND last = events)::int AS whole
      FROM (
        SELECT count(DISTINCT version) AS events, min(version) AS first, max(version) AS last
        FROM ${table} WHERE stream > $1 AND stream < $2 GROUP BY stream
      ) AS of_stream`,
      [`${category}-`, `${category}.`, each]
    )
    yield* same(`streams of ${category} in ${table}`, row?.streams, streams)
    yield* same(`streams of ${category} that are whole in ${table}`, row?.whole, streams)
    yield* same(`events of ${category} in ${table}`, row?.events, streams * each)
  })

/** That a log has positions 1, 2, 3... up to its head, and time runs forward along them. */
export const logIsContiguous = (
  sql: PgClient.PgClient,
  table: string,
  head: number
): Effect.Effect<void, CheckFailed | SqlError> =>
  Effect.gen(function* () {
    const [row] = yield* sql.unsafe<{ readonly events: number; readonly last: number; readonly back: number }>(
      `SELECT count(DISTINCT position)::int AS events, max(position)::int AS last,
        count(*) FILTER (WHERE recorded_at < before)::int AS back
      FROM (SELECT position, recorded_at, lag(recorded_at) OVER (ORDER BY position) AS before FROM ${table}) AS log`
    )
    yield* same(`events in ${table}`, row?.events, head)
    yield* same(`the last position in ${table}`, row?.last, head)
    yield* same(`events recorded before the one before them in ${table}`, row?.back, 0)
  })

/** That two tables hold the same events of a category, positions and times aside. */
export const tablesAgree = (
  sql: PgClient.PgClient,
  one: string,
  other: string,
  { category, each, streams }: Written
): Effect.Effect<void, CheckFailed | SqlError> =>
  Effect.gen(function* () {
    const [row] = yield* sql.unsafe<{ readonly agreeing: number }>(
      `SELECT count(*)::int AS agreeing
      FROM ${one} a JOIN ${other} b USING (id, stream, version, type, schema_version, tags, data, metadata)
      WHERE a.stream > $1 AND a.stream < $2`,
      [`${category}-`, `${category}.`]
    )
    yield* same(`events of ${category} alike in ${one} and ${other}`, row?.agreeing, streams * each)
  })
