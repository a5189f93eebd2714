/**
 * A process manager as the runtime asks it: what its functions throw, and what its schemas refuse, is a problem that is told and not a
 * defect; commands are JSON from here on, for what is dispatched after a crash must be what is dispatched without one.
 */
import * as Data from "effect/Data"
import * as DateTime from "effect/DateTime"
import * as Formatter from "effect/Formatter"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { Tagged } from "../../../Event.ts"
import type * as ProcessManager from "../../../ProcessManager.ts"
import { firstIssue } from "../../kernel/versions.ts"
import { isStruct, jsonOf } from "../json.ts"
import type { Command } from "./model.ts"

/** A process manager whose types nobody knows. */
export type Manager = ProcessManager.ProcessManager<unknown, Tagged, ProcessManager.Targets, string>
type Input = ProcessManager.Input<Tagged, ProcessManager.Targets, string>
type Action = ProcessManager.Action<ProcessManager.Targets, string>

/** A function of the process manager threw, or gave what its schemas refuse. */
export class RulesDefect extends Data.TaggedError("RulesDefect")<{ readonly problem: string }> {
  override get message(): string {
    return this.problem
  }
}

/** A timer that is set, or where it has no instant is cancelled. */
export interface TimerChange {
  readonly timer: string
  readonly at: number | undefined
}

/** What an input comes to. */
export interface Handled {
  readonly state: unknown
  readonly isTerminal: boolean
  readonly commands: ReadonlyArray<Omit<Command, "id">>
  readonly timers: ReadonlyArray<TimerChange>
}

export interface Rules {
  /** The state after an input. */
  readonly evolve: (
    state: unknown,
    input: Input,
    context: ProcessManager.InputContext
  ) => Result.Result<Handled, RulesDefect>
  /** The same, and what is to be done. */
  readonly handle: Rules["evolve"]
  /** What a state calls for. */
  readonly resume: (state: unknown, context: ProcessManager.InputContext) => Result.Result<Handled, RulesDefect>
  /** The fields of the state, where it is a struct. */
  readonly stateFields: ReadonlyMap<string, Schema.Codec<unknown, unknown>>
  readonly encodeState: (state: unknown) => Result.Result<Schema.Json, RulesDefect>
  readonly decodeState: (state: Schema.Json) => Result.Result<unknown, RulesDefect>
  readonly decodeCommand: (to: string, command: Schema.Json) => Result.Result<Tagged, RulesDefect>
}

const fieldsOf = (schema: Schema.Codec<unknown, unknown>): ReadonlyMap<string, Schema.Codec<unknown, unknown>> =>
  isStruct(schema) ? new Map(Object.entries(schema.fields)) : new Map()

/** What was thrown, as text: it may be anything. */
export const thrown = (error: unknown): string => (Predicate.isError(error) ? String(error) : Formatter.format(error))

const guarded = <A>(what: string, run: () => A): Result.Result<A, RulesDefect> =>
  Result.try({
    try: run,
    catch: (error) => (error instanceof RulesDefect ? error : new RulesDefect({ problem: `${what}: ${thrown(error)}` }))
  })

const located = ({ path, problem }: { readonly path: string; readonly problem: string }): string =>
  path === "" ? problem : `${path}: ${problem}`

export const makeRules = (manager: Manager): Rules => {
  const { name, targets, timers } = manager
  const stateJson = jsonOf(manager.state)
  const stateFrom = Schema.decodeUnknownResult(Schema.toCodecJson(manager.state))
  const known = new Map(
    Object.entries(targets).map(([to, { commands, decider }]) => {
      const codec: Schema.Codec<Tagged, unknown> = Schema.toCodecJson(decider.commands)
      return [
        to,
        {
          tags: new Set<string>(commands),
          encode: Schema.encodeUnknownResult(codec, { onExcessProperty: "error" }),
          decode: Schema.decodeUnknownResult(codec)
        }
      ] as const
    })
  )
  const timerNames = new Set<string>(timers)

  const refuse = (problem: string): never => {
    throw new RulesDefect({ problem: `${name}: ${problem}` })
  }

  const commandOf = ({ command, id, to }: ProcessManager.Send<string, Tagged>): Omit<Command, "id"> => {
    const target = known.get(to)
    if (target === undefined) return refuse(`it sends to ${to}, which is none of its targets`)
    if (!target.tags.has(command._tag)) return refuse(`it does not say that it sends ${command._tag} to ${to}`)
    const encoded = target.encode(command)
    if (Result.isFailure(encoded)) {
      return refuse(`the command ${command._tag} for ${to} cannot be stored: ${located(firstIssue(encoded.failure))}`)
    }
    const json: Schema.Json = JSON.parse(JSON.stringify(encoded.success))
    return { to, target: id, command: json }
  }

  const timerOf = (action: ProcessManager.Schedule<string> | ProcessManager.Cancel<string>): TimerChange => {
    const { timer } = action
    if (!timerNames.has(timer)) return refuse(`it sets or cancels ${timer}, which is none of its timers`)
    if (action._tag === "Cancel") return { timer, at: undefined }
    return { timer, at: Math.trunc(DateTime.toEpochMillis(action.at)) }
  }

  const handledOf = (state: unknown, actions: ReadonlyArray<Action>): Handled => ({
    state,
    isTerminal: manager.isTerminal(state),
    commands: actions.flatMap((action) => (action._tag === "Send" ? [commandOf(action)] : [])),
    timers: actions.flatMap((action) => (action._tag === "Send" ? [] : [timerOf(action)]))
  })

  return {
    evolve: (state, input, context) =>
      guarded(`${name}: evolve failed`, () => handledOf(manager.evolve(state, input, context), [])),
    handle: (state, input, context) =>
      Result.flatMap(
        guarded(`${name}: evolve failed`, () => manager.evolve(state, input, context)),
        (next) =>
          guarded(`${name}: react failed`, () =>
            handledOf(next, manager.react(next, input, { ...context, before: state }))
          )
      ),
    resume: (state, context) =>
      guarded(`${name}: resume failed`, () => handledOf(state, manager.resume(state, context))),
    stateFields: fieldsOf(manager.state),
    encodeState: (state) =>
      Result.mapError(
        stateJson(state),
        (issue) => new RulesDefect({ problem: `${name}: the state cannot be stored: ${located(issue)}` })
      ),
    decodeState: (state) =>
      Result.mapError(stateFrom(state), (error) => new RulesDefect({ problem: located(firstIssue(error)) })),
    decodeCommand: (to, command) => {
      const target = known.get(to)
      if (target === undefined)
        return Result.fail(new RulesDefect({ problem: `${to} is no target of ${name} any more` }))
      return Result.mapError(
        target.decode(command),
        (error) =>
          new RulesDefect({ problem: `the command for ${to} cannot be read any more: ${located(firstIssue(error))}` })
      )
    }
  }
}
