/**
 * The reference store: the whole contract of the port over an array. It lives as long as its process; use it in tests and
 * to try things. Who writes an adapter finds here what the promises come down to.
 */
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as PubSub from "effect/PubSub"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import {
  type Appended,
  type AppendError,
  ConcurrencyConflict,
  type Condition,
  ConditionConflict,
  defaultLimits,
  EventStore,
  isExpected,
  type ReadOptions,
  StoreError
} from "../EventStore.ts"
import { findStored } from "../internal/adapter/repetition.ts"
import { type CheckedWrite, checkAfter, checkAppend, checkRead, checkStream } from "../internal/adapter/request.ts"
import * as Query from "../Query.ts"
import type { RecordedEvent } from "../RecordedEvent.ts"

const pageSize = 256

/** Data and metadata are kept as text, and parsed for every reader: no reader can change what another one reads. */
interface Row extends Omit<RecordedEvent, "data" | "metadata"> {
  readonly dataJson: string
  readonly metadataJson: string
}

const toRecorded = ({ dataJson, metadataJson, ...row }: Row): RecordedEvent => ({
  ...row,
  tags: [...row.tags],
  data: JSON.parse(dataJson),
  metadata: JSON.parse(metadataJson)
})

/**
 * An empty store.
 */
export const make: Effect.Effect<EventStore["Service"]> = Effect.gen(function* () {
  const log: Array<Row> = []
  const streams = new Map<string, Array<Row>>()
  const byId = new Map<string, Row>()
  // A wake-up, not a message: what there is to read is in the log alone, so there is no seam between catching up and live.
  const appended = yield* PubSub.sliding<void>(1)

  const versionOf = (stream: string): number => streams.get(stream)?.length ?? 0

  const answer = (writes: ReadonlyArray<CheckedWrite>): Appended => ({
    position: log.length,
    versions: writes.map(({ stream }) => versionOf(stream)),
    recordedAt: log[log.length - 1]!.recordedAt,
    repeated: false
  })

  const firstMatch = ({ after, query }: Condition): Row | undefined => {
    for (let i = after; i < log.length; i++) if (Query.matches(query, log[i]!)) return log[i]
    return undefined
  }

  const check = (
    writes: ReadonlyArray<CheckedWrite>,
    condition: Condition | undefined
  ): Result.Result<void, AppendError> => {
    for (const { stream, expected } of writes) {
      const actual = versionOf(stream)
      if (!isExpected(expected, actual)) return Result.fail(new ConcurrencyConflict({ stream, expected, actual }))
    }
    const { id } = writes.flatMap(({ events }) => events).find((event) => byId.has(event.id)) ?? {}
    if (id !== undefined) {
      const { stream, version } = byId.get(id)!
      const problem = `event ${id} is stored already, as version ${version} of stream ${stream}`
      return Result.fail(new StoreError({ reason: "DuplicateEvent", problem }))
    }
    const offending = condition && firstMatch(condition)
    return condition && offending
      ? Result.fail(new ConditionConflict({ after: condition.after, position: offending.position }))
      : Result.succeed(undefined)
  }

  const store = (writes: ReadonlyArray<CheckedWrite>, now: number): Appended => {
    const previous = log[log.length - 1]
    const recordedAt = DateTime.makeUnsafe(
      Math.max(now, previous === undefined ? 0 : previous.recordedAt.epochMilliseconds)
    )
    for (const { stream, events } of writes) {
      const rows = streams.get(stream) ?? []
      streams.set(stream, rows)
      for (const event of events) {
        const row: Row = {
          ...event,
          stream,
          version: rows.length + 1,
          position: log.length + 1,
          recordedAt
        }
        rows.push(row)
        log.push(row)
        byId.set(row.id, row)
      }
    }
    return answer(writes)
  }

  /** From the first check to the last insert nothing else runs: that is the lock of this store. */
  const append: EventStore["Service"]["append"] = (writes, options) =>
    Clock.currentTimeMillis.pipe(
      Effect.flatMap((now) =>
        Effect.suspend((): Effect.Effect<Appended, AppendError> =>
          Effect.fromResult(
            Result.gen(function* () {
              const checked = yield* checkAppend(writes, options?.condition, defaultLimits)
              const repeated = findStored(checked, (id) => byId.get(id))
              if (repeated !== undefined) return repeated
              yield* check(checked, options?.condition)
              return store(checked, now)
            })
          )
        )
      ),
      Effect.tap(() => PubSub.publish(appended, undefined)),
      Effect.uninterruptible
    )

  const read = (rows: ReadonlyArray<Row>, options: ReadOptions & { readonly query?: Query.Query }) => {
    const { from = 1, to = Infinity, limit = Infinity, direction = "forward", query } = options
    const lowest = Math.max(from, 1)
    const highest = Math.min(to, rows.length)
    function* events() {
      let left = limit
      for (let i = lowest; i <= highest && left > 0; i++) {
        const row = rows[(direction === "forward" ? i : lowest + highest - i) - 1]!
        if (query === undefined || Query.matches(query, row)) {
          left--
          yield toRecorded(row)
        }
      }
    }
    return Stream.fromIterable(events(), { chunkSize: pageSize })
  }

  const checked = <A>(
    check: Result.Result<void, StoreError>,
    stream: () => Stream.Stream<A>
  ): Stream.Stream<A, StoreError> => (Result.isFailure(check) ? Stream.fail(check.failure) : stream())

  return EventStore.of({
    append,
    readStream: (stream, options = {}) =>
      Stream.suspend(() =>
        checked(
          Result.andThen(checkStream(stream), () => checkRead(options)),
          () => read(streams.get(stream) ?? [], options)
        )
      ),
    readLog: (options = {}) => Stream.suspend(() => checked(checkRead(options), () => read(log, options))),
    subscribe: ({ after, query = Query.all }) =>
      Stream.suspend(() =>
        checked(checkAfter({ after, query }), () =>
          Stream.unwrap(
            Effect.map(PubSub.subscribe(appended), (changes) =>
              Stream.paginate(after, (position) =>
                Effect.map(position < log.length ? Effect.void : PubSub.take(changes), () => {
                  const page = log.slice(position, position + pageSize)
                  const events = page.filter((row) => Query.matches(query, row)).map(toRecorded)
                  return [events, Option.some(position + page.length)]
                })
              )
            )
          )
        )
      ),
    head: Effect.sync(() => log.length),
    streamVersion: (stream) =>
      Effect.flatMap(Effect.fromResult(checkStream(stream)), () => Effect.sync(() => versionOf(stream)))
  })
})

/**
 * A store in memory, empty when the layer is built.
 */
export const layer: Layer.Layer<EventStore> = Layer.effect(EventStore, make)
