/**
 * `eventfold processes`: the instances of process managers, and what an operator does about them.
 */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Process from "../../Process.ts"
import { CliFailure, notFound } from "../failure.ts"
import { countFlag, JsonFlag, reasonFlag, yesFlag } from "../flags.ts"
import { confirm } from "../output/confirm.ts"
import { count } from "../output/format.ts"
import * as Output from "../output/Output.ts"
import { printable, table } from "../output/table.ts"
import { ageFlag, waitingForFlag } from "../processes/flags.ts"
import { instanceJson, instancesText, instanceText, stepJson, stepText } from "../processes/text.ts"
import { overviewsOf } from "../projections/overview.ts"
import { layerDatabase } from "../Source.ts"

const nameArgument = Argument.String("name").pipe(Argument.withDescription("The name of a process"))
const instanceArgument = Argument.String("instance").pipe(Argument.withDescription("The name of an instance"))
const both = { name: nameArgument, instance: instanceArgument }

/** A process that has to be there. */
const known = Effect.fn(function* (name: string) {
  const found = yield* Process.inspect(name)
  if (Option.isSome(found)) return found.value
  const names = yield* Process.names
  const there =
    names.length === 0
      ? "There are none: an application registers them when it runs"
      : `There ${names.length === 1 ? "is" : "are"} ${names.join(", ")}`
  return yield* notFound(printable(`there is no process ${name}`), printable(there))
})

/** An instance that has to be there. */
const knownInstance = Effect.fn(function* (name: string, instance: string) {
  const process = yield* known(name)
  const found = yield* process.get(instance)
  if (Option.isSome(found)) return { process, found: found.value }
  return yield* notFound(
    printable(`the process ${name} has no instance ${instance}`),
    printable(`See which there are: eventfold processes list ${name}`)
  )
})

/** All processes, with how many instances each has of each status. */
const listAll = Effect.gen(function* () {
  const all = yield* Effect.forEach(yield* Process.names, (name) =>
    Effect.gen(function* () {
      const { control, count: counts } = yield* known(name)
      const [live] = overviewsOf(yield* control.status).filter(({ role }) => role === "live")
      return {
        name,
        counts: yield* counts,
        state: live?.state ?? "running",
        lag: live?.lag ?? 0,
        owners: live?.owners ?? []
      }
    })
  )
  const number = (value: number): string => (value === 0 ? "" : count(value))
  yield* Output.answer(
    all.map(({ counts, ...its }) => ({ ...its, ...counts })),
    () =>
      all.length === 0
        ? "there are no processes"
        : table(
            ["process", "state", "#lag", "#running", "#stuck", "#ended", "#cancelled", "run by"],
            all.map(({ counts, lag, name, owners, state }) => [
              name,
              state,
              count(lag),
              ...[counts.running, counts.stuck, counts.ended, counts.cancelled].map(number),
              owners.length === 0 ? "nobody" : owners.length === 1 ? owners[0]! : `${owners.length} owners`
            ])
          )
  )
})

const list = Command.make(
  "list",
  {
    name: Argument.optional(nameArgument),
    status: Flag.Literals("status", ["running", "stuck", "ended", "cancelled"]).pipe(
      Flag.withDescription("Those that are so"),
      Flag.optional
    ),
    olderThan: ageFlag("older-than", "Those that began longer ago"),
    idleFor: ageFlag("idle-for", "Those that nothing has happened to for longer"),
    waitingFor: waitingForFlag,
    after: Flag.String("after").pipe(Flag.withDescription("The instance after which to begin"), Flag.optional),
    limit: countFlag("limit", "At most so many instances: 100 by default").pipe(Flag.withDefault(100))
  },
  Effect.fn(function* ({ limit, name, ...which }) {
    if (Option.isNone(name)) {
      if (Object.values(which).every(({ _tag }) => _tag === "None")) return yield* listAll
      return yield* new CliFailure({
        kind: "usage",
        problem: "it is not said of which process",
        advice: "Give the name of a process: eventfold processes list NAME"
      })
    }
    const process = yield* known(name.value)
    const found = process.list({
      status: Option.getOrUndefined(which.status),
      olderThan: Option.getOrUndefined(which.olderThan),
      idleFor: Option.getOrUndefined(which.idleFor),
      waitingFor: Option.getOrUndefined(which.waitingFor),
      after: Option.getOrUndefined(which.after),
      limit: limit + 1
    })
    let seen = 0
    let last = ""
    const shown = Stream.filter(found, ({ instance }) => {
      seen += 1
      if (seen <= limit) last = instance
      return seen <= limit
    })
    if (yield* JsonFlag) {
      yield* Output.items(shown, instanceJson, () => "")
    } else {
      const all = yield* Stream.runCollect(shown)
      const now = yield* DateTime.now
      yield* Output.print(all.length === 0 ? "there is no such instance" : instancesText(all, now))
    }
    if (seen > limit) {
      yield* Output.say(
        printable(`there are more: go on with --after ${JSON.stringify(last)}, or give a higher --limit`)
      )
    }
  })
).pipe(
  Command.provide(layerDatabase),
  Command.withDescription("List the processes, or the instances of one: what each does next, or is stuck at"),
  Command.withExamples([
    { command: "eventfold processes list --store ./data", description: "How many instances each process has" },
    {
      command: "eventfold processes list fulfilment --status stuck --idle-for 1h --store ./data",
      description: "The instances that are stuck, and that nothing has happened to for an hour"
    }
  ])
)

const show = Command.make(
  "show",
  both,
  Effect.fn(function* ({ instance, name }) {
    const { found, process } = yield* knownInstance(name, instance)
    if (yield* JsonFlag) {
      const story = yield* Stream.runCollect(process.story(instance))
      const json = { process: name, ...instanceJson(found), story: story.map(stepJson) }
      return yield* Output.answer(json, () => "")
    }
    yield* Output.print(`${instanceText(name, found)}\n\nstory:`)
    yield* Output.items(process.story(instance), stepJson, stepText)
  })
).pipe(
  Command.provide(layerDatabase),
  Command.withDescription("Show an instance, and its story: what happened to it, and what came of that"),
  Command.withExamples([{ command: "eventfold processes show fulfilment order-1 --store ./data" }])
)

/** Says that something was asked of an instance, and when it is done. */
const asked = Effect.fn(function* (
  { control, name }: Process.Inspected,
  instance: string,
  request: string,
  said: string
) {
  const isRun = (yield* control.status).some(({ owner }) => owner !== undefined)
  const when = isRun
    ? "its owner does so within about a second"
    : "nobody runs the process now: it does so when an application runs it"
  yield* Output.answer({ process: name, instance, request, isRun }, () =>
    printable(`${name} ${instance} ${said}: ${when}`)
  )
})

const retry = Command.make(
  "retry",
  both,
  Effect.fn(function* ({ instance, name }) {
    const { process } = yield* knownInstance(name, instance)
    yield* process.retry(instance)
    yield* asked(process, instance, "retry", "is to try again what it is stuck at")
  })
).pipe(
  Command.provide(layerDatabase),
  Command.withDescription("Have an instance try again what it is stuck at"),
  Command.withExamples([{ command: "eventfold processes retry fulfilment order-1 --store ./data" }])
)

const skip = Command.make(
  "skip",
  { ...both, reason: reasonFlag, yes: yesFlag },
  Effect.fn(function* ({ instance, name, reason, yes }) {
    const { found, process } = yield* knownInstance(name, instance)
    const ask = process.skip(instance, reason)
    if (found.stuck === undefined) return yield* ask
    yield* confirm(printable(`have ${name} ${instance} do without what it is stuck at, for good`), { yes })
    yield* ask
    yield* asked(process, instance, "skip", "is to go on without what it is stuck at")
  })
).pipe(
  Command.provide(layerDatabase),
  Command.withDescription("Have an instance pass over what it is stuck at: the reason is kept in its story"),
  Command.withExamples([
    {
      command: 'eventfold processes skip fulfilment order-1 --reason "shipped by hand" --yes --store ./data',
      description: "Without being asked again"
    }
  ])
)

const cancel = Command.make(
  "cancel",
  { ...both, reason: reasonFlag, yes: yesFlag },
  Effect.fn(function* ({ instance, name, reason, yes }) {
    const { found, process } = yield* knownInstance(name, instance)
    const ask = process.cancel(instance, reason)
    if (found.status === "ended" || found.status === "cancelled") return yield* ask
    yield* confirm(printable(`end ${name} ${instance} for good: what it was about to do is not done`), { yes })
    yield* ask
    yield* asked(process, instance, "cancel", "is to end")
  })
).pipe(
  Command.provide(layerDatabase),
  Command.withDescription("End an instance: what it was about to do is not done, and the reason is kept in its story"),
  Command.withExamples([
    {
      command: 'eventfold processes cancel fulfilment order-1 --reason "a test" --yes --store ./data',
      description: "Without being asked again"
    }
  ])
)

const resume = Command.make(
  "resume",
  both,
  Effect.fn(function* ({ instance, name }) {
    const { process } = yield* knownInstance(name, instance)
    yield* process.resume(instance)
    yield* asked(
      process,
      instance,
      "resume",
      "is to do what its state calls for, if its process manager has a `resume`"
    )
  })
).pipe(
  Command.provide(layerDatabase),
  Command.withDescription("Have an instance do what its state calls for, in place of what it was about to do"),
  Command.withExamples([{ command: "eventfold processes resume fulfilment order-1 --store ./data" }])
)

export const processes = Command.make("processes").pipe(
  Command.withDescription(
    "Look at process managers' instances, and after them: what they wait for, what they are stuck at"
  ),
  Command.withSubcommands([list, show, retry, skip, cancel, resume]),
  Command.withExamples([{ command: "eventfold processes list --store ./data" }])
)
