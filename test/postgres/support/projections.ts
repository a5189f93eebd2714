/**
 * Stores of projections over a server, and what tests do with them.
 */
import { PgClient } from "@effect/sql-pg"
import { Duration, Effect } from "effect"
import type { EventStore, ProjectionStore } from "eventfold"
import { PostgresProjectionStore } from "eventfold/postgres"
import { freshDatabase, TestServer } from "../../support/server.ts"
import { connect, storeOn } from "./stores.ts"
import { eventOf } from "./workload.ts"

export type Store = ProjectionStore.ProjectionStore["Service"]

/** A store on a client for as long as the scope. */
export const projectionsOn = (sql: PgClient.PgClient, schema = "eventfold") =>
  PostgresProjectionStore.make({ schema }).pipe(Effect.provideService(PgClient.PgClient, sql))

/** Another client of a database, with a store. */
export const joinAt = (url: string) =>
  Effect.gen(function* () {
    const sql = yield* connect(url)
    return { sql, store: yield* projectionsOn(sql) }
  })

/** A database of its own, with both stores. */
export const aDatabase = Effect.gen(function* () {
  const url = yield* freshDatabase(yield* TestServer)
  const sql = yield* connect(url)
  const events = yield* storeOn(sql, {})
  return { url, sql, events, store: yield* projectionsOn(sql) }
})

export const definition = (fields?: Partial<ProjectionStore.Definition>): ProjectionStore.Definition => ({
  name: "balances",
  version: 1,
  partitions: 1,
  mode: "async",
  types: ["Noted"],
  tables: {},
  ...fields
})

/** Claims what is free of a version. */
export const claims = (
  store: Store,
  fields?: {
    readonly name?: string
    readonly version?: number
    readonly lease?: Duration.Duration
    readonly most?: number
  }
) => store.claim({ name: "balances", version: 1, owner: "test", lease: Duration.minutes(1), most: 100, ...fields })

export const claimOne = (store: Store, fields?: Parameters<typeof claims>[1]) =>
  Effect.map(claims(store, fields), ([claim]) => claim!)

/** Appends so many events to streams in turn. */
export const appendMany = (events: EventStore.EventStore["Service"], count: number, streams = 10) =>
  Effect.forEach(
    Array.from({ length: count }, (_, i) => i),
    (i) => events.append([{ stream: `red-${i % streams}`, expected: "any", events: [eventOf()] }]),
    { concurrency: 20, discard: true }
  )

/** Adds to numbers that are kept under keys, in the transaction under way. */
export const addTo = (store: Store, generation: number, amounts: ReadonlyMap<string, number>) =>
  Effect.gen(function* () {
    const found = yield* store.documents(generation, Array.from(amounts.keys()), { lock: true })
    yield* store.save(
      generation,
      new Map(Array.from(amounts, ([key, amount]) => [key, Number(found.get(key) ?? 0) + amount]))
    )
  })

export const numberAt = (store: Store, key: string, name = "balances") =>
  Effect.map(store.read(name, [key]), (documents) => Number(documents.get(key) ?? 0))
