/**
 * The event store on PostgreSQL 14 and later, through any `PgClient`.
 *
 * One writer's lock, many appends per turn: appends of this process are gathered while a batch is in flight, and sent as one call
 * of a function of the database, which takes the lock of the log, checks every append, and stores what passed. Why a lock, and what
 * it costs, is in docs/decisions.
 */
import { PgClient } from "@effect/sql-pg"
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as PubSub from "effect/PubSub"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { BeginTransaction, type SqlClient } from "effect/sql/SqlClient"
import { isSqlError, type SqlError } from "effect/sql/SqlError"
import * as Stream from "effect/Stream"
import {
  type Appended,
  type AppendError,
  defaultLimits,
  EventStore,
  type Limits,
  type Page,
  StoreError
} from "../EventStore.ts"
import * as Measuring from "../internal/adapter/measuring.ts"
import { eventsOfPages } from "../internal/adapter/pages.ts"
import { checkAfter, checkAppend, checkRead, checkStream } from "../internal/adapter/request.ts"
import { type CheckedRestoredEvent, checkRestore } from "../internal/adapter/restoring.ts"
import { ProcessStore } from "../ProcessStore.ts"
import { ProjectionStore } from "../ProjectionStore.ts"
import * as Query from "../Query.ts"
import { SnapshotStore } from "../SnapshotStore.ts"
import { type Answer, type Append, callAppend, weightOf } from "./appendCall.ts"
import * as Batcher from "./batcher.ts"
import { migrate } from "./migrate.ts"
import { script } from "./migrations.ts"
import * as PostgresProcessStore from "./PostgresProcessStore.ts"
import * as PostgresProjectionStore from "./PostgresProjectionStore.ts"
import * as PostgresSnapshotStore from "./PostgresSnapshotStore.ts"
import { readCommitted } from "./readCommitted.ts"
import { read, readPage, type Source } from "./reading.ts"
import { callRestore } from "./restore.ts"
import { logLock, quoted, schemaProblem } from "./schema/names.ts"
import { concernsOne, fromSqlError, isLost } from "./sqlErrors.ts"
import * as StreamReads from "./streamReads.ts"
import { transactionOn } from "./transaction.ts"
import * as WakeUps from "./wakeUps.ts"

/**
 * What the store's migrations do, as one SQL script: for those who review what runs in their database and run it themselves, and then
 * make the store with `migrate: false`.
 *
 * @example
 * import { PostgresEventStore } from "eventfold/postgres"
 *
 * PostgresEventStore.migrationScript("bank") // CREATE SCHEMA ...
 */
export const migrationScript = (schema = "eventfold"): string => script(schema)

/**
 * Runs an effect in a transaction of the client in the context, as `sql.withTransaction` does: what it appends is stored with
 * all the rest of it, or not at all.
 *
 * The client's own `withTransaction` ends with a defect when the connection is lost inside. Here that is a `StoreError`, unless the effect
 * has failed by itself, which is then what it fails with. A connection that is lost under the COMMIT is an `OutcomeUnknown`.
 */
export const transaction = <A, E, R>(
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E | StoreError, R | PgClient.PgClient> =>
  Effect.flatMap(PgClient.PgClient, (sql) => transactionOn(sql, effect))

/**
 * How a store uses its database.
 */
export interface Options {
  /** The database schema of this log. Stores with different schemas are independent. `"eventfold"` by default. */
  readonly schema?: string | undefined
  /**
   * The sizes it accepts. An event has to fit into a message that the client reads: 16 MiB, unless the client is made with another
   * `maxMessageSize`.
   */
  readonly limits?: Partial<Limits> | undefined
  /** Whether to create or upgrade the tables when the store is made. `true` by default; otherwise they must be there. */
  readonly migrate?: boolean | undefined
  /** How long the outcome of an append is asked for when the connection was lost under it. 10 seconds by default. */
  readonly outcomeTimeout?: Duration.Input | undefined
  /** How often it looks for events that no notification told of, for all its subscriptions. Every second by default. */
  readonly pollInterval?: Duration.Input | undefined
}

type Asked = Append & Measuring.Asked

const capacity = 10_000

const mapped = <A>(
  effect: Effect.Effect<A, SqlError>,
  toStoreError: (error: SqlError) => StoreError = fromSqlError
): Effect.Effect<A, StoreError> =>
  effect.pipe(
    // A connection that is lost inside a transaction of the caller's is a defect of the client: here it is an error as well.
    Effect.catchDefect((defect) => (isSqlError(defect) ? Effect.fail(defect) : Effect.die(defect))),
    Effect.mapError(toStoreError)
  )

/** Ids are looked up and the lock is held: what is still there twice, the transaction's snapshot is too old to see. */
const fromSqlErrorInTransaction = (error: SqlError): StoreError =>
  error.reason._tag === "UniqueViolation"
    ? new StoreError({
        reason: "Contention",
        problem: "others have appended since this transaction took its snapshot: run it again, or as READ COMMITTED"
      })
    : fromSqlError(error)

const failAll = (batch: ReadonlyArray<Append>, error: StoreError): ReadonlyArray<Answer> =>
  batch.map(() => Result.fail(error))

const outcomeUnknown = (lost: SqlError, why: string): StoreError =>
  new StoreError({ reason: "OutcomeUnknown", problem: `the connection was lost, and ${why}: ${lost.message}` })

const whileRetryable = {
  schedule: Schedule.spaced("100 millis"),
  while: (error: SqlError): boolean => fromSqlError(error).isRetryable
}

/**
 * A store over the client in the context, for as long as the scope. It migrates its schema; it listens, on one connection, while there are
 * subscriptions.
 */
export const make = (
  options: Options = {}
): Effect.Effect<EventStore["Service"], StoreError, PgClient.PgClient | Scope.Scope> =>
  Effect.gen(function* () {
    const { schema = "eventfold", migrate: runMigrations = true } = options
    const limits = { ...defaultLimits, ...options.limits }
    const outcomeTimeout = Duration.fromInputUnsafe(options.outcomeTimeout ?? "10 seconds")
    const pollInterval = Duration.fromInputUnsafe(options.pollInterval ?? "1 second")
    const sql = yield* PgClient.PgClient
    const measuring = yield* Measuring.make
    const wrong = schemaProblem(schema)
    if (wrong !== undefined) {
      return yield* new StoreError({ reason: "Misconfigured", problem: `the name of the schema ${wrong}` })
    }
    if (runMigrations) yield* mapped(migrate(sql, schema))
    const call = callAppend(sql, schema)
    const restoreCall = callRestore(sql, schema)
    const alone = readCommitted(sql)

    const one = <A extends object>(text: string, parameters: ReadonlyArray<unknown> = []) =>
      Effect.map(mapped(sql.unsafe<A>(text, parameters)), ([row]) => row!)
    const head = Effect.map(
      one<{ readonly head: bigint }>(`SELECT coalesce(max(position), 0) AS head FROM ${quoted(schema)}.events`),
      ({ head }) => Number(head)
    )

    // Who appends holds the lock of the log up to the end of the transaction. The next statement sees what was committed before.
    const settledHead = transactionOn(
      sql,
      Effect.andThen(one(`SELECT pg_advisory_xact_lock_shared(${logLock(schema)})`), head)
    ).pipe(Effect.provideService(BeginTransaction, "BEGIN ISOLATION LEVEL READ COMMITTED"))

    const wakeUps = yield* WakeUps.make(sql, schema, head, pollInterval)

    /** Asks again, by the ids of the events, until it is known what became of a batch whose connection was lost. */
    const askAgain = Effect.fnUntraced(function* (batch: ReadonlyArray<Append>, lost: SqlError) {
      const unknown = (why: string) => failAll(batch, outcomeUnknown(lost, why))
      yield* measuring.connectionLost(batch.length, lost.message)
      return yield* alone(call(batch, true)).pipe(
        Effect.retry(whileRetryable),
        Effect.timeoutOption(outcomeTimeout),
        Effect.map(Option.getOrElse(() => unknown(`did not come back within ${Duration.format(outcomeTimeout)}`))),
        // A server that refuses the question has not answered it: the batch may have been stored before.
        Effect.catch((error) => {
          const failure = fromSqlError(error)
          return failure.reason === "Unexpected" && batch.length > 1
            ? Effect.fail(error)
            : Effect.succeed(unknown(`it cannot be asked what became of it (${failure.message})`))
        })
      )
    })

    const send = (batch: ReadonlyArray<Append>): Effect.Effect<ReadonlyArray<Answer>> =>
      alone(call(batch, false)).pipe(
        Effect.catchIf(
          (error) => error.reason._tag === "UniqueViolation",
          () => alone(call(batch, true))
        ),
        Effect.catchIf(isLost, (error) => askAgain(batch, error)),
        // One that the database chokes on must not take the others of its batch along. What is wrong with the server, or in
        // the way of all, is so for each: to try them one by one would keep everybody waiting for the sum of all time-outs.
        Effect.catch((error) => {
          return batch.length === 1 || !concernsOne(error)
            ? Effect.succeed(failAll(batch, fromSqlError(error)))
            : Effect.map(
                Effect.forEach(batch, (append) => send([append])),
                (answers) => answers.flat()
              )
        })
      )

    const submit = yield* Batcher.make<Asked, Appended, AppendError>({
      send: (batch) =>
        Effect.tap(send(batch), (answers) => {
          measuring.sent(batch, answers)
          return wakeUps.wake
        }),
      keysOf: ({ writes }) => writes.flatMap(({ stream, events }) => [stream, ...events.map(({ id }) => id)]),
      weightOf,
      capacity,
      waiting: measuring.waiting,
      closed: new StoreError({ reason: "Unavailable", problem: "the store is closed; nothing was sent" })
    })

    const firstPage = yield* StreamReads.make(sql, schema, mapped)

    /** On the connection of the caller's own transaction: stored, or not, with all the rest of it. */
    const appendInTransaction = (append: Asked): Effect.Effect<Appended, AppendError> =>
      Effect.flatMap(Effect.result(mapped(call([append], true), fromSqlErrorInTransaction)), (answers) => {
        const answer = Result.flatMap(answers, ([answer]) => answer!)
        measuring.sent([append], [answer])
        return Effect.fromResult(answer)
      })

    /** Asked again until it is known what became of the events, when the connection was lost: their ids answer it. */
    const restoreAlone = Effect.fnUntraced(function* (events: ReadonlyArray<CheckedRestoredEvent>) {
      const restored = alone(restoreCall(events))
      const answer = yield* restored.pipe(
        Effect.catchIf(isLost, (lost) => {
          const unknown = (why: string) => outcomeUnknown(lost, why)
          return restored.pipe(
            Effect.retry(whileRetryable),
            Effect.mapError((error) =>
              unknown(`it cannot be asked what became of it (${fromSqlError(error).message})`)
            ),
            Effect.timeoutOrElse({
              duration: outcomeTimeout,
              orElse: () => Effect.fail(unknown(`did not come back within ${Duration.format(outcomeTimeout)}`))
            })
          )
        }),
        Effect.mapError((error) => (isSqlError(error) ? fromSqlError(error) : error)),
        Effect.tap(wakeUps.wake)
      )
      return yield* Effect.fromResult(answer)
    })

    const checked = <A>(
      check: Result.Result<void, StoreError>,
      stream: () => Stream.Stream<A, StoreError>
    ): Stream.Stream<A, StoreError> => (Result.isFailure(check) ? Stream.fail(check.failure) : stream())

    const pages = (after: number, query: Query.Query): Stream.Stream<Page, StoreError> =>
      Stream.unwrap(
        Effect.map(wakeUps.subscribe, (changes) =>
          Stream.paginate({ after, measured: false, wait: false }, ({ after, measured, wait }) =>
            Effect.gen(function* () {
              if (wait) yield* PubSub.take(changes)
              const bounds = { from: after + 1, to: Infinity, limit: Infinity, direction: "forward", measured } as const
              const page = yield* mapped(readPage(sql, schema, { by: "position", query }, bounds)).pipe(
                Effect.retry({ schedule: Schedule.spaced("200 millis"), while: (error) => error.isRetryable })
              )
              const upTo = Math.max(after, page.upTo)
              // What comes after the head that the page saw wakes the subscription up.
              return [
                upTo === after ? [] : [{ events: page.events, upTo }],
                Option.some({ after: upTo, measured: page.isLarge, wait: upTo >= page.last })
              ] as const
            })
          )
        )
      )

    // One page is read ahead: while it is handled here, the server looks for the next.
    const subscribePages: EventStore["Service"]["subscribePages"] = ({ after, query = Query.all }) =>
      Stream.suspend(() =>
        checked(checkAfter({ after, query }), () => Stream.buffer(pages(after, query), { capacity: 1 }))
      )

    return EventStore.of({
      append: (writes, appendOptions) =>
        Effect.withFiber((fiber) => {
          const condition = appendOptions?.condition
          const checked = checkAppend(writes, condition, limits)
          if (Result.isFailure(checked)) return Measuring.logged(fiber, writes, Effect.fail(checked.failure))
          const append = { writes: checked.success, condition, askedAt: measuring.now() }
          const appended = Effect.flatMap(Effect.serviceOption(sql.transactionService), (transaction) =>
            Option.isSome(transaction) ? appendInTransaction(append) : submit(append)
          )
          return Measuring.logged(fiber, writes, appended)
        }),
      restore: (events) =>
        Effect.suspend(() => {
          const checked = checkRestore(events, limits)
          if (Result.isFailure(checked)) return Effect.fail(checked.failure)
          return Effect.flatMap(Effect.serviceOption(sql.transactionService), (transaction) =>
            Option.isSome(transaction)
              ? Effect.flatMap(mapped(restoreCall(checked.success), fromSqlErrorInTransaction), Effect.fromResult)
              : restoreAlone(checked.success)
          )
        }),
      readStream: (stream, readOptions = {}) =>
        Stream.suspend(() =>
          checked(
            Result.andThen(checkStream(stream), () => checkRead(readOptions)),
            () =>
              read(sql, schema, { by: "version", stream }, readOptions, mapped, (bounds) => firstPage(stream, bounds))
          )
        ),
      readLog: (readOptions = {}) =>
        Stream.suspend(() =>
          checked(checkRead(readOptions), () => {
            const source: Source = { by: "position", query: readOptions.query }
            return read(sql, schema, source, readOptions, mapped)
          })
        ),
      subscribe: (options) => eventsOfPages(subscribePages(options)),
      subscribePages,
      head,
      settledHead,
      streamVersion: (stream) =>
        Effect.andThen(
          Effect.fromResult(checkStream(stream)),
          Effect.map(
            one<{ readonly version: bigint }>(
              `SELECT coalesce(max(version), 0) AS version FROM ${quoted(schema)}.events WHERE stream = $1::text`,
              [stream]
            ),
            ({ version }) => Number(version)
          )
        ),
      inTransaction: Effect.map(Effect.serviceOption(sql.transactionService), Option.isSome)
    })
  })

/**
 * The log, and what projections and processes keep and the snapshots beside it, over any `PgClient`. Fails with a `StoreError` where the database cannot be
 * reached, or its tables are not there and cannot be made.
 *
 * @example
 * import { PgClient } from "@effect/sql-pg"
 * import { PostgresEventStore } from "eventfold/postgres"
 * import { Layer, Redacted } from "effect"
 *
 * const Client = PgClient.layer({ url: Redacted.make("postgres://app@localhost/app") })
 *
 * export const Store = PostgresEventStore.layer({ schema: "bank" }).pipe(Layer.provideMerge(Client))
 */
export const layer = (
  options?: Options
): Layer.Layer<EventStore | ProjectionStore | ProcessStore | SnapshotStore, StoreError, PgClient.PgClient> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const events = yield* make(options)
      // Their tables are made by the store of events.
      const projections = yield* PostgresProjectionStore.make({ schema: options?.schema })
      const processes = yield* PostgresProcessStore.make({ schema: options?.schema })
      const snapshots = yield* PostgresSnapshotStore.make({ schema: options?.schema })
      return Context.make(EventStore, events).pipe(
        Context.add(ProjectionStore, projections),
        Context.add(ProcessStore, processes),
        Context.add(SnapshotStore, snapshots)
      )
    })
  )

/**
 * A store on the server that the configuration names: `DATABASE_URL`; `EVENTFOLD_SCHEMA`, unless the options have a schema;
 * `EVENTFOLD_CONNECTIONS`, the most connections to hold, 10 by default. Its client is there as well, for handlers that write tables. Fails with a
 * `ConfigError` where a variable is missing, or is not what it has to be.
 */
export const layerConfig = (
  options?: Options
): Layer.Layer<
  EventStore | ProjectionStore | ProcessStore | SnapshotStore | PgClient.PgClient | SqlClient,
  StoreError | Config.ConfigError
> =>
  Layer.unwrap(
    Effect.map(Config.String("EVENTFOLD_SCHEMA").pipe(Config.withDefault("eventfold")), (schema) =>
      layer({ ...options, schema: options?.schema ?? schema })
    )
  ).pipe(
    Layer.provideMerge(
      PgClient.layerConfig({
        url: Config.Redacted("DATABASE_URL"),
        maxConnections: Config.Int("EVENTFOLD_CONNECTIONS").pipe(Config.withDefault(10))
      })
    ),
    Layer.catchTag("SqlError", (error) => Layer.effectContext(Effect.fail(fromSqlError(error))))
  )
