/**
 * 6. Documents: a profile for each user, folded by a view and kept as JSON. There is nothing to do for it but to say what a profile is.
 */
import { DateTime, Schema } from "effect"
import { Projection, StreamName, View } from "eventfold"
import { Email, UserEvent } from "./events.ts"
import { Person } from "./user.ts"

export const Profile = Schema.Struct({
  ...Person.fields,
  status: Schema.Literals(["active", "inactive"]),
  since: Schema.DateTimeUtcFromString,
  /** Those that were theirs before, the latest first. */
  formerEmails: Schema.Array(Email)
})
export type Profile = typeof Profile.Type

/** What there is of a user before anything has happened: never shown, for the first event tells all of it. */
const nobody: Profile = {
  email: "",
  name: "",
  bio: "",
  organisation: "",
  status: "inactive",
  since: DateTime.makeUnsafe(0),
  formerEmails: []
}

/** All profiles, by the ids of their users. */
export const profilesView = View.keyed({
  name: "user-profiles",
  events: UserEvent,
  key: (_, { stream }) => StreamName.id(stream),
  model: Profile,
  initial: nobody
}).evolve({
  UserRegistered: (_, { email, name, bio, organisation }, { recordedAt: since }) => ({
    email,
    name,
    bio,
    organisation,
    status: "active",
    since,
    formerEmails: []
  }),
  NameChanged: (profile, { name }) => ({ ...profile, name }),
  BioChanged: (profile, { bio }) => ({ ...profile, bio }),
  EmailChanged: (profile, { from, to }) => ({
    ...profile,
    email: to,
    formerEmails: [from, ...profile.formerEmails]
  }),
  UserDeactivated: (profile) => ({ ...profile, status: "inactive" }),
  UserReactivated: (profile) => ({ ...profile, status: "active" })
})

export const profiles = Projection.make({ version: 1, view: profilesView })

export class Profiles extends Projection.Service<Profiles>()("users/Profiles", profiles) {}
