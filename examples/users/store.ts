/**
 * Where the users are kept. A read model that is a table needs a database: there is no other store in memory than a PostgreSQL that lives as long as
 * the process. Otherwise it is as `../store.ts` has it: `DATABASE_URL`, or a folder.
 */
import type { PgClient } from "@effect/sql-pg"
import { Config, Console, Effect, Layer } from "effect"
import type { SqlClient } from "effect/sql"
import type { EventStore, ProjectionStore } from "eventfold"
import { PostgresEventStore } from "eventfold/postgres"
import { EmbeddedEventStore } from "eventfold/postgres/embedded"
import { NoStore } from "../store.ts"

type Stores = EventStore.EventStore | ProjectionStore.ProjectionStore | SqlClient.SqlClient | PgClient.PgClient

interface Choice {
  readonly place: string
  readonly store: Layer.Layer<Stores, { readonly message: string }>
}

const choose = Effect.fnUntraced(function* (isMemory: boolean) {
  const inMemory: Choice = { place: "in memory", store: EmbeddedEventStore.layer() }
  if (isMemory) return inMemory
  const url = yield* Config.String("DATABASE_URL").pipe(Config.withDefault(""))
  const onServer: Choice = { place: "on the server of DATABASE_URL", store: PostgresEventStore.layerConfig() }
  if (url !== "") return onServer
  const dataDir = yield* Config.NonEmptyString("DATA_DIR").pipe(Config.withDefault("data/users"))
  const inFolder: Choice = { place: `in the folder ${dataDir}`, store: EmbeddedEventStore.layer({ dataDir }) }
  return inFolder
})

/** The store, with the client that tables are written and read with. It says on standard error where it is. */
export const layer = (isMemory: boolean): Layer.Layer<Stores, NoStore> =>
  Layer.unwrap(
    Effect.gen(function* () {
      const { place, store } = yield* choose(isMemory)
      yield* Console.error(`Events and read models are kept ${place}.`)
      return Layer.catch(store, ({ message }) =>
        Layer.effectContext(Effect.fail(new NoStore({ message: `They cannot be kept ${place}: ${message}` })))
      )
    })
  ).pipe(Layer.catchTag("ConfigError", ({ message }) => Layer.effectContext(Effect.fail(new NoStore({ message })))))
