/**
 * Reactions on a server, while the processes that run them are killed and stopped, and their connections are cut: everything is done with one key, and recorded
 * once. FAULT_ROUNDS hurts them for longer, FAULT_SEED makes the same random choices.
 */
import { assert, layer } from "@effect/vitest"
import { Clock, Context, Effect, Layer, Logger, Random, Schema, Stream } from "effect"
import { EventStore, Projection, ProjectionStore, Reaction, View } from "eventfold"
import { EmbeddedEventStore } from "eventfold/postgres/embedded"
import { freshDatabase, TestServer } from "../support/server.ts"
import { ask, doing, results, type Runner, runsOf, startRunner } from "../reaction/processes.ts"
import { storesAt } from "./projections/support/runners.ts"
import { live, numbers, rounds, seed, sceneAt } from "./projections/support/scene.ts"
import { eventually, terminateAll } from "./support/stores.ts"
import { Victim } from "./support/victim.ts"
import { patiently } from "./support/workload.ts"

/** That they wait for their store is said by the logs of each. */
const quiet = Logger.layer([])

/** What was done, as it is recorded. */
const doneIn = (store: EventStore.EventStore["Service"]) =>
  Effect.map(Stream.runCollect(store.readLog({ query: [{ types: ["Done"] }] })), (all) =>
    all.map(({ data }) => Schema.decodeUnknownSync(Schema.Struct({ n: Schema.Int, key: Schema.String }))(data))
  )

/** Waits until all that was asked for is done, and sees that each is recorded once, and in order. */
const judge = (store: EventStore.EventStore["Service"], count: number) =>
  Effect.gen(function* () {
    const done = yield* eventually(
      `${count} are done`,
      Effect.retry(doneIn(store), { while: ({ isRetryable }) => isRetryable }),
      (all) => all.length >= count,
      "20 seconds"
    )
    assert.deepStrictEqual(
      done.map(({ n }) => n).toSorted((a, b) => a - b),
      numbers(count)
    )
    for (const stream of numbers(10)) {
      const its = done.map(({ n }) => n).filter((n) => n % 10 === stream)
      assert.deepStrictEqual(
        its,
        its.toSorted((a, b) => a - b)
      )
    }
    return done
  })

layer(TestServer.layer(), live)(`processes that run a reaction, with FAULT_SEED=${seed},`, (it) => {
  it.effect(
    "are killed or stand still, and others do what they have left, with the same keys, within five seconds",
    () =>
      Effect.gen(function* () {
        const { store, url } = yield* sceneAt(yield* freshDatabase(yield* TestServer))
        const startOne = startRunner(url, 3)
        const running = [yield* startOne, yield* startOne]
        const all = [...running]
        const paused: Array<Runner> = []
        let count = 0
        const more = (n: number) =>
          Effect.forEach(numbers(n), () => Effect.suspend(() => ask(store, count++)), { discard: true })
        for (const _ of numbers(4 * rounds)) {
          const before = runsOf(all).length + (yield* Random.nextIntBetween(0, 90))
          yield* more(100)
          yield* eventually(
            "some are run",
            Effect.sync(() => runsOf(all).length),
            (runs) => runs >= before
          )
          const at = yield* Random.nextIntBetween(0, running.length - 1)
          const [victim] = running.splice(at, 1)
          if (yield* Random.nextBoolean) {
            yield* victim!.kill9
          } else {
            yield* victim!.pause
            paused.push(victim!)
          }
          const began = yield* Clock.currentTimeMillis
          // Something for each partition, that the one that is left has to do.
          yield* more(10)
          const now = count
          yield* eventually("it goes on", doneIn(store), (done) => done.length >= now, "5 seconds")
          if (process.env["EVENTFOLD_FIGURES"] !== undefined) {
            process.stdout.write(`a reaction goes on after ${(yield* Clock.currentTimeMillis) - began} ms\n`)
          }
          const next = yield* startOne
          running.push(next)
          all.push(next)
        }
        // Those that had stood still are back, and may believe to be owners.
        for (const one of paused) yield* one.goOn
        yield* more(100)
        const done = yield* judge(store, count)
        const keys = new Map(done.map(({ key, n }) => [n, key]))
        const runs = runsOf(all)
        for (const { key, n } of runs) assert.strictEqual(key, keys.get(n))
        assert.strictEqual(new Set(runs.map(({ n }) => n)).size, count)
      }).pipe(Random.withSeed(seed)),
    60_000 + 40_000 * rounds
  )

  it.effect("share its partitions", () =>
    Effect.gen(function* () {
      const { store, stores, url } = yield* sceneAt(yield* freshDatabase(yield* TestServer))
      const [one, two] = yield* Effect.all([startRunner(url, 10), startRunner(url, 10)], { concurrency: 2 })
      const { status } = Context.get(stores, ProjectionStore.ProjectionStore)
      yield* eventually("each has half", status("reaction:doing"), (all) => {
        const owners = all.flatMap(({ owner }) => owner ?? [])
        const [first] = owners
        return owners.length === 10 && owners.filter((owner) => owner === first).length === 5
      })
      yield* Effect.forEach(numbers(100), (n) => ask(store, n), { discard: true })
      yield* judge(store, 100)
      assert.isAbove(runsOf([one]).length, 0)
      assert.isAbove(runsOf([two]).length, 0)
      assert.lengthOf(runsOf([one, two]), 100)
    })
  )
})

layer(Victim.layer, live)(`a process that runs a reaction, with FAULT_SEED=${seed},`, (it) => {
  it.effect(
    "does everything once, whatever becomes of its connections and its server",
    () =>
      Effect.gen(function* () {
        const { admin, server } = yield* Victim
        const { store, stores } = yield* sceneAt(server.url)
        const ran: Array<number> = []
        class Doing extends Reaction.Service<Doing>()(
          "test/Doing",
          doing(2, (n) => ran.push(n))
        ) {}
        yield* Layer.build(Doing.layer).pipe(Effect.provide(stores))
        let count = 0
        const cut = Effect.repeat(Effect.delay(terminateAll(admin), "10 millis"), { times: 10 })
        const killed = Effect.andThen(server.kill9, server.restart)
        for (const fault of numbers(rounds).flatMap(() => [cut, killed, cut])) {
          yield* Effect.forEach(numbers(100), () => Effect.suspend(() => patiently(ask(store, count++))), {
            discard: true
          })
          const some = ran.length + (yield* Random.nextIntBetween(0, 50))
          yield* eventually(
            "some are run",
            Effect.sync(() => ran.length),
            (runs) => runs >= Math.min(some, count)
          )
          yield* fault
        }
        yield* judge(store, count)
        assert.deepStrictEqual(
          ran.toSorted((a, b) => a - b),
          numbers(count)
        )
      }).pipe(Random.withSeed(seed), Effect.provide(quiet)),
    60_000 + 40_000 * rounds
  )
})

const counting = Projection.make({
  version: 1,
  mode: "inline",
  view: View.make({ name: "counting", events: results, model: Schema.Int, initial: 0 }).evolve({ Done: (n) => n + 1 })
})

layer(TestServer.layer(), live)("what came of an event", (it) => {
  const use = Effect.gen(function* () {
    class Doing extends Reaction.Service<Doing>()(
      "test/Doing",
      doing(1, () => {})
    ) {}
    class Counting extends Projection.Service<Counting>()("test/Counting", counting) {}
    const context = yield* Layer.build(Layer.mergeAll(Doing.layer, Counting.layer))
    return yield* Effect.gen(function* () {
      const store = yield* EventStore.EventStore
      const counted = yield* Counting
      for (const n of numbers(20)) yield* ask(store, n)
      yield* judge(store, 20)
      assert.strictEqual(yield* counted.get, 20)
    }).pipe(Effect.provide(context))
  })

  it.effect("is in what inline projections keep, on a server", () =>
    Effect.gen(function* () {
      const url = yield* freshDatabase(yield* TestServer)
      yield* Effect.provide(use, Projection.withInline(storesAt(url), [counting]), { local: true })
    })
  )

  it.effect("is in what inline projections keep, embedded", () =>
    Effect.provide(use, Projection.withInline(EmbeddedEventStore.layer(), [counting]), { local: true })
  )
})
