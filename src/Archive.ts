/**
 * Streams that are finished, kept in a log of their own: out of the way of those that go on, and still there to be read.
 *
 * A log is not changed, so nothing is taken out of it. What is finished is copied to an archive, and what goes on to a new log, both by
 * {@link Copy}; from then on the new log is the one that is written to, and this module puts the archive behind it.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { EventStore, StoreError } from "./EventStore.ts"
import { makeBounded } from "./internal/runtime/bounded.ts"
import type { StreamName } from "./StreamName.ts"

/**
 * What becomes of a read of an archived stream.
 */
export interface Options {
  /**
   * `"read"`, by default: it is read from the archive, and nobody notices. `"refuse"`: it fails, and says where the stream is. Use that where
   * reading what is finished would be a mistake.
   */
  readonly archived?: "read" | "refuse" | undefined
}

/** The streams that are known to be in the log, so that the archive need not be asked. */
const mostKnown = { entries: 100_000, weight: Infinity }

const archived = (stream: StreamName, what: string): StoreError =>
  new StoreError({ reason: "InvalidRequest", problem: `stream ${stream} is archived, and ${what}` })

const over = (
  store: EventStore["Service"],
  archive: EventStore["Service"],
  isRefused: boolean
): EventStore["Service"] => {
  const known = makeBounded<true>(mostKnown)
  const remember = (stream: StreamName): void => {
    known.set(stream, true, 1)
    known.trim()
  }

  /** The store that has a stream: the log, if neither has it. */
  const storeOf = Effect.fnUntraced(function* (stream: StreamName) {
    if (known.has(stream)) return store
    if ((yield* store.streamVersion(stream)) > 0) {
      // In a transaction it may be the transaction's own.
      if (!(yield* store.inTransaction)) remember(stream)
      return store
    }
    if ((yield* archive.streamVersion(stream)) === 0) return store
    if (isRefused) return yield* archived(stream, "is not read here: read it from the archive")
    return archive
  })

  const checkOpen = (stream: StreamName): Effect.Effect<void, StoreError> =>
    known.has(stream)
      ? Effect.void
      : Effect.gen(function* () {
          if ((yield* archive.streamVersion(stream)) === 0 || (yield* store.streamVersion(stream)) > 0) return
          return yield* archived(stream, "takes no more events: go on in another stream")
        })

  /** Stores in streams of the log, which are known to be there from then on. */
  const storing = <A, E>(places: ReadonlyArray<{ readonly stream: StreamName }>, stored: Effect.Effect<A, E>) => {
    const streams = Array.from(new Set(places.map(({ stream }) => stream)))
    return Effect.forEach(streams, checkOpen, { discard: true }).pipe(
      Effect.andThen(stored),
      Effect.tap(() =>
        Effect.map(store.inTransaction, (inTransaction) => {
          if (!inTransaction) streams.forEach(remember)
        })
      )
    )
  }

  return {
    ...store,
    append: (writes, options) => storing(writes, store.append(writes, options)),
    restore: (events) => storing(events, store.restore(events)),
    readStream: (stream, options) =>
      Stream.unwrap(Effect.map(storeOf(stream), (found) => found.readStream(stream, options))),
    streamVersion: (stream) => Effect.flatMap(storeOf(stream), (found) => found.streamVersion(stream))
  }
}

/**
 * Puts an archive behind a log. A stream that the log does not have and the archive has is read from there, or refused; it takes no
 * more events. The positions of its events are those of the archive. Reads of the log as a whole, and subscriptions, are of the log alone.
 *
 * What a stream is in must not change while it is used: first archive, then put the archive behind.
 *
 * @example
 * import { Archive } from "eventfold"
 * import { PostgresEventStore } from "eventfold/postgres"
 *
 * export const stores = Archive.behind(
 *   PostgresEventStore.layer({ schema: "orders_2026" }),
 *   PostgresEventStore.layer({ schema: "orders_archive" })
 * )
 */
export const behind = <A, E, In, E2, In2>(
  store: Layer.Layer<A | EventStore, E, In>,
  archive: Layer.Layer<EventStore, E2, In2>,
  options: Options = {}
): Layer.Layer<A | EventStore, E | E2, In | In2> =>
  Layer.provideMerge(
    Layer.effect(
      EventStore,
      Effect.gen(function* () {
        const log = yield* EventStore
        const behind = yield* Layer.build(archive)
        return over(log, Context.get(behind, EventStore), options.archived === "refuse")
      })
    ),
    store
  )
