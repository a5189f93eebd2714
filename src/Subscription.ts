/**
 * A subscription: the events of some types as they are in the log and then as they come, each once and in order. It is the catch-up subscription
 * of KurrentDB, which was EventStoreDB.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Causation from "./Causation.ts"
import type { Decoded, DecodeError, Definitions, Tagged } from "./Event.ts"
import { EventStore, type StoreError } from "./EventStore.ts"
import { decoded } from "./internal/runtime/decoded.ts"
import type { Query, QueryItem } from "./Query.ts"
import type { RecordedEvent } from "./RecordedEvent.ts"

/**
 * What to subscribe to. Events of other types are never seen, so that they cannot fail to decode.
 */
export interface Options<E extends Tagged> extends Pick<QueryItem, "categories" | "tags"> {
  /** The events that are given: of no other type. */
  readonly events: Definitions<E>
  /** The position after which to begin. 0 by default: from the first event of the log. */
  readonly after?: number
}

const queryOf = <E extends Tagged>({ events, categories, tags }: Options<E>): Query => [
  {
    types: Array.from(events.stored.keys()),
    ...(categories === undefined ? {} : { categories }),
    ...(tags === undefined ? {} : { tags })
  }
]

/**
 * The events as a stream that never ends. It fails at the first event that does not decode.
 *
 * @example
 * import { Event, Subscription } from "eventfold"
 * import { Schema, Stream } from "effect"
 *
 * const AccountEvent = Event.define({ Deposited: { amount: Schema.Int } })
 *
 * export const amounts = Subscription.stream({ events: AccountEvent, after: 100 }).pipe(Stream.map(({ event }) => event.amount))
 */
export const stream = <E extends Tagged>(
  options: Options<E>
): Stream.Stream<Decoded<E>, StoreError | DecodeError, EventStore> =>
  Stream.unwrap(
    Effect.map(EventStore, (store) =>
      decoded(options.events, store.subscribe({ after: options.after ?? 0, query: queryOf(options) }))
    )
  )

/**
 * Handles the events one after the other. What a handler appends is caused by the event it handles: it carries that
 * event's id as causation and belongs to its correlation. Ends only by failing, with the failure of the handler or of
 * the subscription.
 *
 * The handler is given the event's `id` for command ids that derive from it. It is the recorded event's, except where one
 * retired event stands for several: then each has its own.
 *
 * @example
 * import { Event, Subscription } from "eventfold"
 * import { Console, Schema } from "effect"
 *
 * const AccountEvent = Event.define({ Deposited: { amount: Schema.Int } })
 *
 * export const watching = Subscription.run({ events: AccountEvent, categories: ["account"] }, ({ amount }, { stream }) =>
 *   Console.log(`${amount} on ${stream}`)
 * )
 */
export const run = <E extends Tagged, Err, R>(
  options: Options<E>,
  handler: (event: E, recorded: RecordedEvent, id: string) => Effect.Effect<unknown, Err, R>
): Effect.Effect<never, Err | StoreError | DecodeError, EventStore | R> =>
  Effect.andThen(
    Stream.runForEach(stream(options), ({ event, recorded, id }) =>
      Causation.causedBy(handler(event, recorded, id), recorded)
    ),
    Effect.never
  )
