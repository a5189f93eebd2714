/**
 * What is said of what runs by itself: a message that is always the same, and what it is about beside it.
 */
import * as Effect from "effect/Effect"
import * as Logging from "../../Logging.ts"

type Annotations = Record<string, unknown>

/** What goes well. What it is about is gathered only where somebody hears it. */
export const debug = (message: string, annotations: () => Annotations): Effect.Effect<void> =>
  Effect.withFiber((fiber) =>
    Logging.isEnabled(fiber, "Debug") ? Effect.annotateLogs(Effect.logDebug(message), annotations()) : Effect.void
  )

/** What goes on by itself, and somebody should know of. */
export const warn = (message: string, annotations: Annotations): Effect.Effect<void> =>
  Effect.annotateLogs(Effect.logWarning(message), annotations)

/** What does not go on before somebody has seen to it. */
export const complain = (message: string, annotations: Annotations): Effect.Effect<void> =>
  Effect.annotateLogs(Effect.logError(message), annotations)
