import { assert, describe, it } from "@effect/vitest"
import { Effect, Latch, Schema, Stream } from "effect"
import { Event, EventStore, Projection, StreamName } from "eventfold"
import { MemoryEventStore } from "eventfold/memory"
import { makePace, weightOf } from "../../src/internal/runtime/projection/pace.ts"
import { caughtUp, memory, start, until } from "./support.ts"

const events = Event.define({ Said: { text: Schema.String } })

const say = (texts: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const store = yield* EventStore.EventStore
    const encoded = texts.map((text) => ({
      id: crypto.randomUUID(),
      type: "Said",
      schemaVersion: 1,
      data: { text },
      tags: [],
      metadata: {}
    }))
    yield* store.append([{ stream: StreamName.make("talk", "1"), expected: "any", events: encoded }])
  })

describe("the pace of a projection", () => {
  it("is as many events as go in a quarter of a second, within bounds", () => {
    const pace = makePace()
    assert.strictEqual(pace.events(), 1000)
    pace.took(1000, 500)
    assert.strictEqual(pace.events(), 500)
    pace.took(0, 500)
    assert.strictEqual(pace.events(), 500)
    pace.took(500, 0)
    assert.strictEqual(pace.events(), 16_000)
    pace.took(1, 60_000)
    assert.strictEqual(pace.events(), 1)
  })

  it("counts what a value weighs by its texts", () => {
    assert.strictEqual(weightOf("abc"), 3)
    assert.strictEqual(weightOf(null), 8)
    assert.strictEqual(weightOf({ ab: ["cde", { f: "g" }] }), 8 + 2 + 8 + 3 + 8 + 1 + 1)
  })

  it.effect("makes transactions short where events take long", () => {
    const sizes: Array<number> = []
    const projection = Projection.handler({
      name: "slow",
      version: 1,
      events,
      handle: (batch) => {
        sizes.push(batch.length)
        return Effect.sleep(batch.length * 5)
      }
    })
    return Effect.gen(function* () {
      yield* say(Array.from({ length: 3000 }, (_, i) => `${i}`))
      yield* caughtUp((yield* start(projection)).reader)
      assert.strictEqual(
        sizes.reduce((sum, size) => sum + size, 0),
        3000
      )
      assert.isAtMost(Math.max(...sizes.slice(2)), 100)
    }).pipe(Effect.provide(MemoryEventStore.layer))
  })

  it.effect("reads no more ahead than it may hold in memory", () => {
    const text = "x".repeat(1_000_000)
    let read = 0
    return Effect.gen(function* () {
      const stores = yield* memory
      const go = yield* Latch.make()
      const projection = Projection.handler({ name: "held-up", version: 1, events, handle: () => go.await })
      yield* Effect.gen(function* () {
        const store = yield* EventStore.EventStore
        for (let i = 0; i < 60; i++) yield* say([text])
        const onePagePerEvent: typeof store = {
          ...store,
          subscribePages: (options) =>
            store.subscribe(options).pipe(
              Stream.rechunk(1),
              Stream.map((event) => {
                read++
                return { events: [event], upTo: event.position }
              })
            )
        }
        const { reader } = yield* start(projection).pipe(Effect.provideService(EventStore.EventStore, onePagePerEvent))
        yield* until(
          "it has read ahead",
          Effect.sync(() => read >= 16)
        )
        yield* until(
          "some time has passed",
          Effect.map(
            Effect.clockWith((clock) => clock.currentTimeMillis),
            (now) => now > 5000
          )
        )
        assert.isAtMost(read, 2 * 17 + 1)
        yield* go.open
        yield* caughtUp(reader)
        assert.strictEqual(read, 60)
      }).pipe(Effect.provide(stores))
    })
  })
})
