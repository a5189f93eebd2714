/**
 * A publication: events as messages for others, such as a webhook or a broker. Each is published at least once, with the event's id for
 * receivers to know it by, and those of one stream in order: the next one is published when the one before has been taken.
 *
 * Nobody has to publish after an append: what is in the log is published, also after a crash. It begins at the end of the log: what was
 * recorded before it was first run is passed over. It is the pattern "transactional outbox", with the log itself as the outbox.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Event from "./Event.ts"
import type { EventStore } from "./EventStore.ts"
import { HandlingFailure } from "./internal/runtime/projection/plan.ts"
import { type Runnable, runnable, type Settings } from "./internal/runtime/reaction/service.ts"
import { parse, nameProblem, type StreamName } from "./StreamName.ts"

export { type Control, Service } from "./internal/runtime/reaction/service.ts"
export type { Settings }

const Stream = Schema.String.pipe(
  Schema.refine((text: string): text is StreamName => Result.isSuccess(parse(text)), { title: "a stream name" })
)

/**
 * An event as others see it. The schema is the one that a sender encodes it with, and a receiver decodes it with: its encoded form is JSON.
 *
 * @example
 * import { Publication } from "eventfold"
 * import { Schema } from "effect"
 *
 * // What a receiver does with the body of a request.
 * export const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(Publication.Message))
 */
export const Message = Schema.Struct({
  /** The event's id. A receiver that has seen it has the event. */
  id: Schema.String,
  /** The type as it is called today. */
  type: Schema.String,
  /** The version of the type's schema that `data` has: today's, whatever the event was stored with. */
  schemaVersion: Schema.Int,
  /** The stream that it was recorded in. */
  stream: Stream,
  /** Place in the stream. Events that are not published leave gaps. */
  version: Schema.Int,
  /** Place in the log. Of messages of one stream it grows. */
  position: Schema.Int,
  /** When it was recorded: ISO 8601 in UTC where it is JSON. */
  recordedAt: Schema.DateTimeUtcFromString,
  /** The event without its tag, as its schema encodes it. */
  data: Schema.Json,
  /** One id for everything that follows from one beginning. */
  correlationId: Schema.optionalKey(Schema.String),
  /** The id of what directly caused it. */
  causationId: Schema.optionalKey(Schema.String)
})
export type Message = typeof Message.Type

/**
 * Where messages go.
 */
export interface Sink<out E, out R> {
  /**
   * Publishes a message: it succeeds when the message is in safe hands. Messages of one key come one after the other, and of others side by side. An error
   * whose `isRetryable` is `false` is not tried again, and one that has a `retryAfter`, a `Duration`, not before that.
   *
   * It is one message, and no batch: so what failed is known, nothing behind it has gone out, and it alone is parked. A sink that wants
   * batches gathers those that come side by side.
   */
  readonly publish: (message: Message) => Effect.Effect<void, E, R>
}

/**
 * A publication, to be run by a {@link Service}. `name` is what its position is kept under, `publication:` and its own name.
 */
export interface Publication<out R> extends Runnable<R> {}

/**
 * A publication as it is made.
 */
export interface Options<E extends Event.Tagged, Err, R> extends Settings<E> {
  /** Names the publication. How far it has come is kept under this name: another name is another publication. */
  readonly name: string
  /** The events that are published. Take some types of a larger set with `Event.pick`. */
  readonly events: Event.Definitions<E>
  /** Where its messages go. */
  readonly sink: Sink<Err, R>
}

const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined)

const messageOf = <E extends Event.Tagged>(
  events: Event.Definitions<E>,
  { event, id, recorded }: Event.Decoded<E>
): Result.Result<Message, HandlingFailure> =>
  Result.mapBoth(Event.encode(events, event), {
    onFailure: ({ message }) => new HandlingFailure({ problem: message }),
    onSuccess: ({ data, schemaVersion, type }) => {
      const { metadata, position, recordedAt, stream, version } = recorded
      const [correlationId, causationId] = [text(metadata.correlationId), text(metadata.causationId)]
      return {
        id,
        type,
        schemaVersion,
        stream,
        version,
        position,
        recordedAt,
        data,
        ...(correlationId === undefined ? {} : { correlationId }),
        ...(causationId === undefined ? {} : { causationId })
      }
    }
  })

/**
 * Makes a publication. Throws for a name that is empty or too long, and for settings that cannot be.
 *
 * @example
 * import { Event, Publication } from "eventfold"
 * import { Console, Schema } from "effect"
 *
 * const orders = Publication.make({
 *   name: "orders",
 *   events: Event.define({ OrderPlaced: { customer: Schema.String } }),
 *   sink: { publish: (message) => Console.log(message.type, message.data) }
 * })
 *
 * class Orders extends Publication.Service<Orders>()("app/PublishedOrders", orders) {}
 */
export const make = <E extends Event.Tagged, Err, R>(options: Options<E, Err, R>): Publication<R | EventStore> => {
  const { events, name, sink } = options
  const wrong = nameProblem(name)
  return runnable<E, R>("publication", {
    name,
    problem: wrong === undefined ? undefined : `its name ${wrong}`,
    events,
    settings: options,
    run: (decoded) =>
      Effect.flatMap(Effect.fromResult(messageOf(events, decoded)), (message) => Effect.as(sink.publish(message), []))
  })
}
