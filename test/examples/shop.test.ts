/**
 * The shop as a process: it plays a day, tells of it, and means it.
 */
import { NodeHttpClient, NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Data, Effect, FileSystem, Layer, Schedule } from "effect"
import { HttpClient, HttpClientRequest } from "effect/http"
import { Aggregate } from "eventfold"
import { EmbeddedEventStore } from "eventfold/postgres/embedded"
import { rules } from "../../examples/shop/audit.ts"
import { order } from "../../examples/shop/order/order.ts"
import { planOf } from "../../examples/shop/plan.ts"
import { makeEmbeddedFolder } from "../support/embeddedFolder.ts"
import { freshDatabase, startServer } from "../support/server.ts"
import { startExample } from "./support/program.ts"

class StillOtherwise extends Data.TaggedError("StillOtherwise")<{ readonly found: string }> {}

const start = (flags: ReadonlyArray<string>, env?: Record<string, string>) => startExample("shop/main.ts", flags, env)

const run = (...asked: Parameters<typeof start>) => Effect.flatMap(start(...asked), ({ end }) => end)

const day = (seed: number, orders: number) => run(["--memory", "--seed", String(seed), "--orders", String(orders)])

const isRight = (said: string) => Object.values(rules).every((rule) => said.includes(`      ok  ${rule}\n`))

const countOf = (said: string, what: string) => Number(new RegExp(`^ +${what} +(\\d+)$`, "m").exec(said)?.[1] ?? 0)

describe("a day in the shop", () => {
  it.live(
    "comes out right, and has something of everything in it",
    () =>
      Effect.gen(function* () {
        const [one, again, other] = yield* Effect.all([day(1, 80), day(1, 80), day(2, 60)], { concurrency: 2 })
        for (const { code, said } of [one, other]) {
          assert.strictEqual(code, 0, said)
          assert.isTrue(isRight(said), said)
          assert.notInclude(said, "not over yet")
          for (const what of ["fulfilled", "cancelled: out of stock", "cancelled: not paid in time", "refunds"]) {
            assert.isAbove(countOf(said, what), 0, `${what} in\n${said}`)
          }
        }
        assert.strictEqual(countOf(one.said, "all"), 80)
        assert.strictEqual(countOf(other.said, "all"), 60)
        // The same seed is the same story.
        assert.strictEqual(again.said, one.said)
        assert.notStrictEqual(other.said, one.said)
      }).pipe(Effect.provide(NodeServices.layer)),
    120_000
  )

  it.live(
    "can be followed by another one in the same store, and fails when something is not as it must be",
    () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const dataDir = `${yield* fs.makeTempDirectoryScoped({ prefix: "shop-" })}/data`
        yield* Effect.promise(() => makeEmbeddedFolder(dataDir))
        const dayThere = run(["--orders", "3", "--hour", "1"], { DATABASE_URL: "", DATA_DIR: dataDir })
        const right = yield* dayThere
        assert.strictEqual(right.code, 0, right.said)
        assert.isTrue(isRight(right.said), right.said)

        // Somebody fulfils an order by hand, and nobody has paid for it.
        yield* Effect.gen(function* () {
          const orders = yield* Aggregate.make({ decider: order })
          const lines = [{ sku: "tea", quantity: 1 }]
          yield* orders.execute("by-hand", { _tag: "Place", customer: "Eve", lines, total: 850 })
          yield* orders.execute("by-hand", { _tag: "Fulfil" })
        }).pipe(Effect.provide(EmbeddedEventStore.layer({ dataDir })), Effect.scoped)

        const broken = yield* dayThere
        assert.strictEqual(broken.code, 1, broken.said)
        assert.include(
          broken.said,
          `  BROKEN  ${rules.payments}\n          order by-hand is fulfilled, and 0 of 850 are paid`
        )
        assert.include(
          broken.said,
          `  BROKEN  ${rules.parcels}\n          order by-hand is fulfilled, and was not delivered`
        )
        assert.strictEqual(countOf(broken.said, "all"), 3)
        assert.notInclude(broken.said, "    at ")
      }).pipe(Effect.provide(NodeServices.layer)),
    120_000
  )

  it.live(
    "comes out right on a server, where time is real",
    () =>
      Effect.gen(function* () {
        const url = yield* Effect.flatMap(startServer({ settings: { fsync: "off" } }), freshDatabase)
        const { code, said } = yield* run(["--orders", "25", "--hour", "3"], { DATABASE_URL: url })
        assert.strictEqual(code, 0, said)
        assert.isTrue(isRight(said), said)
        assert.strictEqual(countOf(said, "all"), 25)
      }).pipe(Effect.provide(NodeServices.layer)),
    120_000
  )

  it.live("says what is wrong with what it is asked for", () =>
    Effect.gen(function* () {
      const { code, said } = yield* run(["--memory", "--orders", "0"])
      assert.strictEqual(code, 1)
      assert.include(said, "orders")
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it("is planned by its seed alone", () => {
    assert.deepStrictEqual(planOf(7, 50), planOf(7, 50))
    assert.notDeepEqual(planOf(7, 50), planOf(8, 50))
  })
})

describe("the shop over HTTP", () => {
  it.live("is open until it is told to close", () =>
    Effect.gen(function* () {
      const { child, end, url } = yield* start(["serve", "--memory"], { PORT: "0" })
      const { status } = yield* HttpClient.get(`${yield* url}/orders/nobodys`)
      assert.strictEqual(status, 404)
      yield* child.kill({ killSignal: "SIGTERM" })
      assert.strictEqual((yield* end).code, 0)
    }).pipe(Effect.provide(Layer.mergeAll(NodeServices.layer, NodeHttpClient.layerUndici)))
  )

  it.live(
    "goes on with its orders after it was killed",
    () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const dataDir = `${yield* fs.makeTempDirectoryScoped({ prefix: "shop-" })}/data`
        const open = start(["serve"], { PORT: "0", DATABASE_URL: "", DATA_DIR: dataDir })
        const put = (url: string, body: string) =>
          HttpClient.execute(HttpClientRequest.put(url).pipe(HttpClientRequest.bodyText(body, "application/json")))
        const until = (url: string, expected: string) =>
          HttpClient.get(url).pipe(
            Effect.flatMap(({ text }) => text),
            Effect.filterOrFail(
              (text) => text.includes(expected),
              (found) => new StillOtherwise({ found })
            ),
            Effect.retry({ schedule: Schedule.spaced("50 millis"), times: 600 })
          )

        const first = yield* open
        const before = `${yield* first.url}/orders/o1`
        yield* put(before, `{"customer":"Ada","lines":[{"sku":"tea","quantity":2}]}`)
        yield* until(before, `"fulfilment":"AwaitingPayment"`)
        yield* first.child.kill({ killSignal: "SIGKILL" })

        const second = yield* open
        const after = `${yield* second.url}/orders/o1`
        assert.include(yield* until(after, `"fulfilment":"AwaitingPayment"`), `"toPay":1700`)
        yield* put(`${after}/payment`, `{"card":"visa-1"}`)
        yield* until(after, `"shipment":"Booked"`)
      }).pipe(Effect.provide(Layer.mergeAll(NodeServices.layer, NodeHttpClient.layerUndici))),
    120_000
  )
})
