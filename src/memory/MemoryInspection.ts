/**
 * A look into a log that is made by reading it: into the memory store, and into any store of which no more is known than the port. What it
 * costs is a read of the log, and memory for the names of its streams.
 */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { EventStore, type StoreError } from "../EventStore.ts"
import { type DayStatistics, Inspection, type Search, type Statistics, type TypeStatistics } from "../Inspection.ts"
import type { RecordedEvent } from "../RecordedEvent.ts"
import * as StreamName from "../StreamName.ts"

const bytes = new TextEncoder()
const sizeOf = ({ data, metadata }: RecordedEvent): number =>
  bytes.encode(JSON.stringify(data)).length + bytes.encode(JSON.stringify(metadata)).length

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

type Mutable<T> = { -readonly [Field in keyof T]: T[Field] }

const statisticsOf = (
  events: Stream.Stream<RecordedEvent, StoreError>,
  options: { readonly days: number; readonly longest: number }
): Effect.Effect<Statistics, StoreError> =>
  Effect.gen(function* () {
    const streams = new Map<StreamName.StreamName, number>()
    const types = new Map<string, Mutable<TypeStatistics>>()
    const days = new Map<string, Mutable<DayStatistics>>()
    let count = 0
    let first: RecordedEvent | undefined
    let last: RecordedEvent | undefined
    const add = (event: RecordedEvent): void => {
      const { recordedAt, schemaVersion, stream, type } = event
      first ??= event
      last = event
      count += 1
      streams.set(stream, (streams.get(stream) ?? 0) + 1)
      const size = sizeOf(event)
      const key = `${schemaVersion} ${type}`
      const ofType = types.get(key) ?? { type, schemaVersion, events: 0, bytes: 0, largest: 0 }
      types.set(key, ofType)
      ofType.events += 1
      ofType.bytes += size
      ofType.largest = Math.max(ofType.largest, size)
      const day = DateTime.formatIsoDateUtc(recordedAt)
      const ofDay = days.get(day) ?? { day, events: 0 }
      days.set(day, ofDay)
      ofDay.events += 1
    }
    yield* Stream.runForEachArray(events, (page) => Effect.sync(() => page.forEach(add)))
    const categories = new Map<string, { category: string; streams: number; events: number }>()
    for (const [stream, version] of streams) {
      const category = StreamName.category(stream)
      const one = categories.get(category) ?? { category, streams: 0, events: 0 }
      categories.set(category, one)
      one.streams += 1
      one.events += version
    }
    return {
      head: last?.position ?? 0,
      events: count,
      streams: streams.size,
      first: first?.recordedAt,
      last: last?.recordedAt,
      categories: Array.from(categories.values()).toSorted((a, b) => byText(a.category, b.category)),
      types: Array.from(types.values()).toSorted((a, b) => byText(a.type, b.type) || a.schemaVersion - b.schemaVersion),
      days: Array.from(days.values()).slice(-options.days),
      longest: Array.from(streams, ([stream, version]) => ({ stream, version }))
        .toSorted((a, b) => b.version - a.version || byText(a.stream, b.stream))
        .slice(0, options.longest),
      stored: undefined
    }
  })

/** Whether an event is among those that a search is for, beside its query and the bounds of its position. */
const isFound =
  ({ metadata = {}, since, until }: Search) =>
  ({ metadata: own, recordedAt }: RecordedEvent): boolean =>
    (since === undefined || DateTime.isGreaterThanOrEqualTo(recordedAt, since)) &&
    (until === undefined || DateTime.isLessThan(recordedAt, until)) &&
    Object.entries(metadata).every(([field, value]) => Equal.equals(own[field], value))

/** A look into a log through its store. */
export const over = (store: EventStore["Service"]): Inspection["Service"] => ({
  statistics: (options) => statisticsOf(store.readLog(), options),
  event: (id) =>
    Effect.map(Stream.runHead(Stream.filter(store.readLog(), (event) => event.id === id)), (found) =>
      found._tag === "Some" ? found.value : undefined
    ),
  search: (search) => {
    const { direction, from, limit = Infinity, query, to } = search
    return store
      .readLog({
        ...(query && { query }),
        ...(from !== undefined && { from }),
        ...(to !== undefined && { to }),
        ...(direction && { direction })
      })
      .pipe(Stream.filter(isFound(search)), Stream.take(limit))
  }
})

/** A look into the log of the store that is there. */
export const layer: Layer.Layer<Inspection, never, EventStore> = Layer.effect(Inspection, Effect.map(EventStore, over))
