/**
 * A look at the health of a log's database: what may keep it from working, or put what is stored at risk. It only reads, and takes no lock
 * that anybody waits for.
 *
 * Each check stands for itself. What its user may not see, a check leaves out and says so.
 */
import type { PgClient } from "@effect/sql-pg/PgClient"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { SqlError } from "effect/sql/SqlError"
import * as Activity from "./doctor/activity.ts"
import type { Finding, Look } from "./doctor/Finding.ts"
import * as Installation from "./doctor/installation.ts"
import * as Safety from "./doctor/safety.ts"
import * as Storage from "./doctor/storage.ts"
import { codeOf } from "./projections/access.ts"
import { fromSqlError } from "./sqlErrors.ts"

export type { Finding }

/** What was looked at, and what was found. */
export interface Check extends Finding {
  readonly name: string
}

type Find = (look: Look) => Effect.Effect<Finding, SqlError>

/** In the order in which somebody reads them: what is at the bottom of other findings comes first. */
const checks: ReadonlyArray<readonly [name: string, find: Find]> = [
  ["version", Installation.version],
  ["role", Activity.role],
  ["schema", Installation.schema],
  ["rights", Installation.rights],
  ["immutability", Safety.immutability],
  ["settings", Safety.settings],
  ["clock", Activity.clock],
  ["transactions", Activity.transactions],
  ["lock of the log", Activity.lock],
  ["connections", Activity.connections],
  ["replication", Activity.replication],
  ["size", Storage.size],
  ["vacuum", Storage.vacuum]
]

const skipped = (found: string): Finding => ({ status: "skipped", found, advice: undefined })

/** How long a check may take: somebody may hold a lock that it waits for. */
const patience = Duration.seconds(10)

const run = (look: Look, find: Find): Effect.Effect<Finding> =>
  find(look).pipe(
    Effect.timeoutOption(patience),
    Effect.map(
      Option.getOrElse((): Finding => ({
        status: "problem",
        found: `no answer within ${Duration.format(patience)}`,
        advice: "Somebody may hold a lock, or the server is overloaded: look at pg_stat_activity"
      }))
    ),
    Effect.catch((error) => {
      const { problem, reason } = fromSqlError(error)
      if (reason === "AccessDenied") return Effect.succeed(skipped(`this user may not see it: ${problem}`))
      return Effect.succeed<Finding>({ status: "problem", found: `it cannot be told: ${problem}`, advice: undefined })
    })
  )

/** What to do where the server cannot be reached. */
const adviceOf = (error: SqlError): string => {
  const code = codeOf(error) ?? ""
  if (code.startsWith("28")) return "Check user and password in the URL, and the server's pg_hba.conf"
  if (code === "3D000") return "Create the database, or correct its name in the URL"
  if (code === "53300") return "The server has no connection left: close some, or raise max_connections"
  return "Check host, port and network, whether the server runs, and whether it wants sslmode"
}

/**
 * Looks at a database, in the schema of a log. Where it cannot be reached, all but the first check are skipped.
 */
export const examine = (
  sql: PgClient,
  { name, schema }: { readonly name: string; readonly schema: string }
): Effect.Effect<ReadonlyArray<Check>> =>
  Effect.gen(function* () {
    const started = yield* Clock.currentTimeMillis
    const connected = sql.unsafe<{ readonly version: string; readonly user: string }>(
      "SELECT version() AS version, current_user::text AS user"
    )
    const first = yield* connected.pipe(Effect.timeoutOption(patience), Effect.result)
    if (first._tag === "Failure") {
      const { problem } = fromSqlError(first.failure)
      return unreachable(problem, adviceOf(first.failure))
    }
    const [row] = Option.getOrElse(first.success, () => [])
    if (row === undefined) {
      return unreachable(
        `no answer within ${Duration.format(patience)}`,
        "Check the network, and the load of the server"
      )
    }
    const took = Math.max(0, (yield* Clock.currentTimeMillis) - started)
    const isEmbedded = row.version.includes("emscripten")
    const look: Look = { sql, schema, isEmbedded }
    const connection: Check = {
      name: "connection",
      status: "ok",
      found: isEmbedded ? `${name}, opened` : `${name} as ${row.user}, answered in ${took} ms`,
      advice: undefined
    }
    const others = yield* Effect.forEach(checks, ([name, find]) =>
      Effect.map(run(look, find), (finding): Check => ({ name, ...finding }))
    )
    return [connection, ...others]
  })

/** The checks of a database that cannot be reached. */
export const unreachable = (problem: string, advice: string): ReadonlyArray<Check> => [
  { name: "connection", status: "problem", found: problem, advice },
  ...checks.map(([name]): Check => ({ name, ...skipped("there is no connection") }))
]
