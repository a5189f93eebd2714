// store.ts
import { Layer } from "effect"
import { EmbeddedEventStore } from "eventfold/postgres/embedded"

// A bank whose store cannot be opened has nothing better to do than to end: `orDie`.
export const StoreLayer = Layer.orDie(EmbeddedEventStore.layerConfig({ dataDir: "./data" }))
