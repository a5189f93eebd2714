/**
 * The reference store: the whole contract of the port over an array, and of the ports of projections, processes and snapshots over maps. It lives as
 * long as its process; use it in tests and to try things. Who writes an adapter finds here what the promises come down to.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as PubSub from "effect/PubSub"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { defaultLimits, EventStore, type StoreError } from "../EventStore.ts"
import * as Measuring from "../internal/adapter/measuring.ts"
import { eventsOfPages } from "../internal/adapter/pages.ts"
import { checkAfter, checkAppend, checkRead, checkStream } from "../internal/adapter/request.ts"
import { checkRestore } from "../internal/adapter/restoring.ts"
import { ProcessStore } from "../ProcessStore.ts"
import { ProjectionStore } from "../ProjectionStore.ts"
import * as Query from "../Query.ts"
import { SnapshotStore } from "../SnapshotStore.ts"
import { type Database, make as makeDatabase } from "./database.ts"
import { select, toRecorded } from "./log.ts"
import * as MemoryProcessStore from "./MemoryProcessStore.ts"
import * as MemoryProjectionStore from "./MemoryProjectionStore.ts"
import * as MemorySnapshotStore from "./MemorySnapshotStore.ts"
import { checkInline } from "./projections/State.ts"

const pageSize = 256

const over = (
  { append, appended, inTransaction, log, look, lookSettled }: Database,
  measuring: Measuring.Measuring
): EventStore["Service"] => {
  const checked = <A>(
    check: Result.Result<void, StoreError>,
    stream: (head: number) => Iterable<A>
  ): Stream.Stream<A, StoreError> =>
    Result.isFailure(check)
      ? Stream.fail(check.failure)
      : Stream.unwrap(look(({ head }) => Stream.fromIterable(stream(head), { chunkSize: pageSize })))

  const pages: EventStore["Service"]["subscribePages"] = ({ after, query = Query.all }) =>
    Stream.suspend(() => {
      const check = checkAfter({ after, query })
      if (Result.isFailure(check)) return Stream.fail(check.failure)
      return Stream.unwrap(
        Effect.map(PubSub.subscribe(appended), (changes) =>
          Stream.paginate(after, (position) =>
            Effect.map(position < log.committed ? Effect.void : PubSub.take(changes), () => {
              const rows = log.rows.slice(position, Math.min(position + pageSize, log.committed))
              const events = rows.filter((row) => Query.matches(query, row)).map(toRecorded)
              const upTo = position + rows.length
              return [rows.length === 0 ? [] : [{ events, upTo }], Option.some(upTo)]
            })
          )
        )
      )
    })

  return EventStore.of({
    // From the first check to the last insert nothing else appends: that is the lock of this store.
    append: (writes, options) =>
      Effect.withFiber((fiber) => {
        const { askedAt, stopWaiting } = measuring.wait()
        const appended = append(({ now, state }, inline) => {
          stopWaiting()
          return Result.flatMap(checkAppend(writes, options?.condition, defaultLimits), (checked) => {
            const answer = Result.flatMap(checkInline(state, checked, inline), () =>
              log.append(checked, options?.condition, now)
            )
            measuring.sent([{ writes: checked, askedAt }], [answer])
            return answer
          })
        })
        return Measuring.logged(fiber, writes, Effect.onExitPrimitive(appended, stopWaiting))
      }),
    restore: (events) =>
      append(({ now, state }, inline) =>
        Result.gen(function* () {
          const checked = yield* checkRestore(events, defaultLimits)
          yield* checkInline(state, [{ events: checked }], inline)
          return yield* log.restore(checked, now)
        })
      ),
    readStream: (stream, options = {}) =>
      Stream.suspend(() =>
        checked(
          Result.andThen(checkStream(stream), () => checkRead(options)),
          (head) => select(log.streamUpTo(stream, head), options)
        )
      ),
    readLog: (options = {}) =>
      Stream.suspend(() => checked(checkRead(options), (head) => select({ rows: log.rows, length: head }, options))),
    subscribe: (options) => eventsOfPages(pages(options)),
    subscribePages: pages,
    head: look(({ head }) => head),
    settledHead: lookSettled(({ head }) => head),
    streamVersion: (stream) =>
      Effect.flatMap(Effect.fromResult(checkStream(stream)), () =>
        look(({ head }) => log.streamUpTo(stream, head).length)
      ),
    inTransaction
  })
}

/**
 * An empty store of events alone.
 */
export const make: Effect.Effect<EventStore["Service"]> = Effect.zipWith(makeDatabase, Measuring.make, over)

/**
 * A store in memory of events, of what projections and processes keep, and of snapshots, empty when the layer is built.
 *
 * @example
 * import { EventStore } from "eventfold"
 * import { MemoryEventStore } from "eventfold/memory"
 * import { Effect } from "effect"
 *
 * const head = Effect.flatMap(EventStore.EventStore, (store) => store.head)
 *
 * await Effect.runPromise(Effect.provide(head, MemoryEventStore.layer)) // 0
 */
export const layer: Layer.Layer<EventStore | ProjectionStore | ProcessStore | SnapshotStore> = Layer.effectContext(
  Effect.zipWith(makeDatabase, Measuring.make, (database, measuring) =>
    Context.make(EventStore, over(database, measuring)).pipe(
      Context.add(ProjectionStore, MemoryProjectionStore.over(database)),
      Context.add(ProcessStore, MemoryProcessStore.over(database)),
      Context.add(SnapshotStore, MemorySnapshotStore.over(database))
    )
  )
)
