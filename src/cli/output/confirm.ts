/**
 * Nothing is destroyed without being told twice: the command, and `--yes` or the answer to a question.
 */
import * as Effect from "effect/Effect"
import * as Prompt from "effect/cli/Prompt"
import * as TerminalCapabilities from "effect/cli/TerminalCapabilities"
import { CliFailure } from "../failure.ts"
import { JsonFlag } from "../flags.ts"

/**
 * Goes on if it is meant. `what` completes "This will ...".
 */
export const confirm = Effect.fn(function* (what: string, options: { readonly yes: boolean }) {
  if (options.yes) return
  const { canPrompt } = yield* TerminalCapabilities.TerminalCapabilities
  // A question would be in the midst of the JSON, and nobody reads it there.
  if (!canPrompt || (yield* JsonFlag)) {
    return yield* new CliFailure({
      kind: "refused",
      problem: `this will ${what}`,
      advice: "If that is meant, add --yes"
    })
  }
  const isMeant = yield* Prompt.run(Prompt.Confirm({ message: `This will ${what}. Go on?`, initial: false }))
  if (!isMeant) return yield* new CliFailure({ kind: "refused", problem: "nothing was done" })
})
