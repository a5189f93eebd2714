/**
 * Whether what the store needs is there: the server's version, the tables, and what its user may do.
 */
import * as Effect from "effect/Effect"
import type { SqlError } from "effect/sql/SqlError"
import { stepsOf } from "../migrate.ts"
import { literal } from "../schema/names.ts"
import { canRead, type Finding, type Look, ok, problem, row, rows, skipped, tableOid, warning } from "./Finding.ts"

const oldest = 14

export const version = (look: Look): Effect.Effect<Finding, SqlError> =>
  Effect.map(
    row<{ readonly number: number; readonly name: string }>(
      look,
      "SELECT current_setting('server_version_num')::integer AS number, current_setting('server_version') AS name"
    ),
    ({ name, number }) =>
      Math.floor(number / 10_000) < oldest
        ? problem(`PostgreSQL ${name}`, `Upgrade the server: PostgreSQL ${oldest} or later is needed`)
        : ok(`PostgreSQL ${name}${look.isEmbedded ? ", embedded" : ""}`)
  )

const isThere = (look: Look): Effect.Effect<boolean, SqlError> =>
  Effect.map(
    row<{ readonly is: boolean }>(
      look,
      `SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = ${literal(look.schema)}) AS is`
    ),
    ({ is }) => is
  )

const migrating = "Run the migrations: eventfold migrate"

export const schema = (look: Look): Effect.Effect<Finding, SqlError> =>
  Effect.gen(function* () {
    const named = `schema ${look.schema}`
    if (!(yield* isThere(look)))
      return problem(`there is no ${named}`, `${migrating}; or name another one with --schema`)
    const { has_table } = yield* row<{ readonly has_table: boolean }>(
      look,
      `SELECT ${tableOid(look, "migrations")} IS NOT NULL AS has_table`
    )
    if (has_table && !(yield* canRead(look, "migrations"))) {
      return skipped(
        `${named} is there, and this user may not see which migrations it has: that takes SELECT on its table`
      )
    }
    const { missing, there, unknown } = yield* stepsOf(look.sql, look.schema)
    if (missing.length > 0) {
      const names = missing.map(({ id, name }) => `${id} (${name})`).join(", ")
      return problem(`${named} lacks migration${missing.length === 1 ? "" : "s"} ${names}`, migrating)
    }
    if (unknown.length > 0) {
      const names = unknown.map(({ id, name }) => `${id} (${name})`).join(", ")
      return warning(
        `${named} is newer than this code: it has ${names}`,
        "Use the version of eventfold that migrated it, or a later one"
      )
    }
    return ok(`${named} is there, with all ${there.length} migrations`)
  })

const all = ["SELECT", "INSERT", "UPDATE", "DELETE"]

/** What each part of the runtime needs, as docs/storage.md has it. */
const needs: ReadonlyArray<{
  readonly to: string
  readonly tables: ReadonlyArray<string>
  readonly rights: ReadonlyArray<string>
}> = [
  { to: "read", tables: ["events", "event_tags"], rights: ["SELECT"] },
  { to: "append", tables: ["events", "event_tags"], rights: ["INSERT"] },
  { to: "append", tables: ["inline_types"], rights: ["SELECT"] },
  { to: "load snapshots", tables: ["snapshots"], rights: ["SELECT"] },
  { to: "save snapshots", tables: ["snapshots"], rights: ["INSERT", "UPDATE", "DELETE"] },
  {
    to: "run projections",
    tables: [
      "projection_generations",
      "projection_partitions",
      "projection_asked_for",
      "projection_documents",
      "projection_parked",
      "projection_skipped"
    ],
    rights: all
  },
  { to: "make inline projections live", tables: ["inline_types"], rights: ["INSERT", "UPDATE", "DELETE"] },
  { to: "append in REPEATABLE READ or SERIALIZABLE transactions", tables: ["inline_types"], rights: ["UPDATE"] },
  { to: "run processes", tables: ["process_instances", "process_steps", "process_requests"], rights: all }
]

const allNeeds = needs.flatMap(({ rights, tables, to }) =>
  tables.flatMap((table) => rights.map((right) => ({ to, table, right })))
)

export const rights = (look: Look): Effect.Effect<Finding, SqlError> =>
  Effect.gen(function* () {
    if (look.isEmbedded) return skipped("an embedded store has one user")
    if (!(yield* isThere(look))) return skipped("there is no schema yet")
    const { can_use, user } = yield* row<{ readonly can_use: boolean; readonly user: string }>(
      look,
      `SELECT has_schema_privilege(${literal(look.schema)}, 'USAGE') AS can_use, current_user::text AS user`
    )
    const grants = `Let the owner grant it; docs/storage.md has the statements, under "Rights"`
    if (!can_use) return problem(`${user} may not use the schema ${look.schema}`, grants)
    const missing = yield* rows<{ readonly to: string; readonly table: string; readonly right: string }>(
      look,
      `SELECT need.to, need.table, need.right
FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS need ("to", "table", "right", n)
JOIN pg_class c ON c.relname = need.table
JOIN pg_namespace s ON s.oid = c.relnamespace AND s.nspname = ${literal(look.schema)}
WHERE NOT has_table_privilege(c.oid, need.right)
ORDER BY need.n`,
      [allNeeds.map(({ to }) => to), allNeeds.map(({ table }) => table), allNeeds.map(({ right }) => right)]
    )
    if (missing.length === 0) return ok(`${user} may read, append, and run projections and processes`)
    const lacking = Array.from(
      Map.groupBy(missing, ({ to }) => to),
      ([to, its]) => {
        const what = Array.from(
          Map.groupBy(its, ({ table }) => table),
          ([table, some]) => {
            return `${some.map(({ right }) => right).join(", ")} on ${table}`
          }
        )
        return `${to} (${what.join("; ")})`
      }
    )
    const found = `${user} may not ${lacking.join("; ")}`
    return missing.some(({ to }) => to === "read")
      ? problem(found, grants)
      : warning(found, `${grants}. If the user is not meant to do that, all is well`)
  })
