/**
 * Bounded: who is slow, stops early or goes away holds up nobody.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { EventStore } from "../../EventStore.ts"
import type { RecordedEvent } from "../../RecordedEvent.ts"
import {
  appendTo,
  event,
  fresh,
  freshStream,
  head,
  idsOf,
  losses,
  numbers,
  ofCategory,
  race,
  racers,
  readLog,
  readStream,
  streamVersion
} from "./fixtures.ts"
import { broken, type Law, law, same, within } from "./Law.ts"

const pausing = 20

/** Reads a stream of events up to one, but stops after the first until it may go on. */
const pausedReader = <E, R>(stream: Stream.Stream<RecordedEvent, E, R>, last: string) =>
  Effect.gen(function* () {
    const paused = yield* Latch.make()
    const resumed = yield* Latch.make()
    const seen: Array<RecordedEvent> = []
    const reader = yield* Effect.forkChild(
      Stream.runForEachWhile(stream, (event) => {
        seen.push(event)
        return Effect.as(Effect.andThen(paused.open, resumed.await), event.id !== last)
      })
    )
    yield* within("a reader did not get its first event", paused.await)
    const end = Effect.andThen(resumed.open, Fiber.join(reader))
    return { finish: Effect.as(within("a reader that had paused did not get its last event", end), seen) }
  })

const writeMuch = (category: string) =>
  within(
    "appends are held up by who reads slowly",
    Effect.gen(function* () {
      const results = yield* race(numbers(racers), (i) =>
        Effect.forEach(numbers(6), () => appendTo(`${category}-${i % 7}`, 2))
      )
      yield* Effect.forEach(losses(results), (loss) => broken(`an append that expects any failed: ${loss.message}`))
    })
  )

export const laws: ReadonlyArray<Law> = [
  law(
    "subscribers that are slow hold up neither writers nor each other, and get everything in the end",
    Effect.gen(function* () {
      const store = yield* EventStore
      const category = fresh("contract")
      const query = ofCategory(category)
      const after = yield* head
      yield* appendTo(`${category}-1`, 3)
      const last = event()
      const readers = yield* Effect.forEach(numbers(pausing), () =>
        pausedReader(store.subscribe({ after, query }), last.id)
      )
      yield* writeMuch(category)
      yield* appendTo(`${category}-1`, [last])
      const log = yield* readLog({ query })
      for (const { finish } of readers) yield* same(yield* finish, log, "what a slow subscriber got")
    })
  ),
  law(
    "reads that are slow hold up neither writers nor other reads, and end where the log ended when they began",
    Effect.gen(function* () {
      const store = yield* EventStore
      const category = fresh("contract")
      const query = ofCategory(category)
      const stream = `${category}-1` as const
      const last = event()
      yield* appendTo(stream, 600)
      yield* appendTo(stream, [last])
      const before = yield* readStream(stream)
      const readers = yield* Effect.forEach(numbers(pausing), (i) =>
        pausedReader(i % 2 === 0 ? store.readStream(stream) : store.readLog({ query }), last.id)
      )
      yield* writeMuch(category)
      yield* within("reads are held up by who reads slowly", readStream(stream))
      for (const { finish } of readers) yield* same(yield* finish, before, "what a slow read gave")
    })
  ),
  law(
    "a read that is left after its first event ends, and the store goes on",
    Effect.gen(function* () {
      const store = yield* EventStore
      const category = fresh("contract")
      const stream = `${category}-1` as const
      const after = yield* head
      yield* appendTo(stream, 700)
      for (const one of [
        store.readStream(stream),
        store.readStream(stream, { direction: "backward" }),
        store.readLog({ query: ofCategory(category) }),
        store.subscribe({ after })
      ]) {
        for (const _ of numbers(racers)) {
          const first = yield* within("taking one event of many did not end", Stream.runHead(one))
          yield* same(Option.isSome(first), true, "whether a long read has a first event")
        }
      }
      yield* appendTo(stream)
      yield* same(yield* streamVersion(stream), 701, "the version of a stream that was read in part")
    })
  ),
  law(
    "readers that append, and read otherwise, for each event they get do not wait for each other",
    Effect.gen(function* () {
      const store = yield* EventStore
      const stream = freshStream()
      yield* appendTo(stream, 4)
      const echo = freshStream()
      const results = yield* race(numbers(racers), () =>
        within(
          "readers that append wait for each other",
          Stream.runForEach(store.readStream(stream), () =>
            Effect.all([Effect.yieldNow, appendTo(echo), streamVersion(stream)])
          )
        )
      )
      for (const result of results) yield* Effect.fromResult(result)
      yield* same(yield* streamVersion(echo), racers * 4, "the number of appends that readers made")
    })
  ),
  law(
    "readers and subscribers that are interrupted leave the store working",
    Effect.gen(function* () {
      const store = yield* EventStore
      const category = fresh("contract")
      const stream = `${category}-1` as const
      const after = yield* head
      yield* appendTo(stream, 300)
      const readers = [
        store.readStream(stream),
        store.readLog({ query: ofCategory(category) }),
        store.subscribe({ after, query: ofCategory(category) })
      ]
      for (const moment of numbers(6)) {
        const fibers = yield* Effect.forEach(numbers(racers), (i) =>
          Effect.forkChild(Stream.runForEach(readers[i % 3]!, () => Effect.yieldNow))
        )
        yield* Effect.forEach(numbers(moment), () => Effect.yieldNow)
        yield* within("interrupting a reader did not end", Fiber.interruptAll(fibers))
      }
      yield* within("the store did not go on", appendTo(stream))
      const stored = yield* within("a read after others were interrupted did not end", readStream(stream))
      yield* same(idsOf(yield* readLog({ query: ofCategory(category) })), idsOf(stored), "the log, beside its stream,")
      yield* same(stored.length, 301, "the length of a stream whose readers were interrupted")
    })
  )
]
