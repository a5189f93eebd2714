/**
 * 7. What a batch of events changes in rows of users: the pure part of the read models that are tables. However many events a batch
 * has of a user, it is one change of one row, and however many users, one statement.
 */
import { HashMap, Schema } from "effect"
import { type Event, StreamName, View } from "eventfold"
import { Bio, Email, Name, UserEvent } from "./events.ts"

/** The columns of a row that are given a value. */
export const Change = Schema.Struct({
  email: Schema.optionalKey(Email),
  name: Schema.optionalKey(Name),
  bio: Schema.optionalKey(Bio),
  is_active: Schema.optionalKey(Schema.Boolean)
})
export type Change = typeof Change.Type

/** The changes by the ids of their users. A later event has the last word. */
export const changesView = View.keyed({
  name: "user-changes",
  events: UserEvent,
  key: (_, { stream }) => StreamName.id(stream),
  model: Change,
  initial: {}
}).evolve({
  UserRegistered: (_, { email, name, bio }) => ({ email, name, bio, is_active: true }),
  NameChanged: (change, { name }) => ({ ...change, name }),
  BioChanged: (change, { bio }) => ({ ...change, bio }),
  EmailChanged: (change, { to }) => ({ ...change, email: to }),
  UserDeactivated: (change) => ({ ...change, is_active: false }),
  UserReactivated: (change) => ({ ...change, is_active: true })
})

/** The changes of a batch as JSON, an array of rows for `jsonb_to_recordset`: a column that keeps its value is left out. */
export const rowsOf = (events: ReadonlyArray<Event.Decoded<UserEvent>>): string =>
  JSON.stringify(
    Array.from(HashMap.entries(View.foldKeyed(changesView, events)), ([id, change]) => ({ id, ...change }))
  )
