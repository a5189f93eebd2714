/**
 * Every SQLSTATE that the store knows, provoked in a server where that can be done.
 */
import type { PgClient } from "@effect/sql-pg"
import { Deferred, Effect, type Result, type Scope } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import type { EventStore } from "eventfold"
import { Violation } from "./oracle.ts"
import { proxyTo } from "./proxy.ts"
import { connect, eventually, freshSchema, holding, holdLock, storeOn, within } from "./stores.ts"
import { writeTo } from "./workload.ts"

interface Place {
  readonly url: string
  readonly admin: PgClient.PgClient
}

export interface Provocation {
  readonly name: string
  /** The row of the table that it is for, or none when the driver names no SQLSTATE. */
  readonly state?: string
  readonly reason: EventStore.StoreReason
  /** Something that fails. */
  readonly run: (
    place: Place
  ) => Effect.Effect<unknown, EventStore.AppendError | SqlError.SqlError | Violation, Scope.Scope>
}

/** What it fails with says that trying again may help, or else that it does not; anything else is a violation. */
interface Case extends Provocation {
  readonly isRetryable?: true
}

const stream = "red-1"

/** A url that differs. */
const altered = (url: string, change: (url: URL) => void): string => {
  const other = new URL(url)
  change(other)
  return other.href
}

/** The url of a role that may log in, and do nothing else. */
const newRole = ({ admin, url }: Place, options = "") =>
  Effect.gen(function* () {
    const name = freshSchema()
    yield* Effect.acquireRelease(admin.unsafe(`CREATE ROLE ${name} LOGIN PASSWORD 'secret' ${options}`), () =>
      Effect.orDie(admin.unsafe(`DROP ROLE ${name}`))
    )
    const login = altered(url, (other) => {
      other.username = name
      other.password = "secret"
    })
    return { name, url: login }
  })

/** A store in a schema that is set up, on a client with other settings than usual. */
const storeWith = (place: Place, config: Omit<PgClient.PgPoolConfig, "url">) =>
  Effect.gen(function* () {
    const schema = freshSchema()
    yield* storeOn(place.admin, { schema })
    const sql = yield* connect(place.url, config)
    return { schema, sql, store: yield* storeOn(sql, { schema, migrate: false }) }
  })

/** A store whose appends fail in the database with a SQLSTATE: for states that nobody can provoke at will. */
const failingWith = (state: string) => (place: Place) =>
  Effect.gen(function* () {
    const { schema, store } = yield* storeWith(place, {})
    yield* place.admin.unsafe(`CREATE FUNCTION "${schema}".fail() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN RAISE EXCEPTION 'failed on purpose' USING ERRCODE = '${state}'; END $$`)
    yield* place.admin.unsafe(
      `CREATE TRIGGER fail BEFORE INSERT ON "${schema}".events FOR EACH ROW EXECUTE FUNCTION "${schema}".fail()`
    )
    yield* store.append(writeTo(stream))
  })

const withoutSchema = (place: Place) =>
  Effect.flatMap(connect(place.url), (sql) => storeOn(sql, { schema: freshSchema(), migrate: false }))

/** What an append in a transaction fails with, whatever then becomes of the transaction. */
const failsInside = <E, R>(
  sql: PgClient.PgClient,
  body: Effect.Effect<Result.Result<unknown, EventStore.AppendError>, E, R>,
  begin?: string
) =>
  Effect.gen(function* () {
    const result = yield* Deferred.make<Result.Result<unknown, EventStore.AppendError>, E>()
    const transaction = sql.withTransaction(
      Effect.flatMap(
        Effect.tap(body, (one) => Deferred.succeed(result, one)),
        Effect.fromResult
      )
    )
    yield* Effect.exit(Effect.provideService(transaction, SqlClient.BeginTransaction, begin))
    return yield* Effect.flatten(
      Effect.map(Deferred.await(result).pipe(within("an answer in the transaction")), Effect.fromResult)
    )
  })

/** Appends in a transaction whose session has ended. */
const appendAfterTheEnd = (
  place: Place,
  startupParameters: Readonly<Record<string, string>>,
  ending: (pid: number) => string
) =>
  Effect.gen(function* () {
    const { sql, store } = yield* storeWith(place, { startupParameters })
    const inTransaction = Effect.gen(function* () {
      const [row] = yield* sql.unsafe<{ readonly pid: number }>("SELECT pg_backend_pid() AS pid")
      yield* place.admin.unsafe(ending(row!.pid))
      yield* eventually(
        "the session ends",
        place.admin.unsafe(`SELECT FROM pg_stat_activity WHERE pid = ${row!.pid}`),
        (found) => found.length === 0
      )
      // What the server said to the session has come by now: one more turn, and the client has read it.
      yield* place.admin.unsafe("SELECT 1")
      return yield* Effect.result(store.append(writeTo(stream)))
    })
    return yield* failsInside(sql, inTransaction)
  })

const cases: ReadonlyArray<Case> = [
  {
    name: "a wrong password",
    state: "28",
    reason: "AccessDenied",
    run: ({ url }) =>
      Effect.flatMap(connect(altered(url, (other) => (other.password = "wrong"))), (sql) => storeOn(sql, {}))
  },
  {
    name: "a role that does not exist",
    state: "28",
    reason: "AccessDenied",
    run: ({ url }) =>
      Effect.flatMap(connect(altered(url, (other) => (other.username = "nobody"))), (sql) => storeOn(sql, {}))
  },
  {
    name: "an append of a role that may not use the schema",
    state: "42501",
    reason: "AccessDenied",
    run: (place) =>
      Effect.gen(function* () {
        const schema = freshSchema()
        yield* storeOn(place.admin, { schema })
        const store = yield* storeOn(yield* connect((yield* newRole(place)).url), { schema, migrate: false })
        yield* store.append(writeTo(stream))
      })
  },
  {
    name: "a migration by a role that may not create a schema",
    state: "42501",
    reason: "AccessDenied",
    run: (place) =>
      Effect.gen(function* () {
        yield* storeOn(yield* connect((yield* newRole(place)).url), { schema: freshSchema() })
      })
  },
  {
    name: "a database that does not exist",
    state: "3D000",
    reason: "Misconfigured",
    run: ({ url }) =>
      Effect.flatMap(connect(altered(url, (other) => (other.pathname = "/nowhere"))), (sql) => storeOn(sql, {}))
  },
  {
    name: "an append to a schema that does not exist",
    state: "3F000",
    reason: "Misconfigured",
    run: (place) => Effect.flatMap(withoutSchema(place), (store) => store.append(writeTo(stream)))
  },
  {
    name: "a read of a schema that does not exist",
    state: "42P01",
    reason: "Misconfigured",
    run: (place) => Effect.flatMap(withoutSchema(place), (store) => store.head)
  },
  {
    name: "an append to a schema with nothing in it",
    state: "42883",
    reason: "Misconfigured",
    run: (place) =>
      Effect.gen(function* () {
        const schema = freshSchema()
        yield* place.admin.unsafe(`CREATE SCHEMA ${schema}`)
        const store = yield* storeOn(place.admin, { schema, migrate: false })
        yield* store.append(writeTo(stream))
      })
  },
  {
    name: "an append to a server that only reads",
    state: "25006",
    reason: "ReadOnly",
    run: (place) =>
      Effect.flatMap(storeWith(place, { startupParameters: { default_transaction_read_only: "on" } }), ({ store }) =>
        store.append(writeTo(stream))
      )
  },
  { name: "a full disk", state: "53100", reason: "StorageFull", run: failingWith("53100") },
  { name: "a server out of memory", state: "53", reason: "Unavailable", isRetryable: true, run: failingWith("53200") },
  {
    name: "a server that has no connection left",
    state: "53300",
    reason: "Unavailable",
    isRetryable: true,
    run: (place) =>
      Effect.gen(function* () {
        const role = yield* newRole(place, "CONNECTION LIMIT 0")
        yield* storeOn(yield* connect(role.url), { schema: freshSchema() })
      })
  },
  {
    name: "statement_timeout, while another append holds the lock",
    state: "57014",
    reason: "Timeout",
    isRetryable: true,
    run: (place) =>
      Effect.gen(function* () {
        const { schema, store } = yield* storeWith(place, { startupParameters: { statement_timeout: "100" } })
        yield* holdLock(place.admin, schema)
        yield* store.append(writeTo(stream))
      })
  },
  {
    name: "lock_timeout, while another append holds the lock",
    state: "55P03",
    reason: "Timeout",
    isRetryable: true,
    run: (place) =>
      Effect.gen(function* () {
        const { schema, store } = yield* storeWith(place, { startupParameters: { lock_timeout: "100" } })
        yield* holdLock(place.admin, schema)
        yield* store.append(writeTo(stream))
      })
  },
  {
    name: "an append past a projection that is kept in the append's own transaction",
    state: "ZF001",
    reason: "Misconfigured",
    run: failingWith("ZF001")
  },
  {
    name: "an append in a transaction of the caller's that has failed already",
    state: "25P02",
    reason: "InvalidRequest",
    run: (place) =>
      Effect.gen(function* () {
        const { sql, store } = yield* storeWith(place, {})
        const inTransaction = Effect.gen(function* () {
          yield* Effect.ignore(sql.unsafe("SELECT 1 / 0"))
          return yield* Effect.result(store.append(writeTo(stream)))
        })
        return yield* failsInside(sql, inTransaction)
      })
  },
  {
    name: "a transaction of the caller's that was idle for too long",
    state: "25P03",
    reason: "Timeout",
    isRetryable: true,
    run: (place) => appendAfterTheEnd(place, { idle_in_transaction_session_timeout: "50" }, () => "SELECT")
  },
  {
    name: "pg_terminate_backend in a transaction of the caller's",
    state: "57P",
    reason: "Unavailable",
    isRetryable: true,
    run: (place) => appendAfterTheEnd(place, {}, (pid) => `SELECT pg_terminate_backend(${pid})`)
  },
  {
    name: "pg_terminate_backend under a read",
    reason: "Unavailable",
    isRetryable: true,
    run: (place) =>
      Effect.gen(function* () {
        const applicationName = freshSchema()
        const { schema, store } = yield* storeWith(place, { applicationName })
        yield* holding(place.admin, place.admin.unsafe(`LOCK TABLE ${schema}.events IN ACCESS EXCLUSIVE MODE`))
        const terminate = eventually(
          "the read is terminated",
          place.admin.unsafe(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE application_name = '${applicationName}' AND wait_event_type = 'Lock'`),
          (found) => found.length > 0
        )
        yield* Effect.all([store.head, terminate], { concurrency: "unbounded" })
      })
  },
  {
    name: "a read whose connection is cut",
    reason: "Unavailable",
    isRetryable: true,
    run: (place) =>
      Effect.gen(function* () {
        const proxy = yield* proxyTo(place.url)
        const schema = freshSchema()
        const store = yield* storeOn(yield* connect(proxy.url), { schema })
        yield* store.append(writeTo("red-cut"))
        proxy.loseAnswers("red-cut", { times: 1 })
        yield* store.streamVersion("red-cut")
      })
  },
  {
    name: "a server that refuses connections",
    reason: "Unavailable",
    isRetryable: true,
    run: ({ url }) => Effect.flatMap(connect(altered(url, (other) => (other.port = "1"))), (sql) => storeOn(sql, {}))
  },
  {
    name: "a serialization failure in a transaction of the caller's",
    state: "40001",
    reason: "Contention",
    isRetryable: true,
    run: (place) =>
      Effect.gen(function* () {
        const { schema, sql, store } = yield* storeWith(place, {})
        yield* place.admin.unsafe(`CREATE TABLE ${schema}.counters (n int)`)
        yield* place.admin.unsafe(`INSERT INTO ${schema}.counters VALUES (0)`)
        // What the append does in this session touches a row that has changed since the transaction began.
        yield* place.admin.unsafe(`CREATE FUNCTION ${schema}.count() RETURNS trigger LANGUAGE plpgsql AS
          $$ BEGIN UPDATE ${schema}.counters SET n = n + 1; RETURN new; END $$`)
        yield* place.admin.unsafe(
          `CREATE TRIGGER count BEFORE INSERT ON ${schema}.events FOR EACH ROW EXECUTE FUNCTION ${schema}.count()`
        )
        const inTransaction = Effect.gen(function* () {
          yield* sql.unsafe("SELECT 1")
          yield* place.admin.unsafe(`UPDATE ${schema}.counters SET n = n + 1`)
          return yield* Effect.result(store.append(writeTo(stream)))
        })
        yield* failsInside(sql, inTransaction, "BEGIN ISOLATION LEVEL REPEATABLE READ")
      })
  },
  {
    name: "an append in a transaction of the caller's that reads a snapshot from before another append",
    reason: "Contention",
    isRetryable: true,
    run: (place) =>
      Effect.gen(function* () {
        const { schema, sql, store } = yield* storeWith(place, {})
        const other = yield* storeOn(place.admin, { schema, migrate: false })
        const inTransaction = Effect.gen(function* () {
          yield* sql.unsafe("SELECT 1")
          yield* other.append(writeTo("blue-1"))
          return yield* Effect.result(store.append(writeTo(stream)))
        })
        yield* failsInside(sql, inTransaction, "BEGIN ISOLATION LEVEL REPEATABLE READ")
      })
  },
  {
    name: "a deadlock between transactions of the callers'",
    state: "40P01",
    reason: "Contention",
    isRetryable: true,
    run: (place) =>
      Effect.gen(function* () {
        const { schema, sql, store } = yield* storeWith(place, { startupParameters: { deadlock_timeout: "50ms" } })
        yield* place.admin.unsafe(`CREATE TABLE ${schema}.rows (n int)`)
        yield* place.admin.unsafe(`INSERT INTO ${schema}.rows VALUES (0)`)
        const inTransaction = Effect.gen(function* () {
          yield* sql.unsafe(`UPDATE ${schema}.rows SET n = 1`)
          // The other one has the lock, and waits for the row; it would find the deadlock much later.
          yield* Effect.forkScoped(
            place.admin.withTransaction(
              Effect.gen(function* () {
                yield* place.admin.unsafe("SET LOCAL deadlock_timeout = '1h'")
                yield* place.admin.unsafe(`SELECT pg_advisory_xact_lock(hashtextextended('eventfold:${schema}', 0))`)
                yield* place.admin.unsafe(`UPDATE ${schema}.rows SET n = 2`)
              })
            )
          )
          yield* eventually(
            "the other one waits for the row",
            place.admin.unsafe("SELECT FROM pg_locks WHERE locktype IN ('transactionid', 'tuple') AND NOT granted"),
            (found) => found.length > 0
          )
          return yield* Effect.result(store.append(writeTo(stream)))
        })
        yield* failsInside(sql, inTransaction)
      })
  }
]

export const provocations: ReadonlyArray<Provocation> = cases.map(({ isRetryable = false, run, ...one }) => ({
  ...one,
  run: (place) =>
    Effect.tapError(run(place), (error) =>
      error._tag === "StoreError" && error.isRetryable !== isRetryable
        ? Effect.fail(new Violation({ problem: `${error.message}: isRetryable is ${error.isRetryable}` }))
        : Effect.void
    )
}))
