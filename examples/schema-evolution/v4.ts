/**
 * Release 4. Boxes can be paid for later, by card, so that a box is delivered and that it is paid are two things: what was a sale reads as both. And
 * nobody encloses flyers any more, which means nothing today.
 */
import { Effect, Result, Schema } from "effect"
import { Aggregate, Decider, Event, Projection, StreamName, View } from "eventfold"

export const Box = Schema.Literals(["small", "large"])
/** Euros, as they were typed. */
const Price = Schema.String.check(Schema.isPattern(/^\d{1,3}\.\d\d$/, { expected: "a price such as 12.50" }))
export const Cents = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 99_999 }))
/** Before this was asked for it was always the door. */
const Place = Schema.String.pipe(Schema.withDecodingDefaultKey(Effect.succeed("door")))

// 1. What happens.
export const CustomerEvent = Event.define({
  Subscribed: Event.version({ name: Schema.NonEmptyString, size: Box }).next(
    { name: Schema.NonEmptyString, box: Box },
    ({ name, size }) => ({ name, box: size })
  ),
  BoxDelivered: { cents: Cents, place: Schema.String },
  Paid: { cents: Cents, by: Schema.Literals(["cash", "card"]) },
  Left: {}
})
  .renamed({ Subscribed: "Joined" })
  .retired(
    "BoxSold",
    Event.version({ price: Price, place: Place }).next({ cents: Cents, place: Schema.String }, ({ price, place }) => ({
      cents: Math.round(Number(price) * 100),
      place
    })),
    ({ cents, place }) => [
      { _tag: "BoxDelivered", cents, place },
      { _tag: "Paid", cents, by: "cash" }
    ]
  )
  .retired("FlyerEnclosed", { campaign: Schema.String }, () => [])
export type CustomerEvent = typeof CustomerEvent.Type

// 2. What a customer is.
export const Customer = Schema.Struct({
  name: Schema.NullOr(Schema.String),
  box: Box,
  boxes: Schema.Int,
  owes: Schema.Int,
  place: Schema.String
})

// 3. What can be asked, and what follows.
export const CustomerCommand = Schema.TaggedUnion({
  Subscribe: { name: Schema.NonEmptyString, box: Box },
  Deliver: { cents: Cents, place: Schema.String },
  Pay: { cents: Cents, by: Schema.Literals(["cash", "card"]) },
  Leave: {}
})
export class NoCustomer extends Schema.TaggedError<NoCustomer>()("NoCustomer", {}) {}
export class PayFirst extends Schema.TaggedError<PayFirst>()("PayFirst", { owes: Schema.Int }) {}

export const customer = Decider.make({
  name: "customer",
  state: Customer,
  initial: { name: null, box: "small", boxes: 0, owes: 0, place: "door" },
  commands: CustomerCommand,
  events: CustomerEvent
})
  .evolve({
    Subscribed: (customer, { name, box }) => ({ ...customer, name, box }),
    BoxDelivered: (customer, { cents, place }) => ({
      ...customer,
      boxes: customer.boxes + 1,
      owes: customer.owes + cents,
      place
    }),
    Paid: (customer, { cents }) => ({ ...customer, owes: customer.owes - cents }),
    Left: (customer) => ({ ...customer, name: null })
  })
  .decide({
    Subscribe: ({ name, box }, customer) => (customer.name === null ? [{ _tag: "Subscribed", name, box }] : []),
    Deliver: ({ cents, place }, { name, owes }) => {
      if (name === null) return Result.fail(new NoCustomer())
      // One box may be open at a time.
      return owes > 0 ? Result.fail(new PayFirst({ owes })) : [{ _tag: "BoxDelivered", cents, place }]
    },
    Pay: ({ cents, by }) => [{ _tag: "Paid", cents, by }],
    Leave: (_, { name }) => (name === null ? [] : [{ _tag: "Left" }])
  })

// 4. The service.
export class Customers extends Aggregate.Service<Customers>()("farm/v4/Customers", { decider: customer }) {}

// 5. What is shown: what each customer got, and how it was paid. It is new in this release, and begins with the first event of the log.
export const accounts = View.keyed({
  name: "customer-accounts",
  events: CustomerEvent,
  key: (_, { stream }) => StreamName.id(stream),
  model: Schema.Struct({ name: Schema.String, boxes: Schema.Int, cash: Schema.Int, card: Schema.Int }),
  initial: { name: "", boxes: 0, cash: 0, card: 0 }
}).evolve({
  Subscribed: (account, { name }) => ({ ...account, name }),
  BoxDelivered: (account) => ({ ...account, boxes: account.boxes + 1 }),
  Paid: (account, { cents, by }) => ({ ...account, [by]: account[by] + cents }),
  Left: (account) => account
})

export class Accounts extends Projection.Service<Accounts>()(
  "farm/v4/Accounts",
  Projection.make({ version: 1, view: accounts })
) {}
