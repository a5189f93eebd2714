/**
 * The PostgreSQL store while its server is killed, frozen and cut off under load. Set FAULT_ROUNDS to hurt it for longer, and FAULT_SEED
 * to make the same random choices again; the seed is in the name of the suite.
 */
import { assert, layer } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Random, Schedule, Scope } from "effect"
import { type Running, underLoad } from "../support/load.ts"
import { connect, eventually, holdLock, lockWaiters, terminateAll } from "../support/stores.ts"
import { aStore, live, rounds, stream, Victim } from "../support/victim.ts"
import { eventOf, writeTo } from "../support/workload.ts"

const seed = process.env["FAULT_SEED"] ?? crypto.randomUUID().slice(0, 8)

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
})
