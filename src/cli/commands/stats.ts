/**
 * `eventfold stats`: how much there is of what.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { Inspection } from "../../Inspection.ts"
import { ProjectionStore } from "../../ProjectionStore.ts"
import { countFlag } from "../flags.ts"
import { columnsOf } from "../output/eventLine.ts"
import * as Output from "../output/Output.ts"
import { overviewsOf } from "../projections/overview.ts"
import { layerEvents } from "../Source.ts"
import { reportJson, reportText } from "../stats/report.ts"

/** As wide as a chart is where nothing says how wide it may be. */
const chartColumns = 72

export const stats = Command.make(
  "stats",
  {
    days: countFlag("days", "How many of the last days with events to show").pipe(Flag.withDefault(14)),
    longest: countFlag("longest", "How many of the longest streams to show").pipe(Flag.withDefault(10))
  },
  Effect.fn(function* (options) {
    const inspection = yield* Inspection
    const statistics = yield* inspection.statistics(options)
    // A file has none.
    const store = yield* Effect.serviceOption(ProjectionStore)
    const projections = Option.isSome(store) ? overviewsOf(yield* store.value.status()) : undefined
    const columns = Math.min(chartColumns, yield* columnsOf(false))
    yield* Output.answer(reportJson({ statistics, projections }), () =>
      reportText({ statistics, projections }, columns)
    )
  })
).pipe(
  Command.provide(layerEvents),
  Command.withDescription(
    "Show what a log holds: events, streams, categories, types with their versions and sizes, growth by day, the longest streams, and how far projections have come"
  ),
  Command.withShortDescription("Show how much there is of what"),
  Command.withExamples([
    { command: "eventfold stats --store postgres://localhost/orders", description: "Of a server" },
    { command: "eventfold stats --store events.jsonl --days 30 --json", description: "Of an exported file, as JSON" }
  ])
)
