/**
 * Appends in transactions of the caller's own: stored with all the rest of it or not at all, whatever happens.
 */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Cause, Deferred, Effect, Exit, Fiber, Option, Result } from "effect"
import { type EventStore, Query } from "eventfold"
import { PostgresEventStore } from "eventfold/postgres"
import { follow, type Running, underLoad } from "../support/load.ts"
import { connect, eventually, freshSchema, holding, lockWaiters, storeOn, terminateAll } from "../support/stores.ts"
import { aStore, live, stream, Victim } from "../support/victim.ts"
import { answerOf, simple, writeTo } from "../support/workload.ts"

const seed = process.env["FAULT_SEED"] ?? crypto.randomUUID().slice(0, 8)

layer(Victim.layer, live)("an append in a transaction of the caller's", (it) => {
  it.effect("stores an append in a transaction of the caller's with it or not at all, while others append", () =>
    Effect.gen(function* () {
      const { admin, server } = yield* Victim
      const happens = ({ report, schema }: Running) =>
        Effect.gen(function* () {
          const sql = yield* connect(server.url)
          const store = yield* storeOn(sql, { schema, migrate: false })
          yield* sql.unsafe(`CREATE TABLE ${schema}.beside (attempt text)`)
          const one = (n: number) =>
            Effect.gen(function* () {
              const { attempt, writes } = simple(`red-${n % 4}`, "Beside")
              const result = yield* Effect.result(
                sql.withTransaction(
                  Effect.gen(function* () {
                    yield* sql.unsafe(`INSERT INTO ${schema}.beside VALUES ('${attempt.id}')`)
                    const answer = yield* store.append(writes)
                    return n % 3 === 0 ? yield* Effect.fail("rolled back") : answer
                  })
                )
              )
              // The one that is rolled back is reported to nobody: the judge finds it if it is there.
              if (Result.isSuccess(result))
                yield* report({
                  attempt,
                  answer: answerOf(Result.succeed(result.success)),
                  retried: []
                })
              else assert.strictEqual(result.failure, "rolled back")
            })
          yield* Effect.forEach(
            Array.from({ length: 60 }, (_, n) => n),
            one,
            { concurrency: 5 }
          )
          const unequal = yield* sql.unsafe(
            `SELECT attempt FROM ${schema}.beside FULL JOIN
             (SELECT data->>'attempt' AS attempt FROM ${schema}.events WHERE type = 'Beside') e USING (attempt)
             WHERE e.attempt IS NULL OR beside.attempt IS NULL`
          )
          assert.lengthOf(unequal, 0)
          assert.lengthOf(yield* sql.unsafe(`SELECT FROM ${schema}.beside`), 40)
        })
      yield* underLoad({ url: server.url, admin, seed, happens })
    })
  )

  it.effect(
    "shows an append in a transaction of the caller's to a subscriber when it is committed and not before",
    () =>
      Effect.gen(function* () {
        const { admin, schema, store } = yield* aStore()
        const { seen } = yield* follow(store, Query.all)
        const other = yield* storeOn(admin, { schema, migrate: false })
        const open = yield* holding(admin, other.append(writeTo(stream)))
        assert.deepInclude(open.held, { position: 1, versions: [1], repeated: false })
        const late = yield* follow(store, Query.all)
        for (let look = 0; look < 20; look++) assert.strictEqual(yield* store.head, 0)
        assert.lengthOf([...seen.events, ...late.seen.events], 0)
        yield* open.end
        yield* eventually(
          "the subscribers see it",
          Effect.sync(() => [seen.events.length, late.seen.events.length]),
          ([one, two]) => one === 1 && two === 1
        )
      })
  )

  it.effect("fails typed when the connection is lost inside a transaction of the caller's, and goes on", () =>
    Effect.gen(function* () {
      const { admin, sql, store } = yield* aStore()
      const answer = yield* Deferred.make<Result.Result<EventStore.Appended, EventStore.AppendError>>()
      const transaction = sql.withTransaction(
        Effect.gen(function* () {
          yield* store.append(writeTo(stream))
          const [row] = yield* sql.unsafe<{ readonly pid: number }>("SELECT pg_backend_pid() AS pid")
          yield* admin.unsafe(`SELECT pg_terminate_backend(${row!.pid}, 5000)`)
          const exit = yield* Effect.exit(store.append(writeTo(stream)))
          assert.isTrue(Exit.isFailure(exit) && !Cause.hasDies(exit.cause))
          yield* Deferred.succeed(answer, yield* Effect.result(store.append(writeTo(stream))))
        })
      )
      // What becomes of the transaction itself is the client's to say.
      assert.isTrue(Exit.isFailure(yield* Effect.exit(transaction)))
      const failure = Result.getFailure(yield* Deferred.await(answer))
      assert.deepInclude(Option.getOrUndefined(failure), {
        _tag: "StoreError",
        reason: "Unavailable"
      })
      assert.deepInclude(yield* store.append(writeTo(stream)), { position: 1, versions: [1] })
    })
  )

  const terminate = (admin: PgClient.PgClient, sql: PgClient.PgClient) =>
    Effect.gen(function* () {
      const [row] = yield* sql.unsafe<{ readonly pid: number }>("SELECT pg_backend_pid() AS pid")
      yield* admin.unsafe(`SELECT pg_terminate_backend(${row!.pid}, 5000)`)
    })

  it.effect("is a typed failure of `transaction` when the connection is lost inside it, and no defect", () =>
    Effect.gen(function* () {
      const { admin, sql, store } = yield* aStore()
      const inTransaction = <A, E>(effect: Effect.Effect<A, E>) =>
        PostgresEventStore.transaction(effect).pipe(
          Effect.provideService(PgClient.PgClient, sql),
          Effect.flip,
          Effect.map((error: unknown) => error)
        )
      const append = store.append(writeTo(stream))
      const lost = Effect.andThen(append, terminate(admin, sql))

      // This is what the client makes of it.
      const plain = yield* Effect.exit(sql.withTransaction(Effect.andThen(lost, append)))
      assert.isTrue(Exit.isFailure(plain) && Cause.hasDies(plain.cause))

      const unavailable = { _tag: "StoreError", reason: "Unavailable" }
      assert.deepInclude(yield* inTransaction(Effect.andThen(lost, append)), unavailable)
      // In a transaction within, also the client's own.
      const within = Effect.andThen(append, sql.withTransaction(Effect.andThen(lost, append)))
      assert.deepInclude(yield* inTransaction(within), unavailable)
      assert.strictEqual(yield* inTransaction(Effect.andThen(lost, Effect.fail("rejected"))), "rejected")
      // Nobody has looked: it is lost under the COMMIT.
      assert.deepInclude(yield* inTransaction(lost), { _tag: "StoreError", reason: "OutcomeUnknown" })
      assert.strictEqual(yield* store.head, 0)
    })
  )

  it.effect("commits with `transaction`, or is rolled back with it", () =>
    Effect.gen(function* () {
      const { sql, store } = yield* aStore()
      const append = store.append(writeTo(stream))
      const inTransaction = <A, E>(effect: Effect.Effect<A, E>) =>
        Effect.provideService(PostgresEventStore.transaction(effect), PgClient.PgClient, sql)
      const exit = yield* Effect.exit(inTransaction(Effect.andThen(append, Effect.fail("rejected"))))
      assert.deepStrictEqual(exit, Exit.fail("rejected"))
      assert.strictEqual(yield* store.head, 0)
      const defect = yield* Effect.exit(inTransaction(Effect.andThen(append, Effect.die("a bug"))))
      assert.deepStrictEqual(defect, Exit.die("a bug"))
      const answer = yield* inTransaction(append)
      assert.deepInclude(answer, { position: 1, versions: [1] })
      assert.strictEqual(yield* store.head, 1)
    })
  )

  it.effect("fails typed when the connection is lost while the tables are made", () =>
    Effect.gen(function* () {
      const { admin, server } = yield* Victim
      const schema = freshSchema()
      const migrating = yield* holding(
        admin,
        admin.unsafe(`SELECT pg_advisory_xact_lock(hashtextextended('eventfold:${schema}:migrations', 0))`)
      )
      const made = yield* Effect.forkChild(Effect.exit(storeOn(yield* connect(server.url), { schema })))
      yield* eventually("it waits", lockWaiters(admin), (n) => n === 1)
      yield* terminateAll(admin)
      const exit = yield* Fiber.join(made)
      yield* migrating.end
      assert.isTrue(Exit.isFailure(exit) && !Cause.hasDies(exit.cause))
      assert.deepInclude(Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined, {
        _tag: "StoreError",
        reason: "Unavailable"
      })
    })
  )
})
