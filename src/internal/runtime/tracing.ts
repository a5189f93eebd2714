/**
 * Spans, where somebody looks at them: where the program has a tracer. Effect's own keeps them nowhere, and what is not
 * looked at is not made. The trace that came in is passed on without them.
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Tracer from "effect/Tracer"

/** Whether spans of the fiber are looked at by anybody. */
export const isTraced = ({ cache }: Fiber.Fiber<unknown, unknown>): boolean =>
  cache.tracerEnabled && cache.tracer !== undefined && cache.tracer !== Tracer.nativeTracer

/**
 * Runs an effect in a span, which it is given to say more about. In none, where nobody looks.
 */
export const spanned = <A, E, R>(
  name: string,
  options: () => Tracer.SpanOptionsNoTrace,
  use: (span: Tracer.Span | undefined, fiber: Fiber.Fiber<unknown, unknown>) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.withFiber((fiber) =>
    isTraced(fiber)
      ? Effect.useSpan(name, options(), (span) =>
          Effect.withParentSpan(use(span, fiber), span, { captureStackTrace: false })
        )
      : use(undefined, fiber)
  )

/** Adds what is known by now. A span that refuses it goes without. */
export const annotate = (span: Tracer.Span, attributes: Readonly<Record<string, unknown>>): void => {
  try {
    for (const [name, value] of Object.entries(attributes)) if (value !== undefined) span.attribute(name, value)
  } catch {
    // There is nobody to tell.
  }
}

/** One value where there is one, as of most commands. */
export const oneOrAll = <A>(all: ReadonlyArray<A>): A | ReadonlyArray<A> => (all.length === 1 ? all[0]! : all)
