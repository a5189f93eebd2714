/**
 * The flags of commands that list events.
 */
import * as Flag from "effect/cli/Flag"

export const backwardFlag = Flag.Boolean("backward").pipe(
  Flag.withDescription("Begin with the last one"),
  Flag.withDefault(false)
)
