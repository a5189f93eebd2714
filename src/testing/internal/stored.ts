/**
 * Passing what a spec speaks of through the codecs, so that the spec also proves that it can be stored and read back.
 */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Event from "../../Event.ts"
import { defaultLimits } from "../../EventStore.ts"
import { eventProblem } from "../../internal/adapter/request.ts"
import type { RecordedEvent } from "../../RecordedEvent.ts"
import * as StreamName from "../../StreamName.ts"
import { compare, SpecFailure } from "../SpecFailure.ts"
import { StoredEvent } from "./RunnableSpec.ts"

/** The time of a spec that does not say otherwise. */
export const specTime = DateTime.makeUnsafe("2000-01-01T00:00:00Z")

const specId = (n: number): string => `00000000-0000-7000-8000-${String(n).padStart(12, "0")}`

/** An envelope for an event that no store has recorded. */
export const envelope = (
  encoded: Event.EncodedEvent,
  place: Pick<RecordedEvent, "stream" | "version" | "position"> &
    Partial<Pick<RecordedEvent, "recordedAt" | "metadata">>
): RecordedEvent => ({
  id: specId(place.position),
  recordedAt: specTime,
  metadata: {},
  ...encoded,
  ...place
})

/** How events of some definitions are stored. */
export type Encoding<in E> = (event: E) => Result.Result<Event.EncodedEvent, Event.EncodeError>

/** The stored form of an event, or why no store would take it. What was stored before is taken as it is. */
export const encodeEvent = <E extends Event.Tagged>(
  encode: Encoding<E>,
  where: string,
  event: E | StoredEvent
): Effect.Effect<Event.EncodedEvent, SpecFailure> => {
  const cannot = (problem: string) => new SpecFailure({ problem: `${where} cannot be stored: ${problem}` })
  return Effect.gen(function* () {
    const encoded: Event.EncodedEvent =
      event instanceof StoredEvent
        ? { type: event.type, schemaVersion: event.schemaVersion, data: event.data as Schema.Json, tags: [] }
        : yield* Effect.fromResult(Result.mapError(encode(event), ({ message }) => cannot(message)))
    const problem = eventProblem({ ...encoded, id: specId(1), metadata: {} }, defaultLimits)
    return yield* problem === undefined ? Effect.succeed(encoded) : Effect.fail(cannot(problem))
  })
}

/** The events that a stored form reads as. What was just encoded must read as one event, and that event be stored the same. */
export const readBack = Effect.fnUntraced(function* <E extends Event.Tagged>(
  definitions: Event.Definitions<E>,
  where: string,
  encoded: Event.EncodedEvent,
  isNew: boolean
) {
  const recorded = envelope(encoded, { stream: StreamName.make("spec", "1"), version: 1, position: 1 })
  const events = yield* Effect.fromResult(
    Result.mapError(
      Event.decode(definitions, recorded),
      (error) => new SpecFailure({ problem: `${where} cannot be read back: ${error.message}` })
    )
  )
  if (!isNew) return events
  const again = yield* encodeEvent((event) => Event.encode(definitions, event), where, events[0]!)
  const changed = compare(`${where} is read back as another`, "", encoded.data, again.data)
  return yield* changed === undefined ? Effect.succeed(events) : Effect.fail(changed)
})

/** The JSON of a state or model, which must fit its schema to the last field. */
export const encodeValue = <A>(
  schema: Schema.Codec<A, unknown>,
  where: string,
  value: A
): Effect.Effect<Schema.Json, SpecFailure> =>
  Schema.encodeUnknownEffect(Schema.toCodecJson(schema), { onExcessProperty: "error" })(value).pipe(
    Effect.mapBoth({
      onFailure: (error) => new SpecFailure({ problem: `${where} does not fit its schema: ${error.message}` }),
      onSuccess: (json) => json as Schema.Json
    })
  )

/** Events as JSON that can be compared and read. */
export const toJson = (encoded: ReadonlyArray<Event.EncodedEvent>): Schema.Json =>
  encoded.map(({ type, data }) => ({ ...(data as Schema.JsonObject), _tag: type }))
