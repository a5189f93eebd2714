/**
 * What PostgreSQL and its driver can fail with, as reasons of the port: one table.
 */
import * as Predicate from "effect/Predicate"
import type { SqlError } from "effect/sql/SqlError"
import { StoreError, type StoreReason } from "../EventStore.ts"
import { inlineRefusal } from "./schema/projections.ts"

/**
 * SQLSTATEs, or their classes by the first two characters, with the reason and what there is to do.
 */
export const sqlStates: ReadonlyArray<readonly [state: string, reason: StoreReason, advice: string]> = [
  ["28", "AccessDenied", "check user and password, and the server's pg_hba.conf"],
  ["42501", "AccessDenied", "grant the store's user its schema, or run the migrations as its owner"],
  ["3D000", "Misconfigured", "the database does not exist: create it, or correct the URL"],
  ["3F000", "Misconfigured", "the schema does not exist: run the migrations"],
  ["42P01", "Misconfigured", "a table is missing: run the migrations"],
  ["42883", "Misconfigured", "a function is missing: run the migrations"],
  [inlineRefusal, "Misconfigured", "append through a store that keeps the projection, of the version that is live"],
  ["25006", "ReadOnly", "the server only reads, as a standby does: use the primary"],
  ["53100", "StorageFull", "the server's disk is full"],
  ["53300", "Unavailable", "the server has no connection left: make the pool smaller, or max_connections larger"],
  ["53", "Unavailable", "the server has not enough of something"],
  ["57014", "Timeout", "a statement took longer than statement_timeout allows, or was cancelled"],
  ["55P03", "Timeout", "a lock was not to be had within lock_timeout"],
  [
    "25P02",
    "InvalidRequest",
    "an earlier statement of the transaction has failed: roll it back, and run it again from its start"
  ],
  ["25P03", "Timeout", "a transaction was idle for longer than idle_in_transaction_session_timeout allows"],
  ["57P", "Unavailable", "the server is starting, or shutting down"],
  ["08", "Unavailable", "the connection is lost"],
  ["40001", "Contention", "a serialization failure: run the transaction again"],
  ["40P01", "Contention", "a deadlock: run the transaction again"]
]

/** A URL that the driver refuses before it connects. It has no code for that, so its own words have to do. */
const refusedUrl = /^PgConnection: No username configured$|\bURL\b/

const codeOf = (cause: unknown): string | undefined =>
  Predicate.hasProperty(cause, "code") && Predicate.isString(cause.code) ? cause.code : undefined

/**
 * The port's error for a driver's error.
 */
export const fromSqlError = (error: SqlError): StoreError => {
  const { reason } = error
  const code = codeOf(reason.cause)
  const known = code === undefined ? undefined : sqlStates.find(([state]) => code.startsWith(state))
  const detail = Predicate.isError(reason.cause) ? reason.cause.message : error.message
  if (known !== undefined) {
    return new StoreError({ reason: known[1], problem: `${detail} (SQLSTATE ${code}): ${known[2]}` })
  }
  switch (reason._tag) {
    case "ConnectionError":
      if (reason.operation === "connect" && refusedUrl.test(error.message)) {
        const advice = "the URL of the server must look like postgres://user:password@host:5432/database"
        return new StoreError({ reason: "Misconfigured", problem: `${detail}: ${advice}` })
      }
      return new StoreError({ reason: "Unavailable", problem: `the server cannot be reached: ${detail}` })
    case "AuthenticationError":
    case "AuthorizationError":
      return new StoreError({ reason: "AccessDenied", problem: detail })
    case "StatementTimeoutError":
    case "LockTimeoutError":
      return new StoreError({ reason: "Timeout", problem: detail })
    case "DeadlockError":
    case "SerializationError":
      return new StoreError({ reason: "Contention", problem: detail })
    default:
      return new StoreError({
        reason: "Unexpected",
        problem: `${detail}${code === undefined ? "" : ` (SQLSTATE ${code})`}`
      })
  }
}

/** Whether an error is one append's own, and none of the others that were sent with it. */
export const concernsOne = (error: SqlError): boolean =>
  codeOf(error.reason.cause) === inlineRefusal || fromSqlError(error).reason === "Unexpected"

/** Whether a connection was lost in the middle: what was asked for may have been done. */
export const isLost = (error: SqlError): boolean =>
  error.reason.operation !== "connect" &&
  (error.reason._tag === "ConnectionError" || /^(08|57P)/.test(codeOf(error.reason.cause) ?? ""))
