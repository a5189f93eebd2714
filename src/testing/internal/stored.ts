/**
 * Passing what a spec speaks of through the codecs, so that the spec also proves that it can be stored and read back.
 */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Event from "../../Event.ts"
import type { RecordedEvent } from "../../RecordedEvent.ts"
import * as StreamName from "../../StreamName.ts"
import { compare, SpecFailure } from "../SpecFailure.ts"

/** The time of a spec that does not say otherwise. */
export const specTime = DateTime.makeUnsafe("2000-01-01T00:00:00Z")

/** An envelope for an event that no store has recorded. */
export const envelope = (
  encoded: Event.EncodedEvent,
  place: Pick<RecordedEvent, "stream" | "version" | "position"> &
    Partial<Pick<RecordedEvent, "recordedAt" | "metadata">>
): RecordedEvent => ({
  id: `00000000-0000-7000-8000-${String(place.position).padStart(12, "0")}`,
  recordedAt: specTime,
  metadata: {},
  ...encoded,
  ...place
})

/** The stored form of an event, or why it has none. */
export const encodeEvent = <E extends Event.Tagged>(
  definitions: Event.Definitions<E>,
  where: string,
  event: E
): Effect.Effect<Event.EncodedEvent, SpecFailure> =>
  Effect.fromResult(
    Result.mapError(
      Event.encode(definitions, event),
      (error) => new SpecFailure({ problem: `${where} cannot be stored: ${error.message}` })
    )
  )

/** Reads an event back from its stored form, and fails when it has become another. */
export const readBack = Effect.fnUntraced(function* <E extends Event.Tagged>(
  definitions: Event.Definitions<E>,
  where: string,
  encoded: Event.EncodedEvent
) {
  const recorded = envelope(encoded, { stream: StreamName.make("spec", "1"), version: 1, position: 1 })
  const events = yield* Effect.fromResult(
    Result.mapError(
      Event.decode(definitions, recorded),
      (error) => new SpecFailure({ problem: `${where} cannot be read back: ${error.message}` })
    )
  )
  const event = events[0]!
  const again = yield* encodeEvent(definitions, where, event)
  const changed = compare(`${where} is read back as another`, "", encoded.data, again.data)
  return yield* changed === undefined ? Effect.succeed(event) : Effect.fail(changed)
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
