/**
 * All or nothing, and what an append expects of its streams.
 */
import * as Effect from "effect/Effect"
import type { ExpectedVersion } from "../../EventStore.ts"
import type { StreamName } from "../../StreamName.ts"
import {
  append,
  appendTo,
  conflicts,
  event,
  firstPosition,
  fresh,
  freshStream,
  head,
  isStored,
  readLog,
  readStream,
  storesNothing,
  streamsOf,
  streamVersion,
  violatesCondition,
  write
} from "./fixtures.ts"
import { holds, type Law, law, same } from "./Law.ts"

/** Expectations that hold on an empty stream, and on one at version 2. */
const met: ReadonlyArray<readonly [version: 0 | 2, expected: ExpectedVersion]> = [
  [0, 0],
  [0, "no stream"],
  [0, "any"],
  [2, 2],
  [2, "stream exists"],
  [2, "any"]
]

/** Expectations that do not hold there. */
const unmet: ReadonlyArray<readonly [version: 0 | 2, expected: ExpectedVersion]> = [
  [0, 1],
  [0, 100],
  [0, "stream exists"],
  [2, 0],
  [2, 1],
  [2, 3],
  [2, 100],
  [2, "no stream"]
]

const streamAt = (version: 0 | 2) =>
  Effect.gen(function* () {
    const stream = freshStream()
    if (version > 0) yield* appendTo(stream, version)
    return stream
  })

export const laws: ReadonlyArray<Law> = [
  law(
    "an append is there, whole, as soon as it is acknowledged",
    Effect.gen(function* () {
      const stream = freshStream()
      for (const [count, version] of [
        [1, 1],
        [3, 4],
        [1, 5]
      ] as const) {
        const before = yield* head
        const writes = [write(stream, "any", count)]
        const answer = yield* append(writes)
        yield* same(
          { position: answer.position, versions: answer.versions, repeated: answer.repeated },
          { position: before + count, versions: [version], repeated: false },
          "the answer to an append"
        )
        yield* isStored(writes, answer)
        yield* same(yield* head, answer.position, "the head after an append")
        yield* same(yield* streamVersion(stream), version, "the version of a stream after an append")
      }
      yield* same((yield* readStream(stream)).length, 5, "the number of events in a stream")
    })
  ),
  law(
    "an append to several streams is stored whole, at contiguous positions in the order of its writes",
    Effect.gen(function* () {
      const category = fresh("contract")
      const a: StreamName = `${category}-a`
      const b: StreamName = `${category}-b`
      const c: StreamName = `${category}-c`
      yield* appendTo(b, 2)
      const before = yield* head
      const writes = [write(c, "no stream", 2), write(b, 2, 1), write(a, "any", 3)]
      const answer = yield* append(writes)
      yield* same(
        { position: answer.position, versions: answer.versions, repeated: answer.repeated },
        { position: before + 6, versions: [2, 3, 3], repeated: false },
        "the answer to an append to three streams"
      )
      yield* isStored(writes, answer)
      yield* same(firstPosition(writes, answer), before + 1, "the first position of an append")
      for (const [stream, version] of [
        [a, 3],
        [b, 3],
        [c, 2]
      ] as const) {
        yield* same(yield* streamVersion(stream), version, `the version of ${stream}`)
      }
    })
  ),
  law(
    "a stream without events is at version 0 and reads as empty",
    Effect.gen(function* () {
      const stream = freshStream()
      yield* same(yield* streamVersion(stream), 0, "the version of a stream without events")
      yield* same(yield* readStream(stream), [], "a stream without events")
    })
  ),
  law(
    "an append succeeds on every expectation that holds",
    Effect.forEach(
      met,
      ([version, expected]) =>
        Effect.gen(function* () {
          const writes = [write(yield* streamAt(version), expected, 2)]
          const answer = yield* append(writes)
          yield* same(answer.versions, [version + 2], `the version after an append that expected ${expected}`)
          yield* isStored(writes, answer)
        }),
      { discard: true }
    )
  ),
  law(
    "an expectation that does not hold is a ConcurrencyConflict with stream, expected and actual version",
    Effect.forEach(
      unmet,
      ([version, expected]) =>
        Effect.gen(function* () {
          const stream = yield* streamAt(version)
          const what = `an append that expected ${expected} of a stream at ${version}`
          yield* conflicts(what, [write(stream, expected, 2)], { stream, expected, actual: version })
        }),
      { discard: true }
    )
  ),
  law(
    "one expectation of several that does not hold stores nothing in any stream",
    Effect.gen(function* () {
      for (const [version, expected] of unmet) {
        for (const place of [0, 1, 2]) {
          const category = fresh("contract")
          const writes = streamsOf(category, 3).map((stream) => write(stream, "no stream", 2))
          const stream = yield* streamAt(version)
          writes[place] = write(stream, expected)
          const what = `an append of three writes whose write ${place} expected ${expected} of a stream at ${version}`
          yield* conflicts(what, writes, { stream, expected, actual: version })
          yield* same(yield* readLog({ query: [{ categories: [category] }] }), [], `the log after ${what}`)
        }
      }
    })
  ),
  law(
    "a condition that does not hold stores nothing in any stream",
    Effect.gen(function* () {
      const type = fresh("Seen")
      const after = yield* head
      const { position } = yield* appendTo(freshStream(), [event({ type })])
      const condition = { query: [{ types: [type] }], after }
      yield* violatesCondition("an append to one stream", [write(freshStream(), "no stream", 2)], condition, position)
      const writes = streamsOf(fresh("contract"), 3).map((stream) => write(stream, "any", 2))
      yield* violatesCondition("an append to three streams", writes, condition, position)
    })
  ),
  law(
    "an append that failed leaves its event ids free",
    Effect.gen(function* () {
      const stream = freshStream()
      const writes = [write(stream, 1, 2)]
      yield* conflicts("an append to an empty stream that expected version 1", writes, {
        stream,
        expected: 1,
        actual: 0
      })
      const better = [{ ...writes[0]!, expected: 0 }]
      const answer = yield* append(better)
      yield* holds(!answer.repeated, "an append says it was stored before, but that one had failed")
      yield* isStored(better, answer)
    })
  ),
  law(
    "streams whose names are alike are different streams",
    Effect.gen(function* () {
      const c = fresh("contract")
      const streams: ReadonlyArray<StreamName> = [
        `${c}-a`,
        `${c}-A`,
        `${c}-a `,
        `${c}- a`,
        `${c}-aa`,
        `${c}-_`,
        `${c}-%`,
        `${c}-a-`,
        `${c}--a`,
        `${c}a-a`,
        `${c}-\u00e9`,
        `${c}-e\u0301`,
        `${c.toUpperCase()}-a`
      ]
      for (const [i, stream] of streams.entries()) {
        yield* storesNothing("asking for its version", [stream], streamVersion(stream))
        yield* append([write(stream, "no stream", i + 1)])
      }
      for (const [i, stream] of streams.entries()) {
        yield* same(yield* streamVersion(stream), i + 1, `the version of ${JSON.stringify(stream)}`)
        yield* same((yield* readStream(stream)).length, i + 1, `the length of ${JSON.stringify(stream)}`)
      }
      const ofCategory = streams.flatMap((stream, i) => (stream.startsWith(`${c}-`) ? [i + 1] : []))
      const log = yield* readLog({ query: [{ categories: [c] }] })
      yield* same(
        log.length,
        ofCategory.reduce((sum, n) => sum + n),
        `the number of events of category ${c}`
      )
    })
  )
]
