/**
 * 11. What is told of a day: what became of its orders, what was done for them, and whether everything is as it must be.
 */
import { type OrderAccount, type Rule, rules } from "./audit.ts"
import type { Report } from "./day.ts"

type Row = readonly [what: string, count: number]

const table = (rows: ReadonlyArray<Row>): string => {
  const width = Math.max(...rows.map(([what]) => what.length))
  return rows.map(([what, count]) => `  ${what.padEnd(width)}  ${String(count).padStart(6)}`).join("\n")
}

const sum = (counts: Iterable<number>): number => Array.from(counts).reduce((total, count) => total + count, 0)

/** What became of the orders. Where there are none of a kind, nothing is said of it. */
const outcomes = (orders: ReadonlyArray<OrderAccount>): ReadonlyArray<Row> => {
  const count = (is: (order: OrderAccount) => boolean) => orders.filter(is).length
  const kinds: ReadonlyArray<Row> = [
    ["fulfilled", count(({ outcome }) => outcome === "fulfilled")],
    [
      "  although their customers had thought better of it, too late",
      count(({ cancellation, outcome }) => outcome === "fulfilled" && cancellation === "refused")
    ],
    ["cancelled: out of stock", count(({ outcome }) => outcome === "OutOfStock")],
    ["cancelled: the card was declined", count(({ outcome }) => outcome === "PaymentDeclined")],
    ["cancelled: not paid in time", count(({ outcome }) => outcome === "PaymentOverdue")],
    [
      "  but paid too late, and refunded",
      count(({ outcome, payment }) => outcome === "PaymentOverdue" && payment === "refunded")
    ],
    ["cancelled by their customers", count(({ outcome }) => outcome === "ByCustomer")],
    [
      "  who had paid, and were refunded",
      count(({ outcome, payment }) => outcome === "ByCustomer" && payment === "refunded")
    ],
    ["cancelled: damaged in the house, and refunded", count(({ outcome }) => outcome === "NotShippable")],
    ["not over yet", count(({ outcome }) => outcome === "open")]
  ]
  return [...kinds.filter(([, found]) => found > 0), ["all", orders.length]]
}

const undoing = ["stock Release", "payments Withdraw", "payments Refund", "shipments Cancel", "orders Cancel"]

const numbers = ({
  events,
  gateway,
  refusals,
  restarts,
  work: { rejected, sent, timers }
}: Report): ReadonlyArray<Row> => {
  const of = (counts: ReadonlyMap<string, number>, what: string) => counts.get(what) ?? 0
  return [
    ["events", events],
    ["commands that the fulfilment sent", sum(sent.values())],
    ["  to undo what was done", sum(undoing.map((what) => of(sent, what)))],
    ["  rejected: goods that were not there", of(rejected, "stock Reserve")],
    ["  rejected: payments that could not be withdrawn", of(rejected, "payments Withdraw")],
    ["  rejected: parcels that could not be stopped", of(rejected, "shipments Cancel")],
    ["deadlines set", timers.set],
    ["  met or not needed any more", timers.cancelled],
    ["  missed", timers.elapsed],
    ["times that the fulfilment was stopped, and went on", restarts],
    ["requests to the gateway", of(gateway, "requests")],
    ["  not answered", of(gateway, "unanswered")],
    ["  repeated, and answered as before", of(gateway, "repeated")],
    ["  cards charged", of(gateway, "charges")],
    ["  refunds", of(gateway, "refunds")],
    ["times that a customer was told no", sum(refusals.values())]
  ]
}

const isRule = (name: string): name is Rule => Object.hasOwn(rules, name)

/** Each rule, and where it is broken. */
const verdict = (problems: Report["problems"]): ReadonlyArray<string> =>
  Object.keys(rules)
    .filter(isRule)
    .flatMap((rule) => {
      const broken = problems.filter((one) => one.rule === rule)
      const shown = broken.slice(0, 10).map(({ problem }) => `          ${problem}`)
      const more = broken.length > shown.length ? [`          and ${broken.length - shown.length} more`] : []
      return [`  ${broken.length === 0 ? "    ok" : "BROKEN"}  ${rules[rule]}`, ...shown, ...more]
    })

/** All that is told of a day. */
export const render = (report: Report): string => {
  const { audit, prefix, problems } = report
  const orders = Array.from(audit.orders.values()).filter(({ id }) => id.startsWith(prefix))
  const waits = audit.pending.map(({ id, waitsFor }) => `  order ${id} waits for ${waitsFor}`)
  return [
    "What became of the orders",
    table(outcomes(orders)),
    ...waits,
    "",
    "What was done",
    table(numbers(report)),
    "",
    "What must hold, by the log alone",
    ...verdict(problems),
    ""
  ].join("\n")
}
