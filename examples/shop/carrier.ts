/**
 * 7. The carrier, which comes for parcels: it is asked by a reaction, as the gateway is. When it has taken a parcel along, and when it has delivered it,
 * it tells by commands, which the shipment may reject.
 */
import { Context, Data, type Duration, Effect, Schedule } from "effect"
import { Event, Reaction, StreamName } from "eventfold"
import { CarrierEvent, ShipmentEvent } from "./shipping/events.ts"

/** Nobody knows whether it will come. */
export class CarrierDown extends Data.TaggedError("CarrierDown")<{}> {
  override get message(): string {
    return "the carrier does not answer"
  }
}

export class Carrier extends Context.Service<
  Carrier,
  {
    /** Gives the number to ask for the parcel by. Asked with the same key, it comes once. */
    readonly book: (request: {
      readonly key: string
      readonly orderId: string
      readonly to: string
    }) => Effect.Effect<string, CarrierDown>
  }
>()("shop/Carrier") {}

/** Asks the carrier, and again in a while when it is down, for as long as it takes. */
export const booking = (again: Duration.Duration) =>
  Reaction.make({
    name: "booking",
    events: Event.pick(ShipmentEvent, ["ShipmentRequested"]),
    results: CarrierEvent,
    stream: (_, { stream }) => stream,
    retry: Schedule.spaced(again),
    concurrency: 64
  }).run(
    Effect.fnUntraced(function* ({ to }, { idempotencyKey: key, recorded }) {
      const carrier = yield* Carrier
      const tracking = yield* carrier.book({ key, orderId: StreamName.id(recorded.stream), to })
      return { _tag: "ShipmentBooked", tracking } as const
    })
  )
