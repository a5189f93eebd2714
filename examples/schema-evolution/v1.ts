/**
 * Release 1. A farm sells boxes of vegetables at the door: who joins gets one a week, and pays for it in cash.
 */
import { Result, Schema } from "effect"
import { Aggregate, Decider, Event } from "eventfold"

export const Size = Schema.Literals(["small", "large"])
/** Euros, as they are typed. */
export const Price = Schema.String.check(Schema.isPattern(/^\d{1,3}\.\d\d$/, { expected: "a price such as 12.50" }))

// 1. What happens.
export const CustomerEvent = Event.define({
  Joined: { name: Schema.NonEmptyString, size: Size },
  BoxSold: { price: Price },
  FlyerEnclosed: { campaign: Schema.String },
  Left: {}
})
export type CustomerEvent = typeof CustomerEvent.Type

// 2. What a customer is.
export const Customer = Schema.Struct({
  name: Schema.NullOr(Schema.String),
  size: Size,
  boxes: Schema.Int,
  euros: Schema.Finite
})

// 3. What can be asked, and what follows.
export const CustomerCommand = Schema.TaggedUnion({
  Join: { name: Schema.NonEmptyString, size: Size },
  SellBox: { price: Price },
  EncloseFlyer: { campaign: Schema.String },
  Leave: {}
})
export class NoCustomer extends Schema.TaggedError<NoCustomer>()("NoCustomer", {}) {}

export const customer = Decider.make({
  name: "customer",
  state: Customer,
  initial: { name: null, size: "small", boxes: 0, euros: 0 },
  commands: CustomerCommand,
  events: CustomerEvent
})
  .evolve({
    Joined: (customer, { name, size }) => ({ ...customer, name, size }),
    BoxSold: (customer, { price }) => ({
      ...customer,
      boxes: customer.boxes + 1,
      euros: customer.euros + Number(price)
    }),
    FlyerEnclosed: (customer) => customer,
    Left: (customer) => ({ ...customer, name: null })
  })
  .decide({
    Join: ({ name, size }, customer) => (customer.name === null ? [{ _tag: "Joined", name, size }] : []),
    SellBox: ({ price }, { name }) => (name === null ? Result.fail(new NoCustomer()) : [{ _tag: "BoxSold", price }]),
    EncloseFlyer: ({ campaign }, { name }) =>
      name === null ? Result.fail(new NoCustomer()) : [{ _tag: "FlyerEnclosed", campaign }],
    Leave: (_, { name }) => (name === null ? [] : [{ _tag: "Left" }])
  })

// 4. The service.
export class Customers extends Aggregate.Service<Customers>()("farm/v1/Customers", { decider: customer }) {}
