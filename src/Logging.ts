/**
 * What is said in the program's log: by Effect's own loggers, as structured annotations beside a message that is always the same.
 *
 * What goes well is said at `Debug`, which is off unless `References.MinimumLogLevel` says otherwise; what goes on by itself, and somebody
 * should know of, at `Warn`. An error that the caller is given is the caller's to log. What events and commands hold is not said, unless
 * {@link Payloads} asks for it.
 */
import * as Context from "effect/Context"
import type * as Fiber from "effect/Fiber"
import * as LogLevel from "effect/LogLevel"

/**
 * Whether what commands and events hold may be in the log: it may be personal, or secret, and it may be large. `false` by default.
 *
 * @example
 * import { Logging } from "eventfold"
 * import { Effect, References } from "effect"
 *
 * declare const program: Effect.Effect<void>
 *
 * export const watched = program.pipe(
 *   Effect.provideService(References.MinimumLogLevel, "Debug"),
 *   Effect.provideService(Logging.Payloads, true)
 * )
 */
export const Payloads = Context.Reference<boolean>("eventfold/Logging/Payloads", { defaultValue: () => false })

/** Whether a fiber's log takes what is said at a level: what it would take to say it is gathered only then. */
export const isEnabled = (fiber: Fiber.Fiber<unknown, unknown>, level: LogLevel.Severity): boolean =>
  !LogLevel.isGreaterThan(fiber.cache.minimumLogLevel, level)
