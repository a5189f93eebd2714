/**
 * The event store on PostgreSQL, through any `PgClient`, what projections and processes keep and the snapshots beside it, and a
 * look into the log.
 */
export * as PostgresEventStore from "./PostgresEventStore.ts"
export * as PostgresInspection from "./PostgresInspection.ts"
export * as PostgresProcessStore from "./PostgresProcessStore.ts"
export * as PostgresProjectionStore from "./PostgresProjectionStore.ts"
export * as PostgresSnapshotStore from "./PostgresSnapshotStore.ts"
