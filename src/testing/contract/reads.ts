/**
 * Reads: which events, in which order, and how many.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"
import { EventStore, type ReadOptions } from "../../EventStore.ts"
import { matches, type Query } from "../../Query.ts"
import type { RecordedEvent } from "../../RecordedEvent.ts"
import {
  append,
  appendTo,
  event,
  fresh,
  freshStream,
  head,
  idsOf,
  numbers,
  ofCategory,
  readLog,
  readStream,
  streamVersion,
  write
} from "./fixtures.ts"
import { type Law, law, same } from "./Law.ts"

const absent = Symbol("absent")

/** Every combination of bounds, each left out too. */
const bounds = (
  froms: ReadonlyArray<number>,
  tos: ReadonlyArray<number>,
  limits: ReadonlyArray<number>
): ReadonlyArray<ReadOptions> =>
  [absent, ...froms].flatMap((from) =>
    [absent, ...tos].flatMap((to) =>
      [absent, ...limits].flatMap((limit) =>
        ([absent, "forward", "backward"] as const).map((direction): ReadOptions => ({
          ...(typeof from === "number" && { from }),
          ...(typeof to === "number" && { to }),
          ...(typeof limit === "number" && { limit }),
          ...(typeof direction === "string" && { direction })
        }))
      )
    )
  )

/** What a read must give of all the events there are, by version or by position. */
const chosen = (
  all: ReadonlyArray<RecordedEvent>,
  place: "version" | "position",
  options: ReadOptions & { readonly query?: Query }
): ReadonlyArray<RecordedEvent> => {
  const { from = 1, to = Infinity, limit = Infinity, direction = "forward", query } = options
  const found = all.filter((e) => e[place] >= from && e[place] <= to && (query === undefined || matches(query, e)))
  return (direction === "forward" ? found : found.toReversed()).slice(0, limit)
}

const long = 1100

/** A stream longer than any page, its events between those of another of the same category. */
const longStream = Effect.gen(function* () {
  const category = fresh("contract")
  const stream = `${category}-1` as const
  const others = `${category}-2` as const
  for (const count of [1, 255, 256, 257, 331]) {
    yield* append([write(stream, "any", count), write(others, "any", 7)])
  }
  return { category, stream }
})

export const laws: ReadonlyArray<Law> = [
  law(
    "a read of a stream keeps to from, to, limit and direction",
    Effect.gen(function* () {
      const stream = freshStream()
      for (const count of [2, 1, 4]) yield* append([write(freshStream(), "any"), write(stream, "any", count)])
      const all = yield* readStream(stream)
      yield* same(
        all.map(({ version }) => version),
        [1, 2, 3, 4, 5, 6, 7],
        "the versions of a stream"
      )
      for (const options of bounds([0, 1, 3, 8, 100], [0, 1, 5, 7, 100], [0, 1, 3, 100])) {
        const what = `the read of a stream of 7 with ${JSON.stringify(options)}`
        yield* same(idsOf(yield* readStream(stream, options)), idsOf(chosen(all, "version", options)), what)
      }
    })
  ),
  law(
    "a read of the log keeps to from, to, limit, direction and query",
    Effect.gen(function* () {
      const start = yield* head
      const category = fresh("contract")
      for (const count of [2, 1, 3]) {
        yield* append([write(`${category}-1`, "any", count), write(freshStream(), "any")])
      }
      const all = yield* readLog({ from: start + 1 })
      const end = start + 9
      yield* same(yield* head, end, "the head")
      const froms = [start + 1, start + 3, end, end + 1]
      const tos = [0, start, start + 1, start + 6, end + 100]
      for (const options of bounds(froms, tos, [0, 1, 3])) {
        const query = (yield* Random.nextBoolean) ? { query: ofCategory(category) } : {}
        // Without a lower bound the log may hold anything below: then the read is one of this category.
        const within = options.from === undefined ? { query: ofCategory(category) } : query
        const what = `the read of the log after ${start} with ${JSON.stringify({ ...options, ...within })}`
        const read = yield* readLog({ ...options, ...within })
        yield* same(idsOf(read), idsOf(chosen(all, "position", { ...options, ...within })), what)
      }
    })
  ),
  law(
    "a read is exact at the edges of pages",
    Effect.gen(function* () {
      const { category, stream } = yield* longStream
      const all = yield* readStream(stream)
      yield* same(
        all.map(({ version }) => version),
        numbers(long).map((i) => i + 1),
        "the versions of a long stream"
      )
      const edges = [1, 99, 100, 101, 255, 256, 257, 511, 512, 513, 999, 1000, 1001, 1099, 1100]
      const options: Array<ReadOptions> = edges.flatMap((edge) => [
        { limit: edge },
        { limit: edge, direction: "backward" },
        { from: edge },
        { to: edge, direction: "backward" }
      ])
      for (const one of [{}, { direction: "backward" } as const, ...options]) {
        const what = `the read of a stream of ${long} with ${JSON.stringify(one)}`
        yield* same(idsOf(yield* readStream(stream, one)), idsOf(chosen(all, "version", one)), what)
      }
      const log = yield* readLog({ query: ofCategory(category) })
      yield* same(log.length, long + 35, "the number of events of a category")
      for (const one of options.filter((_, i) => i % 4 < 2)) {
        const what = `the read of ${log.length} events of the log with ${JSON.stringify(one)}`
        const read = yield* readLog({ ...one, query: ofCategory(category) })
        yield* same(idsOf(read), idsOf(chosen(log, "position", one)), what)
      }
    })
  ),
  law(
    "a read gives what was there when it started, also when its own reader appends",
    Effect.gen(function* () {
      const store = yield* EventStore
      const category = fresh("contract")
      const stream = `${category}-1` as const
      yield* appendTo(stream, 300)
      const reads = [
        ["a stream", store.readStream(stream), "forward"],
        ["a stream backward", store.readStream(stream, { direction: "backward" }), "backward"],
        ["the log", store.readLog({ query: ofCategory(category) }), "forward"]
      ] as const
      for (const [what, read, direction] of reads) {
        const before = idsOf(yield* readStream(stream, { direction }))
        // A read without an end would never end here, so it is cut off.
        const seen = read.pipe(
          Stream.tap(() => appendTo(stream)),
          Stream.take(before.length + 10),
          Stream.runCollect
        )
        yield* same(idsOf(yield* seen), before, `what a read of ${what} gave whose reader appends`)
      }
    })
  ),
  law(
    "a query gives just the events that match: any item, any type, any category, all tags",
    Effect.gen(function* () {
      const start = yield* head
      const [t1, t2] = [fresh("Type"), fresh("Type")]
      const [c1, c2] = [fresh("contract"), fresh("contract")]
      const [a, b] = [fresh("tag"), fresh("tag")]
      for (const category of [c1, c2, `${c1}2`]) {
        for (const type of [t1, t2, `${t1}2`]) {
          for (const tags of [[], [a], [b], [a, b], [b, a, "c"], [`${a}2`], [`${a},${b}`], [`{${a}}`], [`"${a}"`]]) {
            yield* appendTo(`${category}-${a}-1`, [event({ type, tags })])
          }
        }
      }
      const all = yield* readLog({ from: start + 1 })
      const items: ReadonlyArray<Query[number]> = [undefined, [t1], [t1, t2], [fresh("None")]].flatMap((types) =>
        [undefined, [c1], [c1, c2], ["%"]].flatMap((categories) =>
          [undefined, [a], [a, b], [`${a},${b}`], [a, a], [a, b, "d"]].map((tags) => ({
            ...(types && { types }),
            ...(categories && { categories }),
            ...(tags && { tags })
          }))
        )
      )
      const pairs = yield* Effect.forEach(numbers(40), () =>
        Effect.map(Random.shuffle(items), (shuffled): Query => shuffled.slice(0, 3))
      )
      for (const query of [...items.map((item): Query => [item]), ...pairs]) {
        const what = `the read of the log by ${JSON.stringify(query)}`
        yield* same(idsOf(yield* readLog({ from: start + 1, query })), idsOf(chosen(all, "position", { query })), what)
      }
      const backward = yield* readLog({ query: [{ tags: [a] }], direction: "backward", limit: 2 })
      const expected = chosen(all, "position", { query: [{ tags: [a] }], direction: "backward", limit: 2 })
      yield* same(idsOf(backward), idsOf(expected), "the last two events with a tag")
    })
  ),
  law(
    "the last event of a stream and of the log are where streamVersion and head say",
    Effect.gen(function* () {
      const stream = freshStream()
      yield* appendTo(stream, 3)
      yield* appendTo(freshStream(), 2)
      const store = yield* EventStore
      const lastOfStream = yield* Stream.runHead(store.readStream(stream, { direction: "backward" }))
      const lastOfLog = yield* Stream.runHead(store.readLog({ direction: "backward" }))
      yield* same(Option.getOrThrow(lastOfStream).version, yield* streamVersion(stream), "the last version of a stream")
      yield* same(Option.getOrThrow(lastOfLog).position, yield* head, "the last position of the log")
    })
  )
]
