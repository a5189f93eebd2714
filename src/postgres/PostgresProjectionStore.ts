/**
 * What projections keep, in the database of the log: through the same `PgClient` as the store of events, so that what a handler
 * writes with it is in the transaction that moves the projection on.
 *
 * The tables are made by the store of events, with its own. What the SQL of a handler does counts once because it is in that
 * transaction: a handler must not run it through another client, or in a fiber that outlives the handler.
 */
import type { PgClient } from "@effect/sql-pg"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as PubSub from "effect/PubSub"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { StoreError } from "../EventStore.ts"
import { ProjectionStore } from "../ProjectionStore.ts"
import * as Access from "./projections/access.ts"
import { claims } from "./projections/claims.ts"
import { commit } from "./projections/commit.ts"
import { control } from "./projections/control.ts"
import { documents } from "./projections/documents.ts"
import { generations } from "./projections/generations.ts"
import { inline } from "./projections/inline.ts"
import { parking } from "./projections/parking.ts"
import { reading } from "./projections/reading.ts"
import { takeOver } from "./projections/takeOver.ts"

/**
 * Where projections are kept.
 */
export interface Options {
  /** The database schema of the log. `"eventfold"` by default. */
  readonly schema?: string | undefined
}

/**
 * A store over the client in the context. `changes` ends with the scope.
 */
export const make = (
  options: Options = {}
): Effect.Effect<ProjectionStore["Service"], StoreError, PgClient.PgClient | Scope.Scope> =>
  Effect.gen(function* () {
    const access = yield* Access.open(options)
    yield* Effect.addFinalizer(() => PubSub.shutdown(access.changes))
    return ProjectionStore.of({
      ...claims(access),
      ...commit(access),
      ...control(access),
      ...documents(access),
      ...generations(access),
      ...inline(access),
      ...parking(access),
      ...reading(access),
      ...takeOver(access),
      changes: Stream.fromPubSub(access.changes)
    })
  })

/**
 * A store over any `PgClient`.
 *
 * @example
 * import { PgClient } from "@effect/sql-pg"
 * import { PostgresProjectionStore } from "eventfold/postgres"
 * import { Layer, Redacted } from "effect"
 *
 * const Client = PgClient.layer({ url: Redacted.make("postgres://app@localhost/app") })
 *
 * // For a tool that looks after projections alone: PostgresEventStore.layer has this store as well.
 * export const Projections = PostgresProjectionStore.layer({ schema: "bank" }).pipe(Layer.provide(Client))
 */
export const layer = (options?: Options): Layer.Layer<ProjectionStore, StoreError, PgClient.PgClient> =>
  Layer.effect(ProjectionStore, make(options))
