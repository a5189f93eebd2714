/**
 * Kits for testing: specs for domains, and the contract of every event store.
 */
export * as EventStoreContract from "./EventStoreContract.ts"
export * as Spec from "./Spec.ts"
