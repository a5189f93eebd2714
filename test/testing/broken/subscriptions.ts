/**
 * Stores whose subscribers and readers skip, wait in vain, or hold up others.
 */
import { DateTime, Effect, Option, PubSub, Semaphore, Stream } from "effect"
import { type BrokenStore, changed, eventsOf, pause, type RecordedEvent, reading } from "./toolkit.ts"

const anyTime =
  "subscribers that start at any time and place under concurrent writers miss nothing and get nothing twice"
const starting = "an event that is appended while a subscriber starts reaches it"
const contiguous =
  "positions are contiguous under concurrent writers, and each append has its own in the order of its writes"
const pages = "pages hold each event that matches once, and say how far the log was searched, also where none matches"

export const subscriptions: ReadonlyArray<BrokenStore> = [
  {
    name: "loses what is appended between catching up and live",
    hangs: true,
    layer: changed((store) => ({
      subscribe: ({ after, query }) => {
        const filter = query === undefined ? {} : { query }
        const live = Effect.map(Effect.tap(store.head, pause(1)), (head) =>
          store.subscribe({ after: Math.max(head, after), ...filter })
        )
        const caughtUp = store.readLog({ from: after + 1, ...filter })
        return Stream.concat(caughtUp, Stream.unwrap(Effect.andThen(pause(1), live)))
      }
    })),
    breaks: [
      [anyTime, "a subscriber from after"],
      [starting, "a subscriber from after"]
    ]
  },
  {
    name: "gives an event twice, caught up and live",
    layer: changed((store) => ({
      subscribe: ({ after, query }) =>
        Stream.unwrap(
          Effect.map(store.head, (head) => {
            const filter = query === undefined ? {} : { query }
            const live = store.subscribe({ after: Math.max(after, head), ...filter })
            return Stream.concat(
              Stream.unwrap(Effect.as(pause(2), store.readLog({ from: after + 1, ...filter }))),
              live
            )
          })
        )
    })),
    breaks: [
      [anyTime, "what a "],
      ["many subscribers that start at once get the same", "what one of many subscribers got"]
    ]
  },
  {
    name: "hears of nothing that is appended before it listens",
    hangs: true,
    layer: changed((store) =>
      Effect.map(PubSub.unbounded<void>(), (appended) => ({
        append: (writes, options) =>
          Effect.tap(store.append(writes, options), () => PubSub.publish(appended, undefined)),
        subscribe: ({ after, query }) =>
          Stream.paginate(after, (position) =>
            Effect.gen(function* () {
              let head = yield* store.head
              while (head <= position) {
                yield* Effect.yieldNow
                yield* Effect.scoped(Effect.flatMap(PubSub.subscribe(appended), PubSub.take))
                head = yield* store.head
              }
              const range = { from: position + 1, to: head }
              const events = yield* Stream.runCollect(store.readLog(query === undefined ? range : { ...range, query }))
              return [events, Option.some(head)]
            })
          )
      }))
    ),
    breaks: [[starting, "and no more"]]
  },
  {
    name: "forgets the query once a subscriber has caught up",
    layer: changed((store) => ({
      subscribe: ({ after, query }) =>
        Stream.unwrap(
          Effect.map(store.head, (head) =>
            Stream.concat(
              store.readLog({ from: after + 1, to: head, ...(query === undefined ? {} : { query }) }),
              store.subscribe({ after: Math.max(after, head) })
            )
          )
        )
    })),
    breaks: [
      ["a subscriber gets only what matches its query, also when nothing else comes for long", "with a query got"]
    ]
  },
  {
    name: "starts a subscriber from beyond the head at the head",
    layer: changed((store) => ({
      subscribe: (options) =>
        Stream.unwrap(
          Effect.map(store.head, (head) => store.subscribe({ ...options, after: Math.min(options.after, head) }))
        )
    })),
    breaks: [
      [
        "a subscriber from beyond the head gets what comes after its position, and nothing before",
        "beyond the head got"
      ]
    ]
  },
  {
    name: "gives a subscriber events when the next one comes",
    hangs: true,
    layer: changed((store) => ({
      subscribe: (options) =>
        store.subscribe(options).pipe(
          Stream.rechunk(1),
          Stream.mapAccum(
            (): ReadonlyArray<RecordedEvent> => [],
            (held, event) => [[event], held]
          )
        )
    })),
    breaks: [
      ["a subscriber that waits gets every event as it comes, before the next is appended", "did not get event 0"],
      ["a subscriber gets what is there and then what comes, each event once and in order", "and no more"]
    ]
  },
  {
    name: "waits with an append until every subscriber has room",
    hangs: true,
    layer: changed((store) =>
      Effect.map(PubSub.bounded<number>(8), (appended) => ({
        append: (writes, options) =>
          Effect.tap(store.append(writes, options), ({ position }) => PubSub.publish(appended, position)),
        subscribe: ({ after, query }) =>
          Stream.unwrap(
            Effect.map(PubSub.subscribe(appended), (positions) =>
              Stream.paginate(after, (position) =>
                Effect.gen(function* () {
                  while ((yield* store.head) <= position) yield* PubSub.take(positions)
                  const range = { from: position + 1, limit: 1 }
                  const events = yield* Stream.runCollect(
                    store.readLog(query === undefined ? range : { ...range, query })
                  )
                  const next = events[0]?.position ?? (yield* store.head)
                  return [events, Option.some(next)]
                })
              )
            )
          )
      }))
    ),
    breaks: [
      [
        "subscribers that are slow hold up neither writers nor each other, and get everything in the end",
        "appends are held up by who reads slowly"
      ]
    ]
  },
  {
    name: "holds a connection for as long as a reader reads",
    hangs: true,
    layer: changed((store) => {
      const connections = Semaphore.makeUnsafe(10)
      const held = <A, E>(events: Stream.Stream<A, E>): Stream.Stream<A, E> =>
        Stream.scoped(
          Stream.unwrap(
            Effect.as(
              Effect.acquireRelease(Semaphore.take(connections, 1), () => Semaphore.release(connections, 1), {
                interruptible: true
              }),
              events
            )
          )
        )
      return {
        readStream: (stream, options) => held(store.readStream(stream, options)),
        readLog: (options) => held(store.readLog(options)),
        append: (writes, options) => connections.withPermits(1)(store.append(writes, options))
      }
    }),
    breaks: [
      [
        "reads that are slow hold up neither writers nor other reads, and end where the log ended when they began",
        "first"
      ],
      [
        "readers that append, and read otherwise, for each event they get do not wait for each other",
        "wait for each other"
      ]
    ]
  },
  {
    name: "gives a connection back only when a read came to its end",
    hangs: true,
    layer: changed((store) => {
      const connections = Semaphore.makeUnsafe(10)
      const held = <A, E>(events: Stream.Stream<A, E>): Stream.Stream<A, E> =>
        Stream.unwrap(
          Effect.as(
            Semaphore.take(connections, 1),
            Stream.concat(events, Stream.fromEffectDrain(Semaphore.release(connections, 1)))
          )
        )
      return { readStream: (stream, options) => held(store.readStream(stream, options)) }
    }),
    breaks: [
      ["a read that is left after its first event ends, and the store goes on", "did not end"],
      ["readers and subscribers that are interrupted leave the store working", "did not end"]
    ]
  },
  {
    name: "hands out positions before it commits",
    hangs: true,
    layer: changed((store) => {
      const uncommitted = new Set<string>()
      return {
        append: (writes, options) =>
          Effect.gen(function* () {
            const ids = eventsOf(writes).map(({ id }) => id)
            const own = ids.filter((_, i) => ids.indexOf(ids[i]!) === i)
            own.forEach((id) => uncommitted.add(id))
            const exit = yield* Effect.exit(store.append(writes, options))
            // Some commits take longer than others.
            yield* pause(Number.parseInt(ids[0]?.slice(0, 2) ?? "0", 16) % 7)
            own.forEach((id) => uncommitted.delete(id))
            return yield* exit
          }),
        ...reading(store, (events) => Stream.filter(events, ({ id }) => !uncommitted.has(id)))
      }
    }),
    breaks: [
      ["who reads on from the last position it has seen, while others write, skips none", "that read on"],
      ["what the head counts can be read, while others write", "the log up to its head"],
      [anyTime, "subscriber from after"]
    ]
  },
  {
    name: "takes the time before it waits for its lock",
    layer: changed((store) => ({
      append: (writes, options) =>
        Effect.map(store.append(writes, options), (answer) => ({
          ...answer,
          recordedAt: DateTime.subtract(answer.recordedAt, { milliseconds: (answer.position % 3) * 10 })
        })),
      ...reading(store, (events) =>
        Stream.map(events, (event) => ({
          ...event,
          recordedAt: DateTime.subtract(event.recordedAt, { milliseconds: (event.position % 3) * 10 })
        }))
      )
    })),
    breaks: [["recordedAt never decreases along positions", "recordedAt goes back from position"]]
  },
  {
    name: "mixes up versions within a stream",
    layer: changed((store) => ({
      ...reading(store, (events) =>
        Stream.map(events, (event) => ({
          ...event,
          version: event.version % 2 === 0 ? event.version - 1 : event.version + 1
        }))
      )
    })),
    breaks: [
      [
        "versions are gapless from 1 under concurrent writers, and follow the order of positions",
        "versions of a stream"
      ],
      [contiguous, "at [0][version]"],
      ["an append is there, whole, as soon as it is acknowledged", "[version]"]
    ]
  },
  {
    name: "counts a position only where an event matches",
    hangs: true,
    layer: changed((store) => ({
      subscribePages: (options) =>
        Stream.map(store.subscribe(options), (event) => ({ events: [event], upTo: event.position }))
    })),
    breaks: [[pages, "pages after"]]
  },
  {
    name: "says that it has searched what it has not",
    layer: changed((store) => ({
      subscribePages: (options) =>
        Stream.mapEffect(store.subscribePages(options), ({ events }) =>
          Effect.map(store.head, (head) => ({ events, upTo: head }))
        )
    })),
    breaks: [[pages, "what pages held"]]
  }
]
