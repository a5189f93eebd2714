/**
 * Release 2. Boxes can be left with a neighbour, so a sale says where: a field with a default, in place. And people ask for a box and not for a size:
 * a field has another name, which is another version.
 */
import { Effect, Result, Schema } from "effect"
import { Aggregate, Decider, Event } from "eventfold"

export const Box = Schema.Literals(["small", "large"])
/** Euros, as they are typed. */
export const Price = Schema.String.check(Schema.isPattern(/^\d{1,3}\.\d\d$/, { expected: "a price such as 12.50" }))
/** Before this was asked for it was always the door. */
export const Place = Schema.String.pipe(Schema.withDecodingDefaultKey(Effect.succeed("door")))

// 1. What happens.
export const CustomerEvent = Event.define({
  Joined: Event.version({ name: Schema.NonEmptyString, size: Box }).next(
    { name: Schema.NonEmptyString, box: Box },
    ({ name, size }) => ({ name, box: size })
  ),
  BoxSold: { price: Price, place: Place },
  FlyerEnclosed: { campaign: Schema.String },
  Left: {}
})
export type CustomerEvent = typeof CustomerEvent.Type

// 2. What a customer is.
export const Customer = Schema.Struct({
  name: Schema.NullOr(Schema.String),
  box: Box,
  boxes: Schema.Int,
  euros: Schema.Finite,
  place: Schema.String
})

// 3. What can be asked, and what follows.
export const CustomerCommand = Schema.TaggedUnion({
  Join: { name: Schema.NonEmptyString, box: Box },
  SellBox: { price: Price, place: Schema.String },
  EncloseFlyer: { campaign: Schema.String },
  Leave: {}
})
export class NoCustomer extends Schema.TaggedError<NoCustomer>()("NoCustomer", {}) {}

export const customer = Decider.make({
  name: "customer",
  state: Customer,
  initial: { name: null, box: "small", boxes: 0, euros: 0, place: "door" },
  commands: CustomerCommand,
  events: CustomerEvent
})
  .evolve({
    Joined: (customer, { name, box }) => ({ ...customer, name, box }),
    BoxSold: (customer, { price, place }) => ({
      ...customer,
      boxes: customer.boxes + 1,
      euros: customer.euros + Number(price),
      place
    }),
    FlyerEnclosed: (customer) => customer,
    Left: (customer) => ({ ...customer, name: null })
  })
  .decide({
    Join: ({ name, box }, customer) => (customer.name === null ? [{ _tag: "Joined", name, box }] : []),
    SellBox: ({ price, place }, { name }) =>
      name === null ? Result.fail(new NoCustomer()) : [{ _tag: "BoxSold", price, place }],
    EncloseFlyer: ({ campaign }, { name }) =>
      name === null ? Result.fail(new NoCustomer()) : [{ _tag: "FlyerEnclosed", campaign }],
    Leave: (_, { name }) => (name === null ? [] : [{ _tag: "Left" }])
  })

// 4. The service.
export class Customers extends Aggregate.Service<Customers>()("farm/v2/Customers", { decider: customer }) {}
