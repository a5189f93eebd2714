/**
 * A process: a process manager as a service over the event store, which does what the process manager asks for.
 *
 * What an input comes to (the new state, commands to send, timers) and how far the log was handled are one transaction; then the commands
 * are executed, at least once each, with ids that derive from the input: so each counts once. What an instance was told of it was told of
 * once, in the order of the log. Timers are kept, and elapse in whichever process runs then. Any number of processes share the work: each
 * instance has one owner at a time, and the work of one that has died goes on elsewhere within five seconds.
 *
 * What fails for a technical reason is tried again, and then the instance is stuck: it shows in {@link Process.list}, and is retried, skipped or
 * cancelled by whoever looks after it.
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import type * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import type { Aggregate } from "./Aggregate.ts"
import * as Causation from "./Causation.ts"
import type * as Decider from "./Decider.ts"
import { EventStore, StoreError } from "./EventStore.ts"
import type { Aggregates } from "./internal/runtime/process/dispatch.ts"
import {
  type Instance,
  type Known,
  knownByManager,
  knownByName,
  makeLooking,
  type RequestRefused,
  type StoryStep
} from "./internal/runtime/process/looking.ts"
import { waitsForCommand, waitsForTimer } from "./internal/runtime/process/model.ts"
import { type Plan, processOf, projectionOf, type Stores } from "./internal/runtime/process/plan.ts"
import { makeRules, type Manager, type Rules } from "./internal/runtime/process/rules.ts"
import { makeAwaitSettled } from "./internal/runtime/process/settling.ts"
import { runPartition } from "./internal/runtime/process/worker.ts"
import { type AwaitTimeout, type Control, makeControl } from "./internal/runtime/projection/control.ts"
import { superviseClaims } from "./internal/runtime/projection/supervisor.ts"
import { uuidV7 } from "./internal/runtime/uuid.ts"
import type * as ProcessManager from "./ProcessManager.ts"
import { maxProcessLength, ProcessStore, type Status } from "./ProcessStore.ts"
import { type Definition, ProjectionStore } from "./ProjectionStore.ts"
import * as StreamName from "./StreamName.ts"

export { RequestRefused } from "./internal/runtime/process/looking.ts"
export { Stuck, StoryInput } from "./internal/runtime/process/model.ts"
export type { Instance, StoryStep }

/** The state of a process manager. */
type State<M extends ProcessManager.Any> = M["initial"]

type CommandOf<T, To extends string> =
  T extends ProcessManager.Target<Decider.Any, infer Tag> ? { readonly to: To; readonly command: Tag } : never

/** What an instance may be waiting for: a command to be executed, or a timer to elapse. */
export type WaitingFor<M extends ProcessManager.Any> =
  | { readonly timer: M["timers"][number] }
  | { [To in keyof M["targets"] & string]: CommandOf<M["targets"][To], To> }[keyof M["targets"] & string]

/** Which instances are asked for: all that is given has to be so. */
interface Which<Waiting, Where> {
  /** How they are doing. */
  readonly status?: Status | undefined
  /** Those that began longer ago. */
  readonly olderThan?: Duration.Input | undefined
  /** Those that nothing has happened to for longer. */
  readonly idleFor?: Duration.Input | undefined
  /** Those that wait for it, among other things. */
  readonly waitingFor?: Waiting | undefined
  /** The values that fields of the state have. One that is `undefined` does not restrict. */
  readonly where?: Where | undefined
  /** The instance after which to begin. */
  readonly after?: string | undefined
  /** The most instances to give. All by default. */
  readonly limit?: number | undefined
}

/** Which instances of a process are asked for. */
export interface ListOptions<M extends ProcessManager.Any> extends Which<
  WaitingFor<M>,
  { readonly [Field in keyof State<M> & string]?: State<M>[Field] | undefined }
> {}

/** Which instances are asked for of a process that is known by its name: the values of fields are JSON. */
export interface InspectOptions extends Which<
  { readonly timer: string } | { readonly to: string; readonly command: string },
  { readonly [field: string]: Schema.Json }
> {}

/**
 * How the instances of a process are looked after, whatever their states are. What is asked of an instance is done by its owner, within about a
 * second.
 */
export interface Tending {
  /** How many instances there are. */
  readonly count: Effect.Effect<{ readonly [S in Status]: number }, StoreError>
  /** All that an instance has been through, in the order of cause and effect: what happened, and what was done. */
  readonly story: (instance: string) => Stream.Stream<StoryStep, StoreError>
  /** Has an instance try again what it is stuck at. */
  readonly retry: (instance: string) => Effect.Effect<void, StoreError | RequestRefused>
  /** Has an instance pass over what it is stuck at. The reason is kept in its story. */
  readonly skip: (instance: string, reason: string) => Effect.Effect<void, StoreError | RequestRefused>
  /**
   * Ends an instance: what it was about to do is not done, and what comes later is no concern of it. A command that is under way may still be
   * executed. The reason is kept in its story.
   */
  readonly cancel: (instance: string, reason: string) => Effect.Effect<void, StoreError | RequestRefused>
  /**
   * Has an instance do what its state calls for, in place of what it was about to do: commands and timers. Refused where the process manager has no
   * `resume` that says so.
   */
  readonly resume: (instance: string) => Effect.Effect<void, StoreError | RequestRefused>
  /**
   * Removes what is kept of instances that are over, or cancelled, and that nothing has happened to for so long. Gives how many there were. An event
   * that comes later still is the first that its instance hears of.
   */
  readonly removeEnded: (idleFor: Duration.Input) => Effect.Effect<number, StoreError>
  /**
   * The process as a whole. It stops at an event that cannot be decoded, or whose instance cannot be told: until it is resumed, or the event is
   * skipped.
   */
  readonly control: Pick<Control, "awaitPosition" | "status" | "pause" | "resume" | "skip" | "skipped">
}

/** The service of a process: how its instances are looked at, and looked after. */
export interface Process<M extends ProcessManager.Any> extends Tending {
  /** An instance, unless nothing has happened to it yet. */
  readonly get: (instance: string) => Effect.Effect<Option.Option<Instance<State<M>>>, StoreError>
  /** Instances in the order of their names. */
  readonly list: (options?: ListOptions<M>) => Stream.Stream<Instance<State<M>>, StoreError>
  /**
   * Waits until there is nothing to do but to wait: all events are handled, all commands executed, all timers that are due have elapsed; but for
   * those of instances that are stuck, which `count` tells. 5 seconds at most by default. For tests.
   */
  readonly awaitSettled: (timeout?: Duration.Input) => Effect.Effect<void, AwaitTimeout | StoreError>
}

/**
 * A process as it is kept, for whoever does not have its process manager, such as a tool: states are JSON. To resume an instance is refused by its
 * owner alone, in silence, where the process manager has no `resume`.
 */
export interface Inspected extends Tending {
  /** The name of the process. */
  readonly name: string
  /** An instance, unless nothing has happened to it yet. */
  readonly get: (instance: string) => Effect.Effect<Option.Option<Instance<Schema.Json>>, StoreError>
  /** Instances in the order of their names. */
  readonly list: (options?: InspectOptions) => Stream.Stream<Instance<Schema.Json>, StoreError>
}

/** The aggregates of the targets of a process manager. */
export type AggregatesOf<M extends ProcessManager.Any> = {
  readonly [To in keyof M["targets"]]: Context.Key<unknown, Aggregate<M["targets"][To]["decider"]>>
}

/** How a process is run. */
export interface Options<M extends ProcessManager.Any, A> {
  /** The rules of the process. */
  readonly manager: M
  /** For each target of the process manager the service of an aggregate. */
  readonly aggregates: A
  /** How many owners may share the instances: 4 by default. It is kept, and cannot be changed later. */
  readonly partitions?: number
  /** How many commands of a partition are executed at a time, each of another instance and for another aggregate: 32 by default. */
  readonly concurrency?: number
  /**
   * When a command that failed for a technical reason is tried again, before its instance is stuck. After 100 ms, 200 ms and so on, up to 10 seconds,
   * 8 times, by default. A store that cannot be reached is waited for, whatever this says.
   */
  readonly retry?: Schedule.Schedule<unknown>
  /**
   * How many events may lead to one that a command follows from: beyond that the instance is stuck, for it is most likely a loop. 100 by default;
   * `Infinity` for no bound.
   */
  readonly maxCausationDepth?: number
}

const longestPause = Schedule.spaced("10 seconds")
const defaultRetry = Schedule.max([
  Schedule.min([Schedule.exponential("100 millis"), longestPause]),
  Schedule.recurs(8)
])

const problemOf = (
  { concurrency, manager, maxCausationDepth, partitions }: Options<Manager, object> & { readonly partitions: number },
  rules: Rules
): string | undefined => {
  const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 1
  const wrongName = StreamName.nameProblem(manager.name)
  if (wrongName !== undefined) return `its name ${wrongName}`
  if (Array.from(manager.name).length > maxProcessLength) return `its name has more than ${maxProcessLength} characters`
  if (!isCount(partitions)) return "its partitions are not a whole number from 1"
  if (concurrency !== undefined && !isCount(concurrency)) return "its concurrency is not a whole number from 1"
  if (maxCausationDepth !== undefined && !(maxCausationDepth >= 0)) return "its greatest depth is no number from 0"
  const initial = rules.encodeState(manager.initial)
  return Result.isFailure(initial) ? initial.failure.problem : undefined
}

type IdOf<Key> = Key extends Context.Key<infer Id, infer _> ? Id : never
type Requirements<A> = IdOf<A[keyof A]>

/** There is no aggregate that is none of the targets. */
type NoOthers<M extends ProcessManager.Any, A> = {
  readonly aggregates: { readonly [To in Exclude<keyof A, keyof M["targets"]>]: never }
}

/**
 * Makes the service of a process, a class to be extended: `layer` runs it, `layerReader` looks after it alone. Throws where its options cannot be.
 *
 * @example
 * import { Aggregate, Decider, Event, Process, ProcessManager } from "eventfold"
 * import { Schema } from "effect"
 *
 * const greeter = Decider.make({
 *   name: "greeter",
 *   state: Schema.Int,
 *   initial: 0,
 *   commands: Schema.TaggedUnion({ Greet: { name: Schema.String } }),
 *   events: Event.define({ Greeted: { name: Schema.String } })
 * })
 *   .evolve({ Greeted: (count) => count + 1 })
 *   .decide({ Greet: ({ name }) => [{ _tag: "Greeted", name }] })
 *
 * const welcoming = ProcessManager.make({
 *   name: "welcoming",
 *   state: Schema.Boolean,
 *   initial: false,
 *   events: Event.define({ Joined: { name: Schema.String } }),
 *   targets: { greeter: ProcessManager.sends(greeter, ["Greet"]) }
 * })
 *   .correlate({ Joined: ({ name }) => name })
 *   .evolve({ events: { Joined: () => true } })
 *   .react({ events: { Joined: (_, { name }) => [ProcessManager.send("greeter", "lobby", { _tag: "Greet", name })] } })
 *
 * class Greeters extends Aggregate.Service<Greeters>()("app/Greeters", { decider: greeter }) {}
 *
 * class Welcoming extends Process.Service<Welcoming>()("app/Welcoming", {
 *   manager: welcoming,
 *   aggregates: { greeter: Greeters }
 * }) {}
 */
export const Service =
  <Self>() =>
  <const Key extends string, M extends ProcessManager.Any, A extends AggregatesOf<M>>(
    key: Key,
    options: Options<M, A> & NoOthers<M, A>
  ): Context.ServiceClass<Self, Key, Process<M>> & {
    /** Runs the process, and looks after it. Fails where it is kept in another number of partitions. */
    readonly layer: Layer.Layer<Self, StoreError, EventStore | ProjectionStore | ProcessStore | Requirements<A>>
    /** Looks after the process, and does not run it. */
    readonly layerReader: Layer.Layer<Self, never, EventStore | ProjectionStore | ProcessStore>
  } => {
    // What a process manager is made of is known to whoever made it, and here it is not: nothing depends on it.
    const manager: Manager = options.manager
    const { partitions = 4, concurrency = 32, retry = defaultRetry } = options
    const rules = makeRules(manager)
    const wrong = problemOf({ ...options, manager, partitions }, rules)
    if (wrong !== undefined) throw new Error(`the process "${manager.name}" cannot be made: ${wrong}`)
    const definition: Definition = {
      name: projectionOf(manager.name),
      version: 1,
      partitions,
      mode: "async",
      types: Array.from(manager.events.stored.keys()),
      tables: {}
    }
    const service = Context.Service<Self, Process<M>>()(key)
    const stores = Effect.all({ events: EventStore, projections: ProjectionStore, processes: ProcessStore })
    // That each is a service of what `Requirements` says, is what that type is computed from.
    const keys: object = options.aggregates
    const entries = Object.entries(keys) as ReadonlyArray<
      readonly [to: string, Context.Key<Requirements<A>, Aggregate<Decider.Any>>]
    >
    const aggregatesOf = Effect.map(
      Effect.forEach(entries, ([to, key]) => Effect.map(key, (aggregate) => [to, aggregate] as const)),
      (all): Aggregates => new Map(all)
    )
    const layerReader = Layer.effect(
      service,
      Effect.map(stores, (stores) => makeService<M>(manager, rules, partitions, stores))
    )
    const layer = Layer.effect(
      service,
      Effect.gen(function* () {
        const all = yield* stores
        const plan: Plan = {
          definition,
          manager,
          rules,
          aggregates: yield* aggregatesOf,
          retry,
          concurrency,
          maxDepth: options.maxCausationDepth ?? Causation.defaultLimit
        }
        yield* register(manager.name, definition, all.projections)
        yield* superviseClaims(definition, all.projections, yield* uuidV7, (held) => runPartition(plan, all, held))
        return makeService<M>(manager, rules, partitions, all)
      })
    )
    return Object.assign(service, { layer, layerReader })
  }

/** Of what is kept, the number of partitions stays what it was. */
const register = Effect.fnUntraced(function* (
  name: string,
  definition: Definition,
  projections: ProjectionStore["Service"]
) {
  const [kept] = yield* projections.status(definition.name)
  if (kept !== undefined && kept.partitions !== definition.partitions) {
    const { partitions } = kept
    const problem = `the process ${name} is kept in ${partitions} partitions, which cannot be changed: say \`partitions: ${partitions}\``
    return yield* new StoreError({ reason: "Misconfigured", problem })
  }
  yield* projections.register(definition)
})

const waitingName = (
  waitingFor: { readonly timer: string } | { readonly to: string; readonly command: string } | undefined
): string | undefined => {
  if (waitingFor === undefined) return undefined
  return "timer" in waitingFor ? waitsForTimer(waitingFor.timer) : waitsForCommand(waitingFor.to, waitingFor.command)
}

/** How the instances are looked after, and how they are looked at by whoever knows so much. */
const looksOf = <S>(known: Known<S>, stores: Pick<Stores, "processes" | "projections">) => {
  const { ask, count, get, list, removeEnded, story } = makeLooking(known, stores)
  const { awaitPosition, pause, resume, skip, skipped, status } = makeControl(
    projectionOf(known.name),
    stores.projections
  )
  const tending: Tending = {
    count,
    story,
    retry: (instance) => ask(instance, "Retry", () => ({ _tag: "Retry" })),
    skip: (instance, reason) => ask(instance, "Skip", ({ steps }) => ({ _tag: "Skip", reason, steps })),
    cancel: (instance, reason) => ask(instance, "Cancel", () => ({ _tag: "Cancel", reason })),
    resume: (instance) => ask(instance, "Resume", () => ({ _tag: "Resume" })),
    removeEnded,
    control: { awaitPosition, pause, resume, skip, skipped, status }
  }
  return {
    ...tending,
    get,
    list: ({
      after,
      idleFor,
      limit = Infinity,
      olderThan,
      status,
      waitingFor,
      where = {}
    }: Which<WaitingFor<Manager>, object> = {}) =>
      list({ after, idleFor, limit, olderThan, status, waitingFor: waitingName(waitingFor), where })
  }
}

const makeService = <M extends ProcessManager.Any>(
  manager: Manager,
  rules: Rules,
  partitions: number,
  stores: Stores
): Process<M> => {
  const awaitSettled = makeAwaitSettled(manager.name, partitions, stores)
  return {
    ...looksOf(knownByManager(manager, rules, partitions), stores),
    awaitSettled: (timeout = "5 seconds") => awaitSettled(timeout)
  }
}

/** The names of the processes that there are, in order. */
export const names: Effect.Effect<ReadonlyArray<string>, StoreError, ProjectionStore> = Effect.gen(function* () {
  const { status } = yield* ProjectionStore
  const found = (yield* status()).flatMap(({ name }) => processOf(name) ?? [])
  return Array.from(new Set(found))
})

/**
 * The process of a name as it is kept, unless there is none. Its process manager need not be there.
 *
 * @example
 * import { Process } from "eventfold"
 * import { Effect, Option } from "effect"
 *
 * const noInstance = Effect.succeed({ running: 0, stuck: 0, ended: 0, cancelled: 0 })
 * export const counts = Effect.flatMap(Process.inspect("orders"), Option.match({ onNone: () => noInstance, onSome: ({ count }) => count }))
 */
export const inspect = (
  name: string
): Effect.Effect<Option.Option<Inspected>, StoreError, ProjectionStore | ProcessStore> =>
  Effect.gen(function* () {
    const projections = yield* ProjectionStore
    const processes = yield* ProcessStore
    const [kept] = yield* projections.status(projectionOf(name))
    if (kept === undefined) return Option.none()
    return Option.some({ name, ...looksOf(knownByName(name, kept.partitions), { processes, projections }) })
  })
