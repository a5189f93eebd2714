/**
 * Stores that give too much, too little or something else.
 */
import { Effect, Option, Stream } from "effect"
import { EventStore as Port } from "eventfold"
import { type BrokenStore, changed, eventsOf, pretend, reading, type RecordedEvent, writing } from "./toolkit.ts"

const ofStream = "a read of a stream keeps to from, to, limit and direction"
const ofLog = "a read of the log keeps to from, to, limit, direction and query"
const pages = "a read is exact at the edges of pages"
const queries = "a query gives just the events that match: any item, any type, any category, all tags"

/** A store that keeps the very objects. */
const shares = (copy: (event: Port.EventToAppend) => Port.EventToAppend) =>
  changed((store) => {
    const kept = new Map<string, Port.EventToAppend>()
    return {
      append: (writes, options) =>
        Effect.tap(store.append(writes, options), ({ repeated }) =>
          Effect.sync(() => {
            if (!repeated) eventsOf(writes).forEach((event) => kept.set(event.id, copy(event)))
          })
        ),
      ...reading(store, (events) =>
        Stream.map(events, (event): RecordedEvent => {
          const { data, tags, metadata } = kept.get(event.id)!
          return { ...event, data, tags, metadata }
        })
      )
    }
  })

/** A store that keeps an event's data and metadata as something else than what they were. */
const keeping = (change: (json: unknown) => unknown) =>
  changed((store) =>
    reading(store, (events) =>
      Stream.map(events, (event): RecordedEvent => {
        const changed = { data: change(event.data), metadata: change(event.metadata) }
        // Whatever the change makes of it: the types would not let a broken store through.
        return { ...event, ...(changed as Pick<RecordedEvent, "data" | "metadata">) }
      })
    )
  )

const everywhere =
  (change: (value: unknown) => unknown) =>
  (json: unknown): unknown =>
    JSON.parse(JSON.stringify(json), (_, value) => change(value))

const isInvalid = (error: Port.AppendError): error is Port.StoreError =>
  error._tag === "StoreError" && error.reason === "InvalidRequest"

export const reads: ReadonlyArray<BrokenStore> = [
  {
    name: "takes a limit of 0 for no limit",
    layer: changed((store) => ({
      readStream: (stream, { limit, ...options } = {}) =>
        store.readStream(stream, limit ? { ...options, limit } : options),
      readLog: ({ limit, ...options } = {}) => store.readLog(limit ? { ...options, limit } : options)
    })),
    breaks: [
      [ofStream, `"limit":0`],
      [ofLog, `"limit":0`]
    ]
  },
  {
    name: "reads backward from the first event on",
    layer: changed((store) => ({
      readStream: (stream, { direction, ...options } = {}) => {
        const forward = store.readStream(stream, options)
        if (direction !== "backward") return forward
        return Stream.unwrap(Effect.map(Stream.runCollect(forward), (all) => Stream.fromIterable(all.toReversed())))
      }
    })),
    breaks: [
      [ofStream, "backward"],
      [pages, "backward"]
    ]
  },
  {
    name: "does not read backward",
    layer: changed((store) => ({
      readStream: (stream, options) => store.readStream(stream, { ...options, direction: "forward" }),
      readLog: (options) => store.readLog({ ...options, direction: "forward" })
    })),
    breaks: [
      [ofStream, "backward"],
      [ofLog, "backward"],
      ["the last event of a stream and of the log are where streamVersion and head say", "the last version of a stream"]
    ]
  },
  {
    name: "leaves out the first event of the second page",
    layer: changed((store) =>
      reading(store, (events) =>
        Stream.map(
          Stream.filter(Stream.zipWithIndex(events), ([, i]) => i !== 256),
          ([event]) => event
        )
      )
    ),
    breaks: [
      [pages, "the versions of a long stream"],
      ["a subscriber gets what is there and then what comes, each event once and in order", "what a subscriber got"]
    ]
  },
  {
    name: "reads on into what is appended meanwhile",
    layer: changed((store) => ({
      readStream: (stream, options = {}) => {
        if (Object.keys(options).length > 0) return store.readStream(stream, options)
        return Stream.paginate(1, (from) =>
          Effect.map(Stream.runCollect(store.readStream(stream, { from, limit: 100 })), (page) => [
            page,
            page.length === 0 ? Option.none() : Option.some(from + page.length)
          ])
        )
      }
    })),
    breaks: [
      ["a read gives what was there when it started, also when its own reader appends", "a read of a stream gave"]
    ]
  },
  {
    name: "gives events that have any of the tags of a query",
    layer: changed((store) => ({
      readLog: ({ query, ...options } = {}) =>
        store.readLog(
          query === undefined
            ? options
            : {
                ...options,
                query: query.flatMap((item) => item.tags?.map((tag) => ({ ...item, tags: [tag] })) ?? item)
              }
        )
    })),
    breaks: [[queries, "the read of the log by"]]
  },
  {
    name: "hands out the very objects that it was given",
    layer: shares((event) => event),
    breaks: [
      ["changing what was given to an append, after it, changes nothing that is stored", "what the log holds"],
      ["changing what was read changes nothing that is stored", "what is read from"]
    ]
  },
  {
    name: "hands out the same objects to all",
    layer: shares((event) => structuredClone(event)),
    breaks: [
      ["changing what was read changes nothing that is stored", "what is read from"],
      ["a subscriber that changes what it gets changes nothing for another", "what a subscriber got"]
    ]
  },
  {
    name: "hands out the same answer again",
    layer: changed((store) => {
      const answers = new Map<string, Port.Appended>()
      return {
        append: (writes, options) =>
          Effect.map(store.append(writes, options), (answer) => {
            const id = eventsOf(writes)[0]!.id
            const kept = answers.get(id) ?? answer
            answers.set(id, kept)
            return answer.repeated ? { ...kept, repeated: true } : kept
          })
      }
    }),
    breaks: [["changing what an append answered changes no later answer", "the answer to an append again"]]
  },
  {
    name: "makes dates of texts that look like dates",
    layer: keeping((json) => {
      const revive = (value: unknown): unknown =>
        typeof value === "string" && /^\d{4}-\d\d-\d\dT/.test(value)
          ? new Date(value)
          : Array.isArray(value)
            ? value.map(revive)
            : typeof value === "object" && value !== null
              ? Object.fromEntries(Object.entries(value).map(([key, inside]) => [key, revive(inside)]))
              : value
      return revive(json)
    }),
    breaks: [["types, tags, schema versions and texts of any script come back as they were", "what the log holds"]]
  },
  {
    name: "loses digits of big numbers",
    layer: keeping(everywhere((value) => (typeof value === "number" ? Math.fround(value) : value))),
    breaks: [
      ["data comes back as the JSON it was", "[data]"],
      ["metadata comes back as it was, the user's own too", "[metadata]"]
    ]
  },
  {
    name: "takes a key for a prototype",
    layer: keeping((json) => {
      const copy = (value: unknown): unknown => {
        if (typeof value !== "object" || value === null) return value
        if (Array.isArray(value)) return value.map(copy)
        const object: Record<string, unknown> = {}
        for (const key of Object.keys(value)) object[key] = copy(Reflect.get(value, key))
        return object
      }
      return copy(json)
    }),
    breaks: [["data comes back as the JSON it was", "__proto__"]]
  },
  {
    name: "keeps no metadata but its own",
    layer: changed((store) =>
      reading(store, (events) =>
        Stream.map(events, (event) => ({ ...event, metadata: { actor: event.metadata.actor ?? "" } }))
      )
    ),
    breaks: [["metadata comes back as it was, the user's own too", "[metadata]"]]
  },
  {
    name: "cuts names after 255 characters",
    layer: changed((store) => {
      // That this may not be a name any more is the point.
      const cut = (stream: string) => stream.slice(0, 255) as Port.Write["stream"]
      return {
        ...writing(store, (writes) => writes.map((write) => ({ ...write, stream: cut(write.stream) }))),
        readStream: (stream, options) => store.readStream(cut(stream), options),
        streamVersion: (stream) => store.streamVersion(cut(stream))
      }
    }),
    breaks: [
      ["stream names of any script and up to 500 characters are names of their own", "the stream name has no hyphen"]
    ]
  },
  {
    name: "sorts tags",
    layer: changed((store) =>
      reading(store, (events) => Stream.map(events, (event) => ({ ...event, tags: event.tags.toSorted() })))
    ),
    breaks: [["types, tags, schema versions and texts of any script come back as they were", "[tags]"]]
  },
  {
    name: "lets bad requests pass",
    layer: changed((store) => ({
      append: (writes, options) =>
        Effect.catchIf(store.append(writes, options), isInvalid, () => pretend(store, writes)),
      readStream: (stream, options) => Stream.catchIf(store.readStream(stream, options), isInvalid, () => Stream.empty),
      readLog: (options) => Stream.catchIf(store.readLog(options), isInvalid, () => Stream.empty),
      subscribe: (options) => Stream.catchIf(store.subscribe(options), isInvalid, () => Stream.empty),
      streamVersion: (stream) => Effect.catchIf(store.streamVersion(stream), isInvalid, () => Effect.succeed(0))
    })),
    breaks: [
      [
        "an append without writes, without events, or with two writes for one stream is refused",
        "no writes is not refused"
      ],
      ["a stream name that breaks the rules is refused, by reads too", "empty is not refused"],
      ["an event id that is no UUID, or given twice, is refused", "is not refused"],
      ["a type, tag or schema version that breaks the rules is refused", "an empty type is not refused"],
      ["data that is no JSON, or that not every store can hold, is refused", "data of undefined is not refused"],
      ["metadata that is no JSON, or that not every store can hold, is refused", "is not refused"],
      ["an event of more than 1 MiB is refused", "is not refused"],
      ["an expected version that is not a whole number of 0 or more is refused", "-1 is not refused"],
      ["a condition with a bad query or position is refused", "a query without items is not refused"],
      ["a read or a subscription with bad bounds or a bad query is refused", "a query without items is not refused"]
    ]
  },
  {
    name: "dies of bad requests to read",
    layer: changed((store) => ({
      readStream: (stream, options) => Stream.orDie(store.readStream(stream, options)),
      subscribe: (options) => Stream.orDie(store.subscribe(options))
    })),
    breaks: [
      ["a stream name that breaks the rules is refused, by reads too", "the store died"],
      ["a read or a subscription with bad bounds or a bad query is refused", "the store died"]
    ]
  },
  {
    name: "refuses bad requests as if it could not be reached",
    layer: changed((store) => ({
      append: (writes, options) =>
        Effect.catchIf(store.append(writes, options), isInvalid, ({ problem }) =>
          Effect.fail(new Port.StoreError({ reason: "Unavailable", problem }))
        )
    })),
    breaks: [["an event id that is no UUID, or given twice, is refused", "at [reason]"]]
  },
  {
    name: "stores what is good in a request before it refuses the rest",
    layer: changed((store) => ({
      append: (writes, options) =>
        Effect.tapError(store.append(writes, options), (error) =>
          isInvalid(error) ? Effect.forEach(writes, (one) => Effect.ignore(store.append([one], options))) : Effect.void
        )
    })),
    breaks: [["data that is no JSON, or that not every store can hold, is refused", "what is stored after"]]
  }
]
