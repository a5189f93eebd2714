/**
 * Stores that store half, nothing or something else, and say otherwise.
 */
import { Effect, Semaphore } from "effect"
import { EventStore as Port } from "eventfold"
import {
  type Append,
  type BrokenStore,
  changed,
  conditionThenInsert,
  eventsOf,
  pause,
  pretend,
  writing
} from "./toolkit.ts"

export const appends: ReadonlyArray<BrokenStore> = [
  {
    name: "drops the events of a conflict, and reports success",
    layer: changed((store) => ({
      append: (writes, options) =>
        Effect.catchTag(store.append(writes, options), "ConcurrencyConflict", () => pretend(store, writes))
    })),
    breaks: [
      [
        "an expectation that does not hold is a ConcurrencyConflict with stream, expected and actual version",
        "succeeded"
      ],
      [
        "of appends that race expecting no stream of a stream at version 0, one wins and the others conflict",
        "50 of 50"
      ],
      [
        "who reads, appends at the version it has read, and tries again on a conflict gets through, and overwrites nobody",
        "the ids that the stream holds"
      ]
    ]
  },
  {
    name: "drops events whose ids it knows, and reports success",
    layer: changed((store) => {
      const known = new Set<string>()
      return {
        append: (writes, options) =>
          Effect.suspend(() => {
            const fresh = writes
              .map((write) => ({ ...write, events: write.events.filter(({ id }) => !known.has(id)) }))
              .filter(({ events }) => events.length > 0)
            return fresh.length === 0 && writes.length > 0
              ? pretend(store, writes)
              : Effect.tap(store.append(fresh, options), () =>
                  Effect.sync(() => eventsOf(fresh).forEach(({ id }) => known.add(id)))
                )
          })
      }
    }),
    breaks: [
      [
        "an event id that is stored in another place is refused as DuplicateEvent, and nothing is stored",
        "not refused"
      ],
      [
        "an append of which only some ids are stored is refused as DuplicateEvent, and nothing is stored",
        "is not refused"
      ]
    ]
  },
  {
    name: "stores the writes of an append one after the other",
    layer: changed((store) => ({
      append: (writes, options) =>
        Effect.gen(function* () {
          if (writes.length === 0) return yield* store.append(writes, options)
          const answers = yield* Effect.forEach(writes, (write) =>
            Effect.andThen(Effect.yieldNow, store.append([write], options))
          )
          return { ...answers[answers.length - 1]!, versions: answers.flatMap(({ versions }) => versions) }
        })
    })),
    breaks: [
      ["one expectation of several that does not hold stores nothing in any stream", "what is stored after"],
      [
        "positions are contiguous under concurrent writers, and each append has its own in the order of its writes",
        "what the log holds where an append was stored"
      ],
      ["an append that is interrupted is stored whole or not at all, and others are answered as ever", "log"],
      ["an append without writes, without events, or with two writes for one stream is refused", "what is stored"]
    ]
  },
  {
    name: "stores the events before it looks at the condition",
    layer: changed((store) => ({
      append: (writes, options) =>
        Effect.gen(function* () {
          const after = options?.condition?.after ?? 0
          const before = yield* store.head
          const answer = yield* store.append(writes)
          if (options?.condition === undefined || after >= before) return answer
          return yield* conditionThenInsert(store, Effect.void)(writes, options)
        })
    })),
    breaks: [["a condition that does not hold stores nothing in any stream", "what is stored after"]]
  },
  {
    name: "stores the writes in the order of their names",
    layer: changed((store) => writing(store, (writes) => writes.toSorted((a, b) => (a.stream < b.stream ? -1 : 1)))),
    breaks: [
      [
        "an append to several streams is stored whole, at contiguous positions in the order of its writes",
        "the answer to an append to three streams"
      ],
      [
        "positions are contiguous under concurrent writers, and each append has its own in the order of its writes",
        "what the log holds where an append was stored"
      ]
    ]
  },
  {
    name: "answers before what it stored can be read",
    layer: changed((store) => ({ head: Effect.map(store.head, (position) => Math.max(0, position - 1)) })),
    breaks: [
      ["an append is there, whole, as soon as it is acknowledged", "the head after an append"],
      ["what one fiber has appended, every other one reads at once", "the head is behind"],
      ["the last event of a stream and of the log are where streamVersion and head say", "the last position of the log"]
    ]
  },
  {
    name: "says that it is settled where it was before",
    layer: changed((store) => ({ settledHead: Effect.map(store.head, (position) => Math.max(0, position - 1)) })),
    breaks: [["the settled head is behind nothing that was acknowledged before it was asked for", "the settled head"]]
  },
  {
    name: "uses up the ids of appends that fail",
    layer: changed((store) => {
      const used = new Set<string>()
      return {
        append: (writes, options) =>
          Effect.suspend((): ReturnType<Append> =>
            eventsOf(writes).some(({ id }) => used.has(id))
              ? Effect.fail(new Port.StoreError({ reason: "DuplicateEvent", problem: "the id was seen before" }))
              : Effect.tapError(store.append(writes, options), () =>
                  Effect.sync(() => eventsOf(writes).forEach(({ id }) => used.add(id)))
                )
          )
      }
    }),
    breaks: [["an append that failed leaves its event ids free", "DuplicateEvent"]]
  },
  {
    name: "does not tell capital letters from small ones",
    layer: changed((store) => {
      // The hyphen stays, which the type does not know.
      const lower = (stream: string) => stream.toLowerCase() as Port.Write["stream"]
      return {
        ...writing(store, (writes) => writes.map((write) => ({ ...write, stream: lower(write.stream) }))),
        readStream: (stream, options) => store.readStream(lower(stream), options),
        streamVersion: (stream) => store.streamVersion(lower(stream))
      }
    }),
    breaks: [
      ["streams whose names are alike are different streams", "ConcurrencyConflict"],
      ["stream names of any script and up to 500 characters are names of their own", "[stream]"]
    ]
  },
  {
    name: "begins every stream at version 1",
    layer: changed((store) => ({
      streamVersion: (stream) => Effect.map(store.streamVersion(stream), (version) => Math.max(1, version))
    })),
    breaks: [["a stream without events is at version 0 and reads as empty", "the version of a stream without events"]]
  },
  {
    name: "lets an interruption in between the writes of an append",
    layer: changed((store) => ({
      append: (writes, options) =>
        Effect.gen(function* () {
          const [first, ...rest] = writes
          if (first === undefined || rest.length === 0) return yield* store.append(writes, options)
          const begun = yield* store.append([first], options)
          yield* pause(3)
          const ended = yield* store.append(rest, options)
          return { ...ended, versions: [...begun.versions, ...ended.versions] }
        })
    })),
    breaks: [["an append that is interrupted is stored whole or not at all, and others are answered as ever", "log"]]
  },
  {
    name: "keeps its lock when an append is interrupted",
    hangs: true,
    layer: changed((store) => {
      const lock = Semaphore.makeUnsafe(1)
      return {
        append: (writes, options) =>
          Effect.gen(function* () {
            yield* Semaphore.take(lock, 1)
            yield* Effect.yieldNow
            const exit = yield* Effect.exit(store.append(writes, options))
            yield* Semaphore.release(lock, 1)
            return yield* exit
          })
      }
    }),
    breaks: [["the store goes on after appends were interrupted", "did not end"]]
  }
]
