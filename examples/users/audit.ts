/**
 * 13. The read models are held against the events, and so against each other: the states of the users are folded from the log by the rules of
 * `user.ts`, and everything that is shown must be what they say.
 */
import { Effect, Option, Schema, Stream } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import { Event, EventStore, StreamName } from "eventfold"
import { address } from "./address.ts"
import { Account, findByEmail, UsersByEmail } from "./by-email.ts"
import { AddressEvent, UserEvent } from "./events.ts"
import { Profiles } from "./profiles.ts"
import { searchUsers, UserSearch } from "./search.ts"
import { type Person, user, type User } from "./user.ts"

/** What must hold. */
export const rules = {
  addresses: "Every address belongs to the one user who has it, and to nobody else",
  table: "The table has every user as the events tell, and finds each by address",
  documents: "The documents have every user as the events tell",
  search: "The search finds every active user by name, and nobody else"
}
export type Rule = keyof typeof rules

export interface Problem {
  readonly rule: Rule
  readonly problem: string
}

/** A user by the events alone. */
interface Known extends Person {
  readonly id: string
  readonly isActive: boolean
}

/** The states of all streams of a category, by their ids. */
const statesOf = Effect.fnUntraced(function* <State, E extends Event.Tagged>(
  category: string,
  events: Event.Definitions<E>,
  initial: State,
  evolve: (state: State, event: E) => State
) {
  const store = yield* EventStore.EventStore
  const states = new Map<string, State>()
  yield* store.readLog({ query: [{ categories: [category] }] }).pipe(
    Stream.mapEffect((recorded) => Effect.fromResult(Event.decodeRecorded(events, recorded))),
    Stream.flattenIterable,
    Stream.runForEach(({ event, recorded }) => {
      const id = StreamName.id(recorded.stream)
      return Effect.sync(() => states.set(id, evolve(states.get(id) ?? initial, event)))
    })
  )
  return states
})

const isKnown = (id: string, user: User): ReadonlyArray<Known> =>
  user._tag === "NotRegistered" ? [] : [{ ...user.person, id, isActive: user._tag === "Active" }]

/** Compares what is with what should be, by keys. */
const differences = (
  rule: Rule,
  expected: Iterable<readonly [string, unknown]>,
  actual: Iterable<readonly [string, unknown]>
): ReadonlyArray<Problem> => {
  const is = new Map(Array.from(actual, ([key, value]) => [key, JSON.stringify(value)]))
  const should = new Map(Array.from(expected, ([key, value]) => [key, JSON.stringify(value)]))
  return Array.from(new Set([...should.keys(), ...is.keys()])).flatMap((key) =>
    is.get(key) === should.get(key)
      ? []
      : [{ rule, problem: `${key} is ${is.get(key) ?? "missing"} and should be ${should.get(key) ?? "missing"}` }]
  )
}

const wordsOf = (name: string): ReadonlyArray<string> => name.toLowerCase().split(/[ ']/)

/** What is not as it must be, of all users that the log knows, whoever has registered them. The read models have to be as far as the log. */
export const audit = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const states = yield* statesOf("user", UserEvent, user.initial, user.evolve)
  const addresses = yield* statesOf("address", AddressEvent, address.initial, address.evolve)
  const users = Array.from(states).flatMap(([id, user]) => isKnown(id, user))

  const holders = Array.from(addresses).flatMap(([email, address]) =>
    address._tag === "Taken" ? [[email, address.user] as const] : []
  )
  const held = users.map(({ email, id }) => [email, id] as const)

  const { table } = yield* UsersByEmail
  const rows = SqlSchema.findAll({
    Request: Schema.Void,
    Result: Account,
    execute: () => sql`SELECT * FROM ${sql.literal(table("users"))}`
  })
  const lookedUp = Effect.fnUntraced(function* (email: string) {
    const found = yield* findByEmail(email)
    return Option.match(found, { onNone: () => [], onSome: ({ id }) => [[email, id] as const] })
  })

  const documents = yield* Stream.runCollect((yield* Profiles).query())

  const active = users.filter(({ isActive }) => isActive)
  const named = (name: string) => {
    const words = wordsOf(name)
    return active.filter((one) => words.every((word) => wordsOf(one.name).includes(word))).map(({ id }) => id)
  }
  const names = Array.from(new Set(users.map(({ name }) => name)))
  const searched = Effect.fnUntraced(function* (name: string) {
    const hits = yield* searchUsers(name, { within: "name", limit: users.length })
    return [name, hits.map(({ id }) => id).toSorted()] as const
  })

  const problems = [
    ...differences("addresses", held, holders),
    ...differences(
      "table",
      users.map(({ email, id, isActive, name }) => [id, [email, name, isActive]]),
      (yield* rows()).map(({ email, id, is_active, name }) => [id, [email, name, is_active]])
    ),
    ...differences("table", held, (yield* Effect.forEach(addresses.keys(), lookedUp)).flat()),
    ...differences(
      "documents",
      users.map(({ bio, email, id, isActive, name, organisation }) => [
        id,
        [email, name, bio, organisation, isActive ? "active" : "inactive"]
      ]),
      documents.map(([id, { bio, email, name, organisation, status }]) => [
        id,
        [email, name, bio, organisation, status]
      ])
    ),
    ...differences(
      "search",
      names.map((name) => [name, named(name).toSorted()]),
      yield* Effect.forEach(names, searched)
    )
  ]
  return { users: users.length, active: active.length, free: addresses.size - holders.length, problems }
})

/** Waits until all read models have come to a position. */
export const caughtUp = Effect.fnUntraced(function* (position: number) {
  const all = [yield* UsersByEmail, yield* Profiles, yield* UserSearch]
  yield* Effect.forEach(all, ({ awaitPosition }) => awaitPosition(position, "2 minutes"), { concurrency: "unbounded" })
})
