/**
 * 10. The people of a day: customers, who order, pay and change their minds, and those in the warehouse. They are told no at times, and live with
 * it.
 */
import { Effect, Schedule } from "effect"
import type { DayPlan, OrderPlan } from "./plan.ts"
import { Orders, Payments, Shipments, Stock, type Tempo } from "./service.ts"
import { minutes } from "./world.ts"

/** How often people were told no, by what they were told. */
export type Refusals = Map<string, number>

/** What goes wrong for another reason than a rule is a mistake of the day's. */
const technical = ["ConcurrencyConflict", "StoreError", "DecodeError"]

const takingNo = <A, E extends { readonly _tag: string }, R>(self: Effect.Effect<A, E, R>, refusals: Refusals) =>
  Effect.catch(self, (error) => {
    if (technical.includes(error._tag)) return Effect.die(error)
    refusals.set(error._tag, (refusals.get(error._tag) ?? 0) + 1)
    return Effect.void
  })

const customer = Effect.fnUntraced(function* (
  { cancels, customer, damaged, id, lines, pays, total, at }: OrderPlan,
  prefix: string,
  tempo: Tempo,
  refusals: Refusals
) {
  const orders = yield* Orders
  const payments = yield* Payments
  const shipments = yield* Shipments
  const orderId = `${prefix}${id}`
  const later = (after: number) => Effect.sleep(minutes(after, tempo))

  yield* later(at)
  yield* orders.execute(orderId, { _tag: "Place", customer, lines, total })
  const paying = Effect.gen(function* () {
    if (pays === undefined) return
    yield* later(pays.after)
    const pay = payments.execute(orderId, { _tag: "Pay", card: pays.card })
    // The goods may still be being reserved.
    const again = { schedule: Schedule.spaced(minutes(1, tempo)), times: 5 }
    const isEarly = ({ _tag }: { readonly _tag: string }) => _tag === "PaymentNotRequested"
    yield* takingNo(Effect.retry(pay, { ...again, while: isEarly }), refusals)
  })
  const cancelling = Effect.gen(function* () {
    if (cancels === undefined) return
    yield* later(cancels)
    yield* takingNo(orders.execute(orderId, { _tag: "RequestCancellation" }), refusals)
  })
  const damaging = Effect.gen(function* () {
    if (damaged === undefined) return
    yield* later(damaged)
    const { state } = yield* shipments.state(orderId)
    if (state._tag === "Booked") yield* takingNo(shipments.execute(orderId, { _tag: "Cancel" }), refusals)
  })
  yield* Effect.all([paying, cancelling, damaging], { concurrency: "unbounded", discard: true })
})

const warehouse = Effect.fnUntraced(function* ({ noon, stock: goods }: DayPlan, tempo: Tempo) {
  const stock = yield* Stock
  yield* Effect.sleep(minutes(noon, tempo))
  yield* Effect.forEach(goods, ({ sku, noon: quantity }) => stock.execute(sku, { _tag: "Receive", quantity }))
})

/** What is there in the morning. */
export const openShop = Effect.fnUntraced(function* ({ stock: goods }: DayPlan) {
  const stock = yield* Stock
  yield* Effect.forEach(goods, ({ sku, morning: quantity }) => stock.execute(sku, { _tag: "Receive", quantity }))
})

/** Everybody does what they have planned. It ends when they have all gone home. */
export const liveThrough = Effect.fnUntraced(function* (plan: DayPlan, prefix: string, tempo: Tempo) {
  const refusals: Refusals = new Map()
  const customers = plan.orders.map((order) => customer(order, prefix, tempo, refusals))
  yield* Effect.all([warehouse(plan, tempo), ...customers], { concurrency: "unbounded", discard: true })
  return refusals
})
