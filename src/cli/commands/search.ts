/**
 * `eventfold search`: the events that are looked for, wherever they are in the log.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { Inspection, type Search } from "../../Inspection.ts"
import { lineOf } from "../file/line.ts"
import { filterFlags, searchOf } from "../filters.ts"
import { countFlag } from "../flags.ts"
import { columnsOf, eventLine, fullFlag } from "../output/eventLine.ts"
import * as Output from "../output/Output.ts"
import { backwardFlag } from "../search/flags.ts"
import { metadataFlag } from "../search/metadata.ts"
import { layerEvents } from "../Source.ts"

export const search = Command.make(
  "search",
  {
    ...filterFlags,
    metadata: metadataFlag,
    limit: countFlag("limit", "The most events").pipe(Flag.optional),
    backward: backwardFlag,
    full: fullFlag
  },
  Effect.fn(function* ({ backward, full, limit, metadata, ...filters }) {
    const inspection = yield* Inspection
    const columns = yield* columnsOf(full)
    const sought: Search = {
      ...(yield* searchOf(filters)),
      metadata: Object.fromEntries(metadata),
      limit: Option.getOrUndefined(limit),
      direction: backward ? "backward" : "forward"
    }
    const found = yield* Output.items(inspection.search(sought), lineOf, (event) => eventLine(event, columns))
    if (found === 0) yield* Output.say("no event is like that")
  })
).pipe(
  Command.provide(layerEvents),
  Command.withDescription(
    "Find events by type, category, tags, metadata, time and position: those of which all that is given holds"
  ),
  Command.withShortDescription("Find events by what they are, and when they were recorded"),
  Command.withExamples([
    {
      command: "eventfold search --store ./data --category account --type MoneyDeposited --since 2026-03-01",
      description: "Deposits since March"
    },
    {
      command: "eventfold search --store ./data --meta actor=user:ada --backward --limit 5",
      description: "The last five events that Ada has caused"
    }
  ])
)
