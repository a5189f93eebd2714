/**
 * What happens while each release is the one that is deployed. They share a store and nothing else: each reads what all before it have written, as
 * they have written it.
 */
import { Effect, Layer } from "effect"
import type { Aggregate, Event, EventStore } from "eventfold"
import * as V1 from "./v1.ts"
import * as V2 from "./v2.ts"
import * as V3 from "./v3.ts"
import * as V4 from "./v4.ts"

/** The ids of the customers: others each time it is told, so that one store can have it any number of times. */
export const idsOf = (telling: string) => ({
  ada: `ada-${telling}`,
  bob: `bob-${telling}`,
  cem: `cem-${telling}`,
  dora: `dora-${telling}`
})
export type Ids = ReturnType<typeof idsOf>

/** All deployments, side by side. In life a process has one of them. */
export const deployments = Layer.mergeAll(
  V1.Customers.layer,
  V2.Customers.layer,
  V3.Customers.layer,
  V4.Customers.layer
)

type Deployments = Layer.Success<typeof deployments>
type SellError = Aggregate.ExecuteError | V4.NoCustomer

/** A release, with what the four have in common. */
export interface Release {
  readonly title: string
  /** What happens until the next one. */
  readonly days: (ids: Ids) => Effect.Effect<void, SellError | V4.PayFirst, Deployments>
  /** What a customer is to it. */
  readonly state: (
    id: string
  ) => Effect.Effect<Aggregate.Loaded<unknown>, EventStore.StoreError | Event.DecodeError, Deployments>
  /** What the release before, which is still running somewhere, is to do with a customer that has events from the future. */
  readonly before?: {
    readonly to: keyof Ids
    readonly sell: (id: string) => Effect.Effect<unknown, SellError, Deployments>
  }
}

const first: Release = {
  title: "boxes are sold at the door",
  days: Effect.fnUntraced(function* ({ ada, bob }: Ids) {
    const { execute } = yield* V1.Customers
    yield* execute(ada, { _tag: "Join", name: "Ada", size: "small" })
    yield* execute(bob, { _tag: "Join", name: "Bob", size: "large" })
    yield* execute(ada, { _tag: "EncloseFlyer", campaign: "bring a friend" })
    yield* execute(ada, { _tag: "SellBox", price: "12.50" })
  }),
  state: (id) => V1.Customers.use(({ state }) => state(id))
}

const second: Release = {
  title: "a sale says where the box was left, and size has become box",
  days: Effect.fnUntraced(function* ({ ada, cem }: Ids) {
    const { execute } = yield* V2.Customers
    yield* execute(cem, { _tag: "Join", name: "Cem", box: "large" })
    yield* execute(ada, { _tag: "SellBox", price: "12.50", place: "Bob's" })
  }),
  state: (id) => V2.Customers.use(({ state }) => state(id)),
  before: {
    to: "cem",
    sell: (id) => V1.Customers.use(({ execute }) => execute(id, { _tag: "SellBox", price: "12.50" }))
  }
}

const third: Release = {
  title: "money is cents, and Joined has become Subscribed",
  days: Effect.fnUntraced(function* ({ ada, dora }: Ids) {
    const { execute } = yield* V3.Customers
    yield* execute(dora, { _tag: "Subscribe", name: "Dora", box: "small" })
    yield* execute(ada, { _tag: "SellBox", cents: 1350, place: "door" })
  }),
  state: (id) => V3.Customers.use(({ state }) => state(id)),
  before: {
    to: "dora",
    sell: (id) => V2.Customers.use(({ execute }) => execute(id, { _tag: "SellBox", price: "12.50", place: "door" }))
  }
}

const fourth: Release = {
  title: "BoxSold has become BoxDelivered and Paid, and FlyerEnclosed nothing",
  days: Effect.fnUntraced(function* ({ ada, bob }: Ids) {
    const { execute } = yield* V4.Customers
    yield* execute(ada, { _tag: "Deliver", cents: 1350, place: "door" })
    yield* execute(ada, { _tag: "Pay", cents: 1350, by: "card" })
    yield* execute(bob, { _tag: "Deliver", cents: 1990, place: "porch" })
  }),
  state: (id) => V4.Customers.use(({ state }) => state(id)),
  before: {
    to: "ada",
    sell: (id) => V3.Customers.use(({ execute }) => execute(id, { _tag: "SellBox", cents: 1350, place: "door" }))
  }
}

export const releases: ReadonlyArray<Release> = [first, second, third, fourth]
