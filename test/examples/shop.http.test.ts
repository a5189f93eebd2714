/**
 * The shop over HTTP, in process: with the fulfilment at work behind it, in real time, of which a minute takes three seconds.
 */
import { assert, describe, it } from "@effect/vitest"
import { Data, Effect, Layer, Schedule, Schema } from "effect"
import { HttpRouter, HttpServer } from "effect/http"
import { MemoryEventStore } from "eventfold/memory"
import { OrderView, StoryEntry } from "../../examples/shop/api.ts"
import { ShopHttp } from "../../examples/shop/http.ts"
import { openShopAt } from "../../examples/shop/serve.ts"

class StillOtherwise extends Data.TaggedError("StillOtherwise")<{ readonly order: OrderView }> {}

const decodeBody = Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Unknown))
const decodeView = Schema.decodeUnknownEffect(OrderView)
const decodeStory = Schema.decodeUnknownEffect(Schema.Array(StoryEntry))

/** A shop that is open as long as the scope. */
const openShop = Effect.gen(function* () {
  const routes = ShopHttp.pipe(
    Layer.provide(openShopAt(1 / 20)),
    Layer.provide(Layer.fresh(MemoryEventStore.layer)),
    Layer.provide(HttpServer.layerServices)
  )
  const { handler } = yield* Effect.acquireRelease(
    Effect.sync(() => HttpRouter.toWebHandler(routes, { disableLogger: true })),
    ({ dispose }) => Effect.promise(dispose)
  )
  const ask = Effect.fnUntraced(function* (method: string, path: string, body?: Schema.Json) {
    const request = new Request(`http://shop.test${path}`, {
      method,
      headers: { "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) })
    })
    const response = yield* Effect.promise(() => handler(request))
    const text = yield* Effect.promise(() => response.text())
    const isJson = (response.headers.get("content-type") ?? "").includes("json")
    return { status: response.status, body: isJson ? yield* Effect.orDie(decodeBody(text)) : text }
  })
  const get = (path: string) => ask("GET", path)
  const put = (path: string, body?: Schema.Json) => ask("PUT", path, body)
  /** Looks at an order until it is so. */
  const until = (id: string, is: (order: OrderView) => boolean) =>
    get(`/orders/${id}`).pipe(
      Effect.flatMap(({ body }) => decodeView(body)),
      Effect.filterOrFail(is, (order) => new StillOtherwise({ order })),
      Effect.retry({ schedule: Schedule.spaced("20 millis"), times: 500 })
    )
  return { get, put, until }
})

const ordered = { customer: "Ada", lines: [{ sku: "tea", quantity: 2 }] }

describe.concurrent("the shop over HTTP", () => {
  it.live("sees an order through that is paid for, and tells its story", () =>
    Effect.gen(function* () {
      const { get, put, until } = yield* openShop
      const placed = yield* put("/orders/o1", ordered)
      assert.strictEqual(placed.status, 201)
      assert.deepInclude(placed.body, { id: "o1", status: "open", payment: "NotRequested" })
      const asked = yield* until("o1", ({ payment }) => payment === "Requested")
      assert.strictEqual(asked.toPay, 1_700)
      const { payUntil } = yield* until("o1", ({ fulfilment }) => fulfilment === "AwaitingPayment")
      assert.isDefined(payUntil)
      assert.strictEqual((yield* put("/orders/o1/payment", { card: "visa-1" })).status, 202)
      const done = yield* until("o1", ({ fulfilment }) => fulfilment === "Over")
      assert.deepInclude(done, { status: "fulfilled", payment: "Captured", shipment: "Delivered" })

      const story = yield* decodeStory((yield* get("/orders/o1/story")).body)
      const events = story.filter(({ happened }) => !happened.includes(":"))
      assert.deepStrictEqual(
        events.map(({ asked, happened }) => [happened, ...asked].join(" → ")),
        [
          "OrderPlaced → stock tea Reserve",
          "StockReserved → payments o1 Request",
          "PaymentCaptured → shipments o1 Request",
          "ShipmentDispatched → stock tea Take",
          "ShipmentDelivered → orders o1 Fulfil",
          "OrderFulfilled"
        ]
      )
      assert.deepStrictEqual(
        story.flatMap(({ deadlines }) => deadlines.map((deadline) => deadline.split(": ")[0])),
        ["payment", "payment"]
      )
    })
  )

  it.live("cancels an order for a customer who changes their mind", () =>
    Effect.gen(function* () {
      const { put, until } = yield* openShop
      yield* put("/orders/o1", ordered)
      yield* until("o1", ({ payment }) => payment === "Requested")
      assert.strictEqual((yield* put("/orders/o1/cancellation")).status, 202)
      const done = yield* until("o1", ({ fulfilment }) => fulfilment === "Over")
      assert.deepInclude(done, { status: "cancelled", reason: "ByCustomer", payment: "Withdrawn" })
      assert.strictEqual((yield* put("/orders/o1/cancellation")).status, 202)
      const tooLate = yield* put("/orders/o1/payment", { card: "visa-1" })
      assert.deepStrictEqual(tooLate, { status: 422, body: { _tag: "PaymentIsOver" } })
    })
  )

  it.live("cancels what cannot be paid, and what is not there", () =>
    Effect.gen(function* () {
      const { put, until } = yield* openShop
      yield* put("/orders/o1", ordered)
      yield* until("o1", ({ payment }) => payment === "Requested")
      yield* put("/orders/o1/payment", { card: "declined-1" })
      assert.strictEqual((yield* until("o1", ({ status }) => status === "cancelled")).reason, "PaymentDeclined")
      yield* put("/orders/o2", { customer: "Bob", lines: [{ sku: "pot", quantity: 101 }] })
      assert.strictEqual((yield* until("o2", ({ status }) => status === "cancelled")).reason, "OutOfStock")
    })
  )

  it.live("takes a request that is sent again for the one that it is", () =>
    Effect.gen(function* () {
      const { get, put, until } = yield* openShop
      yield* put("/orders/o1", ordered)
      assert.strictEqual((yield* put("/orders/o1", ordered)).status, 201)
      const other = yield* put("/orders/o1", { ...ordered, customer: "Eve" })
      assert.deepStrictEqual(other, { status: 422, body: { _tag: "OrderAlreadyPlaced" } })
      yield* until("o1", ({ payment }) => payment === "Requested")
      yield* put("/orders/o1/payment", { card: "visa-1" })
      yield* until("o1", ({ payment }) => payment === "Captured")
      assert.strictEqual((yield* put("/orders/o1/payment", { card: "visa-1" })).status, 202)
      assert.strictEqual((yield* put("/orders/o1/payment", { card: "visa-2" })).status, 422)
      yield* until("o1", ({ fulfilment }) => fulfilment === "Over")
      const story = yield* decodeStory((yield* get("/orders/o1/story")).body)
      assert.lengthOf(
        story.filter(({ happened }) => happened === "PaymentCaptured"),
        1
      )
    })
  )

  it.live("refuses what it does not know, or sell", () =>
    Effect.gen(function* () {
      const { get, put } = yield* openShop
      const nobodys = { status: 404, body: { _tag: "OrderNotPlaced" } }
      assert.deepStrictEqual(yield* get("/orders/nobodys"), nobodys)
      assert.deepStrictEqual(yield* get("/orders/nobodys/story"), nobodys)
      assert.deepStrictEqual(yield* put("/orders/nobodys/payment", { card: "visa-1" }), nobodys)
      assert.deepStrictEqual(yield* put("/orders/nobodys/cancellation"), nobodys)
      const cars = yield* put("/orders/o1", { customer: "Ada", lines: [{ sku: "car", quantity: 1 }] })
      assert.deepStrictEqual(cars, { status: 422, body: { _tag: "NotSold", skus: ["car"] } })
      const twice = yield* put("/orders/o1", { ...ordered, lines: [...ordered.lines, ...ordered.lines] })
      assert.deepInclude(twice.body, {
        status: 400,
        errors: [{ path: ["payload", "lines"], message: "one line for each sku" }]
      })
      assert.strictEqual((yield* get("/orders/o1")).status, 404)
    })
  )
})
