/**
 * The conformance kit of projections: proves of any store that it keeps the promises of the port of what projections keep.
 *
 * Who writes an adapter runs this suite against it, beside the one of the event store. The store may hold anything and may be
 * shared with other suites, one at a time. The suite needs `vitest` and `@effect/vitest`; the laws themselves need neither.
 *
 * @example
 * ```ts no-run
 * import { MemoryEventStore } from "eventfold/memory"
 * import { ProjectionStoreContract } from "eventfold/testing"
 *
 * await ProjectionStoreContract.suite("the memory store", MemoryEventStore.layer)
 * ```
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type { EventStore } from "../EventStore.ts"
import type { ProjectionStore } from "../ProjectionStore.ts"
import { Settings } from "./contract/Law.ts"
import { laws } from "./projectionContract/laws.ts"

export { ContractViolation, Settings } from "./contract/Law.ts"
export type { Law } from "./projectionContract/fixtures.ts"
export { laws }

/**
 * Registers a test for each law, run one after the other against one store, in real time. A promise, because vitest is loaded
 * only here: await it at the top of the test file.
 */
export const suite = async <E>(
  name: string,
  layer: Layer.Layer<EventStore | ProjectionStore, E>,
  options?: {
    /** Repeats the random choices of a run that failed: the seed is in its message. */
    readonly seed?: string
    /** How long a law waits for something that the store must do. 15 seconds by default. */
    readonly patience?: Duration.Input
  }
): Promise<void> => {
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
