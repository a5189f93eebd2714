import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import { Settings } from "./Law.ts"

/**
 * How a suite of laws is run.
 */
export interface SuiteOptions {
  /** Repeats the random choices of a run that failed: the seed is in its message. */
  readonly seed?: string
  /** How long a law waits for something that the store must do. 15 seconds by default. */
  readonly patience?: Duration.Input
}

/** What registers a test for each of some laws. */
export const suiteOf =
  <Stores>(laws: ReadonlyArray<{ readonly name: string; readonly run: Effect.Effect<void, unknown, Stores> }>) =>
  async <E>(name: string, layer: Layer.Layer<Stores, E>, options?: SuiteOptions): Promise<void> => {
    const { layer: withLayer } = await import("@effect/vitest")
    const patience = Duration.fromInputUnsafe(options?.patience ?? "15 seconds")
    const settings: Settings = { seed: options?.seed, patience }
    // Longer than a law takes to find out by itself that a store hangs: it says more about it.
    const timeout = 3 * Duration.toMillis(patience)
    withLayer(layer, { excludeTestServices: true, concurrent: false, timeout })(name, (it) => {
      for (const { name, run } of laws) {
        it.effect(name, () => Effect.provideService(run, Settings, settings), timeout)
      }
    })
  }
