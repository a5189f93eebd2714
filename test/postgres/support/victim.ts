/**
 * A server to be treated badly, and stores on it.
 */
import type { PgClient } from "@effect/sql-pg"
import { Context, type Duration, Effect, Layer, Stream } from "effect"
import type { EventStore, StreamName } from "eventfold"
import { type OwnServer, startOwnServer } from "../../support/server.ts"
import { connect, freshSchema, storeOn } from "./stores.ts"

/** How often a test hurts the server that can do so for longer: FAULT_ROUNDS. */
export const rounds = Number(process.env["FAULT_ROUNDS"] ?? 2)

/** The server, and a client of its superuser. */
export class Victim extends Context.Service<
  Victim,
  { readonly server: OwnServer; readonly admin: PgClient.PgClient }
>()("test/Victim") {
  static readonly layer = Layer.effect(
    Victim,
    Effect.gen(function* () {
      const server = yield* startOwnServer()
      return { server, admin: yield* connect(server.url, { applicationName: "admin" }) }
    })
  )
}

/** How the tests of a suite run: one after the other, as they share the server, and by the real clock. */
export const live = { excludeTestServices: true, concurrent: false, timeout: 60_000 } as const

/** A store in a schema of its own, and the client it uses. */
export const aStore = (options?: { readonly url?: string; readonly outcomeTimeout?: Duration.Input }) =>
  Effect.gen(function* () {
    const { admin, server } = yield* Victim
    const schema = freshSchema()
    const sql = yield* connect(options?.url ?? server.url)
    const store = yield* storeOn(sql, { schema, outcomeTimeout: options?.outcomeTimeout })
    return { admin, schema, sql, store }
  })

export const stream: StreamName.StreamName = "red-1"

/** Reads a stream's event ids. */
export const idsIn = (store: EventStore.EventStore["Service"], of: StreamName.StreamName = stream) =>
  Effect.map(Stream.runCollect(store.readStream(of)), (events) => events.map(({ id }) => id))
