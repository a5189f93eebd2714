// events.ts
import { Schema } from "effect"
import { Event } from "eventfold"

export const AccountEvent = Event.define({
  AccountOpened: Event.version({ owner: Schema.String }).next({ owner: Schema.NonEmptyString }, ({ owner }) => ({
    owner: owner === "" ? "unknown" : owner
  })),
  Deposited: { amount: Schema.Int },
  Withdrawn: { amount: Schema.Int }
})
export type AccountEvent = typeof AccountEvent.Type
