/**
 * Stores over a server, and what tests do around them.
 */
import { PgClient } from "@effect/sql-pg"
import { Context, Deferred, Duration, Effect, Fiber, Latch, Layer, Redacted, Schedule, type Scope } from "effect"
import type { SqlError } from "effect/sql"
import { EventStore } from "eventfold"
import { PostgresEventStore } from "eventfold/postgres"
import { Violation } from "./oracle.ts"

/** A client for as long as the scope. */
export const connect = (
  url: string,
  config?: Omit<PgClient.PgPoolConfig, "url">
): Effect.Effect<PgClient.PgClient, SqlError.SqlError, Scope.Scope> =>
  Effect.map(Layer.build(PgClient.layer({ ...config, url: Redacted.make(url) })), Context.get(PgClient.PgClient))

/** A store on a client for as long as the scope. */
export const storeOn = (
  sql: PgClient.PgClient,
  options: PostgresEventStore.Options
): Effect.Effect<EventStore.EventStore["Service"], EventStore.StoreError, Scope.Scope> =>
  PostgresEventStore.make(options).pipe(Effect.provideService(PgClient.PgClient, sql))

/** A schema that no other test has. */
export const freshSchema = (): string => `s_${crypto.randomUUID().slice(0, 8)}`

/** Looks again and again until it holds, and fails when that takes too long. */
export const eventually = <A, E, R>(
  what: string,
  look: Effect.Effect<A, E, R>,
  holds: (found: A) => boolean,
  patience: Duration.Input = "5 seconds"
): Effect.Effect<A, E | Violation, R> =>
  Effect.repeat(look, { until: holds, schedule: Schedule.spaced("10 millis") }).pipe(within(what, patience))

/** Fails when something takes too long. */
export const within =
  (what: string, patience: Duration.Input = "5 seconds") =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | Violation, R> =>
    Effect.timeoutOrElse(effect, {
      duration: patience,
      orElse: () =>
        Effect.fail(
          new Violation({ problem: `${what}: not within ${Duration.format(Duration.fromInputUnsafe(patience))}` })
        )
    })

/**
 * Runs something in a transaction of its own, and keeps the transaction open until the effect it gives is run.
 */
export const holding = <A, E>(
  sql: PgClient.PgClient,
  body: Effect.Effect<A, E>
): Effect.Effect<
  { readonly held: A; readonly end: Effect.Effect<void, E | SqlError.SqlError> },
  E | SqlError.SqlError,
  Scope.Scope
> =>
  Effect.gen(function* () {
    const latch = yield* Latch.make(false)
    const held = yield* Deferred.make<A, E | SqlError.SqlError>()
    const transaction = sql
      .withTransaction(
        Effect.andThen(
          Effect.tap(body, (one) => Deferred.succeed(held, one)),
          latch.await
        )
      )
      .pipe(Effect.tapCause((cause) => Deferred.failCause(held, cause)))
    const fiber = yield* Effect.forkScoped(transaction)
    return {
      held: yield* Deferred.await(held),
      end: Effect.andThen(latch.open, Effect.asVoid(Fiber.join(fiber)))
    }
  })

/** The lock of a log, as another process holds it that was stopped in the middle of an append. */
export const holdLock = (sql: PgClient.PgClient, schema: string) =>
  holding(sql, sql.unsafe(`SELECT pg_advisory_xact_lock(hashtextextended('eventfold:${schema}', 0))`))

/** How many sessions wait for the lock of a log: how many batches of appends have been sent and hang. */
export const lockWaiters = (sql: PgClient.PgClient) =>
  Effect.map(
    sql.unsafe<{ readonly n: number }>(
      "SELECT count(*)::int AS n FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    ),
    ([row]) => row!.n
  )

/** Ends all connections to the server but those of its superuser's client. */
export const terminateAll = (sql: PgClient.PgClient) =>
  sql.unsafe(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND application_name <> current_setting('application_name')`)
