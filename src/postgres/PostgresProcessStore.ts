/**
 * What processes keep, in the database of the log: through the same `PgClient` as the stores of events and of projections, so that what an
 * instance has come to is saved in the transaction that moves its process on.
 *
 * The tables are made by the store of events, with its own.
 */
import type { PgClient } from "@effect/sql-pg"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as PubSub from "effect/PubSub"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { StoreError } from "../EventStore.ts"
import { ProcessStore } from "../ProcessStore.ts"
import { running } from "./processes/running.ts"
import { saving } from "./processes/saving.ts"
import { tending } from "./processes/tending.ts"
import * as Access from "./projections/access.ts"

/**
 * Where processes are kept.
 */
export interface Options {
  /** The database schema of the log. `"eventfold"` by default. */
  readonly schema?: string | undefined
}

/**
 * A store over the client in the context. `requested` ends with the scope.
 */
export const make = (
  options: Options = {}
): Effect.Effect<ProcessStore["Service"], StoreError, PgClient.PgClient | Scope.Scope> =>
  Effect.gen(function* () {
    const access = yield* Access.open(options)
    yield* Effect.addFinalizer(() => PubSub.shutdown(access.changes))
    return ProcessStore.of({
      ...saving(access),
      ...running(access),
      ...tending(access),
      requested: Stream.fromPubSub(access.changes)
    })
  })

/**
 * A store over any `PgClient`.
 *
 * @example
 * import { PgClient } from "@effect/sql-pg"
 * import { PostgresProcessStore } from "eventfold/postgres"
 * import { Layer, Redacted } from "effect"
 *
 * const Client = PgClient.layer({ url: Redacted.make("postgres://app@localhost/app") })
 *
 * // For a tool that looks after processes alone: PostgresEventStore.layer has this store as well.
 * export const Processes = PostgresProcessStore.layer({ schema: "bank" }).pipe(Layer.provide(Client))
 */
export const layer = (options?: Options): Layer.Layer<ProcessStore, StoreError, PgClient.PgClient> =>
  Layer.effect(ProcessStore, make(options))
