/**
 * Stores that restore something else, or more, or less, and say otherwise.
 */
import { DateTime, Effect, Stream } from "effect"
import { EventStore as Port } from "eventfold"
import { type BrokenStore, changed, pause, type Store } from "./toolkit.ts"

type Events = ReadonlyArray<Port.RestoredEvent>

const order = "restored events come right after the head, in the order given, and go on where their streams stand"
const times = "restored events keep their times, to the millisecond"
const found = "restored events are found by type, category and tag"
const told = "a subscriber gets restored events once and in order, with what is appended before and after"
const afterwards = "what is appended after a restore has a time that is not before, and goes on where it ended"
const refusedTimes =
  "times that decrease, in the log or in the restore, or that are to come, are refused, and nothing is stored"
const whole = "one event that no append would store keeps all events of a restore from being stored"
const repeated = "events that were restored just so are answered as repeated, and not stored again"
const duplicate =
  "an event id that is stored in another place, or beside others, is refused by a restore as DuplicateEvent"
const racing = "restores that race with appends are stored whole, each in its order"

/** Appends what is to be restored, event by event, now. */
const append = (store: Store, events: Events) =>
  Effect.gen(function* () {
    for (const { recordedAt: _, stream, ...event } of events) {
      yield* store.append([{ stream, expected: "any", events: [event] }])
    }
    return { position: yield* store.head, repeated: false }
  }).pipe(Effect.catchIf((error) => error._tag !== "StoreError", Effect.die))

/** Restores event by event, with something in between. */
const oneByOne = (store: Store, events: Events, between: Effect.Effect<void>) =>
  Effect.gen(function* () {
    let answer = { position: 0, repeated: false }
    for (const event of events) {
      answer = yield* store.restore([event])
      yield* between
    }
    return events.length === 0 ? yield* store.restore(events) : answer
  })

export const restores: ReadonlyArray<BrokenStore> = [
  {
    name: "restores stream by stream",
    layer: changed((store) => ({
      restore: (events) => {
        const streams = Array.from(new Set(events.map(({ stream }) => stream)))
        const at = events.map(({ recordedAt }) => recordedAt)
        return store.restore(
          streams
            .flatMap((of) => events.filter(({ stream }) => stream === of))
            .map((event, i) => ({ ...event, recordedAt: at[i]! }))
        )
      }
    })),
    breaks: [
      [order, "what the log holds where events were restored"],
      [told, "what a subscriber got of restored events"]
    ]
  },
  {
    name: "restores events as if they happened now",
    layer: changed((store) => ({ restore: (events) => append(store, events) })),
    breaks: [
      [times, "the times of restored events"],
      [refusedTimes, "is not refused"],
      [repeated, "the answer to"]
    ]
  },
  {
    name: "keeps the times of restored events by the second",
    layer: changed((store) => ({
      readStream: (stream, options) =>
        Stream.map(store.readStream(stream, options), (event) => ({
          ...event,
          recordedAt: DateTime.makeUnsafe(1000 * Math.floor(event.recordedAt.epochMilliseconds / 1000))
        }))
    })),
    breaks: [[times, "the times of restored events"]]
  },
  {
    name: "restores events without their tags",
    layer: changed((store) => ({
      restore: (events) => store.restore(events.map((event) => ({ ...event, tags: [] })))
    })),
    breaks: [[found, "the events of a type with two tags"]]
  },
  {
    name: "tells subscribers nothing of restored events",
    layer: changed((store) => {
      const ids = new Set<string>()
      return {
        restore: (events) => {
          for (const { id } of events) ids.add(id)
          return store.restore(events)
        },
        subscribe: (options) => Stream.filter(store.subscribe(options), ({ id }) => !ids.has(id))
      }
    }),
    breaks: [[told, "what a subscriber got of restored events"]]
  },
  {
    name: "appends by a clock that is behind the events that were restored",
    layer: changed((store) => ({
      append: (writes, options) =>
        Effect.map(store.append(writes, options), (answer) =>
          answer.versions[0] === 3
            ? { ...answer, recordedAt: DateTime.subtract(answer.recordedAt, { seconds: 10 }) }
            : answer
        )
    })),
    breaks: [[afterwards, "an append has a time before that of the restored event"]]
  },
  {
    name: "restores events one by one",
    layer: changed((store) => ({ restore: (events) => oneByOne(store, events, Effect.void) })),
    breaks: [
      [whole, "what is stored after"],
      [refusedTimes, "what is stored after"]
    ]
  },
  {
    name: "lets others append in between restored events",
    layer: changed((store) => ({ restore: (events) => oneByOne(store, events, pause(1)) })),
    // Within one millisecond both are stored, in between each other; later the restored ones are refused.
    breaks: [[racing, "is broken"]]
  },
  {
    name: "passes over restored events that it knows",
    layer: changed((store) => ({
      restore: (events) =>
        Effect.catchIf(
          store.restore(events),
          ({ reason }) => reason === "DuplicateEvent",
          () => Effect.map(store.head, (position) => ({ position, repeated: true }))
        )
    })),
    breaks: [[duplicate, "is not refused"]]
  }
]
