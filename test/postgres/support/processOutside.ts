/**
 * Those who are no part of the shop: customers, the gateway and the carrier. What they do about an order follows from what is
 * recorded of it, and from what is to become of it.
 */
import { Context, Effect, Layer, Schedule, Stream } from "effect"
import { Aggregate, Event, EventStore, type RecordedEvent, StreamName } from "eventfold"
import { ShopEvent } from "../../../examples/shop/events.ts"
import { aggregates, Orders, Payments, Shipments, Stock } from "../../../examples/shop/service.ts"

/** What is to become of an order, and how it says so at the end. */
export const fates = {
  paid: "OrderFulfilled",
  declined: "OrderCancelled PaymentDeclined",
  outOfStock: "OrderCancelled OutOfStock",
  cancelled: "OrderCancelled ByCustomer",
  cancelledInTime: "OrderCancelled ByCustomer",
  cancelledTooLate: "OrderFulfilled",
  damaged: "OrderCancelled NotShippable",
  overdue: "OrderCancelled PaymentOverdue",
  paidTooLate: "OrderCancelled PaymentOverdue"
} as const
export type Fate = keyof typeof fates

/** An order says in its id what is to become of it. */
export const orderId = (fate: Fate, number: number): string => `${fate}-${number}`

export const isFate = (fate: string): fate is Fate => fate in fates
export const fateOf = (id: string): Fate | undefined => {
  const [fate = ""] = id.split("-")
  return isFate(fate) ? fate : undefined
}

const amount = 4_900

/** Kinds of goods: few enough to be in each other's way now and then. */
const kinds = 8
const allKinds = Array.from({ length: kinds }, (_, kind) => [`tea${kind}`, `pot${kind}`]).flat()
const kindOf = (id: string): number => Number(id.split("-")[1]) % kinds

/** Whoever is not there, or in a hurry, is asked again. */
const patiently = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.retry(effect, {
    schedule: Schedule.spaced("100 millis"),
    while: (error) =>
      error instanceof EventStore.ConcurrencyConflict || (error instanceof EventStore.StoreError && error.isRetryable)
  })

/** What is refused is refused: it has come too late. */
const unlessTooLate = (effect: Effect.Effect<unknown, unknown>) =>
  Effect.catch(Effect.asVoid(effect), (error) =>
    error instanceof EventStore.StoreError || error instanceof Event.DecodeError ? Effect.die(error) : Effect.void
  )

const toUuid = (text: string): string => {
  let hash = 0n
  for (const char of text) hash = (hash * 1_000_003n + BigInt(char.codePointAt(0)!)) % (1n << 122n)
  const hex = hash.toString(16).padStart(31, "0")
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-7${hex.slice(12, 15)}-8${hex.slice(15, 18)}-${hex.slice(18, 30)}`
}

/** Does what is up to them for as long as the scope. Gives how to place an order. */
export const outside = Effect.fnUntraced(function* (stores: Context.Context<EventStore.EventStore>) {
  const store = Context.get(stores, EventStore.EventStore)
  const services = yield* Layer.build(Layer.fresh(aggregates)).pipe(Effect.provide(stores))
  const [orders, payments] = [Context.get(services, Orders), Context.get(services, Payments)]
  const [shipments, stock] = [Context.get(services, Shipments), Context.get(services, Stock)]

  /** What somebody has done, and is not asked about. */
  const happens = Effect.fnUntraced(function* (stream: StreamName.StreamName, event: ShopEvent) {
    const encoded = yield* Effect.fromResult(Event.encode(ShopEvent, event))
    const one = { ...encoded, id: toUuid(`${stream} ${event._tag}`), metadata: {} }
    yield* store.append([{ stream, expected: "any", events: [one] }])
  })

  const answerTo = (
    id: string,
    fate: Fate,
    { stream, type }: RecordedEvent.RecordedEvent
  ): Effect.Effect<unknown, unknown> => {
    const options = { commandId: `outside:${id}:${type}` }
    switch (type) {
      case "PaymentRequested":
        if (fate === "overdue") return Effect.void
        return fate === "cancelled"
          ? orders.execute(id, { _tag: "RequestCancellation" }, options)
          : payments.execute(id, { _tag: "Pay", card: "visa" }, options)
      case "PaymentSubmitted":
        if (fate === "paidTooLate") return Effect.void
        return happens(stream, fate === "declined" ? { _tag: "PaymentDeclined" } : { _tag: "PaymentCaptured", amount })
      case "OrderCancelled":
        return fate === "paidTooLate"
          ? happens(StreamName.make("payment", id), { _tag: "PaymentCaptured", amount })
          : Effect.void
      case "RefundRequested":
        return happens(stream, { _tag: "PaymentRefunded", amount })
      case "ShipmentRequested":
        return happens(stream, { _tag: "ShipmentBooked", tracking: id })
      case "ShipmentBooked":
        if (fate === "cancelledInTime") return orders.execute(id, { _tag: "RequestCancellation" }, options)
        if (fate === "damaged") return shipments.execute(id, { _tag: "Cancel" }, options)
        return fate === "cancelledTooLate"
          ? Aggregate.executeAll(
              [orders.prepare(id, { _tag: "RequestCancellation" }), shipments.prepare(id, { _tag: "Dispatch" })],
              options
            )
          : shipments.execute(id, { _tag: "Dispatch" }, options)
      case "ShipmentDispatched":
        return shipments.execute(id, { _tag: "Deliver" }, options)
      default:
        return Effect.void
    }
  }

  yield* store.subscribe({ after: 0 }).pipe(
    Stream.mapEffect(
      (recorded) => {
        const id = StreamName.id(recorded.stream)
        const fate = fateOf(id)
        return fate === undefined ? Effect.void : unlessTooLate(patiently(answerTo(id, fate, recorded)))
      },
      { concurrency: 20 }
    ),
    Stream.runDrain,
    Effect.forkScoped
  )

  return {
    /** So much that it is always enough. */
    stocked: Effect.forEach(allKinds, (sku) =>
      patiently(stock.execute(sku, { _tag: "Receive", quantity: 1_000_000 }, { commandId: `outside:${sku}` }))
    ),
    place: (id: string) => {
      const kind = kindOf(id)
      const other = fateOf(id) === "outOfStock" ? "unicorn" : `pot${kind}`
      const lines = [
        { sku: `tea${kind}`, quantity: 2 },
        { sku: other, quantity: 1 }
      ]
      const placed = { _tag: "Place", customer: "Ada", lines, total: amount } as const
      return patiently(orders.execute(id, placed, { commandId: `outside:${id}` }))
    }
  }
})
