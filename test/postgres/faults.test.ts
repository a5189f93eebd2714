/**
 * The PostgreSQL store while its server is killed, frozen and cut off, beside sessions that are in its way. Set FAULT_ROUNDS to hurt it
 * for longer, and FAULT_SEED to make the same random choices again; the seed is in the name of the suite.
 */
import type { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import {
  Cause,
  Context,
  Deferred,
  Duration,
  Effect,
  Exit,
  Fiber,
  Option,
  Layer,
  Queue,
  Random,
  Result,
  Schedule,
  Scope,
  Stream
} from "effect"
import { SqlError } from "effect/sql"
import { type EventStore, Query, type StreamName } from "eventfold"
import { sqlStates } from "../../src/postgres/sqlErrors.ts"
import { type OwnServer, startOwnServer } from "../support/server.ts"
import { follow, type Running, underLoad } from "./support/load.ts"
import { provocations } from "./support/provocations.ts"
import { proxyTo } from "./support/proxy.ts"
import {
  connect,
  eventually,
  freshSchema,
  holding,
  holdLock,
  lockWaiters,
  storeOn,
  terminateAll,
  within
} from "./support/stores.ts"
import { answerOf, eventOf, simple, writeTo } from "./support/workload.ts"

const rounds = Number(process.env["FAULT_ROUNDS"] ?? 2)
const seed = process.env["FAULT_SEED"] ?? crypto.randomUUID().slice(0, 8)

/** A server to be treated badly, and a client of its superuser. */
class Victim extends Context.Service<Victim, { readonly server: OwnServer; readonly admin: PgClient.PgClient }>()(
  "test/Victim"
) {
  static readonly layer = Layer.effect(
    Victim,
    Effect.gen(function* () {
      const server = yield* startOwnServer()
      return { server, admin: yield* connect(server.url, { applicationName: "admin" }) }
    })
  )
}

/** A store in a schema of its own, and the client it uses. */
const aStore = (options?: { readonly url?: string; readonly outcomeTimeout?: Duration.Input }) =>
  Effect.gen(function* () {
    const { admin, server } = yield* Victim
    const schema = freshSchema()
    const sql = yield* connect(options?.url ?? server.url)
    const store = yield* storeOn(sql, { schema, outcomeTimeout: options?.outcomeTimeout })
    return { admin, schema, sql, store }
  })

const stream: StreamName.StreamName = "red-1"

/** Reads a stream's event ids. */
const idsIn = (store: EventStore.EventStore["Service"], of: StreamName.StreamName = stream) =>
  Effect.map(Stream.runCollect(store.readStream(of)), (events) => events.map(({ id }) => id))

const roundsOf = (fault: (running: Running) => Effect.Effect<void, unknown, Scope.Scope>) => (running: Running) =>
  Effect.gen(function* () {
    for (let round = 0; round < rounds; round++) {
      // At another moment each time.
      yield* running.more(yield* Random.nextIntBetween(1, 200))
      yield* fault(running)
      yield* running.recovers
    }
  }).pipe(Random.withSeed(seed))

/** The reasons for which appends were tried again, beside those that are right when a server is away. */
const surprises = (retried: Readonly<Record<string, number>>) =>
  Object.keys(retried).filter((reason) => reason !== "Unavailable")

const live = { excludeTestServices: true, concurrent: false, timeout: 60_000 } as const

const patience = 30_000

layer(Victim.layer, live)(`the PostgreSQL store under faults, with FAULT_SEED=${seed}`, (it) => {
  const faults: Record<string, Effect.Effect<unknown, unknown, Victim>> = {
    "the server is killed, and started again": Effect.flatMap(Victim, ({ server }) =>
      Effect.andThen(server.kill9, server.restart)
    ),
    "all connections are terminated, again and again": Effect.flatMap(Victim, ({ admin }) =>
      Effect.repeat(terminateAll(admin), { times: 20 })
    ),
    "one session of the server is killed, and the server recovers by itself": Effect.flatMap(
      Victim,
      ({ server, admin }) =>
        Effect.gen(function* () {
          const [session] = yield* admin.unsafe<{ readonly pid: number }>(
            `SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
           ORDER BY state, random() LIMIT 1`
          )
          process.kill(session!.pid, "SIGKILL")
          yield* eventually("the server answers", Effect.exit(admin.unsafe("SELECT 1")), Exit.isSuccess)
          assert.isNumber(yield* server.pid)
        })
    ),
    "the server stands still for two seconds": Effect.flatMap(Victim, ({ server }) =>
      Effect.ensuring(Effect.andThen(server.sigstop, Effect.sleep("2 seconds")), Effect.orDie(server.sigcont))
    )
  }
  for (const [name, fault] of Object.entries(faults)) {
    it.effect(
      `loses and doubles nothing, and goes on by itself, when ${name}`,
      () =>
        Effect.gen(function* () {
          const victim = yield* Victim
          const happens = roundsOf(() => Effect.provideService(fault, Victim, victim))
          const summary = yield* underLoad({
            url: victim.server.url,
            admin: victim.admin,
            seed,
            happens
          })
          assert.deepStrictEqual(surprises(summary.retried), [])
        }),
      patience + rounds * 15_000
    )
  }

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

  it.effect("says that outcomes are unknown when the server is killed under appends and stays away", () =>
    Effect.gen(function* () {
      const { admin, server } = yield* Victim
      const { schema, store } = yield* aStore({ outcomeTimeout: "700 millis" })
      const scope = yield* Scope.make()
      yield* Scope.provide(holdLock(yield* connect(server.url), schema), scope)
      const event = eventOf()
      const sent = yield* Effect.forkChild(Effect.exit(store.append(writeTo(stream, event))))
      yield* eventually("the append is sent", lockWaiters(admin), (n) => n === 1)
      yield* server.kill9
      const exit = yield* Fiber.join(sent)
      yield* server.restart
      yield* Scope.close(scope, Exit.void)
      assert.isTrue(Exit.isFailure(exit) && !Cause.hasDies(exit.cause))
      const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
      assert.deepInclude(error, { _tag: "StoreError", reason: "OutcomeUnknown" })
      const again = Effect.retry(store.append(writeTo(stream, event)), {
        times: 100,
        schedule: Schedule.spaced("50 millis")
      })
      assert.deepInclude(yield* again, { position: 1, versions: [1], repeated: false })
      assert.deepInclude(yield* store.append(writeTo(stream, event)), {
        position: 1,
        repeated: true
      })
    })
  )

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

  it.effect("knows no SQLSTATE that is not provoked here", () =>
    Effect.sync(() => {
      const provoked = new Set(provocations.map(({ state }) => state))
      // The server names no state of class 08 by itself: a connection that is lost names none at all.
      const missing = sqlStates.map(([state]) => state).filter((state) => state !== "08" && !provoked.has(state))
      assert.deepStrictEqual(missing, [])
      for (const { reason, state } of provocations) {
        if (state !== undefined) assert.strictEqual(sqlStates.find(([known]) => known === state)?.[1], reason)
      }
    })
  )

  for (const { name, reason, run, state } of provocations) {
    it.effect(`fails with ${reason} on ${name}`, () =>
      Effect.gen(function* () {
        const { admin, server } = yield* Victim
        const exit = yield* Effect.exit(run({ admin, url: server.url }))
        if (Exit.isSuccess(exit)) return assert.fail("it did not fail")
        assert.isFalse(Cause.hasDies(exit.cause), Cause.pretty(exit.cause))
        const error: unknown = Cause.squash(exit.cause)
        assert.deepInclude(error, { _tag: "StoreError", reason })
        if (state !== undefined) assert.match(String(error), new RegExp(`SQLSTATE ${state}`))
      })
    )
  }
})
