/**
 * Immutable: what was recorded is not changed, by whoever holds what went in or what came out.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { EventStore, type EventToAppend } from "../../EventStore.ts"
import type { RecordedEvent } from "../../RecordedEvent.ts"
import {
  append,
  appendTo,
  event,
  fresh,
  head,
  idsOf,
  isStored,
  ofCategory,
  readLog,
  readStream,
  write
} from "./fixtures.ts"
import { type Law, law, same } from "./Law.ts"

const content = (tag: string) =>
  event({ data: { list: [{ n: 1 }], keep: "me" }, tags: [tag, "b"], metadata: { own: { list: [1] } } })

/** Changes everything that can be changed within a value. */
const spoil = (value: unknown): void => {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return
  for (const key of Object.keys(value)) {
    const inside: unknown = Reflect.get(value, key)
    spoil(inside)
    if (typeof inside === "number" || typeof inside === "string") Reflect.set(value, key, "spoilt")
  }
  if (Array.isArray(value)) value.push("spoilt")
  else Reflect.set(value, "spoilt", true)
}

/** The parts of an event that are objects of their own. Instants are values, and left alone. */
const spoilEvent = (event: EventToAppend | RecordedEvent): void => {
  spoil(event.data)
  spoil(event.metadata)
  spoil(event.tags)
  Reflect.set(event, "type", "Spoilt")
  Reflect.set(event, "data", "spoilt")
}

/** A copy of an event that shares nothing with it. */
const plain = (event: RecordedEvent) => structuredClone({ ...event, recordedAt: event.recordedAt.epochMilliseconds })

export const laws: ReadonlyArray<Law> = [
  law(
    "changing what was given to an append, after it, changes nothing that is stored",
    Effect.gen(function* () {
      const stream = `${fresh("contract")}-1` as const
      const tag = fresh("tag")
      const writes = [write(stream, "no stream", [content(tag), content(tag)])]
      const kept = structuredClone(writes)
      const answer = yield* append(writes)
      for (const { events } of writes) events.forEach(spoilEvent)
      spoil(writes)
      yield* isStored(kept, answer)
      const tagged = yield* readLog({ query: [{ tags: [tag, "b"], types: ["Noted"] }] })
      yield* same(idsOf(tagged), idsOf(kept[0]!.events), "the events found by a tag that was changed after the append")
    })
  ),
  law(
    "changing what an append answered changes no later answer",
    Effect.gen(function* () {
      const writes = [write(`${fresh("contract")}-1`, "any", 2)]
      const answer = yield* append(writes)
      const kept = { ...answer, versions: [...answer.versions], repeated: true }
      spoil(answer.versions)
      Reflect.set(answer, "position", -1)
      yield* same({ ...(yield* append(writes)) }, kept, "the answer to an append again")
    })
  ),
  law(
    "changing what was read changes nothing that is stored",
    Effect.gen(function* () {
      const store = yield* EventStore
      const after = yield* head
      const category = fresh("contract")
      const stream = `${category}-1` as const
      const tag = fresh("tag")
      yield* appendTo(stream, [content(tag), content(tag)])
      const kept = (yield* readStream(stream)).map(plain)
      const query = ofCategory(category)
      const reads = {
        "the stream": readStream(stream),
        "the log": readLog({ query }),
        "a subscription": Stream.runCollect(Stream.take(store.subscribe({ after, query }), 2))
      }
      for (const [spoilt, spoiling] of Object.entries(reads)) {
        const read = yield* spoiling
        read.forEach(spoilEvent)
        for (const [what, reading] of Object.entries(reads)) {
          const now = (yield* reading).map(plain)
          yield* same(now, kept, `what is read from ${what} after changing what was read from ${spoilt}`)
        }
        yield* same(
          idsOf(yield* readLog({ query: [{ tags: [tag, "b"], types: ["Noted"] }] })),
          idsOf(kept),
          `the events found by a tag after changing what was read from ${spoilt}`
        )
      }
    })
  ),
  law(
    "a subscriber that changes what it gets changes nothing for another",
    Effect.gen(function* () {
      const store = yield* EventStore
      const after = yield* head
      const stream = `${fresh("contract")}-1` as const
      const one = content(fresh("tag"))
      const first = Effect.map(Stream.runHead(store.subscribe({ after })), (found) => {
        const { data, tags, metadata } = plain(Option.getOrThrow(found))
        spoilEvent(Option.getOrThrow(found))
        return { data, tags, metadata }
      })
      const [, ...seen] = yield* Effect.all([appendTo(stream, [structuredClone(one)]), first, first, first], {
        concurrency: "unbounded"
      })
      const { data, tags, metadata } = one
      for (const content of seen) yield* same(content, { data, tags, metadata }, "what a subscriber got")
    })
  ),
  law(
    "an append of stored ids with other content does not change the content that is stored",
    Effect.gen(function* () {
      const writes = [write(`${fresh("contract")}-1`, "any", 2)]
      const answer = yield* append(writes)
      const other = writes.map((one) => ({
        ...one,
        events: one.events.map((event) => ({ ...event, type: "Other", data: "other", tags: ["other"] }))
      }))
      // Whether this is answered or refused is for the store to decide.
      yield* Effect.result(append(other))
      yield* isStored(writes, answer)
    })
  )
]
