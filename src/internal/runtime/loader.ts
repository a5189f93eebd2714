/**
 * How states are loaded: from what is known already, in memory or as a snapshot, and from the events that came since.
 */
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type * as Decider from "../../Decider.ts"
import * as Event from "../../Event.ts"
import type { EventStore, StoreError } from "../../EventStore.ts"
import * as Metrics from "../../Metrics.ts"
import type { RecordedEvent } from "../../RecordedEvent.ts"
import type { StreamName } from "../../StreamName.ts"
import { evolveRecorded, type Loaded, outOfPlace, unloaded } from "./loaded.ts"
import { type Measures, stopwatch } from "./measuring.ts"
import type { StreamSnapshots } from "./snapshots.ts"
import type { StateCache } from "./stateCache.ts"
import { annotate, spanned } from "./tracing.ts"

/**
 * How new a state has to be: the latest that the store has; any that is in memory; or one in memory that was the latest not
 * longer ago than this. What is not in memory is always read.
 */
export type LoadPolicy = "latest" | "cached" | { readonly notOlderThan: Duration.Input }

type Source = "nothing" | "cache" | "snapshot" | "stream"

/** What is known of a stream. */
export interface Known<out State> {
  readonly loaded: Loaded<State>
  /** Where that comes from. */
  readonly source: Source
  /** How many events were folded to know it, and on what. */
  readonly folded: { readonly events: number; readonly on: Source }
  /** The version of the newest snapshot that is known of, 0 without one. */
  readonly snapshotAt: number
  /** When it was known to be the latest, in milliseconds of the clock. */
  readonly asOf: number
  /** Whether the last look at the stream found what others had written since the one before. */
  readonly isShared: boolean
}

export interface Loader<in out State, out Read> {
  readonly measures: Measures
  /** Watches a state being loaded, however that is done. */
  readonly watching: <E>(stream: StreamName, load: Effect.Effect<Known<State>, E>) => Effect.Effect<Known<State>, E>
  /** What is known of a stream before it is read. */
  readonly begin: (stream: StreamName) => Effect.Effect<Known<State>>
  /** Whether that is new enough, without a look at the stream; where nothing is asked for, whether it is likely to be the latest. */
  readonly isEnough: (known: Known<State>, policy: LoadPolicy | undefined) => Effect.Effect<boolean>
  /** Folds what the stream has beyond that. `seen` is told of each event that is folded, and what the state is then. */
  readonly readOn: (
    stream: StreamName,
    known: Known<State>,
    seen?: (recorded: RecordedEvent, events: ReadonlyArray<Read>, loaded: Loaded<State>) => void
  ) => Effect.Effect<Known<State>, StoreError | Event.DecodeError>
  /** The state of a stream, as new as it has to be. */
  readonly latest: (
    stream: StreamName,
    policy: LoadPolicy
  ) => Effect.Effect<Loaded<State>, StoreError | Event.DecodeError>
  /** The state of a stream at a version, or the last one if it has not come so far. Not kept. */
  readonly atVersion: (
    stream: StreamName,
    version: number
  ) => Effect.Effect<Loaded<State>, StoreError | Event.DecodeError>
  /** An append to the stream has failed, and what became of it may not be known: the next command looks at the stream first. */
  readonly doubt: (stream: StreamName) => void
  /** Keeps what a stream has come to by an append. */
  readonly keep: (
    stream: StreamName,
    known: Known<State>,
    loaded: Loaded<State>,
    asOf: number
  ) => Effect.Effect<Known<State>>
}

/** A snapshot that is not of this stream: what the log has at its version is another event, or none. */
class Foreign extends Data.TaggedError("Foreign")<{}> {}

const notFolded = (on: Source): Known<unknown>["folded"] => ({ events: 0, on })

/** Of a stream that nobody has looked at. */
export const nothingKnown = <D extends Decider.Any>(decider: D): Known<Decider.State<D>> => ({
  loaded: unloaded(decider),
  source: "nothing",
  folded: notFolded("nothing"),
  snapshotAt: 0,
  asOf: 0,
  isShared: false
})

export const makeLoader = <D extends Decider.Any>(
  decider: D,
  store: EventStore["Service"],
  cache: StateCache<Decider.State<D>>,
  snapshots: Option.Option<StreamSnapshots<Decider.State<D>>>,
  measures: Measures
): Loader<Decider.State<D>, Decider.Read<D>> => {
  type State = Decider.State<D>
  type Read = Decider.Read<D>
  type Seen = (recorded: RecordedEvent, events: ReadonlyArray<Read>, loaded: Loaded<State>) => void
  const nothing = nothingKnown(decider)

  const fold = (
    stream: StreamName,
    from: Loaded<State>,
    { isSnapshot, seen, to }: { readonly isSnapshot: boolean; readonly seen?: Seen | undefined; readonly to?: number }
  ): Effect.Effect<Loaded<State>, StoreError | Event.DecodeError | Foreign> =>
    Effect.suspend(() => {
      let loaded = from
      let isConfirmed = !isSnapshot
      const foldPage = (
        page: ReadonlyArray<RecordedEvent>
      ): Effect.Effect<void, StoreError | Event.DecodeError | Foreign> => {
        for (const recorded of page) {
          if (!isConfirmed) {
            if (recorded.version !== from.version || recorded.position !== from.position)
              return Effect.fail(new Foreign())
            isConfirmed = true
            continue
          }
          const misplaced = outOfPlace(loaded, recorded)
          if (misplaced !== undefined) return Effect.fail(misplaced)
          const events = Event.decode<Read>(decider.reads, recorded)
          if (Result.isFailure(events)) return Effect.fail(events.failure)
          loaded = evolveRecorded(decider, loaded, events.success, recorded)
          seen?.(recorded, events.success, loaded)
        }
        return Effect.void
      }
      // The event that a snapshot ends with is read once more, to see that it is there.
      const range = { from: from.version + (isSnapshot ? 0 : 1), ...(to === undefined ? {} : { to }) }
      return Effect.flatMap(Stream.runForEachArray(store.readStream(stream, range), foldPage), () =>
        isConfirmed ? Effect.succeed(loaded) : Effect.fail(new Foreign())
      )
    })

  /** What is known after more events. */
  const read = (before: Known<State>, loaded: Loaded<State>, asOf: number, isShared: boolean): Known<State> => ({
    loaded,
    source: "stream",
    folded: { events: loaded.version - before.loaded.version, on: before.source },
    snapshotAt: before.snapshotAt,
    asOf,
    isShared
  })

  /** What is known after a look at the stream. Only who has looked before knows what is new. */
  const seenOf = (before: Known<State>, loaded: Loaded<State>, asOf: number): Known<State> => {
    const hasLooked = before.source === "cache" || before.source === "stream"
    return read(before, loaded, asOf, hasLooked && loaded.version > before.loaded.version)
  }

  const kept = (stream: StreamName, known: Known<State>, millis: number): Effect.Effect<Known<State>> => {
    const keep = (): Known<State> => {
      cache.keep(stream, known)
      return known
    }
    return Option.isNone(snapshots)
      ? Effect.sync(keep)
      : Effect.map(snapshots.value.offer(stream, known.loaded, known.snapshotAt, millis), keep)
  }

  const knownOf: (snapshot: Option.Option<Loaded<State>>) => Known<State> = Option.match({
    onNone: () => nothing,
    onSome: (loaded) => ({
      loaded,
      source: "snapshot",
      folded: notFolded("snapshot"),
      snapshotAt: loaded.version,
      asOf: 0,
      isShared: false
    })
  })

  const snapshotOf = (from: StreamSnapshots<State>, stream: StreamName, upTo?: number): Effect.Effect<Known<State>> =>
    Effect.withFiber(({ context }) =>
      Effect.map(from.load(stream, upTo), (found) => {
        Metrics.update(Option.isSome(found) ? measures.snapshotHits : measures.snapshotMisses, 1, context)
        return knownOf(found)
      })
    )

  const begin: Loader<State, Read>["begin"] = (stream) =>
    Effect.withFiber((fiber) => {
      const cached = cache.get(stream)
      Metrics.update(cached === undefined ? measures.cacheMisses : measures.cacheHits, 1, fiber.context)
      if (cached !== undefined) {
        return Effect.succeed<Known<State>>({ ...cached, source: "cache", folded: notFolded("cache") })
      }
      return Option.isNone(snapshots) ? Effect.succeed(nothing) : snapshotOf(snapshots.value, stream)
    })

  const isEnough: Loader<State, Read>["isEnough"] = (known, policy) => {
    if (policy === "latest" || known.source !== "cache") return Effect.succeed(false)
    if (policy === undefined) return Effect.succeed(!known.isShared)
    if (policy === "cached") return Effect.succeed(true)
    const most = Duration.toMillis(policy.notOlderThan)
    return Effect.map(Clock.currentTimeMillis, (now) => now - known.asOf <= most)
  }

  /** Folds on from what is known, or from the first event where that is a snapshot of something else. Gives which of the two it was. */
  const foldOn = (
    stream: StreamName,
    known: Known<State>,
    options: { readonly seen?: Seen | undefined; readonly to?: number }
  ): Effect.Effect<readonly [loaded: Loaded<State>, base: Known<State>], StoreError | Event.DecodeError> =>
    fold(stream, known.loaded, { ...options, isSnapshot: known.source === "snapshot" }).pipe(
      Effect.map((loaded) => [loaded, known] as const),
      Effect.catch((error) => {
        if (error._tag !== "Foreign") return Effect.fail(error)
        const discard = Option.match(snapshots, { onNone: () => Effect.void, onSome: ({ discard }) => discard(stream) })
        const whole = fold(stream, nothing.loaded, { ...options, isSnapshot: false })
        return Effect.andThen(discard, whole).pipe(
          Effect.map((loaded) => [loaded, nothing] as const),
          // Only of a snapshot can it be said.
          Effect.catchTag("Foreign", Effect.die)
        )
      })
    )

  const readOn: Loader<State, Read>["readOn"] = (stream, known, seen) =>
    Effect.withFiber((fiber) => {
      const clock = fiber.getRef(Clock.Clock)
      const began = clock.currentTimeMillisUnsafe()
      return Effect.flatMap(store.inTransaction, (isInTransaction) =>
        Effect.flatMap(foldOn(stream, known, { seen }), ([loaded, base]) => {
          const read = seenOf(base, loaded, began)
          // What is rolled back has never been.
          return isInTransaction ? Effect.succeed(read) : kept(stream, read, clock.currentTimeMillisUnsafe() - began)
        })
      )
    })

  const latest = Effect.fnUntraced(function* (stream: StreamName, policy: LoadPolicy) {
    const known = yield* begin(stream)
    return (yield* isEnough(known, policy)) ? known : yield* readOn(stream, known)
  })

  const atVersion = Effect.fnUntraced(function* (stream: StreamName, version: number) {
    const known =
      Option.isNone(snapshots) || version < 1 ? nothing : yield* snapshotOf(snapshots.value, stream, version)
    const [loaded, base] = yield* foldOn(stream, known, { to: version })
    return seenOf(base, loaded, 0)
  })

  const watching: Loader<State, Read>["watching"] = (stream, load) => {
    const options = () => ({ attributes: { "eventfold.category": measures.category, "eventfold.stream": stream } })
    return spanned("eventfold.load", options, (span, fiber) => {
      const seconds = stopwatch(fiber)
      return Effect.map(load, (known) => {
        const { folded, loaded, source } = known
        Metrics.update(measures.loadSeconds, seconds(), fiber.context)
        Metrics.update(measures.loadReplayedEvents, folded.events, fiber.context)
        if (source === "stream") Metrics.update(measures.streamLength, loaded.version, fiber.context)
        if (span === undefined) return known
        annotate(span, {
          "eventfold.version": loaded.version,
          "eventfold.replayed_events": folded.events,
          "eventfold.load.on": folded.on
        })
        return known
      })
    })
  }

  return {
    measures,
    watching,
    begin,
    isEnough,
    readOn,
    latest: (stream, policy) => Effect.map(watching(stream, latest(stream, policy)), ({ loaded }) => loaded),
    atVersion: (stream, version) => Effect.map(watching(stream, atVersion(stream, version)), ({ loaded }) => loaded),

    doubt: cache.doubt,
    keep: (stream, known, loaded, asOf) =>
      Effect.flatMap(store.inTransaction, (isInTransaction) => {
        const after = read(known, loaded, asOf, known.isShared)
        return isInTransaction ? Effect.succeed(after) : kept(stream, after, 0)
      })
  }
}
