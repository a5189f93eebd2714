import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Stream } from "effect"
import { TestClock } from "effect/testing"
import type { EventStore } from "eventfold"
import { altering, asked, log, makeDesk, memory, settle, storyOf, tell } from "./support.ts"

/** Commands hang for as long as something holds. */
const hanging = (isHeld: () => boolean) => {
  const whileHeld: Effect.Effect<void> = Effect.suspend(() =>
    isHeld() ? Effect.andThen(Effect.sleep("100 millis"), whileHeld) : Effect.void
  )
  return {
    events: ({ append }: EventStore.EventStore["Service"]): Partial<EventStore.EventStore["Service"]> => ({
      append: (writes, options) =>
        Effect.andThen(
          writes.some(({ stream }) => stream.startsWith("tool-")) ? whileHeld : Effect.void,
          append(writes, options)
        )
    })
  }
}

const many = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => asked(`d${from + index}`, "x", { numbers: [1] }))

describe("while commands hang", () => {
  it.effect("instances under way are bounded, and events wait; then all are done", () => {
    const { start } = makeDesk({ runs: { partitions: 1 } })
    let isHeld = true
    const count = 2500
    return Effect.gen(function* () {
      const { process } = yield* start
      for (let from = 0; from < count; from += 500) yield* tell(...many(from, from + 500))
      yield* TestClock.adjust("10 seconds")
      const underWay = yield* Stream.runCount(process.list({ waitingFor: { to: "tools", command: "Do" } }))
      assert.isAtLeast(underWay, 1000)
      // A thousand, and what was taken in at once with the last of them.
      assert.isAtMost(underWay, 1500)
      const [partition] = yield* process.control.status
      assert.isAtMost(partition!.position, 1500)
      isHeld = false
      yield* settle(process)
      assert.lengthOf(yield* log("tool"), count)
      assert.lengthOf(yield* storyOf(process, "d2499"), 2)
    }).pipe(
      (all) =>
        altering(
          all,
          hanging(() => isHeld)
        ),
      Effect.provide(memory)
    )
  })

  it.effect("timers that are due wait as well, and nobody looks after them all the time", () => {
    const { start } = makeDesk({ runs: { partitions: 1 } })
    let isHeld = true
    const slept: Array<number> = []
    return Effect.gen(function* () {
      const clock = yield* Clock.Clock
      const watching = {
        currentTimeMillis: clock.currentTimeMillis,
        currentTimeNanos: clock.currentTimeNanos,
        currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe(),
        currentTimeNanosUnsafe: () => clock.currentTimeNanosUnsafe(),
        monotonicTimeNanos: clock.monotonicTimeNanos,
        monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
        sleep: (duration: Duration.Duration) => {
          slept.push(Duration.toMillis(duration))
          return clock.sleep(duration)
        }
      }
      const { process } = yield* Effect.provideService(start, Clock.Clock, watching)
      yield* tell(asked("t", "x", { after: [{ timer: "a", millis: 10_000 }] }))
      yield* settle(process)
      // So many that there is no room for more, and all of them are taken in.
      for (let from = 0; from < 1015; from += 203) yield* tell(...many(from, from + 203))
      yield* TestClock.adjust("5 seconds")
      slept.length = 0
      for (let i = 0; i < 20; i++) yield* TestClock.adjust("1 second")
      assert.isNotEmpty(slept)
      assert.notInclude(slept, 0)
      assert.lengthOf(yield* storyOf(process, "t"), 1)
      isHeld = false
      yield* settle(process)
      assert.lengthOf(yield* storyOf(process, "t"), 2)
    }).pipe(
      (all) =>
        altering(
          all,
          hanging(() => isHeld)
        ),
      Effect.provide(memory)
    )
  })
})
