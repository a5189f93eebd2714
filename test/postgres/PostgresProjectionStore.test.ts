import { Effect, Layer } from "effect"
import { PostgresEventStore, PostgresProjectionStore } from "eventfold/postgres"
import { EmbeddedPgClient } from "eventfold/postgres/embedded"
import { ProjectionStoreContract } from "eventfold/testing"
import { clientOf, freshDatabase, startServer } from "../support/server.ts"

const client = Layer.unwrap(
  Effect.gen(function* () {
    const url = yield* freshDatabase(yield* startServer({ settings: { fsync: "off" } }))
    return clientOf({ url }, { maxConnections: 10 })
  })
)

const stores = Layer.merge(PostgresEventStore.layer(), PostgresProjectionStore.layer())

await ProjectionStoreContract.suite("the PostgreSQL store of projections", stores.pipe(Layer.provide(client)))
await ProjectionStoreContract.suite(
  "the embedded store of projections",
  stores.pipe(Layer.provide(EmbeddedPgClient.layer()))
)
