/**
 * Inline projections in many processes: at every moment they show what the log folds to. FAULT_ROUNDS kills more of them, FAULT_SEED makes the
 * same random choices.
 */
import { assert, layer } from "@effect/vitest"
import { Clock, Context, Effect, Layer, Random } from "effect"
import { SqlClient } from "effect/sql"
import { EventStore, Projection } from "eventfold"
import { TestServer } from "../../support/server.ts"
import { within } from "../support/stores.ts"
import { appendTo, byStream, events } from "./support/domain.ts"
import { judge, judgePhases, look, makeWatch, nothingAside, watching } from "./support/judge.ts"
import { count, type Line, type Runner, said, start, storesAt } from "./support/runners.ts"
import { aScene, live, numbers, rounds, seed } from "./support/scene.ts"

const inline = { streams: "streams", lines: "lines" }

const refusals = (runners: ReadonlyArray<Runner>): ReadonlyArray<string> =>
  runners.flatMap(({ said }) => said).flatMap((line: Line) => (line._tag === "Refused" ? [line.reason] : []))

layer(TestServer.layer(), live)(`inline projections in several processes, with FAULT_SEED=${seed},`, (it) => {
  it.effect(
    "show what the log folds to at every moment, while processes that append are killed",
    () =>
      Effect.gen(function* () {
        const scene = yield* aScene(yield* TestServer)
        let started = 0
        const startOne = Effect.suspend(() =>
          start({
            _tag: "Append",
            url: scene.url,
            version: 1,
            seed: `${seed} ${started++}`,
            fibers: 5,
            boxes: 4,
            pause: 10
          })
        )
        const running = yield* Effect.forEach(numbers(4), () => startOne)
        const killed: Array<Runner> = []
        const killing = Effect.gen(function* () {
          yield* said(running, "Started", 4)
          for (const _ of numbers(5 * rounds)) {
            yield* said(running, "Appended", count(running, "Appended") + (yield* Random.nextIntBetween(0, 150)))
            const at = yield* Random.nextIntBetween(0, running.length - 1)
            const [victim] = running.splice(at, 1, yield* startOne)
            yield* victim!.kill9
            killed.push(victim!)
          }
          yield* said(running, "Started", 4)
          yield* said(running, "Appended", count(running, "Appended") + 100)
          yield* Effect.forEach(running, ({ finish }) => finish)
          yield* Effect.forEach(running, ({ ended }) => ended).pipe(within("they end", "15 seconds"))
        })
        const watch = makeWatch(scene.sql, "streams")
        yield* watching([watch], killing)
        const all = [...running, ...killed]
        const appended = yield* judge(scene.sql, inline)
        assert.deepStrictEqual(refusals(all), [])
        // What was answered is there, and perhaps some more.
        const answered = count(all, "Appended")
        assert.isAtLeast(appended, answered)
        assert.isAtMost(appended, answered + 5 * killed.length)
        assert.isAbove(watch.looks(), 20)
        yield* judgePhases(scene.sql, "lines")
        yield* nothingAside(scene.sql)
      }).pipe(Random.withSeed(seed)),
    60_000 * rounds
  )

  it.effect(
    "are deployed in another version while processes of the old one append, which are refused afterwards",
    () =>
      Effect.gen(function* () {
        const scene = yield* aScene(yield* TestServer)
        const startOne = (version: number) =>
          start({ _tag: "Append", url: scene.url, version, seed: `${seed} ${version}`, fibers: 4, boxes: 4, pause: 10 })
        const old = yield* Effect.forEach(numbers(3), () => startOne(1))
        const watch = makeWatch(scene.sql, "streams")
        const deploying = Effect.gen(function* () {
          yield* said(old, "Appended", 300)
          const next = yield* startOne(2)
          yield* said([next], "Appended", 50)
          yield* Effect.forEach(old, ({ ended }) => ended).pipe(within("the old ones give up", "15 seconds"))
          yield* next.finish
          yield* next.ended.pipe(within("the new one ends", "15 seconds"))
          return next
        })
        const next = yield* watching([watch], deploying)
        assert.deepStrictEqual(
          refusals(old),
          numbers(12).map(() => "Misconfigured")
        )
        assert.strictEqual(yield* judge(scene.sql, inline), count([...old, next], "Appended"))
        assert.strictEqual((yield* look(scene.sql, "lines"))?.version, 2)
        yield* judgePhases(scene.sql, "lines")
      }),
    60_000
  )

  it.effect("let appends to other keys go on while their handlers work", () =>
    Effect.gen(function* () {
      const { url } = yield* aScene(yield* TestServer)
      const settings = { version: 1, partitions: 1, mode: "inline" } as const
      const slow = Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* sql`SELECT pg_sleep(0.05)`
      })
      const stores = yield* Layer.build(
        Projection.withInline(storesAt(url, { maxConnections: 25 }), [
          byStream(settings),
          Projection.handler({ name: "slow", version: 1, mode: "inline", events, handle: () => slow })
        ])
      )
      const store = Context.get(stores, EventStore.EventStore)
      const [appenders, appends] = [20, 3]
      const began = yield* Clock.currentTimeMillis
      yield* Effect.forEach(
        numbers(appenders),
        (box) =>
          Effect.repeat(
            Effect.suspend(() => appendTo(store, box)),
            { times: appends - 1 }
          ),
        { concurrency: "unbounded" }
      )
      const took = (yield* Clock.currentTimeMillis) - began
      // One after the other they would sleep for three seconds.
      assert.isBelow(took, (appenders * appends * 50) / 1.5)
      assert.strictEqual(yield* store.head, appenders * appends)
    })
  )
})
