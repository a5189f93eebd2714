/**
 * 4. Service: users and addresses over an event store. What is about a user and an address is stored for both, or for neither, so no
 * address is ever taken by nobody, and no two users ever share one.
 */
import { Effect, Schedule } from "effect"
import { Aggregate } from "eventfold"
import { address } from "./address.ts"
import { type Person, user } from "./user.ts"

/** With each conflict somebody gets on: decide again at once, as often as there may be commands for one thing at a time. */
const retry = Schedule.recurs(100)

export class Users extends Aggregate.Service<Users>()("users/Users", { decider: user, retry }) {}

export class Addresses extends Aggregate.Service<Addresses>()("users/Addresses", { decider: address, retry }) {}

/** Registers a user, who has the address from then on. */
export const register = Effect.fn("users.register")(function* (
  id: string,
  person: Person,
  options?: Aggregate.ExecuteOptions
) {
  const users = yield* Users
  const addresses = yield* Addresses
  const [registered] = yield* Aggregate.executeAll(
    [users.prepare(id, { _tag: "Register", ...person }), addresses.prepare(person.email, { _tag: "Claim", user: id })],
    options
  )
  return registered
})

/** Moves a user from one address to another: the one is free then, and the other taken. */
export const changeEmail = Effect.fn("users.changeEmail")(function* (
  id: string,
  { from, to }: { readonly from: string; readonly to: string },
  options?: Aggregate.ExecuteOptions
) {
  const users = yield* Users
  const addresses = yield* Addresses
  const command = { _tag: "ChangeEmail", from, to } as const
  if (from === to) return yield* users.execute(id, command, options)
  const [changed] = yield* Aggregate.executeAll(
    [
      users.prepare(id, command),
      addresses.prepare(to, { _tag: "Claim", user: id }),
      addresses.prepare(from, { _tag: "Release", user: id })
    ],
    options
  )
  return changed
})
