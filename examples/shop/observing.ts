/**
 * 13. Watching: `/metrics` for Prometheus, `/health` and `/health/live` for a load balancer and for people; and with `OTEL_EXPORTER_OTLP_ENDPOINT` traces, metrics
 * and logs go to a collector, such as `http://localhost:4318`. An order is one trace, from the request to the last thing that follows from it.
 */
import { Config, Effect, Layer } from "effect"
import { FetchHttpClient, HttpMiddleware } from "effect/http"
import { Otlp, PrometheusMetrics } from "effect/observability"
import { Health } from "eventfold"
import { HealthRoute } from "eventfold/http"

const paths = { metrics: "/metrics", health: "/health", live: "/health/live" } as const

/** What must be there for orders to get on. */
const expected = ["process:fulfilment", "reaction:charging", "reaction:booking"].map((name) => ({ name }))

/** Routes that tell how the shop is doing. Who asks them every few seconds does not want to see that in a trace. */
export const ObservingHttp = Layer.mergeAll(
  PrometheusMetrics.layerHttp({ path: paths.metrics }),
  HealthRoute.layer({ path: paths.health, expected }),
  HealthRoute.layerLive({ path: paths.live }),
  Health.layerMetrics({ every: "1 second" })
)

export const withoutTraces = HttpMiddleware.layerTracerDisabledForUrls(Object.values(paths))

/** Sends traces, metrics and logs to a collector, if one is named. */
export const exporting = Layer.unwrap(
  Effect.map(Config.withDefault(Config.String("OTEL_EXPORTER_OTLP_ENDPOINT"), ""), (baseUrl) =>
    baseUrl === ""
      ? Layer.empty
      : Otlp.layerJson({ baseUrl, resource: { serviceName: "shop" } }).pipe(Layer.provide(FetchHttpClient.layer))
  )
)
