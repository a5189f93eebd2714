/**
 * Why things happen: the metadata that every append carries without being asked, taken from the fiber's context.
 *
 * What is caused while an event is handled carries that event's id as causation and its correlation id; what follows from
 * a request carries whatever was put around the request, such as the actor. The trace comes from the current span.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
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

/**
 * Runs the handling of an event: whatever it appends is caused by that event and belongs to its correlation.
 */
export const causedBy = <A, E, R>(self: Effect.Effect<A, E, R>, event: RecordedEvent): Effect.Effect<A, E, R> =>
  withMetadata(self, { causationId: event.id, correlationId: event.metadata.correlationId ?? event.id })

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
