/**
 * The event store on PostgreSQL, through any `PgClient`.
 */
export * as PostgresEventStore from "./PostgresEventStore.ts"
