import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Stream } from "effect"
import { TestClock } from "effect/testing"
import { EventStore, ProjectionStore } from "eventfold"
import { MemoryEventStore } from "eventfold/memory"
import { ProjectionStoreContract } from "eventfold/testing"

await ProjectionStoreContract.suite("the memory store", MemoryEventStore.layer)

const definition: ProjectionStore.Definition = {
  name: "numbers",
  version: 1,
  partitions: 1,
  mode: "async",
  types: ["Noted"],
  tables: {}
}

const write = (): EventStore.Write => ({
  stream: "notes-1",
  expected: "any",
  events: [{ id: crypto.randomUUID(), type: "Noted", schemaVersion: 1, data: null, tags: [], metadata: {} }]
})

const claimFor = (owner: string) =>
  Effect.flatMap(ProjectionStore.ProjectionStore, (store) =>
    store.claim({ name: "numbers", version: 1, owner, lease: Duration.seconds(3), most: 1 })
  )

describe("what projections keep in memory", () => {
  it.effect("has leases and lags by the clock of Effect, which a test can move", () =>
    Effect.gen(function* () {
      const store = yield* ProjectionStore.ProjectionStore
      const log = yield* EventStore.EventStore
      yield* store.register(definition)
      yield* log.append([write()])
      assert.lengthOf(yield* claimFor("first"), 1)
      yield* TestClock.adjust("2999 millis")
      assert.lengthOf(yield* claimFor("second"), 0)
      yield* TestClock.adjust("1 millis")
      const [status] = yield* store.status("numbers")
      assert.isUndefined(status?.owner)
      assert.strictEqual(Duration.toMillis(status?.lagTime ?? Duration.zero), 3000)
      assert.lengthOf(yield* claimFor("second"), 1)
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )

  it.effect("refuses tables, which it cannot keep", () =>
    Effect.gen(function* () {
      const store = yield* ProjectionStore.ProjectionStore
      const { reason } = yield* Effect.flip(store.register({ ...definition, tables: { entries: "(id text)" } }))
      assert.strictEqual(reason, "Misconfigured")
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )

  it.effect("lets others append, read and subscribe while work goes on, and shows them none of it", () =>
    Effect.gen(function* () {
      const store = yield* ProjectionStore.ProjectionStore
      const log = yield* EventStore.EventStore
      yield* store.register(definition)
      const [claim] = yield* claimFor("first")
      assert.isDefined(claim)
      const work = Effect.andThen(store.save(claim.generation, new Map([["a", 1]])), Effect.sleep("1 minute"))
      const committing = yield* Effect.forkChild(store.commit(claim, { to: 1, rate: 0 }, work))
      yield* TestClock.adjust("1 second")
      yield* log.append([write()])
      assert.strictEqual(yield* log.head, 1)
      assert.strictEqual((yield* store.read("numbers", ["a"])).size, 0)
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(committing)
      assert.strictEqual((yield* store.read("numbers", ["a"])).get("a"), 1)
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )

  it.effect("takes back what was appended in work that fails, before anybody sees it", () =>
    Effect.gen(function* () {
      const store = yield* ProjectionStore.ProjectionStore
      const log = yield* EventStore.EventStore
      const once = write()
      const seen: Array<number> = []
      const following = yield* Effect.forkChild(
        Stream.runForEach(log.subscribe({ after: 0 }), ({ position }) => Effect.sync(() => void seen.push(position)))
      )
      const work = Effect.gen(function* () {
        yield* log.append([once])
        assert.strictEqual(yield* log.head, 1)
        assert.strictEqual(yield* log.streamVersion("notes-1"), 1)
        yield* Effect.sleep("1 second")
        return yield* Effect.fail("no")
      })
      const failing = yield* Effect.forkChild(Effect.exit(store.withInline([], work)))
      yield* TestClock.adjust("500 millis")
      assert.strictEqual(yield* log.head, 0)
      assert.strictEqual(yield* log.streamVersion("notes-1"), 0)
      // Another append waits for the one that may be stored, and takes its place.
      const other = yield* Effect.forkChild(log.append([write()]))
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(failing)
      assert.strictEqual((yield* Fiber.join(other)).position, 1)
      const again = yield* log.append([once])
      assert.deepStrictEqual([again.position, again.repeated], [2, false])
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(seen, [1, 2])
      yield* Fiber.interrupt(following)
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )
})
