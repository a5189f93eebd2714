/**
 * Whether what is stored is safe: from change, and from a crash.
 */
import * as Effect from "effect/Effect"
import type { SqlError } from "effect/sql/SqlError"
import { literal } from "../schema/names.ts"
import { type Finding, type Look, ok, problem, rows, skipped, tableOid } from "./Finding.ts"

const immutableTables = ["events", "event_tags"]

export const immutability = (look: Look): Effect.Effect<Finding, SqlError> =>
  Effect.gen(function* () {
    const found = yield* rows<{ readonly table: string; readonly is_there: boolean; readonly is_guarded: boolean }>(
      look,
      immutableTables
        .map(
          (
            table,
            index
          ) => `SELECT ${index} AS n, ${literal(table)} AS "table", ${tableOid(look, table)} IS NOT NULL AS is_there,
  EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = ${tableOid(look, table)} AND t.tgname = 'immutable' AND t.tgenabled IN ('O', 'A'))
  AS is_guarded`
        )
        .join("\nUNION ALL\n")
    )
    if (found.every(({ is_there }) => !is_there)) return skipped("there is no log yet")
    const open = found.filter(({ is_guarded, is_there }) => is_there && !is_guarded).map(({ table }) => table)
    return open.length === 0
      ? ok("UPDATE, DELETE and TRUNCATE of events are refused")
      : problem(
          `the trigger that refuses changes is missing or disabled on ${open.join(" and ")}`,
          "Who took it away can change what was recorded: enable it, or make it again as `eventfold migrate --print` has it"
        )
  })

/** Settings that put at risk what was acknowledged, what is wrong with them, and what to do. */
const risky: ReadonlyArray<readonly [name: string, value: string, why: string]> = [
  ["fsync", "off", "a crash of the machine may destroy the database"],
  ["full_page_writes", "off", "a crash of the machine may damage pages"],
  ["synchronous_commit", "off", "a crash of the server may lose what it has acknowledged"],
  ["zero_damaged_pages", "on", "damaged pages are emptied in silence"],
  ["ignore_checksum_failure", "on", "damage is read as if it were data"],
  ["session_replication_role", "replica", "the triggers that refuse changes do not run"]
]

/** What PostgreSQL takes for on and off. */
const valuesOf = (value: string): ReadonlyArray<string> =>
  value === "off" ? ["off", "false", "no", "0"] : value === "on" ? ["on", "true", "yes", "1"] : [value]

export const settings = (look: Look): Effect.Effect<Finding, SqlError> =>
  Effect.gen(function* () {
    const names = risky.map(([name]) => name)
    const here = yield* rows<{ readonly name: string; readonly value: string; readonly source: string }>(
      look,
      `SELECT name, setting AS value, source FROM pg_settings WHERE name = ANY ($1::text[])`,
      [names]
    )
    // What others have set for themselves: of a role, of a database, or of both. It is name=value.
    const set = yield* rows<{ readonly entry: string; readonly of: string }>(
      look,
      `SELECT entry, concat_ws(' in ', CASE WHEN s.setrole <> 0 THEN 'role ' || coalesce(r.rolname, '?') END,
  CASE WHEN s.setdatabase <> 0 THEN 'database ' || d.datname END) AS of
FROM pg_db_role_setting s
CROSS JOIN unnest(s.setconfig) AS entry
LEFT JOIN pg_roles r ON r.oid = s.setrole
LEFT JOIN pg_database d ON d.oid = s.setdatabase
WHERE (s.setdatabase = 0 OR d.datname = current_database()) AND split_part(entry, '=', 1) = ANY ($1::text[])`,
      [names]
    )
    const wrong = risky.flatMap(([name, value, why]) => {
      const is = here.find((one) => one.name === name)
      const bad = valuesOf(value)
      if (is !== undefined && bad.includes(is.value))
        return [{ name, said: `${name} is ${is.value} (${is.source}): ${why}` }]
      return set
        .filter(({ entry }) => bad.some((value) => entry === `${name}=${value}`))
        .map(({ entry, of }) => ({ name, said: `${entry} for ${of}: ${why}` }))
    })
    // Its file system is written to by this process, and an embedded database never waits for it.
    const counting = look.isEmbedded ? wrong.filter(({ name }) => name !== "fsync") : wrong
    return counting.length === 0
      ? ok("none puts at risk what was acknowledged")
      : problem(counting.map(({ said }) => said).join("; "), "Put them back to their defaults")
  })
