/**
 * An append whose caller goes away is stored whole or not at all, and the store goes on.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import type { Write } from "../../EventStore.ts"
import {
  append,
  appendTo,
  fresh,
  freshStream,
  head,
  idsOf,
  isStored,
  numbers,
  ofCategory,
  race,
  racers,
  readLog,
  streamsOf,
  streamVersion,
  write
} from "./fixtures.ts"
import { broken, holds, type Law, law, same, within } from "./Law.ts"

/** Interrupts appends at random moments, and gives them back with those that were not interrupted. */
const interruptSome = (attempts: ReadonlyArray<ReadonlyArray<Write>>) =>
  Effect.gen(function* () {
    const moments = yield* Effect.forEach(attempts, () => Random.nextIntBetween(0, 8))
    const fibers = yield* Effect.forEach(attempts, (writes) => Effect.forkChild(Effect.result(append(writes))))
    const stop = (fiber: Fiber.Fiber<unknown>, moment: number) =>
      Effect.andThen(
        Effect.forEach(numbers(moment), () => Effect.yieldNow),
        Fiber.interrupt(fiber)
      )
    // One in four is left alone.
    const stopped = fibers.flatMap((fiber, i) => (i % 4 === 0 ? [] : [stop(fiber, moments[i]!)]))
    yield* within("interrupting appends did not end", Effect.all(stopped, { concurrency: "unbounded" }))
    return yield* within(
      "appends that were not interrupted did not end, after others were",
      Effect.forEach(
        attempts.flatMap((writes, i) => (i % 4 === 0 ? [{ writes, fiber: fibers[i]! }] : [])),
        ({ writes, fiber }) => Effect.map(Fiber.join(fiber), (result) => ({ writes, result }))
      )
    )
  })

export const laws: ReadonlyArray<Law> = [
  law(
    "an append that is interrupted is stored whole or not at all, and others are answered as ever",
    Effect.gen(function* () {
      const start = yield* head
      const category = fresh("contract")
      const streams = streamsOf(category, 4)
      const attempts = yield* Effect.forEach(numbers(racers * 2), () =>
        Effect.map(Random.shuffle(streams), (shuffled) => shuffled.slice(0, 2).map((stream) => write(stream, "any", 2)))
      )
      for (const { result, writes } of yield* interruptSome(attempts)) {
        if (Result.isFailure(result)) return yield* broken(`an append failed beside others: ${result.failure.message}`)
        yield* isStored(writes, result.success)
      }
      const whole = Effect.gen(function* () {
        const stored = idsOf(yield* readLog({ query: ofCategory(category) }))
        for (const writes of attempts) {
          const ids = writes.flatMap(({ events }) => idsOf(events))
          const found = stored.filter((id) => ids.includes(id))
          yield* holds(
            found.length === 0 || found.length === 4,
            "an append that was interrupted is stored in part",
            found
          )
        }
        return stored
      })
      yield* whole
      // Whatever had become of an append, doing it again with the same ids stores it, once.
      const again = yield* race(attempts, (writes) => append(writes))
      for (const [i, result] of again.entries()) {
        if (Result.isFailure(result)) return yield* broken(`an append again failed: ${result.failure.message}`)
        yield* isStored(attempts[i]!, result.success)
      }
      yield* same((yield* whole).length, attempts.length * 4, "the number of events after appending all of them again")
      const positions = (yield* readLog({ from: start + 1 })).map(({ position }) => position)
      yield* same(
        positions,
        numbers(positions.length).map((i) => start + 1 + i),
        "the positions of the log"
      )
    })
  ),
  law(
    "the store goes on after appends were interrupted",
    Effect.gen(function* () {
      const stream = freshStream()
      for (const _ of numbers(20)) {
        yield* interruptSome(numbers(20).map(() => [write(stream, "any", 3), write(freshStream(), "no stream", 3)]))
        const { versions } = yield* within("an append after others were interrupted did not end", appendTo(stream))
        yield* holds(
          versions[0]! <= (yield* streamVersion(stream)),
          "an append after others were interrupted is not there"
        )
      }
    })
  )
]
