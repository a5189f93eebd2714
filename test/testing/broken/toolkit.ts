/**
 * How a store is broken: the memory store, with something changed.
 */
import { DateTime, Effect, Layer, Stream } from "effect"
import { EventStore as Port, type RecordedEvent as Recorded } from "eventfold"
import { MemoryEventStore } from "eventfold/memory"

export type Store = Port.EventStore["Service"]
export type Append = Store["append"]
export type RecordedEvent = Recorded.RecordedEvent
export type Writes = ReadonlyArray<Port.Write>

export interface BrokenStore {
  readonly name: string
  readonly layer: Layer.Layer<Port.EventStore>
  /** Whether it is reported because something never comes: then the laws wait less long for it. */
  readonly hangs?: true
  /** Laws that must be broken, each with what the report must say. */
  readonly breaks: ReadonlyArray<readonly [law: string, says: string]>
}

/** The memory store with a part exchanged. */
export const changed = (
  change: (store: Store) => Partial<Store> | Effect.Effect<Partial<Store>>
): Layer.Layer<Port.EventStore> =>
  Layer.effect(
    Port.EventStore,
    Effect.gen(function* () {
      const store = yield* MemoryEventStore.make
      const part = change(store)
      return Port.EventStore.of({ ...store, ...(Effect.isEffect(part) ? yield* part : part) })
    })
  )

export const pause = (yields: number): Effect.Effect<void> =>
  Effect.forEach(Array.from({ length: yields }), () => Effect.yieldNow, { discard: true })

/** Changes the events that a store gives. */
export const reading = (
  store: Store,
  change: <E>(events: Stream.Stream<RecordedEvent, E>) => Stream.Stream<RecordedEvent, E>
): Pick<Store, "readStream" | "readLog" | "subscribe"> => ({
  readStream: (stream, options) => change(store.readStream(stream, options)),
  readLog: (options) => change(store.readLog(options)),
  subscribe: (options) => change(store.subscribe(options))
})

/** Changes the writes that a store is given. */
export const writing = (store: Store, change: (writes: Writes) => Writes): Pick<Store, "append"> => ({
  append: (writes, options) => store.append(change(writes), options)
})

export const expecting = (
  store: Store,
  change: (expected: Port.ExpectedVersion) => Port.ExpectedVersion
): Pick<Store, "append"> =>
  writing(store, (writes) => writes.map((write) => ({ ...write, expected: change(write.expected) })))

export const eventsOf = (writes: Writes) => writes.flatMap(({ events }) => events)

/** An answer for an append that did not happen. */
export const pretend = (store: Store, writes: Writes) =>
  Effect.all([store.head, DateTime.now]).pipe(
    Effect.map(([position, recordedAt]): Port.Appended => {
      return { position, versions: writes.map(() => 1), recordedAt, repeated: false }
    })
  )

/** The append of a store that checks its expectations first, and stores later. */
export const checkThenInsert =
  (store: Store, between: Effect.Effect<void>): Append =>
  (writes, options) =>
    Effect.gen(function* () {
      for (const { stream, expected } of writes) {
        const actual = yield* store.streamVersion(stream)
        const met =
          expected === "any" ||
          (expected === "no stream" ? actual === 0 : expected === "stream exists" ? actual > 0 : actual === expected)
        if (!met) return yield* new Port.ConcurrencyConflict({ stream, expected, actual })
      }
      yield* between
      return yield* expecting(store, () => "any").append(writes, options)
    })

/** The append of a store that looks for events that match the condition first, and stores later. */
export const conditionThenInsert =
  (store: Store, between: Effect.Effect<void>): Append =>
  (writes, options) =>
    Effect.gen(function* () {
      const { condition } = options ?? {}
      if (condition !== undefined) {
        const { after, query } = condition
        const found = yield* Stream.runHead(store.readLog({ from: after + 1, query }))
        if (found._tag === "Some") return yield* new Port.ConditionConflict({ after, position: found.value.position })
        yield* between
      }
      return yield* store.append(writes)
    })
