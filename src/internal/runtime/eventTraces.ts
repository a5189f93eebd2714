/**
 * Spans of what follows from events, by whoever handles them, whenever that is. What is done for one event is part of that event's trace; what is
 * done for many together is a trace of its own, which is linked to theirs.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"
import * as Causation from "../../Causation.ts"
import type { Metadata } from "../../RecordedEvent.ts"
import { isTraced, spanned } from "./tracing.ts"

/** What knows the trace that it belongs to. */
interface Traced {
  readonly metadata: Pick<Metadata, "traceparent">
}

type Attributes = Readonly<Record<string, unknown>>

const nameOf = (name: string): string => `eventfold.${name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`

const spanAttributes = (about: Attributes): Attributes =>
  Object.fromEntries(Object.entries(about).map(([name, value]) => [nameOf(name), value]))

/** A batch is linked to so many traces at most: the first ones. */
const mostLinks = 32

const linksOf = (events: ReadonlyArray<Traced>): ReadonlyArray<Tracer.SpanLink> => {
  const links = new Map<unknown, Tracer.SpanLink>()
  for (const event of events) {
    const { traceparent } = event.metadata
    if (traceparent === undefined || links.has(traceparent)) continue
    const parent = Causation.parentOf(event)
    if (Option.isSome(parent)) links.set(traceparent, { span: parent.value, attributes: {} })
    if (links.size === mostLinks) break
  }
  return Array.from(links.values())
}

/**
 * Does what follows from an event, in a span in the event's trace; where it has none, in a trace of its own. Where nobody looks at spans, the
 * trace is passed on to what is appended.
 */
export const continuing = <A, E, R>(
  name: string,
  event: Traced,
  about: () => Attributes,
  use: (span: Tracer.Span | undefined) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.withFiber((fiber) => {
    const parent = Causation.parentOf(event)
    if (!isTraced(fiber)) {
      const untraced = use(undefined)
      return Option.isSome(parent) ? Effect.provideService(untraced, Tracer.ParentSpan, parent.value) : untraced
    }
    // What is around it, such as a span that the program was started in, has nothing to do with it.
    const place = Option.isSome(parent) ? { parent: parent.value } : { root: true }
    return spanned(name, () => ({ kind: "consumer", attributes: spanAttributes(about()), ...place }), use)
  })

/** Does something for several events together, in a trace of its own. */
export const together = <A, E, R>(
  name: string,
  events: () => ReadonlyArray<Traced>,
  about: () => Attributes,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  spanned(
    name,
    () => ({ kind: "consumer", root: true, attributes: spanAttributes(about()), links: linksOf(events()) }),
    () => effect
  )

/** Runs what is done over and over, whether or not there is anything: nobody wants to see that in a trace. */
export const untraced: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R> =
  Effect.withTracerEnabled(false)
