/**
 * How much there is, how fast it grows, and whether the server keeps it in order.
 */
import * as Effect from "effect/Effect"
import type { SqlError } from "effect/sql/SqlError"
import { literal, quoted } from "../schema/names.ts"
import {
  canRead,
  countOf,
  type Finding,
  type Look,
  ok,
  problem,
  row,
  rows,
  sizeOf,
  skipped,
  warning
} from "./Finding.ts"

/** Of fewer events the empty pages weigh more than what is in the others. */
const fewest = 1000

/** Over how many days growth is measured. */
const days = 7

/**
 * The first position that was recorded in the last days, by halving: positions and times grow together, and there is no index on times.
 */
const sincePosition = (schema: string): string => `WITH RECURSIVE bounds AS (
  SELECT 0::bigint AS low, coalesce(max(position), 0) + 1 AS high FROM ${quoted(schema)}.events
), halving (low, high) AS (
  SELECT low, high FROM bounds
  UNION ALL
  SELECT CASE WHEN e.recorded_at < now() - interval '${days} days' THEN (h.low + h.high) / 2 ELSE h.low END,
    CASE WHEN e.recorded_at < now() - interval '${days} days' THEN h.high ELSE (h.low + h.high) / 2 END
  FROM halving h JOIN ${quoted(schema)}.events e ON e.position = (h.low + h.high) / 2
  WHERE h.high - h.low > 1
)
SELECT (SELECT high - 1 FROM bounds) AS head, (SELECT min(high) FROM halving) AS since,
  extract(epoch FROM now() - (SELECT recorded_at FROM ${quoted(schema)}.events WHERE position = 1))::double precision / 86400 AS age`

export const size = (look: Look): Effect.Effect<Finding, SqlError> =>
  Effect.gen(function* () {
    const { all, indexes, log } = yield* row<{
      readonly all: number | null
      readonly log: number | null
      readonly indexes: number | null
    }>(
      look,
      `SELECT sum(pg_total_relation_size(c.oid))::double precision AS all,
  (sum(pg_total_relation_size(c.oid)) FILTER (WHERE c.relname IN ('events', 'event_tags')))::double precision AS log,
  (sum(pg_indexes_size(c.oid)))::double precision AS indexes
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ${literal(look.schema)} AND c.relkind IN ('r', 'm')`
    )
    if (all === null) return skipped("there is nothing yet")
    const total = `${sizeOf(all)}, of which indexes are ${sizeOf(indexes ?? 0)}`
    if (!(yield* canRead(look, "events"))) return ok(`${total}; this user may not see how many events there are`)
    const { age, head, since } = yield* row<{
      readonly head: bigint
      readonly since: bigint
      readonly age: number | null
    }>(look, sincePosition(look.schema))
    const events = Number(head)
    if (events < fewest || log === null) return ok(`${total}; ${countOf(events)} events, too few to tell how it grows`)
    const each = log / events
    // A log that is younger than that has grown for so long only, and one of an hour says nothing of a day.
    const measured = Math.min(days, Math.max(1, age ?? days))
    const daily = (events - Number(since) + 1) / measured
    const grows =
      daily === 0
        ? `none in the last ${days} days`
        : `about ${countOf(daily)} a day lately, which is ${sizeOf(daily * 30 * each)} a month`
    return ok(`${total}; ${countOf(events)} events of ${sizeOf(each)} each, ${grows}`)
  })

/** When a counter of transactions is at risk of wrapping around: then the server stops to write. */
const oldTransactions = 1_000_000_000
const veryOldTransactions = 1_700_000_000

export const vacuum = (look: Look): Effect.Effect<Finding, SqlError> =>
  Effect.gen(function* () {
    const { age, autovacuum, counts } = yield* row<{
      readonly autovacuum: boolean
      readonly counts: boolean
      readonly age: number
    }>(
      look,
      `SELECT current_setting('autovacuum')::boolean AS autovacuum, current_setting('track_counts')::boolean AS counts,
  age(datfrozenxid) AS age FROM pg_database WHERE datname = current_database()`
    )
    const tables = yield* rows<{
      readonly name: string
      readonly live: bigint
      readonly dead: bigint
      readonly analyzed: boolean
    }>(
      look,
      `SELECT relname::text AS name, n_live_tup AS live, n_dead_tup AS dead,
  coalesce(last_analyze, last_autoanalyze) IS NOT NULL AS analyzed
FROM pg_stat_user_tables WHERE schemaname = ${literal(look.schema)} ORDER BY n_dead_tup DESC`
    )
    const off = yield* rows<{ readonly name: string }>(
      look,
      `SELECT c.relname::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ${literal(look.schema)} AND c.reloptions && ARRAY['autovacuum_enabled=false', 'autovacuum_enabled=off']`
    )
    if (age > veryOldTransactions) {
      return problem(
        `the oldest transaction is ${countOf(age)} back: at 2,147,483,648 the server stops to write`,
        "Run VACUUM in this database at once, and see what keeps autovacuum from it: old transactions, replication slots"
      )
    }
    const bloated = tables.filter(({ dead, live }) => dead > 10_000n && dead > live)
    const unknown = tables.filter(({ analyzed, live }) => !analyzed && live > 50_000n)
    // There are no background workers in an embedded store.
    const isOff = !look.isEmbedded && !(autovacuum && counts)
    const said = [
      ...(isOff ? [`autovacuum does not run: ${autovacuum ? "track_counts" : "autovacuum"} is off`] : []),
      ...(off.length > 0 ? [`autovacuum is off for ${off.map(({ name }) => name).join(", ")}`] : []),
      ...(age > oldTransactions ? [`the oldest transaction is ${countOf(age)} back`] : []),
      ...bloated.map(
        ({ dead, live, name }) => `${name} has ${countOf(Number(dead))} dead rows beside ${countOf(Number(live))}`
      ),
      ...(unknown.length > 0 ? [`there are no statistics of ${unknown.map(({ name }) => name).join(", ")}`] : [])
    ]
    if (said.length === 0) return ok(tables.length === 0 ? "there are no tables yet" : "tables are in order")
    const advice = `Turn autovacuum on, or run VACUUM (ANALYZE) on the tables of ${look.schema} from time to time`
    return warning(said.join("; "), advice)
  })
