/**
 * The event store on PostgreSQL, through any `PgClient`, and what projections and processes keep and the snapshots beside it.
 */
export * as PostgresEventStore from "./PostgresEventStore.ts"
export * as PostgresProcessStore from "./PostgresProcessStore.ts"
export * as PostgresProjectionStore from "./PostgresProjectionStore.ts"
export * as PostgresSnapshotStore from "./PostgresSnapshotStore.ts"
