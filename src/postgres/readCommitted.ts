/**
 * Appends wait for the lock of the log, and must then see what was committed before they got it. Under READ COMMITTED, the default
 * of PostgreSQL, the statement that follows does; where a server, a database or a role prefers another isolation, its snapshot
 * is as old as the wait.
 */
import * as Effect from "effect/Effect"
import { BeginTransaction, type SqlClient } from "effect/sql/SqlClient"
import { isSqlError, type SqlError } from "effect/sql/SqlError"

/**
 * Runs a call under READ COMMITTED: as it is where that is the default, and elsewhere in a transaction of its own. Which of the two
 * is looked up once, with the first call.
 */
export const readCommitted = (
  sql: SqlClient
): (<A>(call: Effect.Effect<A, SqlError>) => Effect.Effect<A, SqlError>) => {
  let isDefault: boolean | undefined
  const look = Effect.map(
    sql.unsafe<{ readonly isolation: string }>("SELECT current_setting('default_transaction_isolation') AS isolation"),
    ([row]) => (isDefault = row!.isolation === "read committed")
  )
  return (call) =>
    Effect.flatMap(
      Effect.suspend(() => (isDefault === undefined ? look : Effect.succeed(isDefault))),
      (asItIs) =>
        asItIs
          ? call
          : sql.withTransaction(call).pipe(
              Effect.provideService(BeginTransaction, "BEGIN ISOLATION LEVEL READ COMMITTED"),
              // The ROLLBACK on a connection that is lost.
              Effect.catchDefect((defect) => (isSqlError(defect) ? Effect.fail(defect) : Effect.die(defect)))
            )
    )
}
