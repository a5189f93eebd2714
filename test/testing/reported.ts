/**
 * That a contract finds out what is broken: each of its laws by a store that breaks it.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import { EventStoreContract } from "eventfold/testing"

const { ContractViolation, Settings } = EventStoreContract

interface Law<Stores> {
  readonly name: string
  readonly run: Effect.Effect<void, unknown, Stores>
}

/** A store that breaks laws, and what the violation of each says. */
interface Broken<Stores> {
  readonly name: string
  readonly layer: Layer.Layer<Stores, unknown>
  readonly breaks: ReadonlyArray<readonly [law: string, says: string]>
  /** Whether it is found out by waiting. */
  readonly hangs?: boolean
}

export const lawIn = <Stores, L extends Law<Stores>>(laws: ReadonlyArray<L>, name: string): L => {
  const law = laws.find((law) => law.name === name)
  assert.isDefined(law, `there is no law "${name}"`)
  return law
}

const isReported = <Stores>(laws: ReadonlyArray<Law<Stores>>, { breaks, hangs, layer, name }: Broken<Stores>) =>
  describe(`a store that ${name}`, () => {
    for (const [law, says] of breaks) {
      it.live(`is reported by: ${law}`, () =>
        Effect.gen(function* () {
          const failure = yield* Effect.flip(Effect.provide(lawIn(laws, law).run, layer))
          assert.instanceOf(failure, ContractViolation)
          assert.strictEqual(failure.law, law)
          assert.include(failure.message, says)
        }).pipe(Effect.provideService(Settings, { seed: "proof", patience: hangs ? "1 second" : "20 seconds" }))
      )
    }
  })

/** Registers what proves of laws that each of them can fail. */
export const allAreReported = <Stores>(
  laws: ReadonlyArray<Law<Stores>>,
  brokenStores: ReadonlyArray<Broken<Stores>>
): void => {
  describe("of broken stores", () => {
    for (const store of brokenStores) if (store.hangs !== true) isReported(laws, store)
  })

  const hanging = brokenStores.filter(({ hangs }) => hangs === true)
  if (hanging.length > 0) {
    describe.concurrent("of stores that hang", () => {
      for (const store of hanging) isReported(laws, store)
    })
  }

  describe("the laws", () => {
    it("are each proven able to fail", () => {
      const proven = new Set(brokenStores.flatMap(({ breaks }) => breaks.map(([law]) => law)))
      const unproven = laws.flatMap(({ name }) => (proven.has(name) ? [] : [name]))
      assert.deepStrictEqual(unproven, [])
    })

    it("have names of their own", () => {
      assert.strictEqual(new Set(laws.map(({ name }) => name)).size, laws.length)
    })
  })
}
