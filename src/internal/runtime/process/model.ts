/**
 * What is kept of an instance, and what its story is made of. Both are read back by whatever code comes later: nothing here may change
 * its meaning.
 */
import * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Causation from "../../../Causation.ts"
import { StoreError } from "../../../EventStore.ts"
import {
  type Instance,
  maxInstanceLength,
  maxWaitingFor,
  type Status,
  type Step as StoredStep
} from "../../../ProcessStore.ts"
import type { RecordedEvent } from "../../../RecordedEvent.ts"

/**
 * What the metadata of the events say that a command comes to: why. And the trace that it belongs to, which goes on in a span of its own, whoever
 * executes it and whenever that is.
 */
export const Cause = Schema.Struct({
  causationId: Schema.String,
  correlationId: Schema.String,
  causationDepth: Schema.Int,
  traceparent: Schema.optionalKey(Schema.String)
})
export type Cause = typeof Cause.Type

/** Why what follows from an event happens. */
export const causeOf = (recorded: RecordedEvent): Cause => {
  const { traceparent } = recorded.metadata
  return {
    ...Causation.following(recorded),
    // What is no trace, and may be of any length, is not kept.
    ...(traceparent !== undefined && Option.isSome(Causation.parentOf(recorded)) ? { traceparent } : {})
  }
}

/** A command that was decided on, as JSON. */
export const Command = Schema.Struct({
  /** Its id, which makes its execution idempotent. */
  id: Schema.String,
  to: Schema.String,
  /** The id of the aggregate that it is for. */
  target: Schema.String,
  command: Schema.Json
})
export type Command = typeof Command.Type

const Pending = Schema.Struct({ ...Command.fields, cause: Schema.NullOr(Cause) })
export type Pending = typeof Pending.Type

const Timer = Schema.Struct({
  timer: Schema.String,
  /** What the ids of the commands derive from that follow when it elapses. */
  id: Schema.String,
  /** In milliseconds. */
  at: Schema.Int,
  cause: Schema.NullOr(Cause)
})
export type Timer = typeof Timer.Type

const why = {
  /**
   * `Failed`: a command failed for a technical reason, as often as it was tried. `Defect`: a function of the process manager threw, or gave
   * what its own schemas refuse. `CausationTooDeep`: so many events lead to this one that it is most likely a loop.
   */
  reason: Schema.Literals(["Failed", "Defect", "CausationTooDeep"]),
  problem: Schema.String
}

/**
 * What an instance is stuck at.
 */
export const Stuck = Schema.TaggedUnion({
  /** A command that could not be executed, or whose answer could not be handled. */
  Command: { ...Command.fields, ...why, attempts: Schema.Int },
  /** An event that could not be handled. */
  Event: { position: Schema.Int, ...why },
  /** A timer whose elapsing could not be handled. */
  Timer: { timer: Schema.String, ...why },
  /** What the state calls for could not be told. */
  Resume: why
})
export type Stuck = typeof Stuck.Type

const Document = Schema.Struct({
  /** The last event that it was told of. */
  position: Schema.Int,
  /** Whether events were folded that nobody has reacted to. */
  toResume: Schema.Boolean,
  pending: Schema.Array(Pending),
  timers: Schema.Array(Timer),
  /** The positions of events that came while it was stuck. */
  waiting: Schema.Array(Schema.Int),
  stuck: Schema.NullOr(Stuck),
  /** Of the last event that it was told of. */
  cause: Schema.NullOr(Cause)
})
type Document = typeof Document.Type

/** An instance at work. Instants are in milliseconds. */
export interface Live extends Document {
  readonly instance: string
  readonly partition: number
  readonly status: Status
  readonly state: unknown
  readonly startedAt: number
  readonly updatedAt: number
  readonly steps: number
}

export const fresh = (instance: string, partition: number, state: unknown, now: number): Live => ({
  instance,
  partition,
  status: "running",
  state,
  startedAt: now,
  updatedAt: now,
  steps: 0,
  position: 0,
  toResume: false,
  pending: [],
  timers: [],
  waiting: [],
  stuck: null,
  cause: null
})

/** Whether there is something to do for it now. */
export const isReady = ({ pending, status, toResume, waiting }: Live): boolean =>
  status === "running" && (toResume || pending.length > 0 || waiting.length > 0)

/** When its next timer is due, in milliseconds. It elapses after the events that wait. */
export const dueAt = ({ status, timers, waiting }: Live): number | undefined =>
  status !== "running" || timers.length === 0 || waiting.length > 0
    ? undefined
    : Math.min(...timers.map(({ at }) => at))

/** What it waits for, as a name. */
export const waitsForCommand = (to: string, tag: string): string => named(`command:${to}.${tag}`)
export const waitsForTimer = (timer: string): string => named(`timer:${timer}`)

/** As long as it may be. */
const named = (name: string): string => name.slice(0, maxInstanceLength).toWellFormed()

export const tagOf = (command: Schema.Json): string => {
  const tag = typeof command === "object" && command !== null ? Reflect.get(command, "_tag") : undefined
  return typeof tag === "string" ? tag : ""
}

const waitingFor = ({ pending, timers }: Live): ReadonlyArray<string> =>
  Array.from(
    new Set([
      ...pending.map(({ command, to }) => waitsForCommand(to, tagOf(command))),
      ...timers.map(({ timer }) => waitsForTimer(timer))
    ])
  ).slice(0, maxWaitingFor)

/** As it is kept. */
export const toInstance = (live: Live, state: Schema.Json): Instance => {
  const {
    cause,
    instance,
    partition,
    pending,
    position,
    startedAt,
    status,
    steps,
    stuck,
    timers,
    toResume,
    updatedAt
  } = live
  const due = dueAt(live)
  const document: Document = { position, toResume, pending, timers, waiting: live.waiting, stuck, cause }
  return {
    instance,
    partition,
    status,
    isReady: isReady(live),
    dueAt: due === undefined ? undefined : DateTime.makeUnsafe(due),
    waitingFor: waitingFor(live),
    startedAt: DateTime.makeUnsafe(startedAt),
    updatedAt: DateTime.makeUnsafe(updatedAt),
    steps,
    state,
    // It is made of JSON alone.
    document: document as Schema.Json
  }
}

const decodeDocument = Schema.decodeUnknownResult(Document)

/** As it was kept, or what is wrong with it. */
export const fromInstance = (
  process: string,
  kept: Instance,
  decodeState: (state: Schema.Json) => Result.Result<unknown, { readonly message: string }>
): Result.Result<Live, StoreError> => {
  const { document, instance, partition, startedAt, state, status, steps, updatedAt } = kept
  const damaged = (what: string) => (error: { readonly message: string }) =>
    new StoreError({
      reason: "Misconfigured",
      problem: `${what} of instance ${instance} of process ${process} cannot be read by this code: ${error.message}`
    })
  return Result.flatMap(Result.mapError(decodeDocument(document), damaged("what is kept")), (document) =>
    Result.mapBoth(decodeState(state), {
      onFailure: damaged("the state"),
      onSuccess: (state): Live => ({
        ...document,
        instance,
        partition,
        status,
        state,
        startedAt: startedAt.epochMilliseconds,
        updatedAt: updatedAt.epochMilliseconds,
        steps
      })
    })
  )
}

/**
 * What happened to an instance.
 */
export const StoryInput = Schema.TaggedUnion({
  /** An event that was recorded. */
  Event: { id: Schema.String, type: Schema.String, stream: Schema.String, position: Schema.Int },
  /** A command was executed: how many events it came to, and the version that the stream was at then. */
  Executed: { ...Command.fields, events: Schema.Int, version: Schema.Int },
  /** A command was rejected. */
  Rejected: { ...Command.fields, rejection: Schema.Json },
  /** A command failed for a technical reason, as often as it was tried. */
  Failed: { ...Command.fields, attempts: Schema.Int },
  /** A timer has elapsed, that was due at an instant. */
  Elapsed: { timer: Schema.String, at: Schema.DateTimeUtcFromString },
  /** What its state calls for was asked for: because there was no process when it began, or by somebody. */
  Resumed: {},
  /** Somebody had it try again what it was stuck at. */
  Retried: {},
  /** Somebody had it pass over what it was stuck at. */
  Skipped: { reason: Schema.String },
  /** Somebody has ended it. */
  Cancelled: { reason: Schema.String }
})
export type StoryInput = typeof StoryInput.Type

const StoryTimer = Schema.Struct({
  timer: Schema.String,
  /** When it is to elapse; `null` where it was cancelled. */
  at: Schema.NullOr(Schema.DateTimeUtcFromString)
})

/**
 * Something that an instance has been through, and what came of it.
 */
export const Step = Schema.Struct({
  input: StoryInput,
  /** The commands that it asked for. */
  commands: Schema.Array(Command),
  /** The timers that it set and cancelled. */
  timers: Schema.Array(StoryTimer),
  /** What it got stuck at. */
  stuck: Schema.optionalKey(Stuck)
})
export type Step = typeof Step.Type

const encodeStep = Schema.encodeSync(Step)

export const toStoredStep = (live: Live, step: Step): StoredStep => ({
  instance: live.instance,
  number: live.steps,
  at: DateTime.makeUnsafe(live.updatedAt),
  // Its schema writes JSON alone.
  step: encodeStep(step) as Schema.Json
})

/** When the timer was due, in milliseconds, of a step that is the elapsing of one. */
export const dueOf = ({ step }: StoredStep): number | undefined => {
  const input = Predicate.hasProperty(step, "input") ? step.input : undefined
  const isElapsing = Predicate.hasProperty(input, "_tag") && input._tag === "Elapsed"
  return isElapsing && Predicate.hasProperty(input, "at") ? Date.parse(String(input.at)) : undefined
}

/**
 * What somebody asks of an instance.
 */
export const Request = Schema.TaggedUnion({
  Retry: {},
  /** What it was stuck at after so many steps. */
  Skip: { reason: Schema.String, steps: Schema.Int },
  Cancel: { reason: Schema.String },
  Resume: {}
})
export type Request = typeof Request.Type
