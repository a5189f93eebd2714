/**
 * Whatever happens in the shop, and in whatever order: nobody loses goods or money, and no order is forgotten. What the audit does not see
 * is not proven: so it is shown to see mistakes of the process, and whatever is missing in a log or there twice.
 */
import { assert, describe, it } from "@effect/vitest"
import { DateTime } from "effect"
import { audit, type Fact } from "../../examples/shop/audit.ts"
import { fulfilment, paymentDeadline } from "../../examples/shop/fulfilment.ts"
import { read } from "../support/project.ts"
import { type Day, playDay } from "./support/shopWorld.ts"

const firstSeed = Number(process.env["SHOP_SEED"] ?? Date.now() % 1_000_000)
const days = process.env["SHOP_SEED"] === undefined ? 3_000 : 1
const ordersOf = (seed: number) => 1 + (seed % 8)

/** What the audit has to say of a day on which everything was done that could be. */
const complaintsOf = (facts: ReadonlyArray<Fact>, { until }: Day): ReadonlyArray<string> => {
  const { pending, problems } = audit(facts, { until: DateTime.add(until, { days: 1 }), paymentDeadline })
  return [
    ...problems.map(({ problem }) => problem),
    ...pending.map(({ id, waitsFor }) => `order ${id} waits for ${waitsFor}`)
  ]
}

describe("days at random", () => {
  it(`come out right, ${days} of them from SHOP_SEED=${firstSeed}`, { timeout: 120_000 }, () => {
    for (let seed = firstSeed; seed < firstSeed + days; seed++) {
      const day = playDay(seed, ordersOf(seed))
      assert.deepStrictEqual([...complaintsOf(day.facts, day), ...day.unfinished], [], `SHOP_SEED=${seed}`)
    }
  })

  it("have in them just what the table of the documents has", { timeout: 120_000 }, () => {
    const told = Array.from(
      read("docs/examples/shop.md").matchAll(
        /^\| ([A-Z][A-Za-z]+(?: rejected| elapsed)?) +\| ([A-Z][A-Za-z]+) +\| \S/gm
      ),
      ([, input, state]) => `${input} in ${state}`
    )
    const seen = new Set<string>()
    for (let seed = 0; seed < 4_000; seed++) for (const key of playDay(seed, ordersOf(seed)).handled) seen.add(key)
    assert.deepStrictEqual(Array.from(seen).toSorted(), told.toSorted())
  })
})

type React = typeof fulfilment.react
type Asked = ReturnType<React>[number]
type Input = Parameters<React>[1]

/** The fulfilment, forgetting something. */
const without = (forgets: (action: Asked, input: Input) => boolean): typeof fulfilment => ({
  ...fulfilment,
  react: (state, input, context) => fulfilment.react(state, input, context).filter((action) => !forgets(action, input))
})

const isEvent = (input: Input, type: string) => input._tag === "Event" && input.event._tag === type
const sends = (action: Asked, to: string, command: string) =>
  action._tag === "Send" && action.to === to && action.command._tag === command

describe("a process that makes a mistake is found out, when it", () => {
  const finds = (mistake: string, complaint: RegExp, manager: typeof fulfilment) =>
    it(mistake, () => {
      for (let seed = 0; seed < 500; seed++) {
        const day = playDay(seed, ordersOf(seed), manager)
        if (complaintsOf(day.facts, day).some((found) => complaint.test(found))) return
      }
      assert.fail("nobody noticed")
    })

  finds(
    "keeps the money that came too late",
    /is cancelled, and \d+ were not refunded/,
    without((action, input) => sends(action, "payments", "Refund") && isEvent(input, "PaymentCaptured"))
  )
  finds(
    "keeps the money of a parcel that was stopped",
    /is cancelled, and \d+ were not refunded/,
    without((action, input) => sends(action, "payments", "Refund") && isEvent(input, "ShipmentCancelled"))
  )
  finds(
    "keeps goods of an order that came to nothing",
    /is over, and still holds/,
    without((action, input) => sends(action, "stock", "Release") && input._tag === "Rejected")
  )
  finds(
    "does not take out what has left the house",
    /its goods are still counted/,
    without((action) => sends(action, "stock", "Take"))
  )
  finds(
    "waits for its customer for ever",
    /is forgotten/,
    without((action) => action._tag === "Schedule")
  )
  finds(
    "goes on asking for money",
    /its customer is still asked to pay/,
    without((action) => sends(action, "payments", "Withdraw"))
  )
  finds(
    "forgets to ship",
    /is forgotten/,
    without((action) => sends(action, "shipments", "Request"))
  )
  finds("ships what is not paid", /is to be shipped, and is not paid/, {
    ...fulfilment,
    react: (state, input, context) => [
      ...fulfilment.react(state, input, context),
      ...(isEvent(input, "StockReserved") && state._tag === "AwaitingPayment"
        ? fulfilment.resume({ ...state, _tag: "Shipping" }, context)
        : [])
    ]
  })
})

describe("the audit", () => {
  /**
   * What makes no difference: goods that nobody wants, the booking of what is then not sent, and a wish to cancel what is cancelled for
   * another reason.
   */
  const isIdle = ({ event: { _tag }, id }: Fact, facts: ReadonlyArray<Fact>) =>
    _tag === "StockReceived" ||
    _tag === "ShipmentBooked" ||
    (_tag === "CancellationRequested" &&
      facts.some(
        (fact) => fact.id === id && fact.event._tag === "OrderCancelled" && fact.event.reason !== "ByCustomer"
      ))

  const misses = (change: (facts: ReadonlyArray<Fact>, index: number) => ReadonlyArray<Fact>) => {
    const missed: Array<string> = []
    for (let seed = 0; seed < 40; seed++) {
      const day = playDay(seed, ordersOf(seed))
      for (const [index, fact] of day.facts.entries()) {
        if (isIdle(fact, day.facts) || complaintsOf(change(day.facts, index), day).length > 0) continue
        missed.push(`seed ${seed}, ${fact.position}: ${fact.event._tag}`)
      }
    }
    return missed
  }

  it("misses whatever is not there", () => {
    assert.deepStrictEqual(
      misses((facts, index) => facts.toSpliced(index, 1)),
      []
    )
  })

  it("sees whatever is there twice", () => {
    assert.deepStrictEqual(
      misses((facts, index) => facts.toSpliced(index, 0, facts[index]!)),
      []
    )
  })

  const day = Array.from({ length: 100 }, (_, seed) => playDay(seed, 4)).find(({ facts }) =>
    facts.some(({ event }) => event._tag === "PaymentRequested")
  )!
  const sees = (what: string, change: (fact: Fact) => Fact, complaint: RegExp) =>
    it(`sees ${what}`, () => {
      assert.isTrue(complaintsOf(day.facts.map(change), day).some((found) => complaint.test(found)))
    })
  sees(
    "less of something than is promised",
    (fact) => (fact.event._tag === "StockReceived" ? { ...fact, event: { ...fact.event, quantity: 1 } } : fact),
    /^at \d+: \d+ \w+ are promised, and \d+ are there$/
  )
  sees(
    "a wrong sum",
    (fact) => (fact.event._tag === "PaymentRequested" ? { ...fact, event: { ...fact.event, amount: 1 } } : fact),
    /^at \d+: order \w+ is to be paid with 1$/
  )
  it("says what an order waits for that is open, and for how long the customer may wait", () => {
    const asked = day.facts.find(({ event }) => event._tag === "PaymentRequested")!
    const upTo = (until: DateTime.Utc) => audit(day.facts.slice(0, asked.position), { until, paymentDeadline })
    const patient = upTo(DateTime.add(asked.at, { minutes: 14 }))
    assert.deepInclude(patient.pending, { id: asked.id, waitsFor: "the customer to pay" })
    const late = upTo(DateTime.add(asked.at, { minutes: 15 }))
    assert.include(late.problems.map(({ problem }) => problem).join("\n"), `order ${asked.id} is forgotten`)
  })
})
