/**
 * What goes on in a server: clocks, transactions, locks, connections, replication.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { SqlError } from "effect/sql/SqlError"
import { logLock } from "../schema/names.ts"
import {
  ageOf,
  countOf,
  embedded,
  type Finding,
  type Look,
  ok,
  problem,
  row,
  rows,
  sizeOf,
  warning
} from "./Finding.ts"

/** Whether it is a primary, and lets its user write. */
export const role = (look: Look): Effect.Effect<Finding, SqlError> =>
  Effect.gen(function* () {
    const { behind, is_standby, reads_only } = yield* row<{
      readonly is_standby: boolean
      readonly reads_only: boolean
      readonly behind: number | null
    }>(
      look,
      `SELECT pg_is_in_recovery() AS is_standby,
  current_setting('default_transaction_read_only')::boolean AS reads_only,
  extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::double precision AS behind`
    )
    if (is_standby) {
      const last = behind === null ? "" : `; the last transaction that it has replayed is ${ageOf(behind)} old`
      return warning(`a standby, which only reads${last}`, "To append, run projections or migrate, use the primary")
    }
    return reads_only
      ? warning("transactions only read by default", "default_transaction_read_only is on: turn it off to append")
      : ok(look.isEmbedded ? "it can be written to" : "a primary, which can be written to")
  })

/** From where on two clocks differ by too much, in milliseconds. */
const skewed = 1000
const wrong = 30_000

export const clock = (look: Look): Effect.Effect<Finding, SqlError> =>
  Effect.gen(function* () {
    if (look.isEmbedded) return embedded
    const before = yield* Clock.currentTimeMillis
    const { at } = yield* row<{ readonly at: number }>(
      look,
      "SELECT extract(epoch FROM clock_timestamp())::double precision * 1000 AS at"
    )
    const after = yield* Clock.currentTimeMillis
    const skew = Math.round(at - (before + after) / 2)
    const unsure = Math.ceil((after - before) / 2)
    const least = Math.max(0, Math.abs(skew) - unsure)
    const found = `the server's is ${Math.abs(skew)} ms ${skew < 0 ? "behind" : "ahead of"} the one here, give or take ${unsure} ms`
    if (least < skewed) return ok(found)
    const advice =
      "Have both follow a time server: events are recorded by the server's clock, and timers go by the application's"
    return least < wrong ? warning(found, advice) : problem(found, advice)
  })

interface Session {
  readonly pid: number
  readonly who: string
  readonly state: string
  readonly seconds: number
}

const sessionsText = (all: ReadonlyArray<Session>): string =>
  all
    .slice(0, 3)
    .map(({ pid, seconds, state, who }) => `${who} (pid ${pid}) is ${state} for ${ageOf(seconds)}`)
    .concat(all.length > 3 ? [`${all.length - 3} others`] : [])
    .join("; ")

export const transactions = (look: Look): Effect.Effect<Finding, SqlError> =>
  Effect.gen(function* () {
    if (look.isEmbedded) return embedded
    const long = yield* rows<Session>(
      look,
      `SELECT pid, coalesce(nullif(application_name, ''), usename::text, '?') AS who,
  CASE WHEN state LIKE 'idle in transaction%' THEN 'idle in a transaction' ELSE 'in a transaction' END AS state,
  extract(epoch FROM clock_timestamp() - xact_start)::double precision AS seconds
FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
  AND (xact_start < clock_timestamp() - interval '5 minutes'
    OR state LIKE 'idle in transaction%' AND state_change < clock_timestamp() - interval '10 seconds')
ORDER BY xact_start`
    )
    const prepared = yield* row<{ readonly count: bigint; readonly seconds: number | null }>(
      look,
      `SELECT count(*) AS count, extract(epoch FROM clock_timestamp() - min(prepared))::double precision AS seconds
FROM pg_prepared_xacts WHERE database = current_database() AND prepared < clock_timestamp() - interval '1 minute'`
    )
    const { sees_all } = yield* row<{ readonly sees_all: boolean }>(
      look,
      "SELECT pg_has_role('pg_read_all_stats', 'USAGE') AS sees_all"
    )
    const found = [
      ...(long.length === 0 ? [] : [sessionsText(long)]),
      ...(prepared.count === 0n
        ? []
        : [
            `${countOf(Number(prepared.count))} prepared and not committed, the oldest for ${ageOf(prepared.seconds ?? 0)}`
          ])
    ]
    if (found.length === 0) return ok(`none is long or forgotten${sees_all ? "" : ", of those that this user may see"}`)
    const advice =
      "They keep vacuum from its work, and where they have appended, every other append: end them (pg_terminate_backend), " +
      "and set idle_in_transaction_session_timeout"
    return warning(found.join("; "), advice)
  })

/** From where on who waits for the lock of the log waits for too long, in seconds. */
const patience = 5

export const lock = (look: Look): Effect.Effect<Finding, SqlError> =>
  Effect.gen(function* () {
    if (look.isEmbedded) return embedded
    const found = yield* rows<Session & { readonly granted: boolean; readonly waits: number | null }>(
      look,
      `WITH the AS (SELECT ${logLock(look.schema)} AS key)
SELECT l.pid, l.granted, coalesce(nullif(a.application_name, ''), a.usename::text, '?') AS who,
  coalesce(a.state, 'busy') AS state,
  coalesce(extract(epoch FROM clock_timestamp() - a.xact_start), 0)::double precision AS seconds,
  extract(epoch FROM clock_timestamp() - l.waitstart)::double precision AS waits
FROM the, pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'advisory' AND l.objsubid = 1
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND l.classid = ((the.key >> 32) & 4294967295)::oid AND l.objid = (the.key & 4294967295)::oid
ORDER BY l.granted DESC, waits DESC NULLS LAST`
    )
    const waiting = found.filter(({ granted }) => !granted)
    const holders = found.filter(({ granted }) => granted)
    const longest = Math.max(0, ...waiting.map(({ waits }) => waits ?? 0))
    if (waiting.length === 0 && holders.every(({ seconds }) => seconds < patience)) return ok("nobody waits for it")
    const held = holders
      .map(({ pid, seconds, state, who }) => `${who} (pid ${pid}, ${state}) has held it for ${ageOf(seconds)} at most`)
      .join("; ")
    const said = [
      ...(held === "" ? [] : [held]),
      `${countOf(waiting.length)} wait for it, the longest for ${ageOf(longest)}`
    ]
    const advice =
      "Appends wait for who holds it: keep transactions that append short, or end it (pg_terminate_backend)"
    if (longest >= patience) return problem(said.join("; "), advice)
    return holders.some(({ seconds }) => seconds >= patience) ? warning(said.join("; "), advice) : ok(said.join("; "))
  })

export const connections = (look: Look): Effect.Effect<Finding, SqlError> =>
  Effect.gen(function* () {
    if (look.isEmbedded) return embedded
    const { most, used } = yield* row<{ readonly most: number; readonly used: bigint }>(
      look,
      `SELECT current_setting('max_connections')::integer AS most, (SELECT sum(numbackends)::bigint FROM pg_stat_database) AS used`
    )
    const part = Number(used) / most
    const found = `${used} of ${most} are in use`
    if (part < 0.8) return ok(found)
    const advice = "Make the pools of applications smaller, raise max_connections, or put a pooler in between"
    return part < 0.95 ? warning(found, advice) : problem(found, advice)
  })

/** What a slot may hold back before it is worth a word: 1 GiB. */
const muchWal = 1024 ** 3

export const replication = (look: Look): Effect.Effect<Finding, SqlError> =>
  Effect.gen(function* () {
    if (look.isEmbedded) return embedded
    const here = "CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() ELSE pg_current_wal_lsn() END"
    const slots = yield* rows<{ readonly name: string; readonly active: boolean; readonly behind: number }>(
      look,
      `SELECT slot_name::text AS name, active, coalesce(pg_wal_lsn_diff(${here}, restart_lsn), 0)::double precision AS behind
FROM pg_replication_slots ORDER BY behind DESC`
    )
    const standbys = yield* rows<{
      readonly name: string
      readonly state: string | null
      readonly seconds: number | null
    }>(
      look,
      `SELECT coalesce(nullif(application_name, ''), pid::text) AS name, state,
  extract(epoch FROM replay_lag)::double precision AS seconds
FROM pg_stat_replication ORDER BY replay_lag DESC NULLS LAST`
    )
    const forgotten = slots.filter(({ active, behind }) => !active && behind > muchWal)
    const late = standbys.filter(({ seconds }) => (seconds ?? 0) > 30)
    const said = [
      ...late.map(({ name, seconds }) => `standby ${name} is ${ageOf(seconds ?? 0)} behind`),
      ...forgotten.map(({ behind, name }) => `nobody reads the slot ${name}, which keeps ${sizeOf(behind)} of WAL`)
    ]
    if (said.length > 0) {
      return warning(
        said.join("; "),
        "A standby that is behind shows old events; a slot that nobody reads fills the disk: drop it"
      )
    }
    const counts = `${standbys.length} standby${standbys.length === 1 ? "" : "s"}, ${slots.length} slot${slots.length === 1 ? "" : "s"}`
    return ok(standbys.length + slots.length === 0 ? "there are no standbys" : `${counts}, none far behind`)
  })
