/**
 * A transaction in which no lost connection is a defect: the client's own `withTransaction` dies when its ROLLBACK fails, as it does on
 * a connection that is gone, and with that makes a defect of what the work had failed with.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { SqlClient } from "effect/sql/SqlClient"
import { isSqlError, type SqlError } from "effect/sql/SqlError"
import { StoreError } from "../EventStore.ts"
import { fromSqlError, isLost } from "./sqlErrors.ts"

/** What the database did to a transaction whose work had succeeded. */
const atTheEnd = (error: SqlError): StoreError =>
  isLost(error)
    ? new StoreError({
        reason: "OutcomeUnknown",
        problem: `the connection was lost before the COMMIT was answered, which may have been done: ${error.message}`
      })
    : fromSqlError(error)

const sqlErrorOf = (reason: Cause.Reason<unknown>): SqlError | undefined => {
  const error = Cause.isDieReason(reason) ? reason.defect : Cause.isFailReason(reason) ? reason.error : undefined
  return isSqlError(error) ? error : undefined
}

/** What was lost under a transaction: a defect of the client's, of a ROLLBACK or of a savepoint. */
const lostUnder = ({ reasons }: Cause.Cause<unknown>): SqlError | undefined =>
  reasons.filter(Cause.isDieReason).flatMap((reason) => sqlErrorOf(reason) ?? [])[0]

/** The failure of the work, unless it is that of something that was lost under it. */
const ofWork = <E>(work: Cause.Cause<E>, lost: SqlError | undefined): Cause.Cause<E | StoreError> =>
  lost === undefined ? work : Cause.fail(fromSqlError(lost))

/** The failure of the transaction itself. Its errors are the client's, and what else there is is none. */
const ofTransaction = (
  { reasons }: Cause.Cause<unknown>,
  toStoreError: (error: SqlError) => StoreError
): Cause.Cause<StoreError> => {
  const [error] = reasons.flatMap((reason) => sqlErrorOf(reason) ?? [])
  return error === undefined
    ? Cause.fromReasons(reasons.filter((reason) => !Cause.isFailReason(reason)))
    : Cause.fail(toStoreError(error))
}

/**
 * Runs work in a transaction of the client's, or in a savepoint of the one that is open. What the work fails with it fails with;
 * what becomes of the transaction itself is an error of the port.
 *
 * Work whose connection was lost may fail with anything. `isLossFirst` says so: then it fails with the loss, whatever the work has said.
 */
export const transactionOn = <A, E, R>(
  sql: SqlClient,
  work: Effect.Effect<A, E, R>,
  { isLossFirst = false }: { readonly isLossFirst?: boolean } = {}
): Effect.Effect<A, E | StoreError, R> =>
  Effect.suspend(() => {
    const ended: Array<Exit.Exit<A, E>> = []
    const watched = Effect.onExit(work, (exit) => Effect.sync(() => ended.push(exit)))
    return Effect.catchCause(sql.withTransaction(watched), (cause) => {
      const [exit] = ended
      // After a failure of the work comes only the ROLLBACK, which a server does by itself when the connection is lost.
      if (exit !== undefined && Exit.isFailure(exit)) {
        const isLoss = isLossFirst && !Cause.hasInterrupts(exit.cause)
        return Effect.failCause(ofWork(exit.cause, lostUnder(isLoss ? cause : exit.cause)))
      }
      return Effect.failCause(ofTransaction(cause, exit === undefined ? fromSqlError : atTheEnd))
    })
  })
