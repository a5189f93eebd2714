/**
 * How long it takes from the acknowledgement of an append to the delivery of its events to a subscriber of another store, which has its own
 * connections to the same server and is in the same process.
 */
import { PgClient } from "@effect/sql-pg"
import { Context, Deferred, Effect, Fiber, Layer, Redacted, type Scope } from "effect"
import type { SqlError } from "effect/sql"
import { type Event, EventStore, Subscription } from "eventfold"
import { PostgresEventStore } from "eventfold/postgres"
import { type CheckFailed, same } from "./checks.ts"
import { inTurns, type Sample } from "./measure.ts"
import { report } from "./report.ts"
import { bookedEvent, Booked } from "./rows.ts"
import type { Server } from "./server.ts"

/** How much is measured. */
export interface Size {
  readonly rounds: number
  /** How many appends are measured in a round. */
  readonly probes: number
}

type Failed = CheckFailed | EventStore.AppendError | Event.DecodeError | SqlError.SqlError

const writers = 50
const pause = "5 millis"
const schema = "latency"

const storeOf = (
  server: Server
): Effect.Effect<EventStore.EventStore["Service"], EventStore.StoreError | SqlError.SqlError, Scope.Scope> =>
  Effect.map(
    Layer.build(
      Layer.fresh(PostgresEventStore.layer({ schema })).pipe(
        Layer.provide(Layer.fresh(PgClient.layer({ url: Redacted.make(server.url), maxConnections: 5 })))
      )
    ),
    Context.get(EventStore.EventStore)
  )

/** Appends of one event each, one after the other with pauses, and when they are acknowledged and delivered. */
const probe = (
  [writing, reading]: readonly [EventStore.EventStore["Service"], EventStore.EventStore["Service"]],
  probes: number
): Effect.Effect<Sample, Failed> =>
  Effect.gen(function* () {
    const after = yield* writing.head
    const acknowledged = new Map<string, number>()
    const delivered = new Map<string, number>()
    const wanted = Array.from({ length: probes }, (_, i) => bookedEvent("probe-1", i))
    const last = wanted[wanted.length - 1]?.id
    const done = yield* Deferred.make<void>()
    const subscription = Subscription.run({ events: Booked, categories: ["probe"], after }, (_event, _recorded, id) => {
      delivered.set(id, performance.now())
      return id === last ? Deferred.succeed(done, undefined) : Effect.void
    }).pipe(Effect.provideService(EventStore.EventStore, reading))
    const began = performance.now()
    const appending = Effect.forEach(
      wanted,
      Effect.fnUntraced(function* (event) {
        yield* Effect.sleep(pause)
        yield* writing.append([{ stream: "probe-1", expected: "any", events: [event] }])
        acknowledged.set(event.id, performance.now())
      }),
      { discard: true }
    )
    yield* Effect.raceFirst(subscription, Effect.andThen(appending, Deferred.await(done)))
    yield* same("events that were delivered", delivered.size, probes)
    const millis = performance.now() - began
    // A delivery may overtake the acknowledgement.
    const waits = wanted.map(({ id }) => Math.max(0, delivered.get(id)! - acknowledged.get(id)!))
    return { events: probes, millis, latencies: waits.toSorted((a, b) => a - b) }
  })

/** The same while others append to streams of their own, each as fast as it can. */
const whileBusy = <A, E>(writing: EventStore.EventStore["Service"], effect: Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const busy = yield* Effect.forkChild(
      Effect.forEach(
        Array.from({ length: writers }, (_, i) => `busy-${i}` as const),
        (stream) =>
          Effect.forever(
            Effect.suspend(() => writing.append([{ stream, expected: "any", events: [bookedEvent(stream, 1)] }]))
          ),
        { concurrency: "unbounded", discard: true }
      )
    )
    return yield* Effect.ensuring(effect, Fiber.interrupt(busy))
  })

/** From an append to a subscriber. */
export const latency = Effect.fn("latency")(function* (server: Server, size: Size) {
  const writing = yield* storeOf(server)
  const stores = [writing, yield* storeOf(server)] as const
  const samples = yield* inTurns<Failed, never>(size.rounds, () =>
    Effect.succeed({
      subjects: [
        ["idle", probe(stores, size.probes)],
        [`${writers} writers`, whileBusy(writing, probe(stores, size.probes))]
      ],
      check: Effect.void
    } as const)
  )
  return report("from the acknowledged append to a subscriber of another store", samples, [
    { by: "p50", of: "idle", target: { atMost: 10 } },
    { by: "p99", of: "idle" },
    { by: "p50", of: `${writers} writers`, target: { atMost: 10 } },
    { by: "p99", of: `${writers} writers` }
  ])
}, Effect.scoped)
