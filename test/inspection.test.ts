/**
 * One log in several stores: whoever looks into it is told the same, and that is what a plain look at its events comes to.
 */
import { assert, layer } from "@effect/vitest"
import { PgClient } from "@effect/sql-pg"
import { DateTime, Effect, Layer, type Scope, Stream } from "effect"
import { EventStore, Inspection, Query, type RecordedEvent, type StreamName } from "eventfold"
import { MemoryEventStore, MemoryInspection } from "eventfold/memory"
import { PostgresEventStore, PostgresInspection } from "eventfold/postgres"
import { EmbeddedPgClient } from "eventfold/postgres/embedded"
import { clientOf, freshDatabase, startServer } from "./support/server.ts"

type Json = RecordedEvent.RecordedEvent["data"]

const seed = Number(process.env["INSPECTION_SEED"] ?? 20_260_331)

/** mulberry32 */
const randomFrom = (seed: number) => {
  let state = seed
  const next = () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  const below = (n: number) => Math.floor(next() * n)
  const pick = <A>(all: ReadonlyArray<A>): A => all[below(all.length)]!
  const some = <A>(all: ReadonlyArray<A>, most: number): ReadonlyArray<A> =>
    Array.from(new Set(Array.from({ length: below(most + 1) }, () => pick(all))))
  return { below, pick, some }
}
type Random = ReturnType<typeof randomFrom>

const categories = ["account", "Account", "order\\", 'o"rder', "注文", "a b", "%", "ﬁ", "😀", "x".repeat(300)]
const types = ["Opened", "opened", "geöffnet", "😀", "ﬁ", "Type'); DROP", "T ".repeat(40)]
const tags = ["red", "Red", "{a,b}", '"', "\\", "注", "ﬁ"]
const texts = ["", "a", "ada", 'quo"te\\', "line\nfeed\u0001", "注文", "😀", "\u007f\u2028", ": , ", "  "]
const numbers = [0, -0, 1, -1, 1.5, 0.1, 1e21, -1e21, 1.25e25, 1e-7, -1.5e-9, 2 ** 53, 1e300, 123456789.125, 5e-324]
const fields = ["a", "b", "A", "correlationId", "0", "constructor", "with.dot", "注", "a'b"]

const json = (random: Random, depth = 3): Json => {
  const kind = random.below(depth === 0 ? 4 : 6)
  if (kind === 0) return random.pick([null, true, false])
  if (kind === 1) return random.pick(numbers)
  if (kind < 4) return random.pick(texts)
  const members = Array.from({ length: random.below(4) }, () => json(random, depth - 1))
  return kind === 4
    ? members
    : Object.fromEntries(members.map((member) => [random.pick([...texts, ...fields]), member]))
}

/** Few of them, so that some are found, and some that are nearly the same. */
const metadataValues: ReadonlyArray<Json> = [
  1,
  1.0000001,
  "1",
  null,
  true,
  [],
  {},
  { a: 1 },
  { a: 1, b: 2 },
  { b: 2, a: 1 },
  { a: { b: [1, { c: null }] } },
  [1, 2],
  [2, 1],
  [1],
  1e21,
  "😀",
  0
]

const metadata = (random: Random) =>
  Object.fromEntries(random.some(fields, 3).map((field) => [field, random.pick(metadataValues)]))

/** From long ago on, several in a moment, and days with none. */
const aLog = (random: Random, size: number): ReadonlyArray<EventStore.RestoredEvent> => {
  let time = DateTime.makeUnsafe("0999-12-30T23:59:59.990Z").epochMilliseconds
  return Array.from({ length: size }, (_, index) => {
    if (index === Math.floor(size / 5)) time = DateTime.makeUnsafe("1969-12-31T23:59:59.999Z").epochMilliseconds
    if (index === Math.floor(size / 3)) time = DateTime.makeUnsafe("2024-02-27T22:00:00Z").epochMilliseconds
    time += random.pick([0, 0, 1, 7, 1000, 3_600_000, 40 * 3_600_000])
    const stream = `${random.pick(categories)}-${random.pick(["1", "2", "a-b", "注", "😀"])}` as StreamName.StreamName
    return {
      id: `${random.pick(["0", "a", "f"])}${String(index).padStart(7, "0")}-0000-7000-8000-00000000000${random.pick(["a", "f"])}`,
      stream,
      type: random.pick(types),
      schemaVersion: 1 + random.below(3),
      recordedAt: DateTime.makeUnsafe(time),
      data: json(random),
      tags: random.some(tags, 3),
      metadata: metadata(random)
    }
  })
}

const search = (random: Random, log: ReadonlyArray<EventStore.RestoredEvent>): Inspection.Search => {
  const maybe = <A>(one: () => A, of = 3): A | undefined => (random.below(of) === 0 ? one() : undefined)
  const item = (): Query.QueryItem => {
    const [ofTypes, ofCategories, ofTags] = [random.some(types, 3), random.some(categories, 3), random.some(tags, 2)]
    return {
      ...(ofTypes.length > 0 && { types: ofTypes }),
      ...(ofCategories.length > 0 && { categories: ofCategories }),
      ...(ofTags.length > 0 && { tags: ofTags })
    }
  }
  const instant = () => DateTime.add(random.pick(log).recordedAt, { milliseconds: random.below(3) - 1 })
  const place = () => random.below(log.length + 3)
  return {
    query: maybe(() => Array.from({ length: 1 + random.below(3) }, item), 2),
    since: maybe(instant),
    until: maybe(instant),
    metadata: maybe(() => metadata(random), 2),
    from: maybe(place, 5),
    to: maybe(place, 5),
    limit: maybe(() => random.below(30), 4),
    direction: random.pick([undefined, "forward", "backward"])
  }
}

const sameJson = (a: unknown, b: unknown): boolean => {
  try {
    assert.deepStrictEqual(JSON.parse(JSON.stringify(a)), JSON.parse(JSON.stringify(b)))
    return true
  } catch {
    return false
  }
}

/** What a search is for, by looking at every event. */
const plain = (
  log: ReadonlyArray<RecordedEvent.RecordedEvent>,
  { direction, from = 1, limit = Infinity, metadata = {}, query, since, to = Infinity, until }: Inspection.Search
) => {
  const found = log.filter(
    (event) =>
      event.position >= from &&
      event.position <= to &&
      (query === undefined || Query.matches(query, event)) &&
      (since === undefined || event.recordedAt.epochMilliseconds >= since.epochMilliseconds) &&
      (until === undefined || event.recordedAt.epochMilliseconds < until.epochMilliseconds) &&
      Object.entries(metadata).every(
        ([field, value]) => Object.hasOwn(event.metadata, field) && sameJson(event.metadata[field], value)
      )
  )
  return (direction === "backward" ? found.toReversed() : found).slice(0, limit).map(({ position }) => position)
}

type Store = EventStore.EventStore["Service"]
type Look = Inspection.Inspection["Service"]

const inMemory = Effect.map(MemoryEventStore.make, (store) => ({ store, look: MemoryInspection.over(store) }))

/** In a schema of its own. */
const inDatabase = Effect.gen(function* () {
  const schema = `log "${crypto.randomUUID()}"`
  return { store: yield* PostgresEventStore.make({ schema }), look: yield* PostgresInspection.make({ schema }) }
})

/** Of a server that is far from UTC. */
const server = Layer.unwrap(
  Effect.gen(function* () {
    const url = yield* freshDatabase(yield* startServer({ settings: { fsync: "off", timezone: "Asia/Kathmandu" } }))
    return clientOf({ url })
  })
)

const positions = (found: Stream.Stream<RecordedEvent.RecordedEvent, EventStore.StoreError>) =>
  Effect.map(Stream.runCollect(found), (all) => all.map(({ position }) => position))

const restore = Effect.fnUntraced(function* (store: Store, log: ReadonlyArray<EventStore.RestoredEvent>) {
  for (let at = 0; at < log.length; at += 500) yield* store.restore(log.slice(at, at + 500))
})

const size = 600

const suite = <R, E>(
  name: string,
  client: Layer.Layer<R, unknown>,
  open: Effect.Effect<{ store: Store; look: Look }, E, R | Scope.Scope>
) =>
  layer(client, { excludeTestServices: true, timeout: "2 minutes" })(`a look into ${name}`, (it) => {
    const inside = <A, E>(work: (store: Store, look: Look) => Effect.Effect<A, E>) =>
      Effect.flatMap(open, ({ look, store }) => work(store, look)).pipe(Effect.scoped)

    it.effect(`tells what a random log holds, and finds what is searched for (INSPECTION_SEED=${seed})`, () =>
      inside(
        Effect.fnUntraced(function* (store, look) {
          const random = randomFrom(seed)
          const log = aLog(random, size)
          yield* restore(store, log)
          const recorded = yield* Stream.runCollect(store.readLog())

          const memory = yield* inMemory
          yield* restore(memory.store, log)
          for (const [days, longest] of [
            [14, 10],
            [0, 0],
            [100_000, 100_000]
          ] as const) {
            const { stored: _, ...expected } = yield* memory.look.statistics({ days, longest })
            const { stored, ...found } = yield* look.statistics({ days, longest })
            assert.deepStrictEqual(found, expected)
            if (name !== "memory") assert.isAbove(Math.min(stored!.events, stored!.indexes), 8191)
          }

          for (const event of recorded) {
            if (event.position % 23 > 0) continue
            assert.deepStrictEqual(yield* look.event(event.id), event)
            assert.deepStrictEqual(yield* look.event(event.id.toUpperCase()), event)
          }

          let hits = 0
          for (let round = 0; round < 120; round++) {
            const sought = search(random, log)
            const found = yield* positions(look.search(sought))
            assert.deepStrictEqual(found, plain(recorded, sought), JSON.stringify({ seed, round, sought }))
            hits += found.length > 0 ? 1 : 0
          }
          assert.isAbove(hits, 40)
        })
      )
    )

    it.effect("tells what an empty log holds", () =>
      inside(
        Effect.fnUntraced(function* (_, look) {
          const { stored: __, ...found } = yield* look.statistics({ days: 14, longest: 10 })
          assert.deepStrictEqual(found, {
            head: 0,
            events: 0,
            streams: 0,
            first: undefined,
            last: undefined,
            categories: [],
            types: [],
            days: [],
            longest: []
          })
          const [since, until] = [DateTime.makeUnsafe(-1e14), DateTime.makeUnsafe(1e14)]
          assert.deepStrictEqual(yield* positions(look.search({ since, until })), [])
        })
      )
    )

    it.effect("counts days, sizes and versions as they are written here", () =>
      inside(
        Effect.fnUntraced(function* (store, look) {
          const at = (time: string, index: number, rest: Partial<EventStore.RestoredEvent> = {}) => ({
            id: `00000000-0000-7000-8000-00000000000${index}`,
            stream: "order-1" as const,
            type: "Placed",
            schemaVersion: 1,
            recordedAt: DateTime.makeUnsafe(time),
            data: {},
            tags: [],
            metadata: {},
            ...rest
          })
          yield* store.restore([
            at("2024-02-28T23:59:59.999Z", 1, { data: { a: 1, b: [1, 2], ü: "😀" } }),
            at("2024-02-29T00:00:00.000Z", 2, { data: [1e21, 1.5e-7], schemaVersion: 2 }),
            at("2024-02-29T23:00:00.000Z", 3, { stream: "order-2", metadata: { actor: "a, b: c" } }),
            at("2024-03-01T00:00:00.000Z", 4, { stream: "cart-1-2" })
          ])
          const { stored: _, ...found } = yield* look.statistics({ days: 2, longest: 2 })
          assert.deepStrictEqual(found, {
            head: 4,
            events: 4,
            streams: 3,
            first: DateTime.makeUnsafe("2024-02-28T23:59:59.999Z"),
            last: DateTime.makeUnsafe("2024-03-01T00:00:00.000Z"),
            categories: [
              { category: "cart", streams: 1, events: 1 },
              { category: "order", streams: 2, events: 3 }
            ],
            types: [
              // {"a": 1, "b": [1, 2], "ü": "😀"} and {}, {} and {"actor": "a, b: c"}, {} and {}
              { type: "Placed", schemaVersion: 1, events: 3, bytes: 35 + 2 + 2 + 20 + 2 + 2, largest: 37 },
              // [1000000000000000000000, 0.00000015] and {}
              { type: "Placed", schemaVersion: 2, events: 1, bytes: 36 + 2, largest: 38 }
            ],
            days: [
              { day: "2024-02-29", events: 2 },
              { day: "2024-03-01", events: 1 }
            ],
            longest: [
              { stream: "order-1", events: 2 },
              { stream: "cart-1-2", events: 1 }
            ]
          })
        })
      )
    )

    it.effect("finds nothing under what is no id, and refuses what makes no sense", () =>
      inside(
        Effect.fnUntraced(function* (_, look) {
          for (const id of [
            "",
            "x",
            "{00000000-0000-7000-8000-000000000001}",
            "00000000-0000-7000-8000-000000000001\0"
          ]) {
            assert.isUndefined(yield* look.event(id))
          }
          const refused = [
            look.statistics({ days: -1, longest: 1 }),
            look.statistics({ days: 1, longest: 1.5 }),
            positions(look.search({ limit: -1 })),
            positions(look.search({ from: Number.NaN })),
            positions(look.search({ query: [] })),
            positions(look.search({ metadata: { "a\0": 1 } })),
            positions(look.search({ metadata: { a: "\uD800" } }))
          ]
          for (const one of refused)
            assert.strictEqual(
              (yield* Effect.flip<unknown, EventStore.StoreError, never>(one)).reason,
              "InvalidRequest"
            )
        })
      )
    )

    it.effect("ends a search where the log ended when it began", () =>
      inside(
        Effect.fnUntraced(function* (store, look) {
          const log = aLog(randomFrom(1), 1_100)
          yield* store.restore(log)
          let isFirst = true
          const found = look.search({ metadata: {} }).pipe(
            Stream.tap(() => {
              if (!isFirst) return Effect.void
              isFirst = false
              const late = {
                ...log[0]!,
                id: "ffffffff-0000-7000-8000-000000000000",
                recordedAt: log.at(-1)!.recordedAt
              }
              return store.restore([late])
            })
          )
          assert.strictEqual((yield* positions(found)).length, 1_100)
          assert.strictEqual(yield* store.head, 1_101)
        })
      )
    )
  })

suite("memory", Layer.empty, inMemory)
suite("an embedded store", EmbeddedPgClient.layer(), inDatabase)
suite("a server", server, inDatabase)

layer(EmbeddedPgClient.layer(), { excludeTestServices: true })("a look into a database without a log", (it) => {
  it.effect("says what to do", () =>
    Effect.gen(function* () {
      const look = yield* PostgresInspection.make({ schema: "nothing" })
      for (const one of [look.statistics({ days: 1, longest: 1 }), positions(look.search({}))]) {
        const { problem, reason } = yield* Effect.flip<unknown, EventStore.StoreError, never>(one)
        assert.strictEqual(reason, "Misconfigured")
        assert.include(problem, "run the migrations")
      }
      const wrong = yield* Effect.flip(PostgresInspection.make({ schema: "" }))
      assert.strictEqual(wrong.reason, "Misconfigured")
    })
  )
})

const fill = (schema: string) => [
  `INSERT INTO "${schema}".events (position, stream, version, id, type, schema_version, recorded_at, tags, data, metadata)
SELECT i, 'counter-1', i, lpad(to_hex(i), 32, '0')::uuid, CASE WHEN i % 3 = 0 THEN 'Third' ELSE 'Other' END, 1,
  '2026-01-01Z'::timestamptz + i * interval '1 minute',
  CASE WHEN i % 2 = 0 THEN '{all, even}'::text[] ELSE '{all, odd}' END, '{"amount": 1}', jsonb_build_object('n', i % 5000)
FROM generate_series(1, 25000) AS g (i)`,
  `INSERT INTO "${schema}".event_tags (tag, position) SELECT unnest(tags), position FROM "${schema}".events`
]

layer(server, { excludeTestServices: true, timeout: "2 minutes" })("a look into a log of many windows", (it) => {
  it.effect("finds metadata that few events have, by whatever else it is looked for", () =>
    Effect.gen(function* () {
      const schema = "windows"
      const sql = yield* PgClient.PgClient
      yield* PostgresEventStore.make({ schema })
      for (const statement of fill(schema)) yield* sql.unsafe(statement)
      const look = yield* PostgresInspection.make({ schema })
      const all = [1000, 6000, 11_000, 16_000, 21_000]
      const queries: ReadonlyArray<readonly [Query.Query | undefined, (position: number) => boolean]> = [
        [undefined, () => true],
        [[{ types: ["Third"] }], (position) => position % 3 === 0],
        [[{ tags: ["all"] }], () => true],
        [[{ tags: ["all"] }, { tags: ["even"] }], () => true],
        [[{ tags: ["odd"] }, { tags: ["even"] }], () => true],
        [[{ types: ["Other"] }, { tags: ["even"] }, { types: ["Nothing"] }], () => true],
        [[{ types: ["Third"], tags: ["even", "all"] }], (position) => position % 3 === 0]
      ]
      for (const [query, fits] of queries) {
        const expected = all.filter(fits)
        const sought = { query, metadata: { n: 1000 } }
        assert.deepStrictEqual(yield* positions(look.search(sought)), expected)
        const backward = yield* positions(look.search({ ...sought, direction: "backward" }))
        assert.deepStrictEqual(backward, expected.toReversed())
        assert.deepStrictEqual(yield* positions(look.search({ ...sought, limit: 2 })), expected.slice(0, 2))
        const lastTwo = yield* positions(look.search({ ...sought, direction: "backward", limit: 2 }))
        assert.deepStrictEqual(lastTwo, expected.toReversed().slice(0, 2))
      }
      const since = DateTime.makeUnsafe("2026-01-05T03:20:00Z")
      const until = DateTime.add(since, { minutes: 12_345 })
      const found = yield* positions(look.search({ since, until }))
      assert.deepStrictEqual([found.length, found[0], found.at(-1)], [12_345, 5960, 18_304])
    }).pipe(Effect.scoped)
  )
})
