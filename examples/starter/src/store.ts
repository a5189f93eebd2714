/**
 * Where the events are kept, chosen in this one place: nowhere, with `--memory`; on the server that `DATABASE_URL` names; or else in `./data`.
 */
import { MemoryEventStore } from "eventfold/memory"
import { EmbeddedEventStore } from "eventfold/postgres/embedded"

export const store = process.argv.includes("--memory")
  ? MemoryEventStore.layer
  : EmbeddedEventStore.layerConfig({ dataDir: "./data" })
