/**
 * 12. HTTP: the handlers. A customer asks an order or a payment; that something follows from it is for the fulfilment to see to, and can be
 * seen a moment later.
 */
import { Effect, Layer, Option, Stream } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { HttpApiBuilder, HttpApiMiddleware, HttpApiSwagger } from "effect/http-api"
import { Event, EventStore, type Process } from "eventfold"
import { NotSold, type OrderView, ShopApi, type StoryEntry, Unavailable } from "./api.ts"
import { totalOf } from "./catalogue.ts"
import { OrderAlreadyPlaced, OrderNotPlaced } from "./order/order.ts"
import { PaymentUnderWay } from "./payment/payment.ts"
import { Fulfilments, Orders, Payments, Shipments } from "./service.ts"
import type { Line } from "./vocabulary.ts"

/** What is nobody's fault but ours. Clients learn whether it is worth asking again, and nothing else. */
const withoutInternals = <A, E, R>(
  self: Effect.Effect<A, E | EventStore.StoreError | Event.DecodeError, R>
): Effect.Effect<A, E | Unavailable, R> =>
  Effect.catch(self, (error): Effect.Effect<never, E | Unavailable> => {
    if (error instanceof EventStore.StoreError && error.isRetryable) return Effect.fail(new Unavailable())
    if (error instanceof EventStore.StoreError || error instanceof Event.DecodeError) return Effect.die(error)
    return Effect.fail(error)
  })

const isSame = (lines: ReadonlyArray<Line>, others: ReadonlyArray<Line>) =>
  lines.length === others.length &&
  lines.every(({ quantity, sku }, index) => others[index]?.sku === sku && others[index]?.quantity === quantity)

const tagOf = (command: unknown): string =>
  typeof command === "object" && command !== null && "_tag" in command ? String(command._tag) : ""

/** What happened, in a word or two. */
const happened = (input: Process.StoryStep["input"]): string => {
  switch (input._tag) {
    case "Event":
      return input.type
    case "Executed":
    case "Rejected":
    case "Failed":
      return `${input._tag}: ${input.to} ${input.target} ${tagOf(input.command)}`
    case "Elapsed":
      return `the ${input.timer} deadline has elapsed`
    default:
      return input._tag
  }
}

const entryOf = ({ at, commands, input, timers }: Process.StoryStep): StoryEntry => ({
  at,
  happened: happened(input),
  asked: commands.map(({ command, target, to }) => `${to} ${target} ${tagOf(command)}`),
  deadlines: timers.map(({ at, timer }) => (at === null ? `${timer}: cancelled` : `${timer}: ${at.toJSON()}`))
})

const orderHandlers = HttpApiBuilder.group(
  ShopApi,
  "orders",
  Effect.fnUntraced(function* (handlers) {
    const orders = yield* Orders
    const payments = yield* Payments
    const shipments = yield* Shipments
    const fulfilments = yield* Fulfilments

    const view = Effect.fnUntraced(function* (id: string) {
      const { state: order } = yield* orders.state(id)
      if (order._tag === "NotPlaced") return yield* new OrderNotPlaced()
      const { state: payment } = yield* payments.state(id)
      const { state: shipment } = yield* shipments.state(id)
      const fulfilment = yield* fulfilments.get(id)
      const [deadline] = Option.match(fulfilment, { onNone: () => [], onSome: ({ timers }) => timers })
      const found: OrderView = {
        id,
        status: order._tag === "Open" ? "open" : order._tag === "Cancelled" ? "cancelled" : "fulfilled",
        ...(order._tag === "Cancelled" ? { reason: order.reason } : {}),
        ...(order._tag === "Open" ? { cancellation: order.cancellation } : {}),
        payment: payment._tag,
        ...(payment._tag === "Requested" ? { toPay: payment.amount } : {}),
        shipment: shipment._tag,
        ...(shipment._tag === "Booked" ? { tracking: shipment.tracking } : {}),
        fulfilment: Option.match(fulfilment, { onNone: () => "NotPlaced", onSome: ({ state }) => state._tag }),
        ...(deadline === undefined ? {} : { payUntil: deadline.at })
      }
      return found
    })

    return handlers.handleAll({
      place: ({ params: { id }, payload: { customer, lines } }) =>
        Effect.gen(function* () {
          const priced = totalOf(lines)
          if ("unknown" in priced) return yield* new NotSold({ skus: priced.unknown })
          const { total } = priced
          const command = { _tag: "Place" as const, customer, lines, total }
          const { events } = yield* orders.execute(id, command, { commandId: `place:${id}` })
          const isAsked = events.every(
            (event) => event._tag === "OrderPlaced" && event.customer === customer && isSame(event.lines, lines)
          )
          return isAsked ? yield* view(id) : yield* new OrderAlreadyPlaced()
        }).pipe(withoutInternals),

      pay: ({ params: { id }, payload: { card } }) =>
        Effect.gen(function* () {
          yield* view(id)
          const { events } = yield* payments.execute(id, { _tag: "Pay", card }, { commandId: `pay:${id}` })
          const isAsked = events.every((event) => event._tag === "PaymentSubmitted" && event.card === card)
          return isAsked ? yield* view(id) : yield* new PaymentUnderWay()
        }).pipe(withoutInternals),

      cancel: ({ params: { id } }) =>
        Effect.andThen(orders.execute(id, { _tag: "RequestCancellation" }), view(id)).pipe(withoutInternals),

      get: ({ params: { id } }) => withoutInternals(view(id)),

      story: ({ params: { id } }) =>
        Effect.andThen(view(id), fulfilments.story(id).pipe(Stream.map(entryOf), Stream.runCollect)).pipe(
          withoutInternals
        )
    })
  })
)

/**
 * The shop's routes, their description at `/openapi.json`, and its page at `/docs`. Needs the aggregates and the fulfilment, which may be run
 * elsewhere.
 */
export const ShopHttp = Layer.mergeAll(
  HttpApiBuilder.layer(ShopApi, { openapiPath: "/openapi.json" }),
  HttpApiSwagger.layer(ShopApi, { path: "/docs" }),
  HttpRouter.add("GET", "/", HttpServerResponse.redirect("/docs"))
).pipe(Layer.provide(orderHandlers), Layer.provide(HttpApiMiddleware.layerProblemDetails({ includeDetails: true })))
