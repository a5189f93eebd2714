/**
 * The tables of a generation's own, and the views under which those of the live one are found.
 */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import type { SqlError } from "effect/sql/SqlError"
import { StoreError } from "../../EventStore.ts"
import type { Definition } from "../../ProjectionStore.ts"
import { nameProblem, textProblem } from "../../StreamName.ts"
import { quoted } from "../schema/names.ts"
import { fromSqlError } from "../sqlErrors.ts"
import { type Access, codeOf, transaction } from "./access.ts"
import type { GenerationRow } from "./rows.ts"

export const misconfigured = (problem: string): StoreError => new StoreError({ reason: "Misconfigured", problem })

const tableOf = ({ s }: Access, name: string, generation: number, table: string): string =>
  `${s}.${quoted(`${name}_${generation}_${table}`)}`

const viewOf = ({ s }: Access, name: string, table: string): string => `${s}.${quoted(`${name}_${table}`)}`

/** PostgreSQL cuts longer names short, and two that are cut to the same would share a table. */
const mostNameBytes = 63
/** The digits of the greatest number that a generation can have: a name that is accepted must not be too long one day. */
const generationDigits = 10

/** What is wrong with the names of a definition, whatever else the database holds. */
export const namesProblem = ({ name, tables }: Pick<Definition, "name" | "tables">): string | undefined => {
  const wrong = nameProblem(name)
  if (wrong !== undefined) return `the name of projection "${name}" ${wrong}`
  for (const table of Object.keys(tables)) {
    const where = `the name of table "${table}" of projection "${name}"`
    const wrongTable = table === "" ? "is empty" : textProblem(table)
    if (wrongTable !== undefined) return `${where} ${wrongTable}`
    const length = new TextEncoder().encode(`${name}_${table}`).length + 1 + generationDigits
    if (length > mostNameBytes) {
      return (
        `${where} is too long: with that of the projection and the number of a generation it has up to ${length} bytes, ` +
        `and PostgreSQL takes ${mostNameBytes}`
      )
    }
  }
  return undefined
}

/**
 * Refuses a definition whose names the database cannot keep, or that belong to something else: views come when a generation
 * takes over, and that must not fail then. `own` are the tables that the projection has had: their views are its own.
 */
export const checkNames = (
  { query, schema, s }: Access,
  { name, tables }: Pick<Definition, "name" | "tables">,
  own: ReadonlySet<string>
): Effect.Effect<void, StoreError> =>
  Effect.gen(function* () {
    const views = Object.keys(tables).map((table) => `${name}_${table}`)
    if (views.length === 0) return
    const taken = yield* query<{ readonly view: string; readonly is_reserved: boolean }>(
      `SELECT c.relname::text AS view, false AS is_reserved
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname::text = $1::text AND c.relname::text = ANY ($2::text[])
UNION ALL
SELECT g.name || '_' || t.name, true FROM ${s}.projection_generations g, jsonb_object_keys(g.tables) AS t (name)
WHERE g.name <> $3::text AND g.name || '_' || t.name = ANY ($2::text[])`,
      [schema, views, name]
    )
    const other = taken.find(({ is_reserved, view }) => is_reserved || !own.has(view.slice(name.length + 1)))
    if (other !== undefined) {
      return yield* misconfigured(
        `there is something else of the name ${other.view}, under which a table of projection "${name}" is to be found: ` +
          "give the table another name"
      )
    }
  })

const refused =
  (what: string) =>
  (error: SqlError): StoreError => {
    const failure = fromSqlError(error)
    if (failure.reason !== "Unexpected" && failure.reason !== "Misconfigured") return failure
    const { cause } = error.reason
    return misconfigured(`${what} cannot be made: ${Predicate.isError(cause) ? cause.message : error.message}`)
  }

/** Makes the tables of a generation. */
export const makeTables = (
  access: Access,
  { name, tables }: Pick<Definition, "name" | "tables">,
  generation: number
): Effect.Effect<void, StoreError> =>
  Effect.forEach(
    Object.entries(tables),
    ([table, definition]) =>
      Effect.mapError(
        access.sql.unsafe(`CREATE TABLE ${tableOf(access, name, generation, table)} ${definition}`),
        refused(`table "${table}" of projection "${name}"`)
      ),
    { discard: true }
  )

/** All in one statement, for they may refer to each other. */
export const emptyTables = (
  access: Access,
  name: string,
  { id, tables }: GenerationRow
): Effect.Effect<void, StoreError> => {
  const all = Object.keys(tables).map((table) => tableOf(access, name, id, table))
  return all.length === 0 ? Effect.void : Effect.asVoid(access.query(`TRUNCATE ${all.join(", ")} RESTART IDENTITY`))
}

export const dropTables = (
  access: Access,
  name: string,
  { id, tables }: GenerationRow
): Effect.Effect<void, StoreError> => {
  const all = Object.keys(tables).map((table) => tableOf(access, name, id, table))
  return all.length === 0 ? Effect.void : Effect.asVoid(access.query(`DROP TABLE IF EXISTS ${all.join(", ")}`))
}

/** A view does not take columns away, or change their types. */
const isAnotherShape = (error: SqlError | StoreError): boolean => error._tag === "SqlError" && codeOf(error) === "42P16"

/**
 * Lets the views show the tables of a generation, and drops those that only the one before it had. A view is changed where it
 * can be, for so it keeps what was granted on it, and the views over it.
 */
export const showTables = (
  access: Access,
  name: string,
  generation: Pick<GenerationRow, "id" | "tables">,
  before: Pick<GenerationRow, "tables"> | undefined
): Effect.Effect<void, StoreError> =>
  Effect.gen(function* () {
    const { query, sql } = access
    for (const table of Object.keys(before?.tables ?? {})) {
      if (!Object.hasOwn(generation.tables, table)) yield* query(`DROP VIEW IF EXISTS ${viewOf(access, name, table)}`)
    }
    for (const table of Object.keys(generation.tables)) {
      const view = viewOf(access, name, table)
      const definition = `VIEW ${view} AS SELECT * FROM ${tableOf(access, name, generation.id, table)}`
      yield* transaction(access, sql.unsafe(`CREATE OR REPLACE ${definition}`)).pipe(
        Effect.catchIf(isAnotherShape, () => Effect.andThen(query(`DROP VIEW ${view}`), query(`CREATE ${definition}`))),
        Effect.mapError((error) =>
          error._tag === "SqlError" ? refused(`the view over table "${table}" of projection "${name}"`)(error) : error
        )
      )
    }
  })
