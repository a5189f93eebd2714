/**
 * Commands from a file, to be supposed.
 */
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Decider from "../../Decider.ts"
import type { Tagged } from "../../Event.ts"
import { firstIssue } from "../../internal/kernel/versions.ts"
import { CliFailure } from "../failure.ts"

const parse = (text: string): Result.Result<unknown, string> =>
  Result.try({
    try: (): unknown => JSON.parse(text),
    catch: (error) => (error instanceof Error ? error.message : String(error))
  })

const isTagged = (value: unknown): value is Tagged =>
  Predicate.hasProperty(value, "_tag") && Predicate.isString(value._tag)

/** The commands that a text has, one or an array of them, as the decider's schema reads them. */
export const commandsOf = (
  file: string,
  decider: Decider.Any,
  text: string
): Result.Result<ReadonlyArray<Tagged>, CliFailure> => {
  const advice = `Give a command or an array of them, as JSON: ${decider.name} knows ${decider.commandTypes.join(", ")}`
  const wrong = (problem: string) => new CliFailure({ kind: "usage", problem: `${file}: ${problem}`, advice })
  const decode = Schema.decodeUnknownResult(Schema.toCodecJson(decider.commands))
  return Result.gen(function* () {
    const json = yield* Result.mapError(parse(text), (problem) => wrong(`it is not JSON: ${problem}`))
    const all: ReadonlyArray<unknown> = Array.isArray(json) ? json : [json]
    if (all.length === 0) return yield* Result.fail(wrong("there is no command"))
    const commands: Array<Tagged> = []
    for (const [index, one] of all.entries()) {
      const command = yield* Result.mapError(decode(one), (error) => {
        const { path, problem } = firstIssue(error)
        return wrong(`command ${index + 1}: ${path === "" ? "" : `${path}: `}${problem}`)
      })
      if (!isTagged(command)) return yield* Result.fail(wrong(`command ${index + 1} has no _tag`))
      commands.push(command)
    }
    return commands
  })
}

const printed = (_: string, value: unknown): unknown => (typeof value === "bigint" ? String(value) : value)

/** A rejection as JSON, whatever the domain rejects with: what can be seen of it. */
export const rejectionOf = (rejection: unknown): Schema.Json => {
  if (!Predicate.isObject(rejection)) return String(rejection)
  const message = rejection instanceof Error && rejection.message !== "" ? { message: rejection.message } : {}
  const tag = Predicate.hasProperty(rejection, "_tag") ? { _tag: String(rejection._tag) } : {}
  try {
    const fields: Schema.JsonObject = JSON.parse(JSON.stringify({ ...rejection }, printed))
    return { ...tag, ...fields, ...message }
  } catch {
    return { ...tag, ...message }
  }
}
