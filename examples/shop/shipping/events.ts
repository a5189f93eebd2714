/**
 * Shipping, 1. Events: what is decided here, and what the carrier has answered.
 */
import { Schema } from "effect"
import { Event } from "eventfold"
import { Customer, Lines } from "../vocabulary.ts"

export const ShipmentEvent = Event.define({
  /** The carrier is to be asked to come. */
  ShipmentRequested: { to: Customer, lines: Lines },
  /** The parcel stays here. */
  ShipmentCancelled: {},
  /** The carrier has taken the parcel along. */
  ShipmentDispatched: {},
  ShipmentDelivered: {}
})
export type ShipmentEvent = typeof ShipmentEvent.Type

/** What the carrier has answered. */
export const CarrierEvent = Event.define({ ShipmentBooked: { tracking: Schema.String } })
export type CarrierEvent = typeof CarrierEvent.Type
