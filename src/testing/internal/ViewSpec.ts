import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as HashMap from "effect/HashMap"
import * as Stream from "effect/Stream"
import type { Decoded, Tagged } from "../../Event.ts"
import * as Event from "../../Event.ts"
import { EventStore } from "../../EventStore.ts"
import { uuidV7 } from "../../internal/runtime/uuid.ts"
import type { Metadata, RecordedEvent } from "../../RecordedEvent.ts"
import * as StreamName from "../../StreamName.ts"
import * as View from "../../View.ts"
import { compare, SpecFailure } from "../SpecFailure.ts"
import { RunnableSpec, StoredEvent } from "./RunnableSpec.ts"
import { encodeEvent, encodeValue, envelope, specTime } from "./stored.ts"

/** An event with its circumstances. */
export interface Happened<out E> {
  readonly event: E | StoredEvent
  readonly stream?: StreamName.StreamName
  readonly at?: DateTime.DateTime.Input
  readonly metadata?: Metadata
}

/**
 * The spec of a view. On a store its events are stored and read back; their circumstances stay those of the spec.
 */
export class ViewSpec extends RunnableSpec {
  constructor(view: View.Any, history: ReadonlyArray<Tagged | StoredEvent | Happened<Tagged>>, expected: unknown) {
    const events = recordAll(view, history)
    super(
      Effect.flatMap(events, (recorded) => check(view, recorded, expected)),
      Effect.flatMap(events, (recorded) =>
        Effect.flatMap(throughStore(recorded), (stored) => check(view, stored, expected))
      )
    )
  }
}

const recordAll = Effect.fnUntraced(function* (
  view: View.Any,
  history: ReadonlyArray<Tagged | StoredEvent | Happened<Tagged>>
) {
  const versions = new Map<string, number>()
  const recorded: Array<RecordedEvent> = []
  for (const [index, item] of history.entries()) {
    const happened: Happened<Tagged> = "_tag" in item || item instanceof StoredEvent ? { event: item } : item
    const { event, stream = StreamName.make("spec", "1"), at = specTime, metadata = {} } = happened
    const version = (versions.get(stream) ?? 0) + 1
    versions.set(stream, version)
    const encoded = yield* encodeEvent(
      view.events,
      `given event ${index} (${event instanceof StoredEvent ? event.type : event._tag})`,
      event
    )
    const recordedAt = DateTime.toUtc(DateTime.makeUnsafe(at))
    recorded.push(envelope(encoded, { stream, version, position: index + 1, recordedAt, metadata }))
  }
  return recorded
})

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
  const encode = (where: string) => (model: unknown) => encodeValue(view.model, where, model)
  const encodeModels = (where: string, models: Iterable<readonly [string, unknown]>) =>
    Effect.map(
      Effect.forEach(models, ([key, model]) =>
        Effect.map(encode(`${where} of ${key}`)(model), (json) => [key, json] as const)
      ),
      Object.fromEntries
    )
  const difference =
    view._tag === "View"
      ? compare(
          `the view ${view.name} shows another model`,
          "model",
          yield* encode("the expected model")(expected),
          yield* encode("the model")(View.fold(view, decoded))
        )
      : compare(
          `the view ${view.name} shows other models`,
          "",
          yield* encodeModels("the expected model", Object.entries(expected as object)),
          yield* encodeModels("the model", HashMap.entries(View.foldKeyed(view, decoded)))
        )
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
