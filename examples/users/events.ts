/**
 * 1. Events: what can happen to a user, and to an e-mail address. They are all that is ever stored.
 */
import { Schema } from "effect"
import { Event } from "eventfold"

/** The id of a user, chosen by whoever registers them. It never changes, whatever else does. */
export const UserId = Schema.String.check(
  Schema.isPattern(/^[A-Za-z0-9_-]{1,64}$/, { expected: "1 to 64 letters, digits, hyphens or underscores" })
)

/** An e-mail address in lower case, so that there is one way to write each. Whoever takes one from outside lowers it first. */
export const Email = Schema.String.check(
  Schema.isMaxLength(254),
  Schema.isPattern(/^[^\s\p{Lu}\p{Cc}\p{Cs}@]+@[^\s\p{Lu}\p{Cc}\p{Cs}@]+\.[^\s\p{Lu}\p{Cc}\p{Cs}@.]+$/u, {
    expected: "an e-mail address in lower case"
  })
)

/** A name as people write it: no control characters, no space around it. */
export const Name = Schema.String.check(
  Schema.isPattern(/^[^\s\p{Cc}\p{Cs}]([^\p{Cc}\p{Cs}]{0,98}[^\s\p{Cc}\p{Cs}])?$/u, { expected: "a name" })
)

/** What users tell of themselves: any text of one line, or nothing. */
export const Bio = Schema.String.check(
  Schema.isPattern(/^[^\p{Cc}\p{Cs}]{0,500}$/u, { expected: "at most 500 characters, and no line breaks" })
)

export const UserEvent = Event.define({
  UserRegistered: { email: Email, name: Name, bio: Bio, organisation: Name },
  NameChanged: { name: Name },
  BioChanged: { bio: Bio },
  EmailChanged: { from: Email, to: Email },
  UserDeactivated: { reason: Schema.String },
  UserReactivated: {}
})
export type UserEvent = typeof UserEvent.Type

/** The story of an address is a stream of its own: who has had it, one after the other. */
export const AddressEvent = Event.define({
  AddressClaimed: { user: UserId },
  AddressReleased: { user: UserId }
})
export type AddressEvent = typeof AddressEvent.Type
