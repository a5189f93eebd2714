/**
 * Several processes on one log for minutes, and projections of it, while their server and they themselves are killed, frozen and cut off:
 *
 *     node --conditions=@eventfold/source test/postgres/soak/main.ts --minutes 5 --seed 1234
 *
 * The same seed makes the same random choices. Exits with 1 when a promise was broken.
 */
import { parseArgs } from "node:util"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Clock, Effect, Random, type Scope } from "effect"
import type { Query } from "eventfold"
import { startOwnServer } from "../../support/server.ts"
import { startProjecting } from "./projecting.ts"
import { check } from "../support/oracle.ts"
import { answersTo, reportedBy, reportsOf, startWorker, type Worker } from "../support/processes.ts"
import { connect, storeOn, terminateAll, within } from "../support/stores.ts"
import { finish, patiently } from "../support/workload.ts"

const { values } = parseArgs({
  options: { minutes: { type: "string", default: "5" }, seed: { type: "string" } }
})
const minutes = Number(values.minutes)
const seed = values.seed ?? crypto.randomUUID().slice(0, 8)

const say = (text: string) => Effect.sync(() => void process.stdout.write(`${text}\n`))

const schema = "soak"

const soak = Effect.gen(function* () {
  yield* say(`soak of ${minutes} minutes, --seed ${seed}`)
  const server = yield* startOwnServer()
  const admin = yield* connect(server.url, { applicationName: "admin" })
  let started = 0
  const newWriter = Effect.suspend(() =>
    Effect.tap(
      startWorker({
        _tag: "Write",
        url: server.url,
        schema,
        seed: `${seed} ${started++}`,
        fibers: 25,
        appends: null,
        pause: 400
      }),
      ({ begin }) => begin
    )
  )
  const newSubscriber = (query: Query.Query) =>
    Effect.gen(function* () {
      const worker = yield* startWorker({ _tag: "Subscribe", url: server.url, schema, query })
      yield* worker.begin
      return { worker, query }
    })
  const writers = yield* Effect.all([newWriter, newWriter, newWriter, newWriter])
  const subscribers = [yield* newSubscriber([{}]), yield* newSubscriber([{ categories: ["blue"] }])]
  const killed: Array<Worker> = []
  const projecting = yield* startProjecting({ url: server.url, sql: admin })
  const faults: ReadonlyArray<readonly [name: string, fault: Effect.Effect<unknown, unknown, Scope.Scope>]> = [
    ["nothing", Effect.void],
    ["kill -9 of the server", Effect.andThen(server.kill9, server.restart)],
    ["a restart of the server", server.restart],
    ["the end of all connections", Effect.repeat(terminateAll(admin), { times: 10 })],
    [
      "two seconds of standstill",
      Effect.ensuring(Effect.andThen(server.sigstop, Effect.sleep("2 seconds")), Effect.ignore(server.sigcont))
    ],
    ["kill -9 of a process that runs projections", projecting.kill],
    ["a standstill of a process that runs projections", projecting.pause],
    ["a new version of the projections", projecting.deploy]
  ]
  const killWriter = Effect.gen(function* () {
    const at = yield* Random.nextIntBetween(0, writers.length - 1)
    const [victim] = writers.splice(at, 1, yield* newWriter)
    yield* victim!.kill9
    killed.push(victim!)
  })
  const end = (yield* Clock.currentTimeMillis) + minutes * 60_000
  while ((yield* Clock.currentTimeMillis) < end) {
    const all = answersTo([...writers, ...killed])
    yield* reportedBy([...writers], answersTo(writers) + (yield* Random.nextIntBetween(50, 1000)))
    const kind = yield* Random.nextIntBetween(0, faults.length)
    const [name, fault] = faults[kind] ?? (["kill -9 of a writer", killWriter] as const)
    yield* say(`${answersTo([...writers, ...killed])} answers (${all} before), then ${name}`)
    yield* fault
    // Each of the writers that live must go on by itself.
    yield* Effect.forEach(writers, (worker) => reportedBy([worker], answersTo([worker]) + 10), {
      concurrency: "unbounded"
    })
    yield* projecting.goesOn
  }
  const late = yield* newSubscriber([{}])
  yield* Effect.forEach(writers, (worker) => worker.finish)
  yield* Effect.forEach(writers, ({ ended }) => ended).pipe(within("the writers end", "30 seconds"))
  const store = yield* patiently(storeOn(admin, { schema }))
  yield* finish(store)
  const everybody = [...subscribers, late]
  yield* Effect.forEach(everybody, ({ worker }) => worker.ended).pipe(within("the subscribers end", "30 seconds"))
  const seen = everybody.map(({ query, worker }) => ({ query, events: worker.seen }))
  const reports = reportsOf([...writers, ...killed])
  const summary = yield* check({ sql: admin, schema, reports, seen, complete: killed.length === 0 })
  const projected = yield* projecting.end
  yield* say(`every promise was kept: ${JSON.stringify({ seed, killed: killed.length, ...summary, projected })}`)
}).pipe(
  Effect.scoped,
  Random.withSeed(seed),
  Effect.tapCause(() => say(`FAILED, --seed ${seed}`))
)

NodeRuntime.runMain(soak)
