/**
 * `eventfold doctor`: whether a store can be used, and what puts it at risk.
 */
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import * as Doctor from "../../postgres/doctor.ts"
import { CliFailure, Findings } from "../failure.ts"
import * as Output from "../output/Output.ts"
import { printable } from "../output/table.ts"
import { clientOf, nameOf, schema, source } from "../Source.ts"

const checksText = (checks: ReadonlyArray<Doctor.Check>): string => {
  const width = Math.max(...checks.map(({ name }) => CliOutput.displayWidth(name)))
  return checks
    .flatMap(({ advice, found, name, status }) => [
      `${status.padEnd(7)}  ${name.padEnd(width)}  ${printable(found)}`,
      ...(advice === undefined ? [] : [`${" ".repeat(width + 11)}→ ${printable(advice)}`])
    ])
    .join("\n")
}

export const doctor = Command.make(
  "doctor",
  {},
  Effect.fn(function* () {
    const found = yield* source
    if (found._tag === "File") {
      return yield* new CliFailure({
        kind: "usage",
        problem: `${printable(found.path)} is a file of events, and a doctor looks at databases`,
        advice: `Find what is wrong with a file: eventfold validate --store ${printable(found.path)}`
      })
    }
    const options = { name: nameOf(found), schema: yield* schema }
    const checks = yield* Effect.flatMap(PgClient.PgClient, (sql) => Doctor.examine(sql, options)).pipe(
      Effect.provide(clientOf(found)),
      // That it cannot be opened is a finding.
      Effect.catchIf(
        (error) => error instanceof CliFailure && error.kind === "store",
        ({ message }) => Effect.succeed(Doctor.unreachable(message, "See that no other process has it open"))
      )
    )
    const problems = checks.filter(({ status }) => status === "problem").length
    const json = {
      problems,
      checks: checks.map(({ advice, found, name, status }) => ({ name, status, found, advice: advice ?? null }))
    }
    yield* Output.answer(json, () => checksText(checks))
    if (problems > 0) return yield* new Findings()
  })
).pipe(
  Command.withDescription("Check a store: can it be reached and used, is what it keeps safe, who is in the way"),
  Command.withExamples([
    {
      command: "eventfold doctor --store postgres://app@localhost/orders",
      description: "Exits 1 where there is a problem"
    }
  ])
)
