import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Pull from "effect/Pull"
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
  Stream.transformPull(recordedEvents, (pull) =>
    Effect.sync(() => {
      type Decoded = Pull.Pull<Arr.NonEmptyReadonlyArray<Event.Decoded<E>>, Err | Event.DecodeError>
      let failure = Option.none<Event.DecodeError>()
      const next: Decoded = Effect.suspend(() =>
        Option.isSome(failure) ? Effect.fail(failure.value) : Effect.flatMap(pull, decodePage)
      )
      const decodePage = (page: ReadonlyArray<RecordedEvent>): Decoded => {
        const events: Array<Event.Decoded<E>> = []
        for (const recorded of page) {
          const result = Event.decodeRecorded(definitions, recorded)
          if (Result.isFailure(result)) {
            failure = Option.some(result.failure)
            break
          }
          events.push(...result.success)
        }
        // A retired event may stand for none.
        return Arr.isReadonlyArrayNonEmpty(events) ? Effect.succeed(events) : next
      }
      return next
    })
  )
