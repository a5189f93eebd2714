/**
 * Kits for testing: specs for domains, the catalog check, time that passes, and the contracts of every event store, of every store of projections, of processes and of snapshots.
 */
export * as Catalog from "./Catalog.ts"
export * as EventStoreContract from "./EventStoreContract.ts"
export * as ProcessStoreContract from "./ProcessStoreContract.ts"
export * as ProjectionStoreContract from "./ProjectionStoreContract.ts"
export * as SnapshotStoreContract from "./SnapshotStoreContract.ts"
export * as Spec from "./Spec.ts"
export * as Time from "./Time.ts"
