import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, FileSystem, Schema } from "effect"
import { Decider } from "eventfold"
import { Spec } from "eventfold/testing"
import { account, Booked } from "../loading/support.ts"

/** The account, as its evolve may have been changed. */
const changed = (sign: number) =>
  Decider.make({
    name: "account",
    state: Schema.Number,
    initial: 0,
    commands: account.commands,
    events: Booked
  })
    .evolve({ Booked: (sum, { amount }) => sum + sign * amount, Closed: (sum) => sum })
    .decide({
      Deposit: ({ amount }) => [{ _tag: "Booked", amount: Math.round(amount) }],
      Withdraw: () => [],
      Settle: () => [],
      Close: () => []
    })

const inFolder = <A, E>(test: (file: string) => Effect.Effect<A, E, FileSystem.FileSystem>) =>
  Effect.gen(function* () {
    const files = yield* FileSystem.FileSystem
    const folder = yield* files.makeTempDirectoryScoped()
    return yield* test(`${folder}/account.states.json`)
  }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))

const environment = (variables: Record<string, string>) =>
  Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromUnknown(variables))
const atADesk = environment({})
const inCi = environment({ CI: "true" })
const accepting = environment({ CI: "true", EVENTFOLD_ACCEPT: "catalog" })

const message = <E extends Error, R>(spec: Effect.Effect<void, E, R>) =>
  Effect.map(Effect.flip(spec), (error) => error.message)

describe("the spec of a version of evolve", () => {
  it.effect("holds for as long as evolve makes the same states", () =>
    inFolder((file) =>
      Effect.gen(function* () {
        const files = yield* FileSystem.FileSystem
        yield* Spec.evolveVersion(changed(1), 1, file)
        const first = yield* files.readFileString(file)
        assert.match(first, /"state": -?\d+/)
        yield* inCi(Spec.evolveVersion(changed(1), 1, file))
        assert.strictEqual(yield* files.readFileString(file), first)
        yield* accepting(Spec.evolveVersion(changed(1), 1, file))
        assert.strictEqual(yield* files.readFileString(file), first)
      })
    ).pipe(atADesk)
  )

  it.effect("fails when evolve was changed and the version was not, and is satisfied by a new version", () =>
    inFolder((file) =>
      Effect.gen(function* () {
        yield* Spec.evolveVersion(changed(1), 1, file)
        assert.match(yield* message(Spec.evolveVersion(changed(-1), 1, file)), /raise the version[^]*expected/)
        assert.match(yield* message(inCi(Spec.evolveVersion(changed(-1), 2, file))), /is of other code, account\//)
        yield* Spec.evolveVersion(changed(-1), 2, file)
        yield* inCi(Spec.evolveVersion(changed(-1), 2, file))
        assert.match(yield* message(Spec.evolveVersion(changed(1), 2, file)), /raise the version/)
        yield* accepting(Spec.evolveVersion(changed(1), 2, file))
        yield* inCi(Spec.evolveVersion(changed(1), 2, file))
      })
    ).pipe(atADesk)
  )

  it.effect("wants its file in CI, and says when it is damaged", () =>
    inFolder((file) =>
      Effect.gen(function* () {
        const files = yield* FileSystem.FileSystem
        assert.match(
          yield* message(inCi(Spec.evolveVersion(changed(1), 1, file))),
          /is not there, and in CI it is not made/
        )
        assert.isFalse(yield* files.exists(file))
        yield* files.writeFileString(file, `{ "format": 1`)
        assert.match(yield* message(Spec.evolveVersion(changed(1), 1, file)), /cannot be read/)
      })
    ).pipe(atADesk)
  )
})
