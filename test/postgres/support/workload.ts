/**
 * Writers that append at random, and report what each append was answered. An event carries the append that it belongs to, with
 * all its expectations and its condition: so the finished log alone shows whether each append was legal where it stands.
 */
import { Effect, Random, Result, Schedule, Schema } from "effect"
import { EventStore, type Query, type StreamName } from "eventfold"

const Expected = Schema.Union([Schema.Int, Schema.Literals(["no stream", "stream exists", "any"])])

const QueryItem = Schema.Struct({
  types: Schema.optionalKey(Schema.Array(Schema.String)),
  categories: Schema.optionalKey(Schema.Array(Schema.String)),
  tags: Schema.optionalKey(Schema.Array(Schema.String))
})

/** An append as its events remember it. */
export const Attempt = Schema.Struct({
  id: Schema.String,
  writes: Schema.Array(Schema.Struct({ stream: Schema.String, expected: Expected, count: Schema.Int })),
  condition: Schema.NullOr(Schema.Struct({ query: Schema.Array(QueryItem), after: Schema.Int }))
})
export type Attempt = typeof Attempt.Type

/** What an event of an append holds: which one it is, and in the first one the append. */
export const Part = Schema.Struct({
  attempt: Schema.String,
  index: Schema.Int,
  whole: Schema.optionalKey(Attempt)
})

/** What an append was answered. */
export const Report = Schema.Struct({
  attempt: Attempt,
  answer: Schema.Union([
    Schema.TaggedStruct("Stored", {
      position: Schema.Int,
      versions: Schema.Array(Schema.Int),
      repeated: Schema.Boolean
    }),
    Schema.TaggedStruct("ConcurrencyConflict", { stream: Schema.String, expected: Expected, actual: Schema.Int }),
    Schema.TaggedStruct("ConditionConflict", { after: Schema.Int, position: Schema.Int }),
    Schema.TaggedStruct("StoreError", { reason: Schema.String, problem: Schema.String })
  ]),
  /** The reasons for which it was tried before, with the same event ids. */
  retried: Schema.Array(Schema.String)
})
export type Report = typeof Report.Type

export const categories = ["red", "blue"]
const types = ["Noted", "Counted", "Marked"]
const tags = ["x", "y", "z"]

/** The type of the event that says that the writers are done: one for each category. */
export const lastType = "Last"

const streamOf = (category: string, n: number): StreamName.StreamName => `${category}-${n}`

const streams = categories.flatMap((category) => [1, 2, 3].map((n) => streamOf(category, n)))

const oneOf = <A>(list: ReadonlyArray<A>): Effect.Effect<A> =>
  Effect.map(Random.nextIntBetween(0, list.length - 1), (i) => list[i]!)

const chance = (probability: number): Effect.Effect<boolean> => Effect.map(Random.next, (next) => next < probability)

const randomQuery: Effect.Effect<Query.Query> = Effect.gen(function* () {
  const item = Effect.gen(function* () {
    const kind = yield* Random.nextIntBetween(0, 3)
    if (kind === 0) return { types: [yield* oneOf(types)], tags: [yield* oneOf(tags)] }
    if (kind === 1) return { tags: [yield* oneOf(tags), yield* oneOf(tags)] }
    if (kind === 2) return { categories: [yield* oneOf(categories)], types: [yield* oneOf(types), yield* oneOf(types)] }
    return { types: [yield* oneOf(types)], categories: [yield* oneOf(categories)], tags: [yield* oneOf(tags)] }
  })
  return (yield* chance(0.7)) ? [yield* item] : [yield* item, yield* item]
})

/** An event of its own, that belongs to no workload. */
export const eventOf = (type = "Noted"): EventStore.EventToAppend => ({
  id: crypto.randomUUID(),
  type,
  schemaVersion: 1,
  data: null,
  tags: [],
  metadata: {}
})

/** One event for a stream, whatever it holds. */
export const writeTo = (
  stream: StreamName.StreamName,
  event = eventOf(),
  expected: EventStore.ExpectedVersion = "any"
): ReadonlyArray<EventStore.Write> => [{ stream, expected, events: [event] }]

type Store = EventStore.EventStore["Service"]

/** An attempt, and its writes with their events. */
export interface Chosen {
  readonly attempt: Attempt
  readonly writes: ReadonlyArray<EventStore.Write>
}

/** An append to some of the streams, chosen after a look at the store: what it expects may be stale when it comes there. */
const choose = (store: Store): Effect.Effect<Chosen, EventStore.StoreError> =>
  Effect.gen(function* () {
    const id = crypto.randomUUID()
    const count = (yield* chance(0.6)) ? 1 : yield* Random.nextIntBetween(2, 3)
    const chosen = (yield* Random.shuffle(streams)).slice(0, count)
    const after = (yield* chance(0.4)) ? yield* store.head : undefined
    const planned = yield* Effect.forEach(chosen, (stream) =>
      Effect.gen(function* () {
        const kind = yield* Random.next
        const expected: EventStore.ExpectedVersion =
          kind < 0.45
            ? "any"
            : kind < 0.55
              ? "stream exists"
              : kind < 0.6
                ? "no stream"
                : yield* store.streamVersion(stream)
        return { stream, expected, count: yield* Random.nextIntBetween(1, 3) }
      })
    )
    const attempt: Attempt = {
      id,
      writes: planned,
      condition: after === undefined ? null : { query: yield* randomQuery, after }
    }
    let index = 0
    const writes = yield* Effect.forEach(planned, ({ stream, expected, count }) =>
      Effect.map(
        Effect.forEach(Array.from({ length: count }), () =>
          Effect.gen(function* () {
            const whole = index === 0 ? { whole: attempt } : {}
            return {
              id: crypto.randomUUID(),
              type: yield* oneOf(types),
              schemaVersion: 1,
              data: { attempt: id, index: index++, ...whole },
              tags: (yield* Random.shuffle(tags)).slice(0, yield* Random.nextIntBetween(0, 2)),
              metadata: {}
            }
          })
        ),
        (events): EventStore.Write => ({ stream, expected, events })
      )
    )
    return { attempt, writes }
  })

export const answerOf = (result: Result.Result<EventStore.Appended, EventStore.AppendError>): Report["answer"] => {
  if (Result.isSuccess(result)) {
    const { position, versions, repeated } = result.success
    return { _tag: "Stored", position, versions, repeated }
  }
  const failure = result.failure
  switch (failure._tag) {
    case "ConcurrencyConflict":
      return { _tag: failure._tag, stream: failure.stream, expected: failure.expected, actual: failure.actual }
    case "ConditionConflict":
      return { _tag: failure._tag, after: failure.after, position: failure.position }
    case "StoreError":
      return { _tag: failure._tag, reason: failure.reason, problem: failure.problem }
  }
}

/** Appends, again with the same event ids while the store says that this may help. */
const settle = (store: Store, { attempt, writes }: Chosen): Effect.Effect<Report> =>
  Effect.gen(function* () {
    const retried: Array<string> = []
    while (true) {
      const options = attempt.condition === null ? {} : { condition: attempt.condition }
      const result = yield* Effect.result(store.append(writes, options))
      if (Result.isSuccess(result) || result.failure._tag !== "StoreError" || !result.failure.isRetryable) {
        return { attempt, answer: answerOf(result), retried }
      }
      retried.push(result.failure.reason)
      yield* Effect.sleep("50 millis")
    }
  })

/** A look at a store that may be away for a while. */
export const patiently = <A, R>(
  effect: Effect.Effect<A, EventStore.StoreError, R>
): Effect.Effect<A, EventStore.StoreError, R> =>
  Effect.retry(effect, { while: (error) => error.isRetryable, schedule: Schedule.spaced("50 millis") })

/**
 * One writer: appends until it is told to stop, and reports each append.
 */
export const writer = (options: {
  readonly store: Store
  readonly seed: string
  readonly report: (report: Report) => Effect.Effect<void>
  /** Whether to go on after so many appends. */
  readonly goesOn: (appends: number) => boolean
  /** The longest pause between two appends, in milliseconds. None by default. */
  readonly pause?: number
}): Effect.Effect<void, EventStore.StoreError> =>
  Effect.gen(function* () {
    for (let done = 0; options.goesOn(done); done++) {
      const chosen = yield* patiently(choose(options.store))
      yield* options.report(yield* settle(options.store, chosen))
      if (options.pause !== undefined) yield* Effect.sleep(yield* Random.nextIntBetween(0, options.pause))
    }
  }).pipe(Random.withSeed(options.seed))

/** One append of one event, whatever the stream holds. */
export const simple = (stream: StreamName.StreamName, type: string): Chosen => {
  const id = crypto.randomUUID()
  const attempt: Attempt = { id, writes: [{ stream, expected: "any", count: 1 }], condition: null }
  return { attempt, writes: writeTo(stream, { ...eventOf(type), data: { attempt: id, index: 0, whole: attempt } }) }
}

/** Appends the events that say that the writers are done. */
export const finish = (store: Store): Effect.Effect<void, EventStore.AppendError> =>
  Effect.gen(function* () {
    const id = crypto.randomUUID()
    const whole: Attempt = {
      id,
      writes: categories.map((category) => ({ stream: streamOf(category, 9), expected: "any", count: 1 })),
      condition: null
    }
    const event = { type: lastType, schemaVersion: 1, tags: [], metadata: {} }
    const writes = categories.map((category, index): EventStore.Write => {
      const data = index === 0 ? { attempt: id, index, whole } : { attempt: id, index }
      return { stream: streamOf(category, 9), expected: "any", events: [{ ...event, id: crypto.randomUUID(), data }] }
    })
    yield* store.append(writes)
  })
