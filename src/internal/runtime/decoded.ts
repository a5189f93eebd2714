import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Event from "../../Event.ts"
import type { RecordedEvent } from "../../RecordedEvent.ts"

/**
 * Decodes recorded events page by page, up to the first that does not decode.
 */
export const decoded = <E extends Event.Tagged, Err>(
  definitions: Event.Definitions<E>,
  recordedEvents: Stream.Stream<RecordedEvent, Err>
): Stream.Stream<Event.Decoded<E>, Err | Event.DecodeError> =>
  recordedEvents.pipe(
    Stream.mapEffect((recorded) => Effect.fromResult(Event.decodeRecorded(definitions, recorded))),
    Stream.flattenIterable
  )
