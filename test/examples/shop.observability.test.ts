/**
 * The shop as a process on a server of its own, watched from outside while it is at work: its metrics and its health, the lag of a process that is
 * paused and goes on, and the trace of an order at a collector and in the events.
 */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Context, Data, Effect, Layer, Schedule, Schema, Stream } from "effect"
import { EventStore, ProjectionStore } from "eventfold"
import { HealthRoute } from "eventfold/http"
import { PostgresEventStore } from "eventfold/postgres"
import { createServer } from "node:http"
import { OrderView } from "../../examples/shop/api.ts"
import { freshDatabase, startServer } from "../support/server.ts"
import { startExample } from "./support/program.ts"

class StillOtherwise extends Data.TaggedError("StillOtherwise")<{ readonly what: string; readonly found: unknown }> {}

/** Looks until something holds. */
const until = <A, E, R>(what: string, look: Effect.Effect<A, E, R>, holds: (found: A) => boolean) =>
  look.pipe(
    Effect.filterOrFail(holds, (found) => new StillOtherwise({ what, found })),
    Effect.retry({ schedule: Schedule.spaced("100 millis"), times: 200 })
  )

const Spans = Schema.fromJsonString(
  Schema.Struct({
    resourceSpans: Schema.Array(
      Schema.Struct({
        scopeSpans: Schema.Array(
          Schema.Struct({
            spans: Schema.Array(
              Schema.Struct({
                traceId: Schema.String,
                spanId: Schema.String,
                parentSpanId: Schema.optionalKey(Schema.String),
                name: Schema.String,
                attributes: Schema.Array(Schema.Struct({ key: Schema.String, value: Schema.Unknown }))
              })
            )
          })
        )
      })
    )
  })
)

const decodeSpans = Schema.decodeEffect(Spans)

/** A collector that keeps the bodies of what it is sent, by path. */
const startCollector = Effect.gen(function* () {
  const received = new Map<string, Array<string>>()
  const server = createServer((request, response) => {
    let body = ""
    request.setEncoding("utf8")
    request.on("data", (text: string) => {
      body += text
    })
    request.on("end", () => {
      const path = request.url ?? ""
      received.set(path, [...(received.get(path) ?? []), body])
      response.writeHead(200, { "content-type": "application/json" }).end("{}")
    })
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
    () => Effect.sync(() => server.close().closeAllConnections())
  )
  const address = server.address()
  const port = typeof address === "object" && address !== null ? address.port : 0
  const spans = Effect.gen(function* () {
    const bodies = yield* Effect.forEach(received.get("/v1/traces") ?? [], (body) => decodeSpans(body))
    const scopes = bodies.flatMap(({ resourceSpans }) => resourceSpans.flatMap(({ scopeSpans }) => scopeSpans))
    return scopes.flatMap(({ spans }) => spans)
  })
  return { url: `http://127.0.0.1:${port}`, spans, received }
})

/** What a browser would send of its own trace: it is the same for all that a customer does. */
const traceId = "4bf92f3577b34da6a3ce929d0e0e4736"
const browser = "00f067aa0ba902b7"

const openShop = Effect.gen(function* () {
  const database = yield* Effect.flatMap(startServer({ settings: { fsync: "off" } }), freshDatabase)
  const collector = yield* startCollector
  const env = { DATABASE_URL: database, PORT: "0", OTEL_EXPORTER_OTLP_ENDPOINT: collector.url }
  const { child, end, url } = yield* startExample("shop/main.ts", ["serve"], env)
  const address = yield* url
  const ask = Effect.fnUntraced(function* (method: string, path: string, body?: Schema.Json, isTraced = false) {
    const response = yield* Effect.promise(() =>
      fetch(`${address}${path}`, {
        method,
        headers: {
          "content-type": "application/json",
          ...(isTraced ? { traceparent: `00-${traceId}-${browser}-01` } : {})
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) })
      })
    )
    return { status: response.status, text: yield* Effect.promise(() => response.text()) }
  })
  const stores = yield* Layer.build(
    Layer.provide(PostgresEventStore.layerConfig(), ConfigProvider.layer(ConfigProvider.fromEnv({ env })))
  )
  return {
    ask,
    collector,
    projections: Context.get(stores, ProjectionStore.ProjectionStore),
    events: Effect.suspend(() => Stream.runCollect(Context.get(stores, EventStore.EventStore).readLog())),
    health: Effect.flatMap(ask("GET", "/health"), ({ status, text }) =>
      Effect.map(Schema.decodeEffect(Schema.fromJsonString(HealthRoute.Body))(text), (body) => ({ status, body }))
    ),
    /** The sum of the series of a metric that have these labels. */
    metric: (name: string, ...labels: ReadonlyArray<string>) =>
      Effect.map(ask("GET", "/metrics"), ({ text }) => {
        const lines = text.split("\n").filter((line) => line.startsWith(`${name}{`))
        const ours = lines.filter((line) => labels.every((label) => line.includes(label)))
        return ours.length === 0 ? undefined : ours.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0)
      }),
    order: (id: string) =>
      Effect.flatMap(ask("GET", `/orders/${id}`), ({ text }) =>
        Schema.decodeEffect(Schema.fromJsonString(OrderView))(text)
      ),
    stop: Effect.andThen(Effect.ignore(child.kill({ killSignal: "SIGTERM" })), end)
  }
})

const goods = { customer: "Ada", lines: [{ sku: "tea", quantity: 2 }] }
const fulfilment = `projection="process:fulfilment"`

describe("the shop", () => {
  it.live(
    "tells how it is doing while it runs: the lag of its fulfilment rises and falls; and an order is one trace",
    () =>
      Effect.gen(function* () {
        const { ask, collector, events, health, metric, order, projections, stop } = yield* openShop
        const lag = metric("eventfold_projection_lag_events", fulfilment, `role="live"`)
        const running = metric("eventfold_projection_running", fulfilment)
        const caughtUp = until("the fulfilment has caught up", lag, (positions) => positions === 0)

        // An order, up to where the carrier is on its way.
        assert.strictEqual((yield* ask("PUT", "/orders/o1", goods, true)).status, 201)
        yield* until("it can be paid", order("o1"), ({ fulfilment }) => fulfilment === "AwaitingPayment")
        assert.strictEqual((yield* ask("PUT", "/orders/o1/payment", { card: "visa-1" }, true)).status, 202)
        yield* until("the carrier knows of it", order("o1"), ({ tracking }) => tracking !== undefined)
        const ofOrder = (yield* events).filter(({ stream }) => stream.endsWith("-o1"))

        // All is well.
        yield* caughtUp
        yield* until("it runs", running, (partitions) => partitions === 4)
        const well = yield* until("it is healthy", health, ({ status }) => status === 200)
        assert.deepStrictEqual(well.body.problems, [])
        assert.deepInclude(well.body.store, { isReachable: true })
        assert.deepStrictEqual(well.body.processes, [
          { name: "fulfilment", running: 1, stuck: 0, ended: 0, cancelled: 0 }
        ])
        // The gauges are of a moment ago.
        const seen = (name: string, label: string, holds: (found: number) => boolean) =>
          until(name, metric(name, label), (found) => holds(found ?? 0))
        yield* seen("eventfold_process_instances", `status="running"`, (instances) => instances === 1)
        yield* seen("eventfold_process_commands_total", `outcome="executed"`, (commands) => commands >= 3)
        yield* seen("eventfold_projection_events_total", fulfilment, (handled) => handled >= 5)
        yield* seen("eventfold_reaction_attempts_total", `outcome="succeeded"`, (attempts) => attempts === 2)
        assert.strictEqual((yield* ask("GET", "/health/live")).status, 200)

        // The lag rises while nobody follows, and falls again.
        yield* projections.pause("process:fulfilment")
        for (const id of ["o2", "o3", "o4"]) assert.strictEqual((yield* ask("PUT", `/orders/${id}`, goods)).status, 201)
        const behind = yield* until("it falls behind", lag, (positions) => (positions ?? 0) >= 4 * 3)
        const seconds = metric("eventfold_projection_lag_seconds", fulfilment)
        yield* until("it is behind in time", seconds, (elapsed) => (elapsed ?? 0) > 0)
        assert.strictEqual(yield* running, 0)
        const paused = (yield* health).body.projections.filter(({ name }) => name === "process:fulfilment")
        assert.deepStrictEqual(new Set(paused.map(({ state }) => state)), new Set(["paused"]))
        assert.isAtMost(
          behind ?? 0,
          paused.reduce((sum, { lag }) => sum + lag, 0)
        )
        yield* projections.resume("process:fulfilment")
        yield* caughtUp
        yield* until("it runs again", running, (partitions) => partitions === 4)
        yield* until("the orders go on", order("o4"), ({ fulfilment }) => fulfilment === "AwaitingPayment")

        // The order is one trace: in its events, and at the collector, with no span that has come loose.
        assert.includeMembers(
          ofOrder.map(({ type }) => type),
          ["OrderPlaced", "PaymentRequested", "PaymentCaptured", "ShipmentRequested", "ShipmentBooked"]
        )
        for (const { metadata, type } of ofOrder) {
          assert.strictEqual(metadata.traceparent?.split("-")[1], traceId, type)
        }
        const { code, said } = yield* stop
        assert.strictEqual(code, 0, said)
        const all = yield* collector.spans
        const ours = all.filter((span) => span.traceId === traceId)
        const known = new Set([browser, ...ours.map(({ spanId }) => spanId)])
        const loose = ours.filter(({ parentSpanId }) => parentSpanId === undefined || !known.has(parentSpanId))
        assert.deepStrictEqual(loose, [])
        const names = new Set(ours.map(({ name }) => name))
        for (const name of [
          "eventfold.execute",
          "eventfold.append",
          "eventfold.process.command",
          "eventfold.reaction"
        ]) {
          assert.isTrue(names.has(name), `${name} among ${Array.from(names).join()}`)
        }
        const requests = ours.filter(({ parentSpanId }) => parentSpanId === browser)
        assert.lengthOf(requests, 2)
        // Batches are traces of their own, and who asks for the metrics is in none.
        assert.isTrue(all.some(({ name, traceId: its }) => name === "eventfold.process" && its !== traceId))
        const paths = all
          .flatMap(({ attributes }) => attributes.filter(({ key }) => key === "url.path"))
          .map(({ value }) => JSON.stringify(value))
        assert.isNotEmpty(paths)
        assert.notInclude(paths.join(), "/metrics")
        assert.includeMembers(Array.from(collector.received.keys()), ["/v1/traces", "/v1/metrics", "/v1/logs"])
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
    60_000
  )
})
