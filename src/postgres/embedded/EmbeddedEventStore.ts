/**
 * The PostgreSQL store without a server: the same adapter over PGlite inside this process, in memory or in a folder.
 */
import type { PgClient } from "@effect/sql-pg/PgClient"
import * as Config from "effect/Config"
import { ConfigProvider } from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type { SqlClient } from "effect/sql/SqlClient"
import { type EventStore, StoreError } from "../../EventStore.ts"
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

/** What such a store gives, as one on a server does. */
type Stores = EventStore | ProjectionStore | ProcessStore | SnapshotStore | PgClient | SqlClient

/**
 * A store in memory or in a folder. Fails with an `EmbeddedError` where the folder is in use, or cannot be used.
 *
 * @example
 * ```ts no-run
 * import { EventStore } from "eventfold"
 * import { EmbeddedEventStore } from "eventfold/postgres/embedded"
 * import { Effect } from "effect"
 *
 * const head = Effect.flatMap(EventStore.EventStore, (store) => store.head)
 *
 * // In memory; in a folder with { dataDir: "./data" }.
 * await Effect.runPromise(Effect.provide(head, EmbeddedEventStore.layer())) // 0
 * ```
 */
export const layer = ({ dataDir, ...options }: Options = {}): Layer.Layer<
  Stores,
  StoreError | EmbeddedPgClient.EmbeddedError
> =>
  PostgresEventStore.layer(options).pipe(
    Layer.provideMerge(EmbeddedPgClient.layer(dataDir === undefined ? {} : { dataDir })),
    Layer.catchTag("SqlError", (error) => Layer.effectContext(Effect.fail(fromSqlError(error))))
  )

/**
 * Whether the source of the configuration has the name `DATABASE_URL`. To most sources an empty value is none at all, and still they list its
 * name: an object among its keys, an environment by the parts of the name.
 */
const isListed = Effect.gen(function* () {
  const provider = yield* ConfigProvider
  const [all, database, url] = yield* Effect.forEach([[], ["DATABASE"], ["DATABASE", "URL"]], (path) =>
    // One that cannot list its names does not have to.
    Effect.orElseSucceed(provider.load(path), () => undefined)
  )
  return (
    (all?._tag === "Record" && all.keys.has("DATABASE_URL")) ||
    // With something there it is a group of names, such as DATABASE_URL_OF_TESTS: of the one itself only the environment knows then.
    (database?._tag === "Record" &&
      database.keys.has("URL") &&
      (url === undefined || process.env["DATABASE_URL"] === ""))
  )
})

const isOnServer = Effect.gen(function* () {
  const url = yield* Config.option(Config.Redacted("DATABASE_URL"))
  if (Option.isSome(url) && Redacted.value(url.value) !== "") return true
  if (Option.isNone(url) && !(yield* isListed)) return false
  return yield* new StoreError({
    reason: "Misconfigured",
    problem: "DATABASE_URL is empty: let it name a server, or unset it to keep the events without one"
  })
})

/**
 * The store that the configuration names: on the server of `DATABASE_URL`, as `PostgresEventStore.layerConfig` and with its other variables;
 * embedded, with the options, where that is not set. `EVENTFOLD_SCHEMA` counts for both, unless the options have a schema. Fails with a
 * `StoreError` where `DATABASE_URL` is empty: who has set it has not meant a folder.
 *
 * It is for what runs on a laptop and on a server alike. In production `PostgresEventStore.layerConfig()` is the one that refuses to start
 * without `DATABASE_URL`.
 *
 * @example
 * ```ts no-run
 * import { EventStore } from "eventfold"
 * import { EmbeddedEventStore } from "eventfold/postgres/embedded"
 * import { Effect } from "effect"
 *
 * const head = Effect.flatMap(EventStore.EventStore, (store) => store.head)
 *
 * // In ./data, unless DATABASE_URL says otherwise.
 * await Effect.runPromise(Effect.provide(head, EmbeddedEventStore.layerConfig({ dataDir: "./data" }))) // 0
 * ```
 */
export const layerConfig = (
  options: Options = {}
): Layer.Layer<Stores, StoreError | EmbeddedPgClient.EmbeddedError | Config.ConfigError> =>
  Layer.unwrap(
    Effect.gen(function* () {
      const schema = options.schema ?? (yield* Config.String("EVENTFOLD_SCHEMA").pipe(Config.withDefault("eventfold")))
      const store: ReturnType<typeof layerConfig> = (yield* isOnServer)
        ? PostgresEventStore.layerConfig({ ...options, schema })
        : layer({ ...options, schema })
      return store
    })
  )
