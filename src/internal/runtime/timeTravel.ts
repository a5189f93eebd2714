/**
 * An aggregate through time: its state at a point, what changed between two, and what would have come of commands. It reads, and never
 * appends.
 */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Decider from "../../Decider.ts"
import * as Event from "../../Event.ts"
import { type EventStore, StoreError } from "../../EventStore.ts"
import * as Patch from "../../Patch.ts"
import type { RecordedEvent } from "../../RecordedEvent.ts"
import * as StreamName from "../../StreamName.ts"
import { derivedId } from "../kernel/derivedId.ts"
import { decideOn } from "./decision.ts"
import { jsonOf } from "./json.ts"
import { evolveRecorded, type Loaded, outOfPlace, unloaded } from "./loaded.ts"
import type { Loader, LoadPolicy } from "./loader.ts"
import { checkPoint, foldInterval, type Interval, isUpTo, type Point } from "./point.ts"
import { uuidV7 } from "./uuid.ts"

/**
 * A state is not what its own schema can write as JSON, so that there is nothing to compare. The decider that made it is wrong, or its
 * schema.
 */
export class StateEncodeError extends Schema.TaggedError<StateEncodeError>("eventfold/StateEncodeError")(
  "StateEncodeError",
  {
    /** The stream whose state it is. */
    stream: Schema.String,
    /** The version that the stream had. */
    version: Schema.Int,
    /** Where in the state, such as `items[0].price`. Empty for the state as a whole. */
    path: Schema.String,
    /** What the state's schema objects to. */
    problem: Schema.String
  }
) {
  override get message(): string {
    const where = this.path === "" ? "" : `${this.path}: `
    return `the state of stream ${this.stream} at version ${this.version} cannot be written as JSON: ${where}${this.problem}`
  }
}

/**
 * What is different between two points in time.
 */
export interface Comparison<out State, out E> {
  /** The state at the one point. */
  readonly from: Loaded<State>
  /** The state at the other. */
  readonly to: Loaded<State>
  /** The events that are up to one of the points and not the other, in order and each with its record. */
  readonly events: ReadonlyArray<Event.Decoded<E>>
  /** What makes the one state of the other, both as JSON as the decider's state schema writes them. */
  readonly patch: Patch.Patch
}

/**
 * What would come of a command.
 */
export interface Step<D extends Decider.Any, Tag extends Decider.Command<D>["_tag"]> {
  /** The events that it would decide, or what it would be rejected with. */
  readonly decision: Result.Result<ReadonlyArray<Decider.Event<D>>, Decider.Rejection<D, Tag>>
  /** The state after it. */
  readonly state: Decider.State<D>
  /** The version that the stream would have after it. */
  readonly version: number
}

/**
 * What would come of commands, one after the other.
 */
export interface Supposition<D extends Decider.Any, Tags extends ReadonlyArray<Decider.Command<D>["_tag"]>> {
  /** What they begin with. */
  readonly from: Loaded<Decider.State<D>>
  /** For each command, what would come of it. After one that is rejected the next goes on from the same state. */
  readonly steps: { readonly [Index in keyof Tags]: Step<D, Tags[Index]> }
}

/**
 * What is supposed beside the commands.
 */
export interface WhatIfOptions {
  /** What they begin with: the latest state by default. */
  readonly at?: Point | undefined
  /** When they are decided: now by default, whatever they begin with. */
  readonly now?: DateTime.Utc | undefined
  /**
   * Makes the ids that the decisions make up the same each time: for the first command those that `execute` gives it with this command id,
   * for the others ids that derive from it. By default it is a new one.
   */
  readonly commandId?: string | undefined
}

/**
 * What an aggregate tells of the past, and of what might be.
 */
export interface TimeTravel<D extends Decider.Any> {
  /**
   * The state: the latest, as new as it has to be, or that at a point in time. A point that is not reached yet gives the state that there is; the
   * answer's `version` says which that is.
   */
  readonly state: (
    id: string,
    options?:
      | { readonly at?: Point | undefined; readonly load?: never }
      | { readonly load?: LoadPolicy | undefined; readonly at?: never }
  ) => Effect.Effect<Loaded<Decider.State<D>>, StoreError | Event.DecodeError>
  /**
   * What is different between two points in time, the later one being the latest state by default. Where `from` is the later one, the patch
   * leads back. Both states and the events between them are held in memory.
   */
  readonly compare: (
    id: string,
    interval: Interval<Point>
  ) => Effect.Effect<Comparison<Decider.State<D>, Decider.Read<D>>, StoreError | Event.DecodeError | StateEncodeError>
  /**
   * What would come of commands, one after the other, on the latest state or a past one. Nothing is stored. A rejection is part of the answer,
   * and no failure.
   */
  readonly whatIf: <const Tags extends ReadonlyArray<Decider.Command<D>["_tag"]>>(
    id: string,
    commands: { readonly [Index in keyof Tags]: Decider.Command<D> & { readonly _tag: Tags[Index] } },
    options?: WhatIfOptions
  ) => Effect.Effect<Supposition<D, Tags>, StoreError | Event.DecodeError>
}

export const makeTimeTravel = <D extends Decider.Any>(
  decider: D,
  store: EventStore["Service"],
  loader: Loader<Decider.State<D>, Decider.Read<D>>,
  streamOf: (id: string) => StreamName.StreamName
): TimeTravel<D> => {
  type State = Decider.State<D>
  type Read = Decider.Read<D>
  const encode = jsonOf(decider.state)

  /** Refused before it is read, and read no further than it has to be. */
  const recordedUpTo = (stream: StreamName.StreamName, ...points: ReadonlyArray<Point | undefined>) => {
    const versions = points.map((point) => point?.version)
    const isBounded = versions.every((version) => version !== undefined)
    return Stream.unwrap(
      Effect.map(Effect.forEach(points, checkPoint, { discard: true }), () =>
        store.readStream(stream, isBounded ? { to: Math.max(...versions) } : {})
      )
    )
  }

  const stateAt = Effect.fnUntraced(function* (
    stream: StreamName.StreamName,
    at: Point | undefined,
    load: LoadPolicy = "latest"
  ) {
    if (at === undefined) return yield* loader.latest(stream, load)
    yield* checkPoint(at)
    if (at.version !== undefined) return yield* loader.atVersion(stream, at.version)
    let loaded: Loaded<State> = unloaded(decider)
    const foldPage = (page: ReadonlyArray<RecordedEvent>): Effect.Effect<void, StoreError | Event.DecodeError> => {
      for (const recorded of page) {
        const misplaced = outOfPlace(loaded, recorded)
        if (misplaced !== undefined) return Effect.fail(misplaced)
        const events = Event.decode<Read>(decider.reads, recorded)
        if (Result.isFailure(events)) return Effect.fail(events.failure)
        loaded = evolveRecorded(decider, loaded, events.success, recorded)
      }
      return Effect.void
    }
    const upTo = Stream.takeWhile(recordedUpTo(stream, at), (recorded) => isUpTo(at, recorded))
    yield* Stream.runForEachArray(upTo, foldPage)
    return loaded
  })

  const written = (stream: StreamName.StreamName, { state, version }: Loaded<State>) =>
    Effect.fromResult(
      Result.mapError(encode(state), (problem) => new StateEncodeError({ stream, version, ...problem }))
    )

  type Tag = Decider.Command<D>["_tag"]

  const suppose = Effect.fnUntraced(function* (
    id: string,
    commands: ReadonlyArray<Decider.Command<D>>,
    options: WhatIfOptions
  ) {
    const commandId = options.commandId ?? (yield* uuidV7)
    const now = options.now ?? (yield* DateTime.now)
    const wrong = StreamName.nameProblem(commandId)
    if (wrong !== undefined) {
      return yield* new StoreError({ reason: "InvalidRequest", problem: `the command id ${wrong}` })
    }
    const stream = streamOf(id)
    const from = yield* stateAt(stream, options.at)
    const steps: Array<Step<D, Tag>> = []
    let { state, version }: Pick<Loaded<State>, "state" | "version"> = from
    for (const [index, command] of commands.entries()) {
      const context = Decider.context({
        now,
        commandId: index === 0 ? commandId : derivedId(commandId, "what if", String(index))
      })
      const decided = decideOn<D, Decider.Rejection<D, Tag>>(decider, stream, { state, version }, command, context)
      if (Result.isSuccess(decided)) {
        state = decided.success.state
        version += decided.success.events.length
      }
      steps.push({ decision: Result.map(decided, ({ events }) => events), state, version })
    }
    return { from, steps }
  })

  return {
    state: (id, options) => stateAt(streamOf(id), options?.at, options?.load),

    compare: Effect.fnUntraced(function* (id, interval) {
      const stream = streamOf(id)
      let misplaced: StoreError | undefined
      const folded = yield* foldInterval<Loaded<State>, Read>(
        recordedUpTo(stream, interval.from, interval.to),
        interval,
        decider.reads,
        unloaded(decider),
        (loaded, events, recorded) => {
          misplaced ??= outOfPlace(loaded, recorded)
          const read = events.map(({ event }) => event)
          return evolveRecorded(decider, loaded, read, recorded)
        }
      )
      if (misplaced !== undefined) return yield* misplaced
      const patch = Patch.between(yield* written(stream, folded.from), yield* written(stream, folded.to))
      return { ...folded, patch }
    }),

    whatIf: <const Tags extends ReadonlyArray<Tag>>(
      id: string,
      commands: ReadonlyArray<Decider.Command<D>>,
      options: WhatIfOptions = {}
    ) =>
      // A list of steps is typed by its length alone; `suppose` keeps the order of the commands.
      Effect.map(suppose(id, commands, options), (supposed) => supposed as unknown as Supposition<D, Tags>)
  }
}
