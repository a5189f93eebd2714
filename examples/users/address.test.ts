/**
 * 5. Specs of an address, and of the two together: whoever wants an address that somebody has does not get it.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { EventStore } from "eventfold"
import { MemoryEventStore } from "eventfold/memory"
import { Spec } from "eventfold/testing"
import { address, AddressNotYours, AddressTaken } from "./address.ts"
import type { AddressEvent } from "./events.ts"
import { Addresses, changeEmail, register, Users } from "./service.ts"

const { given } = Spec.decider(address)

const rule = (name: string, spec: Spec.DeciderSpec) => {
  it.effect(name, () => spec)
  it.effect(`${name}, in a store`, () => Effect.provide(spec.onStore, MemoryEventStore.layer))
}

const claimed: AddressEvent = { _tag: "AddressClaimed", user: "ada" }
const released: AddressEvent = { _tag: "AddressReleased", user: "ada" }

describe("an address", () => {
  const claim = { _tag: "Claim" as const, user: "ada" }
  const release = { _tag: "Release" as const, user: "ada" }
  rule("is for whoever comes first", given([]).when(claim).then([claimed]))
  rule(
    "and for nobody else then",
    given([claimed])
      .when({ ...claim, user: "bob" })
      .thenFails(new AddressTaken())
  )
  rule("need not be claimed twice", given([claimed]).when(claim).thenNothing())
  rule("can be given back", given([claimed]).when(release).then([released]))
  rule(
    "by who has it",
    given([claimed])
      .when({ ...release, user: "bob" })
      .thenFails(new AddressNotYours())
  )
  rule("while they have it", given([claimed, released]).when(release).thenFails(new AddressNotYours()))
  rule(
    "is for others then",
    given([claimed, released])
      .when({ ...claim, user: "bob" })
      .then([{ _tag: "AddressClaimed", user: "bob" }])
  )
})

describe("users and addresses", () => {
  const layer = Layer.mergeAll(Users.layer, Addresses.layer).pipe(Layer.provideMerge(MemoryEventStore.layer))
  const person = (name: string, email: string) => ({ email, name, bio: "", organisation: "Engines" })
  const eventsOf = Effect.flatMap(EventStore.EventStore, (store) => Stream.runCollect(store.readLog()))

  it.effect("of those who want an address at the same time one gets it, and nothing is stored of the others", () =>
    Effect.gen(function* () {
      const wants = (id: string) => Effect.result(register(id, person(id, "one@engines.example")))
      const results = yield* Effect.forEach(["ada", "bob", "cid", "dan"], wants, { concurrency: "unbounded" })
      assert.deepStrictEqual(results.map(({ _tag }) => _tag).toSorted(), ["Failure", "Failure", "Failure", "Success"])
      assert.strictEqual((yield* eventsOf).length, 2)
    }).pipe(Effect.provide(layer))
  )

  it.effect("who moves to another address leaves theirs to others; who may not, leaves all as it was", () =>
    Effect.gen(function* () {
      yield* register("ada", person("Ada", "a@engines.example"))
      yield* register("bob", person("Bob", "b@engines.example"))
      const taken = { from: "a@engines.example", to: "b@engines.example" }
      assert.strictEqual((yield* Effect.flip(changeEmail("ada", taken)))._tag, "AddressTaken")
      assert.strictEqual((yield* eventsOf).length, 4)
      const free = { from: "a@engines.example", to: "c@engines.example" }
      assert.deepStrictEqual((yield* changeEmail("ada", free)).events, [{ _tag: "EmailChanged", ...free }])
      yield* register("cid", person("Cid", "a@engines.example"))
      assert.strictEqual((yield* Effect.flip(changeEmail("ada", free)))._tag, "EmailIsAnother")
    }).pipe(Effect.provide(layer))
  )

  it.effect(
    "a request that is sent again has its first outcome, also when the address has gone to somebody else since",
    () =>
      Effect.gen(function* () {
        const request = register("ada", person("Ada", "a@engines.example"), { commandId: "request-1" })
        const { position } = yield* request
        yield* changeEmail("ada", { from: "a@engines.example", to: "c@engines.example" })
        yield* register("cid", person("Cid", "a@engines.example"))
        assert.strictEqual((yield* request).position, position)
      }).pipe(Effect.provide(layer))
  )
})
