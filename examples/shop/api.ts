/**
 * 12. HTTP: what can be asked over HTTP and what is answered; `http.ts` has the handlers. Every request names what it is about, so it can be
 * sent again: it gets the first answer, and changes nothing.
 */
import { Schema } from "effect"
import { HttpApi, HttpApiEndpoint, HttpApiGroup, HttpApiMiddleware, HttpApiSchema, OpenApi } from "effect/http-api"
import { EventStore } from "eventfold"
import { CancelReason } from "./order/events.ts"
import { CancellationWasRefused, OrderAlreadyPlaced, OrderIsFulfilled, OrderNotPlaced } from "./order/order.ts"
import { Card } from "./payment/events.ts"
import { PaymentAlreadyMade, PaymentIsOver, PaymentNotRequested, PaymentUnderWay } from "./payment/payment.ts"
import { Customer, Lines, Money, OrderId, Sku } from "./vocabulary.ts"

/** An order, and how far the shop has come with it. */
export const OrderView = Schema.Struct({
  id: OrderId,
  status: Schema.Literals(["open", "cancelled", "fulfilled"]),
  reason: Schema.optionalKey(CancelReason),
  cancellation: Schema.optionalKey(Schema.Literals(["none", "requested", "refused"])),
  payment: Schema.String.annotate({ description: "Captured, when the money is there" }),
  toPay: Schema.optionalKey(Money),
  shipment: Schema.String,
  tracking: Schema.optionalKey(Schema.String),
  fulfilment: Schema.String.annotate({ description: "Hears of everything a little later" }),
  payUntil: Schema.optionalKey(Schema.DateTimeUtcFromString)
})
export type OrderView = typeof OrderView.Type

/** Something that happened to an order, and what the shop did about it. */
export const StoryEntry = Schema.Struct({
  at: Schema.DateTimeUtcFromString,
  happened: Schema.String,
  asked: Schema.Array(Schema.String),
  deadlines: Schema.Array(Schema.String)
})
export type StoryEntry = typeof StoryEntry.Type

/** Some goods are not sold here. */
export class NotSold extends Schema.TaggedError<NotSold>()("NotSold", { skus: Schema.Array(Sku) }) {}

/** The store cannot be reached at the moment. Nothing was stored; ask again later. */
export class Unavailable extends Schema.TaggedError<Unavailable>()("Unavailable", {}) {}

const params = { id: OrderId }
const notFound = [OrderNotPlaced.pipe(HttpApiSchema.status(404))] as const
const unavailable = [Unavailable.pipe(HttpApiSchema.status(503))] as const
const conflict = [EventStore.ConcurrencyConflict.pipe(HttpApiSchema.status(409)), ...unavailable] as const
const rejected = HttpApiSchema.status(422)

export const OrdersApi = HttpApiGroup.make("orders").add(
  HttpApiEndpoint.put("place", "/orders/:id", {
    params,
    payload: Schema.Struct({ customer: Customer, lines: Lines }),
    success: OrderView.pipe(HttpApiSchema.status(201)),
    error: [NotSold.pipe(rejected), OrderAlreadyPlaced.pipe(rejected), ...notFound, ...conflict]
  }),
  HttpApiEndpoint.put("pay", "/orders/:id/payment", {
    params,
    payload: Schema.Struct({ card: Card }),
    success: OrderView.pipe(HttpApiSchema.status(202)),
    error: [
      PaymentNotRequested.pipe(rejected),
      PaymentUnderWay.pipe(rejected),
      PaymentAlreadyMade.pipe(rejected),
      PaymentIsOver.pipe(rejected),
      ...notFound,
      ...conflict
    ]
  }),
  HttpApiEndpoint.put("cancel", "/orders/:id/cancellation", {
    params,
    success: OrderView.pipe(HttpApiSchema.status(202)),
    error: [CancellationWasRefused.pipe(rejected), OrderIsFulfilled.pipe(rejected), ...notFound, ...conflict]
  }),
  HttpApiEndpoint.get("get", "/orders/:id", { params, success: OrderView, error: [...notFound, ...unavailable] }),
  HttpApiEndpoint.get("story", "/orders/:id/story", {
    params,
    success: Schema.Array(StoryEntry),
    error: [...notFound, ...unavailable]
  })
)

export const ShopApi = HttpApi.make("shop")
  .add(OrdersApi)
  .middleware(HttpApiMiddleware.ProblemDetails)
  .annotate(HttpApi.PayloadParseOptions, { onExcessProperty: "error", errors: "all" })
  .annotateMerge(
    OpenApi.annotations({
      title: "Shop",
      version: "1.0.0",
      description: "Orders, and what becomes of them. Amounts are whole numbers of cents."
    })
  )
