/**
 * Kits for testing: specs for domains, and the contracts of every event store and of every store of projections.
 */
export * as EventStoreContract from "./EventStoreContract.ts"
export * as ProjectionStoreContract from "./ProjectionStoreContract.ts"
export * as Spec from "./Spec.ts"
