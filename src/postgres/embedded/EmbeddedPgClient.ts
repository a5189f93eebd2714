/**
 * PostgreSQL inside this process, through the very client that speaks to a server: no server, nothing to install. In memory,
 * or in a folder that outlives the process. For examples, tests and programs that are their database's only user.
 *
 * What a server does and this does not: statements run one at a time and block the thread while they do, so that one that is
 * running cannot be interrupted or time out; a transaction keeps every other connection waiting until it ends, so a fiber in a
 * transaction must not wait for a query outside of it; advisory locks of a session, temporary tables and cursors WITH HOLD
 * are common to all connections.
 */
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Reactivity from "effect/reactivity/Reactivity"
import type * as Scope from "effect/Scope"
import type * as SqlClient from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { EmbeddedError } from "./EmbeddedError.ts"
import * as Folder from "./folder.ts"
import * as Pglite from "./pglite.ts"
import { Session } from "./Session.ts"
import { connectTo } from "./wire.ts"

export { EmbeddedError } from "./EmbeddedError.ts"

/** Where the database is. */
export interface Options {
  /** The folder of the database, made if it is missing. Without one the database is in memory, and gone with the scope. */
  readonly dataDir?: string
}

/** Connections cost next to nothing here, and each listener keeps one. */
const maxConnections = 32

const session = Effect.fn("eventfold.embedded.open")(function* (
  options: Options
): Effect.fn.Return<Session, EmbeddedError, Scope.Scope> {
  const folder = options.dataDir === undefined ? undefined : yield* Folder.hold(options.dataDir)
  const open = Effect.flatMap(Pglite.open(folder), (backend) => Effect.promise(() => Session.open(backend)))
  return yield* Effect.acquireRelease(open, (session) => Effect.ignore(Effect.tryPromise(() => session.close())))
})

/**
 * A client of its own database. Closing the scope rolls back what is open, writes what is left to write, and lets the folder
 * go.
 */
export const make = (
  options: Options = {}
): Effect.Effect<PgClient.PgClient, EmbeddedError | SqlError, Scope.Scope | Reactivity.Reactivity> =>
  Effect.flatMap(session(options), (session) =>
    PgClient.make({ stream: () => connectTo(session), username: "postgres", database: "postgres", maxConnections })
  )

/**
 * The client as a service, as of a server's.
 *
 * @example
 * ```ts no-run
 * import { EmbeddedPgClient } from "eventfold/postgres/embedded"
 * import { Effect } from "effect"
 * import { SqlClient } from "effect/sql"
 *
 * const answer = Effect.flatMap(SqlClient.SqlClient, (sql) => sql`SELECT 6 * 7 AS answer`)
 *
 * await Effect.runPromise(Effect.provide(answer, EmbeddedPgClient.layer())) // [{ answer: 42 }]
 * ```
 */
export const layer = (
  options?: Options
): Layer.Layer<PgClient.PgClient | SqlClient.SqlClient, EmbeddedError | SqlError> => PgClient.layerFrom(make(options))
