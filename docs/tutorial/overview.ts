// overview.ts
import { Effect, Schema } from "effect"
import { Projection, StreamName, View } from "eventfold"
import { AccountEvent } from "./events.ts"

export const overview = View.keyed({
  name: "overview",
  events: AccountEvent,
  key: (_, { stream }) => StreamName.id(stream),
  model: Schema.Struct({
    owner: Schema.String,
    balance: Schema.Int,
    // The documents of version 1 have none, and they are read until version 2 is there.
    movements: Schema.Int.pipe(Schema.withDecodingDefaultKey(Effect.succeed(0)))
  }),
  initial: { owner: "", balance: 0, movements: 0 }
}).evolve({
  AccountOpened: (model, { owner }) => ({ ...model, owner }),
  Deposited: ({ balance, movements, owner }, { amount }) => ({
    owner,
    balance: balance + amount,
    movements: movements + 1
  }),
  Withdrawn: ({ balance, movements, owner }, { amount }) => ({
    owner,
    balance: balance - amount,
    movements: movements + 1
  })
})

export class Overview extends Projection.Service<Overview>()(
  "bank/Overview",
  Projection.make({ version: 2, view: overview })
) {}
