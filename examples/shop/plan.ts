/**
 * 10. The plan of a day: what customers, the gateway and the carrier will do, drawn from a seed. Who gets the last pot, whose payment comes too
 * late and whose parcel cannot be stopped any more is nobody's plan: that is what comes of it.
 */
import { prices, totalOf } from "./catalogue.ts"
import { randomOf } from "./random.ts"
import type { Line } from "./vocabulary.ts"

/** What is to happen with one order. All in minutes: `at` of the day, the others from what comes before. */
export interface OrderPlan {
  readonly id: string
  readonly customer: string
  readonly lines: ReadonlyArray<Line>
  readonly total: number
  readonly at: number
  readonly pays: { readonly after: number; readonly card: string } | undefined
  readonly cancels: number | undefined
  /** Whether the customer has second thoughts in the very moment in which the carrier comes. */
  readonly doubtsAtTheDoor: boolean
  /** When its parcel is damaged, if it is still in the house. */
  readonly damaged: number | undefined
  readonly gateway: { readonly takes: number; readonly losesAnswer: boolean }
  readonly carrier: { readonly comesAfter: number; readonly deliversAfter: number }
}

/** From a minute of the day to another. */
export type Span = readonly [from: number, to: number]

export interface DayPlan {
  readonly orders: ReadonlyArray<OrderPlan>
  /** The minute in which more goods come in. */
  readonly noon: number
  /** What is there in the morning, and what comes in at noon. */
  readonly stock: ReadonlyArray<{ readonly sku: string; readonly morning: number; readonly noon: number }>
  /** When the fulfilment does not run, such as when a new version of it is installed. */
  readonly shopDown: ReadonlyArray<Span>
  readonly gatewayDown: ReadonlyArray<Span>
  readonly carrierDown: ReadonlyArray<Span>
}

const customers = ["Ada", "Bob", "Chloé", "Dmitri", "Eve", "Фёдор", "Grace", "Hiro"]
const skus = Object.keys(prices)

export const planOf = (seed: number, count: number): DayPlan => {
  const random = randomOf(seed)
  const between = (from: number, to: number) => from + (to - from) * random()
  const below = (n: number) => Math.floor(random() * n)
  const chance = (probability: number) => random() < probability
  const often = <A>(probability: number, value: () => A): A | undefined => (chance(probability) ? value() : undefined)

  // With 200 orders the shop is open for eight hours.
  const openFor = Math.max(60, 2.4 * count)
  const digits = String(count).length
  const orders = Array.from({ length: count }, (_, n): OrderPlan => {
    const first = below(skus.length)
    const lines = Array.from({ length: 1 + below(3) }, (_, line) => ({
      sku: skus[(first + line * 3) % skus.length]!,
      quantity: 1 + below(3)
    }))
    const priced = totalOf(lines)
    const isLate = chance(0.06)
    return {
      id: String(n + 1).padStart(digits, "0"),
      customer: customers[below(customers.length)]!,
      lines,
      total: "total" in priced ? priced.total : 0,
      at: between(0, openFor),
      pays: often(0.9, () => ({
        after: isLate ? between(13, 20) : between(0.5, 11),
        card: chance(0.06) ? `declined-${n + 1}` : `visa-${n + 1}`
      })),
      cancels: often(0.14, () => (chance(0.4) ? between(0.1, 13) : between(13, 120))),
      doubtsAtTheDoor: chance(0.04),
      damaged: often(0.03, () => between(2, 30)),
      gateway: { takes: chance(0.05) ? between(1, 4) : between(0.02, 0.4), losesAnswer: chance(0.05) },
      carrier: { comesAfter: between(5, 60), deliversAfter: between(20, 120) }
    }
  }).toSorted((a, b) => a.at - b.at)

  const wanted = (sku: string) =>
    orders.flatMap(({ lines }) => lines).reduce((sum, line) => sum + (line.sku === sku ? line.quantity : 0), 0)
  const stock = skus.map((sku) => ({
    sku,
    morning: 1 + Math.floor(wanted(sku) * between(0.35, 0.6)),
    noon: 1 + Math.floor(wanted(sku) * between(0.05, 0.25))
  }))
  /** A while that begins in a part of the day, and is no large part of it. */
  const span = (from: number, to: number, length: number): Span => {
    const begins = openFor * between(from, to)
    return [begins, begins + Math.min(length, openFor / 12)]
  }
  return {
    orders,
    noon: openFor / 2,
    stock,
    shopDown: [span(0.2, 0.3, between(1, 4)), span(0.45, 0.55, between(4, 16)), span(0.9, 1, between(1, 4))],
    gatewayDown: [span(0.1, 0.3, between(15, 25)), span(0.6, 0.8, between(15, 25))],
    carrierDown: [span(0.3, 0.6, between(30, 60))]
  }
}
