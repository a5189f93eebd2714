/**
 * The kit itself: that it passes stores that keep their promises, and fails those that do not, by the right law.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Random, Stream } from "effect"
import { EventStore } from "eventfold"
import { MemoryEventStore } from "eventfold/memory"
import { EventStoreContract } from "eventfold/testing"
import { changed, pause } from "./broken/toolkit.ts"
import { brokenStores } from "./brokenStores.ts"
import { allAreReported, lawIn } from "./reported.ts"

const { laws, Settings } = EventStoreContract

const lawNamed = (name: string) => lawIn(laws, name)
/** A good store that is far away: everything takes a moment, another one each time. */
const distant = changed((store) => {
  const moment = Effect.flatMap(Random.nextIntBetween(0, 4), pause)
  const late = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.andThen(moment, Effect.uninterruptible(Effect.ensuring(effect, moment)))
  const lateStream = <A, E>(stream: Stream.Stream<A, E>): Stream.Stream<A, E> =>
    Stream.unwrap(
      Effect.as(
        moment,
        Stream.tap(stream, () => moment)
      )
    )
  return {
    append: (writes, options) => late(store.append(writes, options)),
    readStream: (stream, options) => lateStream(store.readStream(stream, options)),
    readLog: (options) => lateStream(store.readLog(options)),
    subscribe: (options) => lateStream(store.subscribe(options)),
    head: late(store.head),
    streamVersion: (stream) => late(store.streamVersion(stream))
  }
})

await EventStoreContract.suite("a store far away keeps the contract", distant)

/** A store that is not new. */
const used = Layer.effect(
  EventStore.EventStore,
  Effect.gen(function* () {
    const store = yield* MemoryEventStore.make
    for (let i = 0; i < 1000; i++) {
      const event = { id: crypto.randomUUID(), type: "Noted", schemaVersion: 1, data: i, tags: ["tag"], metadata: {} }
      yield* store.append([{ stream: `contract-${i % 7}`, expected: "any", events: [event] }])
    }
    return store
  })
)

describe("a store that holds other events keeps the contract", () => {
  it.live("when all the laws are run on it twice, one after the other", () =>
    Effect.forEach([...laws, ...laws], ({ run }) => run, { discard: true }).pipe(Effect.provide(used), Effect.orDie)
  )
})

allAreReported(laws, brokenStores)

describe("a violation", () => {
  const law = lawNamed("a stream without events is at version 0 and reads as empty")
  const broken = changed((store) => ({ streamVersion: () => Effect.as(store.head, 1) }))

  it.live("names the law, what was expected and what is, and the seed it was given", () =>
    Effect.gen(function* () {
      const failure = yield* Effect.flip(Effect.provide(law.run, broken))
      assert.strictEqual(
        failure.message,
        `"${law.name}" is broken: the version of a stream without events is not what it must be\n  expected: 0\n  actual: 1\n  seed: 42`
      )
    }).pipe(Effect.provideService(Settings, { seed: "42", patience: "1 second" }))
  )

  it.live("is not what a store fails with that cannot be reached", () =>
    Effect.gen(function* () {
      const unavailable = new EventStore.StoreError({ reason: "Unavailable", problem: "there is no connection" })
      const unreachable = changed(() => ({ streamVersion: () => Effect.fail(unavailable) }))
      assert.strictEqual(yield* Effect.flip(Effect.provide(law.run, unreachable)), unavailable)
    })
  )

  it.live("is what a store gets that dies, or never answers", () =>
    Effect.gen(function* () {
      for (const [answer, says] of [
        [Effect.die(new Error("no such table")), "no such table"],
        [Effect.never, "did not end"]
      ] as const) {
        const failure = yield* Effect.flip(
          Effect.provide(
            law.run,
            changed(() => ({ streamVersion: () => answer }))
          )
        )
        assert.instanceOf(failure, EventStoreContract.ContractViolation)
        assert.include(failure.message, says)
      }
    }).pipe(Effect.provideService(Settings, { patience: "50 millis" }))
  )
})
