/**
 * Holds what is stored against what was asked for. Each check gives what is wrong, one sentence each.
 */
import { PgClient } from "@effect/sql-pg"
import { Effect } from "effect"
import type { SqlError } from "effect/sql/SqlError"

/** What is wrong. */
export type Problems = ReadonlyArray<string>

type Check = Effect.Effect<Problems, SqlError, PgClient.PgClient>

/** Says what something should have been, where it is not. */
export const same = (what: string, actual: number, expected: number): Problems =>
  actual === expected
    ? []
    : [`${what}: ${actual.toLocaleString("en-US")} instead of ${expected.toLocaleString("en-US")}`]

/** The one row of a statement, of counts. */
const counts = <const Name extends string>(
  text: string,
  parameters: ReadonlyArray<unknown> = []
): Effect.Effect<Readonly<Record<Name, number>>, SqlError, PgClient.PgClient> =>
  Effect.gen(function* () {
    const sql = yield* PgClient.PgClient
    const [row] = yield* sql.unsafe<Readonly<Record<Name, bigint>>>(text, parameters)
    const numbers = Object.entries<bigint>(row ?? {}).map(([name, count]) => [name, Number(count)])
    return Object.fromEntries(numbers)
  })

/** All problems that some checks find. */
export const all = <E, R>(checks: ReadonlyArray<Effect.Effect<Problems, E, R>>): Effect.Effect<Problems, E, R> =>
  Effect.map(Effect.all(checks), (found) => found.flat())

/** The log has the positions 1, 2, 3... up to its end, and its times never go back. */
export const logIsWhole: Check = Effect.map(
  counts<"events" | "distinct" | "last" | "back">(
    `SELECT count(*) AS events, count(DISTINCT position) AS distinct, coalesce(max(position), 0) AS last,
      count(*) FILTER (WHERE recorded_at < before) AS back
    FROM (SELECT position, recorded_at, lag(recorded_at) OVER (ORDER BY position) AS before FROM eventfold.events) AS log`
  ),
  ({ back, distinct, events, last }) => [
    ...same("positions of the log", distinct, events),
    ...same("the last position", last, events),
    ...same("events recorded before the one before them", back, 0)
  ]
)

/**
 * A category has so many streams of so many events each: versions 1, 2, 3... in the order of the log, each with its amount, its account,
 * and data and metadata of their sizes. Nothing is there twice.
 */
export const streamsAreWhole = (category: string, streams: number, length: number): Check =>
  Effect.map(
    counts<"streams" | "whole" | "events" | "wrong" | "distinct">(
      `SELECT count(*) AS streams, coalesce(sum(events), 0)::bigint AS events, coalesce(sum(ids), 0)::bigint AS distinct,
        count(*) FILTER (WHERE events = $3::bigint AND versions = events AND first = 1 AND last = events) AS whole,
        coalesce(sum(wrong), 0)::bigint AS wrong
      FROM (
        SELECT stream, count(*) AS events, count(DISTINCT version) AS versions, count(DISTINCT id) AS ids, min(version) AS first, max(version) AS last,
          count(*) FILTER (WHERE (data->>'amount')::bigint <> version OR data->>'account' <> stream OR version <> nth) AS wrong
        FROM (
          SELECT *, row_number() OVER (PARTITION BY stream ORDER BY position) AS nth
          FROM eventfold.events WHERE stream > $1::text AND stream < $2::text
        ) AS e
        GROUP BY stream
      ) AS of_stream`,
      [`${category}-`, `${category}.`, length]
    ),
    (found) => [
      ...same(`events of ${category}`, found.events, streams * length),
      ...same(`streams of ${category}`, found.streams, streams),
      ...same(`streams of ${category} that are whole`, found.whole, streams),
      ...same(`ids of ${category}`, found.distinct, streams * length),
      ...same(`events of ${category} that are not what was appended`, found.wrong, 0)
    ]
  )

/** A category has so many events, in streams with versions 1, 2, 3... of whatever lengths, the amounts being the versions. */
export const categoryIsWhole = (category: string, streams: number, events: number): Check =>
  Effect.map(
    counts<"streams" | "events" | "whole" | "wrong">(
      `SELECT count(*) AS streams, coalesce(sum(events), 0)::bigint AS events, coalesce(sum(wrong), 0)::bigint AS wrong,
        count(*) FILTER (WHERE versions = events AND first = 1 AND last = events) AS whole
      FROM (
        SELECT count(*) AS events, count(DISTINCT version) AS versions, min(version) AS first, max(version) AS last,
          count(*) FILTER (WHERE (data->>'amount')::bigint <> version OR data->>'account' <> stream) AS wrong
        FROM eventfold.events WHERE stream > $1::text AND stream < $2::text GROUP BY stream
      ) AS of_stream`,
      [`${category}-`, `${category}.`]
    ),
    (found) => [
      ...same(`events of ${category}`, found.events, events),
      ...same(`streams of ${category}`, found.streams, streams),
      ...same(`streams of ${category} without a gap`, found.whole, streams),
      ...same(`events of ${category} that are not what was appended`, found.wrong, 0)
    ]
  )

/** Every account has the document of a projection that its events come to, and there are no others. */
export const documentsAreRight = (projection: string): Check =>
  Effect.map(
    counts<"accounts" | "right" | "documents">(
      `WITH kept AS (
        SELECT d.key, d.document FROM eventfold.projection_documents d
        JOIN eventfold.projection_generations g ON g.id = d.generation WHERE g.name = $1::text AND g.role = 'live'
      )
      SELECT count(*) AS accounts, (SELECT count(*) FROM kept) AS documents,
        count(*) FILTER (WHERE kept.document = jsonb_build_object('balance', e.balance, 'entries', e.entries)) AS right
      FROM (
        SELECT data->>'account' AS account, sum((data->>'amount')::bigint) AS balance, count(*) AS entries
        FROM eventfold.events GROUP BY 1
      ) AS e LEFT JOIN kept ON kept.key = e.account`,
      [projection]
    ),
    ({ accounts, documents, right }) => [
      ...same(`documents of ${projection}`, documents, accounts),
      ...same(`documents of ${projection} that are right`, right, accounts)
    ]
  )

/** Every event has its row in a table, and there are no others. */
export const rowsAreRight = (table: string): Check =>
  Effect.map(
    counts<"events" | "right" | "rows">(
      `SELECT count(*) AS events, (SELECT count(*) FROM ${table}) AS rows,
        count(*) FILTER (WHERE l.account = e.data->>'account' AND l.amount = (e.data->>'amount')::bigint) AS right
      FROM eventfold.events e LEFT JOIN ${table} l USING (position)`
    ),
    ({ events, right, rows }) => [
      ...same(`rows of ${table}`, rows, events),
      ...same(`rows of ${table} that are right`, right, events)
    ]
  )
