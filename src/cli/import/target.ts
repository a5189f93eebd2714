/**
 * The store that events are imported into.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import { EventStore, type Limits } from "../../EventStore.ts"
import { Inspection } from "../../Inspection.ts"
import * as MemoryEventStore from "../../memory/MemoryEventStore.ts"
import * as MemoryInspection from "../../memory/MemoryInspection.ts"
import * as PostgresEventStore from "../../postgres/PostgresEventStore.ts"
import * as PostgresInspection from "../../postgres/PostgresInspection.ts"
import { CliFailure } from "../failure.ts"
import { clientOf, nameOf, schema, type Source, sourceToMake } from "../Source.ts"

/** Whatever another store has taken is taken: its limits may have been set higher. */
export const limits: Limits = {
  eventBytes: 256 * 1024 * 1024,
  appendBytes: 1024 * 1024 * 1024,
  appendEvents: 10_000,
  tags: 100_000
}

/** How the store is treated. */
export interface Options {
  /** Whether what is missing of it is made. */
  readonly create: boolean
  readonly dryRun: boolean
}

const missing = (problem: string): CliFailure =>
  new CliFailure({ kind: "notFound", problem, advice: "To make one there, add --create" })

const nowhere = Layer.provideMerge(MemoryInspection.layer, MemoryEventStore.layer)

const inDatabase = (found: Source, name: string, { create, dryRun }: Options) => {
  const isMade = create && !dryRun
  return PostgresInspection.layer({ schema: name }).pipe(
    Layer.provideMerge(PostgresEventStore.layer({ schema: name, migrate: isMade, limits })),
    Layer.provideMerge(clientOf(found, isMade))
  )
}

/** The store in a database, if it has a log there. */
const withLog = (found: Source, name: string, options: Options) =>
  Layer.effectContext(
    Effect.gen(function* () {
      const services = yield* Layer.build(inDatabase(found, name, options))
      const head = yield* Effect.result(Context.get(services, EventStore).head)
      if (Result.isSuccess(head)) return Context.pick(EventStore, Inspection)(services)
      if (head.failure.reason !== "Misconfigured") return yield* head.failure
      if (options.create) return yield* Layer.build(nowhere)
      return yield* missing(`there is no log in schema ${name} of ${nameOf(found)}`)
    })
  )

/**
 * The store. What would be made is taken for an empty store where nothing is to be stored.
 */
export const layerTarget = (options: Options) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const files = yield* FileSystem.FileSystem
      const found = yield* sourceToMake
      const name = yield* schema
      if (found._tag === "Folder" && !(yield* files.exists(`${found.path}/PG_VERSION`))) {
        if (!options.create) return yield* missing(`there is no store in ${found.path}`)
        if (options.dryRun) return nowhere
      }
      return withLog(found, name, options)
    })
  )
