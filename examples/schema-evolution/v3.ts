/**
 * Release 3. The sums of euros are off by a hair, so money is cents: a field has another type, which is another version. And who joins subscribes:
 * a type has another name.
 */
import { Effect, Result, Schema } from "effect"
import { Aggregate, Decider, Event } from "eventfold"

export const Box = Schema.Literals(["small", "large"])
/** Euros, as they were typed. */
const Price = Schema.String.check(Schema.isPattern(/^\d{1,3}\.\d\d$/, { expected: "a price such as 12.50" }))
export const Cents = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 99_999 }))
/** Before this was asked for it was always the door. */
export const Place = Schema.String.pipe(Schema.withDecodingDefaultKey(Effect.succeed("door")))

// 1. What happens.
export const CustomerEvent = Event.define({
  Subscribed: Event.version({ name: Schema.NonEmptyString, size: Box }).next(
    { name: Schema.NonEmptyString, box: Box },
    ({ name, size }) => ({ name, box: size })
  ),
  BoxSold: Event.version({ price: Price, place: Place }).next(
    { cents: Cents, place: Schema.String },
    ({ price, place }) => ({ cents: Math.round(Number(price) * 100), place })
  ),
  FlyerEnclosed: { campaign: Schema.String },
  Left: {}
}).renamed({ Subscribed: "Joined" })
export type CustomerEvent = typeof CustomerEvent.Type

// 2. What a customer is.
export const Customer = Schema.Struct({
  name: Schema.NullOr(Schema.String),
  box: Box,
  boxes: Schema.Int,
  cents: Schema.Int,
  place: Schema.String
})

// 3. What can be asked, and what follows.
export const CustomerCommand = Schema.TaggedUnion({
  Subscribe: { name: Schema.NonEmptyString, box: Box },
  SellBox: { cents: Cents, place: Schema.String },
  EncloseFlyer: { campaign: Schema.String },
  Leave: {}
})
export class NoCustomer extends Schema.TaggedError<NoCustomer>()("NoCustomer", {}) {}

export const customer = Decider.make({
  name: "customer",
  state: Customer,
  initial: { name: null, box: "small", boxes: 0, cents: 0, place: "door" },
  commands: CustomerCommand,
  events: CustomerEvent
})
  .evolve({
    Subscribed: (customer, { name, box }) => ({ ...customer, name, box }),
    BoxSold: (customer, { cents, place }) => ({
      ...customer,
      boxes: customer.boxes + 1,
      cents: customer.cents + cents,
      place
    }),
    FlyerEnclosed: (customer) => customer,
    Left: (customer) => ({ ...customer, name: null })
  })
  .decide({
    Subscribe: ({ name, box }, customer) => (customer.name === null ? [{ _tag: "Subscribed", name, box }] : []),
    SellBox: ({ cents, place }, { name }) =>
      name === null ? Result.fail(new NoCustomer()) : [{ _tag: "BoxSold", cents, place }],
    EncloseFlyer: ({ campaign }, { name }) =>
      name === null ? Result.fail(new NoCustomer()) : [{ _tag: "FlyerEnclosed", campaign }],
    Leave: (_, { name }) => (name === null ? [] : [{ _tag: "Left" }])
  })

// 4. The service.
export class Customers extends Aggregate.Service<Customers>()("farm/v3/Customers", { decider: customer }) {}
