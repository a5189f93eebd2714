/**
 * The way that a stream has come: each of its events with the state after it, and what it changed.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { StoreError } from "../../EventStore.ts"
import type { EncodedEvent } from "../../Event.ts"
import * as Patch from "../../Patch.ts"
import type { RecordedEvent } from "../../RecordedEvent.ts"
import { CliFailure } from "../failure.ts"
import type { FoldError, Folding } from "./folding.ts"

/** A state, and the last event that is in it. */
export interface Reached {
  readonly state: unknown
  readonly version: number
  /** The last event folded. None before the first. */
  readonly last: RecordedEvent | undefined
  /** The state as JSON, where it has been written already. */
  readonly json?: Schema.Json
}

/** An event, and what came of it. */
export interface Step {
  readonly recorded: RecordedEvent
  /** What it is read as, where that is not what is stored. */
  readonly readAs: ReadonlyArray<EncodedEvent> | undefined
  readonly state: Schema.Json
  readonly patch: Patch.Patch
}

/** Before the first event. */
export const start = (folding: Folding): Reached => ({ state: folding.initial, version: 0, last: undefined })

/** After one more event. A stream that is not all there is no history: a state that was folded around a gap never was. */
export const advance = (
  folding: Folding,
  { state, version }: Reached,
  recorded: RecordedEvent
): Result.Result<Reached, FoldError> =>
  recorded.version === version + 1
    ? Result.map(folding.step(state, recorded), (state) => ({ state, version: recorded.version, last: recorded }))
    : Result.fail(
        new CliFailure({
          kind: "domain",
          problem: `stream ${recorded.stream} is not all there: after version ${version} comes version ${recorded.version}`,
          advice: "To replay a stream from a file, export all of it"
        })
      )

/** Where events lead to, from a state reached before. */
export const reach = Effect.fnUntraced(function* (
  folding: Folding,
  from: Reached,
  events: Stream.Stream<RecordedEvent, StoreError>
) {
  let reached = from
  yield* Stream.runForEachArray(events, (page): Effect.Effect<void, FoldError> => {
    for (const recorded of page) {
      const next = advance(folding, reached, recorded)
      if (Result.isFailure(next)) return Effect.fail(next.failure)
      reached = next.success
    }
    return Effect.void
  })
  return reached
})

/** An event with what came of it, and where it led. */
export const stepOf = (
  folding: Folding,
  before: Reached,
  recorded: RecordedEvent
): Result.Result<readonly [Reached, Step], FoldError> =>
  Result.gen(function* () {
    const after = yield* advance(folding, before, recorded)
    const state = yield* folding.json(after.state)
    const patch = Patch.between(before.json ?? (yield* folding.json(before.state)), state)
    return [
      { ...after, json: state },
      { recorded, readAs: folding.readAs(recorded), state, patch }
    ] as const
  })

/**
 * The steps of a stream from a version on, one by one: of their states only the last is held. `events` are all of the stream, from its first.
 */
export const trail = (
  folding: Folding,
  events: Stream.Stream<RecordedEvent, StoreError>,
  from: number
): Stream.Stream<Step, StoreError | FoldError> =>
  Stream.rechunk(events, 1).pipe(
    Stream.mapAccumEffect(
      () => start(folding),
      (reached, recorded: RecordedEvent) =>
        Effect.fromResult(
          recorded.version < from
            ? Result.map(advance(folding, reached, recorded), (next): readonly [Reached, ReadonlyArray<Step>] => [
                next,
                []
              ])
            : Result.map(
                stepOf(folding, reached, recorded),
                ([next, step]): readonly [Reached, ReadonlyArray<Step>] => [next, [step]]
              )
        )
    )
  )
