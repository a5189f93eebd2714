/**
 * Stores that forget what was appended before, or answer otherwise the second time.
 */
import { DateTime, Effect, Stream } from "effect"
import { EventStore as Port } from "eventfold"
import { type Append, type BrokenStore, changed, eventsOf, pause, reading, writing } from "./toolkit.ts"

export const idempotency: ReadonlyArray<BrokenStore> = [
  {
    name: "forgets event ids",
    layer: changed((store) => {
      const given = new Map<string, string>()
      const renamed = (id: string): string => {
        const own = crypto.randomUUID()
        given.set(own, id)
        return /^[0-9a-f-]{36}$/.test(id) ? own : id
      }
      return {
        ...writing(store, (writes) =>
          writes.map((write) => ({ ...write, events: write.events.map((e) => ({ ...e, id: renamed(e.id) })) }))
        ),
        ...reading(store, (events) => Stream.map(events, (e) => ({ ...e, id: given.get(e.id) ?? e.id })))
      }
    }),
    breaks: [
      [
        "an append again answers as the first time, whatever it expects and whatever was appended since",
        "ConcurrencyConflict"
      ],
      ["an append to several streams again answers as the first time", "ConcurrencyConflict"],
      [
        "an append on a condition again answers as the first time, though its own events and later ones match",
        "ConcurrencyConflict"
      ],
      ["of many that race to append the same, one stores it and all get its answer", "append the same failed"],
      ["appends that are each tried twice at the same time are each stored once", "the version of the stream"],
      [
        "an event id that is stored in another place is refused as DuplicateEvent, and nothing is stored",
        "an event of another stream is not refused"
      ],
      [
        "an append of which only some ids are stored is refused as DuplicateEvent, and nothing is stored",
        "a new one is not refused"
      ],
      ["an event id that is no UUID, or given twice, is refused", "an id twice in a write"]
    ]
  },
  {
    name: "recognises an append only until the next one",
    layer: changed((store) => {
      let last: string | undefined
      return {
        append: (writes, options) =>
          Effect.suspend(() => {
            const id = eventsOf(writes)[0]?.id
            const known = id === last
            return Effect.flatMap(store.append(writes, options), (answer): ReturnType<Append> => {
              last = id
              return answer.repeated && !known
                ? Effect.fail(new Port.StoreError({ reason: "DuplicateEvent", problem: "the id is stored already" }))
                : Effect.succeed(answer)
            })
          })
      }
    }),
    breaks: [
      [
        "an append again answers as the first time, whatever it expects and whatever was appended since",
        "StoreError: DuplicateEvent"
      ]
    ]
  },
  {
    name: "answers an append that is repeated with where the log is now",
    layer: changed((store) => ({
      append: (writes, options) =>
        Effect.gen(function* () {
          const answer = yield* store.append(writes, options)
          return answer.repeated ? { ...answer, position: yield* store.head, recordedAt: yield* DateTime.now } : answer
        })
    })),
    breaks: [
      [
        "an append to several streams again answers as the first time",
        "the answer to an append to several streams again"
      ]
    ]
  },
  {
    name: "does not say that an append was there before",
    layer: changed((store) => ({
      append: (writes, options) =>
        Effect.map(store.append(writes, options), (answer) => ({ ...answer, repeated: false }))
    })),
    breaks: [
      ["an append to several streams again answers as the first time", "at [repeated]"],
      ["of many that race to append the same, one stores it and all get its answer", "that say they were the first"],
      ["appends that are each tried twice at the same time are each stored once", "that say they were stored before"]
    ]
  },
  {
    name: "looks at the condition before it looks at the ids",
    layer: changed((store) => ({
      append: (writes, options) =>
        Effect.gen(function* () {
          const { condition } = options ?? {}
          if (condition !== undefined) {
            const { after, query } = condition
            const found = yield* Stream.runHead(store.readLog({ from: after + 1, query }))
            if (found._tag === "Some")
              return yield* new Port.ConditionConflict({ after, position: found.value.position })
          }
          return yield* store.append(writes, options)
        })
    })),
    breaks: [
      [
        "an append on a condition again answers as the first time, though its own events and later ones match",
        "ConditionConflict"
      ],
      ["of many that race to append the same, one stores it and all get its answer", "append the same failed"]
    ]
  },
  {
    name: "looks whether an append is there before it takes its lock",
    layer: changed((store) => {
      const known = new Map<string, Port.Appended>()
      return {
        append: (writes, options) =>
          Effect.gen(function* () {
            const id = eventsOf(writes)[0]?.id ?? ""
            const before = known.get(id)
            if (before !== undefined) return { ...before, repeated: true }
            yield* pause(2)
            const anew = known.has(id)
              ? writes.map((w) => ({ ...w, events: w.events.map((e) => ({ ...e, id: crypto.randomUUID() })) }))
              : writes
            const answer = yield* store.append(anew, options)
            known.set(id, answer)
            return answer
          })
      }
    }),
    breaks: [
      ["of many that race to append the same, one stores it and all get its answer", "append the same failed"],
      ["appends that are each tried twice at the same time are each stored once", "what the log holds"]
    ]
  },
  {
    name: "puts the new content in the place of the old when ids are appended again",
    layer: changed((store) => {
      const latest = new Map<string, Port.EventToAppend>()
      return {
        append: (writes, options) =>
          Effect.tap(store.append(writes, options), () =>
            Effect.sync(() => eventsOf(writes).forEach((event) => latest.set(event.id, structuredClone(event))))
          ),
        ...reading(store, (events) => Stream.map(events, (event) => ({ ...event, ...latest.get(event.id) })))
      }
    }),
    breaks: [["an append of stored ids with other content does not change the content that is stored", "[type]"]]
  }
]
