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
import type * as Layer from "effect/Layer"
import type { EventStore } from "../EventStore.ts"
import type { ProjectionStore } from "../ProjectionStore.ts"
import { suiteOf, type SuiteOptions } from "./contract/suite.ts"
import { laws } from "./projectionContract/laws.ts"

export { ContractViolation, Settings } from "./contract/Law.ts"
export type { Law } from "./projectionContract/fixtures.ts"
export type { SuiteOptions }
export { laws }

/**
 * Registers a test for each law, run one after the other against one store, in real time. A promise, because vitest is loaded
 * only here: await it at the top of the test file.
 */
export const suite: <E>(
  name: string,
  layer: Layer.Layer<EventStore | ProjectionStore, E>,
  options?: SuiteOptions
) => Promise<void> = suiteOf(laws)
