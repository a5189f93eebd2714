/**
 * Where a command finds its events: a PostgreSQL server, the folder of an embedded store, or an exported file.
 */
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type { PlatformError } from "effect/PlatformError"
import * as Redacted from "effect/Redacted"
import type { SqlError } from "effect/sql/SqlError"
import type { EventStore } from "../EventStore.ts"
import type { Inspection } from "../Inspection.ts"
import * as MemoryInspection from "../memory/MemoryInspection.ts"
import type { EmbeddedError } from "../postgres/embedded/EmbeddedError.ts"
import * as PostgresEventStore from "../postgres/PostgresEventStore.ts"
import * as PostgresInspection from "../postgres/PostgresInspection.ts"
import { layerEmbedded } from "./embedded.ts"
import { CliFailure, notFound } from "./failure.ts"
import * as FileEventStore from "./file/FileEventStore.ts"
import { SchemaFlag, StoreFlag } from "./flags.ts"

/** Where the events are. */
export type Source =
  | { readonly _tag: "Server"; readonly url: string }
  | { readonly _tag: "Folder"; readonly path: string }
  | { readonly _tag: "File"; readonly path: string }

const isUrl = (where: string): boolean => /^postgres(ql)?:\/\//.test(where)

/** Whether it is meant as a connection, in another form: it may have a password, so it is neither a path nor ever printed. */
const isConnection = (where: string): boolean =>
  where.includes("://") || /^\W*postgres(ql)?:/i.test(where) || /\bpassword\s*=/i.test(where)

/** How a source is called where people read it: without the password. */
export const nameOf = (source: Source): string => {
  if (source._tag !== "Server") return source.path
  if (!URL.canParse(source.url)) return "the server"
  const { hostname, pathname, port } = new URL(source.url)
  return `${hostname}${port === "" ? "" : `:${port}`}${pathname}`
}

const fromEnvironment = Config.option(
  Config.String("EVENTFOLD_STORE").pipe(Config.orElse(() => Config.String("DATABASE_URL")))
)

const asked = Effect.gen(function* () {
  const flag = yield* StoreFlag
  const where = Option.isSome(flag) ? flag : yield* fromEnvironment
  return Option.filter(where, (where) => where !== "")
})

/** Whether it is said where the events are: not every command needs them. */
export const isGiven = Effect.map(asked, Option.isSome)

const given = Effect.gen(function* () {
  const where = yield* asked
  if (Option.isSome(where)) return where.value
  return yield* new CliFailure({
    kind: "usage",
    problem: "it is not said where the events are",
    advice: "Give --store with a PostgreSQL URL, a folder or a file, or set EVENTFOLD_STORE"
  })
})

const sourceIf = Effect.fnUntraced(function* (isMade: boolean) {
  const where = yield* given
  if (isUrl(where)) return { _tag: "Server", url: where } satisfies Source
  if (isConnection(where)) {
    const kind = /^([a-z][a-z0-9+.-]*):\/\//i.exec(where)?.[1]
    const problem = kind === undefined ? "that is neither a URL nor a path" : `${kind} is no kind of store`
    const advice = "A URL begins with postgres://, without anything before it"
    return yield* new CliFailure({ kind: "usage", problem, advice })
  }
  const files = yield* FileSystem.FileSystem
  const isThere = yield* files.exists(where)
  if (!isThere && !isMade) return yield* notFound(`there is nothing at ${where}`)
  const isFolder = !isThere || (yield* files.stat(where)).type === "Directory"
  const found: Source = { _tag: isFolder ? "Folder" : "File", path: where }
  return found
})

/** The source that is given, which has to be there. */
export const source = sourceIf(false)

/** The source that is given: where there is nothing yet, a folder that is to be made. */
export const sourceToMake = sourceIf(true)

/** The database schema that is given. */
export const schema = Effect.gen(function* () {
  const flag = yield* SchemaFlag
  return Option.isSome(flag)
    ? flag.value
    : yield* Config.String("EVENTFOLD_SCHEMA").pipe(Config.withDefault("eventfold"))
})

const unreachable = (name: string) => (error: SqlError | EmbeddedError) =>
  new CliFailure({
    kind: "store",
    problem: `${name} cannot be used: ${error.message}`,
    advice:
      error._tag === "EmbeddedError" && error.reason === "InUse"
        ? "Stop that process first"
        : "See what is wrong: eventfold doctor"
  })

/** As much as a server may send at once: a log that an application has set higher limits for can be read, and all statistics of a large one. */
const maxMessageSize = 1024 ** 3

const isStore = (folder: string) =>
  Effect.flatMap(FileSystem.FileSystem, (files) => files.exists(`${folder}/PG_VERSION`))

/** A folder that has no store may be the one that has the folders of some. */
const noStoreIn = Effect.fnUntraced(function* (folder: string) {
  const files = yield* FileSystem.FileSystem
  const names = Array.from(yield* files.readDirectory(folder)).toSorted()
  const within = yield* Effect.filter(
    names.map((name) => `${folder.replace(/\/+$/, "")}/${name}`),
    // What is no folder, or not to be looked into, has none.
    (path) => Effect.orElseSucceed(isStore(path), () => false)
  )
  const advice = within.length === 0 ? undefined : `There is one in ${within.slice(0, 5).join(", and one in ")}`
  return yield* notFound(`the folder ${folder} has no embedded store`, advice)
})

/** The database of a source, with nothing in it taken for granted. A folder that holds none is refused, unless one is to be made there. */
export const clientOf = (found: Source, isMade = false) => {
  const failed = unreachable(nameOf(found))
  switch (found._tag) {
    case "Server":
      return PgClient.layer({
        url: Redacted.make(found.url),
        maxConnections: 10,
        connectTimeout: "5 seconds",
        applicationName: "eventfold",
        maxMessageSize
      }).pipe(Layer.catchTag("SqlError", (error) => Layer.effectContext(Effect.fail(failed(error)))))
    case "Folder":
      return Layer.unwrap(
        Effect.gen(function* () {
          if (isMade || (yield* isStore(found.path))) {
            return layerEmbedded({ dataDir: found.path })
          }
          return yield* noStoreIn(found.path)
        })
      ).pipe(Layer.catchTag(["SqlError", "EmbeddedError"], (error) => Layer.effectContext(Effect.fail(failed(error)))))
    case "File":
      return Layer.effectContext(
        Effect.fail(
          new CliFailure({
            kind: "usage",
            problem: `${found.path} is a file of events, and this needs a database`,
            advice: "Give --store with a PostgreSQL URL or the folder of an embedded store"
          })
        )
      )
  }
}

/** The database alone. */
export const layerClient = Layer.unwrap(Effect.map(source, clientOf))

const databaseOf = (found: Source) =>
  Layer.unwrap(
    Effect.map(schema, (schema) =>
      PostgresInspection.layer({ schema }).pipe(
        Layer.provideMerge(PostgresEventStore.layer({ schema, migrate: false })),
        Layer.provideMerge(clientOf(found))
      )
    )
  )

/** All that a database keeps of a log. It is not migrated: that is asked for by name. */
export const layerDatabase = Layer.unwrap(Effect.map(source, databaseOf))

/** The events of any source, to be read. */
export const layerEvents = Layer.unwrap(
  Effect.map(
    source,
    (
      found
    ): Layer.Layer<
      EventStore | Inspection,
      Layer.Error<ReturnType<typeof databaseOf>> | PlatformError,
      Layer.Services<ReturnType<typeof databaseOf>>
    > =>
      found._tag === "File"
        ? Layer.provideMerge(MemoryInspection.layer, FileEventStore.layer(found.path))
        : databaseOf(found)
  )
)
