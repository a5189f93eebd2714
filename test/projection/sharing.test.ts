/**
 * Owners that come and go share the partitions of a projection: in the end all have equally many, nothing is passed to and fro, and nobody sees
 * anything of it in the documents.
 */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Random, Ref, Schema } from "effect"
import { TestClock } from "effect/testing"
import { Projection, ProjectionStore, StreamName, View } from "eventfold"
import { altered, append, caughtUp, documents, events, folded, put, start, until } from "./support.ts"

/** What was put into each box, in order: an event that is lost, doubled or out of order shows. */
const boxes = View.keyed({
  name: "boxes",
  events,
  key: (_, { stream }) => StreamName.id(stream),
  model: Schema.Array(Schema.Int),
  initial: []
}).evolve({ Put: (all, { n }) => [...all, n], Cleared: () => View.gone })

const inParts = (partitions: number) => Projection.make({ version: 1, view: boxes, partitions })

const many = (count: number) =>
  Effect.forEach(
    Array.from({ length: count }, (_, n) => n),
    (n) => append(String(n % 23), put("a", n)),
    { discard: true }
  )

/** How many partitions of the live generation each owner has, the most first; and those that nobody has. */
const sharesOf = Effect.fnUntraced(function* ({ status }: Projection.Control) {
  const live = (yield* status).filter(({ role }) => role === "live")
  const owners = new Map<string, number>()
  let free = 0
  for (const { owner } of live) {
    if (owner === undefined) free++
    else owners.set(owner, (owners.get(owner) ?? 0) + 1)
  }
  return { shares: Array.from(owners.values()).toSorted((a, b) => b - a), free }
})

const shared = (reader: Projection.Control, shares: ReadonlyArray<number>) =>
  Effect.map(sharesOf(reader), (found) => assert.deepStrictEqual(found, { shares: [...shares], free: 0 }))

/** A store that counts how often a partition was given to somebody, and given back. */
const counting = () => {
  const count = { claims: 0, releases: 0 }
  const stores = altered((store) => ({
    claim: (options) =>
      Effect.tap(store.claim(options), ({ length }) =>
        Effect.sync(() => {
          count.claims += length
        })
      ),
    release: (claims) =>
      Effect.andThen(
        Effect.sync(() => {
          count.releases += claims.length
        }),
        store.release(claims)
      )
  }))
  return { count, stores }
}

describe("owners of a projection", () => {
  it.effect("that come later get their share within seconds, and from then on all keep what they have", () => {
    const { count, stores } = counting()
    return Effect.gen(function* () {
      const { reader } = yield* start(inParts(12))
      yield* many(100)
      yield* caughtUp(reader)
      yield* shared(reader, [12])
      yield* start(inParts(12))
      yield* many(100)
      // Half a second for each partition, and one for the first.
      yield* TestClock.adjust("4 seconds")
      yield* shared(reader, [6, 6])
      assert.deepStrictEqual(count, { claims: 18, releases: 6 })
      yield* start(inParts(12))
      yield* many(100)
      yield* TestClock.adjust("3 seconds")
      yield* shared(reader, [4, 4, 4])
      assert.deepStrictEqual(count, { claims: 22, releases: 10 })
      yield* start(inParts(12))
      yield* start(inParts(12))
      yield* TestClock.adjust("4 seconds")
      yield* shared(reader, [3, 3, 2, 2, 2])
      assert.deepStrictEqual(count, { claims: 26, releases: 14 })
      yield* TestClock.adjust("1 minute")
      yield* many(100)
      yield* caughtUp(reader)
      yield* shared(reader, [3, 3, 2, 2, 2])
      assert.deepStrictEqual(count, { claims: 26, releases: 14 })
      assert.deepStrictEqual(yield* documents(reader), yield* folded(boxes))
    }).pipe(Effect.provide(stores))
  })

  it.effect("that come together beside one that has all get equally many", () => {
    const { count, stores } = counting()
    return Effect.gen(function* () {
      const { reader } = yield* start(inParts(10))
      yield* TestClock.adjust("1 second")
      yield* Effect.forEach([1, 2, 3, 4], () => start(inParts(10)), { concurrency: "unbounded" })
      yield* TestClock.adjust("3 seconds")
      yield* shared(reader, [2, 2, 2, 2, 2])
      assert.strictEqual(count.releases, 8)
    }).pipe(Effect.provide(stores))
  })

  it.effect("that are more than there are partitions leave them where they are", () => {
    const { count, stores } = counting()
    return Effect.gen(function* () {
      const { reader } = yield* start(inParts(2))
      yield* TestClock.adjust("1 second")
      yield* Effect.forEach([1, 2, 3], () => start(inParts(2)), { concurrency: "unbounded" })
      yield* TestClock.adjust("1 minute")
      yield* shared(reader, [1, 1])
      assert.deepStrictEqual(count, { claims: 3, releases: 1 })
    }).pipe(Effect.provide(stores))
  })

  it.effect("that leave give back what they have, and the others share it", () => {
    const { stores } = counting()
    return Effect.gen(function* () {
      const { reader } = yield* start(inParts(9))
      const second = yield* start(inParts(9))
      const third = yield* start(inParts(9))
      yield* TestClock.adjust("4 seconds")
      yield* shared(reader, [3, 3, 3])
      yield* third.stop
      yield* many(50)
      yield* TestClock.adjust("3 seconds")
      yield* shared(reader, [5, 4])
      yield* second.stop
      yield* many(50)
      yield* TestClock.adjust("1 second")
      yield* shared(reader, [9])
      yield* caughtUp(reader)
      assert.deepStrictEqual(yield* documents(reader), yield* folded(boxes))
    }).pipe(Effect.provide(stores))
  })

  it.effect("that die when they have asked for a partition keep it from the others for less than five seconds", () => {
    const { stores } = counting()
    return Effect.gen(function* () {
      const { reader } = yield* start(inParts(4))
      yield* many(50)
      yield* caughtUp(reader)
      const store = yield* ProjectionStore.ProjectionStore
      // It asks, and is not heard of again.
      const isDead = yield* Ref.make(false)
      const dying: typeof store = {
        ...store,
        claim: (options) =>
          Effect.flatMap(Ref.getAndSet(isDead, true), (dead) => (dead ? Effect.never : store.claim(options)))
      }
      yield* start(inParts(4)).pipe(Effect.provideService(ProjectionStore.ProjectionStore, dying))
      yield* until(
        "one is given back",
        Effect.map(sharesOf(reader), ({ free }) => free === 1)
      )
      yield* many(50)
      yield* TestClock.adjust("3 seconds")
      yield* shared(reader, [4])
      yield* caughtUp(reader)
      assert.deepStrictEqual(yield* documents(reader), yield* folded(boxes))
    }).pipe(Effect.provide(stores))
  })

  it.effect("share a generation that fills as well, which takes over when it has come as far", () => {
    const { stores } = counting()
    return Effect.gen(function* () {
      const { reader } = yield* start(inParts(6))
      yield* many(100)
      yield* caughtUp(reader)
      yield* start(inParts(6))
      yield* reader.rebuild
      yield* TestClock.adjust("10 seconds")
      yield* shared(reader, [3, 3])
      yield* many(100)
      yield* caughtUp(reader)
      assert.deepStrictEqual(yield* documents(reader), yield* folded(boxes))
      assert.strictEqual((yield* reader.status).filter(({ role }) => role === "retired").length, 6)
    }).pipe(Effect.provide(stores))
  })
})

/** Owners come and go at random while events are appended; then those that are there go on. */
const life = Effect.gen(function* () {
  const partitions = yield* Random.nextIntBetween(1, 12)
  const projection = inParts(partitions)
  const runners = [yield* start(projection)]
  let n = 0
  for (let step = 0; step < 25; step++) {
    const choice = yield* Random.nextIntBetween(0, 9)
    if (choice < 2 && runners.length < 5) runners.push(yield* start(projection))
    if (choice === 2 && runners.length > 1) {
      const [gone] = runners.splice(yield* Random.nextIntBetween(0, runners.length - 1), 1)
      yield* gone?.stop ?? Effect.void
    }
    const count = yield* Random.nextIntBetween(0, 10)
    for (let i = 0; i < count; i++) yield* append(String(yield* Random.nextIntBetween(0, 15)), put("a", n++))
    yield* TestClock.adjust(yield* Random.nextIntBetween(0, 700))
  }
  const { reader } = runners[0] ?? (yield* Effect.die("nobody is left"))
  yield* TestClock.adjust("15 seconds")
  const owners = Math.min(runners.length, partitions)
  const even = Array.from({ length: owners }, (_, i) => Math.floor((partitions + owners - 1 - i) / owners))
  yield* shared(reader, even)
  yield* caughtUp(reader)
  assert.deepStrictEqual(yield* documents(reader), yield* folded(boxes))
})

describe("owners that come and go at random", () => {
  it.effect("lose nothing, double nothing, and have equally many in the end", () =>
    Effect.forEach(
      Array.from({ length: 60 }, (_, seed) => seed),
      (seed) =>
        life.pipe(
          Effect.scoped,
          Effect.provide(counting().stores, { local: true }),
          Random.withSeed(seed),
          Effect.catchCause((cause) => Effect.die(new Error(`seed ${seed}`, { cause: Cause.squash(cause) })))
        ),
      { discard: true }
    )
  )
})
