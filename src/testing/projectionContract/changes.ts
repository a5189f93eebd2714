/**
 * Whoever waits for a change in this process is woken.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import type { Claim } from "../../ProjectionStore.ts"
import { within } from "../contract/Law.ts"
import { claimed, claimFirst, commit, eventually, type Law, law, registerNext, takeOver, use } from "./fixtures.ts"

/** Somebody who waits for a change. */
const waiting = Effect.forkChild(use((store) => Stream.runDrain(Stream.take(store.changes, 1))))

/** Commits until somebody has noticed: nobody knows when he began to listen. */
const commitUntilNoticed = (waiting: Fiber.Fiber<unknown, unknown>, first: Claim) => {
  let claim = first
  return eventually(
    "who waits for a change does not notice that batches are committed",
    Effect.gen(function* () {
      claim = yield* commit(claim, claim.position + 1)
      return waiting.pollUnsafe() === undefined ? undefined : claim
    })
  )
}

export const laws: ReadonlyArray<Law> = [
  law(
    "who waits for a change is woken when a batch is committed, and so is everybody else",
    Effect.gen(function* () {
      const { claim } = yield* claimed()
      const all = [yield* waiting, yield* waiting, yield* waiting]
      let moved = claim
      for (const one of all) moved = yield* commitUntilNoticed(one, moved)
      const later = yield* waiting
      yield* commitUntilNoticed(later, moved)
    })
  ),
  law(
    "who waits for a change is woken when a generation takes over",
    Effect.gen(function* () {
      const { claim, projection } = yield* claimed()
      let isTakenOver = false
      const changed = yield* Effect.forkChild(
        use((store) =>
          Stream.runDrain(
            Stream.take(
              Stream.filter(store.changes, () => isTakenOver),
              1
            )
          )
        )
      )
      // When one who came later has noticed something, this one listens.
      const mine = yield* commitUntilNoticed(yield* waiting, claim)
      const next = yield* registerNext(projection)
      const filled = yield* commit(yield* claimFirst(next), mine.position)
      isTakenOver = true
      yield* takeOver(filled)
      yield* within("who waits for a change does not notice that a generation took over", Fiber.join(changed))
    })
  )
]
