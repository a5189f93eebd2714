/**
 * The conformance kit of processes: proves of any store that it keeps the promises of the port of what processes keep.
 *
 * Who writes an adapter runs this suite against it, with the log and the store of projections that it stands beside: what is saved is a
 * part of their transactions. The stores may hold anything. The suite needs `vitest` and `@effect/vitest`; the laws themselves need
 * neither.
 *
 * @example
 * ```ts no-run
 * import { MemoryEventStore } from "eventfold/memory"
 * import { ProcessStoreContract } from "eventfold/testing"
 *
 * await ProcessStoreContract.suite("the memory store", MemoryEventStore.layer)
 * ```
 */
import type * as Layer from "effect/Layer"
import { suiteOf, type SuiteOptions } from "./contract/suite.ts"
import type { Stores } from "./processContract/fixtures.ts"
import { laws } from "./processContract/laws.ts"

export { ContractViolation, Settings } from "./contract/Law.ts"
export type { Law, Stores } from "./processContract/fixtures.ts"
export type { SuiteOptions }
export { laws }

/**
 * Registers a test for each law, run one after the other against one store, in real time. A promise, because vitest is loaded
 * only here: await it at the top of the test file.
 */
export const suite: <E>(name: string, layer: Layer.Layer<Stores, E>, options?: SuiteOptions) => Promise<void> =
  suiteOf(laws)
