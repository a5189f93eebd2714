/**
 * Processes that run projections are killed and stopped at random moments, and started again: every event counts once. FAULT_ROUNDS hurts
 * more of them, FAULT_SEED makes the same random choices.
 */
import { assert, layer } from "@effect/vitest"
import { Effect, Random } from "effect"
import { TestServer } from "../../support/server.ts"
import type { Variant } from "./support/domain.ts"
import { judge, judgePhases, makeWatch, nothingAside, watching } from "./support/judge.ts"
import { type Runner, said, start } from "./support/runners.ts"
import { aScene, caughtUp, live, numbers, rounds, seed, startWriting } from "./support/scene.ts"

/** Each with one partition and with three, as projections of their own. */
const projections: ReadonlyArray<Variant> = [1, 3].flatMap((partitions): ReadonlyArray<Variant> => [
  { kind: "streams", version: 1, partitions, name: `streams${partitions}` },
  { kind: "keys", version: 1, partitions, name: `keys${partitions}` },
  { kind: "lines", version: 1, partitions, name: `lines${partitions}` }
])

layer(TestServer.layer(), live)(`projections whose processes are hurt, with FAULT_SEED=${seed}`, (it) => {
  it.effect(
    "count every event once",
    () =>
      Effect.gen(function* () {
        const scene = yield* aScene(yield* TestServer)
        const startOne = start({ _tag: "Run", url: scene.url, projections, isTrapped: false })
        const runners: Array<Runner> = [yield* startOne, yield* startOne, yield* startOne]
        yield* said(runners, "Started")
        const { end, more } = yield* startWriting(scene, { fibers: 10, pause: 20 })
        const hurting = Effect.gen(function* () {
          const paused: Array<Runner> = []
          for (const _ of numbers(6 * rounds)) {
            yield* more(yield* Random.nextIntBetween(0, 200))
            const at = yield* Random.nextIntBetween(0, runners.length - 1)
            const [victim] = runners.splice(at, 1, yield* startOne)
            if (yield* Random.nextBoolean) {
              yield* victim!.kill9
            } else {
              yield* victim!.pause
              paused.push(victim!)
            }
          }
          // Those that had stood still are back, and may believe to be owners.
          for (const one of paused) yield* one.goOn
          yield* more(100)
          const appended = yield* end
          yield* caughtUp(
            scene,
            projections.map(({ kind, name = kind }) => name)
          )
          return appended
        })
        const watches = ["streams1", "streams3"].map((name) => makeWatch(scene.sql, name))
        const appended = yield* watching(watches, hurting)
        for (const partitions of [1, 3]) {
          const [streams, keys, lines] = [`streams${partitions}`, `keys${partitions}`, `lines${partitions}`]
          assert.strictEqual(yield* judge(scene.sql, { streams, keys, lines }), appended)
          assert.strictEqual(yield* judgePhases(scene.sql, lines), 1)
        }
        yield* nothingAside(scene.sql)
        for (const { looks } of watches) assert.isAbove(looks(), 20)
      }).pipe(Random.withSeed(seed)),
    30_000 + 10_000 * rounds
  )
})
