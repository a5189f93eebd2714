/**
 * Where the examples keep their events, read models and processes, chosen in this one place:
 *
 * - in a folder, without a server: `data/` and the example's name under the current directory, or `DATA_DIR`;
 * - on the PostgreSQL server that `DATABASE_URL` names;
 * - with `--memory` in memory, whatever else is set, and only as long as the process lives.
 */
import { Config, Console, Data, Effect, Layer } from "effect"
import { Flag } from "effect/cli"
import { type EventStore, type ProcessStore, type ProjectionStore } from "eventfold"
import { MemoryEventStore } from "eventfold/memory"
import { PostgresEventStore } from "eventfold/postgres"
import { EmbeddedEventStore } from "eventfold/postgres/embedded"

/** The events cannot be kept where they should be. */
export class NoStore extends Data.TaggedError("NoStore")<{ readonly message: string }> {}

type Stores = EventStore.EventStore | ProjectionStore.ProjectionStore | ProcessStore.ProcessStore

interface Choice {
  /** For people. A password is not told. */
  readonly place: string
  readonly store: Layer.Layer<Stores, { readonly message: string }>
}

export const memory = Flag.Boolean("memory").pipe(
  Flag.withDescription("Keep the events in memory, as long as the process lives"),
  Flag.withDefault(false)
)

const inMemory: Choice = { place: "in memory", store: MemoryEventStore.layer }

const inFolder = (dataDir: string): Choice => ({
  place: `in the folder ${dataDir}`,
  store: EmbeddedEventStore.layer({ dataDir })
})

const onServer = (text: string) => {
  const url = URL.parse(text)
  return url !== null && /^postgres(ql)?:$/.test(url.protocol)
    ? Effect.succeed<Choice>({
        place: `on the server ${url.host}${url.pathname}`,
        store: PostgresEventStore.layerConfig()
      })
    : Effect.fail(new NoStore({ message: "DATABASE_URL must look like postgres://user:password@host:5432/database" }))
}

const setting = (name: string, otherwise: string) =>
  Config.String(name).pipe(
    Config.withDefault(""),
    Config.map((value) => value || otherwise)
  )

const choose = Effect.fnUntraced(function* (example: string, isMemory: boolean) {
  if (isMemory) return inMemory
  const url = yield* setting("DATABASE_URL", "")
  return url === "" ? inFolder(yield* setting("DATA_DIR", `data/${example}`)) : yield* onServer(url)
})

/** The store of an example. It says on standard error where the events are kept. */
export const layer = (example: string, isMemory: boolean): Layer.Layer<Stores, NoStore> =>
  Layer.unwrap(
    Effect.gen(function* () {
      const { place, store } = yield* choose(example, isMemory)
      yield* Console.error(`Events are kept ${place}.`)
      return Layer.catch(store, ({ message }) =>
        Layer.effectContext(Effect.fail(new NoStore({ message: `Events cannot be kept ${place}: ${message}` })))
      )
    })
  ).pipe(Layer.catchTag("ConfigError", ({ message }) => Layer.effectContext(Effect.fail(new NoStore({ message })))))
