/**
 * What the PostgreSQL store refuses by itself: nothing of it comes to the server.
 */
import { assert, layer } from "@effect/vitest"
import { Effect, type Schema } from "effect"
import { EventStore } from "eventfold"
import { freshDatabase, TestServer } from "../support/server.ts"
import { freshSchema, storeOn } from "./support/stores.ts"
import { countingClient } from "./support/wire.ts"
import { eventOf } from "./support/workload.ts"

type Events = ReadonlyArray<EventStore.EventToAppend>

const one = (change: Partial<EventStore.EventToAppend>): Events => [{ ...eventOf(), ...change }]

const many = (count: number, change: Partial<EventStore.EventToAppend> = {}): Events =>
  Array.from({ length: count }, () => ({ ...eventOf(), ...change }))

/** JSON of so many bytes, quotes and all. */
const text = (bytes: number): string => "x".repeat(bytes - 2)

const tags = (count: number): ReadonlyArray<string> => Array.from({ length: count }, (_, i) => `tag:${i}`)

/** Lists in lists: so many, one in the other. */
const nested = (depth: number): Schema.Json => {
  let value: Schema.Json = []
  for (let level = 1; level < depth; level++) value = [value]
  return value
}

/** The metadata of every event: `{}`. */
const empty = 2

const mebibyte = 1024 * 1024

interface Case {
  readonly what: string
  readonly accepted: Events
  readonly refused: Events
}

const byDefault: ReadonlyArray<Case> = [
  {
    what: "1 MiB an event",
    accepted: one({ data: text(mebibyte - empty) }),
    refused: one({ data: text(mebibyte - empty + 1) })
  },
  {
    what: "1 MiB an event, of which the metadata is a part and letters may take several bytes",
    accepted: one({ data: "€".repeat((mebibyte - empty - 4) / 3), metadata: {} }),
    refused: one({ data: "€".repeat((mebibyte - empty - 4) / 3), metadata: { note: "" } })
  },
  {
    what: "16 MiB an append",
    accepted: many(16, { data: text(mebibyte - empty) }),
    refused: [...many(16, { data: text(mebibyte - empty) }), ...one({ data: null })]
  },
  { what: "10,000 events an append", accepted: many(10_000), refused: many(10_001) },
  { what: "100 tags an event", accepted: one({ tags: tags(100) }), refused: one({ tags: tags(101) }) },
  { what: "a depth of 500", accepted: one({ data: nested(500) }), refused: one({ data: nested(502) }) }
]

const limits = { eventBytes: 100, appendBytes: 250, appendEvents: 4, tags: 2 }

const asConfigured: ReadonlyArray<Case> = [
  {
    what: "the bytes of an event",
    accepted: one({ data: text(100 - empty) }),
    refused: one({ data: text(100 - empty + 1) })
  },
  {
    what: "the bytes of an append",
    accepted: [...many(2, { data: text(98) }), ...one({ data: text(48) })],
    refused: [...many(2, { data: text(98) }), ...one({ data: text(49) })]
  },
  { what: "the events of an append", accepted: many(4), refused: many(5) },
  { what: "the tags of an event", accepted: one({ tags: tags(2) }), refused: one({ tags: tags(3) }) }
]

layer(TestServer.layer({ settings: { fsync: "off" } }), {
  excludeTestServices: true,
  concurrent: false,
  timeout: 60_000
})("the PostgreSQL store", (it) => {
  const holds = (cases: ReadonlyArray<Case>, options: { readonly limits?: Partial<EventStore.Limits> }) =>
    Effect.gen(function* () {
      const url = yield* freshDatabase(yield* TestServer)
      const { sent, sql } = yield* countingClient(url)
      const store = yield* storeOn(sql, { schema: freshSchema(), ...options })
      // Now it also listens, and knows what it looks up with the first append.
      yield* store.append([{ stream: "red-1", expected: "any", events: many(1) }])
      for (const [i, { accepted, refused, what }] of cases.entries()) {
        const stream = `red-${i}` as const
        const before = sent()
        const write = { stream, expected: "any", events: refused } as const
        const alone = yield* Effect.flip(store.append([write]))
        assert.deepInclude(alone, { _tag: "StoreError", reason: "InvalidRequest" }, what)
        assert.strictEqual(sent(), before, what)
        const inTransaction = sql.withTransaction(
          Effect.gen(function* () {
            const inside = sent()
            const error = yield* Effect.flip(store.append([write]))
            assert.deepInclude(error, { _tag: "StoreError", reason: "InvalidRequest" }, what)
            assert.strictEqual(sent(), inside, what)
          })
        )
        yield* inTransaction
        const { versions } = yield* store.append([{ ...write, stream: `blue-${i}`, events: accepted }])
        assert.deepStrictEqual(versions, [accepted.length], what)
        assert.isAbove(sent(), before, what)
      }
    })

  it.effect("accepts what its limits name and refuses more, by default, before anything is sent", () =>
    holds(byDefault, {})
  )

  it.effect("accepts what its limits name and refuses more, as configured, before anything is sent", () =>
    holds(asConfigured, { limits })
  )
})
