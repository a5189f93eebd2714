/**
 * Takes the steps of the list that a database has not taken yet, once, however many processes start together.
 */
import * as Effect from "effect/Effect"
import { BeginTransaction, type SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { foundations, migrationLock, migrations } from "./migrations.ts"
import { literal, quoted } from "./schema/names.ts"

/**
 * Brings a schema up to date, in one transaction under a lock of its own.
 */
export const migrate = (sql: SqlClient, schema: string): Effect.Effect<void, SqlError> =>
  Effect.gen(function* () {
    // What is looked up after the wait for the lock must be there to see.
    yield* sql.unsafe(migrationLock(schema))
    for (const statement of foundations(schema)) yield* sql.unsafe(statement)
    const taken = yield* sql.unsafe<{ readonly id: number }>(`SELECT id FROM ${quoted(schema)}.migrations`)
    for (const { id, name, statements } of migrations(schema)) {
      if (taken.some((step) => step.id === id)) continue
      for (const statement of statements) yield* sql.unsafe(statement)
      yield* sql.unsafe(`INSERT INTO ${quoted(schema)}.migrations (id, name) VALUES (${id}, ${literal(name)})`)
    }
  }).pipe(sql.withTransaction, Effect.provideService(BeginTransaction, "BEGIN ISOLATION LEVEL READ COMMITTED"))
