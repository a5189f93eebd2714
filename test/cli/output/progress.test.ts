import { assert, describe, it } from "@effect/vitest"
import { Effect, PlatformError, Sink, Stdio } from "effect"
import { TestClock } from "effect/testing"
import { type Advance, type Options, withProgress } from "../../../src/cli/output/progress.ts"

/** What is said about a piece of work, to somebody who watches or to a log. */
const said = Effect.fnUntraced(function* (
  options: Options,
  isWatched: boolean,
  work: (advance: Advance) => Effect.Effect<unknown, unknown>
) {
  let text = ""
  const stdio = Stdio.layerTest({
    stderrIsTerminal: Effect.succeed(isWatched),
    stderr: () => Sink.forEach((chunk) => Effect.sync(() => void (text += String(chunk))))
  })
  yield* Effect.ignore(Effect.provide(withProgress(options, work), stdio))
  return text
})

const exporting: Options = { label: "exporting", unit: "events", total: 10_000 }

/** So much work, in steps of a time each. */
const steps = (count: number, more: number, millis: number) => (advance: Advance) =>
  Effect.forEach(Array.from({ length: count }), () => Effect.andThen(TestClock.adjust(millis), advance(more)), {
    discard: true
  })

describe("progress", () => {
  it.effect("of what is quick is not told", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* said(exporting, true, steps(9, 1000, 10)), "")
      assert.strictEqual(yield* said(exporting, false, steps(10, 1000, 400)), "")
    })
  )

  it.effect("keeps nothing from being done where nobody reads it any more", () =>
    Effect.gen(function* () {
      const gone = PlatformError.systemError({ _tag: "Unknown", module: "Stdio", method: "stderr" })
      const stdio = Stdio.layerTest({ stderr: () => Sink.fail(gone) })
      const work = withProgress(exporting, (advance) => Effect.as(steps(12, 500, 1000)(advance), "done"))
      assert.strictEqual(yield* Effect.provide(work, stdio), "done")
    })
  )

  it.effect("is a line that changes where somebody watches", () =>
    Effect.gen(function* () {
      const text = yield* said(exporting, true, steps(3, 2500, 500))
      assert.deepStrictEqual(text.split("\r\u001B[2K"), [
        "",
        "exporting: 2,500 of 10,000 events (25%), 5,000 a second, 1.5 s left",
        "exporting: 5,000 of 10,000 events (50%), 5,000 a second, 1.0 s left",
        "exporting: 7,500 of 10,000 events (75%), 5,000 a second, 500 ms left",
        "exporting: 7,500 events in 1.5 s, 5,000 a second\n"
      ])
    })
  )

  it.effect("is a line every five seconds where nobody watches, and one at the end, also of what fails", () =>
    Effect.gen(function* () {
      const text = yield* said(exporting, false, (advance) =>
        Effect.andThen(steps(12, 500, 1000)(advance), Effect.fail("disk full"))
      )
      assert.deepStrictEqual(text.split("\n"), [
        "exporting: 2,500 of 10,000 events (25%), 500 a second, 15.0 s left",
        "exporting: 5,000 of 10,000 events (50%), 500 a second, 10.0 s left",
        "exporting: 6,000 events in 12.0 s, 500 a second",
        ""
      ])
    })
  )

  it.effect("goes by what was done lately", () =>
    Effect.gen(function* () {
      const work = (advance: Advance) => Effect.andThen(steps(1, 9000, 1000)(advance), steps(30, 10, 1000)(advance))
      const lines = (yield* said(exporting, false, work)).split("\n")
      assert.strictEqual(lines.at(-3), "exporting: 9,290 of 10,000 events (92%), 10 a second, 1m 11s left")
    })
  )

  it.effect("goes by what has been reached where that is told", () =>
    Effect.gen(function* () {
      // A few events match, from the middle of the log on.
      let reached = 5000
      const work = (advance: Advance) =>
        Effect.forEach(
          Array.from({ length: 10 }),
          () =>
            Effect.andThen(
              TestClock.adjust(1000),
              Effect.suspend(() => advance(3, (reached += 100)))
            ),
          { discard: true }
        )
      const lines = (yield* said(exporting, false, work)).split("\n")
      assert.strictEqual(lines[0], "exporting: 15 events (55%), 3 a second, 55.8 s left")
    })
  )

  it.effect("of what has no known end tells how much there was", () =>
    Effect.gen(function* () {
      const lines = (yield* said({ ...exporting, total: undefined }, false, steps(5, 10, 1000))).split("\n")
      assert.strictEqual(lines[0], "exporting: 50 events, 10 a second")
    })
  )
})
