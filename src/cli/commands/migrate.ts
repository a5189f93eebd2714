/**
 * `eventfold migrate`: makes and upgrades the tables of a store.
 */
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { migrate as runMigrations, type Step, type Steps, stepsOf } from "../../postgres/migrate.ts"
import * as PostgresEventStore from "../../postgres/PostgresEventStore.ts"
import { schemaProblem } from "../../postgres/schema/names.ts"
import { fromSqlError } from "../../postgres/sqlErrors.ts"
import { CliFailure, Findings } from "../failure.ts"
import * as Output from "../output/Output.ts"
import { printable } from "../output/table.ts"
import { clientOf, schema as givenSchema, source, sourceToMake } from "../Source.ts"

const namesOf = (steps: ReadonlyArray<Step>): string => steps.map(({ id, name }) => `${id} (${name})`).join(", ")

const stepsJson = (steps: ReadonlyArray<Step>) => steps.map(({ id, name }) => ({ id, name }))

const newerText = ({ unknown }: Steps): ReadonlyArray<string> =>
  unknown.length === 0 ? [] : [`it has migrations that this version does not know: ${namesOf(unknown)}`]

/** The database, in a folder that is made where that is asked for. */
const layerFor = ({ create }: { readonly create: boolean }) =>
  Layer.unwrap(
    Effect.gen(function* () {
      if (!create) return clientOf(yield* source)
      const found = yield* sourceToMake
      if (found._tag === "Folder") return clientOf(found, true)
      return yield* new CliFailure({
        kind: "usage",
        problem: "--create makes an embedded store, in a folder",
        advice: "Give --store with the folder to make; a database on a server is there, or made with createdb"
      })
    })
  )

const check = Effect.fn(function* (schema: string) {
  const sql = yield* PgClient.PgClient
  const steps = yield* Effect.mapError(stepsOf(sql, schema), fromSqlError)
  const json = { schema, missing: stepsJson(steps.missing), unknown: stepsJson(steps.unknown) }
  yield* Output.answer(json, () =>
    printable(
      [
        steps.missing.length === 0
          ? `the schema ${schema} is up to date`
          : `the schema ${schema} lacks ${namesOf(steps.missing)}: run eventfold migrate`,
        ...newerText(steps)
      ].join("; ")
    )
  )
  if (steps.missing.length > 0) return yield* new Findings()
})

const run = Effect.fn(function* (schema: string) {
  const sql = yield* PgClient.PgClient
  const steps = Effect.mapError(stepsOf(sql, schema), fromSqlError)
  const before = yield* steps
  // Who may not change the schema need not be able to, where there is nothing to change.
  if (before.missing.length > 0) yield* Effect.mapError(runMigrations(sql, schema), fromSqlError)
  const after = yield* steps
  const taken = before.missing.filter(({ id }) => after.there.some((step) => step.id === id))
  const json = { schema, taken: stepsJson(taken), there: stepsJson(after.there), unknown: stepsJson(after.unknown) }
  yield* Output.answer(json, () =>
    printable(
      [
        taken.length === 0
          ? `the schema ${schema} was up to date: nothing was done`
          : `the schema ${schema} has taken ${namesOf(taken)}`,
        ...newerText(after)
      ].join("; ")
    )
  )
})

export const migrate = Command.make(
  "migrate",
  {
    print: Flag.Boolean("print").pipe(
      Flag.withDescription("Print the SQL, for those who run it themselves, and connect to nothing"),
      Flag.withDefault(false)
    ),
    check: Flag.Boolean("check").pipe(
      Flag.withDescription("Change nothing, and exit 1 where something is missing"),
      Flag.withDefault(false)
    ),
    create: Flag.Boolean("create").pipe(
      Flag.withDescription("Make an embedded store where there is no folder yet, or an empty one"),
      Flag.withDefault(false)
    )
  },
  Effect.fn(function* (flags) {
    const schema = yield* givenSchema
    const wrong = schemaProblem(schema)
    if (wrong !== undefined) {
      return yield* new CliFailure({
        kind: "usage",
        problem: `the name of the schema ${wrong}`,
        advice: "See --schema"
      })
    }
    if (flags.check && (flags.print || flags.create)) {
      const problem = "--check changes nothing, and goes with neither --print nor --create"
      return yield* new CliFailure({ kind: "usage", problem })
    }
    if (flags.print) {
      const sql = PostgresEventStore.migrationScript(schema)
      return yield* Output.answer({ schema, sql }, () => sql)
    }
    yield* Effect.provide(flags.check ? check(schema) : run(schema), layerFor(flags))
  })
).pipe(
  Command.withDescription(
    "Make the tables of a store, or bring them up to date: what has been done already is left alone"
  ),
  Command.withExamples([
    {
      command: "eventfold migrate --store postgres://localhost/orders",
      description: "Make them, or bring them up to date"
    },
    { command: "eventfold migrate --check --store ./data", description: "Exits 1 where something is missing" },
    { command: "eventfold migrate --print > schema.sql", description: "For those who review it and run it themselves" },
    { command: "eventfold migrate --create --store ./data", description: "A new embedded store" }
  ])
)
