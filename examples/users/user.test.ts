/**
 * 5. Specs of a user. Each is run as a pure function, and once more through an event store.
 */
import { describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { MemoryEventStore } from "eventfold/memory"
import { Spec } from "eventfold/testing"
import type { UserEvent } from "./events.ts"
import { EmailIsAnother, user, UserAlreadyRegistered, UserIsInactive, UserNotRegistered } from "./user.ts"

const { given } = Spec.decider(user)

const rule = (name: string, spec: Spec.DeciderSpec) => {
  it.effect(name, () => spec)
  it.effect(`${name}, in a store`, () => Effect.provide(spec.onStore, MemoryEventStore.layer))
}

const ada = { email: "ada@engines.example", name: "Ada", bio: "Writes notes", organisation: "Engines" }
const registered: UserEvent = { _tag: "UserRegistered", ...ada }
const deactivated: UserEvent = { _tag: "UserDeactivated", reason: "on leave" }
const reactivated: UserEvent = { _tag: "UserReactivated" }

describe("registering", () => {
  const register = { _tag: "Register" as const, ...ada }
  rule("makes somebody a user", given([]).when(register).then([registered]))
  rule("happens once", given([registered]).when(register).thenFails(new UserAlreadyRegistered()))
  rule(
    "and not again after leaving",
    given([registered, deactivated]).when(register).thenFails(new UserAlreadyRegistered())
  )
})

describe("changing name and bio", () => {
  const name = { _tag: "ChangeName" as const, name: "Ada King" }
  const bio = { _tag: "ChangeBio" as const, bio: "" }
  rule(
    "gives another name",
    given([registered])
      .when(name)
      .then([{ _tag: "NameChanged", name: "Ada King" }])
  )
  rule(
    "gives another bio, or none",
    given([registered])
      .when(bio)
      .then([{ _tag: "BioChanged", bio: "" }])
  )
  rule("to the same name is nothing", given([registered]).when({ _tag: "ChangeName", name: "Ada" }).thenNothing())
  rule("to the same bio is nothing", given([registered]).when({ _tag: "ChangeBio", bio: ada.bio }).thenNothing())
  rule("is for users", given([]).when(name).thenFails(new UserNotRegistered()))
  rule("is for active users", given([registered, deactivated]).when(bio).thenFails(new UserIsInactive()))
  rule(
    "is remembered",
    given([registered, { _tag: "NameChanged", name: "Ada King" }])
      .when(bio)
      .thenState({ _tag: "Active", person: { ...ada, name: "Ada King", bio: "" } })
  )
})

describe("changing the address", () => {
  const to = "ada@notes.example"
  const change = { _tag: "ChangeEmail" as const, from: ada.email, to }
  const changed: UserEvent = { _tag: "EmailChanged", from: ada.email, to }
  rule("leads from the one to the other", given([registered]).when(change).then([changed]))
  rule(
    "starts from the one that it is",
    given([registered, changed])
      .when(change)
      .thenFails(new EmailIsAnother({ email: to }))
  )
  rule(
    "to the same is nothing",
    given([registered])
      .when({ ...change, to: ada.email })
      .thenNothing()
  )
  rule("is for users", given([]).when(change).thenFails(new UserNotRegistered()))
  rule("is for active users", given([registered, deactivated]).when(change).thenFails(new UserIsInactive()))
})

describe("leaving and coming back", () => {
  const leave = { _tag: "Deactivate" as const, reason: "on leave" }
  const comeBack = { _tag: "Reactivate" as const }
  rule("a user leaves", given([registered]).when(leave).then([deactivated]))
  rule("once", given([registered, deactivated]).when(leave).thenNothing())
  rule("and comes back", given([registered, deactivated]).when(comeBack).then([reactivated]))
  rule("as who they were", given([registered, deactivated]).when(comeBack).thenState({ _tag: "Active", person: ada }))
  rule("who is there need not come back", given([registered]).when(comeBack).thenNothing())
  rule("who was never there cannot leave", given([]).when(leave).thenFails(new UserNotRegistered()))
  rule("nor come back", given([]).when(comeBack).thenFails(new UserNotRegistered()))
})
