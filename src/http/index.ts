/**
 * Routes for a router of `effect/http`.
 */
export * as HealthRoute from "./HealthRoute.ts"
