/**
 * What a stream is folded into, step by step: the state of a decider, or the models of a view.
 */
import * as HashMap from "effect/HashMap"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import * as Decider from "../../Decider.ts"
import * as Event from "../../Event.ts"
import { evolveRecorded } from "../../internal/runtime/loaded.ts"
import { jsonOf } from "../../internal/runtime/json.ts"
import type { RecordedEvent } from "../../RecordedEvent.ts"
import * as View from "../../View.ts"
import { CliFailure } from "../failure.ts"

/** Why an event cannot be folded. */
export type FoldError = Event.DecodeError | CliFailure

/** A fold of one stream. What it comes to is known by the fold alone. */
export interface Folding {
  /** What is folded, in words. */
  readonly name: string
  readonly initial: unknown
  readonly step: (state: unknown, recorded: RecordedEvent) => Result.Result<unknown, FoldError>
  /** A state as JSON. */
  readonly json: (state: unknown) => Result.Result<Schema.Json, CliFailure>
  /** What an event is read as, where that is not what is stored. */
  readonly readAs: (recorded: RecordedEvent) => ReadonlyArray<Event.EncodedEvent> | undefined
}

/** A function of the domain threw. */
export const domainThrew = (what: string, cause: unknown): CliFailure =>
  new CliFailure({
    kind: "domain",
    problem: `${what}: ${cause instanceof Error ? cause.message : String(cause)}`,
    advice: "What a domain folds and decides with must not throw: mend it there"
  })

const threw = (name: string, { stream, version }: RecordedEvent, cause: unknown): CliFailure =>
  cause instanceof Decider.DeciderDefect
    ? domainThrew("the domain failed", cause)
    : domainThrew(`${name} failed on stream ${stream} at version ${version}`, cause)

const unwritable = (name: string, { path, problem }: { readonly path: string; readonly problem: string }): CliFailure =>
  new CliFailure({
    kind: "domain",
    problem: `a state of ${name} cannot be written as JSON: ${path === "" ? "" : `${path}: `}${problem}`,
    advice: "Its schema has to fit what evolve makes"
  })

const jsonWith = (name: string, schema: Schema.Codec<unknown, unknown>): Folding["json"] => {
  const encode = jsonOf(schema)
  return (state) => Result.mapError(encode(state), (problem) => unwritable(name, problem))
}

const readAsWith =
  (definitions: Event.Definitions<Event.Tagged>): Folding["readAs"] =>
  (recorded) => {
    const known = definitions.stored.get(recorded.type)
    if (known === undefined) return undefined
    if (known.living === recorded.type && known.schemas.length === recorded.schemaVersion) return undefined
    const events = Event.decode(definitions, recorded)
    if (Result.isFailure(events)) return undefined
    return events.success.flatMap((event) => {
      const encoded = Event.encode(definitions, event)
      return Result.isSuccess(encoded) ? [encoded.success] : []
    })
  }

/** A stream as its decider folds it. */
export const ofDecider = (decider: Decider.Any): Folding => ({
  name: decider.name,
  initial: decider.initial,
  step: (state, recorded) =>
    Result.flatMap(Event.decode<Event.Tagged>(decider.reads, recorded), (events) =>
      Result.try({
        try: () => evolveRecorded(decider, { state, version: 0, position: 0 }, events, recorded).state,
        catch: (cause) => threw(decider.name, recorded, cause)
      })
    ),
  json: jsonWith(decider.name, decider.state),
  readAs: readAsWith(decider.reads)
})

/** The events of a view, of those that it knows. A view is often of some types alone. */
const readBy = (view: View.Any, recorded: RecordedEvent) =>
  view.events.stored.has(recorded.type)
    ? Event.decodeRecorded<Event.Tagged>(view.events, recorded)
    : Result.succeed<ReadonlyArray<Event.Decoded<Event.Tagged>>>([])

/** One stream as a view folds it: of a view that has many, what this stream alone makes of it. A keyed view gives its models by key. */
export const ofView = (view: View.Any): Folding => {
  const { name } = view
  // What a step is given is what it gave before.
  const fold = (state: unknown, recorded: RecordedEvent, use: (state: never) => unknown) =>
    Result.try({ try: () => use(state as never), catch: (cause) => threw(name, recorded, cause) })
  const model = jsonWith(name, view.model)
  if (view._tag === "View") {
    return {
      name,
      initial: view.initial,
      step: (state, recorded) =>
        Result.flatMap(readBy(view, recorded), (events) =>
          fold(state, recorded, (state) => View.fold(view, events, state))
        ),
      json: model,
      readAs: readAsWith(view.events)
    }
  }
  return {
    name,
    initial: HashMap.empty(),
    step: (state, recorded) =>
      Result.flatMap(readBy(view, recorded), (events) =>
        fold(state, recorded, (state) => View.foldKeyed(view, events, state))
      ),
    json: (state) => {
      const models: Record<string, Schema.Json> = {}
      for (const [key, value] of HashMap.entries(state as View.Models<unknown>)) {
        const json = model(value)
        if (Result.isFailure(json)) return Result.fail(json.failure)
        Object.defineProperty(models, key, { value: json.success, enumerable: true })
      }
      return Result.succeed(models)
    },
    readAs: readAsWith(view.events)
  }
}
