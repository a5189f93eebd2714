/**
 * Processes and their instances, as JSON and as people read them.
 */
import * as DateTime from "effect/DateTime"
import * as Predicate from "effect/Predicate"
import type * as Schema from "effect/Schema"
import type { Instance, Stuck, StoryInput, StoryStep } from "../../Process.ts"
import { count, counted, duration, instant } from "../output/format.ts"
import { printable, table } from "../output/table.ts"

const iso = DateTime.formatIso

interface Sent {
  readonly id: string
  readonly to: string
  readonly target: string
  readonly command: Schema.Json
}

/** A command as `Reserve for stock tea`. */
const commandText = ({ command, target, to }: Omit<Sent, "id">): string => {
  const tag = Predicate.hasProperty(command, "_tag") && Predicate.isString(command._tag) ? command._tag : "a command"
  return `${tag} for ${to} ${target}`
}

const stuckJson = (stuck: Stuck): Schema.JsonObject => ({ ...stuck })

const stuckAt = (stuck: Stuck): string => {
  switch (stuck._tag) {
    case "Command":
      return `${commandText(stuck)}, after ${counted(stuck.attempts, "attempt")}`
    case "Event":
      return `the event at position ${stuck.position}`
    case "Timer":
      return `the timer ${stuck.timer}`
    case "Resume":
      return "what its state calls for"
  }
}

/** What an instance is stuck at, in lines: a problem may come with the places in the code where it arose. */
const stuckLines = (stuck: Stuck): readonly [string, ...ReadonlyArray<string>] => {
  const [first = "", ...others] = stuck.problem.split(/\r?\n/)
  return [`stuck at ${stuckAt(stuck)}: ${first}`, ...others.map((line) => `  ${line}`)]
}

/** An instance as JSON. */
export const instanceJson = (one: Instance<Schema.Json>): Schema.JsonObject => ({
  instance: one.instance,
  status: one.status,
  state: one.state,
  startedAt: iso(one.startedAt),
  updatedAt: iso(one.updatedAt),
  steps: one.steps,
  commands: one.commands.map(({ command, id, target, to }) => ({ id, to, target, command })),
  timers: one.timers.map(({ at, timer }) => ({ timer, at: iso(at) })),
  stuck: one.stuck === undefined ? null : stuckJson(one.stuck),
  waiting: one.waiting
})

/** What an instance does next, or waits for. */
const nextText = ({ commands: [command], stuck, timers: [timer] }: Instance<Schema.Json>): string => {
  if (stuck !== undefined) return stuckLines(stuck)[0]
  if (command !== undefined) return commandText(command)
  return timer === undefined ? "" : `timer ${timer.timer} at ${instant(timer.at)}`
}

const widest = 100
const short = (text: string): string => (text.length > widest ? `${text.slice(0, widest - 1)}…` : text)

/** Instances as a table. */
export const instancesText = (all: ReadonlyArray<Instance<Schema.Json>>, now: DateTime.Utc): string =>
  table(
    ["instance", "status", "started", "#idle for", "#steps", "next"],
    all.map((one) => [
      one.instance,
      one.status,
      instant(one.startedAt),
      duration(Math.max(0, now.epochMilliseconds - one.updatedAt.epochMilliseconds)),
      count(one.steps),
      short(nextText(one))
    ])
  )

/** An instance with all that is known of it, but for its story. */
export const instanceText = (process: string, one: Instance<Schema.Json>): string => {
  const list = (name: string, items: ReadonlyArray<string>): ReadonlyArray<string> =>
    items.length === 0 ? [] : [`${name}:`, ...items.map((item) => `  ${item}`)]
  const lines = [
    `${process} ${one.instance}: ${one.status}`,
    `started ${instant(one.startedAt)}, last step ${instant(one.updatedAt)}, ${counted(one.steps, "step")}`,
    ...(one.stuck === undefined ? [] : stuckLines(one.stuck)),
    ...list(
      "commands",
      one.commands.map((command) => `${commandText(command)} ${JSON.stringify(command.command)}`)
    ),
    ...list(
      "timers",
      one.timers.map(({ at, timer }) => `${timer} at ${instant(at)}`)
    ),
    ...list(
      "events that wait",
      one.waiting.map((position) => `position ${position}`)
    )
  ].map(printable)
  return [
    ...lines,
    "state:",
    ...JSON.stringify(one.state, undefined, 2)
      .split("\n")
      .map((line) => printable(`  ${line}`))
  ].join("\n")
}

const inputJson = (input: StoryInput): Schema.JsonObject =>
  input._tag === "Elapsed" ? { ...input, at: iso(input.at) } : { ...input }

/** A step of a story as JSON. */
export const stepJson = ({ at, commands, input, number, stuck, timers }: StoryStep): Schema.JsonObject => ({
  number,
  at: iso(at),
  input: inputJson(input),
  commands: commands.map(({ command, id, target, to }) => ({ id, to, target, command })),
  timers: timers.map(({ at, timer }) => ({ timer, at: at === null ? null : iso(at) })),
  ...(stuck !== undefined && { stuck: stuckJson(stuck) })
})

const inputText = (input: StoryInput): string => {
  switch (input._tag) {
    case "Event":
      return `${input.type} happened in ${input.stream} (position ${input.position})`
    case "Executed":
      return `${commandText(input)} was executed: ${counted(input.events, "event")}, the stream is at version ${input.version}`
    case "Rejected":
      return `${commandText(input)} was rejected: ${JSON.stringify(input.rejection)}`
    case "Failed":
      return `${commandText(input)} failed, after ${counted(input.attempts, "attempt")}`
    case "Elapsed":
      return `the timer ${input.timer} elapsed, due at ${instant(input.at)}`
    case "Resumed":
      return "it was resumed"
    case "Retried":
      return "somebody had it try again"
    case "Skipped":
      return `somebody had it go on without what it was stuck at: ${input.reason}`
    case "Cancelled":
      return `somebody cancelled it: ${input.reason}`
  }
}

/** A step of a story in lines: what happened, and what came of it. */
export const stepText = ({ at, commands, input, number, stuck, timers }: StoryStep): string =>
  [
    `${number}. ${instant(at)}  ${inputText(input)}`,
    ...commands.map((command) => `     sends ${commandText(command)} ${JSON.stringify(command.command)}`),
    ...timers.map(({ at, timer }) =>
      at === null ? `     cancels the timer ${timer}` : `     sets the timer ${timer} to ${instant(at)}`
    ),
    ...(stuck === undefined ? [] : [`     is ${stuckLines(stuck)[0]}`])
  ]
    .map(printable)
    .join("\n")
