/**
 * Data that is nested deeper than a stack is, or that has more members than a call has arguments: refused where it is written, and an answer or an
 * error that says where, where it is read.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Result, Schedule, Schema } from "effect"
import { Aggregate, Decider, Event, EventStore, Projection, SnapshotStore, View } from "eventfold"
import { MemoryEventStore } from "eventfold/memory"
import { failed } from "../projection/support.ts"
import { Damage, damagedStores, placeOf } from "./damagedStore.ts"
import { initial, order, OrderEvent, evolve } from "./domain.ts"
import { isSame, nested } from "./mutations.ts"
import { toAppend } from "./support.ts"

const shapes = { lists: (inner: unknown) => [inner], objects: (inner: unknown) => ({ a: inner }) }
const stream = "order-1"

/** A stream whose first event has been damaged: it is nested so deep. */
const withDeep = (depth: number, wrap: (inner: unknown) => unknown) =>
  Effect.gen(function* () {
    const store = yield* EventStore.EventStore
    const extra = nested(null, depth, wrap)
    const events = [{ type: "Noted", schemaVersion: 1, data: { note: "deep", scores: {} } }].map((row) => toAppend(row))
    yield* store.append([{ stream, expected: "no stream", events }])
    const damage = yield* Damage
    damage.set(placeOf({ stream, version: 1 }), { data: { note: "deep", scores: {}, extra } })
    return { ...initial, notes: ["deep"], extra }
  })

describe("data that is very deep", () => {
  for (const [name, wrap] of Object.entries(shapes)) {
    for (const depth of [10, 500, 501, 5000, 100_000]) {
      it.effect(`of ${depth} ${name} is taken by a store up to 500, and else refused`, () =>
        Effect.gen(function* () {
          const store = yield* EventStore.EventStore
          const snapshots = yield* SnapshotStore.SnapshotStore
          const deep = nested(null, depth, wrap) as Schema.Json
          const event = toAppend({ type: "Noted", schemaVersion: 1, data: deep })
          const write = { stream, expected: "any", events: [event] } as const
          const snapshot = { stream, version: 1, position: 1, state: deep } as const
          const appended = yield* Effect.result(store.append([write]))
          const before = toAppend({ type: "Noted", schemaVersion: 1, data: null })
          if (Result.isFailure(appended)) yield* store.append([{ ...write, events: [before] }])
          const saved = yield* Effect.result(snapshots.save("code", snapshot, { keep: 1 }))
          assert.deepStrictEqual([Result.isSuccess(appended), Result.isSuccess(saved)], [depth <= 500, depth <= 500])
          for (const error of [Result.getFailure(appended), Result.getFailure(saved)]) {
            if (Option.isSome(error)) assert.deepInclude(error.value, { _tag: "StoreError", reason: "InvalidRequest" })
          }
        }).pipe(Effect.provide(MemoryEventStore.layer))
      )

      it.effect(`of ${depth} ${name} that is read is part of the state, and goes no further where it is too deep`, () =>
        Effect.gen(function* () {
          const state = yield* withDeep(depth, wrap)
          const orders = yield* Aggregate.make({ decider: order, snapshots: { version: 1, every: 1 } })
          assert.isTrue(isSame((yield* orders.state("1")).state, state))
          assert.isTrue(isSame((yield* orders.execute("1", { _tag: "Look" })).state, state))
          // It is frozen to its bottom, and can be gone on from.
          const { state: after } = yield* orders.execute("1", { _tag: "Note", note: "next" })
          assert.deepStrictEqual([after.notes, after.extra], [["deep", "next"], null])

          const compared = yield* Effect.result(orders.compare("1", { from: { version: 0 }, to: { version: 1 } }))
          if (Result.isFailure(compared)) {
            assert.isAbove(depth, 400)
            assert.deepInclude(compared.failure, { _tag: "StateEncodeError", stream, version: 1 })
          }
          const snapshots = yield* SnapshotStore.SnapshotStore
          const code = Aggregate.snapshotCode(order, 1)
          yield* Effect.yieldNow
          const kept = yield* snapshots.load(code, stream, { upTo: 1 })
          if (depth > 500) assert.isTrue(Option.isNone(kept))
        }).pipe(Effect.scoped, Effect.provide(damagedStores))
      )
    }
  }

  it.effect("stops a projection that cannot keep it, with its position and the problem", () =>
    Effect.gen(function* () {
      yield* withDeep(100_000, shapes.lists)
      const view = View.make({ name: "deep", events: OrderEvent, model: order.state, initial }).evolve(evolve)
      class Deep extends Projection.Service<Deep>()(
        "test/Deep",
        Projection.make({ version: 1, view, retry: Schedule.recurs(0) })
      ) {}
      yield* Effect.gen(function* () {
        const status = yield* failed(yield* Deep)
        assert.strictEqual(status?.failure?.position, 1)
        assert.notStrictEqual(status?.failure?.problem, "")
      }).pipe(Effect.provide(Deep.layer))
    }).pipe(Effect.provide(damagedStores))
  )
})

describe("a retired type", () => {
  it("of which today's schema throws at what it becomes, is a failure to upcast", () => {
    const Fragile = Schema.String.check(
      Schema.makeFilter((text: string) => {
        if (text === "broken") throw new Error("it is broken")
        return true
      })
    )
    const events = Event.define({ Living: { text: Fragile } }).retired("Dead", { text: Schema.String }, ({ text }) => [
      { _tag: "Living", text }
    ])
    const dead = (text: string) => events.stored.get("Dead")!.decode({ text }, 1)
    assert.isTrue(Result.isSuccess(dead("whole")))
    const problem = Result.flip(dead("broken"))
    assert.deepInclude(Result.getOrThrow(problem), { reason: "UpcastFailed", path: "" })
  })
})

describe("a state that is very large", () => {
  it.effect("is kept in memory like any other", () =>
    Effect.gen(function* () {
      const decider = Decider.make({
        name: "large",
        state: Schema.Unknown,
        initial: new Map<number, number>(),
        commands: Schema.TaggedUnion({ Fill: {} }),
        events: Event.define({ Filled: {} })
      })
        .evolve({ Filled: () => new Map(Array.from({ length: 200_000 }, (_, i) => [i, i])) })
        .decide({ Fill: () => [{ _tag: "Filled" }] })
      const all = yield* Aggregate.make({ decider })
      const { state } = yield* all.execute("1", { _tag: "Fill" })
      assert.instanceOf(state, Map)
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )
})
