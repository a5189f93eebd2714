/**
 * `eventfold replay STREAM`: a stream step by step, with the state after each event; the state at a point; what is different between two; what would
 * come of commands.
 */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as TerminalCapabilities from "effect/cli/TerminalCapabilities"
import * as Aggregate from "../../Aggregate.ts"
import { DeciderDefect } from "../../Decider.ts"
import { EventStore } from "../../EventStore.ts"
import { isUpTo, type Point } from "../../internal/runtime/point.ts"
import * as StreamName from "../../StreamName.ts"
import { deciderFor, load, viewFor } from "../domain.ts"
import { CliFailure, notFound } from "../failure.ts"
import { countFlag, domainFlag, instantFlag, JsonFlag } from "../flags.ts"
import { counted, instant } from "../output/format.ts"
import * as Output from "../output/Output.ts"
import { commandsOf } from "../replay/commands.ts"
import { domainThrew, type Folding, ofDecider, ofView } from "../replay/folding.ts"
import { intervalOf } from "../replay/points.ts"
import { stepThrough } from "../replay/stepping.ts"
import { supposedText, suppose } from "../replay/supposing.ts"
import * as text from "../replay/text.ts"
import { reach, type Step, start, trail } from "../replay/trail.ts"
import { layerEvents } from "../Source.ts"

/** The text of a file, or of the standard input. */
const textOf = Effect.fnUntraced(function* (path: string) {
  if (path === "-") return yield* Stream.mkString(Stream.decodeText((yield* Stdio.Stdio).stdin))
  return yield* (yield* FileSystem.FileSystem).readFileString(path)
})

const VersionFrom0 = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

const flags = {
  stream: Argument.String("stream").pipe(Argument.withDescription("The name of a stream, such as account-ada")),
  second: Argument.String("to").pipe(
    Argument.withDescription("With --compare: the second point. The end of the stream by default"),
    Argument.optional
  ),
  domain: domainFlag,
  decider: Flag.String("decider").pipe(
    Flag.withMetavar("name"),
    Flag.withDescription("The decider, by the name of its export. That of the stream's category by default"),
    Flag.optional
  ),
  view: Flag.String("view").pipe(
    Flag.withMetavar("name"),
    Flag.withDescription("Fold a view over the stream, and not its decider"),
    Flag.optional
  ),
  atVersion: Flag.Int("at-version").pipe(
    Flag.withMetavar("number"),
    Flag.withDescription("The state at this version, 0 for before the first event"),
    Flag.withSchema(VersionFrom0),
    Flag.optional
  ),
  until: instantFlag("until", "The state after all that was recorded up to this instant"),
  from: countFlag("from", "Print the steps from this version on").pipe(Flag.optional),
  to: countFlag("to", "Print the steps up to this version").pipe(Flag.optional),
  compare: Flag.String("compare").pipe(
    Flag.withMetavar("from"),
    Flag.withDescription("What is different between this version or instant and a second one, or now"),
    Flag.optional
  ),
  whatIf: Flag.String("what-if").pipe(
    Flag.withMetavar("file"),
    Flag.withDescription(
      "What would come of the commands in this file, JSON, one or an array; - is the standard input. Nothing is stored"
    ),
    Flag.optional
  ),
  step: Flag.Boolean("step").pipe(
    Flag.withDescription("Step through it by keys, on a terminal"),
    Flag.withDefault(false)
  )
}

type Input = Command.Command.Config.Infer<typeof flags>

const usage = (problem: string, advice: string): CliFailure => new CliFailure({ kind: "usage", problem, advice })

/** What is asked for. Flags that say different things are refused, and not one of them overlooked. */
const modeOf = ({ atVersion, compare, from, second, step, to, until, view, whatIf }: Input): CliFailure | undefined => {
  const given = (flag: Option.Option<unknown>, name: string) => (Option.isSome(flag) ? [name] : [])
  if (Option.isSome(second) && Option.isNone(compare)) {
    return usage(`"${second.value}" is the second of two points, and there is no first`, "Give the first as --compare")
  }
  const at = [...given(atVersion, "--at-version"), ...given(until, "--until")]
  const range = [...given(from, "--from"), ...given(to, "--to")].slice(0, 1)
  const ways = [...given(compare, "--compare"), ...given(whatIf, "--what-if"), ...(step ? ["--step"] : []), ...range]
  const together = step && range.length > 0 ? ways.filter((way) => way !== range[0]) : ways
  const all = together[0] === "--what-if" ? together : [...at.slice(0, 1), ...together]
  if (at.length > 1) return usage("--at-version and --until are given", "Give one of them")
  if (all.length > 1) return usage(`${all.join(" and ")} do not go together`, "Give one of them")
  const deciding = Option.isSome(view) ? [...given(compare, "--compare"), ...given(whatIf, "--what-if")] : []
  return deciding.length === 0 ? undefined : usage(`${deciding.join(" and ")} is of a decider`, "Leave out --view")
}

const stepJson = ({ patch, readAs, recorded, state }: Step): Schema.Json => {
  const { data, id, position, recordedAt, schemaVersion, type, version } = recorded
  return {
    version,
    position,
    recordedAt: DateTime.formatIso(recordedAt),
    type,
    schemaVersion,
    id,
    data,
    ...(readAs !== undefined && { readAs: readAs.map(({ data, type }) => ({ type, data })) }),
    patch: [...patch],
    state
  }
}

const pointOf = ({ atVersion, until }: Input): Point | undefined =>
  Option.isSome(atVersion) ? { version: atVersion.value } : Option.isSome(until) ? { instant: until.value } : undefined

const stateAt = Effect.fnUntraced(function* (folding: Folding, stream: StreamName.StreamName, at: Point) {
  const store = yield* EventStore
  const all = store.readStream(stream, at.version === undefined ? {} : { to: at.version })
  const events = Stream.takeWhile(all, (recorded) => isUpTo(at, recorded))
  const { last, state: reached, version } = yield* reach(folding, start(folding), events)
  const state = yield* Effect.fromResult(folding.json(reached))
  const position = last?.position ?? 0
  const recordedAt = last === undefined ? null : DateTime.formatIso(last.recordedAt)
  const isShort = at.version !== undefined && version < at.version
  yield* Output.answer({ stream, version, position, recordedAt, state }, () => {
    const when =
      last === undefined ? "before its first event" : `at version ${version}, ${instant(last.recordedAt)}, #${position}`
    const head = `${stream} ${when}${isShort ? ": its last one" : ""}`
    return `${text.line(head)}\n${text.full(state)}`
  })
})

const print = Effect.fnUntraced(function* (folding: Folding, stream: StreamName.StreamName, { from, to }: Input) {
  const store = yield* EventStore
  const events = store.readStream(stream, Option.isSome(to) ? { to: to.value } : {})
  const steps = trail(
    folding,
    events,
    Option.getOrElse(from, () => 1)
  )
  const count = yield* Output.items(steps, stepJson, text.step)
  if (count > 0) return
  return yield* notFound(
    `${stream} has no event in this range`,
    `Its last version is ${yield* store.streamVersion(stream)}`
  )
})

/** What the decider's own functions throw is no fault of this program. */
const asDomainFailure = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | CliFailure, R> =>
  Effect.catchDefect(effect, (defect) =>
    defect instanceof DeciderDefect ? Effect.fail(domainThrew("the domain failed", defect)) : Effect.die(defect)
  )

const run = Effect.fn(function* (input: Input) {
  const clash = modeOf(input)
  if (clash !== undefined) return yield* clash
  const parsed = StreamName.parse(input.stream)
  if (parsed._tag === "Failure")
    return yield* usage(parsed.failure, "A stream is called as its category and its id: account-ada")
  const stream = parsed.success
  const { canPrompt } = yield* TerminalCapabilities.TerminalCapabilities
  if (input.step && (yield* JsonFlag)) return yield* usage("--step is for people", "Leave out --json, or --step")
  if (input.step && !canPrompt) return yield* usage("--step needs a terminal", "Leave it out to print all steps")
  const category = StreamName.category(stream)
  const domain = yield* load(input.domain)
  const store = yield* EventStore
  const last = yield* store.streamVersion(stream)
  if (last === 0 && Option.isNone(input.whatIf)) return yield* notFound(`stream ${stream} has no events`)
  const at = pointOf(input)

  const fold = Effect.fnUntraced(function* (folding: Folding) {
    if (input.step) {
      const to = Math.min(
        last,
        Option.getOrElse(input.to, () => last)
      )
      return yield* stepThrough(store, folding, stream, {
        from: Math.min(
          to,
          Option.getOrElse(input.from, () => 1)
        ),
        last: to
      })
    }
    return yield* at === undefined ? print(folding, stream, input) : stateAt(folding, stream, at)
  })

  if (Option.isSome(input.view))
    return yield* fold(ofView((yield* Effect.fromResult(viewFor(domain, input.view.value))).value))

  const { value: decider } = yield* Effect.fromResult(deciderFor(domain, category, input.decider))
  const folding = ofDecider(decider)
  const aggregate = yield* Aggregate.make({ decider, category })
  const id = StreamName.id(stream)

  if (Option.isSome(input.compare)) {
    const interval = yield* Effect.fromResult(intervalOf(input.compare.value, Option.getOrUndefined(input.second)))
    const { events, from, patch, to } = yield* aggregate.compare(id, interval)
    const between = events.map(({ recorded }) => recorded)
    const placeOf = ({ position, version }: typeof from) => ({ version, position })
    return yield* Output.answer(
      {
        stream,
        from: placeOf(from),
        to: placeOf(to),
        events: between.map(({ data, position, recordedAt, type, version }) => ({
          version,
          position,
          recordedAt: DateTime.formatIso(recordedAt),
          type,
          data
        })),
        patch: [...patch]
      },
      () =>
        [
          text.line(
            `${stream} from version ${from.version} to version ${to.version}: ${counted(between.length, "event")}`
          ),
          ...between.map((recorded) => `${text.heading(recorded)}  ${text.short(recorded.data)}`),
          "changes:",
          text.changes(patch)
        ].join("\n")
    )
  }

  if (Option.isSome(input.whatIf)) {
    const file = input.whatIf.value
    const name = file === "-" ? "the standard input" : file
    const commands = yield* Effect.fromResult(commandsOf(name, decider, yield* textOf(file)))
    const { supposed, version } = yield* suppose(aggregate, decider, folding, id, commands, at)
    const steps = supposed.map(({ command, events, patch, rejection, state, version }) => ({
      command,
      ...(rejection === undefined ? { events: [...events] } : { rejection }),
      version,
      patch: [...patch],
      state
    }))
    return yield* Output.answer({ stream, from: version, steps }, () =>
      [text.line(`${stream} from version ${version}, nothing is stored`), ...supposed.map(supposedText)].join("\n")
    )
  }
  return yield* fold(folding)
})

export const replay = Command.make("replay", flags, (input) => asDomainFailure(run(input))).pipe(
  Command.provide(layerEvents),
  Command.withDescription("Replay a stream step by step, with the state after each event"),
  Command.withExamples([
    {
      command: "eventfold replay account-ada --domain ./account.ts",
      description: "Every event, what it changed, and the state after it"
    },
    {
      command: "eventfold replay account-ada --domain ./account.ts --until 2026-03-31",
      description: "The state at an instant"
    },
    { command: "eventfold replay account-ada --domain ./account.ts --compare 3 7", description: "What is different" },
    {
      command: "eventfold replay account-ada --domain ./account.ts --what-if ./command.json",
      description: "What would come of a command"
    },
    { command: "eventfold replay account-ada --domain ./account.ts --step", description: "By keys, forward and back" }
  ])
)
