/**
 * How the parts of the store reach its database: statements and transactions that fail with errors of the port.
 */
import { PgClient } from "@effect/sql-pg"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as PubSub from "effect/PubSub"
import { BeginTransaction } from "effect/sql/SqlClient"
import { isSqlError, type SqlError } from "effect/sql/SqlError"
import { isWaitedFor, StoreError } from "../../EventStore.ts"
import { readCommitted } from "../readCommitted.ts"
import { literal, quoted, schemaProblem } from "../schema/names.ts"
import { fromSqlError } from "../sqlErrors.ts"
import { transactionOn } from "../transaction.ts"

export interface Access {
  readonly sql: PgClient.PgClient
  readonly schema: string
  /** The schema as SQL writes it. */
  readonly s: string
  /** Runs a statement, in the transaction that is under way if there is one. */
  readonly query: <Row extends object>(
    text: string,
    parameters?: ReadonlyArray<unknown>
  ) => Effect.Effect<ReadonlyArray<Row>, StoreError>
  /** Runs a statement that locks rows, which others change all the time: whatever isolation the database prefers, it does not fail for that. */
  readonly lockingQuery: Access["query"]
  readonly changes: PubSub.PubSub<void>
  /** Says that something has changed: when the transaction that is under way is committed, or now when there is none. */
  readonly changed: Effect.Effect<void>
}

/**
 * What a commit has to know of its work: whether events were parked, or taken out.
 */
export const Lanes = Context.Reference<{ hasChanged: boolean }>("eventfold/postgres/Lanes", {
  defaultValue: () => ({ hasChanged: false })
})

/** The SQLSTATE of an error, where the server has said one. */
export const codeOf = ({ reason }: SqlError): string | undefined =>
  Predicate.hasProperty(reason.cause, "code") && Predicate.isString(reason.cause.code) ? reason.cause.code : undefined

export const invalid = (problem: string): StoreError => new StoreError({ reason: "InvalidRequest", problem })

/** A text with a NUL character cannot even be asked for. */
const fromAsking = (error: SqlError): StoreError => {
  const failure = fromSqlError(error)
  return codeOf(error) === "22021" ? invalid(failure.problem) : failure
}

export const make = (sql: PgClient.PgClient, schema: string): Effect.Effect<Access> =>
  Effect.map(PubSub.sliding<void>(1), (changes) => {
    const alone = readCommitted(sql)
    return {
      sql,
      schema,
      s: quoted(schema),
      query: <Row extends object>(text: string, parameters: ReadonlyArray<unknown> = []) =>
        Effect.mapError(sql.unsafe<Row>(text, parameters), fromAsking),
      lockingQuery: <Row extends object>(text: string, parameters: ReadonlyArray<unknown> = []) =>
        Effect.mapError(alone(sql.unsafe<Row>(text, parameters)), fromAsking),
      changes,
      changed: sql.afterCommit(PubSub.publish(changes, undefined))
    }
  })

/**
 * Reaches the database of the client in the context, in the schema of the log.
 */
export const open = ({
  schema = "eventfold"
}: {
  readonly schema?: string | undefined
}): Effect.Effect<Access, StoreError, PgClient.PgClient> =>
  Effect.gen(function* () {
    const wrong = schemaProblem(schema)
    if (wrong !== undefined) {
      return yield* new StoreError({ reason: "Misconfigured", problem: `the name of the schema ${wrong}` })
    }
    return yield* make(yield* PgClient.PgClient, schema)
  })

/**
 * Runs work in a transaction, or in a savepoint of the one that is under way. What the work fails with passes through, but for
 * failures of the database that may pass, and the loss of its connection: these are errors of the port, as are those of the
 * transaction itself. A defect or an interruption of the work stays one. In any of these cases nothing is stored, unless the error is `OutcomeUnknown`.
 *
 * Who locks before it looks has to see what was committed before it got the lock. So a transaction that begins here does, in each
 * of its statements, whatever isolation the database prefers.
 */
export const transaction = <A, E, R>(
  { sql }: Access,
  work: Effect.Effect<A, E, R>
): Effect.Effect<A, E | StoreError, R> =>
  transactionOn(sql, work, { isLossFirst: true }).pipe(
    Effect.mapError((error) => {
      const failure = isSqlError(error) ? fromSqlError(error) : undefined
      return failure !== undefined && isWaitedFor(failure) ? failure : error
    }),
    Effect.provideService(BeginTransaction, "BEGIN ISOLATION LEVEL READ COMMITTED")
  )

/** How long a transaction of the store's own may be idle: its locks keep everybody else from running the projection. */
const patience = "interval '3 seconds'"

/**
 * A transaction of the store's own: as a part of one of the caller's it could not see what was committed meanwhile, where the caller
 * prefers another isolation. That of somebody who is stopped is ended by the database.
 */
export const ownTransaction = <A, E, R>(
  access: Access,
  what: string,
  work: Effect.Effect<A, E, R>
): Effect.Effect<A, E | StoreError, R> =>
  Effect.andThen(
    outsideOfTransactions(access, what),
    transaction(access, Effect.andThen(access.query(`SELECT ${idleFor(patience)}`), work))
  )

/** Refuses to go on inside a transaction of this client: what is answered could still be rolled back. */
export const outsideOfTransactions = ({ sql }: Access, what: string): Effect.Effect<void, StoreError> =>
  Effect.flatMap(Effect.serviceOption(sql.transactionService), (outer) =>
    Option.isNone(outer)
      ? Effect.void
      : Effect.fail(invalid(`${what} is a transaction of its own: it cannot be done inside another one`))
  )

/** Advisory locks are by number: the hash of a text that names what is locked. */
const hashOf = (text: string): string => `hashtextextended(${literal(text)}, 0)`

/** Takes the lock of the log, under which events are appended. */
export const lockLog = ({ query, schema }: Access): Effect.Effect<void, StoreError> =>
  Effect.asVoid(query(`SELECT pg_advisory_xact_lock(${hashOf(`eventfold:${schema}`)})`))

/**
 * As SQL: takes the lock under which the generations of a projection, and their roles, change. Who takes several locks takes
 * them in this order: the names, the projection, the log, the rows of partitions by generation and partition, and then whatever
 * the work needs. A commit takes one row alone, so nobody waits in a circle.
 */
export const projectionLock = ({ schema }: Access, name: string): string =>
  `pg_advisory_xact_lock(hashtextextended(${literal(`eventfold:${schema}:projection:`)} || ${name}, 0))`

export const lockProjection = (access: Access, name: string): Effect.Effect<void, StoreError> =>
  Effect.asVoid(access.query(`SELECT ${projectionLock(access, "$1::text")}`, [name]))

/** Takes the lock under which projections take names of tables and views, of which the database has one set for all. */
export const lockNames = ({ query, schema }: Access): Effect.Effect<void, StoreError> =>
  Effect.asVoid(query(`SELECT pg_advisory_xact_lock(${hashOf(`eventfold:${schema}:projections`)})`))

/**
 * As SQL: for how long the transaction may be idle, after which the server ends it, and its locks. Somebody whose process is
 * stopped in the middle of it then keeps nobody waiting for longer. Not less than two seconds: a busy process is no stopped one.
 * The embedded database, which hangs when that time is over, has nobody else to wait.
 */
export const idleFor = (lease: string): string =>
  `set_config('idle_in_transaction_session_timeout', CASE WHEN version() LIKE '%emscripten%' THEN '0'
    ELSE greatest(2000, extract(epoch FROM ${lease}) * 1000)::bigint::text END, true)`
