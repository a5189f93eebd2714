import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, Schema, SchemaGetter } from "effect"
import { Decider, Event } from "eventfold"
import { Spec } from "eventfold/testing"
import { account, Booked } from "../loading/support.ts"

const failureOf = (spec: Effect.Effect<void, Spec.SpecFailure>) =>
  Effect.map(Effect.flip(spec), ({ message }) => message)

describe("the spec of snapshots", () => {
  it("holds where a state is all there is to know", () => Spec.snapshots(account))

  it("passes over commands whose text no store takes", () => {
    const noting = Decider.make({
      name: "noting",
      state: Schema.Array(Schema.String),
      initial: [],
      commands: Schema.TaggedUnion({ Note: { text: Schema.String } }),
      events: Event.define({ Noted: { text: Schema.String } })
    })
      .evolve({ Noted: (notes, { text }) => [...notes, text] })
      .decide({ Note: ({ text }) => [{ _tag: "Noted", text }] })
    return Spec.snapshots(noting, { runs: 300 })
  })

  it.effect("does not hold where the schema of the state leaves something out", () =>
    Effect.gen(function* () {
      const Whole = Schema.Number.pipe(
        Schema.decodeTo(Schema.Number, {
          decode: SchemaGetter.transform((sum) => sum),
          encode: SchemaGetter.transform(Math.floor)
        })
      )
      const forgetful = Decider.make({
        name: "forgetful",
        state: Whole,
        initial: 0,
        commands: account.commands,
        events: Booked
      })
        .evolve({ Booked: (sum, { amount }) => sum + amount, Closed: (sum) => sum })
        .decide({
          Deposit: () => [{ _tag: "Booked", amount: 0.4 }],
          Withdraw: () => [],
          Settle: () => [],
          Close: () => []
        })
      const problem = yield* failureOf(Spec.snapshots(forgetful, { seed: "7" }))
      assert.match(problem, /a snapshot after \d+ of \d+ events of seed "7", history \d+ leads to another state/)
    })
  )

  it.effect("does not pass where nothing was tried", () =>
    Effect.gen(function* () {
      const idle = Decider.make({
        name: "idle",
        state: Schema.Number,
        initial: 0,
        commands: account.commands,
        events: Booked
      })
        .evolve({ Booked: (sum, { amount }) => sum + amount, Closed: (sum) => sum })
        .decide({ Deposit: () => [], Withdraw: () => [], Settle: () => [], Close: () => [] })
      assert.match(yield* failureOf(Spec.snapshots(idle)), /nothing was tried/)
      const unstorable = { ...idle, decide: () => Result.succeed([{ _tag: "Booked", amount: "?" } as never]) }
      assert.match(yield* failureOf(Spec.snapshots(unstorable)), /nothing was tried[^]*cannot be stored/)
      yield* Spec.snapshots(idle, { histories: [[{ _tag: "Booked", amount: 1 }, { _tag: "Closed" }]] })
    })
  )
})
