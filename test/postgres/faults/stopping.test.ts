/**
 * The PostgreSQL store while its server is shut down in order, which throws its clients out, and started again, under load.
 */
import { assert, layer } from "@effect/vitest"
import { Effect, Random } from "effect"
import { type Running, underLoad } from "../support/load.ts"
import { live, rounds, Victim } from "../support/victim.ts"

const seed = process.env["FAULT_SEED"] ?? crypto.randomUUID().slice(0, 8)

layer(Victim.layer, live)(`the PostgreSQL store, with FAULT_SEED=${seed},`, (it) => {
  it.effect(
    "loses and doubles nothing, and goes on by itself, when the server is shut down in order and started again",
    () =>
      Effect.gen(function* () {
        const { admin, server } = yield* Victim
        const happens = (running: Running) =>
          Effect.gen(function* () {
            for (let round = 0; round < rounds; round++) {
              yield* running.more(yield* Random.nextIntBetween(1, 200))
              const before = yield* server.pid
              yield* server.stop
              yield* server.restart
              assert.notStrictEqual(yield* server.pid, before)
              yield* running.recovers
            }
          }).pipe(Random.withSeed(seed))
        const summary = yield* underLoad({ url: server.url, admin, seed, happens })
        const surprises = Object.keys(summary.retried).filter((reason) => reason !== "Unavailable")
        assert.deepStrictEqual(surprises, [])
      }),
    30_000 + rounds * 15_000
  )
})
