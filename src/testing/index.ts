/**
 * Kits for testing: specs for domains, and the contract of every event store.
 */
export * as Spec from "./Spec.ts"
