/**
 * Time in tests, where it stands still unless it is moved: what waits for something that takes time, however little, would wait for ever.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"

/**
 * Runs an effect, and moves the test clock in small steps until it is done, such as until a process has nothing left to do. The steps are 50
 * milliseconds by default. To have hours pass for a process that is running costs
 * seconds, for it looks for work twice a second; stop it meanwhile, or say it in a spec.
 *
 * @example
 * import { Process, type ProcessManager } from "eventfold"
 * import { Time } from "eventfold/testing"
 *
 * declare const bookings: Process.Process<ProcessManager.Any>
 *
 * export const settled = Time.passing(bookings.awaitSettled("1 minute"))
 */
export const passing = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  step: Duration.Input = "50 millis"
): Effect.Effect<A, E, R> => Effect.raceFirst(effect, Effect.forever(TestClock.adjust(step)))
