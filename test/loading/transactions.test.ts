/**
 * What is rolled back has never been: nothing that was read or appended in a transaction is remembered.
 */
import { assert, it } from "@effect/vitest"
import { Context, Effect, Exit, Layer, Option } from "effect"
import { SqlClient } from "effect/sql"
import { Aggregate, EventStore, ProjectionStore, SnapshotStore } from "eventfold"
import { MemoryEventStore } from "eventfold/memory"
import { EmbeddedEventStore } from "eventfold/postgres/embedded"
import { account, anAggregate, deposit, uncached } from "./support.ts"

/** Runs something in a transaction, which is then rolled back. */
class RolledBack extends Context.Service<
  RolledBack,
  <A, E, R>(work: Effect.Effect<A, E, R>) => Effect.Effect<Exit.Exit<never, unknown>, never, R>
>()("test/RolledBack") {}

const inMemory = Layer.effect(
  RolledBack,
  Effect.map(ProjectionStore.ProjectionStore, (store) => (work) => {
    return Effect.exit(store.withInline([], Effect.andThen(work, Effect.fail("back"))))
  })
).pipe(Layer.provideMerge(MemoryEventStore.layer))

const embedded = Layer.effect(
  RolledBack,
  Effect.map(SqlClient.SqlClient, (sql) => (work) => {
    return Effect.exit(sql.withTransaction(Effect.andThen(work, Effect.fail("back"))))
  })
).pipe(Layer.provideMerge(EmbeddedEventStore.layer()))

const proof = Effect.gen(function* () {
  const back = yield* RolledBack
  const store = yield* EventStore.EventStore
  assert.isFalse(yield* store.inTransaction)
  const accounts = yield* Aggregate.make({ decider: account, snapshots: { version: 1, every: 2 } })
  yield* accounts.execute("ada", deposit(1))
  const exit = yield* back(
    Effect.gen(function* () {
      assert.isTrue(yield* store.inTransaction)
      yield* accounts.execute("ada", deposit(100))
      yield* accounts.execute("ada", deposit(100))
      const { state } = yield* accounts.execute("ada", deposit(100), { load: "cached" })
      assert.strictEqual(state.balance, 301)
    })
  )
  assert.isTrue(Exit.isFailure(exit))
  assert.strictEqual((yield* (yield* uncached).state("ada")).state.balance, 1)
  // As many events as the transaction had, and other ones.
  const others = yield* anAggregate
  yield* others.execute("ada", deposit(1))
  yield* others.execute("ada", deposit(1))
  const snapshots = yield* SnapshotStore.SnapshotStore
  const snapshot = yield* snapshots.load(Aggregate.snapshotCode(account, 1), "account-ada")
  assert.isTrue(Option.isNone(snapshot))
  const { state, version } = yield* accounts.execute("ada", deposit(1))
  assert.deepStrictEqual([state.balance, version], [4, 4])
}).pipe(Effect.scoped)

it.effect("in memory", () => Effect.provide(proof, inMemory))
it.live("on the embedded database", () => Effect.provide(proof, embedded))
