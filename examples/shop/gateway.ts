/**
 * 7. The gateway, which charges cards: a system of somebody else's, that can say no, or nothing for a while.
 *
 * It is asked by a reaction. Whoever is asked with a key that was used before has to answer as before, so that it does no harm to ask again
 * where the answer was lost. What it has answered is recorded in the stream of the payment, as an event of its own.
 */
import { Context, Data, type Duration, Effect, Schedule } from "effect"
import { Event, Reaction, StreamName } from "eventfold"
import { GatewayEvent, PaymentEvent } from "./payment/events.ts"

/** Nobody knows whether it was done. */
export class GatewayDown extends Data.TaggedError("GatewayDown")<{}> {
  override get message(): string {
    return "the gateway does not answer"
  }
}

/** What the gateway is asked for, by whoever has the key. */
interface Request {
  readonly key: string
  /** What its books are to say what it was for. */
  readonly orderId: string
  readonly amount: number
}

export class Gateway extends Context.Service<
  Gateway,
  {
    readonly charge: (
      request: Request & { readonly card: string }
    ) => Effect.Effect<"captured" | "declined", GatewayDown>
    readonly refund: (request: Request) => Effect.Effect<void, GatewayDown>
  }
>()("shop/Gateway") {}

/** Asks the gateway, and again in a while when it is down, for as long as it takes. */
export const charging = (again: Duration.Duration) =>
  Reaction.make({
    name: "charging",
    events: Event.pick(PaymentEvent, ["PaymentSubmitted", "RefundRequested"]),
    results: GatewayEvent,
    stream: (_, { stream }) => stream,
    retry: Schedule.spaced(again),
    concurrency: 64
  }).run(
    Effect.fnUntraced(function* (event, { idempotencyKey: key, recorded }) {
      const gateway = yield* Gateway
      const { amount } = event
      const request = { key, orderId: StreamName.id(recorded.stream), amount }
      if (event._tag === "RefundRequested") {
        yield* gateway.refund(request)
        return { _tag: "PaymentRefunded", amount } as const
      }
      const answer = yield* gateway.charge({ ...request, card: event.card })
      return answer === "captured"
        ? ({ _tag: "PaymentCaptured", amount } as const)
        : ({ _tag: "PaymentDeclined" } as const)
    })
  )
