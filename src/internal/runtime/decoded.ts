import * as Result from "effect/Result"
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
    Stream.chunks,
    Stream.flatMap((page): Stream.Stream<Event.Decoded<E>, Event.DecodeError> => {
      const events: Array<Event.Decoded<E>> = []
      for (const recorded of page) {
        const result = Event.decodeRecorded(definitions, recorded)
        if (Result.isFailure(result)) return Stream.concat(Stream.fromArray(events), Stream.fail(result.failure))
        events.push(...result.success)
      }
      return Stream.fromArray(events)
    })
  )
