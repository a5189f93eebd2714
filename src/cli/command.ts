/**
 * `eventfold`: the commands under one name.
 */
import * as Command from "effect/cli/Command"
import { event } from "./commands/event.ts"
import { globalFlags } from "./flags.ts"

export const eventfold = Command.make("eventfold").pipe(
  Command.withDescription("Looks into logs of events, and after what is made of them"),
  Command.withSubcommands([event]),
  Command.withGlobalFlags(globalFlags)
)
