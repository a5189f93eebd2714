/**
 * 10. The world outside, simulated: a gateway and a carrier that do what the plan of the day says. They are down for a while, they take their time,
 * and an answer may get lost. What they were asked is in their own books.
 */
import { Context, DateTime, Duration, Effect, FiberSet, Layer, Option } from "effect"
import { Carrier, CarrierDown } from "./carrier.ts"
import { Gateway, GatewayDown } from "./gateway.ts"
import type { DayPlan, OrderPlan, Span } from "./plan.ts"
import { lasting, Orders, Shipments, type Tempo } from "./service.ts"

/** When the day begins, and how long an hour of it takes. */
export interface Timing {
  readonly begin: DateTime.Utc
  readonly tempo: Tempo
}

/** What the gateway has in its own books. */
export class GatewayBooks extends Context.Service<
  GatewayBooks,
  {
    /** What it has taken, and not given back, by order. */
    readonly balance: Map<string, number>
    /** How often it was asked, and did something. */
    readonly asked: Map<"requests" | "unanswered" | "repeated" | "charges" | "declined" | "refunds", number>
  }
>()("shop/GatewayBooks") {}

/** So many minutes of the day. */
export const minutes = (count: number, tempo: Tempo): Duration.Duration => lasting(Duration.minutes(count), tempo)

const isWithin = (spans: ReadonlyArray<Span>, { begin, tempo }: Timing) =>
  Effect.map(DateTime.now, (now) => {
    const minute = Duration.toMinutes(DateTime.distance(begin, now)) / tempo
    return spans.some(([from, to]) => minute >= from && minute < to)
  })

/** How the world behaves where nobody has a plan. */
const usual: Pick<OrderPlan, "gateway" | "carrier" | "doubtsAtTheDoor"> = {
  doubtsAtTheDoor: false,
  gateway: { takes: 0.01, losesAnswer: false },
  carrier: { comesAfter: 0.1, deliversAfter: 0.1 }
}

/** A gateway that remembers by its keys what it has answered. */
const gateway = ({ gatewayDown }: DayPlan, timing: Timing, behaviour: (orderId: string) => OrderPlan["gateway"]) =>
  Layer.effectContext(
    Effect.sync(() => {
      const answers = new Map<string, "captured" | "declined">()
      const lost = new Set<string>()
      const balance = new Map<string, number>()
      const asked: GatewayBooks["Service"]["asked"] = new Map()
      const count = (what: Parameters<typeof asked.get>[0]) => asked.set(what, (asked.get(what) ?? 0) + 1)

      const once = Effect.fnUntraced(function* (
        { key, orderId }: { readonly key: string; readonly orderId: string },
        act: () => "captured" | "declined"
      ) {
        count("requests")
        const { takes, losesAnswer } = behaviour(orderId)
        yield* Effect.sleep(minutes(takes, timing.tempo))
        if (yield* isWithin(gatewayDown, timing)) {
          count("unanswered")
          return yield* new GatewayDown()
        }
        const known = answers.get(key)
        if (known !== undefined) count("repeated")
        const answer = known ?? act()
        answers.set(key, answer)
        if (losesAnswer && !lost.has(key)) {
          lost.add(key)
          count("unanswered")
          return yield* new GatewayDown()
        }
        return answer
      })

      return Context.make(Gateway, {
        charge: ({ amount, card, key, orderId }) =>
          once({ key, orderId }, () => {
            if (card.startsWith("declined")) {
              count("declined")
              return "declined"
            }
            count("charges")
            balance.set(orderId, (balance.get(orderId) ?? 0) + amount)
            return "captured"
          }),
        refund: ({ amount, key, orderId }) =>
          Effect.asVoid(
            once({ key, orderId }, () => {
              count("refunds")
              balance.set(orderId, (balance.get(orderId) ?? 0) - amount)
              return "captured"
            })
          )
      }).pipe(Context.add(GatewayBooks, { balance, asked }))
    })
  )

/** A carrier that comes once for each key, and tells when it has been there. */
const carrier = ({ carrierDown }: DayPlan, timing: Timing, behaviour: (orderId: string) => typeof usual) =>
  Layer.effect(
    Carrier,
    Effect.gen(function* () {
      const orders = yield* Orders
      const shipments = yield* Shipments
      const run = yield* FiberSet.makeRuntime<never>()
      const known = new Set<string>()

      const drive = Effect.fnUntraced(function* (orderId: string) {
        const { carrier, doubtsAtTheDoor } = behaviour(orderId)
        const tell = (what: "Dispatch" | "Deliver") =>
          shipments.execute(orderId, { _tag: what }, { commandId: `carrier:${orderId}:${what}` })
        yield* Effect.sleep(minutes(carrier.comesAfter, timing.tempo))
        if (doubtsAtTheDoor) yield* Effect.ignore(orders.execute(orderId, { _tag: "RequestCancellation" }))
        yield* tell("Dispatch")
        yield* Effect.sleep(minutes(carrier.deliversAfter, timing.tempo))
        yield* tell("Deliver")
      })

      return {
        book: Effect.fnUntraced(function* ({ key, orderId }) {
          if (yield* isWithin(carrierDown, timing)) return yield* new CarrierDown()
          if (!known.has(key)) {
            known.add(key)
            // It comes for nothing where the parcel stays here.
            run(Effect.ignore(drive(orderId)))
          }
          return `T-${orderId}`
        })
      }
    })
  )

/** The world of a day. Orders are known by what follows the prefix of their ids. */
export const worldOf = (plan: DayPlan, timing: Timing, prefix: string) => {
  const plans = new Map(plan.orders.map((order) => [`${prefix}${order.id}`, order]))
  const behaviour = (orderId: string) => Option.getOrElse(Option.fromUndefinedOr(plans.get(orderId)), () => usual)
  return Layer.mergeAll(
    gateway(plan, timing, (orderId) => behaviour(orderId).gateway),
    carrier(plan, timing, behaviour)
  )
}
