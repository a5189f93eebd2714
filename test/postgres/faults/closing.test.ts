/**
 * The PostgreSQL store when callers are interrupted, and when its scope closes with work in flight.
 */
import { assert, layer } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Scope } from "effect"
import { connect, eventually, freshSchema, holdLock, lockWaiters, storeOn, within } from "../support/stores.ts"
import { aStore, idsIn, live, rounds, stream, Victim } from "../support/victim.ts"
import { eventOf, writeTo } from "../support/workload.ts"

layer(Victim.layer, live)("the PostgreSQL store, when work is taken from it,", (it) => {
  it.effect("withdraws an append that is interrupted before it was sent, and finishes one that was sent", () =>
    Effect.gen(function* () {
      const { admin, schema, store } = yield* aStore()
      const lock = yield* holdLock(admin, schema)
      const [sent, waiting, last] = [eventOf(), eventOf(), eventOf()]
      const first = yield* Effect.forkChild(store.append(writeTo(stream, sent)))
      yield* eventually("the first append is sent", lockWaiters(admin), (n) => n === 1)
      const second = yield* Effect.forkChild(store.append(writeTo(stream, waiting)))
      const third = yield* Effect.forkChild(store.append(writeTo("red-2", last)))
      yield* Effect.yieldNow
      yield* Fiber.interrupt(first).pipe(within("the interruption of an append that was sent"))
      yield* Fiber.interrupt(second).pipe(within("the interruption of an append that waits"))
      assert.strictEqual(yield* lockWaiters(admin), 1)
      yield* lock.end
      assert.deepInclude(yield* Fiber.join(third), { position: 2 })
      assert.deepStrictEqual(yield* idsIn(store), [sent.id])
      assert.deepInclude(yield* store.append(writeTo(stream, sent)), {
        position: 1,
        repeated: true
      })
      assert.deepInclude(yield* store.append(writeTo(stream, waiting)), {
        position: 3,
        repeated: false
      })
    })
  )

  it.effect("loses no acknowledged append when its scope closes with appends in flight", () =>
    Effect.gen(function* () {
      const { server } = yield* Victim
      for (let round = 0; round < rounds; round++) {
        const scope = yield* Scope.make()
        const schema = freshSchema()
        const sql = yield* connect(server.url)
        const store = yield* Scope.provide(storeOn(sql, { schema }), scope)
        const acknowledged: Array<string> = []
        const append = Effect.gen(function* () {
          const event = eventOf()
          yield* store.append(writeTo(`red-${event.id}`, event))
          acknowledged.push(event.id)
        })
        const writers = yield* Effect.forEach(Array.from({ length: 50 }), () =>
          Effect.forkChild(Effect.forever(append))
        )
        yield* eventually(
          "appends are acknowledged",
          Effect.sync(() => acknowledged.length),
          (n) => n > 200
        )
        yield* Scope.close(scope, Exit.void).pipe(within("the scope closes"))
        yield* Fiber.interruptAll(writers).pipe(within("the writers end"))
        for (const writer of writers) {
          const exit = yield* Fiber.await(writer)
          assert.isTrue(Exit.isFailure(exit) && !Cause.hasDies(exit.cause))
        }
        const rows = yield* sql.unsafe<{ readonly id: string }>(`SELECT id::text FROM ${schema}.events`)
        const stored = new Set(rows.map(({ id }) => id))
        assert.deepStrictEqual(
          acknowledged.filter((id) => !stored.has(id)),
          []
        )
      }
    })
  )

  it.effect("finishes what is in flight when its scope closes, and tells those who wait and those who come later", () =>
    Effect.gen(function* () {
      const { admin, server } = yield* Victim
      const scope = yield* Scope.make()
      const schema = freshSchema()
      const sql = yield* connect(server.url)
      const store = yield* Scope.provide(storeOn(sql, { schema }), scope)
      const lock = yield* holdLock(admin, schema)
      const sent = yield* Effect.forkChild(store.append(writeTo("red-1")))
      yield* eventually("the first append is sent", lockWaiters(admin), (n) => n === 1)
      const waiting = yield* Effect.forkChild(Effect.flip(store.append(writeTo("red-2"))))
      yield* Effect.yieldNow
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void))
      yield* lock.end
      yield* Fiber.join(closing).pipe(within("the scope closes"))
      assert.deepInclude(yield* Fiber.join(sent).pipe(within("the append that was sent")), {
        position: 1
      })
      const refused = yield* Fiber.join(waiting).pipe(within("the append that waits"))
      assert.deepInclude(refused, { _tag: "StoreError", reason: "Unavailable" })
      const late = yield* Effect.flip(store.append(writeTo("red-3"))).pipe(within("the append that comes later"))
      assert.deepInclude(late, { _tag: "StoreError", reason: "Unavailable" })
      assert.lengthOf(yield* sql.unsafe(`SELECT FROM ${schema}.events`), 1)
    })
  )
})
