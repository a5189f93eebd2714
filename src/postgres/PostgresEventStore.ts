/**
 * The event store on PostgreSQL 14 and later, through any `PgClient`.
 *
 * One writer's lock, many appends per turn: appends of this process are gathered while a batch is in flight, and sent as one call
 * of a function of the database, which takes the lock of the log, checks every append, and stores what passed. Why a lock, and what
 * it costs, is in docs/decisions.
 */
import { PgClient } from "@effect/sql-pg"
import * as Config from "effect/Config"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as PubSub from "effect/PubSub"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { isSqlError, type SqlError } from "effect/sql/SqlError"
import * as Stream from "effect/Stream"
import { type Appended, type AppendError, defaultLimits, EventStore, type Limits, StoreError } from "../EventStore.ts"
import { checkAfter, checkAppend, checkRead, checkStream } from "../internal/adapter/request.ts"
import * as Query from "../Query.ts"
import type { RecordedEvent } from "../RecordedEvent.ts"
import { type Answer, type Append, callAppend } from "./appendCall.ts"
import * as Batcher from "./batcher.ts"
import { migrate } from "./migrate.ts"
import { script } from "./migrations.ts"
import { read, searchOn, type Source } from "./reading.ts"
import { channelOf, quoted, schemaProblem } from "./schema/names.ts"
import { fromSqlError, isLost } from "./sqlErrors.ts"

/**
 * What the store's migrations do, as one SQL script: for those who review what runs in their database and run it themselves, and then
 * make the store with `migrate: false`.
 */
export const migrationScript = (schema = "eventfold"): string => script(schema)

/**
 * How a store uses its database.
 */
export interface Options {
  /** The database schema of this log. Stores with different schemas are independent. `"eventfold"` by default. */
  readonly schema?: string | undefined
  /** The sizes it accepts. */
  readonly limits?: Partial<Limits> | undefined
  /** Whether to create or upgrade the tables when the store is made. `true` by default; otherwise they must be there. */
  readonly migrate?: boolean | undefined
  /** How long the outcome of an append is asked for when the connection was lost under it. 10 seconds by default. */
  readonly outcomeTimeout?: Duration.Input | undefined
  /** How often a subscription looks for itself, should a notification be lost. Every second by default. */
  readonly pollInterval?: Duration.Input | undefined
}

const batchEvents = 2000
const batchBytes = 8 * 1024 * 1024
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

/**
 * A store over the client in the context. It migrates its schema, and listens, on one connection, for as long as the scope.
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
    const wrong = schemaProblem(schema)
    if (wrong !== undefined) {
      return yield* new StoreError({ reason: "Misconfigured", problem: `the name of the schema ${wrong}` })
    }
    if (runMigrations) yield* mapped(migrate(sql, schema))
    const call = callAppend(sql, schema)

    // A wake-up, not a message: what there is to read is in the log alone, so there is no seam between catching up and live.
    const wakeUps = yield* PubSub.sliding<void>(1)
    const wake = PubSub.publish(wakeUps, undefined)
    const listening = Effect.gen(function* () {
      const notifications = yield* sql.listen(channelOf(schema))
      yield* wake
      return yield* Effect.forever(Effect.andThen(Queue.take(notifications), wake))
    })
    yield* Effect.forkScoped(Effect.retry(Effect.scoped(listening), Schedule.spaced("200 millis")))

    /** Asks again, by the ids of the events, until it is known what became of a batch whose connection was lost. */
    const askAgain = (batch: ReadonlyArray<Append>, lost: SqlError) => {
      const unknown = (why: string) => {
        const problem = `the connection was lost, and ${why}: ${lost.message}`
        return failAll(batch, new StoreError({ reason: "OutcomeUnknown", problem }))
      }
      return call(batch, true).pipe(
        Effect.retry({ schedule: Schedule.spaced("100 millis"), while: (error) => fromSqlError(error).isRetryable }),
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
    }

    const send = (batch: ReadonlyArray<Append>): Effect.Effect<ReadonlyArray<Answer>> =>
      call(batch, false).pipe(
        Effect.catchIf(
          (error) => error.reason._tag === "UniqueViolation",
          () => call(batch, true)
        ),
        Effect.catchIf(isLost, (error) => askAgain(batch, error)),
        // One that the database chokes on must not take the others of its batch along. What is wrong with the server, or in
        // the way of all, is so for each: to try them one by one would keep everybody waiting for the sum of all time-outs.
        Effect.catch((error) => {
          const failure = fromSqlError(error)
          return batch.length === 1 || failure.reason !== "Unexpected"
            ? Effect.succeed(failAll(batch, failure))
            : Effect.map(
                Effect.forEach(batch, (append) => send([append])),
                (answers) => answers.flat()
              )
        })
      )

    const submit = yield* Batcher.make<Append, Appended, AppendError>({
      send,
      keysOf: ({ writes }) => writes.flatMap(({ stream, events }) => [stream, ...events.map(({ id }) => id)]),
      weightOf: ({ writes }) => {
        const events = writes.flatMap((write) => write.events)
        const bytes = events.reduce((sum, { dataJson, metadataJson }) => sum + dataJson.length + metadataJson.length, 0)
        return Math.max(events.length / batchEvents, bytes / batchBytes)
      },
      capacity,
      closed: new StoreError({ reason: "Unavailable", problem: "the store is closed; nothing was sent" })
    })

    /** On the connection of the caller's own transaction: stored, or not, with all the rest of it. */
    const appendInTransaction = (append: Append): Effect.Effect<Appended, AppendError> =>
      Effect.flatMap(mapped(call([append], true), fromSqlErrorInTransaction), ([answer]) => Effect.fromResult(answer!))

    const checked = <A>(
      check: Result.Result<void, StoreError>,
      stream: () => Stream.Stream<A, StoreError>
    ): Stream.Stream<A, StoreError> => (Result.isFailure(check) ? Stream.fail(check.failure) : stream())

    const subscribe = (after: number, query: Query.Query): Stream.Stream<RecordedEvent, StoreError> =>
      Stream.unwrap(
        Effect.map(PubSub.subscribe(wakeUps), (changes) =>
          Stream.paginate({ after, wait: false }, ({ after, wait }) =>
            Effect.gen(function* () {
              if (wait) yield* Effect.timeoutOption(PubSub.take(changes), pollInterval)
              const { events, upTo } = yield* mapped(searchOn(sql, schema, after, query)).pipe(
                Effect.retry({ schedule: Schedule.spaced("200 millis"), while: (error) => error.isRetryable })
              )
              return [events, Option.some({ after: upTo, wait: events.length === 0 })] as const
            })
          )
        )
      )

    const one = <A extends object>(text: string, parameters: ReadonlyArray<unknown> = []) =>
      Effect.map(mapped(sql.unsafe<A>(text, parameters)), ([row]) => row!)

    return EventStore.of({
      append: (writes, appendOptions) =>
        Effect.gen(function* () {
          const condition = appendOptions?.condition
          const append = { writes: yield* Effect.fromResult(checkAppend(writes, condition, limits)), condition }
          const transaction = yield* Effect.serviceOption(sql.transactionService)
          if (Option.isSome(transaction)) return yield* appendInTransaction(append)
          return yield* Effect.tap(submit(append), () => wake)
        }),
      readStream: (stream, readOptions = {}) =>
        Stream.suspend(() =>
          checked(
            Result.andThen(checkStream(stream), () => checkRead(readOptions)),
            () => read(sql, schema, { by: "version", stream }, readOptions, mapped)
          )
        ),
      readLog: (readOptions = {}) =>
        Stream.suspend(() =>
          checked(checkRead(readOptions), () => {
            const source: Source = { by: "position", query: readOptions.query }
            return read(sql, schema, source, readOptions, mapped)
          })
        ),
      subscribe: ({ after, query = Query.all }) =>
        Stream.suspend(() => checked(checkAfter({ after, query }), () => subscribe(after, query))),
      head: Effect.map(
        one<{ readonly head: bigint }>(`SELECT coalesce(max(position), 0) AS head FROM ${quoted(schema)}.events`),
        ({ head }) => Number(head)
      ),
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
        )
    })
  })

/**
 * A store over any `PgClient`.
 */
export const layer = (options?: Options): Layer.Layer<EventStore, StoreError, PgClient.PgClient> =>
  Layer.effect(EventStore, make(options))

/**
 * A store on the server that the configuration names: `DATABASE_URL`; `EVENTFOLD_SCHEMA`, unless the options have a schema;
 * `EVENTFOLD_CONNECTIONS`, the most connections to hold, 10 by default.
 */
export const layerConfig = (options?: Options): Layer.Layer<EventStore, StoreError | Config.ConfigError> =>
  Layer.unwrap(
    Effect.map(Config.String("EVENTFOLD_SCHEMA").pipe(Config.withDefault("eventfold")), (schema) =>
      layer({ schema, ...options })
    )
  ).pipe(
    Layer.provide(
      PgClient.layerConfig({
        url: Config.Redacted("DATABASE_URL"),
        maxConnections: Config.Int("EVENTFOLD_CONNECTIONS").pipe(Config.withDefault(10))
      })
    ),
    Layer.catchTag("SqlError", (error) => Layer.effectContext(Effect.fail(fromSqlError(error))))
  )
