/**
 * One instance of a process manager in memory: what happens to it is folded and reacted to, with everything passed through the codecs, and time
 * goes on when it is told to.
 */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Formatter from "effect/Formatter"
import * as Schema from "effect/Schema"
import { encode, type Tagged } from "../../Event.ts"
import { deepFreeze } from "../../internal/kernel/freeze.ts"
import type * as ProcessManager from "../../ProcessManager.ts"
import * as StreamName from "../../StreamName.ts"
import { compare, SpecFailure } from "../SpecFailure.ts"
import type { Happened, History } from "./history.ts"
import { StoredEvent } from "./RunnableSpec.ts"
import { encodeEvent, encodeValue, envelope, readBack, specTime } from "./stored.ts"

/** How many timers elapse in one act, at most: a timer that sets itself to the same instant would do so for ever. */
const mostElapses = 10_000

type Targets = ProcessManager.Targets
type Input = ProcessManager.Input<Tagged, Targets, string>
type Action = ProcessManager.Action<Targets, string>
type Send = ProcessManager.Send<string, Tagged>

/** A timer that is set. */
export interface Timer {
  readonly timer: string
  readonly at: DateTime.Utc
}

/** What has happened in one act of a spec, and what came of it. */
export interface Act {
  /** What it is called in failures. */
  readonly what: string
  /** The timers before it. */
  readonly before: ReadonlyArray<Timer>
  readonly asked: Array<Schema.Json>
  /** The names of the timers that elapsed. */
  readonly elapsed: Array<string>
  /** The instances that events happened to. */
  readonly heard: Array<string>
}

/** An input, and what came of it. */
export interface Turn {
  readonly what: string
  readonly state: Schema.Json
  readonly actions: Schema.Json
}

/** An instance, as far as a spec has come. */
export interface Run {
  readonly manager: ProcessManager.Any
  now: DateTime.Utc
  /** Which instance it is, once an event has said so. */
  instance: string | undefined
  /** Whether the instance is there: whether anything has come of what happened to it. */
  isThere: boolean
  state: unknown
  /** In the order in which they were set. */
  timers: ReadonlyArray<Timer>
  /** How many events there are, by stream. */
  readonly versions: Map<string, number>
  position: number
  act: Act
  readonly turns: Array<Turn>
}

/** The beginning of an act. */
export const actOf = (what: string, before: ReadonlyArray<Timer>): Act => ({
  what,
  before,
  asked: [],
  elapsed: [],
  heard: []
})

/** A run that nothing has happened in. */
export const begin = (manager: ProcessManager.Any): Run => ({
  manager,
  now: specTime,
  instance: undefined,
  isThere: false,
  state: manager.initial,
  timers: [],
  versions: new Map(),
  position: 0,
  act: actOf("nothing", []),
  turns: []
})

const failure = (problem: string): SpecFailure => new SpecFailure({ problem })

/** Runs a function of the process manager. That it throws is a bug in it, and a defect that says where. */
const guarded = <A>(manager: ProcessManager.Any, during: string, what: string, run: () => A): A => {
  try {
    return run()
  } catch (cause) {
    throw new Error(`${manager.name}: ${during} of ${what} failed: ${String(cause)}`, { cause })
  }
}

/** A value as it is stored and read back, which has to be the same. */
const storedValue = Effect.fnUntraced(function* (
  schema: Schema.Codec<unknown, unknown>,
  where: string,
  value: unknown
) {
  const json = yield* encodeValue(schema, where, value)
  const read = yield* Effect.mapError(
    Schema.decodeUnknownEffect(Schema.toCodecJson(schema))(JSON.parse(JSON.stringify(json))),
    ({ message }) => failure(`${where} cannot be read back: ${message}`)
  )
  const another = `${where} is read back as another`
  const changed = compare(another, "", json, yield* encodeValue(schema, `${where}, read back,`, read))
  if (changed !== undefined) return yield* changed
  if (!Schema.toEquivalence(schema)(value, read)) {
    return yield* new SpecFailure({
      problem: `${another}, by values that JSON does not tell apart`,
      expected: Formatter.format(value, { space: 2 }),
      actual: Formatter.format(read, { space: 2 })
    })
  }
  return { json, value: deepFreeze(read) }
})

/** The rules of a target that is sent a command. */
const targetOf = Effect.fnUntraced(function* (manager: ProcessManager.Any, to: string, id: string, tag: string) {
  const targets: Targets = manager.targets
  const target = Object.hasOwn(targets, to) ? targets[to] : undefined
  if (target === undefined) return yield* failure(`the command ${tag} goes to ${to}, which is no target`)
  if (!target.commands.includes(tag)) {
    return yield* failure(`the command ${tag} goes to ${to}, which is not said to be sent it`)
  }
  const problem = StreamName.problem(StreamName.make(target.decider.name, id))
  if (problem !== undefined) {
    return yield* failure(`the command ${tag} goes to ${to} "${id}", whose stream name ${problem}`)
  }
  return target.decider
})

/** A command for a target, as JSON and as it is read back. */
export const storedCommand = Effect.fnUntraced(function* (manager: ProcessManager.Any, { to, id, command }: Send) {
  const decider = yield* targetOf(manager, to, id, command._tag)
  const stored = yield* storedValue(decider.commands, `the command ${command._tag} to ${to}`, command)
  const json: Schema.Json = { to, id, command: stored.json }
  return { json, command: stored.value as Tagged }
})

/** The events that a target has come to, as they are read back. */
const storedEvents = Effect.fnUntraced(function* (
  manager: ProcessManager.Any,
  { to, id, command }: Send,
  events: ReadonlyArray<Tagged>
) {
  const decider = yield* targetOf(manager, to, id, command._tag)
  const read = yield* Effect.forEach(events, (event, index) => {
    const where = `event ${index} (${event._tag}) of ${command._tag}`
    return Effect.flatMap(
      encodeEvent<Tagged>((one) => encode(decider.events, one), where, event),
      (encoded) => readBack<Tagged>(decider.events, where, encoded, true)
    )
  })
  return read.flat()
})

/** Carries out what is asked for; gives it as JSON. */
const carryOut = Effect.fnUntraced(function* (run: Run, what: string, action: Action) {
  const { manager } = run
  if (action._tag === "Send") {
    const { json } = yield* storedCommand(manager, action)
    run.act.asked.push(json)
    return json
  }
  const { timer } = action
  if (!manager.timers.includes(timer)) return yield* failure(`${what} asks for ${timer}, which is no timer`)
  const others = run.timers.filter((one) => one.timer !== timer)
  if (action._tag === "Cancel") {
    run.timers = others
    return { cancel: timer }
  }
  const { at } = action
  if (!Number.isFinite(at.epochMilliseconds)) return yield* failure(`${what} sets ${timer} to no instant`)
  run.timers = [...others, { timer, at }]
  return { schedule: timer, at: DateTime.formatIso(at) }
})

/** Takes on a state, and what is asked for on it. */
const settle = Effect.fnUntraced(function* (run: Run, what: string, state: unknown, actions: ReadonlyArray<Action>) {
  const { manager } = run
  const stored = yield* storedValue(manager.state, `the state after ${what}`, state)
  // What leaves no trace does not make an instance: it stays at the very value that it would begin with.
  if (run.isThere || state !== manager.initial || actions.length > 0) {
    run.isThere = true
    run.state = stored.value
  }
  const carriedOut = yield* Effect.forEach(actions, (action) => carryOut(run, what, action))
  if (hasEnded(run)) run.timers = []
  run.turns.push({ what, state: stored.json, actions: carriedOut })
})

/** Whether there is nothing left to be done for the instance. */
export const hasEnded = ({ manager, state }: Run): boolean =>
  guarded(manager, "isTerminal", "its state", () => manager.isTerminal(state))

/** The instance, of which there has to be one for what is done with it. */
const instanceOf = ({ instance, isThere }: Run, what: string): Effect.Effect<string, SpecFailure> =>
  instance !== undefined && isThere
    ? Effect.succeed(instance)
    : Effect.fail(
        failure(`${what} needs an instance, and nothing that happened has started one: give such an event first`)
      )

const handle = Effect.fnUntraced(function* (run: Run, what: string, instance: string, given: Input) {
  const { manager, now } = run
  const context = { instance, now }
  // Frozen, so that a function which changes what it is given throws.
  const input = deepFreeze(given)
  const state: unknown = deepFreeze(guarded(manager, "evolve", what, () => manager.evolve(run.state, input, context)))
  const actions = guarded(manager, "react", what, () => manager.react(state, input, { ...context, before: run.state }))
  yield* settle(run, what, state, actions)
})

/** The timer that is due first, of those that are due by an instant. Of several that are due at once, the one that was set first. */
const firstDue = (timers: ReadonlyArray<Timer>, until: DateTime.Utc): Timer | undefined => {
  let first: Timer | undefined
  for (const timer of timers) {
    if (DateTime.isGreaterThan(timer.at, until)) continue
    if (first === undefined || DateTime.isLessThan(timer.at, first.at)) first = timer
  }
  return first
}

/** Moves the time on, to an instant that is not past. Timers that are due by then elapse, each at its own instant. */
export const moveOn = Effect.fnUntraced(function* (run: Run, until: DateTime.Utc) {
  for (let count = 0; ; count++) {
    const due = firstDue(run.timers, until)
    if (due === undefined) break
    const { timer, at } = due
    if (count === mostElapses) {
      return yield* failure(
        `${mostElapses} timers have elapsed by ${DateTime.formatIso(run.now)}, the last one ${timer}, and there are more`
      )
    }
    run.timers = run.timers.filter((one) => one !== due)
    run.now = DateTime.max(run.now, at)
    run.act.elapsed.push(timer)
    const instance = yield* instanceOf(run, timer)
    yield* handle(run, `the timer ${timer}`, instance, { _tag: "Elapsed", timer, at })
  }
  run.now = until
})

/** Records an event, and has the instance hear it. Gives why it is no concern of the instance, if it is none. */
export const happen = Effect.fnUntraced(function* (run: Run, item: History[number], called: string) {
  const { manager } = run
  const happened: Happened<Tagged> = "_tag" in item || item instanceof StoredEvent ? { event: item } : item
  const { event, stream = StreamName.make("spec", "1"), metadata = {} } = happened
  const type = event instanceof StoredEvent ? event.type : event._tag
  const where = `${called} (${type})`
  if (happened.at !== undefined) {
    const at = DateTime.toUtc(DateTime.makeUnsafe(happened.at))
    if (DateTime.isLessThan(at, run.now)) {
      const [then, now] = [DateTime.formatIso(at), DateTime.formatIso(run.now)]
      return yield* failure(`${where} is recorded at ${then}, and it is ${now} already: time never goes back`)
    }
    yield* moveOn(run, at)
  }
  const encoded = yield* encodeEvent<Tagged>((one) => encode(manager.events, one), where, event)
  const events = yield* readBack<Tagged>(manager.events, where, encoded, !(event instanceof StoredEvent))
  const version = (run.versions.get(stream) ?? 0) + 1
  run.versions.set(stream, version)
  const position = ++run.position
  const recorded = envelope(encoded, { stream, version, position, recordedAt: run.now, metadata })
  let ignored: string | undefined
  for (const event of events) {
    const instance = guarded(manager, "correlate", event._tag, () => manager.instanceOf(deepFreeze(event), recorded))
    if (instance === undefined) {
      ignored = `${where} is no concern of any instance`
      continue
    }
    const problem = StreamName.nameProblem(instance)
    if (problem !== undefined)
      return yield* failure(`${where} happens to an instance "${instance}", whose name ${problem}`)
    run.instance ??= instance
    if (instance !== run.instance) {
      ignored = `${where} happens to the instance "${instance}", and the spec is about "${run.instance}"`
      continue
    }
    run.act.heard.push(instance)
    yield* handle(run, event._tag, instance, { _tag: "Event", event, recorded })
  }
  return ignored
})

/** Tells the instance that a command was rejected. */
export const reject = Effect.fnUntraced(function* (run: Run, send: Send, rejection: unknown) {
  const { to, id } = send
  const { command } = yield* storedCommand(run.manager, send)
  const what = run.act.what
  const instance = yield* instanceOf(run, what)
  yield* handle(run, what, instance, { _tag: "Rejected", to, id, command, rejection })
})

/** Tells the instance that a command was executed. */
export const execute = Effect.fnUntraced(function* (run: Run, send: Send, given: ReadonlyArray<Tagged>) {
  const { to, id } = send
  const { command } = yield* storedCommand(run.manager, send)
  const events = yield* storedEvents(run.manager, send, given)
  const what = run.act.what
  const instance = yield* instanceOf(run, what)
  yield* handle(run, what, instance, { _tag: "Executed", to, id, command, events })
})

/** Asks the state of the instance what it calls for. */
export const resume = Effect.fnUntraced(function* (run: Run) {
  const { manager, now, state } = run
  const instance = yield* instanceOf(run, "resume")
  if (!manager.canResume) return yield* failure("its process manager has no `resume`: give `react` one")
  const actions: ReadonlyArray<Action> = guarded(manager, "resume", "its state", () =>
    manager.resume(state, { instance, now })
  )
  yield* settle(run, "resume", state, actions)
})
