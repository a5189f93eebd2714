/**
 * A command line from its arguments to its exit code.
 */
import { readFileSync } from "node:fs"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import type { PlatformError } from "effect/PlatformError"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Stdio from "effect/Stdio"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import { exitCodes, tell } from "./failure.ts"
import { say } from "./output/Output.ts"
import { printable } from "./output/table.ts"

const Manifest = Schema.fromJsonString(Schema.Struct({ version: Schema.String }))

const version = Schema.decodeSync(Manifest)(
  readFileSync(new URL("../../package.json", import.meta.url), "utf8")
).version

/** Says what went wrong, as JSON where the output is. */
const report = Effect.fnUntraced(function* (
  cause: Cause.Cause<unknown>,
  isJson: boolean
): Effect.fn.Return<number, PlatformError, Stdio.Stdio> {
  if (Cause.hasInterruptsOnly(cause)) return exitCodes.interrupted
  const failure = Cause.findError(cause)
  const told = Result.isSuccess(failure) ? tell(failure.success) : undefined
  if (told === undefined) {
    yield* say(`this is a fault of eventfold, please report it:\n${Cause.pretty(cause)}`)
    return exitCodes.defect
  }
  const { advice, exitCode, problem } = told
  if (problem === undefined) return exitCode
  if (isJson) yield* say(JSON.stringify({ error: { exitCode, problem, ...(advice !== undefined && { advice }) } }))
  else {
    const text = `error: ${problem}${advice === undefined ? "" : `\n  ${advice}`}`
    yield* say(text.split("\n").map(printable).join("\n"))
  }
  return exitCode
})

/** What is wrong with a command line is told as all that goes wrong is. */
const presenter = CliOutput.layerPresenter({
  present: (event) => (event._tag === "InvalidInvocation" ? Effect.void : CliOutput.defaultPresenter.present(event))
})

/** Logs are no output. */
const logs = Logger.layer([Logger.withConsoleError(Logger.formatLogFmt)])

/**
 * Runs command lines of a command. Gives the exit code: it has been said what it means.
 */
export const running =
  <Name extends string, Input, Context, E>(command: Command.Command<Name, Input, Context, E, Command.Environment>) =>
  (args: ReadonlyArray<string>): Effect.Effect<number, PlatformError, Command.Environment> =>
    Effect.exit(Command.runWith(command, { version })(args)).pipe(
      Effect.flatMap((exit) =>
        Exit.isSuccess(exit) ? Effect.succeed(exitCodes.done) : report(exit.cause, args.includes("--json"))
      ),
      Effect.provide([Layer.fresh(logs), presenter])
    )
