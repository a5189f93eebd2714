/**
 * What reactions and publications have in common: how they are run, as projections that keep nothing but their position, and their services.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Event from "../../../Event.ts"
import { EventStore, type StoreError } from "../../../EventStore.ts"
import { ProjectionStore } from "../../../ProjectionStore.ts"
import type { RecordedEvent } from "../../../RecordedEvent.ts"
import { type Control as ProjectionControl, makeControl } from "../projection/control.ts"
import type { Plan } from "../projection/plan.ts"
import { queryOf } from "../projection/reader.ts"
import { supervise } from "../projection/supervisor.ts"
import { uuidV7 } from "../uuid.ts"
import { handlingOutside, type Outside } from "./outside.ts"

/**
 * What can be asked of a reaction or a publication: all that can be asked of a projection but to begin anew.
 */
export interface Control extends Omit<ProjectionControl, "awaitLive" | "reset" | "rebuild"> {}

/**
 * How a reaction or a publication is run.
 */
export interface Settings<in E extends Event.Tagged> {
  /**
   * What is done in order: events of one key are run one after the other, and behind one that is parked come the later ones of its key or stream. The
   * stream by default. Where events of one key are in several streams, leave `partitions` at 1: each has its own order.
   */
  readonly key?: (event: E, recorded: RecordedEvent) => string
  /** How many workers share the events, by stream. 1 by default. Another number needs another version. */
  readonly partitions?: number
  /**
   * From 1, which it is by default. A higher one goes on where the one before stands. What is parked stays behind: have it retried or discarded
   * before.
   */
  readonly version?: number
  /** How many keys of a partition are run side by side. 16 by default. */
  readonly concurrency?: number
  /**
   * When an event that fails is tried again. After 200 ms, 400 ms and so on, 6 times, by default. An error whose `isRetryable` is `false` is not tried
   * again, and one that has a `retryAfter`, a `Duration`, not before that. Where events are parked, what came with them waits until it is over.
   */
  readonly retry?: Schedule.Schedule<unknown>
  /**
   * What becomes of an event that fails for good. `"stop"`, by default: the partition stops, and waits to be resumed. `"park"`: it is set aside, with
   * the later ones of its key or stream behind it, and everything else goes on.
   */
  readonly onFailure?: "stop" | "park"
}

/**
 * What a service can be made of.
 */
export interface Runnable<out R> {
  /** The name that its position is kept under. */
  readonly name: string
  readonly "~eventfold/Reaction": { readonly plan: () => Plan<R> }
}

const defaultRetry = Schedule.max([Schedule.exponential("200 millis"), Schedule.recurs(6)])

const isWhole = (value: number): boolean => Number.isSafeInteger(value) && value >= 1

/** Refuses settings that come to nothing. */
const problemOf = (numbers: { readonly [name: string]: number }): string | undefined => {
  const [wrong] = Object.keys(numbers).filter((name) => !isWhole(numbers[name]!))
  return wrong === undefined ? undefined : `${wrong} is ${numbers[wrong]}: give a whole number from 1`
}

export const runnable = <E extends Event.Tagged, R>(
  kind: "reaction" | "publication",
  its: {
    readonly name: string
    readonly problem: string | undefined
    readonly events: Event.Definitions<E>
    readonly settings: Settings<E>
    readonly run: (event: Event.Decoded<E>) => ReturnType<Outside<R>["run"]>
  }
): Runnable<R | EventStore> => {
  const { events, settings } = its
  const { concurrency = 16, key, onFailure = "stop", partitions = 1, retry = defaultRetry, version = 1 } = settings
  const problem = its.problem ?? problemOf({ partitions, concurrency, version })
  if (problem !== undefined) throw new Error(`the ${kind} "${its.name}" cannot be made: ${problem}`)
  const name = `${kind}:${its.name}`
  const types = Array.from(events.stored.keys())
  // Its own plan decodes what it is given, so the events are of its own types.
  const laneOf: Outside<R>["laneOf"] = ({ event, recorded }) =>
    key === undefined ? recorded.stream : key(event as E, recorded)
  const run: Outside<R>["run"] = (event) => its.run(event as Event.Decoded<E>)
  const plan = (): Plan<R | EventStore> => ({
    definition: { name, version, mode: "async", partitions, types, tables: {} },
    query: queryOf(events),
    decode: (recorded) => Event.decodeRecorded(events, recorded),
    encode: (event) => Event.encode(events, event as E),
    laneOf,
    hasPhases: true,
    isLiveOnly: true,
    // What is run again when a process dies.
    most: 4 * concurrency,
    handling: handlingOutside({ name, laneOf, run, retry, onFailure, concurrency }),
    // Events are tried again while those of other lanes are run.
    retry: Schedule.recurs(0),
    onFailure
  })
  return { name, "~eventfold/Reaction": { plan } }
}

const control = (name: string, store: ProjectionStore["Service"]): Control => {
  const { rebuild: _rebuild, reset: _reset, ...rest } = makeControl(name, store)
  return rest
}

/**
 * Makes the service of a reaction or a publication, a class to be extended: `layer` runs it and looks after it, `layerReader` looks after it
 * alone. Any number of processes may run it: each partition has one owner at a time, which is replaced within five seconds when it dies.
 */
export const Service =
  <Self>() =>
  <const Key extends string, R>(
    key: Key,
    runnable: Runnable<R>
  ): Context.ServiceClass<Self, Key, Control> & {
    /** Runs it, and looks after it. Fails where the store cannot keep how far it has come. */
    readonly layer: Layer.Layer<Self, StoreError, EventStore | ProjectionStore | R>
    /** Looks after it, and does not run it. */
    readonly layerReader: Layer.Layer<Self, never, ProjectionStore>
  } => {
    const service = Context.Service<Self, Control>()(key)
    const { name } = runnable
    const layerReader = Layer.effect(
      service,
      Effect.map(ProjectionStore, (store) => control(name, store))
    )
    const layer = Layer.effect(
      service,
      Effect.gen(function* () {
        const store = yield* ProjectionStore
        const plan = runnable["~eventfold/Reaction"].plan()
        yield* store.register(plan.definition)
        yield* supervise(plan, store, yield* EventStore, yield* uuidV7)
        return control(name, store)
      })
    )
    return Object.assign(service, { layer, layerReader })
  }
