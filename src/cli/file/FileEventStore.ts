/**
 * An exported file of events as a store that only reads: its events are as the file has them, with their positions and versions, also where the
 * file has only some of a log. They are held in memory.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import type { PlatformError } from "effect/PlatformError"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { EventStore, type ReadOptions, StoreError } from "../../EventStore.ts"
import { checkAfter, checkRead, checkStream } from "../../internal/adapter/request.ts"
import * as Query from "../../Query.ts"
import type { RecordedEvent } from "../../RecordedEvent.ts"
import * as StreamName from "../../StreamName.ts"
import { CliFailure } from "../failure.ts"
import { decodeLine } from "./line.ts"
import { type TextLine, textLines } from "./textLines.ts"

const unreadable = (path: string, line: number, problem: string): CliFailure =>
  new CliFailure({
    kind: "domain",
    problem: `${path}:${line}: ${problem}`,
    advice: `Find everything that is wrong with the file: eventfold validate --store ${path}`
  })

/** The lines of a file, but for empty ones. */
const linesOf = (path: string): Stream.Stream<TextLine, PlatformError, FileSystem.FileSystem> =>
  Stream.unwrap(Effect.map(FileSystem.FileSystem, (files) => textLines(files.stream(path)))).pipe(
    Stream.filter(({ problem, text }) => problem !== undefined || text.trim() !== "")
  )

/** The event on a line of a file. */
export const eventOf = (
  path: string,
  { number, text }: { readonly number: number; readonly text: string }
): Result.Result<RecordedEvent, CliFailure> =>
  Result.gen(function* () {
    const line = yield* Result.mapError(decodeLine(text), ({ message }) => unreadable(path, number, message))
    const stream = yield* Result.mapError(StreamName.parse(line.stream), (wrong) => unreadable(path, number, wrong))
    return { ...line, stream }
  })

const readOnly: StoreError = new StoreError({
  reason: "ReadOnly",
  problem: "a file of events takes no more: import it into a store"
})

const over = (rows: ReadonlyArray<RecordedEvent>): EventStore["Service"] => {
  const streams = Map.groupBy(rows, ({ stream }) => stream)
  const head = rows.at(-1)?.position ?? 0

  const select = (
    from: ReadonlyArray<RecordedEvent>,
    placeOf: (event: RecordedEvent) => number,
    { direction = "forward", from: lowest = 1, limit, query, to = Infinity }: ReadOptions & { query?: Query.Query }
  ) => {
    const found = from.filter(
      (event) =>
        placeOf(event) >= lowest && placeOf(event) <= to && (query === undefined || Query.matches(query, event))
    )
    return Stream.fromIterable((direction === "forward" ? found : found.toReversed()).slice(0, limit))
  }
  const checked = (
    check: Result.Result<void, StoreError>,
    read: () => Stream.Stream<RecordedEvent>
  ): Stream.Stream<RecordedEvent, StoreError> =>
    Result.isFailure(check) ? Stream.fail(check.failure) : Stream.suspend(read)

  const pages: EventStore["Service"]["subscribePages"] = ({ after, query = Query.all }) => {
    const check = checkAfter({ after, query })
    if (Result.isFailure(check)) return Stream.fail(check.failure)
    const events = rows.filter((event) => event.position > after && Query.matches(query, event))
    return Stream.concat(Stream.make({ events, upTo: Math.max(after, head) }), Stream.never)
  }

  return {
    append: () => Effect.fail(readOnly),
    restore: () => Effect.fail(readOnly),
    readStream: (stream, options = {}) =>
      checked(
        Result.andThen(checkStream(stream), () => checkRead(options)),
        () => select(streams.get(stream) ?? [], ({ version }) => version, options)
      ),
    readLog: (options = {}) => checked(checkRead(options), () => select(rows, ({ position }) => position, options)),
    subscribe: (options) => Stream.flatMap(pages(options), ({ events }) => Stream.fromIterable(events)),
    subscribePages: pages,
    head: Effect.succeed(head),
    settledHead: Effect.succeed(head),
    streamVersion: (stream) => Effect.sync(() => streams.get(stream)?.at(-1)?.version ?? 0),
    inTransaction: Effect.succeed(false)
  }
}

/** The events of a file. Fails at the first line that is none, and where positions do not grow. */
export const layer = (path: string): Layer.Layer<EventStore, CliFailure | PlatformError, FileSystem.FileSystem> =>
  Layer.effect(
    EventStore,
    Effect.gen(function* () {
      let last = 0
      const events = linesOf(path).pipe(
        Stream.mapEffect((line) =>
          Effect.gen(function* () {
            if (line.problem !== undefined) return yield* unreadable(path, line.number, line.problem)
            const event = yield* Effect.fromResult(eventOf(path, line))
            if (event.position <= last) {
              return yield* unreadable(path, line.number, `position ${event.position} comes after ${last}`)
            }
            last = event.position
            return event
          })
        )
      )
      return over(yield* Stream.runCollect(events))
    })
  )
