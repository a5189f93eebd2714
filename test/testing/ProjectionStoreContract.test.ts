/**
 * The kit itself: that it passes stores that keep their promises, and fails those that do not, by the right law.
 */
import { describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Random } from "effect"
import { EventStore, ProjectionStore } from "eventfold"
import { MemoryEventStore } from "eventfold/memory"
import { ProjectionStoreContract } from "eventfold/testing"
import { brokenStores } from "./ProjectionStoreContract.brokenStores.ts"
import { changed } from "./ProjectionStoreContract.toolkit.ts"
import { allAreReported } from "./reported.ts"

const { laws } = ProjectionStoreContract

const yields = (count: number) =>
  Effect.forEach(Array.from({ length: count }), () => Effect.yieldNow, { discard: true })
const moment = Effect.flatMap(Random.nextIntBetween(0, 4), yields)

/** A good store that is far away: everything takes a moment, another one each time. */
const distant = changed((store) => ({
  claim: (options) => Effect.andThen(moment, store.claim(options)),
  renew: (claims, lease) => Effect.andThen(moment, store.renew(claims, lease)),
  standing: (claim) => Effect.andThen(moment, store.standing(claim)),
  commit: (claim, progress, work) =>
    Effect.andThen(moment, store.commit(claim, progress, Effect.andThen(moment, Effect.andThen(work, moment)))),
  takeOver: (claim, most, finish) =>
    Effect.andThen(
      moment,
      store.takeOver(claim, most, (rest) => Effect.andThen(moment, finish(rest)))
    ),
  withInline: (generations, work) =>
    Effect.andThen(moment, store.withInline(generations, Effect.andThen(moment, work))),
  documents: (generation, keys, options) => Effect.andThen(moment, store.documents(generation, keys, options)),
  save: (generation, changes) => Effect.andThen(moment, store.save(generation, changes)),
  read: (name, keys) => Effect.andThen(moment, store.read(name, keys)),
  live: (name) => Effect.andThen(moment, store.live(name))
}))

await ProjectionStoreContract.suite("a store far away keeps the contract", distant)

/** A store that is not new. */
const used = Layer.effectContext(
  Effect.tap(Layer.build(MemoryEventStore.layer), (built) => {
    const log = Context.get(built, EventStore.EventStore)
    const store = Context.get(built, ProjectionStore.ProjectionStore)
    const events = Array.from({ length: 1000 }, (_, i) => {
      return { id: crypto.randomUUID(), type: "Noted", schemaVersion: 1, data: i, tags: [], metadata: {} }
    })
    const one = { name: "used", version: 1, partitions: 3, mode: "async", types: ["Noted"], tables: {} } as const
    return Effect.all([
      log.append([{ stream: "contract-1", expected: "any", events }]),
      store.register(one),
      store.register({ ...one, version: 2 }),
      store.register({ ...one, name: "used, too", partitions: 1, mode: "inline" })
    ])
  })
)

describe("a store that holds other projections keeps the contract", () => {
  it.live("when all the laws are run on it twice, one after the other", () =>
    Effect.forEach([...laws, ...laws], ({ run }) => run, { discard: true }).pipe(Effect.provide(used), Effect.orDie)
  )
})

allAreReported(laws, brokenStores)
