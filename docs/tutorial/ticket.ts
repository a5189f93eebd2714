// ticket.ts
import { Result, Schema } from "effect"
import { Aggregate, Decider, Event } from "eventfold"

export const TicketEvent = Event.define({
  TicketOpened: { subject: Schema.String },
  TicketAnswered: { by: Schema.String },
  TicketClosed: {}
})

export class TicketIsClosed extends Schema.TaggedError<TicketIsClosed>()("TicketIsClosed", {}) {}

export const ticket = Decider.make({
  name: "ticket",
  state: Schema.Literals(["none", "open", "closed"]),
  initial: "none",
  commands: Schema.TaggedUnion({ Open: { subject: Schema.NonEmptyString }, Answer: { by: Schema.String }, Close: {} }),
  events: TicketEvent
})
  .evolve({ TicketOpened: () => "open", TicketAnswered: (state) => state, TicketClosed: () => "closed" })
  .decide({
    // Nothing to do is no event, and no error either.
    Open: ({ subject }, state) => (state === "none" ? [{ _tag: "TicketOpened", subject }] : []),
    Answer: ({ by }, state) =>
      state === "open" ? [{ _tag: "TicketAnswered", by }] : Result.fail(new TicketIsClosed()),
    Close: (_, state) => (state === "open" ? [{ _tag: "TicketClosed" }] : [])
  })

export class Tickets extends Aggregate.Service<Tickets>()("desk/Tickets", { decider: ticket }) {}
