/**
 * Why things happen: the metadata that every append carries without being asked, taken from the fiber's context.
 *
 * What is caused while an event is handled carries that event's id as causation and its correlation id; what follows from
 * a request carries whatever was put around the request, such as the actor. The trace comes from the current span, travels in the
 * event's metadata, and is continued by who handles the event, in whatever process.
 *
 * Correlation ids are a pattern of "Enterprise Integration Patterns" (Hohpe, Woolf); that an event names its cause as well, Greg Young's.
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

/** What a trace is continued from, as W3C Trace Context writes it in its version 00. */
const traceparent = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/

/**
 * The span that an event was recorded in, as the parent of spans anywhere: in this process or another one, now or in a year. None where the
 * event has no trace, or something else under that name.
 *
 * @example
 * import { Causation, type RecordedEvent } from "eventfold"
 * import { Effect, Option } from "effect"
 *
 * declare const handle: Effect.Effect<void>
 *
 * export const handled = (event: RecordedEvent.RecordedEvent) =>
 *   Effect.withSpan(handle, "handle", { kind: "consumer", parent: Option.getOrUndefined(Causation.parentOf(event)) })
 */
export const parentOf = ({ metadata }: Pick<RecordedEvent, "metadata">): Option.Option<Tracer.ExternalSpan> => {
  // What others have written may be anything.
  const found = typeof metadata.traceparent === "string" ? traceparent.exec(metadata.traceparent) : null
  if (found === null) return Option.none()
  const [, traceId, spanId, flags] = found
  return Option.some(
    Tracer.externalSpan({ traceId: traceId!, spanId: spanId!, sampled: (Number.parseInt(flags!, 16) & 1) === 1 })
  )
}

/**
 * Runs the handling of an event: whatever it appends is caused by that event and belongs to its correlation. It goes on with the
 * event's trace, unless there is a span around it already: then that one is the parent of its spans.
 *
 * @example
 * import { Causation, EventStore, type RecordedEvent } from "eventfold"
 * import { Effect, Stream } from "effect"
 *
 * export const handleAll = (handle: (event: RecordedEvent.RecordedEvent) => Effect.Effect<void>) =>
 *   Effect.gen(function* () {
 *     const store = yield* EventStore.EventStore
 *     yield* Stream.runForEach(store.subscribe({ after: 0 }), (event) => Causation.causedBy(handle(event), event))
 *   })
 */
export const causedBy = <A, E, R>(self: Effect.Effect<A, E, R>, event: RecordedEvent): Effect.Effect<A, E, R> =>
  withMetadata(
    Effect.withFiber((fiber) => {
      const parent = fiber.cache.span === undefined ? parentOf(event) : Option.none()
      return Option.isSome(parent) ? Effect.provideService(self, Tracer.ParentSpan, parent.value) : self
    }),
    following(event)
  )

/**
 * So many events lead to this one that it is most likely a loop: two handlers that cause each other's events. Nothing was done.
 */
export class CausationTooDeep extends Schema.TaggedError<CausationTooDeep>("eventfold/CausationTooDeep")(
  "CausationTooDeep",
  {
    /** The event that was not reacted to. */
    eventId: Schema.String,
    /** The stream of that event. */
    stream: Schema.String,
    /** Its type, as stored. */
    type: Schema.String,
    /** How many events lead to it. */
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
 * The nearest span that spans elsewhere may be children of, as a `traceparent`: not one that was made where tracing is turned off, which
 * nobody will ever see.
 */
const traceparentOf = (span: Tracer.AnySpan | undefined): string | undefined => {
  if (span === undefined) return undefined
  if (Context.get(span.annotations, Tracer.DisablePropagation)) {
    return span._tag === "Span" ? traceparentOf(Option.getOrUndefined(span.parent)) : undefined
  }
  const { sampled, spanId, traceId } = span
  // Other formats have shorter ids of traces. What is no id at all is not for others to read.
  const text = `00-${traceId.padStart(32, "0")}-${spanId}-${sampled ? "01" : "00"}`
  return traceparent.test(text) ? text : undefined
}

/**
 * The metadata for an append that a command decided: the current metadata, the command's id, and the current span's trace. A
 * conversation that has no correlation id yet begins with the command.
 */
export const metadata = (commandId: string): Effect.Effect<Metadata> =>
  Effect.withFiber((fiber) => {
    const trace = traceparentOf(fiber.cache.span)
    return Effect.succeed({
      correlationId: commandId,
      ...(trace === undefined ? {} : { traceparent: trace }),
      ...fiber.getRef(Current),
      commandId
    })
  })
