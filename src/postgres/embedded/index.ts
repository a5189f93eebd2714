/**
 * PostgreSQL inside this process: the store, and the client for tables of one's own beside it.
 */
export * as EmbeddedEventStore from "./EmbeddedEventStore.ts"
export * as EmbeddedPgClient from "./EmbeddedPgClient.ts"
