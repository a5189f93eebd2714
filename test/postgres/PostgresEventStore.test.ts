import { Effect, Layer } from "effect"
import { PostgresEventStore } from "eventfold/postgres"
import { EventStoreContract } from "eventfold/testing"
import { clientOf, freshDatabase, startServer } from "../support/server.ts"

const client = Layer.unwrap(
  Effect.gen(function* () {
    const url = yield* freshDatabase(yield* startServer())
    return clientOf({ url }, { maxConnections: 10 })
  })
)

await EventStoreContract.suite("the PostgreSQL store", PostgresEventStore.layer().pipe(Layer.provide(client)))
