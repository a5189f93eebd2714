/**
 * Projections over the stores as they are made for use: on the server that the configuration names, and embedded, also in a folder.
 */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, layer } from "@effect/vitest"
import { ConfigProvider, Effect, Layer, Option } from "effect"
import { SqlClient } from "effect/sql"
import { EventStore, Projection } from "eventfold"
import { PostgresEventStore } from "eventfold/postgres"
import { EmbeddedEventStore } from "eventfold/postgres/embedded"
import { Spec } from "eventfold/testing"
import { freshDatabase, TestServer } from "../../support/server.ts"
import { appendTo, byKey, byStream, lines } from "./support/domain.ts"
import { live, numbers } from "./support/scene.ts"

const settings = { version: 1, partitions: 1, mode: "async" } as const
const put = (key: string) => ({ _tag: "Put", key }) as const

const configured = (url: string) =>
  Layer.provide(
    PostgresEventStore.layerConfig(),
    ConfigProvider.layer(ConfigProvider.fromEnv({ env: { DATABASE_URL: url } }))
  )

class Streams extends Projection.Service<Streams>()("test/Streams", byStream(settings)) {}
class Lines extends Projection.Service<Lines>()("test/Lines", lines(settings)) {}

const countersOf = ({ table }: Projection.Tables<"lines" | "counters">) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const rows = yield* sql<{ readonly key: string; readonly n: number }>`
      SELECT key, n::int FROM ${sql.literal(table("counters"))} ORDER BY key`
    return rows.map(({ key, n }) => [key, n] as const)
  })

const specs = Effect.gen(function* () {
  yield* Spec.projection(byKey(settings))
    .given([put("a"), put("b"), put("a")])
    .then({ a: 2, b: 1 }).onStore
  yield* Spec.projection(lines(settings))
    .given([put("a"), put("b"), put("a")])
    .thenReads(countersOf, [
      ["a", 2],
      ["b", 1]
    ]).onStore
  const wrong = yield* Effect.flip(
    Spec.projection(lines(settings))
      .given([put("a")])
      .thenReads(countersOf, [["a", 2]]).onStore
  )
  assert.strictEqual(wrong._tag, "SpecFailure")
})

/** Appends some more, and reads what all of it has come to. */
const use = (before: number) =>
  Effect.gen(function* () {
    const store = yield* EventStore.EventStore
    const [streams, tables] = [yield* Streams, yield* Lines]
    yield* Effect.forEach(numbers(20), (n) => appendTo(store, n % 2), { concurrency: "unbounded" })
    const head = yield* store.head
    assert.strictEqual(head, before + 20)
    yield* Effect.forEach([streams, tables], ({ awaitPosition }) => awaitPosition(head))
    assert.strictEqual(Option.getOrThrow(yield* streams.get("box-1")).count, head / 2)
    assert.deepStrictEqual(yield* countersOf(tables), [
      ["k0", head / 2],
      ["k1", head / 2]
    ])
  })

const projections = Layer.mergeAll(Streams.layer, Lines.layer)

const folder = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "eventfold-projections-"))),
  (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
)

layer(TestServer.layer(), live)("projections", (it) => {
  it.effect("have all they need from the store that the configuration names, and hold their specs there", () =>
    Effect.gen(function* () {
      const url = yield* freshDatabase(yield* TestServer)
      const all = Layer.provideMerge(projections, configured(url))
      yield* Effect.provide(use(0), all, { local: true })
      yield* Effect.provide(use(20), all, { local: true })
      yield* Effect.provide(specs, configured(url), { local: true })
    })
  )

  it.effect("have all they need from the embedded store, and hold their specs there", () =>
    Effect.gen(function* () {
      const store = EmbeddedEventStore.layer()
      yield* Effect.provide(Effect.andThen(use(0), specs), Layer.provideMerge(projections, store), { local: true })
    })
  )

  it.effect("are there again with the folder of an embedded store, and go on", () =>
    Effect.gen(function* () {
      const dataDir = yield* folder
      const all = Layer.provideMerge(projections, EmbeddedEventStore.layer({ dataDir }))
      yield* Effect.provide(use(0), all, { local: true })
      yield* Effect.provide(use(20), all, { local: true })
      yield* Effect.provide(use(40), all, { local: true })
    })
  )
})
