/**
 * Closing the books: a stream that has become long, or whose time is over, ends, and another one goes on with a summary. Nobody has to
 * read the first one any more to decide; who wants to know the whole story reads both. The pattern is that of bookkeeping, and the name
 * Oskar Dudycz's.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import type * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import type * as Decider from "../../Decider.ts"
import type * as Event from "../../Event.ts"
import { type EventStore, StoreError } from "../../EventStore.ts"
import type { RecordedEvent } from "../../RecordedEvent.ts"
import * as StreamName from "../../StreamName.ts"
import { decoded } from "./decoded.ts"
import { type ExecuteError, type ExecuteOptions, type Prepared, run } from "./executing.ts"
import { type DecidedExecution, makeExecution } from "./execution.ts"
import { tagOf } from "./watching.ts"
import type { Outcome } from "./loaded.ts"
import type { Loader } from "./loader.ts"

/**
 * How the books of a stream are closed.
 */
export interface Closing<
  D extends Decider.Any,
  Close extends Decider.Command<D>["_tag"],
  Open extends Decider.Command<D>["_tag"]
> {
  /** The command that ends the stream. */
  readonly close: Decider.Command<D> & { readonly _tag: Close }
  /** The id of the stream that goes on. */
  readonly next: string
  /** The command that begins it, from the state in which the first one ended. */
  readonly open: (state: Decider.State<D>) => Decider.Command<D> & { readonly _tag: Open }
}

/**
 * What became of closing the books.
 */
export interface Books<D extends Decider.Any> {
  /** Of the stream that has ended. */
  readonly closed: Outcome<Decider.State<D>, Decider.Event<D>>
  /** Of the stream that goes on. */
  readonly opened: Outcome<Decider.State<D>, Decider.Event<D>>
}

/** A stream, up to a version. */
interface Chapter {
  readonly stream: StreamName.StreamName
  readonly to: number
}

const invalid = (problem: string) => new StoreError({ reason: "InvalidRequest", problem })

/** The chapter that an event says its stream continues. Metadata may be anything. */
const chapterBefore = ({ metadata: { continues } }: RecordedEvent): Chapter | undefined => {
  if (!Predicate.isObject(continues) || typeof continues.stream !== "string") return undefined
  const stream = StreamName.parse(continues.stream)
  const { version } = continues
  return Result.isSuccess(stream) && Number.isSafeInteger(version) && version > 0
    ? { stream: stream.success, to: version }
    : undefined
}

export const makeBooks = <D extends Decider.Any>(
  decider: D,
  store: EventStore["Service"],
  loader: Loader<Decider.State<D>, Decider.Read<D>>,
  streamOf: (id: string) => StreamName.StreamName,
  retry: Schedule.Schedule<unknown>
) => {
  type Outcomes = Outcome<Decider.State<D>, Decider.Event<D>>
  type Tag = Decider.Command<D>["_tag"]

  /** Refuses what would leave one of the streams without what it should have. */
  const demanding = <Rejection>(
    execution: DecidedExecution<D, Rejection>,
    check: () => string | undefined
  ): DecidedExecution<D, Rejection | StoreError> => ({
    ...execution,
    decide: (context, metadata) =>
      Effect.flatMap(execution.decide(context, metadata), (writes) => {
        const problem = writes.length === 0 ? "it has come to no event" : check()
        return problem === undefined ? Effect.succeed(writes) : Effect.fail(invalid(problem))
      })
  })

  const closeBooks = <Close extends Tag, Open extends Tag>(
    id: string,
    { close, next, open }: Closing<D, Close, Open>,
    options: ExecuteOptions = {}
  ): Effect.Effect<Books<D>, Decider.Rejection<D, Close> | Decider.Rejection<D, Open> | ExecuteError> => {
    const [stream, nextStream] = [streamOf(id), streamOf(next)]
    if (stream === nextStream) return Effect.fail(invalid(`stream ${stream} cannot go on for itself`))
    let closing: DecidedExecution<D, unknown> | undefined
    const prepared = <Rejection>(
      of: StreamName.StreamName,
      tag: string | undefined,
      begin: Prepared<Outcomes, Rejection>["~eventfold/Prepared"]["begin"]
    ): Prepared<Outcomes, Rejection> => ({
      "~eventfold/Prepared": { store, stream: of, retry, begin, tag, measures: loader.measures }
    })

    const closes = prepared<Decider.Rejection<D, Close> | StoreError>(stream, tagOf(close), (executed) => {
      const execution = makeExecution<D, Decider.Rejection<D, Close>>(decider, loader, {
        ...executed,
        stream,
        command: () => close,
        about: () => ({ continuedBy: nextStream })
      })
      closing = execution
      return demanding(execution, () => undefined)
    })
    const opens = prepared<Decider.Rejection<D, Open> | StoreError>(nextStream, undefined, (executed) => {
      const execution = makeExecution<D, Decider.Rejection<D, Open>>(decider, loader, {
        ...executed,
        stream: nextStream,
        command: () => open(closing!.decided().state),
        about: () => ({ continues: { stream, version: closing!.decided().version } })
      })
      return demanding(execution, () =>
        execution.version() === 0
          ? undefined
          : `stream ${nextStream} has events already, and cannot go on for ${stream}`
      )
    })
    return Effect.map(
      run<Outcomes, Decider.Rejection<D, Close> | Decider.Rejection<D, Open> | StoreError>([closes, opens], options),
      ([closed, opened]) => ({ closed: closed!, opened: opened! })
    )
  }

  /** The chapters of a story, the first one first. */
  const chaptersOf = Effect.fnUntraced(function* (last: Chapter) {
    const chapters: Array<Chapter> = [last]
    for (;;) {
      const { stream } = chapters[0]!
      const first = yield* Stream.runHead(store.readStream(stream, { limit: 1 }))
      const before = Option.isNone(first) ? undefined : chapterBefore(first.value)
      if (before === undefined) return chapters
      if (chapters.some((chapter) => chapter.stream === before.stream)) {
        return yield* invalid(`the story of ${last.stream} goes round in a circle, at ${before.stream}`)
      }
      chapters.unshift(before)
    }
  })

  const story = (id: string): Stream.Stream<Event.Decoded<Decider.Read<D>>, StoreError | Event.DecodeError> =>
    Stream.unwrap(
      Effect.map(chaptersOf({ stream: streamOf(id), to: Infinity }), (chapters) =>
        decoded<Decider.Read<D>, StoreError>(
          decider.reads,
          Stream.flatMap(Stream.fromIterable(chapters), ({ stream, to }) =>
            store.readStream(stream, Number.isFinite(to) ? { to } : {})
          )
        )
      )
    )

  return { closeBooks, story }
}
