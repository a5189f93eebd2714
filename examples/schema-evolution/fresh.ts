/**
 * The last resort. Steps cost nothing, so a log can be read through them for ever. Who has to be rid of them nevertheless, or needs what no step can say, copies the
 * log into another store, where it begins as if release 4 had been the first. The old one stays what it is.
 */
import { Schema } from "effect"
import { Copy, Event, type StreamName } from "eventfold"
import { Box, Cents, CustomerEvent } from "./v4.ts"

/** The events of release 4 and no others. Each is version 1 of its type: for what is stored so, and never for the old store. */
export const FreshEvent = Event.define({
  Subscribed: { name: Schema.NonEmptyString, box: Box },
  BoxDelivered: { cents: Cents, place: Schema.String },
  Paid: { cents: Cents, by: Schema.Literals(["cash", "card"]) },
  Left: {}
})

/** Reads the streams with all the steps, and writes them without. */
export const freshStart = (streams: ReadonlyArray<StreamName.StreamName>) =>
  Copy.make({
    name: "fresh-start",
    from: { streams },
    transform: Copy.translate(CustomerEvent, FreshEvent, (event) => [event])
  })
