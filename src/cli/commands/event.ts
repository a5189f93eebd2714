/**
 * `eventfold event ID`: one event, with everything that is known about it.
 */
import * as Effect from "effect/Effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import { Inspection } from "../../Inspection.ts"
import { notFound } from "../failure.ts"
import { lineOf } from "../file/line.ts"
import * as Output from "../output/Output.ts"
import { printable } from "../output/table.ts"
import { layerEvents } from "../Source.ts"

export const event = Command.make(
  "event",
  { id: Argument.String("id").pipe(Argument.withDescription("The id of an event")) },
  Effect.fn(function* ({ id }) {
    const inspection = yield* Inspection
    const found = yield* inspection.event(id)
    if (found === undefined) {
      const advice = "If it is the id of a command or of a correlation, use eventfold trace"
      return yield* notFound(`there is no event ${printable(id)}`, advice)
    }
    yield* Output.answer(lineOf(found), () =>
      JSON.stringify(lineOf(found), undefined, 2).split("\n").map(printable).join("\n")
    )
  })
).pipe(
  Command.provide(layerEvents),
  Command.withDescription("Show one event, with everything that is known about it"),
  Command.withExamples([
    { command: "eventfold event 01977f2c-5b1e-7000-8000-000000000001 --store ./data", description: "By its id" }
  ])
)
