/**
 * Commits and claims while connections are stopped, cut and terminated: everything or nothing, and somebody else goes on.
 */
import { assert, layer } from "@effect/vitest"
import { Cause, Deferred, Duration, Effect, Exit, Fiber, Latch } from "effect"
import { TestServer } from "../support/server.ts"
import { addTo, aDatabase, claimOne, claims, definition, joinAt, numberAt } from "./support/projections.ts"
import { proxyTo } from "./support/proxy.ts"
import { eventually, within } from "./support/stores.ts"

const one = new Map([["count", 1]])

layer(TestServer.layer({ settings: { fsync: "off" } }), {
  excludeTestServices: true,
  concurrent: false,
  timeout: 60_000
})("the PostgreSQL store of projections under faults", (it) => {
  it.effect("lets somebody else take over from a process that is stopped in the middle of a transaction", () =>
    Effect.gen(function* () {
      const { store, url } = yield* aDatabase
      const other = yield* joinAt(url)
      yield* store.register(definition())
      const claim = yield* claimOne(store, { lease: Duration.seconds(2) })
      const isHeld = yield* Deferred.make<void>()
      const latch = yield* Latch.make(false)
      const work = Effect.gen(function* () {
        yield* addTo(store, claim.generation, one)
        yield* Deferred.succeed(isHeld, undefined)
        // As SIGSTOP would: the connection is open, and nothing comes.
        yield* latch.await
        yield* addTo(store, claim.generation, one)
      })
      const stopped = yield* Effect.forkChild(Effect.flip(store.commit(claim, { to: 5, rate: 0 }, work)))
      yield* Deferred.await(isHeld)
      // Who looks meanwhile is told so, and does not wait.
      assert.deepStrictEqual(yield* within("a claim beside it", "500 millis")(claims(other.store)), [])
      const next = yield* eventually("the other one takes over", claimOne(other.store), (found) => found !== undefined)
      assert.strictEqual(next.position, 0)
      yield* other.store.commit(next, { to: 7, rate: 0 }, addTo(other.store, next.generation, one))
      yield* latch.open
      const error = yield* Fiber.join(stopped)
      assert.isTrue(error._tag === "StoreError" && error.isRetryable, String(error))
      assert.strictEqual((yield* Effect.flip(store.commit(claim, { to: 9, rate: 0 }, Effect.void)))._tag, "ClaimLost")
      assert.strictEqual(yield* numberAt(store, "count"), 1)
      assert.strictEqual((yield* store.live("balances"))?.position, 7)
    })
  )

  for (const when of ["before", "after"] as const) {
    it.effect(`stores nothing, and says so, when the connection is terminated ${when} the work has written`, () =>
      Effect.gen(function* () {
        const { sql, store, url } = yield* aDatabase
        const admin = yield* joinAt(url)
        yield* store.register(definition())
        const claim = yield* claimOne(store)
        const terminate = Effect.flatMap(
          sql.unsafe<{ readonly pid: number }>("SELECT pg_backend_pid() AS pid"),
          ([row]) => admin.sql.unsafe(`SELECT pg_terminate_backend(${row!.pid}, 5000)`)
        )
        const write = addTo(store, claim.generation, one)
        const work = when === "before" ? Effect.andThen(terminate, write) : Effect.andThen(write, terminate)
        const exit = yield* Effect.exit(store.commit(claim, { to: 5, rate: 0 }, work))
        assert.isTrue(Exit.isFailure(exit) && !Cause.hasDies(exit.cause), String(exit))
        const error = yield* Effect.flip(exit)
        assert.isTrue(error._tag === "StoreError" && error.isRetryable, String(error))
        assert.strictEqual(yield* numberAt(store, "count"), 0)
        const moved = yield* store.commit(claim, { to: 5, rate: 0 }, write)
        assert.deepStrictEqual([moved.position, yield* numberAt(store, "count")], [5, 1])
      })
    )
  }

  it.effect("says that an outcome is unknown when the answer to COMMIT is lost, and what is stored tells it", () =>
    Effect.gen(function* () {
      const { store, url } = yield* aDatabase
      const proxy = yield* proxyTo(url)
      const cut = yield* joinAt(proxy.url)
      yield* store.register(definition())
      const claim = yield* claimOne(store)
      // To its end: it is not what begins a transaction as READ COMMITTED.
      proxy.loseAnswers("COMMIT\u0000", { times: 1 })
      const commit = cut.store.commit(claim, { to: 5, rate: 0 }, addTo(cut.store, claim.generation, one))
      const exit = yield* Effect.exit(commit)
      assert.isTrue(Exit.isFailure(exit) && !Cause.hasDies(exit.cause), String(exit))
      assert.deepInclude(yield* Effect.flip(exit), { _tag: "StoreError", reason: "OutcomeUnknown" })
      assert.strictEqual(proxy.lost(), 1)
      // It was stored: to do it again is refused, and who claims sees where it stands.
      yield* eventually("it is stored", numberAt(store, "count"), (count) => count === 1)
      assert.strictEqual((yield* Effect.flip(commit))._tag, "ClaimLost")
      yield* cut.store.release([claim])
      assert.strictEqual((yield* claimOne(cut.store)).position, 5)
    })
  )

  it.effect("is not committed when the work went on after a statement that failed", () =>
    Effect.gen(function* () {
      const { sql, store } = yield* aDatabase
      yield* store.register(definition())
      const claim = yield* claimOne(store)
      const work = Effect.andThen(addTo(store, claim.generation, one), Effect.ignore(sql.unsafe("SELECT 1 / 0")))
      const error = yield* Effect.flip(store.commit(claim, { to: 5, rate: 0 }, work))
      assert.strictEqual(error._tag, "StoreError")
      assert.strictEqual(yield* numberAt(store, "count"), 0)
      // In a transaction of its own it fails alone.
      const careful = Effect.andThen(
        addTo(store, claim.generation, one),
        Effect.ignore(sql.withTransaction(sql.unsafe("SELECT 1 / 0")))
      )
      yield* store.commit(claim, { to: 5, rate: 0 }, careful)
      assert.strictEqual(yield* numberAt(store, "count"), 1)
    })
  )

  it.effect("lets through what the work fails with, and makes what may pass an error of the store", () =>
    Effect.gen(function* () {
      const { sql, store } = yield* aDatabase
      yield* store.register(definition())
      const claim = yield* claimOne(store)
      const failing = (text: string) =>
        Effect.flip(store.commit(claim, { to: 5, rate: 0 }, Effect.asVoid(sql.unsafe(text))))
      assert.strictEqual((yield* failing("SELECT 1 / 0"))._tag, "SqlError")
      const raise = (state: string) => failing(`DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '${state}'; END $$`)
      for (const state of ["40001", "40P01", "55P03", "57014", "53200"]) {
        const error = yield* raise(state)
        assert.isTrue(error._tag === "StoreError" && error.isRetryable, `${state}: ${String(error)}`)
      }
      for (const [state, reason] of [
        ["53100", "StorageFull"],
        ["25006", "ReadOnly"]
      ] as const) {
        const error = yield* raise(state)
        assert.isTrue(
          error._tag === "StoreError" && error.reason === reason && !error.isRetryable,
          `${state}: ${String(error)}`
        )
      }
      for (const state of ["23505", "22000", "42501", "42P01"])
        assert.strictEqual((yield* raise(state))._tag, "SqlError")
      const exit = yield* Effect.exit(store.commit(claim, { to: 5, rate: 0 }, Effect.die("a defect")))
      assert.isTrue(Exit.isFailure(exit) && Cause.squash(exit.cause) === "a defect")
      assert.strictEqual((yield* store.commit(claim, { to: 5, rate: 0 }, Effect.void)).position, 5)
    })
  )

  it.effect("is refused inside another transaction, whose end nobody knows", () =>
    Effect.gen(function* () {
      const { sql, store } = yield* aDatabase
      yield* store.register(definition())
      const claim = yield* claimOne(store)
      for (const attempt of [
        store.commit(claim, { to: 5, rate: 0 }, Effect.void),
        store.takeOver(claim, 10, () => Effect.void),
        store.register(definition({ version: 2 })),
        store.reset("balances")
      ]) {
        const error = yield* Effect.flip(sql.withTransaction(Effect.asVoid(attempt)))
        assert.deepInclude(error, { _tag: "StoreError", reason: "InvalidRequest" })
      }
    })
  )

  it.effect("keeps the lease for who works for longer than that", () =>
    Effect.gen(function* () {
      const { sql, store, url } = yield* aDatabase
      const other = yield* joinAt(url)
      yield* store.register(definition())
      const claim = yield* claimOne(store, { lease: Duration.millis(700) })
      const moved = yield* store.commit(claim, { to: 1, rate: 0 }, Effect.asVoid(sql.unsafe("SELECT pg_sleep(1)")))
      assert.deepStrictEqual(yield* claims(other.store), [])
      yield* store.commit(moved, { to: 2, rate: 0 }, Effect.void)
    })
  )

  it.effect("renews a claim while its own commit is under way, without waiting for it", () =>
    Effect.gen(function* () {
      const { store } = yield* aDatabase
      yield* store.register(definition())
      const claim = yield* claimOne(store)
      const renew = within("renewing", "2 seconds")(store.renew([claim], Duration.minutes(1)))
      let renewed = 0
      // By a fiber that is not in the transaction, and so on another connection.
      const work = Effect.promise(() => Effect.runPromise(renew).then((found) => void (renewed = found.length)))
      const moved = yield* store.commit(claim, { to: 1, rate: 0 }, work)
      assert.deepStrictEqual([moved.position, renewed], [1, 1])
    })
  )
})
