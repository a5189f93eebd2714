/**
 * 3. An e-mail address: it belongs to one user at a time. A stream for each address is what makes that a rule and not a hope: two who
 * want the same one append to the same stream, and one of them comes first.
 */
import { Result, Schema } from "effect"
import { Decider } from "eventfold"
import { AddressEvent, UserId } from "./events.ts"

export const Address = Schema.TaggedUnion({ Free: {}, Taken: { user: UserId } })

export const AddressCommand = Schema.TaggedUnion({ Claim: { user: UserId }, Release: { user: UserId } })

/** Somebody else has the address. Who, is not for those to know who ask for it. */
export class AddressTaken extends Schema.TaggedError<AddressTaken>()("AddressTaken", {}) {}
export class AddressNotYours extends Schema.TaggedError<AddressNotYours>()("AddressNotYours", {}) {}

export const address = Decider.make({
  name: "address",
  state: Address,
  initial: { _tag: "Free" },
  commands: AddressCommand,
  events: AddressEvent
})
  .evolve({
    AddressClaimed: (_, { user }) => ({ _tag: "Taken", user }),
    AddressReleased: () => ({ _tag: "Free" })
  })
  .decide({
    Claim: ({ user }, address) => {
      if (address._tag === "Free") return [{ _tag: "AddressClaimed", user }]
      return address.user === user ? [] : Result.fail(new AddressTaken())
    },
    Release: ({ user }, address) =>
      address._tag === "Taken" && address.user === user
        ? [{ _tag: "AddressReleased", user }]
        : Result.fail(new AddressNotYours())
  })
