/**
 * The PostgreSQL store without a server: the same adapter over PGlite inside this process, in memory or in a folder.
 */
import type { PgClient } from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { SqlClient } from "effect/sql/SqlClient"
import type { EventStore, StoreError } from "../../EventStore.ts"
import type { ProcessStore } from "../../ProcessStore.ts"
import type { ProjectionStore } from "../../ProjectionStore.ts"
import type { SnapshotStore } from "../../SnapshotStore.ts"
import * as PostgresEventStore from "../PostgresEventStore.ts"
import { fromSqlError } from "../sqlErrors.ts"
import * as EmbeddedPgClient from "./EmbeddedPgClient.ts"

/**
 * How an embedded store is kept.
 */
export interface Options extends PostgresEventStore.Options {
  /** The folder of the database, made when it is not there. In memory without. One process at a time can have it. */
  readonly dataDir?: string | undefined
}

/**
 * A store in memory or in a folder.
 */
export const layer = ({ dataDir, ...options }: Options = {}): Layer.Layer<
  EventStore | ProjectionStore | ProcessStore | SnapshotStore | PgClient | SqlClient,
  StoreError | EmbeddedPgClient.EmbeddedError
> =>
  PostgresEventStore.layer(options).pipe(
    Layer.provideMerge(EmbeddedPgClient.layer(dataDir === undefined ? {} : { dataDir })),
    Layer.catchTag("SqlError", (error) => Layer.effectContext(Effect.fail(fromSqlError(error))))
  )
