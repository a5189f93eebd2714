/**
 * The kit itself: that it passes stores that keep their promises, and fails those that do not, by the right law.
 */
import { describe, it } from "@effect/vitest"
import { Effect, Random } from "effect"
import { MemoryEventStore } from "eventfold/memory"
import { ProcessStoreContract } from "eventfold/testing"
import { brokenRunning } from "./ProcessStoreContract.brokenRunning.ts"
import { brokenSaving } from "./ProcessStoreContract.brokenSaving.ts"
import { brokenTending } from "./ProcessStoreContract.brokenTending.ts"
import { changed } from "./ProcessStoreContract.toolkit.ts"
import { allAreReported } from "./reported.ts"

const { laws } = ProcessStoreContract

const yields = (count: number) =>
  Effect.forEach(Array.from({ length: count }), () => Effect.yieldNow, { discard: true })
const moment = Effect.flatMap(Random.nextIntBetween(0, 4), yields)

const later = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.andThen(
    moment,
    Effect.tap(effect, () => moment)
  )

/** A good store that is far away: everything takes a moment, another one each time. */
const distant = changed((store) => ({
  save: (...given) => later(store.save(...given)),
  load: (...asked) => later(store.load(...asked)),
  ready: (...asked) => later(store.ready(...asked)),
  due: (...asked) => later(store.due(...asked)),
  requests: (...asked) => later(store.requests(...asked)),
  request: (...asked) => later(store.request(...asked)),
  list: (...asked) => later(store.list(...asked)),
  count: (...asked) => later(store.count(...asked)),
  steps: (...asked) => later(store.steps(...asked)),
  remove: (...asked) => later(store.remove(...asked))
}))

await ProcessStoreContract.suite("a store far away keeps the contract", distant)

/** A good store that gives what has no order in another one. */
const shuffled = changed((store) => ({
  load: (...asked) => Effect.flatMap(store.load(...asked), (found) => Random.shuffle(found))
}))

await ProcessStoreContract.suite("a store without an order of its own keeps the contract", shuffled)

describe("a store that holds other instances keeps the contract", () => {
  it.live("when all the laws are run on it twice, one after the other", () =>
    Effect.forEach([...laws, ...laws], ({ run }) => run, { discard: true }).pipe(
      Effect.provide(MemoryEventStore.layer),
      Effect.orDie
    )
  )
})

allAreReported(laws, [...brokenSaving, ...brokenRunning, ...brokenTending])
