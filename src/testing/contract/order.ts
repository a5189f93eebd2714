/**
 * One order: positions, versions and instants under concurrent writers.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import { EventStore } from "../../EventStore.ts"
import type { RecordedEvent } from "../../RecordedEvent.ts"
import {
  appendTo,
  firstPosition,
  freshStream,
  head,
  idsOf,
  numbers,
  ofCategory,
  readLog,
  readStream
} from "./fixtures.ts"
import { broken, holds, type Law, law, same, within } from "./Law.ts"
import { makeWorkload } from "./workload.ts"

const readers = 6

const positionsOf = (log: ReadonlyArray<RecordedEvent>) => log.map(({ position }) => position)

/** A reader of the log that goes on from where it was until it has seen an event. */
const readOn = (start: number, last: string, limit: number) =>
  Effect.gen(function* () {
    const seen: Array<RecordedEvent> = []
    while (seen[seen.length - 1]?.id !== last) {
      const from = (seen[seen.length - 1]?.position ?? start) + 1
      for (const event of yield* readLog({ from, limit })) {
        seen.push(event)
        if (event.id === last) break
      }
      yield* Effect.yieldNow
    }
    return seen
  })

export const laws: ReadonlyArray<Law> = [
  law(
    "positions are contiguous under concurrent writers, and each append has its own in the order of its writes",
    Effect.gen(function* () {
      const start = yield* head
      const appended = yield* (yield* makeWorkload).run
      const end = yield* head
      const log = yield* readLog({ from: start + 1, to: end })
      yield* same(
        positionsOf(log),
        numbers(end - start).map((i) => start + 1 + i),
        "the positions of the log"
      )
      for (const { input, answer } of appended) {
        const first = firstPosition(input, answer)
        const expected = input.flatMap(({ stream, events }, i) =>
          events.map(({ id }, n) => ({ id, stream, version: answer.versions[i]! - events.length + 1 + n }))
        )
        const found = log
          .slice(first - start - 1, answer.position - start)
          .map(({ id, stream, version }) => ({ id, stream, version }))
        yield* same(found, expected, "what the log holds where an append was stored")
      }
    })
  ),
  law(
    "versions are gapless from 1 under concurrent writers, and follow the order of positions",
    Effect.gen(function* () {
      const { category, run, streams } = yield* makeWorkload
      yield* run
      const log = yield* readLog({ query: ofCategory(category) })
      for (const stream of streams) {
        const inLog = log.filter((event) => event.stream === stream)
        const versions = inLog.map(({ version }) => version)
        yield* same(
          versions,
          numbers(inLog.length).map((i) => i + 1),
          "the versions of a stream, by position,"
        )
        yield* same(yield* readStream(stream), inLog, "the events of a stream, beside those of the log,")
      }
    })
  ),
  law(
    "recordedAt never decreases along positions",
    Effect.gen(function* () {
      const start = yield* head
      const appended = yield* (yield* makeWorkload).run
      const log = yield* readLog({ from: start })
      for (const [i, event] of log.entries()) {
        const before = log[i - 1]
        if (before !== undefined && before.recordedAt.epochMilliseconds > event.recordedAt.epochMilliseconds) {
          return yield* broken(`recordedAt goes back from position ${before.position} to ${event.position}`, {
            expected: before.recordedAt,
            actual: event.recordedAt
          })
        }
      }
      const instants = new Map(log.map(({ position, recordedAt }) => [position, recordedAt]))
      for (const { answer } of appended) {
        yield* same(instants.get(answer.position), answer.recordedAt, "the instant that an append was answered")
      }
    })
  ),
  law(
    "who reads on from the last position it has seen, while others write, skips none",
    Effect.gen(function* () {
      const start = yield* head
      const { last, run } = yield* makeWorkload
      const limits = yield* Effect.forEach(numbers(readers), () => Random.nextIntBetween(1, 40))
      const [, ...seen] = yield* within(
        "a reader that reads on never came to the last event",
        Effect.all([run, ...limits.map((limit) => readOn(start, last, limit))], { concurrency: "unbounded" })
      )
      const log = yield* readLog({ from: start + 1 })
      for (const events of seen) yield* same(events, log, "what a reader has seen that read on,")
    })
  ),
  law(
    "what the head counts can be read, while others write",
    Effect.gen(function* () {
      const start = yield* head
      const { last, run } = yield* makeWorkload
      const look = Effect.gen(function* () {
        let done = false
        while (!done) {
          const to = yield* head
          const log = yield* readLog({ from: start + 1, to })
          yield* same(
            positionsOf(log),
            numbers(to - start).map((i) => start + 1 + i),
            "the log up to its head"
          )
          done = log[log.length - 1]?.id === last
          yield* Effect.yieldNow
        }
      })
      yield* within(
        "the head never came to the last event",
        Effect.all([run, look, look], { concurrency: "unbounded", discard: true })
      )
    })
  ),
  law(
    "what one fiber has appended, every other one reads at once",
    Effect.gen(function* () {
      const streams = numbers(readers).map(() => freshStream())
      const check = (stream: (typeof streams)[number]) =>
        Effect.gen(function* () {
          for (const round of numbers(5)) {
            const { position } = yield* appendTo(stream, 2)
            yield* holds((yield* head) >= position, "the head is behind an append that was acknowledged")
            const tail = yield* readLog({ from: position - 1, to: position })
            const ofStream = yield* readStream(stream, { from: 2 * round + 1 })
            yield* same(idsOf(tail), idsOf(ofStream), "the log, beside the stream that was appended to,")
            yield* same(ofStream.length, 2, "the number of events that a read gives after an append")
          }
        })
      yield* Effect.forEach(streams, check, { concurrency: "unbounded" })
    })
  ),

  law(
    "the settled head is behind nothing that was acknowledged before it was asked for",
    Effect.gen(function* () {
      const settled = Effect.flatMap(EventStore, (store) => store.settledHead)
      for (const _ of numbers(20)) {
        const appends = yield* Effect.forkChild(
          Effect.forEach(numbers(5), () => appendTo(freshStream(), 2), { concurrency: "unbounded" })
        )
        const before = yield* head
        const at = yield* settled
        yield* holds(at >= before, `the settled head is ${at}, and the head was ${before} before`)
        yield* Fiber.join(appends)
      }
      yield* same(yield* settled, yield* head, "the settled head, when nobody appends")
    })
  )
]
