import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { Health, Projection } from "eventfold"
import { MemoryEventStore } from "eventfold/memory"
import { append, caughtUp, contents, put, start, until } from "./support.ts"

const isFailed = Effect.map(Health.check(), ({ isHealthy }) => !isHealthy)

describe("the health of projections", () => {
  it.effect("is green while they come after the log, and red when one has failed", () =>
    Effect.gen(function* () {
      const broken = new Set([2])
      yield* append("1", put("a", 1))
      const { reader } = yield* start(Projection.make({ version: 1, view: contents(broken) }))
      yield* caughtUp(reader)
      assert.deepInclude(yield* Health.check(), { isHealthy: true, problems: [] })
      assert.deepStrictEqual((yield* Health.check({ expected: [{ name: "contents" }, { name: "other" }] })).problems, [
        "other is not live: nobody keeps it"
      ])
      yield* append("1", put("a", 2))
      yield* until("it fails", isFailed)
      const { problems, projections } = yield* Health.check()
      assert.deepStrictEqual(problems, ["contents has failed at position 2"])
      assert.include(projections[0]?.failure?.problem, "2 is broken")
      broken.clear()
      yield* reader.resume
      yield* caughtUp(reader)
      assert.deepInclude(yield* Health.check(), { isHealthy: true, problems: [] })
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )

  it.effect("is red when one is left behind for longer than it may, and not when it is paused", () =>
    Effect.gen(function* () {
      const { reader, stop } = yield* start(Projection.make({ version: 1, view: contents() }))
      yield* append("1", put("a", 1))
      yield* caughtUp(reader)
      yield* stop
      yield* append("1", put("a", 2))
      yield* TestClock.adjust("20 seconds")
      assert.isTrue((yield* Health.check()).isHealthy)
      assert.deepStrictEqual((yield* Health.check({ maxLag: "10 seconds" })).problems, [
        "contents is 1 positions behind, and nobody runs it"
      ])
      yield* reader.pause
      assert.isTrue((yield* Health.check({ maxLag: "10 seconds" })).isHealthy)
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )
})
