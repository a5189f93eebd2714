/**
 * Health as a value, as gauges and over HTTP: of a store in memory, and of stores that are away, slow or silent.
 */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer, Metric, Schema, Stream } from "effect"
import { HttpRouter, HttpServer } from "effect/http"
import { TestClock } from "effect/testing"
import { EventStore, Health, ProcessStore, Projection, ProjectionStore } from "eventfold"
import { HealthRoute } from "eventfold/http"
import { MemoryEventStore } from "eventfold/memory"
import * as Desk from "./process/support.ts"
import { append, caughtUp, contents, put, start, unavailable, until } from "./projection/support.ts"

const { altering, during } = Desk

const secret = "postgres://ada:hunter2@db"
const away = new EventStore.StoreError({ reason: "Unavailable", problem: `cannot connect to ${secret}` })

const nowhere: Desk.Altered = {
  events: () => ({ head: Effect.fail(away), settledHead: Effect.fail(away) }),
  projections: () => ({ status: () => Effect.fail(away) }),
  processes: () => ({ count: () => Effect.fail(away) })
}

/** A desk that is stuck for each of some instances. */
const stuckDesks = Effect.fnUntraced(function* (...desks: ReadonlyArray<string>) {
  const { broken, start } = Desk.makeDesk(Desk.once)
  broken.add("react no")
  const { process } = yield* start
  for (const desk of desks) yield* Desk.ask(desk, "no", { numbers: [1] })
  yield* Desk.ask("well", "yes")
  yield* Desk.settle(process)
  return process
})

describe("Health.check", () => {
  it.effect("is green over an empty store, and says where it is", () =>
    Effect.gen(function* () {
      const empty = { isReachable: true, head: 0, writeLatency: Duration.zero, problem: undefined }
      assert.deepStrictEqual(yield* Health.check(), {
        isHealthy: true,
        problems: [],
        store: empty,
        projections: [],
        processes: []
      })
      yield* append("1", put("a", 1))
      assert.strictEqual((yield* Health.check()).store.head, 1)
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )

  it.effect("counts the instances of processes, and is red when more are stuck than may be", () =>
    Effect.gen(function* () {
      const process = yield* stuckDesks("a", "b")
      const { isHealthy, problems, processes } = yield* Health.check({ expected: [{ name: "process:desk" }] })
      assert.isFalse(isHealthy)
      assert.deepStrictEqual(problems, ["process desk has 2 stuck instances"])
      assert.deepStrictEqual(processes, [{ name: "desk", counts: { running: 1, stuck: 2, ended: 0, cancelled: 0 } }])
      assert.isTrue((yield* Health.check({ maxStuck: 2 })).isHealthy)
      yield* process.cancel("a", "enough")
      yield* Desk.settle(process)
      assert.deepStrictEqual((yield* Health.check()).problems, ["process desk has 1 stuck instance"])
    }).pipe(Effect.provide(Desk.memory))
  )

  it.effect("is red, and no failure, when the store is away, in words that tell no secret", () =>
    Effect.gen(function* () {
      const health = yield* altering(Health.check({ expected: [{ name: "contents" }] }), nowhere)
      assert.deepStrictEqual(health, {
        isHealthy: false,
        problems: ["the store cannot be reached: Unavailable"],
        store: { isReachable: false, head: undefined, writeLatency: undefined, problem: away.message },
        projections: [],
        processes: []
      })
    }).pipe(Effect.provide(Desk.memory))
  )

  it.effect("is red when the store throws", () =>
    Effect.gen(function* () {
      const throwing = altering(Health.check(), { events: () => ({ head: Effect.die(new Error("it burns")) }) })
      const { problems, store } = yield* throwing
      assert.deepStrictEqual(problems, ["the store cannot be reached: Unexpected"])
      assert.include(store.problem, "it burns")
    }).pipe(Effect.provide(Desk.memory))
  )

  it.effect("answers in time where the store does not, also where it cannot be interrupted", () =>
    Effect.gen(function* () {
      const silent: Desk.Altered = {
        events: () => ({ head: Effect.uninterruptible(Effect.never), settledHead: Effect.never }),
        projections: () => ({ status: () => Effect.uninterruptible(Effect.never) })
      }
      const began = yield* Effect.clockWith(({ currentTimeMillis }) => currentTimeMillis)
      const { problems } = yield* during(altering(Health.check({ timeout: "3 seconds" }), silent))
      const ended = yield* Effect.clockWith(({ currentTimeMillis }) => currentTimeMillis)
      assert.deepStrictEqual(problems, ["the store cannot be reached: it took too long"])
      assert.isBelow(ended - began, 3500)
    }).pipe(Effect.provide(Desk.memory))
  )

  it.effect("is red when an append would have to wait, and says for how long", () =>
    Effect.gen(function* () {
      const busy = (millis: number): Desk.Altered => ({
        events: ({ settledHead }) => ({ settledHead: Effect.delay(settledHead, Duration.millis(millis)) })
      })
      const check = (millis: number, options?: Health.Options) => during(altering(Health.check(options), busy(millis)))
      assert.isTrue((yield* check(900)).isHealthy)
      assert.deepStrictEqual((yield* check(2500)).problems, ["an append would wait for 2s 500ms"])
      assert.isTrue((yield* check(2500, { maxWriteLatency: "3 seconds" })).isHealthy)
      const { problems, store } = yield* check(60_000)
      assert.deepStrictEqual(problems, ["an append would wait for more than 5s: it took too long"])
      assert.deepInclude(store, { isReachable: true, head: 0, writeLatency: undefined })
    }).pipe(Effect.provide(Desk.memory))
  )

  it.effect("says so when projections or processes alone cannot be asked", () =>
    Effect.gen(function* () {
      yield* stuckDesks()
      const { processes, projections } = nowhere
      assert.deepStrictEqual((yield* altering(Health.check(), { projections: projections! })).problems, [
        "how projections are doing cannot be told: Unavailable"
      ])
      assert.deepStrictEqual((yield* altering(Health.check(), { processes: processes! })).problems, [
        "how processes are doing cannot be told: Unavailable"
      ])
    }).pipe(Effect.provide(Desk.memory))
  )
})

/** The series of a metric, by their attributes in the order of their names. */
const seriesOf = (id: string) =>
  Effect.map(Metric.snapshot, (all) =>
    Object.fromEntries(
      all.flatMap((one) =>
        one.id === id && one.type === "Gauge"
          ? [
              [
                Object.entries(one.attributes ?? {})
                  .toSorted()
                  .map(([key, value]) => `${key}=${value}`)
                  .join(),
                Number(one.state.value)
              ]
            ]
          : []
      )
    )
  )

/** The names of the gauges that there are. */
const gauges = Effect.map(Metric.snapshot, (all) =>
  all
    .flatMap(({ id, type }) => (type === "Gauge" && /^eventfold_(store|projection|process)_/.test(id) ? [id] : []))
    .toSorted()
)

/** Metrics of its own. */
const isolated = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => Effect.provideService(effect, Metric.MetricRegistry, new Map()))

const ofContents = "partition=0,projection=contents,role=live"
const lagOf = Effect.map(seriesOf("eventfold_projection_lag_events"), (all) => all[ofContents])

describe("Health.layerMetrics", () => {
  it.effect("tells how far a projection is behind, also where it is paused and nobody runs it", () =>
    Effect.gen(function* () {
      yield* Layer.build(Health.layerMetrics({ every: "1 second" }))
      yield* append("1", put("a", 1), put("a", 2))
      const { reader, stop } = yield* start(Projection.make({ version: 1, view: contents() }))
      yield* caughtUp(reader)
      const rate = seriesOf("eventfold_projection_rate")
      yield* until(
        "it has a rate",
        Effect.map(rate, (all) => all[ofContents] !== undefined && all[ofContents] > 0)
      )
      assert.strictEqual(yield* lagOf, 0)
      assert.deepStrictEqual(yield* seriesOf("eventfold_projection_running"), { [ofContents]: 1 })
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual((yield* rate)[ofContents], 0)
      yield* reader.pause
      yield* append("1", put("a", 3), put("a", 4), put("a", 5))
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* lagOf, 3)
      assert.approximately((yield* seriesOf("eventfold_projection_lag_seconds"))[ofContents]!, 10, 1)
      assert.strictEqual((yield* seriesOf("eventfold_projection_running"))[ofContents], 0)
      yield* reader.resume
      yield* caughtUp(reader)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* lagOf, 0)
      yield* stop
      yield* append("1", put("a", 6))
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* lagOf, 1)
    }).pipe(isolated, Effect.provide(MemoryEventStore.layer))
  )

  it.effect("counts the instances of processes, and what is parked", () =>
    Effect.gen(function* () {
      yield* stuckDesks("a", "b")
      const parking = Projection.make({ version: 1, view: contents(new Set([2])), onFailure: "park" })
      const { reader } = yield* start(parking)
      yield* append("1", put("a", 1), put("a", 2), put("a", 3))
      yield* caughtUp(reader)
      yield* Layer.build(Health.layerMetrics())
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* seriesOf("eventfold_process_instances"), {
        "process=desk,status=running": 1,
        "process=desk,status=stuck": 2,
        "process=desk,status=ended": 0,
        "process=desk,status=cancelled": 0
      })
      assert.strictEqual((yield* seriesOf("eventfold_projection_parked_events"))[ofContents], 2)
    }).pipe(isolated, Effect.provide(Desk.memory))
  )

  it.effect("says that the store is away and nothing that is not known, and goes on when it is back", () =>
    Effect.gen(function* () {
      const { reader } = yield* start(Projection.make({ version: 1, view: contents() }))
      yield* caughtUp(reader)
      let isAway = false
      const mayBeAway = <A>(effect: Effect.Effect<A, EventStore.StoreError>) =>
        Effect.suspend(() => (isAway ? Effect.fail(unavailable) : effect))
      yield* altering(Layer.build(Health.layerMetrics({ every: "1 second" })), {
        events: ({ head, settledHead }) => ({ head: mayBeAway(head), settledHead: mayBeAway(settledHead) }),
        projections: ({ status }) => ({ status: (name) => mayBeAway(status(name)) })
      })
      yield* TestClock.adjust("1 second")
      const all = yield* gauges
      assert.includeMembers(all, ["eventfold_projection_lag_events", "eventfold_store_write_latency_seconds"])
      assert.deepStrictEqual(yield* seriesOf("eventfold_store_reachable"), { "": 1 })
      isAway = true
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* seriesOf("eventfold_store_reachable"), { "": 0 })
      assert.deepStrictEqual(yield* gauges, ["eventfold_store_reachable"])
      isAway = false
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* gauges, all)
    }).pipe(isolated, Effect.provide(Desk.memory))
  )

  it.effect("takes its gauges along when it ends", () =>
    Effect.gen(function* () {
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* Layer.build(Layer.fresh(Health.layerMetrics()))
          const reachable = seriesOf("eventfold_store_reachable")
          yield* until(
            "it has looked",
            Effect.map(reachable, (all) => all[""] === 1)
          )
        })
      )
      assert.deepStrictEqual(yield* gauges, [])
    }).pipe(isolated, Effect.provide(Desk.memory))
  )
})

const decode = Schema.decodeUnknownEffect(HealthRoute.Body)

/** Asks routes over a store for a path. */
const asking = Effect.fnUntraced(function* <E>(
  routes: Layer.Layer<
    never,
    E,
    HttpRouter.HttpRouter | EventStore.EventStore | ProjectionStore.ProjectionStore | ProcessStore.ProcessStore
  >
) {
  const stores = yield* Effect.context<
    EventStore.EventStore | ProjectionStore.ProjectionStore | ProcessStore.ProcessStore
  >()
  const provided = routes.pipe(Layer.provide(Layer.succeedContext(stores)), Layer.provide(HttpServer.layerServices))
  const { handler } = yield* Effect.acquireRelease(
    Effect.sync(() => HttpRouter.toWebHandler(provided, { disableLogger: true })),
    ({ dispose }) => Effect.promise(dispose)
  )
  return Effect.fnUntraced(function* (path: string) {
    const response = yield* Effect.promise(() => handler(new Request(`http://store.test${path}`)))
    const text = yield* Effect.promise(() => response.text())
    return { status: response.status, headers: response.headers, text }
  })
})

describe("HealthRoute", () => {
  it.live("answers 200 and how everything is doing", () =>
    Effect.gen(function* () {
      const get = yield* asking(HealthRoute.layer())
      yield* append("1", put("a", 1))
      const { headers, status, text } = yield* get("/health")
      assert.strictEqual(status, 200)
      assert.strictEqual(headers.get("cache-control"), "no-store")
      const body = yield* decode(JSON.parse(text))
      assert.deepInclude(body, { isHealthy: true, problems: [], projections: [], processes: [] })
      assert.deepInclude(body.store, { isReachable: true, head: 1 })
    }).pipe(Effect.provide(Layer.fresh(MemoryEventStore.layer)))
  )

  it.live("answers 503 where something is wrong, with numbers and without what is stored", () =>
    Effect.gen(function* () {
      const projections = yield* ProjectionStore.ProjectionStore
      class Contents extends Projection.Service<Contents>()(
        "test/Contents",
        Projection.make({ version: 1, view: contents(new Set([42])), retry: Desk.once.runs.retry })
      ) {}
      yield* Layer.build(Layer.fresh(Contents.layer))
      yield* append("1", put("confidential", 42))
      yield* Stream.runHead(
        Stream.merge(projections.changes, Stream.tick("10 millis")).pipe(
          Stream.mapEffect(() => projections.status()),
          Stream.filter(([one]) => one?.state === "failed")
        )
      )
      const get = yield* asking(HealthRoute.layer({ path: "/well" }))
      const { status, text } = yield* get("/well")
      assert.strictEqual(status, 503)
      const {
        problems,
        projections: [contentsNow]
      } = yield* decode(JSON.parse(text))
      assert.deepStrictEqual(problems, ["contents has failed at position 1"])
      assert.deepInclude(contentsNow, { name: "contents", state: "failed", failedAt: 1, lag: 1 })
      assert.notInclude(text, "42 is broken")
      assert.notInclude(text, "confidential")
    }).pipe(Effect.provide(Layer.fresh(MemoryEventStore.layer)))
  )

  it.live("answers 503 where the store is away, without its address; and is alive", () =>
    Effect.gen(function* () {
      const get = yield* altering(asking(Layer.mergeAll(HealthRoute.layer(), HealthRoute.layerLive())), nowhere)
      const { status, text } = yield* get("/health")
      assert.strictEqual(status, 503)
      assert.deepInclude(yield* decode(JSON.parse(text)), { store: { isReachable: false } })
      assert.notInclude(text, secret)
      const live = yield* get("/health/live")
      assert.deepStrictEqual([live.status, live.text], [200, `{"isAlive":true}`])
    }).pipe(Effect.provide(Layer.fresh(MemoryEventStore.layer)))
  )
})
