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

/** A step of the list, or of a longer one. */
export interface Step {
  readonly id: number
  readonly name: string
}

/** How far a schema is. */
export interface Steps {
  /** Taken, in order. */
  readonly there: ReadonlyArray<Step & { readonly appliedAt: Date }>
  /** To be taken. */
  readonly missing: ReadonlyArray<Step>
  /** Taken by newer code: nobody here knows them. */
  readonly unknown: ReadonlyArray<Step>
}

/**
 * Says which steps a database has taken. None where the schema is not there. It needs SELECT on the table of the migrations, if there is one.
 */
export const stepsOf = (sql: SqlClient, schema: string): Effect.Effect<Steps, SqlError> =>
  Effect.gen(function* () {
    const [table] = yield* sql.unsafe(
      `SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ${literal(schema)} AND c.relname = 'migrations'`
    )
    const there =
      table === undefined
        ? []
        : yield* sql.unsafe<Steps["there"][number]>(
            `SELECT id, name, applied_at AS "appliedAt" FROM ${quoted(schema)}.migrations ORDER BY id`
          )
    const known = migrations(schema).map(({ id, name }) => ({ id, name }))
    return {
      there,
      missing: known.filter(({ id }) => !there.some((step) => step.id === id)),
      unknown: there.filter(({ id }) => !known.some((step) => step.id === id)).map(({ id, name }) => ({ id, name }))
    }
  })
