/**
 * A store that is watched while it reads streams, and what its streams are compared by.
 */
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Latch, Layer, Stream } from "effect"
import type { EventStore, RecordedEvent, StreamName } from "eventfold"
import { EmbeddedPgClient } from "eventfold/postgres/embedded"
import { clientOf, TestServer } from "../../support/server.ts"
import { freshSchema, storeOn } from "./stores.ts"
import { eventOf } from "./workload.ts"

/** How the tests run: one after the other, as they share the database, and by the real clock. */
export const live = { excludeTestServices: true, concurrent: false, timeout: 60_000 } as const

export type Store = EventStore.EventStore["Service"]

/** Whose fiber something runs in. */
export const Reader = Context.Reference<string>("test/Reader", { defaultValue: () => "" })

/** A statement that reads streams: what it asked for, of how many events it was answered, and in whose fiber it was sent. */
export interface Sent {
  readonly streams: ReadonlyArray<unknown>
  readonly isGathered: boolean
  rows: number
  reader: string
}

/** A client that tells which reads of streams it sends, and can keep their answers back: all of them, or those of a stream. */
export const watched = (sql: PgClient.PgClient, kept?: StreamName.StreamName) => {
  const sent: Array<Sent> = []
  const answers = Latch.makeUnsafe(true)
  const client: PgClient.PgClient = new Proxy(sql, {
    get: (target, key, self) =>
      key === "unsafe"
        ? (text: string, parameters: ReadonlyArray<unknown> = []) => {
            const statement = target.unsafe(text, parameters)
            if (!text.includes("e.stream = ")) return statement
            const [first] = parameters
            const isGathered = Array.isArray(first)
            const one: Sent = { streams: isGathered ? first : parameters.slice(3), isGathered, rows: 0, reader: "" }
            sent.push(one)
            return Effect.gen(function* () {
              one.reader = yield* Reader
              const rows = yield* statement
              one.rows = rows.length
              if (kept === undefined || one.streams.includes(kept)) yield* answers.await
              return rows
            })
          }
        : Reflect.get(target, key, self)
  })
  return { answers, client, sent }
}

/** Everything that can go on without an answer has gone on. */
export const settle = Effect.repeat(Effect.yieldNow, { times: 50 })

/** A store in a schema of its own, on a client that is watched. */
export const aStore = Effect.fnUntraced(function* (kept?: StreamName.StreamName) {
  const sql = yield* PgClient.PgClient
  const schema = freshSchema()
  const watch = watched(sql, kept)
  const store = yield* storeOn(watch.client, { schema, pollInterval: "1 hour" })
  return { ...watch, schema, sql, store }
})

/** What an event is compared by. */
export const factsOf = ({ data, id, stream, version }: RecordedEvent.RecordedEvent) => ({ data, id, stream, version })
export type Facts = ReturnType<typeof factsOf>

export const readFacts = (store: Store, stream: StreamName.StreamName, options?: EventStore.ReadOptions) =>
  Effect.map(Stream.runCollect(store.readStream(stream, options)), (events) => events.map(factsOf))

export const versionsOf = (facts: ReadonlyArray<Facts>) => facts.map(({ version }) => version)

export const upTo = (last: number) => Array.from({ length: last }, (_, i) => i + 1)

/** Fills a stream, large events at the versions that are said, and gives what is to be read of it. */
export const fill = Effect.fnUntraced(function* (
  store: Store,
  stream: StreamName.StreamName,
  length: number,
  isLarge: (version: number) => boolean = () => false
) {
  const facts: Array<Facts> = []
  while (facts.length < length) {
    const events = upTo(Math.min(1000, length - facts.length)).map((i) => {
      const version = facts.length + i
      // What is in no order is hardly compressed.
      const text = isLarge(version) ? Array.from({ length: 150 }, () => crypto.randomUUID()).join() : ""
      return { ...eventOf(), data: { stream, version, text } }
    })
    const expected = facts.length
    yield* store.append([{ stream, expected, events }])
    facts.push(...events.map(({ data, id }, i) => ({ data, id, stream, version: expected + i + 1 })))
  }
  return facts
})

/** A server, and a client of it. */
export const server = Layer.unwrap(Effect.map(TestServer, (one) => clientOf(one, { applicationName: "readers" }))).pipe(
  Layer.provideMerge(TestServer.layer())
)
/** Where streams are read. */
export const databases: ReadonlyArray<readonly [string, Layer.Layer<PgClient.PgClient, unknown>]> = [
  ["a server", server],
  ["the embedded database", EmbeddedPgClient.layer()]
]
