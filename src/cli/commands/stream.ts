/**
 * `eventfold stream NAME`: what has happened in a stream.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { EventStore } from "../../EventStore.ts"
import * as StreamName from "../../StreamName.ts"
import { CliFailure } from "../failure.ts"
import { lineOf } from "../file/line.ts"
import { countFlag } from "../flags.ts"
import { columnsOf, eventLine, fullFlag } from "../output/eventLine.ts"
import * as Output from "../output/Output.ts"
import { printable } from "../output/table.ts"
import { backwardFlag } from "../search/flags.ts"
import { layerEvents } from "../Source.ts"
import { missing } from "../stream/missing.ts"

export const stream = Command.make(
  "stream",
  {
    name: Argument.String("name").pipe(
      Argument.withDescription("The name of a stream: its category, a hyphen, its id")
    ),
    from: countFlag("from", "The lowest version").pipe(Flag.optional),
    to: countFlag("to", "The highest version").pipe(Flag.optional),
    limit: countFlag("limit", "The most events").pipe(Flag.optional),
    backward: backwardFlag,
    full: fullFlag
  },
  Effect.fn(function* ({ backward, from, full, limit, name, to }) {
    const parsed = StreamName.parse(name)
    if (Result.isFailure(parsed)) return yield* new CliFailure({ kind: "usage", problem: parsed.failure })
    const store = yield* EventStore
    const columns = yield* columnsOf(full)
    const events = store.readStream(parsed.success, {
      ...(Option.isSome(from) && { from: from.value }),
      ...(Option.isSome(to) && { to: to.value }),
      ...(Option.isSome(limit) && { limit: limit.value }),
      direction: backward ? "backward" : "forward"
    })
    const printed = yield* Output.items(events, lineOf, (event) => eventLine(event, columns))
    if (printed > 0) return
    const version = yield* store.streamVersion(parsed.success)
    if (version === 0) return yield* yield* missing(parsed.success)
    yield* Output.say(`${printable(name)} is at version ${version}: nothing of it is in that range`)
  })
).pipe(
  Command.provide(layerEvents),
  Command.withDescription("Show what has happened in a stream, event by event"),
  Command.withExamples([
    { command: "eventfold stream account-ada --store ./data", description: "All of it" },
    { command: "eventfold stream account-ada --store ./data --backward --limit 3", description: "The last three" }
  ])
)
