/**
 * Projections where a server's default isolation is another than READ COMMITTED.
 */
import { assert, layer } from "@effect/vitest"
import { Context, Effect, Exit, Layer, Logger, Random, Scope } from "effect"
import { EventStore, Projection } from "eventfold"
import { freshDatabase, TestServer } from "../../support/server.ts"
import { connect } from "../support/stores.ts"
import { appendTo, byKey, byStream, lines } from "./support/domain.ts"
import { judge, judgePhases, look, makeWatch, nothingAside, watching } from "./support/judge.ts"
import { storesAt } from "./support/runners.ts"
import { boxes, caughtUp, live, numbers, seed, sceneAt } from "./support/scene.ts"

const inlineAt = (url: string, version: number) => {
  const settings = { version, partitions: 1, mode: "inline" } as const
  return Projection.withInline(storesAt(url), [
    byStream({ ...settings, name: "inline-streams" }),
    lines({ ...settings, name: "inline-lines" })
  ])
}

const asyncOf = (version: number) => {
  const settings = { version, partitions: 3, mode: "async" } as const
  class Streams extends Projection.Service<Streams>()("test/Streams", byStream(settings)) {}
  class Keys extends Projection.Service<Keys>()("test/Keys", byKey(settings)) {}
  class Lines extends Projection.Service<Lines>()("test/Lines", lines(settings)) {}
  return Layer.fresh(Layer.mergeAll(Streams.layer, Keys.layer, Lines.layer))
}

layer(TestServer.layer(), live)(`projections, with FAULT_SEED=${seed}, under a default isolation of`, (it) => {
  for (const isolation of ["repeatable read", "serializable"]) {
    it.effect(
      `${isolation} are kept, inline and not, by two stores, and rebuilt, and nothing is said of it`,
      () =>
        Effect.gen(function* () {
          const said: Array<unknown> = []
          const logger = Logger.layer([Logger.make(({ message }) => said.push(message))])
          const url = yield* freshDatabase(yield* TestServer)
          const admin = yield* connect(url)
          yield* admin.unsafe(
            `ALTER DATABASE "${new URL(url).pathname.slice(1)}" SET default_transaction_isolation = '${isolation}'`
          )
          const scene = yield* sceneAt(url)
          const names = ["streams", "keys", "lines"]
          /** Two processes of a version, each with writers whose appends keep inline projections. */
          const generation = (version: number) =>
            Effect.gen(function* () {
              const scope = yield* Scope.make()
              yield* Effect.addFinalizer(() => Scope.close(scope, Exit.void))
              const stores = yield* Effect.forEach(numbers(2), () =>
                Layer.buildWithScope(Layer.fresh(inlineAt(url, version)), scope)
              )
              yield* Effect.forEach(stores, (one) =>
                Layer.buildWithScope(asyncOf(version), scope).pipe(Effect.provide(one))
              )
              yield* Effect.forEach(
                numbers(16),
                (fiber) =>
                  Effect.gen(function* () {
                    const store = Context.get(stores[fiber % 2]!, EventStore.EventStore)
                    for (const _ of numbers(10)) {
                      yield* appendTo(store, yield* Random.nextIntBetween(1, boxes), `k${fiber % 3}`)
                    }
                  }),
                { concurrency: "unbounded" }
              )
              yield* caughtUp(scene, names)
              yield* Effect.forEach(names, (name) =>
                Effect.map(look(scene.sql, name), (moment) => assert.strictEqual(moment?.version, version))
              )
              yield* Scope.close(scope, Exit.void)
            })
          const watches = ["streams", "inline-streams"].map((name) => makeWatch(scene.sql, name))
          yield* watching(watches, Effect.andThen(generation(1), generation(2))).pipe(Effect.provide(logger))
          assert.deepStrictEqual(said, [])
          assert.strictEqual(yield* judge(scene.sql, { streams: "streams", keys: "keys", lines: "lines" }), 320)
          yield* judge(scene.sql, { streams: "inline-streams", lines: "inline-lines" })
          yield* judgePhases(scene.sql, "lines")
          yield* judgePhases(scene.sql, "inline-lines")
          yield* nothingAside(scene.sql)
        }).pipe(Random.withSeed(seed)),
      60_000
    )
  }
})
