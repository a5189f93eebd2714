/**
 * The PostgreSQL store when the answer to an append is lost: what became of it is asked, and nobody is told what is not known.
 */
import { assert, layer } from "@effect/vitest"
import { Duration, Effect, Fiber, Result } from "effect"
import { SqlError } from "effect/sql"
import { proxyTo } from "../support/proxy.ts"
import { eventually, holdLock, lockWaiters, storeOn, within } from "../support/stores.ts"
import { aStore, idsIn, live, stream, Victim } from "../support/victim.ts"
import { eventOf, writeTo } from "../support/workload.ts"

layer(Victim.layer, live)("the PostgreSQL store, when answers are lost,", (it) => {
  it.effect("asks by itself what became of an append whose answer was lost", () =>
    Effect.gen(function* () {
      const { admin, server } = yield* Victim
      const proxy = yield* proxyTo(server.url)
      const { schema, store } = yield* aStore({ url: proxy.url })
      const event = eventOf("Lost")
      proxy.loseAnswers("Lost", { times: 3 })
      const answer = yield* store.append(writeTo(stream, event))
      assert.strictEqual(proxy.lost(), 3)
      assert.deepInclude(answer, { position: 1, versions: [1], repeated: true })
      assert.deepStrictEqual(yield* idsIn(store), [event.id])
      assert.lengthOf(yield* admin.unsafe(`SELECT FROM ${schema}.events`), 1)
    })
  )

  it.effect("asks what became of each append of a batch whose answer was lost", () =>
    Effect.gen(function* () {
      const { server } = yield* Victim
      const proxy = yield* proxyTo(server.url)
      const { admin, schema, store } = yield* aStore({ url: proxy.url })
      const lock = yield* holdLock(admin, schema)
      const first = yield* Effect.forkChild(store.append(writeTo("red-0")))
      yield* eventually("the first append is sent", lockWaiters(admin), (n) => n === 1)
      const events = Array.from({ length: 50 }, () => eventOf("Lost"))
      const others = yield* Effect.forEach(events, (event, i) =>
        // Every other one must be refused, for its stream is not new when it comes.
        Effect.forkChild(Effect.result(store.append(writeTo(`red-${i % 25}`, event, "no stream"))))
      )
      proxy.loseAnswers("Lost", { times: 1 })
      yield* lock.end
      assert.strictEqual((yield* Fiber.join(first)).position, 1)
      const answers = yield* Effect.forEach(others, Fiber.join).pipe(within("the answers"))
      assert.strictEqual(proxy.lost(), 1)
      for (const [i, answer] of answers.entries()) {
        const isFirst = i > 0 && i < 25
        assert.strictEqual(Result.isSuccess(answer), isFirst, `append ${i}`)
        assert.deepStrictEqual((yield* idsIn(store, `red-${i % 25}`)).includes(events[i]!.id), isFirst)
      }
      assert.strictEqual(yield* store.head, 25)
    })
  )

  it.effect("says that an outcome is unknown after the bound and not before, and settles it when asked again", () =>
    Effect.gen(function* () {
      const { server } = yield* Victim
      const proxy = yield* proxyTo(server.url)
      const { store } = yield* aStore({ url: proxy.url, outcomeTimeout: "700 millis" })
      const event = eventOf("Lost")
      proxy.loseAnswers("Lost", { times: 1, afterwards: () => proxy.accept(false) })
      const [took, lost] = yield* Effect.timed(Effect.flip(store.append(writeTo(stream, event))))
      assert.deepInclude(lost, { _tag: "StoreError", reason: "OutcomeUnknown" })
      assert.isTrue(lost._tag === "StoreError" && lost.isRetryable)
      assert.isAtLeast(Duration.toMillis(took), 700)
      assert.isBelow(Duration.toMillis(took), 2_000)
      // Now nothing can be sent, and that is known.
      const unsent = yield* Effect.flip(store.append(writeTo("red-2")))
      assert.deepInclude(unsent, { _tag: "StoreError", reason: "Unavailable" })
      proxy.accept(true)
      const answer = yield* store.append(writeTo(stream, event)).pipe(Effect.retry({ times: 3 }))
      assert.deepInclude(answer, { position: 1, versions: [1], repeated: true })
      assert.deepStrictEqual(yield* idsIn(store), [event.id])
      assert.strictEqual(yield* store.streamVersion("red-2"), 0)
    })
  )

  it.effect("says that an outcome is unknown when the server came back and refuses to answer", () =>
    Effect.gen(function* () {
      const { admin, server } = yield* Victim
      const proxy = yield* proxyTo(server.url)
      const { schema, store } = yield* aStore({ url: proxy.url })
      const event = eventOf("Lost")
      // From the moment at which the answer is lost, who connects finds a server that only reads.
      yield* store.append(writeTo("red-0"))
      proxy.loseAnswers("Lost", { times: 1 })
      yield* Effect.acquireRelease(admin.unsafe("ALTER ROLE postgres SET default_transaction_read_only = on"), () =>
        Effect.orDie(admin.unsafe("ALTER ROLE postgres RESET default_transaction_read_only"))
      )
      const error = yield* Effect.flip(store.append(writeTo(stream, event)))
      assert.deepInclude(error, { _tag: "StoreError", reason: "OutcomeUnknown" })
      assert.lengthOf(yield* admin.unsafe(`SELECT FROM ${schema}.events WHERE id = '${event.id}'`), 1)
    })
  )

  it.effect("answers an append that is repeated, also when that answer is lost", () =>
    Effect.gen(function* () {
      const { server } = yield* Victim
      const proxy = yield* proxyTo(server.url)
      const { store } = yield* aStore({ url: proxy.url })
      const event = eventOf("Lost")
      const first = yield* store.append(writeTo(stream, event))
      // The first request finds out that the id is doubled, and the next one asks where it is: each of them in turn, and both.
      for (const which of [{ times: 1 }, { skip: 1, times: 1 }, { times: 2 }, { skip: 1, times: 3 }]) {
        proxy.loseAnswers("Lost", which)
        assert.deepStrictEqual(yield* store.append(writeTo(stream, event)), {
          ...first,
          repeated: true
        })
      }
    })
  )

  it.effect("does not say that nothing was stored when it cannot look up a repeated append beside one that was", () =>
    Effect.gen(function* () {
      const { admin, schema, sql } = yield* aStore()
      // The connection has died after the answer of the first statement, and another one is refused.
      const message = "the server refuses connections"
      const refused = new SqlError.SqlError({
        reason: new SqlError.ConnectionError({ cause: new Error(message), message, operation: "connect" })
      })
      let left = Infinity
      const dying = new Proxy(sql, {
        get: (target, key, self) =>
          key === "unsafe"
            ? (text: string, parameters?: ReadonlyArray<unknown>) =>
                Effect.suspend(() => (left-- > 0 ? target.unsafe(text, parameters) : Effect.fail(refused)))
            : Reflect.get(target, key, self)
      })
      const store = yield* storeOn(dying, { schema, migrate: false, outcomeTimeout: "500 millis" })
      const repeated = writeTo("red-1", eventOf(), "no stream")
      yield* store.append(repeated)
      const lock = yield* holdLock(admin, schema)
      yield* Effect.forkChild(store.append(writeTo("red-0")))
      yield* eventually("an append is sent", lockWaiters(admin), (n) => n === 1)
      const together = [writeTo("red-2"), repeated].map((writes) => Effect.forkChild(Effect.flip(store.append(writes))))
      const fibers = yield* Effect.all(together)
      yield* Effect.yieldNow
      left = 1
      yield* lock.end
      for (const error of yield* Effect.forEach(fibers, Fiber.join)) {
        assert.deepInclude(error, { _tag: "StoreError", reason: "OutcomeUnknown" })
      }
      left = Infinity
      assert.strictEqual(yield* store.streamVersion("red-2"), 1)
    })
  )
})
