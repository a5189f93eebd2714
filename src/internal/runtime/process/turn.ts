/**
 * What an input makes of an instance: a pure function of the instance as it was, the input, and the time. Whoever runs it keeps what it gives
 * in one transaction, and only then does what is asked for.
 *
 *     running --- something fails ---> stuck --- retry, skip ---> running --- is terminal, has nothing to send ---> ended
 *        \___________________________________ cancel ___________________________________> cancelled
 *
 * What is stuck sends nothing, and no timer of it elapses; events wait in order behind what it is stuck at.
 */
import * as DateTime from "effect/DateTime"
import * as Formatter from "effect/Formatter"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import * as Causation from "../../../Causation.ts"
import type { Decoded, Tagged } from "../../../Event.ts"
import type { Step as StoredStep } from "../../../ProcessStore.ts"
import type { RecordedEvent } from "../../../RecordedEvent.ts"
import { derivedId } from "../../kernel/derivedId.ts"
import {
  type Cause,
  causeOf,
  type Live,
  type Pending,
  type Request,
  type Step,
  type Stuck,
  toStoredStep
} from "./model.ts"
import { type Handled, type Manager, type Rules, RulesDefect } from "./rules.ts"

/** What became of a command. */
export type Answer =
  | {
      readonly _tag: "Executed"
      readonly command: Tagged
      readonly events: ReadonlyArray<Tagged>
      readonly version: number
    }
  | { readonly _tag: "Rejected"; readonly command: Tagged; readonly rejection: unknown }
  | { readonly _tag: "Failed"; readonly attempts: number; readonly problem: string }

/** What happens to an instance. */
export type Input =
  | {
      readonly _tag: "Event"
      readonly recorded: RecordedEvent
      /** What it stands for, of what concerns this instance. */
      readonly events: ReadonlyArray<Decoded<Tagged>>
      /** Whether it was recorded before there was the process: then nobody reacts to it. */
      readonly isReplayed: boolean
      /** Whether it has been waiting. */
      readonly isWaiting: boolean
      /** What keeps it from being read. */
      readonly problem: string | undefined
    }
  | { readonly _tag: "Answer"; readonly commandId: string; readonly answer: Answer }
  /** Timers that are due at an instant, in milliseconds, or before. */
  | { readonly _tag: "Due"; readonly until: number }
  /** What its state calls for is to be done, where that is due. */
  | { readonly _tag: "Resume" }
  | { readonly _tag: "Request"; readonly request: Request }

/** What an instance has come to, and its steps on the way. */
export interface Turned {
  readonly live: Live
  readonly steps: ReadonlyArray<StoredStep>
}

/** How inputs are handled. */
export interface Turning {
  readonly manager: Manager
  readonly rules: Rules
  /** How many events may lead to one that is reacted to. */
  readonly maxDepth: number
  /** In milliseconds. */
  readonly now: number
}

const longest = 10_000

/** A rejection has no schema: it is shown as JSON as far as that goes. */
const rejectionJson = (rejection: unknown): Schema.Json =>
  Result.getOrElse(
    Result.try((): Schema.Json => {
      const message = Predicate.isError(rejection) && rejection.message !== "" ? { message: rejection.message } : {}
      const text = Formatter.formatJson(Predicate.isObject(rejection) ? { ...rejection, ...message } : rejection)
      return text.length <= longest ? JSON.parse(text) : text.slice(0, longest).toWellFormed()
    }),
    () => "it cannot be shown"
  )

const bounded = (problem: string): string => problem.slice(0, longest).toWellFormed()

const unchanged = (live: Live): Turned => ({ live, steps: [] })

const isAtWork = ({ status, stuck }: Live): boolean => status !== "cancelled" && stuck === null

/** Where an instance stands: over is what is terminal and has nothing left to do. It need not do what its state calls for. */
const standing = ({ manager }: Turning, live: Live): Live => {
  if (live.status === "cancelled") return live
  if (live.stuck !== null) return { ...live, status: "stuck" }
  // It was asked of every new state before: here it throws where it has come to throw at an old one, which the next input tells of.
  const isTerminal = Result.getOrElse(
    Result.try(() => manager.isTerminal(live.state)),
    () => false
  )
  if (!isTerminal) return { ...live, status: "running" }
  const isOver = live.pending.length === 0 && live.waiting.length === 0
  return { ...live, timers: [], toResume: false, status: isOver ? "ended" : "running" }
}

const noted = (turning: Turning, before: Live, change: Partial<Live>, step: Step): Turned => {
  const live = standing(turning, { ...before, ...change, updatedAt: turning.now, steps: before.steps + 1 })
  return { live, steps: [toStoredStep(live, step)] }
}

/** What an input changes, and what of it is told. */
interface Acted {
  readonly change: Pick<Live, "state" | "pending" | "timers">
  readonly done: Pick<Step, "commands" | "timers">
}

/** What is to be done, put with what there was to do. */
const withActions = (
  live: Live,
  { commands, state, timers }: Handled,
  { cause, inputId, name }: { readonly cause: Cause | null; readonly inputId: () => string; readonly name: string }
): Acted => {
  const idOf = (kind: string, index: number): string => derivedId(inputId(), kind, name, live.instance, String(index))
  const sent = commands.map((command, index): Pending => ({ ...command, id: idOf("command", index), cause }))
  let set = live.timers
  for (const [index, { at, timer }] of timers.entries()) {
    set = set.filter((one) => one.timer !== timer)
    if (at !== undefined) set = [...set, { timer, at, id: idOf("timer", index), cause }]
  }
  return {
    change: { state, pending: [...live.pending, ...sent], timers: set },
    done: {
      commands: sent.map(({ command, id, target, to }) => ({ id, to, target, command })),
      timers: timers.map(({ at, timer }) => ({ timer, at: at === undefined ? null : DateTime.makeUnsafe(at) }))
    }
  }
}

const nothing = { commands: [], timers: [] }

const stuckAt = (turning: Turning, live: Live, change: Partial<Live>, input: Step["input"], stuck: Stuck): Turned =>
  noted(turning, live, { ...change, stuck }, { input, ...nothing, stuck })

const defect = ({ problem }: RulesDefect) => ({ reason: "Defect" as const, problem: bounded(problem) })

type EventInput = Extract<Input, { readonly _tag: "Event" }>

/** What the events come to that one recorded event stands for, one after the other. */
const foldEvents = (
  { manager, rules }: Turning,
  before: Live,
  { events, isReplayed, problem, recorded }: EventInput
): Result.Result<Acted, RulesDefect> => {
  if (problem !== undefined) return Result.fail(new RulesDefect({ problem }))
  const context = { instance: before.instance, now: recorded.recordedAt }
  const cause = causeOf(recorded)
  let live = before
  const done: { commands: Array<Step["commands"][number]>; timers: Array<Step["timers"][number]> } = {
    commands: [],
    timers: []
  }
  for (const { event, id } of events) {
    const handle = isReplayed ? rules.evolve : rules.handle
    const handled = handle(live.state, { _tag: "Event", event, recorded }, context)
    if (Result.isFailure(handled)) return Result.fail(handled.failure)
    const next = withActions(live, handled.success, { cause, inputId: () => id, name: manager.name })
    live = { ...live, ...next.change }
    done.commands.push(...next.done.commands)
    done.timers.push(...next.done.timers)
  }
  return Result.succeed({ change: { state: live.state, pending: live.pending, timers: live.timers }, done })
}

const happen = (turning: Turning, live: Live, event: EventInput): Turned => {
  const { isReplayed, isWaiting, recorded } = event
  const { id, position, stream, type } = recorded
  const input: Step["input"] = { _tag: "Event", id, type, stream, position }
  const cause = causeOf(recorded)
  const at = isWaiting ? { waiting: live.waiting.slice(1) } : { position, cause }
  const fail = (why: Pick<Stuck, "problem" | "reason">): Turned =>
    stuckAt(turning, live, { ...at, waiting: isWaiting ? live.waiting : [position] }, input, {
      _tag: "Event",
      position,
      ...why
    })
  const folded = foldEvents(turning, live, event)
  if (Result.isFailure(folded)) return fail(defect(folded.failure))
  const { change, done } = folded.success
  const deep = done.commands.length === 0 ? undefined : Causation.tooDeep(recorded, turning.maxDepth)
  if (deep !== undefined) return fail({ reason: "CausationTooDeep", problem: deep.message })
  const isNothing = done.commands.length === 0 && done.timers.length === 0
  // What an event leaves as if it had not been is no concern of it.
  if (live.steps === 0 && isNothing && change.state === live.state) return unchanged(live)
  return noted(turning, live, { ...at, ...change, toResume: live.toResume || isReplayed }, { input, ...done })
}

/** Does what the state calls for. */
const resume = (turning: Turning, live: Live): Turned => {
  const { manager, now, rules } = turning
  const input: Step["input"] = { _tag: "Resumed" }
  const handled = rules.resume(live.state, { instance: live.instance, now: DateTime.makeUnsafe(now) })
  if (Result.isFailure(handled)) {
    return stuckAt(turning, live, { toResume: true }, input, { _tag: "Resume", ...defect(handled.failure) })
  }
  // One of its name may have been removed, and have taken as many steps.
  const inputId = () => derivedId(manager.name, "resume", live.instance, String(live.position), String(live.steps))
  const { change, done } = withActions(live, handled.success, { cause: live.cause, inputId, name: manager.name })
  return noted(turning, live, { ...change, toResume: false }, { input, ...done })
}

const answered = (turning: Turning, live: Live, commandId: string, answer: Answer): Turned => {
  const [pending] = live.pending
  // It was cancelled, or is not to be heard before what it is stuck at: then the command is executed again, and answers the same.
  if (pending?.id !== commandId || !isAtWork(live)) return unchanged(live)
  const { manager, now, rules } = turning
  const { cause, ...command } = pending
  const failed = (input: Step["input"], attempts: number, why: Pick<Stuck, "problem" | "reason">): Turned =>
    stuckAt(turning, live, {}, input, { _tag: "Command", ...command, attempts, ...why })
  if (answer._tag === "Failed") {
    const { attempts, problem } = answer
    return failed({ _tag: "Failed", ...command, attempts }, attempts, { reason: "Failed", problem: bounded(problem) })
  }
  const about = { to: pending.to, id: pending.target, command: answer.command }
  const input: Step["input"] =
    answer._tag === "Executed"
      ? { _tag: "Executed", ...command, events: answer.events.length, version: answer.version }
      : { _tag: "Rejected", ...command, rejection: rejectionJson(answer.rejection) }
  const handled = rules.handle(
    live.state,
    answer._tag === "Executed"
      ? { _tag: "Executed", ...about, events: answer.events }
      : { _tag: "Rejected", ...about, rejection: answer.rejection },
    { instance: live.instance, now: DateTime.makeUnsafe(now) }
  )
  if (Result.isFailure(handled)) return failed(input, 1, defect(handled.failure))
  const inputId = () => derivedId(commandId, "answer")
  const rest = { ...live, pending: live.pending.slice(1) }
  const { change, done } = withActions(rest, handled.success, { cause, inputId, name: manager.name })
  return noted(turning, rest, change, { input, ...done })
}

const elapse = (turning: Turning, live: Live, { at, cause, id, timer }: Live["timers"][number]): Turned => {
  const { manager, now, rules } = turning
  const due = DateTime.makeUnsafe(at)
  const input: Step["input"] = { _tag: "Elapsed", timer, at: due }
  const handled = rules.handle(
    live.state,
    { _tag: "Elapsed", timer, at: due },
    { instance: live.instance, now: DateTime.makeUnsafe(now) }
  )
  if (Result.isFailure(handled)) {
    return stuckAt(turning, live, {}, input, { _tag: "Timer", timer, ...defect(handled.failure) })
  }
  const rest = { ...live, timers: live.timers.filter((one) => one.id !== id) }
  const { change, done } = withActions(rest, handled.success, { cause, inputId: () => id, name: manager.name })
  return noted(turning, rest, change, { input, ...done })
}

/** Those that are due now, and not those that they set. */
const elapseAll = (turning: Turning, first: Live, until: number): Turned => {
  const due = first.timers.filter(({ at }) => at <= until).toSorted((a, b) => a.at - b.at)
  let live = first
  const steps: Array<StoredStep> = []
  for (const timer of due) {
    const isSet = live.timers.some(({ id }) => id === timer.id)
    if (!isSet || live.status !== "running" || live.waiting.length > 0) continue
    const turned = elapse(turning, live, timer)
    live = turned.live
    steps.push(...turned.steps)
  }
  return { live, steps }
}

/** Without what it is stuck at. */
const withoutStuck = ({ pending, stuck, timers, waiting }: Live): Partial<Live> => {
  switch (stuck?._tag) {
    case undefined:
      return {}
    case "Command":
      return { pending: pending.slice(1) }
    case "Event":
      return { waiting: waiting.slice(1) }
    case "Timer":
      return { timers: timers.filter(({ timer }) => timer !== stuck.timer) }
    case "Resume":
      return { toResume: false }
  }
}

const requested = (turning: Turning, live: Live, request: Request): Turned => {
  const note = (change: Partial<Live>, input: Step["input"]): Turned =>
    noted(turning, live, change, { input, ...nothing })
  if (live.status === "cancelled") return unchanged(live)
  switch (request._tag) {
    case "Retry":
      return live.stuck === null ? unchanged(live) : note({ stuck: null }, { _tag: "Retried" })
    case "Skip": {
      // What it is stuck at now may be something else, that nobody has looked at.
      if (live.stuck === null || live.steps !== request.steps) return unchanged(live)
      return note({ ...withoutStuck(live), stuck: null }, { _tag: "Skipped", reason: bounded(request.reason) })
    }
    case "Cancel": {
      if (live.status === "ended") return unchanged(live)
      const nothingLeft = { pending: [], timers: [], waiting: [], stuck: null, toResume: false }
      return note({ ...nothingLeft, status: "cancelled" }, { _tag: "Cancelled", reason: bounded(request.reason) })
    }
    case "Resume":
      // Who asked may not know that the process manager cannot tell what a state calls for: that is not to do nothing more.
      if (live.status === "ended" || !turning.manager.canResume) return unchanged(live)
      return resume(turning, { ...live, pending: [], timers: [], stuck: null })
  }
}

/** One after the other. */
const then = (first: Turned, next: (live: Live) => Turned): Turned => {
  const second = next(first.live)
  return { live: second.live, steps: [...first.steps, ...second.steps] }
}

/**
 * What an input makes of an instance. What does not concern it any more leaves it as it was.
 */
export const turn = (turning: Turning, live: Live, input: Input): Turned => {
  switch (input._tag) {
    case "Event": {
      const { isReplayed, isWaiting, recorded } = input
      const { position } = recorded
      if (live.status === "cancelled") return unchanged(live)
      const isNext = isWaiting ? live.waiting[0] === position : live.waiting.length === 0
      if (isWaiting ? !isNext || live.stuck !== null : position <= live.position) return unchanged(live)
      if (isNext && live.stuck === null) {
        if (!live.toResume || isReplayed) return happen(turning, live, input)
        return then(resume(turning, live), (resumed) => turn(turning, resumed, input))
      }
      const waiting = [...live.waiting, position]
      return { live: { ...live, position, cause: causeOf(recorded), waiting }, steps: [] }
    }
    case "Answer":
      return answered(turning, live, input.commandId, input.answer)
    case "Due":
      return elapseAll(turning, live, input.until)
    case "Resume":
      // Those that wait may be of what is to be folded first.
      return live.toResume && live.waiting.length === 0 && isAtWork(live) ? resume(turning, live) : unchanged(live)
    case "Request":
      return requested(turning, live, input.request)
  }
}

/**
 * An instance as it was, stuck at an input: for what cannot be kept. An event waits.
 */
export const giveUp = (turning: Turning, live: Live, input: Input, problem: string): Turned => {
  const why = { reason: "Defect" as const, problem: bounded(`${turning.manager.name}: it cannot be kept: ${problem}`) }
  if (input._tag === "Event") {
    const { id, position, stream, type } = input.recorded
    const waiting = input.isWaiting ? live.waiting : [...live.waiting, position]
    return stuckAt(
      turning,
      live,
      { waiting, position: Math.max(live.position, position) },
      { _tag: "Event", id, type, stream, position },
      { _tag: "Event", position: waiting[0] ?? position, ...why }
    )
  }
  const [pending] = live.pending
  if (input._tag === "Answer" && pending !== undefined) {
    const { cause: _, ...command } = pending
    const attempts = 1
    return stuckAt(
      turning,
      live,
      {},
      { _tag: "Failed", ...command, attempts },
      { _tag: "Command", ...command, attempts, ...why }
    )
  }
  const timer = live.timers.toSorted((a, b) => a.at - b.at)[0]
  if (input._tag === "Due" && timer !== undefined) {
    const at = DateTime.makeUnsafe(timer.at)
    return stuckAt(
      turning,
      live,
      {},
      { _tag: "Elapsed", timer: timer.timer, at },
      { _tag: "Timer", timer: timer.timer, ...why }
    )
  }
  return stuckAt(turning, live, { toResume: true }, { _tag: "Resumed" }, { _tag: "Resume", ...why })
}
