/**
 * The kit itself: that it passes stores that keep their promises, and fails those that do not, by the right law.
 */
import { describe, it } from "@effect/vitest"
import { Effect, Random } from "effect"
import { MemoryEventStore } from "eventfold/memory"
import { SnapshotStoreContract } from "eventfold/testing"
import { brokenStores, changed } from "./SnapshotStoreContract.brokenStores.ts"
import { allAreReported } from "./reported.ts"

const { laws } = SnapshotStoreContract

const yields = (count: number) =>
  Effect.forEach(Array.from({ length: count }), () => Effect.yieldNow, { discard: true })
const moment = Effect.flatMap(Random.nextIntBetween(0, 4), yields)

/** A good store that is far away: everything takes a moment, another one each time. */
const distant = changed((store) => ({
  load: (code, stream, options) =>
    Effect.andThen(
      moment,
      Effect.tap(store.load(code, stream, options), () => moment)
    ),
  save: (code, snapshot, options) =>
    Effect.andThen(moment, Effect.andThen(store.save(code, snapshot, options), moment)),
  remove: (options) =>
    Effect.andThen(
      moment,
      Effect.tap(store.remove(options), () => moment)
    )
}))

await SnapshotStoreContract.suite("a store far away keeps the contract", distant)

describe("a store that holds other snapshots keeps the contract", () => {
  it.live("when all the laws are run on it twice, one after the other", () =>
    Effect.forEach([...laws, ...laws], ({ run }) => run, { discard: true }).pipe(
      Effect.provide(MemoryEventStore.layer),
      Effect.orDie
    )
  )
})

allAreReported(laws, brokenStores)
