/**
 * One log, many processes: what each was told is true, and all see the same.
 */
import { assert, layer } from "@effect/vitest"
import { Effect, Random } from "effect"
import type { Query } from "eventfold"
import { freshDatabase, TestServer } from "../support/server.ts"
import { check } from "./support/oracle.ts"
import { answersTo, reportedBy, reportsOf, startWorker, type Worker } from "./support/processes.ts"
import { connect, eventually, freshSchema, storeOn, within } from "./support/stores.ts"
import { finish } from "./support/workload.ts"

const seed = process.env["FAULT_SEED"] ?? crypto.randomUUID().slice(0, 8)
const rounds = Number(process.env["FAULT_ROUNDS"] ?? 2)

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i)

const answers = (workers: ReadonlyArray<Worker>) => Effect.sync(() => answersTo(workers))

layer(TestServer.layer(), { excludeTestServices: true, concurrent: false, timeout: 60_000 })(
  `the PostgreSQL store in several processes, with FAULT_SEED=${seed}`,
  (it) => {
    it.effect(
      "keeps every promise to four processes that write and three that subscribe",
      () =>
        Effect.gen(function* () {
          const url = yield* freshDatabase(yield* TestServer)
          const schema = freshSchema()
          const subscriber = (query: Query.Query) =>
            Effect.map(startWorker({ _tag: "Subscribe", url, schema, query }), (worker) => ({ worker, query }))
          const writers = yield* Effect.forEach(numbers(4), (n) =>
            startWorker({ _tag: "Write", url, schema, seed: `${seed} ${n}`, fibers: 25, appends: 8, pause: 5 })
          )
          const subscribers = [
            yield* subscriber([{}]),
            yield* subscriber([{ categories: ["blue"] }]),
            yield* subscriber([{}])
          ]
          // One before there is anything, one early, and one when half of it is done.
          yield* subscribers[0]!.worker.begin
          yield* Effect.forEach(writers, ({ begin }) => begin, { concurrency: "unbounded" })
          yield* reportedBy(writers, 50)
          yield* subscribers[1]!.worker.begin
          yield* reportedBy(writers, 400)
          yield* subscribers[2]!.worker.begin
          yield* Effect.forEach(writers, ({ ended }) => ended).pipe(within("the writers end", "20 seconds"))
          const sql = yield* connect(url)
          yield* finish(yield* storeOn(sql, { schema, migrate: false }))
          yield* Effect.forEach(subscribers, ({ worker }) => worker.ended).pipe(within("the subscribers end"))
          const seen = subscribers.map(({ query, worker }) => ({ query, events: worker.seen }))
          const reports = reportsOf(writers)
          const summary = yield* check({ sql, schema, reports, seen, complete: true })
          assert.strictEqual(summary.appends, 4 * 25 * 8)
          assert.deepStrictEqual(summary.retried, {})
          for (const tag of ["Stored", "ConcurrencyConflict", "ConditionConflict"]) {
            assert.isAbove(reports.filter(({ answer }) => answer._tag === tag).length, 20, tag)
          }
        }),
      60_000
    )

    it.effect(
      "migrates once when ten processes start together",
      () =>
        Effect.gen(function* () {
          const url = yield* freshDatabase(yield* TestServer)
          const schema = freshSchema()
          const writers = yield* Effect.forEach(numbers(10), (n) =>
            startWorker({ _tag: "Write", url, schema, seed: `${seed} ${n}`, fibers: 2, appends: 2, pause: 0 })
          )
          yield* Effect.forEach(writers, ({ begin }) => begin, { concurrency: "unbounded" })
          yield* Effect.forEach(writers, ({ ended }) => ended).pipe(within("the writers end", "20 seconds"))
          const sql = yield* connect(url)
          const summary = yield* check({ sql, schema, reports: reportsOf(writers), seen: [], complete: true })
          assert.strictEqual(summary.appends, 40)
          const taken = yield* sql.unsafe<{ readonly id: number }>(`SELECT id FROM ${schema}.migrations ORDER BY id`)
          assert.deepStrictEqual(
            taken.map(({ id }) => id),
            numbers(taken.length).map((i) => i + 1)
          )
        }),
      60_000
    )

    it.effect(
      "loses nothing that was acknowledged to a process that is killed, and goes on in the others, also in those that subscribe",
      () =>
        Effect.gen(function* () {
          const url = yield* freshDatabase(yield* TestServer)
          const schema = freshSchema()
          const writer = (n: string) =>
            startWorker({ _tag: "Write", url, schema, seed: `${seed} ${n}`, fibers: 25, appends: null, pause: 5 })
          const survivor = yield* writer("survivor")
          yield* survivor.begin
          const queries: ReadonlyArray<Query.Query> = [[{}], [{ categories: ["blue"] }]]
          const subscribers = yield* Effect.forEach(queries, (query) =>
            Effect.map(startWorker({ _tag: "Subscribe", url, schema, query }), (worker) => ({ worker, query }))
          )
          yield* Effect.forEach(subscribers, ({ worker }) => worker.begin, { concurrency: "unbounded" })
          const killed: Array<Worker> = []
          for (const round of numbers(rounds)) {
            const victim = yield* writer(`victim ${round}`)
            killed.push(victim)
            yield* victim.begin
            yield* reportedBy([victim], yield* Random.nextIntBetween(10, 300))
            const fewest = Effect.sync(() => Math.min(...subscribers.map(({ worker }) => worker.seen.length)))
            yield* eventually("all subscribers see something", fewest, (seen) => seen > 0)
            yield* victim.kill9
            const before = yield* answers([survivor])
            yield* eventually("the survivor goes on", answers([survivor]), (n) => n > before + 50)
          }
          yield* survivor.finish
          yield* survivor.ended.pipe(within("the survivor ends"))
          const sql = yield* connect(url)
          yield* finish(yield* storeOn(sql, { schema, migrate: false }))
          yield* Effect.forEach(subscribers, ({ worker }) => worker.ended).pipe(within("the subscribers end"))
          const seen = subscribers.map(({ query, worker }) => ({ query, events: worker.seen }))
          const reports = reportsOf([survivor, ...killed])
          yield* check({ sql, schema, reports, seen, complete: false })
          for (const victim of killed) assert.isAtLeast(answersTo([victim]), 10)
        }).pipe(Random.withSeed(seed)),
      60_000
    )
  }
)
