/**
 * Plays the begin of a term: `npm run example:courses -- --memory`, with `--students`, `--seats` and `--seed`. Where its events are kept, `../store.ts`
 * says. With `--careless` nothing is appended on a condition, to see what it is for.
 */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Console, Data, Effect, Exit, Layer, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import * as Store from "../store.ts"
import { render } from "./print.ts"
import { Enrolment } from "./service.ts"
import { careless, distant } from "./stores.ts"
import { playTerm } from "./term.ts"

/** What must hold does not. */
class Broken extends Data.TaggedError("Broken")<{ readonly message: string }> {}

const Count = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000 }))

const students = Flag.Int("students").pipe(
  Flag.withSchema(Count),
  Flag.withDescription("How many students want into the course"),
  Flag.withDefault(100)
)

const seats = Flag.Int("seats").pipe(
  Flag.withSchema(Count),
  Flag.withDescription("How many seats it has"),
  Flag.withDefault(30)
)

const seed = Flag.Int("seed").pipe(
  Flag.withDescription("What everybody wants is drawn from it, and in which order"),
  Flag.withDefault(42)
)

const carelessly = Flag.Boolean("careless").pipe(
  Flag.withDescription("Append without a condition, to see what it is for"),
  Flag.withDefault(false)
)

const courses = Command.make(
  "courses",
  { students, seats, seed, careless: carelessly, memory: Store.memory },
  ({ careless: isCareless, memory, ...term }) =>
    Effect.gen(function* () {
      const near = Store.layer("courses", memory)
      const store = memory ? Layer.provide(distant, near) : near
      const enrolment = Layer.provideMerge(Enrolment.layer, isCareless ? Layer.provide(careless, store) : store)
      yield* Console.log(
        `A term begins: ${term.students} students, a course of ${term.seats} seats, seed ${term.seed}.\n`
      )
      const report = yield* Effect.provide(playTerm(term), enrolment)
      yield* Console.log(render(report))
      if (report.problems.length > 0) {
        return yield* new Broken({ message: `${report.problems.length} problems were found: see what is BROKEN.` })
      }
    })
).pipe(Command.withDescription("Plays the begin of a term, and looks whether everything has come out right"))

courses.pipe(
  Command.run({ version: "1.0.0" }),
  Effect.tapError((error) => (error._tag === "ShowHelp" ? Effect.void : Console.error(error.message || error._tag))),
  Effect.tapDefect(Console.error),
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain({
    disableErrorReporting: true,
    // To be told to stop is no failure.
    teardown: (exit, onExit) => onExit(Exit.isSuccess(exit) || Exit.hasInterrupts(exit) ? 0 : 1)
  })
)
