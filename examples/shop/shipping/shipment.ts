/**
 * Shipping, 2 and 3. State and evolve, commands and decide. A shipment bears the id of its order.
 *
 * Until the carrier has taken the parcel along, a shipment can be cancelled; from then on it cannot. Whichever of the two is recorded first is
 * how it was: the other one is rejected.
 */
import { Result, Schema } from "effect"
import { Decider } from "eventfold"
import { Customer, Lines } from "../vocabulary.ts"
import { CarrierEvent, ShipmentEvent } from "./events.ts"

export const Shipment = Schema.TaggedUnion({
  NotRequested: {},
  Requested: {},
  Booked: { tracking: Schema.String },
  Cancelled: {},
  Dispatched: {},
  Delivered: {}
})

export const ShipmentCommand = Schema.TaggedUnion({
  // The shop's.
  Request: { to: Customer, lines: Lines },
  Cancel: {},
  // What the carrier tells.
  Dispatch: {},
  Deliver: {}
})

export class ShipmentOnItsWay extends Schema.TaggedError<ShipmentOnItsWay>()("ShipmentOnItsWay", {}) {}
export class ShipmentNotBooked extends Schema.TaggedError<ShipmentNotBooked>()("ShipmentNotBooked", {}) {}
export class ShipmentIsCancelled extends Schema.TaggedError<ShipmentIsCancelled>()("ShipmentIsCancelled", {}) {}
export class ShipmentNotDispatched extends Schema.TaggedError<ShipmentNotDispatched>()("ShipmentNotDispatched", {}) {}

export const shipment = Decider.make({
  name: "shipment",
  state: Shipment,
  initial: { _tag: "NotRequested" },
  commands: ShipmentCommand,
  events: ShipmentEvent,
  observes: CarrierEvent,
  isTerminal: ({ _tag }) => _tag === "Cancelled" || _tag === "Delivered"
})
  .evolve({
    ShipmentRequested: () => ({ _tag: "Requested" }),
    // A booking that is answered when nobody wants it any more books nothing.
    ShipmentBooked: (shipment, { tracking }) =>
      shipment._tag === "Requested" ? { _tag: "Booked", tracking } : shipment,
    ShipmentCancelled: () => ({ _tag: "Cancelled" }),
    ShipmentDispatched: () => ({ _tag: "Dispatched" }),
    ShipmentDelivered: () => ({ _tag: "Delivered" })
  })
  .decide({
    Request: ({ to, lines }, shipment) =>
      shipment._tag === "NotRequested" ? [{ _tag: "ShipmentRequested", to, lines }] : [],
    Cancel: (_, shipment) => {
      if (shipment._tag === "Dispatched" || shipment._tag === "Delivered") return Result.fail(new ShipmentOnItsWay())
      return shipment._tag === "Cancelled" ? [] : [{ _tag: "ShipmentCancelled" }]
    },
    Dispatch: (_, shipment) => {
      switch (shipment._tag) {
        case "NotRequested":
        case "Requested":
          return Result.fail(new ShipmentNotBooked())
        case "Cancelled":
          return Result.fail(new ShipmentIsCancelled())
        case "Booked":
          return [{ _tag: "ShipmentDispatched" }]
        default:
          return []
      }
    },
    Deliver: (_, shipment) => {
      if (shipment._tag === "Delivered") return []
      return shipment._tag === "Dispatched" ? [{ _tag: "ShipmentDelivered" }] : Result.fail(new ShipmentNotDispatched())
    }
  })
