/**
 * `eventfold projections`: how the projections are doing, and what an operator does about them.
 */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import { ProjectionStore, type Skipped } from "../../ProjectionStore.ts"
import { countFlag, reasonFlag, yesFlag } from "../flags.ts"
import { count, counted, instant } from "../output/format.ts"
import * as Output from "../output/Output.ts"
import { printable, table } from "../output/table.ts"
import * as Change from "../projections/change.ts"
import { known } from "../projections/changing.ts"
import { kindOf, overviewJson, overviewsOf, overviewsText, partitionsText } from "../projections/overview.ts"
import { parked } from "../projections/parked.ts"
import { layerDatabase } from "../Source.ts"

const nameArgument = Argument.String("name").pipe(Argument.withDescription("The name of a projection"))

const list = Command.make(
  "list",
  {},
  Effect.fn(function* () {
    const store = yield* ProjectionStore
    const all = overviewsOf(yield* store.status())
    yield* Output.answer(all.map(overviewJson), () => overviewsText(all))
  })
).pipe(
  Command.provide(layerDatabase),
  Command.withDescription("List the projections: how far each has come, how fast, who runs it, and what has failed"),
  Command.withExamples([
    { command: "eventfold projections list --store postgres://localhost/orders", description: "Of a server" }
  ])
)

const skippedText = (all: ReadonlyArray<Skipped>): string =>
  [
    `passed over: ${counted(all.length, "event")}`,
    table(
      ["#position", "generation", "at", "reason"],
      all.map(({ generation, position, reason, skippedAt }) => [
        count(position),
        String(generation),
        instant(skippedAt),
        reason
      ])
    )
  ].join("\n")

const show = Command.make(
  "show",
  { name: nameArgument },
  Effect.fn(function* ({ name }) {
    const generations = overviewsOf(yield* known(name))
    const store = yield* ProjectionStore
    const skipped = yield* store.skipped(name)
    const json = {
      name,
      kind: kindOf(name),
      generations: generations.map(overviewJson),
      skipped: skipped.map(({ skippedAt, ...its }) => ({ ...its, skippedAt: DateTime.formatIso(skippedAt) }))
    }
    yield* Output.answer(json, () =>
      [
        printable(name),
        ...generations.map(partitionsText),
        ...(skipped.length === 0 ? [] : [skippedText(skipped)])
      ].join("\n\n")
    )
  })
).pipe(
  Command.provide(layerDatabase),
  Command.withDescription("Show a projection: each generation by partition, and the events that it has passed over"),
  Command.withExamples([{ command: "eventfold projections show balances --store ./data" }])
)

const pause = Command.make("pause", { name: nameArgument }, ({ name }) => Change.pause(name)).pipe(
  Command.provide(layerDatabase),
  Command.withDescription("Stop a projection, in every process, until it is resumed"),
  Command.withExamples([{ command: "eventfold projections pause balances --store ./data" }])
)

const resume = Command.make("resume", { name: nameArgument }, ({ name }) => Change.resume(name)).pipe(
  Command.provide(layerDatabase),
  Command.withDescription("Let a projection go on that is paused, or has failed: what failed is tried again"),
  Command.withExamples([{ command: "eventfold projections resume balances --store ./data" }])
)

const rebuild = Command.make("rebuild", { name: nameArgument, yes: yesFlag }, ({ name, yes }) =>
  Change.rebuild(name, { yes })
).pipe(
  Command.provide(layerDatabase),
  Command.withDescription("Fill a projection anew beside what is read, which it replaces when it has come as far"),
  Command.withExamples([{ command: "eventfold projections rebuild balances --store ./data" }])
)

const reset = Command.make("reset", { name: nameArgument, yes: yesFlag }, ({ name, yes }) =>
  Change.reset(name, { yes })
).pipe(
  Command.provide(layerDatabase),
  Command.withDescription("Empty a projection and fill it anew: readers see it empty, and then filling"),
  Command.withExamples([
    { command: "eventfold projections reset balances --yes --store ./data", description: "Without being asked again" }
  ])
)

const skip = Command.make(
  "skip",
  {
    name: nameArgument,
    position: countFlag("position", "The position that it has failed at"),
    reason: reasonFlag,
    yes: yesFlag
  },
  Change.skip
).pipe(
  Command.provide(layerDatabase),
  Command.withDescription("Have a projection pass over the event that it has failed at, and go on: the reason is kept"),
  Command.withExamples([
    {
      command: 'eventfold projections skip balances --position 42 --reason "a test" --yes --store ./data',
      description: "Without being asked again"
    }
  ])
)

const removeRetired = Command.make("remove-retired", { name: nameArgument, yes: yesFlag }, ({ name, yes }) =>
  Change.removeRetired(name, { yes })
).pipe(
  Command.provide(layerDatabase),
  Command.withDescription("Delete what is kept of generations that were replaced"),
  Command.withExamples([{ command: "eventfold projections remove-retired balances --yes --store ./data" }])
)

export const projections = Command.make("projections").pipe(
  Command.withDescription(
    "Look at projections, and after them: how far they have come, rebuild, pause, what has failed"
  ),
  Command.withSubcommands([list, show, rebuild, pause, resume, reset, skip, parked, removeRetired]),
  Command.withExamples([{ command: "eventfold projections list --store ./data" }])
)
