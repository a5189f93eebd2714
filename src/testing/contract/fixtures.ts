/**
 * What the laws are written with: fresh names, events, appends and what must have become of them.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import {
  type Appended,
  type AppendError,
  type Condition,
  EventStore,
  type EventToAppend,
  type ExpectedVersion,
  type ReadOptions,
  type StoreError,
  type StoreReason,
  type Write
} from "../../EventStore.ts"
import type { Query } from "../../Query.ts"
import type { RecordedEvent } from "../../RecordedEvent.ts"
import type { StreamName } from "../../StreamName.ts"
import { type Broken, broken, holds, same, within } from "./Law.ts"

/** How many fibers race. */
export const racers = 50

/** A word that no store has seen: a category, a type, a tag. */
export const fresh = (word: string): string => `${word}_${crypto.randomUUID().slice(24)}`

/** A stream of a category that no store has seen. */
export const freshStream = (): StreamName => `${fresh("contract")}-1`

/** Streams of one category. */
export const streamsOf = (category: string, count: number): ReadonlyArray<StreamName> =>
  numbers(count).map((i): StreamName => `${category}-${i}`)

/** The whole numbers below a count. */
export const numbers = (count: number): ReadonlyArray<number> => Array.from({ length: count }, (_, i) => i)

/** An event with an id of its own. */
export const event = (fields?: Partial<EventToAppend>): EventToAppend => ({
  id: crypto.randomUUID(),
  type: "Noted",
  schemaVersion: 1,
  data: null,
  tags: [],
  metadata: {},
  ...fields
})

/** Events with ids of their own, numbered in their data. */
export const events = (count: number, fields?: Partial<EventToAppend>): ReadonlyArray<EventToAppend> =>
  numbers(count).map((n) => event({ data: { n }, ...fields }))

/** A write of some events, or of so many. */
export const write = (
  stream: StreamName,
  expected: ExpectedVersion,
  content: number | ReadonlyArray<EventToAppend> = 1
): Write => ({ stream, expected, events: typeof content === "number" ? events(content) : content })

export const append = (
  writes: ReadonlyArray<Write>,
  condition?: Condition
): Effect.Effect<Appended, AppendError, EventStore> =>
  Effect.flatMap(EventStore, (store) => store.append(writes, condition === undefined ? undefined : { condition }))

/** Appends to a stream, whatever it holds. */
export const appendTo = (
  stream: StreamName,
  content: number | ReadonlyArray<EventToAppend> = 1
): Effect.Effect<Appended, AppendError, EventStore> => append([write(stream, "any", content)])

export const head: Effect.Effect<number, StoreError, EventStore> = Effect.flatMap(EventStore, (store) => store.head)

export const streamVersion = (stream: StreamName): Effect.Effect<number, StoreError, EventStore> =>
  Effect.flatMap(EventStore, (store) => store.streamVersion(stream))

export const readStream = (
  stream: StreamName,
  options?: ReadOptions
): Effect.Effect<Array<RecordedEvent>, StoreError, EventStore> =>
  Effect.flatMap(EventStore, (store) => Stream.runCollect(store.readStream(stream, options)))

export const readLog = (
  options?: ReadOptions & { readonly query?: Query }
): Effect.Effect<Array<RecordedEvent>, StoreError, EventStore> =>
  Effect.flatMap(EventStore, (store) => Stream.runCollect(store.readLog(options)))

/** The query for a category. */
export const ofCategory = (...categories: ReadonlyArray<string>): Query => [{ categories }]

export const idsOf = (list: ReadonlyArray<{ readonly id: string }>): ReadonlyArray<string> => list.map(({ id }) => id)

/** Many fibers at once, and what became of each. */
export const race = <I, A, E, R>(
  inputs: ReadonlyArray<I>,
  run: (input: I, index: number) => Effect.Effect<A, E, R>
): Effect.Effect<Array<Result.Result<A, E>>, never, R> =>
  Effect.forEach(inputs, (input, i) => Effect.result(Effect.andThen(Effect.yieldNow, run(input, i))), {
    concurrency: "unbounded"
  })

/** Those that succeeded, with the input of each. */
export const winners = <I, A, E>(
  inputs: ReadonlyArray<I>,
  results: ReadonlyArray<Result.Result<A, E>>
): ReadonlyArray<{ readonly input: I; readonly answer: A }> =>
  results.flatMap((result, i) => (Result.isSuccess(result) ? [{ input: inputs[i]!, answer: result.success }] : []))

/** The failures. */
export const losses = <A, E>(results: ReadonlyArray<Result.Result<A, E>>): ReadonlyArray<E> =>
  results.flatMap((result) => (Result.isFailure(result) ? [result.failure] : []))

/** The position of the first event of an append, from its answer. */
export const firstPosition = (writes: ReadonlyArray<Write>, answer: Appended): number =>
  answer.position - writes.reduce((count, { events }) => count + events.length, 0) + 1

/**
 * What must be in the log after an append, from its answer alone: its events and no others, in the order of the writes,
 * each as it was given.
 */
export const isStored = (
  writes: ReadonlyArray<Write>,
  answer: Appended
): Effect.Effect<void, Broken | StoreError, EventStore> =>
  Effect.gen(function* () {
    const from = firstPosition(writes, answer)
    const expected = writes
      .flatMap(({ stream, events }, i) =>
        events.map((event, n) => ({ ...event, stream, version: answer.versions[i]! - events.length + 1 + n }))
      )
      .map((event, i): RecordedEvent => ({ ...event, position: from + i, recordedAt: answer.recordedAt }))
    yield* same(
      yield* readLog({ from, to: answer.position }),
      expected,
      "what the log holds where an append was stored"
    )
    for (const { stream, events } of writes) {
      const ofStream = expected.filter((event) => event.stream === stream)
      const range = { from: ofStream[0]!.version, to: ofStream[events.length - 1]!.version }
      yield* same(yield* readStream(stream, range), ofStream, `what stream ${stream} holds where an append was stored`)
    }
  })

/** That an effect leaves the log and some streams as they were. */
export const storesNothing = <A, E, R>(
  what: string,
  streams: ReadonlyArray<StreamName>,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E | Broken | StoreError, R | EventStore> =>
  Effect.gen(function* () {
    const look = Effect.all([head, Effect.forEach(streams, (stream) => readStream(stream))])
    const before = yield* look
    const answer = yield* effect
    yield* same(yield* look, before, `what is stored after ${what}`)
    return answer
  })

/** What an append that must fail failed with. It must store nothing. */
const failure = (
  what: string,
  writes: ReadonlyArray<Write>,
  condition: Condition | undefined,
  check: (error: AppendError) => Effect.Effect<void, Broken>
): Effect.Effect<void, Broken | StoreError, EventStore> =>
  storesNothing(
    what,
    writes.map(({ stream }) => stream),
    Effect.flatMap(Effect.result(append(writes, condition)), (result) =>
      Result.isFailure(result) ? check(result.failure) : broken(`${what} succeeded`, { actual: result.success })
    )
  )

/** That an append conflicts in just this way, and stores nothing. */
export const conflicts = (
  what: string,
  writes: ReadonlyArray<Write>,
  conflict: { readonly stream: StreamName; readonly expected: ExpectedVersion; readonly actual: number },
  condition?: Condition
): Effect.Effect<void, Broken | StoreError, EventStore> =>
  failure(what, writes, condition, (error) => {
    if (error._tag !== "ConcurrencyConflict") return broken(`${what} failed with ${error._tag}: ${error.message}`)
    const { stream, expected, actual } = error
    return same({ stream, expected, actual }, conflict, `the conflict of ${what}`)
  })

/** That an append fails its condition in just this way, and stores nothing. */
export const violatesCondition = (
  what: string,
  writes: ReadonlyArray<Write>,
  condition: Condition,
  position: number
): Effect.Effect<void, Broken | StoreError, EventStore> =>
  failure(what, writes, condition, (error) => {
    if (error._tag !== "ConditionConflict") return broken(`${what} failed with ${error._tag}: ${error.message}`)
    const conflict = { after: condition.after, position }
    return same({ after: error.after, position: error.position }, conflict, `the conflict of ${what}`)
  })

/** That something is refused with a `StoreError` of this reason, which says what is wrong, and stores nothing. */
export const refused = <A, E extends { readonly _tag: string }>(
  what: string,
  reason: StoreReason,
  streams: ReadonlyArray<StreamName>,
  effect: Effect.Effect<A, E | StoreError, EventStore>
): Effect.Effect<void, Broken | StoreError, EventStore> =>
  storesNothing(
    what,
    streams,
    Effect.gen(function* () {
      const result = yield* within(`${what} is not refused, and does not end`, Effect.result(effect)).pipe(
        Effect.catchDefect((defect) => broken(`${what} is not refused, but the store died`, { actual: String(defect) }))
      )
      if (Result.isSuccess(result)) return yield* broken(`${what} is not refused`, { actual: result.success })
      const error: { readonly _tag: string; readonly reason?: unknown; readonly problem?: unknown } = result.failure
      yield* same({ _tag: error._tag, reason: error.reason }, { _tag: "StoreError", reason }, `the refusal of ${what}`)
      yield* holds(typeof error.problem === "string" && error.problem !== "", `the refusal of ${what} says nothing`)
    })
  )
