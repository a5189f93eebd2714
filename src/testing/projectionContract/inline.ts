/**
 * Inline projections: in the append's own transaction, or the append is refused.
 */
import * as Effect from "effect/Effect"
import type { AppendError, EventStore, StoreError } from "../../EventStore.ts"
import type { Claim, ClaimLost, Definition, ProjectionStore } from "../../ProjectionStore.ts"
import {
  append,
  appendTo,
  event,
  freshStream,
  head,
  numbers,
  race,
  racers,
  readLog,
  losses,
  streamVersion,
  write
} from "../contract/fixtures.ts"
import { type Broken, broken, holds, same } from "../contract/Law.ts"
import {
  add,
  appendEvents,
  claimed,
  claimFirst,
  commit,
  documentsOf,
  endings,
  type Law,
  law,
  live,
  numberAt,
  refused,
  registered,
  registerNext,
  save,
  statusOf,
  takeOver,
  use
} from "./fixtures.ts"

/** An inline projection that is live. */
const inline = (fields?: Partial<Definition>) =>
  Effect.gen(function* () {
    const { claim, projection } = yield* claimed({ mode: "inline", ...fields })
    yield* takeOver(claim)
    return { projection, type: projection.types[0]!, generation: claim.generation }
  })

const withInline = <A, E, R>(
  generations: ReadonlyArray<number>,
  work: Effect.Effect<A, E, R>
): Effect.Effect<A, E | StoreError, R | ProjectionStore> => use((store) => store.withInline(generations, work))

/** Appends an event, and counts it in the same transaction. */
const appendCounted = (generation: number, type: string) =>
  withInline([generation], Effect.andThen(add({ generation }, "count", 1), appendEvents(type, 1)))

/** That an event is refused, because an inline projection handles it; and is not stored. */
const isRefused = <A>(
  what: string,
  appending: (stream: ReturnType<typeof freshStream>) => Effect.Effect<A, AppendError, EventStore | ProjectionStore>
) =>
  Effect.gen(function* () {
    const stream = freshStream()
    yield* refused(what, "Misconfigured", appending(stream))
    yield* same(yield* streamVersion(stream), 0, `the version of a stream after ${what}`)
  })

/** Fills a generation from the log, event by event, until it takes over. */
const fill = (
  first: Claim,
  type: string
): Effect.Effect<void, StoreError | ClaimLost | Broken, EventStore | ProjectionStore> =>
  Effect.gen(function* () {
    const counted = (after: number, to: number) =>
      Effect.flatMap(
        after < to ? readLog({ from: after + 1, to, query: [{ types: [type] }] }) : Effect.succeed([]),
        (events) => add(first, "count", events.length)
      )
    let claim = first
    for (const _ of numbers(5)) {
      const standing = yield* use((store) => store.standing(claim))
      const to = Math.min(yield* head, standing._tag === "Filling" ? standing.upTo : 0)
      if (to > claim.position) claim = yield* commit(claim, to, counted(claim.position, to))
      yield* Effect.yieldNow
    }
    const isLive = yield* use((store) =>
      store.takeOver(claim, Infinity, (rest) =>
        Effect.forEach(rest, ({ after, upTo }) => counted(after, upTo), { discard: true })
      )
    )
    yield* holds(isLive, "a generation does not take over, though anything may be left")
  })

/**
 * Appends as who runs an inline projection does: with the generation that it knows of, and when that is refused with the one that has
 * taken over since.
 */
const appendOne = (
  name: string,
  type: string,
  known: { generation: number | undefined },
  tries = 50
): Effect.Effect<void, AppendError, EventStore | ProjectionStore> =>
  Effect.suspend(() =>
    known.generation === undefined ? appendEvents(type, 1) : appendCounted(known.generation, type)
  ).pipe(
    Effect.catchIf(
      (error) => tries > 0 && error._tag === "StoreError" && (error.reason === "Misconfigured" || error.isRetryable),
      () =>
        Effect.flatMap(live(name), (now) => {
          known.generation = now?.generation
          return appendOne(name, type, known, tries - 1)
        })
    ),
    Effect.asVoid
  )

const appenders = 8
const leastAppends = 5

export const laws: ReadonlyArray<Law> = [
  law(
    "a first inline generation is not live before it takes over, and keeps nobody from appending",
    Effect.gen(function* () {
      const { claim, projection } = yield* claimed({ mode: "inline" })
      yield* same(claim.standing, { _tag: "Filling", upTo: Infinity }, "where a first inline generation stands")
      yield* same(yield* live(projection.name), undefined, "the live generation before there is one")
      const { position } = yield* appendEvents(projection.types[0]!, 3)
      const filled = yield* commit(claim, position - 1, save(claim, { a: 1 }))
      yield* same(yield* documentsOf(projection.name), {}, "what readers see before a generation is live")
      const { mode, role } = yield* statusOf(claim)
      yield* same({ mode, role }, { mode: "inline", role: "filling" }, "the status of a first inline generation")
      const given: Array<unknown> = []
      const isLive = yield* use((store) =>
        store.takeOver(filled, 1000, (rest) => {
          given.push(...rest)
          return save(claim, { b: 2 })
        })
      )
      yield* holds(isLive, "an inline generation with one position left does not take over")
      yield* same(given, [{ partition: 0, after: position - 1, upTo: position }], "what is left for who takes over")
      yield* same(
        yield* live(projection.name),
        { generation: claim.generation, version: 1, position, mode: "inline" },
        "the live generation after a take-over"
      )
      yield* same(yield* documentsOf(projection.name), { a: 1, b: 2 }, "what readers see after a take-over")
    })
  ),
  law(
    "events that a live inline projection handles are refused as Misconfigured where nobody takes care of it",
    Effect.gen(function* () {
      const { generation, projection, type } = yield* inline()
      const other = yield* inline({ types: [type, `${type}Too`] })
      const one = (stream: ReturnType<typeof freshStream>) =>
        append([write(stream, "any", [event(), event({ type })]), write(freshStream(), "any", 1)])
      yield* isRefused("an append beside an inline projection", one)
      yield* isRefused("an append that takes care of nothing", (stream) => withInline([], one(stream)))
      yield* isRefused("an append that takes care of one of two projections", (stream) =>
        withInline([generation], one(stream))
      )
      yield* isRefused("an append that takes care of the other one of two", (stream) =>
        withInline([other.generation], one(stream))
      )
      yield* isRefused("an append after one that took care", (stream) =>
        Effect.andThen(withInline([generation, other.generation], appendEvents(type, 1)), one(stream))
      )
      yield* appendTo(freshStream(), 2)
      yield* withInline([other.generation], appendEvents(`${type}Too`, 1))
      yield* withInline([generation, other.generation], one(freshStream()))
      yield* same((yield* readLog({ query: [{ types: [type] }] })).length, 2, "how many events of the type are stored")
      yield* same((yield* live(projection.name))?.position, yield* head, "the position of a live inline projection")
    })
  ),
  law(
    "an append and what inline projections make of it are there at once, and their position is the head of the log",
    Effect.gen(function* () {
      const { generation, projection, type } = yield* inline()
      for (const n of numbers(3)) {
        const { position } = yield* appendCounted(generation, type)
        yield* same(yield* numberAt(projection.name, "count"), n + 1, "what was counted in the append's transaction")
        yield* same(yield* head, position, "the head after an append")
      }
      const { position } = yield* appendTo(freshStream(), 3)
      yield* same((yield* live(projection.name))?.position, position, "the position of a live inline projection")
      const { lag, ...status } = yield* statusOf({ name: projection.name, generation, partition: 0 })
      yield* same({ lag, position: status.position }, { lag: 0, position }, "the status of a live inline projection")
    })
  ),
  ...endings.map(({ end, isRight, what }) =>
    law(
      `an append whose inline projection ${what} stores nothing, neither before it nor after`,
      Effect.gen(function* () {
        const { generation, projection, type } = yield* inline()
        yield* appendCounted(generation, type)
        for (const [when, isBefore] of [
          ["before the append", true],
          ["after it", false]
        ] as const) {
          const stream = freshStream()
          const before = yield* head
          const appending = appendTo(stream, [event({ type })])
          const work = Effect.gen(function* () {
            yield* add({ generation }, "count", 1)
            if (!isBefore) yield* appending
            return yield* end
          })
          const exit = yield* Effect.exit(withInline([generation], work))
          yield* holds(isRight(exit), `work that ${what} ${when} ended otherwise`, String(exit))
          yield* same(yield* streamVersion(stream), 0, `the version of a stream when the work ${what} ${when}`)
          yield* same(yield* head, before, `the head of the log when the work ${what} ${when}`)
          yield* same(yield* numberAt(projection.name, "count"), 1, `what is counted when the work ${what} ${when}`)
        }
        yield* appendCounted(generation, type)
        yield* same(yield* numberAt(projection.name, "count"), 2, "what is counted by the next append")
      })
    )
  ),
  law(
    "an append that conflicts leaves nothing of what inline projections made of it",
    Effect.gen(function* () {
      const { generation, projection, type } = yield* inline()
      const stream = freshStream()
      const once = Effect.suspend(() => {
        const appending = append([write(stream, "no stream", [event({ type })])])
        return withInline([generation], Effect.andThen(add({ generation }, "count", 1), appending))
      })
      yield* once
      const failure = yield* Effect.flip(once).pipe(
        Effect.catch(() => broken("an append that expects no stream where there is one succeeds"))
      )
      yield* same(failure._tag, "ConcurrencyConflict", "what an append fails with, that conflicts in a transaction,")
      yield* same(yield* numberAt(projection.name, "count"), 1, "what is counted when the append conflicts")
    })
  ),
  law(
    "inline work inside inline work is one transaction, and takes care of both projections",
    Effect.gen(function* () {
      const { generation, projection, type } = yield* inline()
      const other = yield* inline({ types: [type] })
      const both = <E>(end: Effect.Effect<void, E>) =>
        withInline(
          [generation],
          Effect.gen(function* () {
            yield* add({ generation }, "count", 1)
            yield* appendCounted(other.generation, type)
            yield* end
          })
        )
      const counts = Effect.all([numberAt(projection.name, "count"), numberAt(other.projection.name, "count")])
      yield* both(Effect.void)
      yield* same(yield* counts, [1, 1], "what is counted by work inside work")
      const before = yield* head
      yield* Effect.exit(both(Effect.fail("the outer work")))
      yield* same(yield* counts, [1, 1], "what is counted when the outer work failed")
      yield* same(yield* head, before, "the head of the log when the outer work failed")
    })
  ),
  law(
    "appends that race, and change one document inline, are all counted",
    Effect.gen(function* () {
      const { generation, projection, type } = yield* inline()
      const known = { generation }
      const results = yield* race(numbers(racers), () => appendOne(projection.name, type, known))
      yield* Effect.forEach(losses(results), ({ message }) => broken(`an append failed beside others: ${message}`))
      yield* same(yield* numberAt(projection.name, "count"), racers, "what is counted of appends that raced")
    })
  ),
  law(
    "an append that takes care of a generation that is retired is refused",
    Effect.gen(function* () {
      const { generation, projection, type } = yield* inline()
      yield* appendCounted(generation, type)
      const next = yield* registerNext(projection)
      const filling = yield* claimFirst(next)
      yield* same(filling.standing, { _tag: "Filling", upTo: yield* head }, "where another inline version stands")
      yield* appendCounted(generation, type)
      yield* fill(filling, type)
      yield* isRefused("an append that takes care of a generation that is retired", (stream) =>
        withInline([generation], appendTo(stream, [event({ type })]))
      )
      yield* appendCounted(filling.generation, type)
      yield* same(yield* numberAt(projection.name, "count"), 3, "what is counted over two generations")
    })
  ),
  law(
    "inline generations that take over while events are appended miss none, and count none twice",
    Effect.gen(function* () {
      const projection = yield* registered({ mode: "inline" })
      const type = projection.types[0]!
      let isRebuilt = false
      const rebuilding = Effect.gen(function* () {
        yield* fill(yield* claimFirst(projection), type)
        yield* Effect.forEach(numbers(20), () => Effect.yieldNow, { discard: true })
        const next = yield* registerNext(projection)
        yield* fill(yield* claimFirst(next), type)
      }).pipe(Effect.ensuring(Effect.sync(() => (isRebuilt = true))))
      let appended = 0
      const appending = Effect.gen(function* () {
        const known: { generation: number | undefined } = { generation: undefined }
        for (let i = 0; i < leastAppends || !isRebuilt; i++) {
          yield* appendOne(projection.name, type, known)
          appended++
          yield* Effect.yieldNow
        }
      })
      const all = [rebuilding, ...numbers(appenders).map(() => appending)]
      yield* Effect.all(all, { concurrency: "unbounded", discard: true })
      const stored = (yield* readLog({ query: [{ types: [type] }] })).length
      yield* same(stored, appended, "how many events are stored")
      yield* same(yield* numberAt(projection.name, "count"), stored, "how many events were counted, of those stored,")
    })
  )
]
