/**
 * A target that says what would come of an import, and stores nothing.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { type Limits, type Restored, StoreError } from "../../EventStore.ts"
import { checkRestore, checkTimes } from "../../internal/adapter/restoring.ts"
import type { RecordedEvent } from "../../RecordedEvent.ts"
import type { Target } from "./into.ts"

/** A target whose log goes on in mind only. What it would have stored has the versions that it had. */
export const dryRun = Effect.fnUntraced(function* (
  { inspection, store }: Target,
  limits: Limits
): Effect.fn.Return<Target, StoreError> {
  let last = Option.getOrUndefined(yield* Stream.runHead(store.readLog({ direction: "backward", limit: 1 })))
  const head = last?.position ?? 0
  /** What would have been stored last. */
  let planned: ReadonlyArray<RecordedEvent> = []

  const restore: Target["store"]["restore"] = Effect.fnUntraced(function* (events) {
    const checked = yield* Effect.fromResult(checkRestore(events, limits))
    const ends = [yield* inspection.event(events[0]!.id), yield* inspection.event(events[events.length - 1]!.id)]
    if (ends.some((end) => end !== undefined)) {
      const to = ends[1]?.position ?? 0
      if (ends[0]?.position === to - events.length + 1) return { position: to, repeated: true } satisfies Restored
      return yield* new StoreError({ reason: "DuplicateEvent", problem: "some of the events are stored already" })
    }
    const now = yield* Clock.currentTimeMillis
    yield* Effect.fromResult(checkTimes(checked, { last: last?.recordedAt.epochMilliseconds, now }))
    const before = last?.position ?? 0
    planned = events.map((event, index) => ({ version: 0, ...event, position: before + index + 1 }))
    last = planned[planned.length - 1]
    return { position: before + events.length, repeated: false } satisfies Restored
  })

  return {
    inspection,
    store: {
      restore,
      readLog: (options = {}) =>
        options.direction === "backward"
          ? Stream.fromIterable(last === undefined ? [] : [last])
          : (options.from ?? 1) > head
            ? Stream.fromIterable(planned)
            : store.readLog(options)
    }
  }
})
