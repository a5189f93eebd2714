/**
 * Restores: events that were recorded elsewhere go on where the log stands, and keep their times.
 *
 * The log may hold anything already, so restored events are given the time of an event that was appended just before, and a few milliseconds
 * more. Until these have passed the store is right to refuse them.
 */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import { EventStore, type EventToAppend, type Restored, type RestoredEvent, type StoreError } from "../../EventStore.ts"
import type { StreamName } from "../../StreamName.ts"
import {
  appendTo,
  event,
  fresh,
  freshStream,
  head,
  idsOf,
  numbers,
  ofCategory,
  race,
  readLog,
  readStream,
  refused,
  storesNothing,
  streamsOf,
  streamVersion
} from "./fixtures.ts"
import { type Broken, holds, type Law, law, same, within } from "./Law.ts"
import { follow } from "./subscriptions.ts"

const restore = (events: ReadonlyArray<RestoredEvent>): Effect.Effect<Restored, StoreError, EventStore> =>
  Effect.flatMap(EventStore, (store) => store.restore(events))

/** Restores events as soon as none of their times is to come. */
const restoreInTime = (
  events: ReadonlyArray<RestoredEvent>
): Effect.Effect<Restored, Broken | StoreError, EventStore> =>
  within(
    "events whose times go on from the log's last one are refused",
    Effect.retry(restore(events), {
      schedule: Schedule.spaced("1 millis"),
      while: ({ reason }) => reason === "InvalidRequest"
    })
  )

/** An event to restore, so many milliseconds after a time. */
const restored = (
  stream: StreamName,
  time: DateTime.Utc,
  millis = 0,
  fields?: Partial<EventToAppend>
): RestoredEvent => ({ ...event(fields), stream, recordedAt: DateTime.add(time, { milliseconds: millis }) })

/** Appends an event, and gives its time: the log's last one. */
const lastTime = Effect.map(
  Effect.suspend(() => appendTo(freshStream())),
  ({ recordedAt }) => recordedAt
)

/** Events of three streams of a category, of which the second has two events already, with times that grow by 0 to 2 milliseconds. */
const mixed = Effect.fnUntraced(function* (count: number) {
  const streams = streamsOf(fresh("contract"), 3)
  yield* appendTo(streams[1]!, 2)
  const time = yield* lastTime
  const events = numbers(count).map((n) =>
    restored(streams[(n * n) % 3]!, time, n - (n % 3), {
      type: `Noted${n % 2}`,
      schemaVersion: 1 + (n % 4),
      data: { n },
      tags: n % 5 === 0 ? [`n:${n}`, "five"] : [],
      metadata: { causationId: `before ${n}`, own: [n] }
    })
  )
  return { streams, events }
})

/** That events are in the log right up to a position, as they were given, and in their streams. */
const areStored = Effect.fnUntraced(function* (
  events: ReadonlyArray<RestoredEvent>,
  position: number,
  versionsBefore: ReadonlyMap<string, number>
) {
  const versions = new Map(versionsBefore)
  const from = position - events.length + 1
  const expected = events.map((event, i) => {
    const version = (versions.get(event.stream) ?? 0) + 1
    versions.set(event.stream, version)
    return { ...event, version, position: from + i }
  })
  yield* same(yield* readLog({ from, to: position }), expected, "what the log holds where events were restored")
  for (const stream of new Set(events.map(({ stream }) => stream))) {
    const ofStream = yield* readStream(stream, { from: (versionsBefore.get(stream) ?? 0) + 1 })
    const its = expected.filter((event) => event.stream === stream)
    yield* same(ofStream, its, `what stream ${stream} holds where events were restored`)
  }
})

export const laws: ReadonlyArray<Law> = [
  law(
    "restored events come right after the head, in the order given, and go on where their streams stand",
    Effect.gen(function* () {
      const { events, streams } = yield* mixed(40)
      const before = yield* head
      const answer = yield* restoreInTime(events)
      yield* same({ ...answer }, { position: before + 40, repeated: false }, "the answer to a restore")
      yield* areStored(events, answer.position, new Map([[streams[1]!, 2]]))
      yield* same(yield* head, answer.position, "the head after a restore")
    })
  ),
  law(
    "restored events keep their times, to the millisecond",
    Effect.gen(function* () {
      const stream = freshStream()
      const time = yield* lastTime
      const events = [0, 0, 1, 4, 4, 7].map((millis) => restored(stream, time, millis))
      yield* restoreInTime(events)
      yield* same(
        (yield* readStream(stream)).map(({ recordedAt }) => recordedAt),
        events.map(({ recordedAt }) => recordedAt),
        "the times of restored events"
      )
    })
  ),
  law(
    "restored events are found by type, category and tag",
    Effect.gen(function* () {
      const { events, streams } = yield* mixed(20)
      const from = (yield* head) + 1
      yield* restoreInTime(events)
      const category = streams[0]!.slice(0, streams[0]!.indexOf("-"))
      yield* same(
        idsOf(yield* readLog({ from, query: ofCategory(category) })),
        idsOf(events),
        "the events of a category"
      )
      const found = yield* readLog({ from, query: [{ types: ["Noted0"], tags: ["five", "n:10"] }] })
      yield* same(idsOf(found), [events[10]!.id], "the events of a type with two tags")
    })
  ),
  law(
    "a subscriber gets restored events once and in order, with what is appended before and after",
    Effect.gen(function* () {
      const { events, streams } = yield* mixed(30)
      const after = (yield* head) - 3
      const category = streams[0]!.slice(0, streams[0]!.indexOf("-"))
      const last = event()
      const follower = yield* Effect.forkChild(follow({ after, query: ofCategory(category) }, last.id))
      yield* Effect.yieldNow
      yield* restoreInTime(events)
      yield* appendTo(streams[0]!, [last])
      const seen = idsOf(yield* Fiber.join(follower))
      yield* same(seen.slice(-31), idsOf([...events, last]), "what a subscriber got of restored events")
      yield* same(new Set(seen).size, seen.length, "the number of different events that a subscriber got")
    })
  ),
  law(
    "what is appended after a restore has a time that is not before, and goes on where it ended",
    Effect.gen(function* () {
      const stream = freshStream()
      const last = restored(stream, yield* lastTime, 5)
      const { position } = yield* restoreInTime([restored(stream, last.recordedAt, -5), last])
      const answer = yield* appendTo(stream)
      yield* holds(
        answer.recordedAt.epochMilliseconds >= last.recordedAt.epochMilliseconds,
        "an append has a time before that of the restored event that it follows",
        answer.recordedAt
      )
      yield* same([answer.position, ...answer.versions], [position + 1, 3], "the place of what follows restored events")
    })
  ),
  law(
    "times that decrease, in the log or in the restore, or that are to come, are refused, and nothing is stored",
    Effect.gen(function* () {
      const stream = freshStream()
      const time = yield* lastTime
      const hour = 3_600_000
      for (const [what, millis] of [
        ["a time before that of the log's last event", [-1]],
        ["a first time before that of the log's last event", [-hour, 0]],
        ["a time that is to come", [hour]],
        ["a last time that is to come", [0, 0, hour]],
        ["a time before that of the event before it", [0, 1, 0]],
        ["a time that is no whole millisecond", [0.5]],
        ["a time that is none", [Number.NaN]]
      ] as const) {
        const events = millis.map((more) => ({
          ...restored(stream, time),
          recordedAt: { ...time, epochMilliseconds: time.epochMilliseconds + more }
        }))
        yield* refused(`a restore with ${what}`, "InvalidRequest", [stream], restore(events))
      }
    })
  ),
  law(
    "one event that no append would store keeps all events of a restore from being stored",
    Effect.gen(function* () {
      const stream = freshStream()
      const time = yield* lastTime
      yield* refused("a restore without events", "InvalidRequest", [], restore([]))
      const good = () => restored(stream, time)
      const twice = good()
      const bad: ReadonlyArray<readonly [what: string, event: RestoredEvent]> = [
        ["an id that is none", { ...good(), id: "1" }],
        ["an id of another event in it", { ...good(), id: twice.id }],
        ["an empty type", { ...good(), type: "" }],
        ["schema version 0", { ...good(), schemaVersion: 0 }],
        ["a stream name without an id", { ...good(), stream: "contract-" }],
        ["a NUL in the data", { ...good(), data: "a\u0000b" }],
        ["data that is no JSON", { ...good(), data: Number.NaN }],
        ["an empty tag", { ...good(), tags: [""] }],
        ["a NUL in the metadata", { ...good(), metadata: { own: "\u0000" } }]
      ]
      for (const [what, event] of bad) {
        yield* refused(`a restore with ${what}`, "InvalidRequest", [stream], restore([twice, good(), event]))
        yield* refused(
          `a restore that begins with ${what}`,
          "InvalidRequest",
          [stream],
          restore([event, twice, good()])
        )
      }
      yield* restore([twice, good()])
      yield* same(
        yield* streamVersion(stream),
        2,
        "the version of a stream after a restore that was refused, and one that was not"
      )
    })
  ),
  law(
    "events that were restored just so are answered as repeated, and not stored again",
    Effect.gen(function* () {
      const { events, streams } = yield* mixed(10)
      const first = yield* restoreInTime(events)
      yield* appendTo(streams[0]!)
      const again = yield* storesNothing("a restore again", streams, restore(events.map((one) => ({ ...one }))))
      yield* same({ ...again }, { ...first, repeated: true }, "the answer to a restore again")
      const part = yield* storesNothing("a restore of a part again", streams, restore(events.slice(2, 5)))
      yield* same(
        { ...part },
        { position: first.position - 5, repeated: true },
        "the answer to a restore of a part again"
      )
    })
  ),
  law(
    "an event id that is stored in another place, or beside others, is refused by a restore as DuplicateEvent",
    Effect.gen(function* () {
      const { events, streams } = yield* mixed(4)
      yield* restoreInTime(events)
      const time = yield* lastTime
      const [a, b] = [events[0]!, events[1]!]
      const now = (one: RestoredEvent): RestoredEvent => ({ ...one, recordedAt: time })
      const elsewhere: StreamName = `${streams[0]!}-2`
      const streamsToo = [...streams, elsewhere]
      for (const [what, list] of [
        ["an id of another stream", [{ ...now(a), stream: elsewhere }]],
        ["an id of another time", [{ ...a, recordedAt: DateTime.subtract(a.recordedAt, { milliseconds: 1 }) }]],
        ["known ids in another order", [now(b), now(a)]],
        ["a known id after a new one", [restored(elsewhere, time), now(a)]],
        ["a known id before a new one", [a, restored(elsewhere, time)]]
      ] as const) {
        yield* refused(`a restore with ${what}`, "DuplicateEvent", streamsToo, restore(list))
      }
    })
  ),
  law(
    "restores that race with appends are stored whole, each in its order",
    Effect.gen(function* () {
      const stream = freshStream()
      const time = yield* lastTime
      const before = yield* head
      // Whoever appends makes the times of the others old: only those that come first are stored.
      const lists = numbers(20).map(() => numbers(5).map(() => restored(stream, time)))
      const results = yield* race(numbers(40), (i) =>
        i % 2 === 0 ? Effect.asVoid(restore(lists[i / 2]!)) : Effect.asVoid(appendTo(stream, 2))
      )
      const log = yield* readLog({ from: before + 1 })
      yield* same(
        log.map(({ position, version }) => [position, version]),
        log.map((_, i) => [before + 1 + i, i + 1]),
        "the positions and versions of what restores and appends have stored"
      )
      const ids = idsOf(log)
      for (const [i, list] of lists.entries()) {
        const at = ids.indexOf(list[0]!.id)
        const isStored = results[2 * i]!._tag === "Success"
        yield* same(at >= 0, isStored, "whether events are stored whose restore has succeeded, or not")
        if (at >= 0) yield* same(ids.slice(at, at + list.length), idsOf(list), "what was restored at once")
      }
      yield* same(
        log.map(({ recordedAt }) => recordedAt.epochMilliseconds),
        log.map(({ recordedAt }) => recordedAt.epochMilliseconds).toSorted((a, b) => a - b),
        "the times of what restores and appends have stored"
      )
    })
  )
]
