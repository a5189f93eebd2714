/**
 * What the tests of projections are written with: a small domain, processes that run a projection on one store, and a store that
 * misbehaves.
 */
import { Context, Effect, Exit, HashMap, Layer, Schedule, Schema, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Event, EventStore, Projection, ProjectionStore, StreamName, View } from "eventfold"
import { MemoryEventStore } from "eventfold/memory"

export const events = Event.define({ Put: { key: Schema.String, n: Schema.Int }, Cleared: { key: Schema.String } })
type Events = typeof events.Type

export const put = (key: string, n: number): Events => ({ _tag: "Put", key, n })
export const cleared = (key: string): Events => ({ _tag: "Cleared", key })

/** What has been put under a key, in order. It throws at what is in `broken`. */
export const contents = (broken: ReadonlySet<number> = new Set(), name = "contents") =>
  View.keyed({ name, events, key: ({ key }) => key, model: Schema.Array(Schema.Int), initial: [] }).evolve({
    Put: (all, { n }) => {
      if (broken.has(n)) throw new Error(`${n} is broken`)
      return [...all, n]
    },
    Cleared: () => View.gone
  })

/** Everything that has been put, in order, as one model. */
export const everything = (broken: ReadonlySet<number> = new Set()) =>
  View.make({ name: "everything", events, model: Schema.Array(Schema.Int), initial: [] }).evolve({
    Put: (all, { n }) => {
      if (broken.has(n)) throw new Error(`${n} is broken`)
      return [...all, n]
    },
    Cleared: (all) => all
  })

const toAppend = (encoded: Event.EncodedEvent) => ({ ...encoded, id: crypto.randomUUID(), metadata: {} })

/** Appends to the stream `box-<id>`. */
export const append = (id: string, ...what: ReadonlyArray<Events>) =>
  Effect.gen(function* () {
    const store = yield* EventStore.EventStore
    const encoded = yield* Effect.forEach(what, (event) => Effect.fromResult(Event.encode(events, event)))
    return yield* store.append([{ stream: StreamName.make("box", id), expected: "any", events: encoded.map(toAppend) }])
  })

/** Appends an event as some other code would have stored it. */
export const appendStored = (id: string, type: string, data: Schema.Json) =>
  Effect.flatMap(EventStore.EventStore, (store) =>
    store.append([
      {
        stream: StreamName.make("box", id),
        expected: "any",
        events: [toAppend({ type, schemaVersion: 1, data, tags: [] })]
      }
    ])
  )

/** Starts a process of its own that runs a projection on the store that is there. */
export const start = <Reader, M extends Projection.Mode, R>(projection: Projection.Projection<Reader, M, R>) =>
  Effect.gen(function* () {
    class Running extends Projection.Service<Running>()("test/Running", projection) {}
    const scope = yield* Scope.make()
    const stop = Scope.close(scope, Exit.void)
    yield* Effect.addFinalizer(() => stop)
    const context = yield* Layer.buildWithScope(Layer.fresh(Running.layer), scope)
    return { reader: Context.get(context, Running), stop }
  })

/** Lets the time pass, step by step, until something holds. */
export const until = <E, R>(what: string, holds: Effect.Effect<boolean, E, R>) =>
  Effect.gen(function* () {
    for (let i = 0; i < 400; i++) {
      if (yield* holds) return
      yield* TestClock.adjust("50 millis")
    }
    return yield* Effect.die(new Error(`it never came about that ${what}`))
  })

/** Lets the time pass while something is under way. */
export const during = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.raceFirst(effect, Effect.forever(TestClock.adjust("50 millis")))

/** Waits until a projection has come to the end of the log. */
export const caughtUp = ({ status }: Projection.Control) =>
  until(
    "it has caught up",
    Effect.map(status, (all) => {
      const live = all.filter(({ role }) => role === "live")
      return live.length > 0 && live.every(({ lag }) => lag === 0)
    })
  )

/** Waits until some partition has failed, and gives its status. */
export const failed = ({ status }: Projection.Control) =>
  Effect.gen(function* () {
    const failures = Effect.map(status, (all) => all.filter(({ state }) => state === "failed"))
    yield* until(
      "it has failed",
      Effect.map(failures, (all) => all.length > 0)
    )
    return (yield* failures)[0]
  })

/** All documents by key. */
export const documents = <Model>({ query }: Projection.Documents<Model>) =>
  Effect.map(Stream.runCollect(query()), (all) => Object.fromEntries(all))

/** What a fold of the whole log comes to. */
export const folded = <Model, E extends Event.Tagged>(view: View.KeyedView<Model, E>) =>
  Effect.gen(function* () {
    const store = yield* EventStore.EventStore
    const recorded = yield* Stream.runCollect(store.readLog())
    const known = recorded.filter(({ type }) => view.events.stored.has(type))
    const decoded = yield* Effect.forEach(known, (one) => Effect.fromResult(Event.decodeRecorded(view.events, one)))
    return Object.fromEntries(HashMap.entries(View.foldKeyed(view, decoded.flat())))
  })

type Store = ProjectionStore.ProjectionStore["Service"]

/** A store in memory of which some operations are others. */
export const altered = (alter: (store: Store) => Partial<Store>) =>
  Layer.effect(
    ProjectionStore.ProjectionStore,
    Effect.map(ProjectionStore.ProjectionStore, (store) => ({ ...store, ...alter(store) }))
  ).pipe(Layer.provideMerge(MemoryEventStore.layer))

export const unavailable = new EventStore.StoreError({ reason: "Unavailable", problem: "it is away" })

type Stores = EventStore.EventStore | ProjectionStore.ProjectionStore

/** A store in memory, for as long as the test. */
export const memory = Effect.flatMap(Effect.scope, (scope) =>
  Layer.buildWithScope(Layer.fresh(MemoryEventStore.layer), scope)
)

/** The same store with inline projections: what `Projection.withInline` makes of it, for as long as the test. */
export const inlined = <const Rs extends ReadonlyArray<unknown>>(
  stores: Context.Context<Stores>,
  projections: { readonly [Index in keyof Rs]: Projection.Projection<unknown, "inline", Rs[Index]> }
) =>
  Effect.flatMap(Effect.scope, (scope) =>
    during(Layer.buildWithScope(Projection.withInline(Layer.succeedContext(stores), projections), scope))
  )

/** What is parked, as position and lane. */
export const parkedOf = ({ parked }: Projection.Control) =>
  Effect.map(parked, (all) => all.map(({ lane, position }) => [position, lane] as const))

export const parking = (broken: ReadonlySet<number>) =>
  Projection.make({ version: 1, view: contents(broken), onFailure: "park", retry: Schedule.recurs(1) })

/** A handler that parks what is in `broken`, by a key, and what it has handled. */
export const handling = (broken: ReadonlySet<number>, key: (event: { readonly key: string }) => string) => {
  const seen: Array<number> = []
  const byKey = Projection.handler({
    name: "by-key",
    version: 1,
    events: Event.pick(events, ["Put"]),
    onFailure: "park",
    retry: Schedule.recurs(0),
    key,
    handle: (batch) =>
      Effect.suspend(() => {
        const all = batch.map(({ event }) => event.n)
        if (all.some((n) => broken.has(n))) return Effect.fail("broken")
        seen.push(...all)
        return Effect.void
      })
  })
  return { byKey, seen }
}

/** Waits until so many events are parked. */
export const parks = (reader: Projection.Control, count: number) =>
  until(
    `${count} events are parked`,
    Effect.map(reader.parked, (all) => all.length === count)
  )

/** Asks for parked events to be tried again, and gives the runner the time for it. */
export const retry = (reader: Projection.Control, lane?: string) =>
  Effect.andThen(reader.retryParked(lane), TestClock.adjust("3 seconds"))
