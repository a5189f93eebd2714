/**
 * Why things happen: the metadata that every append carries without being asked, taken from the fiber's context.
 *
 * What is caused while an event is handled carries that event's id as causation and its correlation id; what follows from
 * a request carries whatever was put around the request, such as the actor. The trace comes from the current span.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Tracer from "effect/Tracer"
import type { Metadata, RecordedEvent } from "./RecordedEvent.ts"

/**
 * The metadata for what is appended here.
 */
export const Current = Context.Reference<Metadata>("eventfold/Causation/Current", { defaultValue: () => ({}) })

/**
 * Adds metadata to everything that an effect appends: an actor, a correlation id from outside, a field of one's own.
 *
 * @example
 * import { Causation } from "eventfold"
 * import { Effect } from "effect"
 *
 * declare const request: Effect.Effect<void>
 *
 * export const onBehalfOfAda = Causation.withMetadata(request, { actor: "user:ada", tenant: "acme" })
 */
export const withMetadata = <A, E, R>(self: Effect.Effect<A, E, R>, metadata: Metadata): Effect.Effect<A, E, R> =>
  Effect.updateService(self, Current, (current) => ({ ...current, ...metadata }))

/** How many events lead to an event. What others have written may be anything. */
const depthOf = ({ metadata: { causationDepth } }: RecordedEvent): number =>
  Number.isSafeInteger(causationDepth) ? causationDepth! : 0

/**
 * The metadata of what an event causes.
 */
export const following = (
  event: RecordedEvent
): { readonly causationId: string; readonly correlationId: string; readonly causationDepth: number } => ({
  causationId: event.id,
  correlationId: event.metadata.correlationId ?? event.id,
  causationDepth: depthOf(event) + 1
})

/**
 * Runs the handling of an event: whatever it appends is caused by that event and belongs to its correlation.
 */
export const causedBy = <A, E, R>(self: Effect.Effect<A, E, R>, event: RecordedEvent): Effect.Effect<A, E, R> =>
  withMetadata(self, following(event))

/**
 * So many events lead to this one that it is most likely a loop: two handlers that cause each other's events. Nothing was done.
 */
export class CausationTooDeep extends Schema.TaggedError<CausationTooDeep>("eventfold/CausationTooDeep")(
  "CausationTooDeep",
  {
    eventId: Schema.String,
    stream: Schema.String,
    type: Schema.String,
    depth: Schema.Int,
    /** How many there may be. */
    limit: Schema.Int
  }
) {
  override get message(): string {
    return `${this.depth} events lead to the ${this.type} of ${this.stream} (${this.eventId}), more than ${this.limit}: look for handlers that cause each other's events`
  }
}

/**
 * How many events may lead to one that is reacted to, unless it is told otherwise.
 */
export const defaultLimit = 100

/**
 * What is wrong with reacting to an event, if more than so many events lead to it.
 */
export const tooDeep = (event: RecordedEvent, limit: number): CausationTooDeep | undefined => {
  const depth = depthOf(event)
  if (depth <= limit) return undefined
  const { id: eventId, stream, type } = event
  return new CausationTooDeep({ eventId, stream, type, depth, limit })
}

/**
 * Keeps handlers that cause each other's events from going on for ever: fails where more than so many events lead to this one.
 */
export const checkDepth = (event: RecordedEvent, limit: number): Effect.Effect<void, CausationTooDeep> => {
  const problem = tooDeep(event, limit)
  return problem === undefined ? Effect.void : Effect.fail(problem)
}

/**
 * The metadata for an append that a command decided: the current metadata, the command's id, and the current span's trace. A
 * conversation that has no correlation id yet begins with the command.
 */
export const metadata = (commandId: string): Effect.Effect<Metadata> =>
  Effect.gen(function* () {
    const current = yield* Current
    const span = yield* Effect.serviceOption(Tracer.ParentSpan)
    return {
      correlationId: commandId,
      ...Option.match(span, {
        onNone: () => ({}),
        onSome: ({ traceId, spanId, sampled }) => ({ traceparent: `00-${traceId}-${spanId}-${sampled ? "01" : "00"}` })
      }),
      ...current,
      commandId
    }
  })
