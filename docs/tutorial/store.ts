// store.ts
import { Layer } from "effect"
import { PostgresEventStore } from "eventfold/postgres"
import { EmbeddedEventStore } from "eventfold/postgres/embedded"

// A bank whose store cannot be opened has nothing better to do than to end: `orDie`.
const onServer = Layer.orDie(PostgresEventStore.layerConfig())
const inFolder = Layer.orDie(EmbeddedEventStore.layer({ dataDir: "./data" }))

export const StoreLayer = process.env["DATABASE_URL"] ? onServer : inFolder
