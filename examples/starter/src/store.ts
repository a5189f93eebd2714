/**
 * Where the events are kept, chosen in this one place: nowhere, with `--memory`; on the server that `DATABASE_URL` names; or else in `./data`.
 */
import type { Layer } from "effect"
import type { EventStore, ProjectionStore } from "eventfold"
import { MemoryEventStore } from "eventfold/memory"
import { PostgresEventStore } from "eventfold/postgres"
import { EmbeddedEventStore } from "eventfold/postgres/embedded"

const choose = (): Layer.Layer<EventStore.EventStore | ProjectionStore.ProjectionStore, Error> => {
  if (process.argv.includes("--memory")) return MemoryEventStore.layer
  if (process.env.DATABASE_URL) return PostgresEventStore.layerConfig()
  return EmbeddedEventStore.layer({ dataDir: "./data" })
}

export const store = choose()
