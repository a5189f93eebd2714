/**
 * `eventfold projections parked`: the events that a projection has set aside.
 */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { EventStore } from "../../EventStore.ts"
import { type Parked, ProjectionStore } from "../../ProjectionStore.ts"
import { notFound } from "../failure.ts"
import { lineOf } from "../file/line.ts"
import { countFlag, reasonFlag, yesFlag } from "../flags.ts"
import { confirm } from "../output/confirm.ts"
import { count, counted, instant } from "../output/format.ts"
import * as Output from "../output/Output.ts"
import { printable, table } from "../output/table.ts"
import { layerDatabase } from "../Source.ts"
import { changeable, known, refusing, waitsText } from "./changing.ts"

export const parkedJson = ({ parkedAt, ...its }: Parked): Schema.JsonObject => ({
  generation: its.generation,
  partition: its.partition,
  position: its.position,
  lane: its.lane,
  problem: its.problem,
  attempts: its.attempts,
  parkedAt: DateTime.formatIso(parkedAt)
})

/** One that only came behind another has no problem of its own. */
const problemOf = ({ problem }: Parked): string => (problem === "" ? "(waits behind another one)" : problem)

const row = (one: Parked): ReadonlyArray<string> => [
  count(one.position),
  one.lane,
  instant(one.parkedAt),
  count(one.attempts),
  problemOf(one)
]

const parkedText = (all: ReadonlyArray<Parked>): string =>
  all.length === 0
    ? "no event is parked"
    : table(["#position", "lane", "parked at", "#attempts", "problem"], all.map(row))

const nameArgument = Argument.String("name").pipe(Argument.withDescription("The name of a projection"))
const positionFlag = countFlag("position", "The position of a parked event")

const parkedAt = Effect.fn(function* (name: string, position: number) {
  const store = yield* ProjectionStore
  const found = (yield* store.parked(name)).filter((one) => one.position === position)
  if (found.length > 0) return found
  return yield* notFound(
    printable(`${name} has no event parked at position ${position}`),
    `See which there are: eventfold projections parked list ${printable(name)}`
  )
})

const list = Command.make(
  "list",
  { name: nameArgument },
  Effect.fn(function* ({ name }) {
    yield* known(name)
    const store = yield* ProjectionStore
    const all = yield* store.parked(name)
    yield* Output.answer(all.map(parkedJson), () => parkedText(all))
  })
).pipe(
  Command.provide(layerDatabase),
  Command.withDescription("List the events that a projection has set aside, and why"),
  Command.withExamples([{ command: "eventfold projections parked list balances --store ./data" }])
)

const show = Command.make(
  "show",
  { name: nameArgument, position: positionFlag },
  Effect.fn(function* ({ name, position }) {
    yield* known(name)
    const found = yield* parkedAt(name, position)
    const events = yield* EventStore
    const [event] = yield* Stream.runCollect(events.readLog({ from: position, to: position }))
    if (event === undefined) return yield* notFound(`there is no event at position ${position}`)
    const json = lineOf(event)
    yield* Output.answer({ parked: found.map(parkedJson), event: json }, () =>
      [
        ...found.map((one) => printable(`lane ${one.lane}: ${problemOf(one)}`)),
        ...JSON.stringify(json, undefined, 2).split("\n").map(printable)
      ].join("\n")
    )
  })
).pipe(
  Command.provide(layerDatabase),
  Command.withDescription("Show an event that was set aside, and the problem with it"),
  Command.withExamples([{ command: "eventfold projections parked show balances --position 42 --store ./data" }])
)

const retry = Command.make(
  "retry",
  {
    name: nameArgument,
    lane: Flag.String("lane").pipe(Flag.withDescription("The key or stream to retry, and no other"), Flag.optional)
  },
  Effect.fn(function* ({ lane, name }) {
    const statuses = yield* changeable(name, "retry")
    const store = yield* ProjectionStore
    const only = Option.getOrUndefined(lane)
    const all = (yield* store.parked(name)).filter((one) => only === undefined || one.lane === only)
    if (all.length === 0 && only !== undefined) {
      return yield* notFound(printable(`${name} has no event parked in the lane ${only}`))
    }
    if (all.length > 0) yield* refusing(store.retryParked(name, only))
    yield* Output.answer({ name, change: "retry", lane: only ?? null, events: all.length }, () =>
      all.length === 0
        ? "no event is parked"
        : printable(`${name} tries ${counted(all.length, "parked event")} again${waitsText(statuses)}`)
    )
  })
).pipe(
  Command.provide(layerDatabase),
  Command.withDescription("Have parked events tried again, in order: all, or those of one lane"),
  Command.withExamples([{ command: "eventfold projections parked retry balances --lane account-ada --store ./data" }])
)

const discard = Command.make(
  "discard",
  { name: nameArgument, position: positionFlag, reason: reasonFlag, yes: yesFlag },
  Effect.fn(function* ({ name, position, reason, yes }) {
    yield* changeable(name, "discard")
    const found = yield* parkedAt(name, position)
    const store = yield* ProjectionStore
    yield* confirm(printable(`have ${name} do without the event at position ${position} for good`), { yes })
    yield* refusing(store.discardParked(name, { position, reason }))
    yield* Output.answer({ name, change: "discard", position, events: found.length }, () =>
      printable(`${name} does without the event at position ${position}`)
    )
  })
).pipe(
  Command.provide(layerDatabase),
  Command.withDescription("Take a parked event out for good: the reason is kept"),
  Command.withExamples([
    {
      command: 'eventfold projections parked discard balances --position 42 --reason "a test" --yes --store ./data',
      description: "Without being asked again"
    }
  ])
)

export const parked = Command.make("parked").pipe(
  Command.withDescription("Look at the events that a projection has set aside, and after them"),
  Command.withSubcommands([list, show, retry, discard]),
  Command.withExamples([{ command: "eventfold projections parked list balances --store ./data" }])
)
