/**
 * Databases for commands to look into: a folder that nobody has open, or a database on a server.
 */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { PgClient } from "@effect/sql-pg"
import { Effect, Layer, type Scope } from "effect"
import type { EventStore, ProcessStore, ProjectionStore, SnapshotStore } from "eventfold"
import { PostgresEventStore } from "eventfold/postgres"
import { EmbeddedEventStore } from "eventfold/postgres/embedded"
import { clientOf, freshDatabase, TestServer } from "../support/server.ts"

type Stores =
  | EventStore.EventStore
  | ProjectionStore.ProjectionStore
  | ProcessStore.ProcessStore
  | SnapshotStore.SnapshotStore
  | PgClient.PgClient

/** A database: what `--store` says, and how a test does something in it while no command has it open. */
export interface Database {
  readonly store: string
  readonly within: <A, E>(effect: Effect.Effect<A, E, Stores | Scope.Scope>) => Effect.Effect<A, unknown>
}

/** A folder, gone with the scope. */
export const temporaryFolder: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "eventfold-cli-"))),
  (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
)

/** An embedded store in a folder. */
export const inFolder: Effect.Effect<Database, never, Scope.Scope> = Effect.map(temporaryFolder, (path) => {
  const dataDir = join(path, "data")
  return {
    store: dataDir,
    within: (effect) => Effect.provide(Effect.scoped(effect), EmbeddedEventStore.layer({ dataDir }), { local: true })
  }
})

/** A new database on the server of the test file. */
export const onServer = Effect.gen(function* () {
  const url = yield* freshDatabase(yield* TestServer)
  const database: Database = {
    store: url,
    within: (effect) => {
      const stores = PostgresEventStore.layer().pipe(Layer.provideMerge(clientOf({ url })))
      return Effect.provide(Effect.scoped(effect), stores, { local: true })
    }
  }
  return database
})
