/**
 * Idempotent: the same append again answers as it did the first time, whatever came between.
 */
import * as Effect from "effect/Effect"
import type { Appended, Condition, ExpectedVersion, Write } from "../../EventStore.ts"
import {
  append,
  appendTo,
  event,
  events,
  fresh,
  freshStream,
  head,
  isStored,
  losses,
  numbers,
  race,
  racers,
  readStream,
  refused,
  storesNothing,
  streamsOf,
  streamVersion,
  winners,
  write
} from "./fixtures.ts"
import { broken, type Law, law, same } from "./Law.ts"

const places: ReadonlyArray<readonly [version: number, expected: ExpectedVersion]> = [
  [0, 0],
  [0, "no stream"],
  [0, "any"],
  [2, 2],
  [2, "stream exists"],
  [2, "any"]
]

/** That an append again answers as the first time, and stores nothing. */
const repeats = (what: string, writes: ReadonlyArray<Write>, first: Appended, condition?: Condition) =>
  Effect.gen(function* () {
    const streams = writes.map(({ stream }) => stream)
    const again = yield* storesNothing(what, streams, append(structuredClone(writes), condition))
    yield* same({ ...again }, { ...first, repeated: true }, `the answer to ${what}`)
    yield* isStored(writes, again)
  })

/** Races the very same append, and checks that one of them stored it and that all were answered the same. */
const raceTheSame = (writes: ReadonlyArray<Write>, condition?: Condition) =>
  Effect.gen(function* () {
    const before = yield* head
    const copies = numbers(racers).map(() => structuredClone(writes))
    const results = yield* race(copies, (copy) => append(copy, condition))
    yield* Effect.forEach(losses(results), (loss) => broken(`one of many that append the same failed: ${loss.message}`))
    const answers = winners(copies, results).map(({ answer }) => answer)
    const firsts = answers.filter(({ repeated }) => !repeated)
    yield* same(firsts.length, 1, "the number of appends, of many that append the same, that say they were the first")
    for (const answer of answers) {
      yield* same({ ...answer, repeated: false }, { ...firsts[0] }, "the answer to one of many that append the same")
    }
    yield* isStored(writes, firsts[0]!)
    yield* same(yield* head, before + writes.flatMap(({ events }) => events).length, "the head after the race")
  })

export const laws: ReadonlyArray<Law> = [
  law(
    "an append again answers as the first time, whatever it expects and whatever was appended since",
    Effect.gen(function* () {
      for (const [version, expected] of places) {
        const stream = freshStream()
        if (version > 0) yield* appendTo(stream, version)
        const writes = [write(stream, expected, 2)]
        const first = yield* append(writes)
        const what = `an append again that expected ${expected} of a stream at ${version}`
        yield* repeats(`${what}, at once`, writes, first)
        yield* appendTo(freshStream(), 3)
        yield* repeats(`${what}, after others appended elsewhere`, writes, first)
        yield* appendTo(stream, 3)
        yield* repeats(`${what}, after others appended to its stream`, writes, first)
        yield* repeats(`${what}, a third time`, writes, first)
      }
    })
  ),
  law(
    "an append to several streams again answers as the first time",
    Effect.gen(function* () {
      const writes = streamsOf(fresh("contract"), places.length).map((stream, i) => write(stream, places[i]![1], 2))
      for (const [i, [version]] of places.entries()) if (version > 0) yield* appendTo(writes[i]!.stream, version)
      const first = yield* append(writes)
      yield* repeats("an append to several streams again, at once", writes, first)
      for (const { stream } of writes.slice(1)) yield* appendTo(stream, 2)
      yield* repeats("an append to several streams again, after others appended to them", writes, first)
    })
  ),
  law(
    "an append on a condition again answers as the first time, though its own events and later ones match",
    Effect.gen(function* () {
      const type = fresh("Claimed")
      const condition = { query: [{ types: [type] }], after: yield* head }
      const writes = streamsOf(fresh("contract"), 2).map((stream) => write(stream, "no stream", events(2, { type })))
      const first = yield* append(writes, condition)
      yield* repeats("an append on a condition again, at once", writes, first, condition)
      yield* appendTo(freshStream(), events(2, { type }))
      yield* appendTo(writes[0]!.stream, events(2, { type }))
      yield* repeats("an append on a condition again, after other events that match", writes, first, condition)
    })
  ),
  law(
    "of many that race to append the same, one stores it and all get its answer",
    Effect.gen(function* () {
      for (const [version, expected] of places) {
        const stream = freshStream()
        if (version > 0) yield* appendTo(stream, version)
        yield* raceTheSame([write(stream, expected, 2)])
      }
      yield* raceTheSame(streamsOf(fresh("contract"), 3).map((stream) => write(stream, "no stream", 2)))
      const type = fresh("Claimed")
      const condition = { query: [{ types: [type] }], after: yield* head }
      yield* raceTheSame([write(freshStream(), "any", events(2, { type }))], condition)
    })
  ),
  law(
    "appends that are each tried twice at the same time are each stored once",
    Effect.gen(function* () {
      const stream = freshStream()
      const attempts = numbers(racers).map(() => [write(stream, "any", 2)])
      const twice = [...attempts, ...attempts]
      const results = yield* race(twice, (writes) => append(structuredClone(writes)))
      yield* Effect.forEach(losses(results), (loss) => broken(`an append that expects any failed: ${loss.message}`))
      for (const { input, answer } of winners(twice, results)) yield* isStored(input, answer)
      yield* same(yield* streamVersion(stream), racers * 2, "the version of the stream")
      const repeated = winners(twice, results).filter(({ answer }) => answer.repeated)
      yield* same(repeated.length, racers, "the number of appends that say they were stored before")
    })
  ),
  law(
    "an event id that is stored in another place is refused as DuplicateEvent, and nothing is stored",
    Effect.gen(function* () {
      const [stream, other] = [freshStream(), freshStream()]
      const [a, b, c] = [event(), event(), event()]
      yield* appendTo(stream, [a, b])
      yield* appendTo(other, 1)
      yield* appendTo(stream, [c])
      const elsewhere = freshStream()
      const attempts: ReadonlyArray<readonly [what: string, writes: ReadonlyArray<Write>]> = [
        ["an event of another stream", [write(elsewhere, "no stream", [a])]],
        ["an event of another stream, for one that exists", [write(other, 1, [a])]],
        ["an event of the stream at a later version", [write(stream, 3, [a])]],
        ["events of the stream in another order", [write(stream, "any", [b, a])]],
        ["events of the stream that do not follow each other in the log", [write(stream, "any", [b, c])]],
        ["two events, the second of another stream", [write(elsewhere, "any", [event(), a])]],
        ["two writes, the second with an event of another stream", [write(other, "any"), write(elsewhere, 0, [a])]]
      ]
      for (const [what, writes] of attempts) {
        yield* refused(what, "DuplicateEvent", [stream, other, elsewhere], append(writes))
      }
    })
  ),
  law(
    "an append of which only some ids are stored is refused as DuplicateEvent, and nothing is stored",
    Effect.gen(function* () {
      const [stream, other] = [freshStream(), freshStream()]
      const [a, b] = [event(), event()]
      yield* appendTo(stream, [a, b])
      const attempts: ReadonlyArray<readonly [what: string, writes: ReadonlyArray<Write>]> = [
        ["stored events and then a new one", [write(stream, "any", [a, b, event()])]],
        ["a stored event and then a new one", [write(stream, "any", [b, event()])]],
        ["a new event and then stored ones", [write(stream, "any", [event(), a, b])]],
        ["a stored write and a new one", [write(stream, "any", [a, b]), write(other, "any")]],
        ["a new write and a stored one", [write(other, "no stream"), write(stream, "any", [a, b])]]
      ]
      for (const [what, writes] of attempts) {
        yield* refused(what, "DuplicateEvent", [stream, other], append(writes))
      }
      yield* same((yield* readStream(stream)).length, 2, "the length of the stream")
    })
  )
]
