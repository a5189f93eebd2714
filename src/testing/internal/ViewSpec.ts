import * as Effect from "effect/Effect"
import * as HashMap from "effect/HashMap"
import * as Stream from "effect/Stream"
import type { Decoded, Tagged } from "../../Event.ts"
import * as Event from "../../Event.ts"
import { EventStore } from "../../EventStore.ts"
import { uuidV7 } from "../../internal/runtime/uuid.ts"
import type { RecordedEvent } from "../../RecordedEvent.ts"
import * as StreamName from "../../StreamName.ts"
import * as View from "../../View.ts"
import { SpecFailure } from "../SpecFailure.ts"
import { type History, recordAll } from "./history.ts"
import { compareModels } from "./models.ts"
import { RunnableSpec } from "./RunnableSpec.ts"

/**
 * The spec of a view. On a store its events are stored and read back; their circumstances stay those of the spec.
 */
export class ViewSpec extends RunnableSpec {
  constructor(view: View.Any, history: History, expected: unknown) {
    const events = recordAll((event) => Event.encode(view.events, event), history)
    super(
      Effect.flatMap(events, (recorded) => check(view, recorded, expected)),
      Effect.flatMap(events, (recorded) =>
        Effect.flatMap(throughStore(recorded), (stored) => check(view, stored, expected))
      )
    )
  }
}

const decodeAll = (
  view: View.Any,
  events: ReadonlyArray<RecordedEvent>
): Effect.Effect<ReadonlyArray<Decoded<Tagged>>, SpecFailure> =>
  Effect.forEach(events, (recorded) =>
    Effect.mapError(
      Effect.fromResult(Event.decodeRecorded<Tagged>(view.events, recorded)),
      (error) => new SpecFailure({ problem: `a given event cannot be read back: ${error.message}` })
    )
  ).pipe(Effect.map((pages) => pages.flat()))

const check = Effect.fnUntraced(function* (view: View.Any, events: ReadonlyArray<RecordedEvent>, expected: unknown) {
  const decoded = yield* decodeAll(view, events)
  const models =
    view._tag === "View" ? View.fold(view, decoded) : Object.fromEntries(HashMap.entries(View.foldKeyed(view, decoded)))
  const difference = yield* compareModels(`the view ${view.name}`, view, expected, models)
  if (difference !== undefined) return yield* difference
})

/** The same events, with type, data and tags as a store gives them back. */
const throughStore = Effect.fnUntraced(function* (events: ReadonlyArray<RecordedEvent>) {
  const store = yield* EventStore
  const suffix = yield* uuidV7
  const stored: Array<RecordedEvent> = []
  for (const event of events) {
    const stream = StreamName.make(StreamName.category(event.stream), `${StreamName.id(event.stream)}-${suffix}`)
    const id = yield* uuidV7
    const { type, schemaVersion, data, tags, metadata } = event
    yield* store.append([
      { stream, expected: event.version - 1, events: [{ type, schemaVersion, data, tags, metadata, id }] }
    ])
    const [read] = yield* Stream.runCollect(store.readStream(stream, { from: event.version }))
    if (read?.id !== id) return yield* new SpecFailure({ problem: `the store has lost ${type}, appended to ${stream}` })
    stored.push({ ...event, type: read.type, schemaVersion: read.schemaVersion, data: read.data, tags: read.tags })
  }
  return stored
})
