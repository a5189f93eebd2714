/**
 * Four releases on one store: what each has stored is read by the last as its own events, by every reader, and a release that meets events from the
 * future says so.
 */
import { NodeFileSystem, NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, FileSystem, Layer, Option, Ref, Result, Schema, Stream } from "effect"
import { Copy, Event, EventStore, StreamName, Subscription } from "eventfold"
import { MemoryEventStore } from "eventfold/memory"
import { Catalog } from "eventfold/testing"
import { FreshEvent, freshStart } from "../../examples/schema-evolution/fresh.ts"
import { deployments, idsOf, releases } from "../../examples/schema-evolution/releases.ts"
import * as V1 from "../../examples/schema-evolution/v1.ts"
import * as V2 from "../../examples/schema-evolution/v2.ts"
import * as V3 from "../../examples/schema-evolution/v3.ts"
import * as V4 from "../../examples/schema-evolution/v4.ts"
import { makeEmbeddedFolder } from "../support/embeddedFolder.ts"
import { startExample } from "./support/program.ts"

const ids = idsOf("0")

/** What is stored by the four, in order: customer, type, version and data. */
const written: ReadonlyArray<readonly [id: string, type: string, schemaVersion: number, data: object]> = [
  [ids.ada, "Joined", 1, { name: "Ada", size: "small" }],
  [ids.bob, "Joined", 1, { name: "Bob", size: "large" }],
  [ids.ada, "FlyerEnclosed", 1, { campaign: "bring a friend" }],
  [ids.ada, "BoxSold", 1, { price: "12.50" }],
  [ids.cem, "Joined", 2, { name: "Cem", box: "large" }],
  [ids.ada, "BoxSold", 1, { price: "12.50", place: "Bob's" }],
  [ids.dora, "Subscribed", 2, { name: "Dora", box: "small" }],
  [ids.ada, "BoxSold", 2, { cents: 1350, place: "door" }],
  [ids.ada, "BoxDelivered", 1, { cents: 1350, place: "door" }],
  [ids.ada, "Paid", 1, { cents: 1350, by: "card" }],
  [ids.bob, "BoxDelivered", 1, { cents: 1990, place: "porch" }]
]

type Happened = readonly [id: string, event: V4.CustomerEvent]

/** The same in the words of release 4. */
const happened: ReadonlyArray<Happened> = [
  [ids.ada, { _tag: "Subscribed", name: "Ada", box: "small" }],
  [ids.bob, { _tag: "Subscribed", name: "Bob", box: "large" }],
  [ids.ada, { _tag: "BoxDelivered", cents: 1250, place: "door" }],
  [ids.ada, { _tag: "Paid", cents: 1250, by: "cash" }],
  [ids.cem, { _tag: "Subscribed", name: "Cem", box: "large" }],
  [ids.ada, { _tag: "BoxDelivered", cents: 1250, place: "Bob's" }],
  [ids.ada, { _tag: "Paid", cents: 1250, by: "cash" }],
  [ids.dora, { _tag: "Subscribed", name: "Dora", box: "small" }],
  [ids.ada, { _tag: "BoxDelivered", cents: 1350, place: "door" }],
  [ids.ada, { _tag: "Paid", cents: 1350, by: "cash" }],
  [ids.ada, { _tag: "BoxDelivered", cents: 1350, place: "door" }],
  [ids.ada, { _tag: "Paid", cents: 1350, by: "card" }],
  [ids.bob, { _tag: "BoxDelivered", cents: 1990, place: "porch" }]
]

const stored = Effect.flatMap(EventStore.EventStore, (store) => Stream.runCollect(store.readLog()))

const storedPlain = Effect.map(stored, (all) =>
  all.map(({ stream, type, schemaVersion, data }) => [StreamName.id(stream), type, schemaVersion, data])
)

const played = Effect.forEach(releases, ({ days }) => days(ids), { discard: true })

const plain = <E extends Event.Tagged>({ event, recorded }: Event.Decoded<E>) =>
  [StreamName.id(recorded.stream), event] as const

const onStore = Effect.provide(
  Layer.mergeAll(deployments, V4.Accounts.layer).pipe(Layer.provideMerge(Layer.fresh(MemoryEventStore.layer)))
)

describe("what four releases have stored", () => {
  it.effect("stays as it was written", () =>
    Effect.gen(function* () {
      yield* played
      assert.deepStrictEqual<unknown>(yield* storedPlain, written)
    }).pipe(onStore)
  )

  it.effect("is for each of them what it should be", () =>
    Effect.gen(function* () {
      const states: Array<unknown> = []
      for (const { days, state } of releases) {
        yield* days(ids)
        states.push((yield* state(ids.ada)).state)
      }
      assert.deepStrictEqual<unknown>(states, [
        { name: "Ada", size: "small", boxes: 1, euros: 12.5 },
        { name: "Ada", box: "small", boxes: 2, euros: 25, place: "Bob's" },
        { name: "Ada", box: "small", boxes: 3, cents: 3850, place: "door" },
        { name: "Ada", box: "small", boxes: 4, owes: 0, place: "door" }
      ])
    }).pipe(onStore)
  )

  it.effect("is read by the last one's aggregate, subscription and projection as its own events", () =>
    Effect.gen(function* () {
      yield* played
      const { history } = yield* V4.Customers
      for (const id of Object.values(ids)) {
        assert.deepStrictEqual(
          (yield* Stream.runCollect(history(id))).map(plain),
          happened.filter(([of]) => of === id)
        )
      }
      const subscribed = yield* Subscription.stream({ events: V4.CustomerEvent }).pipe(
        Stream.take(happened.length),
        Stream.runCollect
      )
      assert.deepStrictEqual(subscribed.map(plain), happened)
      assert.strictEqual(new Set(subscribed.map(({ id }) => id)).size, happened.length)

      const accounts = yield* V4.Accounts
      yield* accounts.awaitPosition(written.length)
      assert.deepStrictEqual(yield* Effect.forEach(Object.values(ids), (id) => accounts.get(id)), [
        Option.some({ name: "Ada", boxes: 4, cash: 3850, card: 1350 }),
        Option.some({ name: "Bob", boxes: 1, cash: 0, card: 0 }),
        Option.some({ name: "Cem", boxes: 0, cash: 0, card: 0 }),
        Option.some({ name: "Dora", boxes: 0, cash: 0, card: 0 })
      ])
    }).pipe(onStore)
  )
})

describe("a release that meets events from the future", () => {
  it.effect("decides nothing, and says which event it cannot read", () =>
    Effect.gen(function* () {
      const failures: Array<unknown> = []
      for (const { before, days } of releases) {
        yield* days(ids)
        if (before === undefined) continue
        const head = (yield* stored).length
        const result = yield* Effect.result(before.sell(ids[before.to]))
        assert.isTrue(Result.isFailure(result) && result.failure._tag === "DecodeError")
        if (Result.isFailure(result) && result.failure._tag === "DecodeError") {
          const { position, reason, schemaVersion, type } = result.failure
          failures.push([reason, type, schemaVersion, position])
        }
        assert.strictEqual((yield* stored).length, head)
      }
      assert.deepStrictEqual(failures, [
        ["UnknownVersion", "Joined", 2, 5],
        ["UnknownType", "Subscribed", 2, 7],
        ["UnknownType", "BoxDelivered", 1, 9]
      ])
    }).pipe(onStore)
  )

  it.effect("is given what came before by its subscription, which then fails", () =>
    Effect.gen(function* () {
      yield* played
      const given = yield* Ref.make<ReadonlyArray<string>>([])
      const failure = yield* Subscription.run({ events: V2.CustomerEvent }, ({ _tag }) =>
        Ref.update(given, (all) => [...all, _tag])
      ).pipe(Effect.flip)
      assert.deepInclude(failure, { _tag: "DecodeError", reason: "UnknownVersion", type: "BoxSold", position: 8 })
      assert.deepStrictEqual(
        yield* Ref.get(given),
        written.slice(0, 6).map(([, type]) => type)
      )
    }).pipe(onStore)
  )

  it.effect("does not see a field that was added with a default", () =>
    Effect.gen(function* () {
      yield* releases[0]!.days(ids)
      yield* releases[1]!.days(ids)
      const { state } = yield* V1.Customers
      assert.deepStrictEqual((yield* state(ids.ada)).state, { name: "Ada", size: "small", boxes: 2, euros: 25 })
    }).pipe(onStore)
  )
})

describe("the copy", () => {
  const copied = Effect.gen(function* () {
    yield* played
    const from = yield* Effect.context<EventStore.EventStore>()
    const to = yield* Layer.build(Layer.fresh(MemoryEventStore.layer))
    const report = yield* Copy.run(freshStart((yield* stored).map(({ stream }) => stream)), { from, to })
    return { report, events: yield* Effect.provide(stored, to) }
  })

  it.effect("has the same history as version 1 of every type, and is read without a step", () =>
    Effect.gen(function* () {
      const { events, report } = yield* copied
      assert.deepInclude(report, { read: 11, written: 13, dropped: 1 })
      assert.isTrue(events.every(({ schemaVersion }) => schemaVersion === 1))
      const decoded = events.flatMap((recorded) => Result.getOrThrow(Event.decodeRecorded(FreshEvent, recorded)))
      assert.deepStrictEqual(decoded.map(plain), happened)
      assert.deepStrictEqual<unknown>(yield* storedPlain, written)
    }).pipe(Effect.scoped, onStore)
  )

  it.effect("is not for the code of the old store: its versions have begun anew", () =>
    Effect.gen(function* () {
      const [first] = (yield* copied).events
      assert.isDefined(first)
      const failure = yield* Effect.flip(Effect.fromResult(Event.decode(V4.CustomerEvent, first)))
      assert.strictEqual(failure.reason, "InvalidData")
    }).pipe(Effect.scoped, onStore)
  )
})

describe("the lock files", () => {
  const fileOf = (release: number) => `${import.meta.dirname}/../../examples/schema-evolution/v${release}.events.lock`

  const Lock = Schema.Struct({
    types: Schema.Array(
      Schema.Struct({
        type: Schema.String,
        versions: Schema.Array(
          Schema.Struct({
            version: Schema.Int,
            samples: Schema.Array(Schema.Struct({ stored: Schema.Json, reads: Schema.Json }))
          })
        )
      })
    )
  })

  const samplesOf = Effect.fnUntraced(function* (release: number) {
    const files = yield* FileSystem.FileSystem
    const text = yield* files.readFileString(fileOf(release))
    const { types } = yield* Schema.decodeEffect(Schema.fromJsonString(Lock))(text)
    return types.flatMap(({ type, versions }) =>
      versions.flatMap(({ version, samples }) =>
        samples.map(({ stored, reads }) => ({ sample: JSON.stringify({ type, version, stored }), reads }))
      )
    )
  })

  it.effect("have all that each release may store", () =>
    Effect.gen(function* () {
      const whole = { written: false, added: [] }
      assert.deepStrictEqual(yield* Catalog.check(V1.CustomerEvent, fileOf(1)), whole)
      assert.deepStrictEqual(yield* Catalog.check(V2.CustomerEvent, fileOf(2)), whole)
      assert.deepStrictEqual(yield* Catalog.check(V3.CustomerEvent, fileOf(3)), whole)
      assert.deepStrictEqual(yield* Catalog.check(V4.CustomerEvent, fileOf(4)), whole)
    }).pipe(Effect.provide([NodeFileSystem.layer, ConfigProvider.layer(ConfigProvider.fromUnknown({ CI: "true" }))]))
  )

  it.effect("only grow, and every sample can be read", () =>
    Effect.gen(function* () {
      for (const release of [2, 3, 4]) {
        const before = yield* samplesOf(release - 1)
        const now = yield* samplesOf(release)
        const kept = new Set(now.map(({ sample }) => sample))
        for (const { sample } of before) assert.isTrue(kept.has(sample), `release ${release} has lost ${sample}`)
        assert.isAbove(now.length, before.length)
        for (const { reads, sample } of now) assert.notProperty(reads, "problem", sample)
      }
    }).pipe(Effect.provide(NodeFileSystem.layer))
  )
})

describe("the program", () => {
  const run = (flags: ReadonlyArray<string>, env?: Record<string, string>) =>
    Effect.flatMap(startExample("schema-evolution/main.ts", flags, env), ({ end }) => end)

  const tells = (said: string) => {
    for (const line of [
      "Release 1: boxes are sold at the door",
      `    boxes 1, euros 12.5, name "Ada", size "small"`,
      `    cem   Joined, version 2        box "large", name "Cem"`,
      `    ada   BoxSold, version 1       place "Bob's", price "12.50"`,
      "  Release 1 is still running, and is to sell a box to cem. It does not:",
      `    box "small", boxes 4, name "Ada", owes 0, place "door"`,
      `    ada   Paid                     by "cash", cents 1250`,
      `    ada   account                  boxes 4, card 1350, cash 3850, name "Ada"`,
      "A copy, in a store of its own: 11 events read, 13 written, 1 left out",
      `    ada   Subscribed, version 1    box "small", name "Ada"`
    ]) {
      assert.include(said.split("\n"), line, said)
    }
    assert.strictEqual(said.match(/^ {4}DecodeError: /gm)?.length, 3, said)
    assert.match(
      said,
      /And what was stored is what it was:\n {4}ada {3}Joined, version 1 {8}name "Ada", size "small"\n/
    )
    assert.notInclude(said, "over a history that it cannot read")
    assert.notInclude(said, "    at ")
  }

  it.live("tells its story in memory", () =>
    Effect.gen(function* () {
      const { code, said } = yield* run(["--memory"])
      assert.strictEqual(code, 0, said)
      tells(said)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.live(
    "tells it any number of times in one folder",
    () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const dataDir = `${yield* fs.makeTempDirectoryScoped({ prefix: "evolution-" })}/data`
        yield* Effect.promise(() => makeEmbeddedFolder(dataDir))
        for (let time = 0; time < 2; time++) {
          const { code, said } = yield* run([], { DATABASE_URL: "", DATA_DIR: dataDir })
          assert.strictEqual(code, 0, said)
          assert.include(said, `Events are kept in the folder ${dataDir}.`)
          tells(said)
        }
      }).pipe(Effect.provide(NodeServices.layer)),
    120_000
  )
})
