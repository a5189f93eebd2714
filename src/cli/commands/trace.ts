/**
 * `eventfold trace ID`: all that followed from one beginning.
 */
import * as Effect from "effect/Effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { countFlag } from "../flags.ts"
import { columnsOf, fullFlag } from "../output/eventLine.ts"
import * as Output from "../output/Output.ts"
import { layerEvents } from "../Source.ts"
import { storyFor } from "../trace/finding.ts"
import { storyJson, storyText } from "../trace/story.ts"

export const trace = Command.make(
  "trace",
  {
    id: Argument.String("id").pipe(Argument.withDescription("The id of an event, of a command, or of a correlation")),
    limit: countFlag("limit", "The most events").pipe(Flag.withDefault(1000)),
    full: fullFlag
  },
  Effect.fn(function* ({ full, id, limit }) {
    const columns = yield* columnsOf(full)
    const story = yield* storyFor(id, limit)
    yield* Output.answer(storyJson(story), () => storyText(story, id, columns))
  })
).pipe(
  Command.provide(layerEvents),
  Command.withDescription(
    "Show a conversation as a tree: which command decided which events, and what followed from them, with times from its beginning"
  ),
  Command.withShortDescription("Show what followed from what"),
  Command.withExamples([
    {
      command: "eventfold trace 01977f2c-5b1e-7000-8000-000000000001 --store ./data",
      description: "All that has to do with an event"
    }
  ])
)
