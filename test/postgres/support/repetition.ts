/**
 * The same appends from several sides.
 */
import { DateTime, Effect, Schema } from "effect"
import type { EventStore } from "eventfold"
import { eventOf } from "./workload.ts"

/** What an append was answered. */
export const Answer = Schema.Struct({
  position: Schema.Int,
  versions: Schema.Array(Schema.Int),
  recordedAt: Schema.String,
  repeated: Schema.Boolean
})
export type Answer = typeof Answer.Type

/** Appends of two events each to two streams, of as many as there are ids for, all at once. */
export const repeat = (
  store: EventStore.EventStore["Service"],
  ids: ReadonlyArray<string>
): Effect.Effect<ReadonlyArray<Answer>, EventStore.AppendError> =>
  Effect.forEach(
    Array.from({ length: ids.length / 2 }, (_, n) => n),
    (n) =>
      Effect.map(
        store.append([
          { stream: `red-${n % 5}`, expected: "any", events: [{ ...eventOf(), id: ids[2 * n]! }] },
          {
            stream: `blue-${n}`,
            expected: n % 2 === 0 ? "no stream" : "any",
            events: [{ ...eventOf(), id: ids[2 * n + 1]! }]
          }
        ]),
        ({ position, recordedAt, repeated, versions }) => ({
          position,
          versions,
          recordedAt: DateTime.formatIso(recordedAt),
          repeated
        })
      ),
    { concurrency: "unbounded" }
  )
