/**
 * New versions of projections are deployed while writers append and those who run them come and go: readers see no step back and no half
 * filled model. FAULT_ROUNDS plays more rounds, FAULT_SEED makes the same random choices.
 */
import { assert, layer } from "@effect/vitest"
import { Cause, Effect, Exit, Layer, Random, Scope } from "effect"
import { Projection } from "eventfold"
import { TestServer } from "../../support/server.ts"
import { eventually } from "../support/stores.ts"
import { byStream, lines, type Variant } from "./support/domain.ts"
import { judge, judgePhases, look, makeWatch, nothingAside, watching } from "./support/judge.ts"
import { oneOf, type Runner, said, start } from "./support/runners.ts"
import { aScene, caughtUp, live, numbers, rounds, type Scene, seed, startWriting } from "./support/scene.ts"

const versionOf = (scene: Scene, name: string) => Effect.map(look(scene.sql, name), (moment) => moment?.version ?? 0)

/** Whether versions of both projections are live, or have been. */
const isDeployed = (scene: Scene, version: number, names: ReadonlyArray<string>) =>
  Effect.map(
    Effect.forEach(names, (name) => versionOf(scene, name)),
    (found) => found.every((one) => one >= version)
  )

/** Each version divides its events in another way than the one before. */
const partitionsOf = (version: number): number => (version % 2 === 1 ? 1 : 3)

layer(TestServer.layer(), live)(`projections that are rebuilt, with FAULT_SEED=${seed},`, (it) => {
  /** Deploys one version after the other, and starts processes of the old and the new again meanwhile. */
  const deployments = (count: number) =>
    Effect.gen(function* () {
      const scene = yield* aScene(yield* TestServer)
      const names = ["streams", "lines"]
      const startOne = (version: number) => {
        const projections: ReadonlyArray<Variant> = [
          { kind: "streams", version, partitions: partitionsOf(version) },
          { kind: "lines", version, partitions: partitionsOf(version) }
        ]
        return Effect.map(start({ _tag: "Run", url: scene.url, projections, isTrapped: false }), (runner) => ({
          version,
          runner
        }))
      }
      let running: Array<{ readonly version: number; readonly runner: Runner }> = [yield* startOne(1)]
      yield* said([running[0]!.runner], "Started")
      const { end, more } = yield* startWriting(scene, { fibers: 3, pause: 20 })
      const deploying = Effect.gen(function* () {
        for (const version of numbers(count).map((n) => n + 2)) {
          running.push(yield* startOne(version))
          for (let restarts = 0; !(yield* isDeployed(scene, version, names)); restarts++) {
            yield* more(yield* Random.nextIntBetween(1, 60))
            // In the end it has to be left in peace for as long as a lease.
            if (restarts >= 2) continue
            const victim = yield* oneOf(running)
            running = [...running.filter((one) => one !== victim), yield* startOne(victim.version)]
            yield* (yield* Random.next) < 0.2 ? victim.runner.kill9 : victim.runner.finish
          }
          const old = running.filter((one) => one.version < version)
          running = running.filter((one) => one.version === version)
          yield* Effect.forEach(old, ({ runner }) => runner.finish)
        }
        yield* end
        yield* caughtUp(scene, names)
      })
      const watch = makeWatch(scene.sql, "streams")
      yield* watching([watch], deploying)
      yield* judge(scene.sql, { streams: "streams", lines: "lines" })
      assert.isAtLeast(yield* judgePhases(scene.sql, "lines"), count)
      yield* nothingAside(scene.sql)
      assert.isAbove(watch.looks(), 50)
    })

  it.effect(
    "show no half filled model while processes of two versions run and are started again, ten times over",
    () =>
      Effect.forEach(numbers(2), (n) => Effect.scoped(deployments(5 * rounds)).pipe(Random.withSeed(`${seed} ${n}`)), {
        concurrency: "unbounded"
      }),
    120_000 * rounds
  )

  /** Runs both projections until it is stopped. */
  const runHere = (scene: Scene, version: number, suffix: string) =>
    Effect.gen(function* () {
      const settings = { version, partitions: partitionsOf(version), mode: "async" } as const
      class Streams extends Projection.Service<Streams>()(
        "test/Streams",
        byStream({ ...settings, name: `streams${suffix}` })
      ) {}
      class Lines extends Projection.Service<Lines>()("test/Lines", lines({ ...settings, name: `lines${suffix}` })) {}
      const scope = yield* Scope.make()
      const stop = Scope.close(scope, Exit.void)
      yield* Effect.addFinalizer(() => stop)
      yield* Layer.buildWithScope(Layer.fresh(Layer.merge(Streams.layer, Lines.layer)), scope).pipe(
        Effect.provide(scene.stores)
      )
      return { version, stop }
    })

  const life = (scene: Scene, seed: string, suffix: string) =>
    Effect.gen(function* () {
      const names = { streams: `streams${suffix}`, lines: `lines${suffix}` }
      const last = 2 + (yield* Random.nextIntBetween(0, 1))
      let running = [yield* runHere(scene, 1, suffix)]
      const watch = makeWatch(scene.sql, names.streams)
      const living = Effect.gen(function* () {
        for (const version of numbers(last - 1).map((n) => n + 2)) {
          running.push(yield* runHere(scene, version, suffix))
          for (const _ of numbers(4)) {
            yield* Effect.sleep(yield* Random.nextIntBetween(0, 60))
            const victim = yield* oneOf(running)
            yield* victim.stop
            running = [...running.filter((one) => one !== victim), yield* runHere(scene, victim.version, suffix)]
          }
        }
        yield* eventually("it is deployed", isDeployed(scene, last, Object.values(names)), (is) => is, "15 seconds")
      })
      yield* watching([watch], living)
      yield* caughtUp(scene, Object.values(names))
      yield* Effect.forEach(running, ({ stop }) => stop)
      yield* judge(scene.sql, names)
      yield* judgePhases(scene.sql, names.lines)
    }).pipe(
      Random.withSeed(seed),
      Effect.catchCause((cause) => Effect.die(new Error(`life ${seed}`, { cause: Cause.squash(cause) })))
    )

  it.effect(
    "show no half filled model while runners of up to three versions come and go, twenty-five times over",
    () =>
      Effect.gen(function* () {
        const scene = yield* aScene(yield* TestServer)
        const { end } = yield* startWriting(scene, { fibers: 2, pause: 40 })
        yield* Effect.forEach(numbers(25 * rounds), (n) => Effect.scoped(life(scene, `${seed} ${n}`, `_${n}`)), {
          concurrency: 8
        })
        yield* end
      }),
    120_000 * rounds
  )
})
