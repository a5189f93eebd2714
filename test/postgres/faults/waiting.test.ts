/**
 * The PostgreSQL store beside sessions that are in its way, or must not be.
 */
import { assert, layer } from "@effect/vitest"
import { Effect, Fiber, Queue, Stream } from "effect"
import { Query } from "eventfold"
import { follow } from "../support/load.ts"
import { connect, eventually, freshSchema, holding, holdLock, lockWaiters, storeOn, within } from "../support/stores.ts"
import { aStore, idsIn, live, stream, Victim } from "../support/victim.ts"
import { eventOf, writeTo } from "../support/workload.ts"

layer(Victim.layer, live)("the PostgreSQL store beside others", (it) => {
  it.effect("does not make a subscriber wait for a foreign transaction that stays open", () =>
    Effect.gen(function* () {
      const { schema, store } = yield* aStore()
      const { server } = yield* Victim
      const foreign = yield* connect(server.url)
      yield* foreign.unsafe(`CREATE TABLE ${schema}.foreign_table (n int)`)
      const open = yield* holding(
        foreign,
        foreign.unsafe<{ readonly xid: string }>(
          `INSERT INTO ${schema}.foreign_table VALUES (1) RETURNING pg_current_xact_id()::text AS xid`
        )
      )
      const { seen } = yield* follow(store, Query.all)
      for (let position = 1; position <= 20; position++) {
        yield* store.append(writeTo(stream))
        yield* eventually(
          "the subscriber sees it",
          Effect.sync(() => seen.events.length),
          (n) => n === position,
          "500 millis"
        )
      }
      // It was there all the time.
      const [row] = yield* foreign.unsafe<{ readonly status: string }>(
        `SELECT pg_xact_status('${open.held[0]!.xid}'::xid8) AS status`
      )
      assert.strictEqual(row!.status, "in progress")
      yield* open.end
    })
  )

  it.effect("lets others read while a writer stands still in the middle, and appends when it is gone", () =>
    Effect.gen(function* () {
      const { admin, schema, store } = yield* aStore()
      const { server } = yield* Victim
      yield* store.append(writeTo(stream))
      const { seen } = yield* follow(store, Query.all)
      const stopped = yield* connect(server.url)
      const other = yield* storeOn(stopped, { schema, migrate: false })
      const event = eventOf()
      const lock = yield* holding(stopped, other.append(writeTo(stream, event)))
      const sent = yield* Effect.forkChild(store.append(writeTo(stream)))
      yield* eventually("the append is sent, and waits", lockWaiters(admin), (n) => n === 1)
      assert.strictEqual(yield* store.head, 1)
      assert.strictEqual(yield* store.streamVersion(stream), 1)
      assert.lengthOf(yield* idsIn(store), 1)
      assert.lengthOf(yield* Stream.runCollect(store.readLog()), 1)
      const late = yield* follow(store, Query.all)
      yield* eventually(
        "a subscriber catches up",
        Effect.sync(() => late.seen.events.length),
        (n) => n === 1
      )
      assert.strictEqual(yield* lockWaiters(admin), 1)
      yield* lock.end
      assert.deepInclude(yield* Fiber.join(sent).pipe(within("the append goes on")), {
        position: 3,
        versions: [3]
      })
      yield* eventually(
        "the subscribers see all",
        Effect.sync(() => [seen.events.length, late.seen.events.length]),
        ([one, two]) => one === 3 && two === 3
      )
    })
  )

  it.effect("does not keep every append of a batch waiting for lock_timeout in turn", () =>
    Effect.gen(function* () {
      const { admin, server } = yield* Victim
      const schema = freshSchema()
      const sql = yield* connect(server.url, { startupParameters: { lock_timeout: "300ms" } })
      const store = yield* storeOn(sql, { schema })
      yield* holdLock(admin, schema)
      const appends = Array.from({ length: 50 }, (_, i) => Effect.flip(store.append(writeTo(`red-${i}`))))
      const errors = yield* Effect.all(appends, { concurrency: "unbounded" }).pipe(within("50 refusals", "3 seconds"))
      for (const error of errors) assert.deepInclude(error, { _tag: "StoreError", reason: "Timeout" })
    })
  )

  it.effect("keeps stores with different schemas apart, and what they notify", () =>
    Effect.gen(function* () {
      const { admin } = yield* Victim
      const one = yield* aStore()
      const two = yield* aStore()
      const notified = yield* admin.listen(`eventfold_${one.schema}`)
      const lock = yield* holdLock(admin, one.schema)
      const blocked = yield* Effect.forkChild(one.store.append(writeTo(stream)))
      yield* eventually("the append to one is sent", lockWaiters(admin), (n) => n === 1)
      for (let version = 1; version <= 5; version++) {
        const answer = yield* two.store.append(writeTo(stream)).pipe(within("an append to the other"))
        assert.deepInclude(answer, { position: version, versions: [version] })
      }
      yield* lock.end
      assert.deepInclude(yield* Fiber.join(blocked), { position: 1, versions: [1] })
      assert.strictEqual((yield* Queue.take(notified)).channel, `eventfold_${one.schema}`)
      // In one database all notifications come in the order of commits: what the other store said is not among them.
      yield* one.store.append(writeTo(stream))
      yield* Queue.take(notified)
      assert.strictEqual(yield* Queue.size(notified), 0)
      assert.strictEqual(yield* one.store.head, 2)
      assert.strictEqual(yield* two.store.head, 5)
    })
  )
})
