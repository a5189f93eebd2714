/**
 * Projections while their server is killed, and their connections are cut: they go on by themselves. FAULT_ROUNDS hurts it for longer, FAULT_SEED
 * makes the same random choices.
 */
import { assert, layer } from "@effect/vitest"
import { Clock, Effect, Layer, Logger, Random, Schedule } from "effect"
import { SqlClient } from "effect/sql"
import { Projection } from "eventfold"
import { eventually, terminateAll } from "../support/stores.ts"
import { Victim } from "../support/victim.ts"
import { appendTo, byKey, byStream, events, lines, tables, type Variant, writeLines } from "./support/domain.ts"
import { judge, judgePhases, look, nothingAside, reached } from "./support/judge.ts"
import { said, start } from "./support/runners.ts"
import { aScene, caughtUp, live, numbers, rounds, sceneAt, seed, startWriting } from "./support/scene.ts"

/** That they wait for their store is said by the logs of each. */
const quiet = Logger.layer([])

/** How long projections may take to go on by themselves, once they can. */
const recovery = 5_000

const projections: ReadonlyArray<Variant> = [
  { kind: "streams", version: 1, partitions: 1 },
  { kind: "keys", version: 1, partitions: 3 },
  { kind: "lines", version: 1, partitions: 3 }
]
const kinds = projections.map(({ kind }) => kind)

class Streams extends Projection.Service<Streams>()(
  "test/Streams",
  byStream({ version: 1, partitions: 1, mode: "async" })
) {}
class Keys extends Projection.Service<Keys>()("test/Keys", byKey({ version: 1, partitions: 3, mode: "async" })) {}
class Lines extends Projection.Service<Lines>()("test/Lines", lines({ version: 1, partitions: 3, mode: "async" })) {}

layer(Victim.layer, live)(`projections whose server is hurt, with FAULT_SEED=${seed}`, (it) => {
  it.effect(
    "go on by themselves within five seconds, and count every event once",
    () =>
      Effect.gen(function* () {
        const { admin, server } = yield* Victim
        const scene = { ...(yield* sceneAt(server.url)), sql: admin }
        // One process, and one that is no other than this one.
        const runner = yield* start({ _tag: "Run", url: server.url, projections, isTrapped: false })
        yield* Layer.build(Layer.mergeAll(Streams.layer, Keys.layer, Lines.layer)).pipe(Effect.provide(scene.stores))
        yield* said([runner], "Started")
        const { end, more } = yield* startWriting(scene, { fibers: 10, pause: 20 })
        const cut = Effect.repeat(terminateAll(admin), { times: 20 })
        const killed = Effect.andThen(server.kill9, server.restart)
        for (const fault of numbers(rounds).flatMap(() => [cut, killed, cut, killed])) {
          yield* more(yield* Random.nextIntBetween(1, 200))
          yield* fault
          const began = yield* Clock.currentTimeMillis
          const head = yield* Effect.retry(scene.store.head, { while: ({ isRetryable }) => isRetryable })
          yield* Effect.forEach(
            kinds,
            (kind) =>
              eventually(
                `${kind} goes on`,
                Effect.orElseSucceed(
                  Effect.catchDefect(look(admin, kind), () => Effect.undefined),
                  () => undefined
                ),
                (moment) => moment !== undefined && reached(moment) > head,
                recovery
              ),
            { concurrency: "unbounded" }
          )
          if (process.env["EVENTFOLD_FIGURES"] !== undefined) {
            process.stdout.write(`projections go on after ${(yield* Clock.currentTimeMillis) - began} ms\n`)
          }
        }
        const appended = yield* end
        yield* caughtUp(scene, kinds)
        assert.strictEqual(yield* judge(admin, { streams: "streams", keys: "keys", lines: "lines" }), appended)
        yield* judgePhases(admin, "lines")
        yield* nothingAside(admin)
      }).pipe(Random.withSeed(seed), Effect.provide(quiet)),
    30_000 + 15_000 * rounds
  )

  it.effect(
    "do not take a lost connection for a failure of the event, also when a handler says no more than that it failed",
    () =>
      Effect.gen(function* () {
        const { admin, server } = yield* Victim
        const scene = yield* aScene(server)
        let attempts = 0
        const hiding = Projection.handler({
          name: "hiding",
          version: 1,
          events,
          tables,
          retry: Schedule.recurs(0),
          onFailure: "park",
          handle: (batch, context) =>
            Effect.gen(function* () {
              const sql = yield* SqlClient.SqlClient
              const [session] = yield* sql<{ readonly pid: number }>`SELECT pg_backend_pid() AS pid`
              if (attempts++ < 3) yield* admin.unsafe("SELECT pg_terminate_backend($1::integer, 5000)", [session!.pid])
              yield* writeLines(batch, context)
            }).pipe(Effect.mapError(() => "it failed"))
        })
        class Hiding extends Projection.Service<Hiding>()("test/Hiding", hiding) {}
        yield* Layer.build(Hiding.layer).pipe(Effect.provide(scene.stores))
        yield* appendTo(scene.store, 1)
        yield* caughtUp(scene, ["hiding"])
        yield* nothingAside(scene.sql)
        yield* judge(scene.sql, { lines: "hiding" })
        assert.strictEqual(attempts, 4)
      }).pipe(Effect.provide(quiet))
  )
})
