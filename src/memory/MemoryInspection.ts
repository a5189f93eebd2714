/**
 * A look into a log that is made by reading it: into the memory store, and into any store of which no more is known than the port. What it
 * costs is a read of the log, and memory for the names of its streams.
 */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { EventStore, type StoreError } from "../EventStore.ts"
import {
  type CategoryStatistics,
  type DayStatistics,
  Inspection,
  type Search,
  type Statistics,
  type TypeStatistics
} from "../Inspection.ts"
import { bytesOf, checkSearch, checkStatistics, readOf } from "../internal/adapter/inspection.ts"
import type { RecordedEvent } from "../RecordedEvent.ts"
import * as StreamName from "../StreamName.ts"
import { byCodePoints, equals } from "./comparing.ts"

type Mutable<T> = { -readonly [Field in keyof T]: T[Field] }

/** The value of a key, made when it is asked for first. */
const of = <A>(all: Map<string, A>, key: string, make: () => A): A => {
  const found = all.get(key)
  if (found !== undefined) return found
  const made = make()
  all.set(key, made)
  return made
}

/** Counts events as they come, in the order of the log. */
const counting = () => {
  const streams = new Map<StreamName.StreamName, number>()
  const types = new Map<string, Mutable<TypeStatistics>>()
  const days = new Map<string, Mutable<DayStatistics>>()
  let count = 0
  let first: RecordedEvent | undefined
  let last: RecordedEvent | undefined

  const add = (event: RecordedEvent): void => {
    const { data, metadata, recordedAt, schemaVersion, stream, type } = event
    first ??= event
    last = event
    count += 1
    streams.set(stream, (streams.get(stream) ?? 0) + 1)
    const bytes = bytesOf(data) + bytesOf(metadata)
    const ofType = of(types, `${schemaVersion} ${type}`, () => ({
      type,
      schemaVersion,
      events: 0,
      bytes: 0,
      largest: 0
    }))
    ofType.events += 1
    ofType.bytes += bytes
    ofType.largest = Math.max(ofType.largest, bytes)
    const day = DateTime.formatIsoDateUtc(recordedAt)
    of(days, day, () => ({ day, events: 0 })).events += 1
  }

  const categories = (): ReadonlyArray<CategoryStatistics> => {
    const all = new Map<string, Mutable<CategoryStatistics>>()
    for (const [stream, events] of streams) {
      const category = StreamName.category(stream)
      const one = of(all, category, () => ({ category, streams: 0, events: 0 }))
      one.streams += 1
      one.events += events
    }
    return Array.from(all.values()).toSorted((a, b) => byCodePoints(a.category, b.category))
  }

  const statistics = (options: { readonly days: number; readonly longest: number }): Statistics => ({
    head: last?.position ?? 0,
    events: count,
    streams: streams.size,
    first: first?.recordedAt,
    last: last?.recordedAt,
    categories: categories(),
    types: Array.from(types.values()).toSorted(
      (a, b) => byCodePoints(a.type, b.type) || a.schemaVersion - b.schemaVersion
    ),
    days: Array.from(days.values()).slice(Math.max(0, days.size - options.days)),
    longest: Array.from(streams, ([stream, events]) => ({ stream, events }))
      .toSorted((a, b) => b.events - a.events || byCodePoints(a.stream, b.stream))
      .slice(0, options.longest),
    stored: undefined
  })

  return { add, statistics }
}

/** Whether an event is among those that a search is for, beside what a read of the log looks at. */
const isFound = ({ metadata = {}, since, until }: Search): ((event: RecordedEvent) => boolean) => {
  return ({ metadata: own, recordedAt }) =>
    (since === undefined || DateTime.isGreaterThanOrEqualTo(recordedAt, since)) &&
    (until === undefined || DateTime.isLessThan(recordedAt, until)) &&
    Object.entries(metadata).every(([field, value]) => Object.hasOwn(own, field) && equals(own[field], value))
}

/** A look into a log through its store. */
export const over = (store: EventStore["Service"]): Inspection["Service"] => ({
  statistics: Effect.fnUntraced(function* (options) {
    yield* Effect.fromResult(checkStatistics(options))
    const { add, statistics } = counting()
    yield* Stream.runForEachArray(store.readLog(), (page) => Effect.sync(() => page.forEach(add)))
    return statistics(options)
  }),
  event: (id) => {
    const wanted = id.toLowerCase()
    return store.readLog().pipe(
      Stream.filter((event) => event.id.toLowerCase() === wanted),
      Stream.runHead,
      Effect.map(Option.getOrUndefined)
    )
  },
  search: (search) =>
    Stream.suspend(() => {
      const check = checkSearch(search)
      if (Result.isFailure(check)) return Stream.fail<StoreError>(check.failure)
      const { limit = Infinity } = search
      return store
        .readLog(readOf({ ...search, limit: undefined }))
        .pipe(Stream.filter(isFound(search)), Stream.take(limit))
    })
})

/**
 * A look into the log of the store that is there.
 *
 * @example
 * import { Inspection } from "eventfold"
 * import { MemoryEventStore, MemoryInspection } from "eventfold/memory"
 * import { Effect, Layer } from "effect"
 *
 * const statistics = Effect.flatMap(Inspection.Inspection, (look) => look.statistics({ days: 7, longest: 3 }))
 * const Store = MemoryInspection.layer.pipe(Layer.provideMerge(MemoryEventStore.layer))
 *
 * await Effect.runPromise(Effect.provide(statistics, Store))
 */
export const layer: Layer.Layer<Inspection, never, EventStore> = Layer.effect(Inspection, Effect.map(EventStore, over))
