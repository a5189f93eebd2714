/**
 * Following the log: a subscription that reads it from its beginning, and one of another store that is told of what is appended now.
 */
import { Context, Deferred, Effect, Fiber, ManagedRuntime, Option } from "effect"
import { EventStore, Subscription } from "eventfold"
import type { Sample, Task } from "../contract.ts"
import { categoryOf, sumOf } from "../payload.ts"
import { sampleOf } from "../times.ts"
import * as Checks from "./checks.ts"
import { booked, Booked, fill, prefilled, type Prepared, streamName, stores, upTo } from "./setup.ts"

/** What was handled of a log: how much, what it comes to, and how often an event was not next in its stream. */
class Seen {
  events = 0
  sum = 0
  gaps = 0
  private readonly versions = new Map<string, number>()
  add(stream: string, version: number, amount: number): void {
    this.events++
    this.sum += amount
    if (version !== (this.versions.get(stream) ?? 0) + 1) this.gaps++
    this.versions.set(stream, version)
  }
}

/** A round that takes longer has lost the end of the log. */
const longest = "10 minutes"

/** The whole log, event by event. */
export const catchUp = Effect.fnUntraced(function* (task: Task) {
  yield* fill(task)
  const length = task.streams * task.length
  const problems: Array<string> = []
  return {
    run: Effect.fnUntraced(function* (round: number) {
      const seen = new Seen()
      const done = yield* Deferred.make<number>()
      const subscription = Subscription.run({ events: Booked }, ({ amount }, { position, stream, version }) => {
        seen.add(stream, version, amount)
        return position === length ? Deferred.succeed(done, performance.now()) : Effect.void
      })
      const began = performance.now()
      const ended = yield* Effect.timeoutOption(Effect.raceFirst(subscription, Deferred.await(done)), longest)
      const millis = Option.getOrElse(ended, () => performance.now()) - began
      problems.push(
        ...Checks.same(`events delivered in round ${round}`, seen.events, length),
        ...Checks.same(`their sum in round ${round}`, seen.sum, task.streams * sumOf(task.length)),
        ...Checks.same(`events out of order in round ${round}`, seen.gaps, 0)
      )
      return sampleOf(length, millis, [millis])
    }),
    check: Effect.suspend(() =>
      Checks.all([
        Checks.logIsWhole,
        Checks.streamsAreWhole(prefilled, task.streams, task.length),
        Effect.succeed(problems)
      ])
    )
  } satisfies Prepared
})

const pause = "5 millis"
const patience = "10 seconds"

/** What was delivered of the probes of a round. */
interface Delivered {
  readonly at: Map<string, number>
  doubled: number
  last: number
  outOfOrder: number
}

/** Appends with pauses, and a subscriber that waits for them. */
const probe = Effect.fnUntraced(function* (
  reading: EventStore.EventStore["Service"],
  category: string,
  probes: number,
  problems: Array<string>
) {
  const writing = yield* EventStore.EventStore
  const stream = streamName(category, 1)
  const acknowledged = new Map<string, number>()
  const delivered: Delivered = { at: new Map(), doubled: 0, last: 0, outOfOrder: 0 }
  const done = yield* Deferred.make<void>()
  const options = { events: Booked, categories: [category], after: yield* reading.head }
  const subscription = Subscription.run(options, (_, { id, version }) => {
    if (delivered.at.has(id)) delivered.doubled++
    if (version <= delivered.last) delivered.outOfOrder++
    delivered.last = version
    delivered.at.set(id, performance.now())
    return delivered.at.size === probes ? Deferred.succeed(done, undefined) : Effect.void
  }).pipe(Effect.provideService(EventStore.EventStore, reading))
  const began = performance.now()
  const subscribed = yield* Effect.forkChild(subscription)
  for (const expected of upTo(probes)) {
    yield* Effect.sleep(pause)
    const event = booked(stream, expected + 1)
    yield* writing.append([{ stream, expected, events: [event] }])
    acknowledged.set(event.id, performance.now())
  }
  yield* Effect.timeoutOption(Deferred.await(done), patience)
  const millis = performance.now() - began
  yield* Fiber.interrupt(subscribed)
  problems.push(
    ...Checks.same(`probes of ${category} delivered`, delivered.at.size, probes),
    ...Checks.same(`probes of ${category} delivered twice`, delivered.doubled, 0),
    ...Checks.same(`probes of ${category} out of order`, delivered.outOfOrder, 0)
  )
  // A delivery may overtake the acknowledgement.
  const waits = Array.from(delivered.at, ([id, at]) => Math.max(0, at - (acknowledged.get(id) ?? Number.NaN)))
  return sampleOf(probes, millis, waits)
})

/** From an acknowledged append to a subscriber of another store, while others write as fast as they can. */
export const latency = Effect.fnUntraced(function* (task: Task) {
  const half = Math.floor(task.connections / 2)
  const other = ManagedRuntime.make(stores(task.url, half))
  const reading = Context.get(yield* Effect.promise(() => other.context()), EventStore.EventStore)
  const problems: Array<string> = []
  const written: Array<{ readonly category: string; readonly streams: number; readonly events: number }> = []

  /** Writers that stop when they are told to, between two appends. */
  const writers = Effect.fnUntraced(function* (category: string, isOver: () => boolean) {
    const store = yield* EventStore.EventStore
    let events = 0
    yield* Effect.forEach(
      upTo(task.fibers),
      Effect.fnUntraced(function* (fiber) {
        const stream = streamName(category, fiber)
        for (let expected = 0; expected === 0 || !isOver(); expected++) {
          yield* store.append([{ stream, expected, events: [booked(stream, expected + 1)] }])
          events++
        }
      }),
      { concurrency: "unbounded", discard: true }
    )
    written.push({ category, streams: task.fibers, events })
    return events
  })

  return {
    run: Effect.fnUntraced(function* (round: number) {
      const category = categoryOf(task.process, round)
      let over = false
      const began = performance.now()
      const busy = yield* Effect.forkChild(writers(category, () => over))
      const probed = yield* probe(reading, `${category}probe`, task.each, problems)
      over = true
      const events = yield* Fiber.join(busy)
      written.push({ category: `${category}probe`, streams: 1, events: task.each })
      const seconds = (performance.now() - began) / 1000
      return { ...probed, others: { "writes per second": events / seconds } } satisfies Sample
    }),
    check: Effect.suspend(() =>
      Checks.all([
        Checks.logIsWhole,
        ...written.map(({ category, events, streams }) => Checks.categoryIsWhole(category, streams, events)),
        Effect.succeed(problems)
      ])
    ),
    close: () => other.dispose()
  } satisfies Prepared
})
