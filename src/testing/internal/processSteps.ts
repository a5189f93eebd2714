/**
 * The steps of the spec of a process manager, as data: acts, which happen to the instance, and expectations of what came last.
 */
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Tagged } from "../../Event.ts"
import type * as ProcessManager from "../../ProcessManager.ts"
import { compare, SpecFailure, toText } from "../SpecFailure.ts"
import { anotherMoment } from "./DeciderSpec.ts"
import type { History } from "./history.ts"
import {
  actOf,
  begin,
  execute,
  happen,
  hasEnded,
  moveOn,
  reject,
  resume,
  type Run,
  storedCommand,
  type Timer
} from "./processRun.ts"
import { StoredEvent } from "./RunnableSpec.ts"
import { encodeValue } from "./stored.ts"

type Send = ProcessManager.Send<string, Tagged>

/** Something that happens. */
type Acting =
  | { readonly _tag: "given"; readonly history: History }
  | { readonly _tag: "when"; readonly event: History[number] }
  | { readonly _tag: "whenRejected"; readonly send: Send; readonly rejection: unknown }
  | { readonly _tag: "whenExecuted"; readonly send: Send; readonly events: ReadonlyArray<Tagged> }
  | { readonly _tag: "elapse"; readonly duration: Duration.Input }
  | { readonly _tag: "resume" }

/** What is expected of it. */
type Expecting =
  | { readonly _tag: "then"; readonly commands: ReadonlyArray<Send> }
  | { readonly _tag: "thenNothing" }
  | { readonly _tag: "thenState"; readonly state: unknown }
  | { readonly _tag: "thenEnded" }
  | { readonly _tag: "thenTimer"; readonly timer: string; readonly after: Duration.Input }
  | { readonly _tag: "thenNoTimer"; readonly timer: string }
  | { readonly _tag: "thenIgnored" }

/** A step of a spec, under the name that it has in the spec. */
export type Step = Acting | Expecting

type Checked = Effect.Effect<SpecFailure | undefined, SpecFailure>

/** Whether a step happens, and is no expectation. */
export const isAct = (step: Step): step is Acting => !step._tag.startsWith("then")

const typeOf = (item: History[number]): string => {
  const event = "_tag" in item || item instanceof StoredEvent ? item : item.event
  return event instanceof StoredEvent ? event.type : event._tag
}

/** What an act is called in failures. */
const called = (step: Acting): string => {
  switch (step._tag) {
    case "given":
      return "what is given"
    case "when":
      return typeOf(step.event)
    case "whenRejected":
      return `the rejection of ${step.send.command._tag} by ${step.send.to}`
    case "whenExecuted":
      return `the execution of ${step.send.command._tag} by ${step.send.to}`
    case "elapse":
      return `the passing of ${Duration.format(Duration.fromInputUnsafe(step.duration))}`
    case "resume":
      return "resume"
  }
}

const elapse = Effect.fnUntraced(function* (run: Run, input: Duration.Input) {
  const duration = Duration.fromInputUnsafe(input)
  if (Duration.isNegative(duration)) {
    return yield* new SpecFailure({ problem: `${Duration.format(duration)} cannot elapse: time never goes back` })
  }
  if (!Duration.isFinite(duration)) {
    return yield* new SpecFailure({ problem: "an infinite time cannot elapse" })
  }
  yield* moveOn(run, DateTime.addDuration(run.now, duration))
})

/** Has an act happen. Events that are no concern of the instance fail, unless this is expected. */
const perform = Effect.fnUntraced(function* (run: Run, step: Acting, mayIgnore: boolean) {
  run.act = actOf(called(step), run.timers)
  switch (step._tag) {
    case "given":
    case "when": {
      const history = step._tag === "given" ? step.history : [step.event]
      for (const [index, item] of history.entries()) {
        const ignored = yield* happen(run, item, step._tag === "given" ? `given event ${index}` : "the event")
        if (ignored !== undefined && !mayIgnore) return yield* new SpecFailure({ problem: ignored })
      }
      return
    }
    case "whenRejected":
      return yield* reject(run, step.send, step.rejection)
    case "whenExecuted":
      return yield* execute(run, step.send, step.events)
    case "elapse":
      return yield* elapse(run, step.duration)
    case "resume":
      return yield* resume(run)
  }
})

/** Timers as JSON that can be compared and read. */
const toJson = (timers: ReadonlyArray<Timer>): Schema.Json =>
  Object.fromEntries(timers.map(({ at, timer }) => [timer, DateTime.formatIso(at)]))

/** When something is due, by the clock of the spec. */
const dueIn = (run: Run, at: DateTime.Utc): string => {
  const far = DateTime.distance(run.now, at)
  const due = Duration.isNegative(far) ? `${Duration.format(Duration.abs(far))} ago` : `in ${Duration.format(far)}`
  return `${due} (${DateTime.formatIso(at)})`
}

const timersOf = (run: Run): string =>
  run.timers.length === 0
    ? "no timer is set"
    : run.timers.map(({ at, timer }) => `${timer} ${dueIn(run, at)}`).join("\n")

const checkCommands = Effect.fnUntraced(function* (run: Run, what: string, commands: ReadonlyArray<Send>) {
  const expected = yield* Effect.forEach(commands, (send, index) =>
    Effect.mapBoth(storedCommand(run.manager, send), {
      onFailure: (failure) => new SpecFailure({ ...failure, problem: `expected command ${index}: ${failure.problem}` }),
      onSuccess: ({ json }) => json
    })
  )
  return compare(`${what} asks for other commands`, "commands", expected, run.act.asked)
})

const checkNothing = ({ act, timers }: Run, what: string): SpecFailure | undefined => {
  const left = act.before.filter(({ timer }) => !act.elapsed.includes(timer))
  return (
    compare(`${what} asks for commands`, "commands", [], act.asked) ??
    compare(`${what} changes the timers`, "timers", toJson(left), toJson(timers))
  )
}

const checkState = Effect.fnUntraced(function* ({ manager, state }: Run, what: string, given: unknown) {
  const expected = yield* encodeValue(manager.state, "the expected state", given)
  // Sets and maps are the same in whatever order they were filled.
  if (Schema.toEquivalence(manager.state)(given, state)) return undefined
  return compare(`${what} leads to another state`, "", expected, yield* encodeValue(manager.state, "the state", state))
})

const checkTimer = (run: Run, timer: string, after: Duration.Input): SpecFailure | undefined => {
  const due = DateTime.addDuration(run.now, Duration.fromInputUnsafe(after))
  const set = run.timers.find((one) => one.timer === timer)
  if (set !== undefined && DateTime.Equivalence(set.at, due)) return undefined
  const what = `${run.manager.name}: the timer ${timer}`
  const problem =
    set === undefined
      ? `${what} is not set`
      : `${what} is due at another instant: expected ${dueIn(run, due)}, got ${dueIn(run, set.at)}`
  return new SpecFailure({ problem, expected: `${timer} ${dueIn(run, due)}`, actual: timersOf(run) })
}

const checkNoTimer = (run: Run, timer: string): SpecFailure | undefined => {
  const set = run.timers.find((one) => one.timer === timer)
  return set === undefined
    ? undefined
    : new SpecFailure({ problem: `${run.manager.name}: the timer ${timer} is set, and due ${dueIn(run, set.at)}` })
}

const checkIgnored = ({ act }: Run, what: string, last: Acting["_tag"]): SpecFailure | undefined => {
  if (last !== "when") {
    return new SpecFailure({ problem: `${what} cannot be ignored: only an event that comes with when can` })
  }
  const [instance] = act.heard
  return instance === undefined
    ? undefined
    : new SpecFailure({ problem: `${what} is not ignored: it happens to the instance "${instance}"` })
}

const check = (run: Run, step: Expecting, last: Acting["_tag"]): Checked => {
  const what = `${run.manager.name}: ${run.act.what}`
  switch (step._tag) {
    case "then":
      return checkCommands(run, what, step.commands)
    case "thenNothing":
      return Effect.succeed(checkNothing(run, what))
    case "thenState":
      return checkState(run, what, step.state)
    case "thenEnded":
      return hasEnded(run)
        ? Effect.undefined
        : Effect.map(
            encodeValue<unknown>(run.manager.state, "the state", run.state),
            (state) => new SpecFailure({ problem: `${what} does not lead to a terminal state`, actual: toText(state) })
          )
    case "thenTimer":
      return Effect.succeed(checkTimer(run, step.timer, step.after))
    case "thenNoTimer":
      return Effect.succeed(checkNoTimer(run, step.timer))
    case "thenIgnored":
      return Effect.succeed(checkIgnored(run, what, last))
  }
}

/** Whether it is expected that what happens at a step is ignored: before anything else happens. */
const isIgnored = (steps: ReadonlyArray<Step>, index: number): boolean =>
  steps.slice(index + 1).find((step) => isAct(step) || step._tag === "thenIgnored")?._tag === "thenIgnored"

/** Takes one step after the other. Gives all inputs, and what came of each. */
const takeAll = Effect.fnUntraced(function* (manager: ProcessManager.Any, steps: ReadonlyArray<Step>) {
  const run = begin(manager)
  let last: Acting["_tag"] = "given"
  for (const [index, step] of steps.entries()) {
    if (isAct(step)) last = step._tag
    const taken: Checked = isAct(step)
      ? Effect.as(perform(run, step, step._tag === "when" && isIgnored(steps, index)), undefined)
      : check(run, step, last)
    const where = `step ${index + 1} of the spec, ${step._tag}`
    const wrong = (failure: SpecFailure) => new SpecFailure({ ...failure, problem: `${failure.problem} (${where})` })
    const difference = yield* Effect.mapError(taken, wrong)
    if (difference !== undefined) return yield* wrong(difference)
  }
  return run.turns
})

/** Takes the steps twice, which has to come to the same: what a process manager does follows from what it is given. */
export const checkSteps = Effect.fnUntraced(function* (manager: ProcessManager.Any, steps: ReadonlyArray<Step>) {
  const turns = yield* takeAll(manager, steps)
  yield* anotherMoment
  const again = yield* takeAll(manager, steps).pipe(
    Effect.mapError((failure) => new SpecFailure({ ...failure, problem: `taken again, ${failure.problem}` }))
  )
  for (const [index, { what, ...came }] of turns.entries()) {
    const { what: _, ...other } = again[index] ?? {}
    const difference = compare(`${manager.name}: ${what}, handled again, comes to something else`, "", came, other)
    if (difference !== undefined) return yield* difference
  }
})
