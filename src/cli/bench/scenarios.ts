/**
 * What is measured, each in a log of its own, and through what users call.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type { PlatformError } from "effect/PlatformError"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Aggregate from "../../Aggregate.ts"
import * as Decider from "../../Decider.ts"
import { EventStore } from "../../EventStore.ts"
import type { RecordedEvent } from "../../RecordedEvent.ts"
import type { StreamName } from "../../StreamName.ts"
import * as Subscription from "../../Subscription.ts"
import type { Advance } from "../output/progress.ts"
import {
  eventsOf,
  type Failed,
  type Measured,
  Noted,
  now,
  same,
  type Settings,
  type Store,
  timing
} from "./measuring.ts"

/** The stores that a scenario has: one, and another over the same log. */
export interface Stores {
  readonly store: Store
  readonly other: Store
}

/** Measures something, and says how far it is by the events. */
export type Scenario = (stores: Stores, settings: Settings, advance: Advance) => Effect.Effect<Measured, Failed>

const streamOf = (n: number): StreamName => `bench-${n + 1}`
const numbers = (count: number) => Array.from({ length: count }, (_, n) => n)

/** Appends that are not timed: connections are made, statements prepared, code compiled. */
const warmUp = (store: Store, settings: Settings): Effect.Effect<number, Failed> => {
  const eventOf = eventsOf(settings)
  const appends = Math.min(200, Math.ceil(settings.events / 10))
  const append = (n: number) => store.append([{ stream: "warm-up", expected: n, events: [eventOf(n)] }])
  return Effect.as(Effect.forEach(numbers(appends), append, { discard: true }), appends)
}

/** Appends to one stream after the other, of so many events each, as many as are asked for in all. */
const appending = (size: (settings: Settings) => number): Scenario =>
  Effect.fnUntraced(function* ({ store }, settings, advance) {
    const before = yield* warmUp(store, settings)
    const eventOf = eventsOf(settings)
    const { all, one } = timing("append", advance)
    const versions = new Map<StreamName, number>()
    const run = Effect.gen(function* () {
      for (let done = 0, n = 0; done < settings.events; n++) {
        const stream = streamOf(n % settings.aggregates)
        const expected = versions.get(stream) ?? 0
        const events = numbers(Math.min(size(settings), settings.events - done)).map((i) => eventOf(done + i))
        const answer = yield* one(store.append([{ stream, expected, events }]), events.length)
        yield* same(`the version of ${stream}`, answer.versions[0]!, expected + events.length)
        versions.set(stream, expected + events.length)
        done += events.length
      }
    })
    const measured = yield* all(run)
    yield* same("the head of the log", yield* store.head, before + settings.events)
    return measured
  })

/** Appends of one event by many at once, each to a stream of its own. */
const concurrent: Scenario = Effect.fnUntraced(function* ({ store }, settings, advance) {
  const before = yield* warmUp(store, settings)
  const eventOf = eventsOf(settings)
  const { all, one } = timing("append", advance)
  const writers = Math.min(settings.concurrency, settings.events)
  const writer = Effect.fnUntraced(function* (n: number) {
    const stream = streamOf(n)
    const count = Math.ceil((settings.events - n) / writers)
    for (let expected = 0; expected < count; expected++) {
      const append = store.append([{ stream, expected, events: [eventOf(expected)] }])
      const answer = yield* one(append, 1)
      yield* same(`the version of ${stream}`, answer.versions[0]!, expected + 1)
    }
  })
  const run = Effect.forEach(numbers(writers), writer, { concurrency: "unbounded", discard: true })
  const measured = yield* all(run)
  yield* same("the head of the log", yield* store.head, before + settings.events)
  return measured
})

/** Events of one append to a stream, and streams of one append, where a log is filled. */
const filledAtOnce = 10
const streamsAtOnce = 100

/** How many events a stream gets: they are spread evenly. */
const lengthOf = ({ aggregates, events }: Settings, n: number): number =>
  Math.max(0, Math.ceil((events - n) / aggregates))

/** Fills a log with streams that have come into it by turns. It is not timed. */
const fill = Effect.fnUntraced(function* (store: Store, settings: Settings) {
  const eventOf = eventsOf(settings)
  const longest = lengthOf(settings, 0)
  for (let from = 0; from < longest; from += filledAtOnce) {
    for (let first = 0; first < settings.aggregates; first += streamsAtOnce) {
      const some = numbers(Math.min(streamsAtOnce, settings.aggregates - first))
      const writes = some.flatMap((i) => {
        const count = Math.min(filledAtOnce, lengthOf(settings, first + i) - from)
        const events = numbers(Math.max(0, count)).map((version) => eventOf(from + version))
        return count <= 0 ? [] : [{ stream: streamOf(first + i), expected: from, events }]
      })
      if (writes.length > 0) yield* store.append(writes)
    }
  }
  yield* same("the head of the log", yield* store.head, settings.events)
})

/** The whole log, page by page. */
const read: Scenario = Effect.fnUntraced(function* ({ store }, settings, advance) {
  yield* fill(store, settings)
  yield* Stream.runDrain(store.readLog({ limit: 1000 }))
  const { all, latencies } = timing("page", advance)
  let events = 0
  let since = yield* now
  const page = Effect.fnUntraced(function* (page: ReadonlyArray<RecordedEvent>) {
    const then = yield* now
    latencies.add(then - since)
    for (const { position } of page) yield* same("the next position", position, ++events)
    yield* advance(page.length)
    since = yield* now
  })
  const measured = yield* all(Stream.runForEachArray(store.readLog(), page))
  yield* same("events that were read", events, settings.events)
  return { ...measured, events }
})

const Tally = Schema.Struct({ events: Schema.Int, last: Schema.Int })

const tally = Decider.make({
  name: "bench",
  state: Tally,
  initial: { events: 0, last: -1 },
  commands: Schema.TaggedUnion({ Note: { number: Schema.Int, note: Schema.String } }),
  events: Noted
})
  .evolve({ Noted: ({ events }, { number }) => ({ events: events + 1, last: number }) })
  .decide({ Note: ({ note, number }) => [{ _tag: "Noted", number, note }] })

/** The state of each aggregate, from its first event on. */
const load: Scenario = Effect.fnUntraced(function* ({ store }, settings, advance) {
  yield* fill(store, settings)
  const aggregate = yield* Effect.provideService(
    Aggregate.make({ decider: tally, cache: { entries: 0 } }),
    EventStore,
    store
  )
  const streams = Math.min(settings.aggregates, settings.events)
  yield* Effect.forEach(numbers(Math.min(20, streams)), (n) => aggregate.state(String(n + 1)), { discard: true })
  const { all, one } = timing("load", advance)
  const loadOne = Effect.fnUntraced(function* (n: number) {
    const length = lengthOf(settings, n)
    const { state } = yield* one(aggregate.state(String(n + 1)), length)
    yield* same(`the events of ${streamOf(n)}`, state.events, length)
    yield* same(`the last number of ${streamOf(n)}`, state.last, length - 1)
  })
  return yield* all(Effect.forEach(numbers(streams), loadOne, { discard: true }))
})

/** How many events a scenario measures, of those that are asked for. */
export const eventsIn = (scenario: ScenarioName, { events }: Settings): number =>
  // Each is waited for, so a few say it all.
  scenario === "subscribe" ? Math.min(1000, events) : events

/** From the acknowledgement of an append to the delivery of its event to a subscriber of another store. */
const subscribe: Scenario = Effect.fnUntraced(function* ({ other, store }, settings, advance) {
  const before = yield* warmUp(store, settings)
  const count = eventsIn("subscribe", settings)
  const eventOf = eventsOf(settings)
  const delivered = new Map<string, Deferred.Deferred<number>>()
  const { all, latencies } = timing("delivery", advance)
  const deliver = Subscription.run({ events: Noted, categories: ["bench"], after: before }, (_event, _recorded, id) =>
    Effect.gen(function* () {
      const arrival = delivered.get(id)
      if (arrival !== undefined) yield* Deferred.succeed(arrival, yield* now)
    })
  ).pipe(Effect.provideService(EventStore, other))
  const append = Effect.fnUntraced(function* (expected: number) {
    const event = eventOf(expected)
    const arrival = yield* Deferred.make<number>()
    delivered.set(event.id, arrival)
    yield* store.append([{ stream: streamOf(0), expected, events: [event] }])
    const acknowledged = yield* now
    // A delivery may overtake the acknowledgement.
    latencies.add(Math.max(0, (yield* Deferred.await(arrival)) - acknowledged))
    delivered.delete(event.id)
    yield* advance(1)
  })
  const run: Effect.Effect<void, Failed | PlatformError> = Effect.forEach(numbers(count), append, { discard: true })
  const measured = yield* all(Effect.raceFirst(run, deliver))
  yield* same("events that were delivered", latencies.count(), count)
  return { ...measured, events: count }
})

/** By name, in the order in which all of them are run. */
export const scenarios = {
  write: appending(() => 1),
  batch: appending(({ batch }) => batch),
  concurrent,
  read,
  load,
  subscribe
} as const

export type ScenarioName = keyof typeof scenarios
