import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Exit } from "effect"
import { Time } from "eventfold/testing"

describe("time that passes", () => {
  it.effect("goes on until something is done, and no further than a step", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* Time.passing(Effect.as(Effect.sleep("1010 millis"), "done")), "done")
      const now = yield* Clock.currentTimeMillis
      assert.isAtLeast(now, 1010)
      assert.isAtMost(now, 1100)
      yield* Effect.flip(Time.passing(Effect.andThen(Effect.sleep("1 minute"), Effect.fail("no")), "10 seconds"))
      assert.isAtLeast(yield* Clock.currentTimeMillis, now + 60_000)
    })
  )

  it.effect("ends with what it is for, whatever becomes of that", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(Time.passing(Effect.andThen(Effect.sleep("1 second"), Effect.die("broken"))))
      assert.deepStrictEqual(exit, Exit.die("broken"))
      const before = yield* Clock.currentTimeMillis
      yield* Effect.yieldNow
      assert.strictEqual(yield* Clock.currentTimeMillis, before)
    })
  )
})
