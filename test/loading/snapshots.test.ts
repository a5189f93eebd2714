/**
 * Snapshots save reads, and change no answer: whatever is kept, the state is what the events come to.
 */
import { assert, describe, it } from "@effect/vitest"
import { Context, type Duration, Effect, Fiber, Layer, Option, PubSub, Queue, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Aggregate, Decider, EventStore, SnapshotStore } from "eventfold"
import { MemoryEventStore } from "eventfold/memory"
import { account, anAggregate, Booked, deposit, takeReads, uncached, watched } from "./support.ts"

/** What becomes of snapshots: each that is saved, and each time some are removed. */
class Written extends Context.Service<Written, PubSub.PubSub<"saved" | "removed">>()("test/Written") {}

const stores = Layer.effectContext(
  Effect.gen(function* () {
    const all = yield* Layer.build(watched)
    const store = Context.get(all, SnapshotStore.SnapshotStore)
    const written = yield* PubSub.unbounded<"saved" | "removed">({ replay: 1000 })
    const telling = {
      ...store,
      save: (...args: Parameters<typeof store.save>) =>
        Effect.tap(store.save(...args), () => PubSub.publish(written, "saved")),
      remove: (...args: Parameters<typeof store.remove>) =>
        Effect.tap(store.remove(...args), () => PubSub.publish(written, "removed"))
    }
    return all.pipe(Context.add(SnapshotStore.SnapshotStore, telling), Context.add(Written, written))
  })
)

/** Waits until something was written so many times. */
const written = (what: "saved" | "removed", times: number) =>
  Effect.flatMap(Written, (all) =>
    Effect.scoped(
      Effect.gen(function* () {
        const seen = yield* PubSub.subscribe(all)
        for (let left = times; left > 0;) if ((yield* PubSub.take(seen)) === what) left--
      })
    )
  )

const snapshots = { version: 1, every: 10 }
const withSnapshots = Aggregate.make({ decider: account, snapshots })
const stream = "account-ada"

const deposits = (accounts: Effect.Success<typeof anAggregate>, times: number) =>
  Effect.repeat(accounts.execute("ada", deposit(1)), { times: times - 1 })

/** The one snapshot that there is, whatever its code. */
const kept = (decider: Decider.Any = account, version = 1) =>
  Effect.gen(function* () {
    const store = yield* SnapshotStore.SnapshotStore
    return { code: Aggregate.snapshotCode(decider, version), store }
  })

describe("a snapshot", () => {
  it.effect("is taken when so many events have come, and is what others begin with", () =>
    Effect.gen(function* () {
      yield* deposits(yield* withSnapshots, 25)
      yield* written("saved", 2)
      const others = yield* withSnapshots
      yield* takeReads
      const { state, version } = yield* others.execute("ada", deposit(1))
      // With the event that it ends with.
      assert.deepStrictEqual(yield* takeReads, [20])
      assert.deepInclude({ ...state, version }, { balance: 26, version: 26 })
      assert.deepStrictEqual(state.bookings.length, 10)
    }).pipe(Effect.scoped, Effect.provide(stores))
  )

  it.effect("is taken by who loads a long stream, though it appends nothing", () =>
    Effect.gen(function* () {
      yield* deposits(yield* uncached, 25)
      yield* (yield* withSnapshots).execute("ada", { _tag: "Settle", balance: 25 })
      yield* written("saved", 1)
      const { code, store } = yield* kept()
      assert.strictEqual(Option.getOrThrow(yield* store.load(code, stream)).version, 25)
    }).pipe(Effect.scoped, Effect.provide(stores))
  )

  it.effect("is taken when a load was slow, however few events there are, and not when it was not", () =>
    Effect.gen(function* () {
      const { code, store } = yield* kept()
      const events = yield* EventStore.EventStore
      const slow = {
        ...events,
        readStream: (...args: Parameters<typeof events.readStream>) =>
          Stream.unwrap(Effect.as(Effect.sleep("100 millis"), events.readStream(...args)))
      }
      const patient = (whenSlowerThan: Duration.Input) =>
        Aggregate.make({ decider: account, snapshots: { version: 1, whenSlowerThan } }).pipe(
          Effect.provideService(EventStore.EventStore, slow)
        )
      yield* deposits(yield* uncached, 3)
      const looking = (accounts: Effect.Success<typeof anAggregate>) =>
        Effect.gen(function* () {
          const fiber = yield* Effect.forkChild(accounts.state("ada"))
          yield* TestClock.adjust("100 millis")
          yield* Fiber.join(fiber)
        })
      yield* looking(yield* patient("101 millis"))
      yield* looking(yield* patient("99 millis"))
      yield* written("saved", 1)
      assert.strictEqual(Option.getOrThrow(yield* store.load(code, stream)).version, 3)
    }).pipe(Effect.scoped, Effect.provide(stores))
  )

  it.effect("of which more are kept than asked for is none", () =>
    Effect.gen(function* () {
      const accounts = yield* Aggregate.make({ decider: account, snapshots: { ...snapshots, keep: 1 } })
      yield* deposits(accounts, 30)
      yield* written("saved", 3)
      const { code, store } = yield* kept()
      assert.isTrue(Option.isNone(yield* store.load(code, stream, { upTo: 29 })))
      assert.strictEqual(Option.getOrThrow(yield* store.load(code, stream)).version, 30)
    }).pipe(Effect.scoped, Effect.provide(stores))
  )

  it.effect("of another version of evolve, or of another shape of the state, is not used", () =>
    Effect.gen(function* () {
      yield* deposits(yield* withSnapshots, 10)
      yield* written("saved", 1)
      const next = yield* Aggregate.make({ decider: account, snapshots: { ...snapshots, version: 2 } })
      const reshaped = Decider.make({
        name: "account",
        state: Schema.Struct({ sum: Schema.Number }),
        initial: { sum: 0 },
        commands: account.commands,
        events: Booked
      })
        .evolve({ Booked: ({ sum }, { amount }) => ({ sum: sum + amount }), Closed: (state) => state })
        .decide({ Deposit: () => [], Withdraw: () => [], Settle: () => [], Close: () => [] })
      yield* takeReads
      yield* next.execute("ada", deposit(1))
      const other = yield* Aggregate.make({ decider: reshaped, snapshots })
      const { state } = yield* other.execute("ada", deposit(1))
      assert.deepStrictEqual(state, { sum: 11 })
      assert.deepStrictEqual(yield* takeReads, [1, 1])
    }).pipe(Effect.scoped, Effect.provide(stores))
  )

  const damages: ReadonlyArray<
    readonly [string, (snapshot: SnapshotStore.Snapshot) => Partial<SnapshotStore.Snapshot>]
  > = [
    ["is no state", () => ({ state: "?" })],
    ["is a state without its seal", ({ state }) => ({ state: { state } })],
    [
      "has a state that was changed",
      ({ state }) => ({ state: JSON.parse(JSON.stringify(state).replace('"balance":10', '"balance":1000')) })
    ],
    ["is of another version than it says", () => ({ version: 9 })],
    ["is of a stream that has not come so far", () => ({ version: 500 })]
  ]
  for (const [what, change] of damages) {
    it.effect(`that ${what} is as good as none, and is removed`, () =>
      Effect.gen(function* () {
        const { code, store } = yield* kept()
        yield* deposits(yield* withSnapshots, 10)
        yield* written("saved", 1)
        const snapshot = Option.getOrThrow(yield* store.load(code, stream))
        yield* store.remove({ code })
        yield* store.save(code, { ...snapshot, ...change(snapshot) }, { keep: 2 })
        const others = yield* withSnapshots
        const { state, version } = yield* others.execute("ada", deposit(1))
        assert.deepInclude({ ...state, version }, { balance: 11, version: 11 })
        yield* written("removed", 2)
      }).pipe(Effect.scoped, Effect.provide(stores))
    )
  }

  it.effect("of another log, whose stream has come as far, is as good as none", () =>
    Effect.gen(function* () {
      const { code, store } = yield* kept()
      yield* deposits(yield* withSnapshots, 10)
      yield* written("saved", 1)
      const snapshot = yield* store.load(code, stream)
      const elsewhere = Effect.gen(function* () {
        const { store } = yield* kept()
        const others = yield* uncached
        // The same stream, but each event at another position.
        yield* others.execute("bob", deposit(1))
        yield* Effect.repeat(others.execute("ada", deposit(2)), { times: 11 })
        yield* store.save(code, Option.getOrThrow(snapshot), { keep: 2 })
        const { state } = yield* (yield* withSnapshots).execute("ada", deposit(1))
        assert.strictEqual(state.balance, 25)
      })
      yield* elsewhere.pipe(Effect.scoped, Effect.provide(Layer.fresh(stores)))
    }).pipe(Effect.scoped, Effect.provide(stores))
  )

  it.effect(
    "is named by its code, whatever the decider is called, and no code's name begins as another one's does",
    () =>
      Effect.gen(function* () {
        const named = (name: string, version: number) => Aggregate.snapshotCode({ ...account, name }, version)
        assert.isFalse(named("a", 10).startsWith(named("a", 1)))
        assert.isBelow(named("n".repeat(450), 1).length, SnapshotStore.maxCodeLength)
        assert.notStrictEqual(named("n".repeat(450), 1), named("n".repeat(451), 1))
        const long = { ...account, name: "n".repeat(400) }
        const accounts = yield* Aggregate.make({ decider: long, category: "account", snapshots })
        yield* deposits(accounts, 10)
        yield* written("saved", 1)
      }).pipe(Effect.scoped, Effect.provide(stores))
  )

  it.effect("that cannot be loaded or saved is done without", () =>
    Effect.gen(function* () {
      const accounts = yield* withSnapshots
      yield* deposits(accounts, 30)
      const { state } = yield* (yield* withSnapshots).execute("ada", deposit(1))
      assert.strictEqual(state.balance, 31)
    }).pipe(
      Effect.scoped,
      Effect.provide(
        Layer.effect(
          SnapshotStore.SnapshotStore,
          Effect.sync(() => {
            const fails = Effect.fail(new EventStore.StoreError({ reason: "Unavailable", problem: "gone" }))
            return { load: () => fails, save: () => fails, remove: () => fails }
          })
        ).pipe(Layer.provideMerge(MemoryEventStore.layer))
      )
    )
  )

  it.effect("that could not be written is tried again with the next command", () =>
    Effect.gen(function* () {
      const store = yield* SnapshotStore.SnapshotStore
      const tried = yield* Queue.unbounded<number>()
      const { code } = yield* kept()
      let isFull = true
      const full: typeof store = {
        ...store,
        save: (...args) =>
          Effect.gen(function* () {
            yield* Queue.offer(tried, args[1].version)
            if (!isFull) return yield* store.save(...args)
            return yield* new EventStore.StoreError({ reason: "StorageFull", problem: "full" })
          })
      }
      const accounts = yield* Effect.provideService(withSnapshots, SnapshotStore.SnapshotStore, full)
      yield* deposits(accounts, 10)
      assert.strictEqual(yield* Queue.take(tried), 10)
      isFull = false
      yield* deposits(accounts, 1)
      assert.strictEqual(yield* Queue.take(tried), 11)
      yield* written("saved", 1)
      assert.strictEqual(Option.getOrThrow(yield* store.load(code, stream)).version, 11)
    }).pipe(Effect.scoped, Effect.provide(stores))
  )

  it.effect("does not hide that a command id was used before", () =>
    Effect.gen(function* () {
      const others = yield* uncached
      yield* others.execute("ada", deposit(7), { commandId: "c" })
      yield* deposits(yield* withSnapshots, 20)
      yield* written("saved", 2)
      const { state, version } = yield* (yield* withSnapshots).execute("ada", deposit(7), { commandId: "c" })
      assert.deepStrictEqual([state.balance, version], [7, 1])
    }).pipe(Effect.scoped, Effect.provide(stores))
  )
})
