/**
 * What a program is watched with in tests: its spans, its metrics and its log.
 */
import { Effect, Logger, Metric, References, Tracer } from "effect"

/** A tracer that keeps all spans, in the order in which they begin. */
export const makeTracer = () => {
  const spans: Array<Tracer.NativeSpan> = []
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    }
  })
  return {
    spans,
    named: (name: string) => spans.filter((span) => span.name === name),
    traced: Effect.provideService(Tracer.Tracer, tracer)
  }
}

export interface Said {
  readonly level: string
  readonly message: string
  readonly annotations: Readonly<Record<string, unknown>>
}

/** A logger that keeps all that is said, at any level. */
export const makeLog = () => {
  const said: Array<Said> = []
  const logger = Logger.make(({ fiber, logLevel, message }) => {
    const annotations = { ...fiber.getRef(References.CurrentLogAnnotations) }
    said.push({ level: logLevel, message: Array.isArray(message) ? message.join(" ") : String(message), annotations })
  })
  return {
    said,
    logged: <A, E, R>(effect: Effect.Effect<A, E, R>) =>
      effect.pipe(Effect.provide(Logger.layer([logger])), Effect.provideService(References.MinimumLogLevel, "All"))
  }
}

/** Runs something with metrics of its own. */
export const isolated = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => Effect.provideService(effect, Metric.MetricRegistry, new Map()))

const valueOf = ({ state }: Metric.Metric.Snapshot): number =>
  "value" in state ? Number(state.value) : "count" in state ? Number(state.count) : Number.NaN

/** The series of a metric by their attributes, in the order of their names: values of gauges, and counts of all else. */
export const seriesOf = (id: string) =>
  Effect.map(Metric.snapshot, (all) =>
    Object.fromEntries(
      all
        .filter((one) => one.id === id)
        .map((one) => {
          const attributes = Object.entries(one.attributes ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1))
          return [attributes.map(([key, value]) => `${key}=${value}`).join(), valueOf(one)]
        })
    )
  )

/** A trace to be continued: what its nth span is written as. */
export const traceOf = (n: number) => {
  const traceId = n.toString(16).padStart(32, "a")
  const spanId = n.toString(16).padStart(16, "b")
  return { traceId, spanId, traceparent: `00-${traceId}-${spanId}-01` }
}
