/**
 * What can become of an order, as scripts for all those who are no part of the shop: customers, the gateway and the carrier. Whatever the shop
 * goes through meanwhile, they do the same.
 */
import { Effect } from "effect"
import { Aggregate, Event, type StreamName } from "eventfold"
import { ShopEvent } from "../../examples/shop/events.ts"
import type { Script, World } from "./crashes.ts"

const id = "o1"
const amount = 4_900
const lines = [
  { sku: "tea", quantity: 2 },
  { sku: "pot", quantity: 1 }
]

/** Every script of its own: whatever is recorded has the id that it has in every other play. */
const moves = (world: World) => {
  const { events, orders, payments, settled, shipments, stock } = world
  let count = 0
  const next = () => ({ commandId: `script:${++count}` })
  /** What somebody outside has done, and nobody is asked about. */
  const happens = (stream: StreamName.StreamName, event: ShopEvent) =>
    Effect.gen(function* () {
      const encoded = yield* Effect.fromResult(Event.encode(ShopEvent, event))
      const eventId = `00000000-0000-7000-8000-${String(++count).padStart(12, "0")}`
      yield* events.append([{ stream, expected: "any", events: [{ ...encoded, id: eventId, metadata: {} }] }])
    })
  const placeIt = Effect.suspend(() =>
    orders.execute(id, { _tag: "Place", customer: "Ada", lines, total: amount }, next())
  )
  const place = Effect.andThen(placeIt, settled)
  const received = (sku: string, quantity: number) => stock.execute(sku, { _tag: "Receive", quantity }, next())
  const submit = Effect.suspend(() => payments.execute(id, { _tag: "Pay", card: "visa" }, next()))
  const stocked = Effect.suspend(() => Effect.andThen(received("tea", 5), received("pot", 5)))
  return {
    placed: Effect.andThen(stocked, place),
    placedEarly: Effect.andThen(stocked, placeIt),
    placedWithoutPots: Effect.andThen(
      Effect.suspend(() => received("tea", 5)),
      place
    ),
    receivedPots: Effect.andThen(
      Effect.suspend(() => received("pot", 5)),
      settled
    ),
    submitted: Effect.andThen(submit, settled),
    captured: Effect.andThen(happens("payment-o1", { _tag: "PaymentCaptured", amount }), settled),
    paid: Effect.andThen(submit, happens("payment-o1", { _tag: "PaymentCaptured", amount })),
    settled,
    declined: Effect.andThen(happens("payment-o1", { _tag: "PaymentDeclined" }), settled),
    refunded: Effect.andThen(happens("payment-o1", { _tag: "PaymentRefunded", amount }), settled),
    booked: Effect.andThen(happens("shipment-o1", { _tag: "ShipmentBooked", tracking: "t1" }), settled),
    askedToCancel: Effect.andThen(
      Effect.suspend(() => orders.execute(id, { _tag: "RequestCancellation" }, next())),
      settled
    ),
    dispatched: Effect.andThen(
      Effect.suspend(() => shipments.execute(id, { _tag: "Dispatch" }, next())),
      settled
    ),
    /** At the same moment. */
    askedToCancelAndDispatched: Effect.andThen(
      Effect.suspend(() =>
        Aggregate.executeAll(
          [orders.prepare(id, { _tag: "RequestCancellation" }), shipments.prepare(id, { _tag: "Dispatch" })],
          next()
        )
      ),
      settled
    ),
    lost: Effect.andThen(
      Effect.suspend(() => shipments.execute(id, { _tag: "Cancel" }, next())),
      settled
    ),
    delivered: Effect.andThen(
      Effect.suspend(() => shipments.execute(id, { _tag: "Deliver" }, next())),
      settled
    )
  }
}

type Moves = ReturnType<typeof moves>

type Steps = (its: Moves, world: World) => ReadonlyArray<Effect.Effect<unknown, unknown>>

const script =
  (steps: Steps, before: Steps = () => []) =>
  (world: World): Script => {
    const its = moves(world)
    return { before: inOrder(before(its, world)), onceOpen: inOrder([world.settled, ...steps(its, world)]) }
  }

const inOrder = (steps: ReadonlyArray<Effect.Effect<unknown, unknown>>) =>
  Effect.forEach(steps, (step) => step, { discard: true })

/** Longer than a customer has to pay. */
const tooLong = (world: World) => Effect.andThen(world.pass(21), world.settled)

/** Each branch of the story, and how it ends. */
export const branches: ReadonlyArray<{
  readonly name: string
  readonly script: (world: World) => Script
  /** How many steps the shop takes, those that are taken before and after counted, of what it persists and dispatches. */
  readonly steps: number
  readonly ends: string
}> = [
  {
    name: "is paid and delivered",
    script: script(({ placed, submitted, captured, booked, dispatched, delivered }) => [
      placed,
      submitted,
      captured,
      booked,
      dispatched,
      delivered
    ]),
    ends: "OrderFulfilled",
    steps: 66
  },
  {
    name: "is declined",
    script: script(({ placed, submitted, declined }) => [placed, submitted, declined]),
    ends: "OrderCancelled PaymentDeclined",
    steps: 50
  },
  {
    name: "is out of stock",
    script: script(({ placedWithoutPots, receivedPots }) => [placedWithoutPots, receivedPots]),
    ends: "OrderCancelled OutOfStock",
    steps: 32
  },
  {
    name: "is not paid in time",
    script: script(({ placed }, world) => [placed, tooLong(world)]),
    ends: "OrderCancelled PaymentOverdue",
    steps: 54
  },
  {
    name: "is paid too late",
    script: script(({ placed, submitted, captured, refunded }, world) => [
      placed,
      submitted,
      tooLong(world),
      captured,
      refunded
    ]),
    ends: "OrderCancelled PaymentOverdue",
    steps: 68
  },
  {
    name: "is cancelled before it is paid",
    script: script(({ placed, askedToCancel }) => [placed, askedToCancel]),
    ends: "OrderCancelled ByCustomer",
    steps: 54
  },
  {
    name: "is cancelled while it is being shipped",
    script: script(({ placed, submitted, captured, booked, askedToCancel, refunded }) => [
      placed,
      submitted,
      captured,
      booked,
      askedToCancel,
      refunded
    ]),
    ends: "OrderCancelled ByCustomer",
    steps: 78
  },
  {
    name: "is cancelled when the carrier has it already",
    script: script(({ placed, submitted, captured, booked, askedToCancelAndDispatched, delivered }) => [
      placed,
      submitted,
      captured,
      booked,
      askedToCancelAndDispatched,
      delivered
    ]),
    ends: "OrderFulfilled",
    steps: 76
  },
  {
    name: "is damaged in the house",
    script: script(({ placed, submitted, captured, booked, lost, refunded }) => [
      placed,
      submitted,
      captured,
      booked,
      lost,
      refunded
    ]),
    ends: "OrderCancelled NotShippable",
    steps: 72
  },
  {
    name: "is paid in time, while nobody is there until it is too late",
    script: script(({ placed, paid, settled, booked, dispatched, delivered }, { pass, whileClosed }) => [
      placed,
      whileClosed(Effect.andThen(paid, pass(21))),
      settled,
      booked,
      dispatched,
      delivered
    ]),
    ends: "OrderFulfilled",
    steps: 68
  },
  {
    name: "was placed before there was this process",
    script: script(
      ({ submitted, captured, booked, dispatched, delivered }) => [submitted, captured, booked, dispatched, delivered],
      ({ placedEarly }) => [placedEarly]
    ),
    ends: "OrderFulfilled",
    steps: 70
  }
]
