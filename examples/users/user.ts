/**
 * 2. A user: the state, how events change it, what can be asked, and when it says no.
 */
import { Result, Schema } from "effect"
import { Decider } from "eventfold"
import { Bio, Email, Name, UserEvent } from "./events.ts"

/** What is known of a user. */
export const Person = Schema.Struct({ email: Email, name: Name, bio: Bio, organisation: Name })
export type Person = typeof Person.Type

export const User = Schema.TaggedUnion({
  NotRegistered: {},
  Active: { person: Person },
  Inactive: { person: Person }
})
export type User = typeof User.Type

export const UserCommand = Schema.TaggedUnion({
  Register: Person.fields,
  ChangeName: { name: Name },
  ChangeBio: { bio: Bio },
  /** `from` is the address that whoever asks believes it to be: that one will be free for others. */
  ChangeEmail: { from: Email, to: Email },
  Deactivate: { reason: Schema.String },
  Reactivate: {}
})
export type UserCommand = typeof UserCommand.Type

export class UserNotRegistered extends Schema.TaggedError<UserNotRegistered>()("UserNotRegistered", {}) {}
export class UserAlreadyRegistered extends Schema.TaggedError<UserAlreadyRegistered>()("UserAlreadyRegistered", {}) {}
export class UserIsInactive extends Schema.TaggedError<UserIsInactive>()("UserIsInactive", {}) {}
export class EmailIsAnother extends Schema.TaggedError<EmailIsAnother>()("EmailIsAnother", { email: Email }) {}

const changed = (user: User, change: Partial<Person>): User =>
  user._tag === "NotRegistered" ? user : { ...user, person: { ...user.person, ...change } }

const cannotChange = ({ _tag }: { readonly _tag: "NotRegistered" | "Inactive" }) =>
  _tag === "Inactive" ? Result.fail(new UserIsInactive()) : Result.fail(new UserNotRegistered())

export const user = Decider.make({
  name: "user",
  state: User,
  initial: { _tag: "NotRegistered" },
  commands: UserCommand,
  events: UserEvent
})
  .evolve({
    UserRegistered: (_, { email, name, bio, organisation }) => ({
      _tag: "Active",
      person: { email, name, bio, organisation }
    }),
    NameChanged: (user, { name }) => changed(user, { name }),
    BioChanged: (user, { bio }) => changed(user, { bio }),
    EmailChanged: (user, { to }) => changed(user, { email: to }),
    UserDeactivated: (user) => (user._tag === "Active" ? { ...user, _tag: "Inactive" } : user),
    UserReactivated: (user) => (user._tag === "Inactive" ? { ...user, _tag: "Active" } : user)
  })
  .decide({
    Register: ({ email, name, bio, organisation }, user) =>
      user._tag === "NotRegistered"
        ? [{ _tag: "UserRegistered", email, name, bio, organisation }]
        : Result.fail(new UserAlreadyRegistered()),
    ChangeName: ({ name }, user) => {
      if (user._tag !== "Active") return cannotChange(user)
      return name === user.person.name ? [] : [{ _tag: "NameChanged", name }]
    },
    ChangeBio: ({ bio }, user) => {
      if (user._tag !== "Active") return cannotChange(user)
      return bio === user.person.bio ? [] : [{ _tag: "BioChanged", bio }]
    },
    ChangeEmail: ({ from, to }, user) => {
      if (user._tag !== "Active") return cannotChange(user)
      const { email } = user.person
      if (email !== from) return Result.fail(new EmailIsAnother({ email }))
      return from === to ? [] : [{ _tag: "EmailChanged", from, to }]
    },
    Deactivate: ({ reason }, user) => {
      if (user._tag === "NotRegistered") return Result.fail(new UserNotRegistered())
      return user._tag === "Inactive" ? [] : [{ _tag: "UserDeactivated", reason }]
    },
    Reactivate: (_, user) => {
      if (user._tag === "NotRegistered") return Result.fail(new UserNotRegistered())
      return user._tag === "Active" ? [] : [{ _tag: "UserReactivated" }]
    }
  })
