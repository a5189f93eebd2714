/**
 * Health over HTTP: for a load balancer, which looks at the status, and for people, who read the body. It names projections and processes, positions and
 * numbers; no text of a failure, no id and nothing that is stored.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import type { EventStore } from "../EventStore.ts"
import * as Health from "../Health.ts"
import type { ProcessStore } from "../ProcessStore.ts"
import type { ProjectionStore, Status } from "../ProjectionStore.ts"

/**
 * What is answered.
 */
export const Body = Schema.Struct({
  /** Whether there are no problems. */
  isHealthy: Schema.Boolean,
  /** What is wrong, a sentence each. */
  problems: Schema.Array(Schema.String),
  /** The store itself. */
  store: Schema.Struct({
    /** Whether it has answered. */
    isReachable: Schema.Boolean,
    /** The position of the last event. */
    head: Schema.optionalKey(Schema.Int),
    /** How long an append would have waited for its turn. */
    writeLatencySeconds: Schema.optionalKey(Schema.Finite)
  }),
  /** All projections, reactions, publications and processes, by partition. */
  projections: Schema.Array(
    Schema.Struct({
      /** The name; of a reaction, a publication or a process with its kind before it, as in `reaction:mails`. */
      name: Schema.String,
      /** The version of the code that fills it. */
      version: Schema.Int,
      /** Whether readers see it, it is being filled, or another one has taken its place. */
      role: Schema.Literals(["live", "filling", "retired"]),
      /** Whether it is handled after the append, or in the append's own transaction. */
      mode: Schema.Literals(["async", "inline"]),
      /** The partition, from 0. */
      partition: Schema.Int,
      /** How many partitions there are. */
      partitions: Schema.Int,
      /** Whether it may go on, was told to stop, or stands before an event that it cannot handle. */
      state: Schema.Literals(["running", "paused", "failed"]),
      /** Whether somebody runs it at the moment. Nobody has to run an inline one, which is kept by who appends. */
      isOwned: Schema.Boolean,
      /** Everything up to it has been handled. */
      position: Schema.Int,
      /** Positions of the log that it has not come to. */
      lag: Schema.Int,
      /** How long ago the first event was recorded that it has not come to. 0 when there is none. */
      lagSeconds: Schema.Finite,
      /** Events a second, over the last batches that it has handled. */
      rate: Schema.Finite,
      /** How many events are parked. */
      parked: Schema.Int,
      /** The position that it has failed at. */
      failedAt: Schema.optionalKey(Schema.Int)
    })
  ),
  /** How many instances each process has, by status. */
  processes: Schema.Array(
    Schema.Struct({
      /** The name of the process. */
      name: Schema.String,
      /** Instances that are under way. */
      running: Schema.Int,
      /** Instances that somebody has to look at. */
      stuck: Schema.Int,
      /** Instances that have ended by themselves. */
      ended: Schema.Int,
      /** Instances that were cancelled. */
      cancelled: Schema.Int
    })
  )
})
export type Body = typeof Body.Type

const projectionOf = ({
  failure,
  lag,
  lagTime,
  mode,
  name,
  owner,
  parked,
  partition,
  partitions,
  position,
  rate,
  role,
  state,
  version
}: Status): Body["projections"][number] => ({
  name,
  version,
  role,
  mode,
  partition,
  partitions,
  state,
  isOwned: owner !== undefined,
  position,
  lag,
  lagSeconds: Duration.toSeconds(lagTime),
  rate,
  parked,
  ...(failure === undefined ? {} : { failedAt: failure.position })
})

const bodyOf = ({ isHealthy, problems, processes, projections, store }: Health.Health): Body => ({
  isHealthy,
  problems,
  store: {
    isReachable: store.isReachable,
    ...(store.head === undefined ? {} : { head: store.head }),
    ...(store.writeLatency === undefined ? {} : { writeLatencySeconds: Duration.toSeconds(store.writeLatency) })
  },
  projections: projections.map(projectionOf),
  processes: processes.map(({ counts, name }) => ({ name, ...counts }))
})

const headers = { "cache-control": "no-store" }

/** Where it is, and what is taken to be healthy. */
export interface Options extends Health.Options {
  /** `/health` by default. */
  readonly path?: HttpRouter.PathInput
}

/**
 * A route that answers how everything is doing, as `Health.check` finds it: 200 where all is well, otherwise 503. For who decides whether requests
 * are to come here: each request asks the store.
 *
 * @example
 * import { HealthRoute } from "eventfold/http"
 * import { MemoryEventStore } from "eventfold/memory"
 * import { Layer } from "effect"
 *
 * export const Routes = Layer.mergeAll(HealthRoute.layer({ maxLag: "10 seconds" }), HealthRoute.layerLive()).pipe(
 *   Layer.provide(MemoryEventStore.layer)
 * )
 */
export const layer = ({ path = "/health", ...options }: Options = {}): Layer.Layer<
  never,
  never,
  HttpRouter.HttpRouter | EventStore | ProjectionStore | ProcessStore
> =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const router = yield* HttpRouter.HttpRouter
      const stores = yield* Effect.context<EventStore | ProjectionStore | ProcessStore>()
      const answer = Effect.map(Health.check(options), (health) =>
        HttpServerResponse.jsonUnsafe(bodyOf(health), { status: health.isHealthy ? 200 : 503, headers })
      )
      yield* router.add("GET", path, Effect.provide(answer, stores))
    })
  )

/**
 * A route that answers 200 as long as this process answers at all, and asks nobody: for who decides whether to start it anew, which does not mend
 * a store that is away. `/health/live` by default.
 *
 * @example
 * import { HealthRoute } from "eventfold/http"
 *
 * export const Live = HealthRoute.layerLive({ path: "/live" })
 */
export const layerLive = ({ path = "/health/live" }: { readonly path?: HttpRouter.PathInput } = {}): Layer.Layer<
  never,
  never,
  HttpRouter.HttpRouter
> => HttpRouter.add("GET", path, HttpServerResponse.jsonUnsafe({ isAlive: true }, { headers }))
