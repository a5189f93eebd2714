/**
 * One winner: every expectation, raced.
 */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import type { AppendError, ExpectedVersion, Write } from "../../EventStore.ts"
import type { StreamName } from "../../StreamName.ts"
import {
  append,
  appendTo,
  event,
  fresh,
  freshStream,
  head,
  idsOf,
  isStored,
  losses,
  numbers,
  race,
  racers,
  readLog,
  readStream,
  streamsOf,
  streamVersion,
  winners,
  write
} from "./fixtures.ts"
import { broken, holds, type Law, law, same, within } from "./Law.ts"

const lost = (failure: AppendError, conflict: { stream: StreamName; expected: ExpectedVersion; actual: number }) => {
  if (failure._tag !== "ConcurrencyConflict") {
    return broken(`an append that lost a race failed with ${failure._tag}: ${failure.message}`)
  }
  const { stream, expected, actual } = failure
  return same({ stream, expected, actual }, conflict, "the conflict of an append that lost a race")
}

/** Races appends that expect the same of a stream, of which just one may win. */
const oneWinner = (version: number, expected: ExpectedVersion) =>
  law(
    `of appends that race expecting ${expected} of a stream at version ${version}, one wins and the others conflict`,
    Effect.gen(function* () {
      const stream = freshStream()
      if (version > 0) yield* appendTo(stream, version)
      const before = yield* head
      const attempts = numbers(racers).map(() => [write(stream, expected, 2)])
      const results = yield* race(attempts, (writes) => append(writes))
      const won = winners(attempts, results)
      yield* holds(won.length === 1, `${won.length} of ${racers} racing appends won instead of one`)
      const { input, answer } = won[0]!
      yield* same(answer.versions, [version + 2], "the version that the winner was answered")
      yield* isStored(input, answer)
      yield* Effect.forEach(losses(results), (loss) => lost(loss, { stream, expected, actual: version + 2 }))
      yield* same(yield* streamVersion(stream), version + 2, "the version of the stream after the race")
      yield* same((yield* readStream(stream)).length, version + 2, "the length of the stream after the race")
      yield* same(yield* head, before + 2, "the head after the race")
    })
  )

/** That appends to one stream which all won are all stored, each whole, one after the other. */
const allStored = (
  stream: StreamName,
  version: number,
  attempts: ReadonlyArray<ReadonlyArray<Write>>,
  results: ReadonlyArray<Result.Result<{ readonly versions: ReadonlyArray<number> }, AppendError>>
) =>
  Effect.gen(function* () {
    yield* Effect.forEach(losses(results), (loss) => broken(`an append that must succeed failed: ${loss.message}`))
    const won = winners(attempts, results).toSorted((a, b) => a.answer.versions[0]! - b.answer.versions[0]!)
    const expected = won.flatMap(({ input }) => idsOf(input[0]!.events))
    const stored = (yield* readStream(stream)).slice(version)
    yield* same(idsOf(stored), expected, "what the stream holds, beside what the appends were answered")
    const versions = won.map(({ answer }) => answer.versions[0])
    yield* same(
      versions,
      attempts.map((_, i) => version + 2 * (i + 1)),
      "the versions that the appends were answered"
    )
  })

export const laws: ReadonlyArray<Law> = [
  oneWinner(0, "no stream"),
  oneWinner(0, 0),
  oneWinner(3, 3),
  law(
    "appends that race expecting any all succeed",
    Effect.gen(function* () {
      const stream = freshStream()
      const attempts = numbers(racers).map(() => [write(stream, "any", 2)])
      yield* allStored(stream, 0, attempts, yield* race(attempts, (writes) => append(writes)))
    })
  ),
  law(
    "appends that race expecting that the stream exists all succeed, or all conflict",
    Effect.gen(function* () {
      const missing = freshStream()
      const nowhere = yield* race(numbers(racers), () => append([write(missing, "stream exists")]))
      yield* holds(nowhere.every(Result.isFailure), "an append succeeded that expected a stream where none was")
      yield* Effect.forEach(losses(nowhere), (loss) =>
        lost(loss, { stream: missing, expected: "stream exists", actual: 0 })
      )
      const stream = freshStream()
      yield* appendTo(stream)
      const attempts = numbers(racers).map(() => [write(stream, "stream exists", 2)])
      yield* allStored(stream, 1, attempts, yield* race(attempts, (writes) => append(writes)))
    })
  ),
  law(
    "appends that expect a stream and race with the one that begins it come after it, or conflict",
    Effect.gen(function* () {
      const stream = freshStream()
      const beginner = yield* Random.nextIntBetween(1, racers - 1)
      const attempts = numbers(racers).map((i) => [write(stream, i === beginner ? "no stream" : "stream exists", 2)])
      const results = yield* race(attempts, (writes) => append(writes))
      const won = winners(attempts, results)
      const begun = won.find(({ input }) => input === attempts[beginner])
      if (begun === undefined) return yield* broken("the append that begins the stream conflicted")
      yield* same(begun.answer.versions, [2], "the version after the append that begins the stream")
      yield* Effect.forEach(losses(results), (loss) => lost(loss, { stream, expected: "stream exists", actual: 0 }))
      yield* same(yield* streamVersion(stream), 2 * won.length, "the version of the stream after the race")
    })
  ),
  law(
    "appends to several of the same streams in different orders do not block each other",
    Effect.gen(function* () {
      const category = fresh("contract")
      const streams = streamsOf(category, 6)
      const attempts = yield* Effect.forEach(numbers(racers), () =>
        Effect.map(Random.shuffle(streams), (shuffled) => shuffled.slice(0, 4).map((stream) => write(stream, "any", 2)))
      )
      const results = yield* within(
        "appends to several of the same streams wait for each other",
        race(attempts, (writes) => append(writes))
      )
      yield* Effect.forEach(losses(results), (loss) => broken(`an append that expects any failed: ${loss.message}`))
      yield* Effect.forEach(winners(attempts, results), ({ input, answer }) => isStored(input, answer))
      const log = yield* readLog({ query: [{ categories: [category] }] })
      yield* same(log.length, racers * 8, "the number of events after the race")
    })
  ),
  law(
    "of appends that race for overlapping streams the winners share none, and every loser had lost one to a winner",
    Effect.gen(function* () {
      const category = fresh("contract")
      const streams = streamsOf(category, 8)
      const attempts = yield* Effect.forEach(numbers(racers), () =>
        Effect.gen(function* () {
          const chosen = (yield* Random.shuffle(streams)).slice(0, 2)
          const expected: ExpectedVersion = (yield* Random.nextBoolean) ? 0 : "no stream"
          return chosen.map((stream) => write(stream, expected, 2))
        })
      )
      const results = yield* race(attempts, (writes) => append(writes))
      const won = winners(attempts, results)
      yield* holds(won.length > 0, "no append won")
      const taken = won.flatMap(({ input }) => input.map(({ stream }) => stream))
      yield* same(taken.length, new Set(taken).size, "the number of streams that winners have to themselves")
      yield* Effect.forEach(won, ({ input, answer }) => isStored(input, answer))
      for (const [i, result] of results.entries()) {
        if (Result.isSuccess(result)) continue
        const conflict = result.failure._tag === "ConcurrencyConflict" ? result.failure : undefined
        const own = attempts[i]!.find(({ stream }) => stream === conflict?.stream && taken.includes(stream))
        if (own === undefined) {
          return yield* broken("a loser failed otherwise than over a stream that a winner took", {
            actual: result.failure.message
          })
        }
        yield* lost(result.failure, { stream: own.stream, expected: own.expected, actual: 2 })
      }
      const log = yield* readLog({ query: [{ categories: [category] }] })
      yield* same(log.length, taken.length * 2, "the number of events after the race")
    })
  ),
  law(
    "who reads, appends at the version it has read, and tries again on a conflict gets through, and overwrites nobody",
    Effect.gen(function* () {
      const stream = freshStream()
      const attempt = (id: string) =>
        Effect.gen(function* () {
          const seen = yield* readStream(stream)
          yield* Effect.yieldNow
          const counted = event({ id, data: { count: seen.length + 1 } })
          yield* append([write(stream, seen.length, [counted])])
        })
      const ids = numbers(racers).map(() => crypto.randomUUID())
      const results = yield* race(ids, (id) =>
        Effect.retry(attempt(id), { while: (error) => error._tag === "ConcurrencyConflict", times: 2 * racers })
      )
      yield* Effect.forEach(losses(results), (loss) => broken(`an append did not get through: ${loss.message}`))
      const stored = yield* readStream(stream)
      yield* same(idsOf(stored).toSorted(), ids.toSorted(), "the ids that the stream holds")
      yield* same(
        stored.map(({ data }) => data),
        numbers(racers).map((i) => ({ count: i + 1 })),
        "what was counted from what was read"
      )
    })
  )
]
