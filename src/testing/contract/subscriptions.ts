/**
 * Subscriptions: each event once and in order, what was there and then what comes.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"
import { EventStore, type Page } from "../../EventStore.ts"
import type { Query } from "../../Query.ts"
import type { RecordedEvent } from "../../RecordedEvent.ts"
import {
  append,
  appendTo,
  event,
  events,
  fresh,
  freshStream,
  head,
  idsOf,
  numbers,
  ofCategory,
  race,
  racers,
  readLog,
  write
} from "./fixtures.ts"
import { type Law, law, same, within } from "./Law.ts"
import { appendsOfWorkload, makeWorkload } from "./workload.ts"

/** What a subscriber gets up to an event. */
export const follow = (options: { readonly after: number; readonly query?: Query }, last: string) =>
  Effect.gen(function* () {
    const store = yield* EventStore
    const seen: Array<RecordedEvent> = []
    const following = Stream.runForEachWhile(store.subscribe(options), (event) =>
      Effect.sync(() => {
        seen.push(event)
        return event.id !== last
      })
    )
    const missing = () => {
      const position = seen[seen.length - 1]?.position
      return `a subscriber from after ${options.after} got ${seen.length} events, up to position ${position}, and no more`
    }
    yield* within(missing, following)
    return seen
  })

const yields = (count: number) => Effect.forEach(numbers(count), () => Effect.yieldNow, { discard: true })

export const laws: ReadonlyArray<Law> = [
  law(
    "a subscriber gets what is there and then what comes, each event once and in order",
    Effect.gen(function* () {
      const category = fresh("contract")
      const after = yield* head
      const appended = [...events(300), ...events(5)]
      yield* appendTo(`${category}-1`, appended.slice(0, 300))
      yield* appendTo(`${category}-2`, appended.slice(300))
      const last = event()
      const follower = yield* Effect.forkChild(follow({ after, query: ofCategory(category) }, last.id))
      for (const i of numbers(20)) {
        const more = events(1 + (i % 3))
        yield* appendTo(`${category}-${i}`, more)
        appended.push(...more)
        yield* yields(i % 4)
      }
      yield* appendTo(`${category}-1`, [last])
      const seen = yield* Fiber.join(follower)
      yield* same(idsOf(seen), idsOf([...appended, last]), "what a subscriber got, beside what was appended,")
      yield* same(
        seen,
        yield* readLog({ query: ofCategory(category) }),
        "what a subscriber got, beside what the log holds,"
      )
    })
  ),
  law(
    "subscribers that start at any time and place under concurrent writers miss nothing and get nothing twice",
    Effect.gen(function* () {
      const start = yield* head
      const { acknowledged, category, last, runUntil } = yield* makeWorkload
      const subscribers = [0, 0.2, 0.5, 0.8, 1].flatMap((share) =>
        (["start", "middle", "head"] as const).flatMap((from) =>
          [undefined, ofCategory(category)].map((query) => ({ share, from, query, ready: Latch.makeUnsafe() }))
        )
      )
      // The last event comes when all have made up their minds where to start, or one could start after it.
      const running = runUntil(Effect.forEach(subscribers, ({ ready }) => ready.await))
      const following = subscribers.map(({ share, from, query, ready }) =>
        Effect.gen(function* () {
          yield* acknowledged(Math.floor(appendsOfWorkload * share))
          const now = yield* head
          yield* ready.open
          const after = from === "start" ? start : from === "head" ? now : Math.floor((start + now) / 2)
          return { after, query, seen: yield* follow(query === undefined ? { after } : { after, query }, last) }
        })
      )
      const [, ...followed] = yield* Effect.all([running, ...following], { concurrency: "unbounded" })
      const log = yield* readLog({ from: start + 1 })
      for (const { after, query, seen } of followed) {
        const expected = log.filter((event) => event.position > after)
        yield* same(
          seen,
          expected,
          `what a ${query === undefined ? "" : "filtered "}subscriber from after ${after} got`
        )
      }
    })
  ),
  law(
    "an event that is appended while a subscriber starts reaches it",
    Effect.forEach(
      numbers(40),
      () =>
        Effect.gen(function* () {
          const after = yield* head
          const last = event()
          const [before, between] = [yield* Random.nextIntBetween(0, 6), yield* Random.nextIntBetween(0, 6)]
          const [seen] = yield* Effect.all(
            [
              Effect.andThen(yields(before), follow({ after }, last.id)),
              Effect.andThen(yields(between), appendTo(freshStream(), [event(), last]))
            ],
            { concurrency: "unbounded" }
          )
          yield* same(
            idsOf(seen),
            idsOf(yield* readLog({ from: after + 1 })),
            "what a subscriber got that just started"
          )
        }),
      { discard: true }
    )
  ),
  law(
    "a subscriber that waits gets every event as it comes, before the next is appended",
    Effect.gen(function* () {
      const after = yield* head
      const stream = freshStream()
      const rounds = events(30)
      const store = yield* EventStore
      const got: Array<string> = []
      let wake: () => void = () => {}
      yield* Effect.forkScoped(
        Stream.runForEach(store.subscribe({ after }), ({ id }) =>
          Effect.sync(() => {
            got.push(id)
            wake()
          })
        )
      )
      for (const [i, round] of rounds.entries()) {
        const arrived = Effect.callback<void>((resume) => {
          wake = () => resume(Effect.void)
          if (got.length > i) wake()
        })
        yield* appendTo(stream, [round])
        yield* within(`a subscriber that waits did not get event ${i} of those appended one by one`, arrived)
      }
      yield* same(got, idsOf(rounds), "what a subscriber got that waits")
    })
  ),
  law(
    "a subscriber gets only what matches its query, also when nothing else comes for long",
    Effect.gen(function* () {
      const after = yield* head
      const [type, other, a, b] = [fresh("Wanted"), fresh("Other"), fresh("tag"), fresh("tag")]
      const query: Query = [
        { types: [type], tags: [a, b] },
        { types: [other], tags: [b] }
      ]
      const last = event({ type, tags: [b, a] })
      const mixed = () => [
        event({ type, tags: [a] }),
        event({ type, tags: [a, b] }),
        event({ type: other, tags: [a] }),
        event({ type: other, tags: [a, b] }),
        event({ type: fresh("Other"), tags: [a, b] })
      ]
      const noise = Effect.suspend(() => appendTo(freshStream(), events(600, { type, tags: [b] })))
      yield* appendTo(freshStream(), mixed())
      yield* noise
      const follower = yield* Effect.forkChild(follow({ after, query }, last.id))
      yield* yields(3)
      yield* noise
      yield* appendTo(freshStream(), [...mixed(), last])
      const matching = (yield* readLog({ from: after + 1 })).filter(
        (e) => e.tags.includes(b) && (e.type === other || (e.type === type && e.tags.includes(a)))
      )
      yield* same(idsOf(yield* Fiber.join(follower)), idsOf(matching), "what a subscriber with a query got")
      yield* same(matching.length, 5, "the number of events that match the query")
    })
  ),
  law(
    "a subscriber from beyond the head gets what comes after its position, and nothing before",
    Effect.gen(function* () {
      const after = (yield* head) + 5
      const last = event()
      const follower = yield* Effect.forkChild(follow({ after }, last.id))
      yield* Effect.forEach(numbers(7), () => Effect.andThen(appendTo(freshStream()), Effect.yieldNow))
      yield* appendTo(freshStream(), [last])
      const expected = yield* readLog({ from: after + 1 })
      yield* same(yield* Fiber.join(follower), expected, "what a subscriber from beyond the head got")
    })
  ),
  law(
    "many subscribers that start at once get the same",
    Effect.forEach(
      numbers(8),
      (moment) =>
        Effect.gen(function* () {
          const after = yield* head
          const last = event()
          const followers = yield* Effect.forkChild(race(numbers(racers), () => follow({ after }, last.id)))
          yield* yields(moment)
          yield* append([write(freshStream(), "no stream", 2), write(freshStream(), "no stream", 2)])
          yield* yields(4)
          yield* appendTo(freshStream(), [last])
          const log = yield* readLog({ from: after + 1 })
          for (const result of yield* Fiber.join(followers)) {
            yield* same(yield* Effect.fromResult(result), log, "what one of many subscribers got")
          }
        }),
      { discard: true }
    )
  ),
  law(
    "pages hold each event that matches once, and say how far the log was searched, also where none matches",
    Effect.gen(function* () {
      const store = yield* EventStore
      const category = fresh("contract")
      const after = yield* head
      const matching = events(300)
      yield* appendTo(`${category}-1`, matching.slice(0, 290))
      const last = event()
      const pages: Array<Page> = []
      const following = Stream.runForEachWhile(
        store.subscribePages({ after, query: ofCategory(category) }),
        Effect.fnUntraced(function* (page) {
          pages.push(page)
          const [ended] = yield* readLog({ from: page.upTo, limit: 1 })
          return ended?.id !== last.id
        })
      )
      const missing = () => `pages after ${after} came up to ${pages[pages.length - 1]?.upTo}, and no further`
      const follower = yield* Effect.forkChild(within(missing, following))
      yield* appendTo(`${category}-2`, matching.slice(290))
      // Nothing that matches comes after it.
      yield* appendTo(freshStream(), [...events(3), last])
      yield* Fiber.join(follower)
      const found = pages.flatMap(({ events }) => events)
      yield* same(idsOf(found), idsOf(matching), "what pages held, beside what was appended,")
      let before = after
      for (const { events, upTo } of pages) {
        const places = events.map(({ position }) => position > before && position <= upTo)
        yield* same(
          places,
          Array.from(places, () => true),
          `whether events lie in their page, from ${before} to ${upTo},`
        )
        yield* same(upTo > before, true, "whether a page goes beyond the one before")
        before = upTo
      }
    })
  )
]
