/**
 * Runs a script of many statements, as somebody would who reviewed it: on one connection, one statement after the other.
 */
import type { PgClient } from "@effect/sql-pg"
import { Effect } from "effect"
import type { SqlError } from "effect/sql"

/** A statement ends where a line ends with a semicolon, but not within dollar quotes. */
const statementsOf = (script: string): ReadonlyArray<string> => {
  const statements: Array<string> = []
  let current = ""
  for (const line of script.split("\n")) {
    current += `${line}\n`
    const quotes = current.match(/\$\w*\$/g)?.length ?? 0
    if (line.endsWith(";") && quotes % 2 === 0) {
      statements.push(current)
      current = ""
    }
  }
  return current.trim() === "" ? statements : [...statements, current]
}

export const runScript = (sql: PgClient.PgClient, script: string): Effect.Effect<void, SqlError.SqlError> =>
  Effect.scoped(
    Effect.flatMap(sql.reserve, (connection) =>
      Effect.forEach(statementsOf(script), (statement) => connection.executeUnprepared(statement, [], undefined), {
        discard: true
      })
    )
  )
