/**
 * What checks of a database are made of.
 */
import type { PgClient } from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import type { SqlError } from "effect/sql/SqlError"
import { literal } from "../schema/names.ts"

/** What a check has found. */
export interface Finding {
  /** `problem`: it does not work, or what is stored is at risk. `warning`: it may come to that. `skipped`: it does not apply, or cannot be told. */
  readonly status: "ok" | "warning" | "problem" | "skipped"
  readonly found: string
  /** What to do. */
  readonly advice: string | undefined
}

/** What is looked at. */
export interface Look {
  readonly sql: PgClient
  readonly schema: string
  readonly isEmbedded: boolean
}

export const ok = (found: string): Finding => ({ status: "ok", found, advice: undefined })
export const skipped = (found: string): Finding => ({ status: "skipped", found, advice: undefined })
export const warning = (found: string, advice: string): Finding => ({ status: "warning", found, advice })
export const problem = (found: string, advice: string): Finding => ({ status: "problem", found, advice })

export const embedded: Finding = skipped("an embedded store has nobody else")

export const rows = <Row extends object>(
  { sql }: Look,
  text: string,
  parameters: ReadonlyArray<unknown> = []
): Effect.Effect<ReadonlyArray<Row>, SqlError> => sql.unsafe<Row>(text, parameters)

/** The one row of a statement that always has one. */
export const row = <Row extends object>(
  look: Look,
  text: string,
  parameters: ReadonlyArray<unknown> = []
): Effect.Effect<Row, SqlError> => Effect.map(rows<Row>(look, text, parameters), ([first]) => first!)

/** A table of the log by its name, as SQL that looks it up: it may be missing, and its schema be closed to the user. */
export const tableOid = ({ schema }: Look, table: string): string =>
  `(SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = ${literal(schema)} AND c.relname = ${literal(table)})`

/** Whether a table of the log is there, and may be read. */
export const canRead = (look: Look, table: string): Effect.Effect<boolean, SqlError> =>
  Effect.map(
    row<{ readonly can: boolean }>(
      look,
      `SELECT coalesce(has_table_privilege(${tableOid(look, table)}, 'SELECT')
  AND has_schema_privilege((SELECT oid FROM pg_namespace WHERE nspname = ${literal(look.schema)}), 'USAGE'), false) AS can`
    ),
    ({ can }) => can
  )

const units: ReadonlyArray<readonly [seconds: number, unit: string]> = [
  [86_400, "d"],
  [3600, "h"],
  [60, "min"],
  [1, "s"]
]

/** `12 s`, `5 min`, `3 h`, `2 d` */
export const ageOf = (seconds: number): string => {
  const [size, unit] = units.find(([size]) => seconds >= size) ?? [1, "s"]
  return `${Math.floor(seconds / size)} ${unit}`
}

const sizes = ["B", "KiB", "MiB", "GiB", "TiB"]

/** `1.5 MiB` */
export const sizeOf = (bytes: number): string => {
  const step = bytes < 1 ? 0 : Math.min(sizes.length - 1, Math.floor(Math.log2(bytes) / 10))
  return `${step === 0 ? Math.round(bytes) : (bytes / 1024 ** step).toFixed(1)} ${sizes[step]}`
}

const grouped = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 })

/** `1,234,567` */
export const countOf = (value: number): string => grouped.format(value)
