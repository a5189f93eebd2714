/**
 * Plays a day in the shop: `npm run example:shop -- --memory`, with `--orders` and `--seed`. Where its events are kept, `../store.ts` says. With `serve` it
 * is opened over HTTP instead.
 */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Console, Data, Effect, Exit, Option, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import * as Store from "../store.ts"
import { inVirtualTime, playDay } from "./day.ts"
import { render } from "./print.ts"
import { serve } from "./serve.ts"

/** What must hold does not. */
class Broken extends Data.TaggedError("Broken")<{ readonly message: string }> {}

const atLeast = (least: number) => Schema.Int.check(Schema.isBetween({ minimum: least, maximum: 100_000 }))

const orders = Flag.Int("orders").pipe(
  Flag.withSchema(atLeast(1)),
  Flag.withDescription("How many orders are placed"),
  Flag.withDefault(200)
)

const seed = Flag.Int("seed").pipe(
  Flag.withDescription("What the day is drawn from: with --memory the same day of the same seed"),
  Flag.withDefault(42)
)

/** Of virtual time, which costs nothing, or of real time. */
const hour = Flag.Int("hour").pipe(
  Flag.withSchema(atLeast(1)),
  Flag.withDescription("How many seconds an hour takes: 20 of virtual time with --memory, otherwise 15 of real time"),
  Flag.optional
)

const shop = Command.make("shop", { orders, seed, hour, memory: Store.memory }, ({ hour, memory, orders, seed }) =>
  Effect.gen(function* () {
    const seconds = Option.getOrElse(hour, () => (memory ? 20 : 15))
    const time = memory ? "virtual" : "real"
    yield* Console.log(
      `A day in the shop: ${orders} orders, seed ${seed}. An hour takes ${seconds} s of ${time} time.\n`
    )
    const day = playDay({ orders, seed, tempo: seconds / 3_600 }).pipe(
      Effect.provide(Store.layer("shop", memory)),
      Effect.scoped
    )
    const report = yield* memory ? inVirtualTime(day) : day
    yield* Console.log(render(report))
    if (report.problems.length > 0) {
      return yield* new Broken({ message: `${report.problems.length} problems were found: see what is BROKEN.` })
    }
  })
).pipe(
  Command.withDescription("Plays a day in a shop, and looks whether everything has come out right"),
  Command.withSubcommands([serve])
)

shop.pipe(
  Command.run({ version: "1.0.0" }),
  Effect.tapError((error) => (error._tag === "ShowHelp" ? Effect.void : Console.error(error.message))),
  Effect.tapDefect(Console.error),
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain({
    disableErrorReporting: true,
    // To be told to stop is no failure.
    teardown: (exit, onExit) => onExit(Exit.isSuccess(exit) || Exit.hasInterrupts(exit) ? 0 : 1)
  })
)
