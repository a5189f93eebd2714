/**
 * What processes keep, in the database of the log: through the same `PgClient` as the stores of events and of projections, so that what an
 * instance has come to is saved in the transaction that moves its process on.
 *
 * The tables are made by the store of events, with its own.
 */
import { PgClient } from "@effect/sql-pg"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as PubSub from "effect/PubSub"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { StoreError } from "../EventStore.ts"
import { ProcessStore } from "../ProcessStore.ts"
import { running } from "./processes/running.ts"
import { saving } from "./processes/saving.ts"
import { tending } from "./processes/tending.ts"
import * as Access from "./projections/access.ts"
import { schemaProblem } from "./schema/names.ts"

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
    const { schema = "eventfold" } = options
    const wrong = schemaProblem(schema)
    if (wrong !== undefined) {
      return yield* new StoreError({ reason: "Misconfigured", problem: `the name of the schema ${wrong}` })
    }
    const access = yield* Access.make(yield* PgClient.PgClient, schema)
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
 */
export const layer = (options?: Options): Layer.Layer<ProcessStore, StoreError, PgClient.PgClient> =>
  Layer.effect(ProcessStore, make(options))
