/**
 * How the instances of a process are looked at and looked after, from wherever its store is.
 */
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { StoreError } from "../../../EventStore.ts"
import type { Filter, Instance as Kept, Status } from "../../../ProcessStore.ts"
import { jsonOf } from "../json.ts"
import { partitionOf } from "../projection/partition.ts"
import { type Command, fromInstance, type Live, type Request, Step, type Stuck } from "./model.ts"
import type { Stores } from "./plan.ts"
import type { Manager, Rules } from "./rules.ts"

/**
 * An instance of a process, as it is.
 */
export interface Instance<out State> {
  /** The name of the instance. */
  readonly instance: string
  /** How it is doing. */
  readonly status: Status
  /** Its state, after the last input. */
  readonly state: State
  /** When it was first heard of. */
  readonly startedAt: DateTime.Utc
  /** When something happened to it last. */
  readonly updatedAt: DateTime.Utc
  /** How many steps it has taken. */
  readonly steps: number
  /** The commands that are to be executed, in order: the first is under way, unless the instance is stuck. */
  readonly commands: ReadonlyArray<Command>
  /** The timers that are set, and when they are due. */
  readonly timers: ReadonlyArray<{ readonly timer: string; readonly at: DateTime.Utc }>
  /** What it is stuck at, with all that is known about it. */
  readonly stuck: Stuck | undefined
  /** The positions of events that wait behind what it is stuck at, or that it is stuck at. */
  readonly waiting: ReadonlyArray<number>
}

/**
 * A step of an instance: what happened to it, and what came of it.
 */
export interface StoryStep extends Step {
  /** From 1. */
  readonly number: number
  /** When it was taken. */
  readonly at: DateTime.Utc
}

/**
 * What is asked of an instance does not apply to it. Nothing was done.
 */
export class RequestRefused extends Schema.TaggedError<RequestRefused>("eventfold/RequestRefused")("RequestRefused", {
  /** The name of the process. */
  process: Schema.String,
  /** The name of the instance. */
  instance: Schema.String,
  /** What was asked of it. */
  request: Schema.String,
  /** Why it does not apply. */
  problem: Schema.String
}) {
  override get message(): string {
    return `process ${this.process}, instance ${this.instance}: cannot ${this.request.toLowerCase()}: ${this.problem}`
  }
}

/** Which instances are looked for, in terms of the port but for ages and the values of the state. */
export interface Looking {
  readonly status: Status | undefined
  readonly olderThan: Duration.Input | undefined
  readonly idleFor: Duration.Input | undefined
  readonly waitingFor: string | undefined
  readonly where: object
  readonly after: string | undefined
  readonly limit: number
}

/**
 * What is known of a process by whoever looks at it: all of it where its process manager is there, or how it is kept.
 */
export interface Known<out State> {
  readonly name: string
  readonly partitions: number
  readonly decodeState: (state: Schema.Json) => Result.Result<unknown, { readonly message: string }>
  /** The state, as it was decoded and as it is kept. */
  readonly stateOf: (decoded: unknown, kept: Schema.Json) => State
  /** Fields of the state as JSON, one by one, or what is wrong with one. */
  readonly encodeFields: (where: object) => Result.Result<NonNullable<Filter["where"]>, string>
  /** Whether its process manager says what a state calls for. `undefined` where nobody knows: then its owner does not do what it cannot. */
  readonly canResume: boolean | undefined
}

export const knownByManager = ({ canResume, name }: Manager, rules: Rules, partitions: number): Known<unknown> => ({
  name,
  partitions,
  decodeState: rules.decodeState,
  stateOf: (decoded) => decoded,
  encodeFields: (where) =>
    Result.gen(function* () {
      const encoded: Record<string, Schema.Json> = {}
      for (const [field, value] of Object.entries(where)) {
        if (value === undefined) continue
        const schema = rules.stateFields.get(field)
        if (schema === undefined) {
          return yield* Result.fail(`the state of process ${name} has no field "${field}" to look for`)
        }
        encoded[field] = yield* Result.mapError(jsonOf(schema)(value), ({ problem }) => `field "${field}": ${problem}`)
      }
      return encoded
    }),
  canResume
})

const decodeFields = Schema.decodeUnknownResult(Schema.Record(Schema.String, Schema.Json))

export const knownByName = (name: string, partitions: number): Known<Schema.Json> => ({
  name,
  partitions,
  decodeState: Result.succeed,
  stateOf: (_, kept) => kept,
  encodeFields: (where) => Result.mapError(decodeFields(where), ({ message }) => message),
  canResume: undefined
})

const pageSize = 200

/** The first instant that a store can be asked for, in milliseconds: the year 1. */
const firstMillis = Date.parse("0001-01-01T00:00:00Z")

/** The instant that was an age ago. */
const ago = (now: number, age: Duration.Input): DateTime.Utc =>
  DateTime.makeUnsafe(Math.max(firstMillis, Math.trunc(now - Duration.toMillis(age))))

const instanceOf = <State>(
  { instance, pending, startedAt, status, steps, stuck, timers, updatedAt, waiting }: Live,
  state: State
): Instance<State> => ({
  instance,
  status,
  state,
  startedAt: DateTime.makeUnsafe(startedAt),
  updatedAt: DateTime.makeUnsafe(updatedAt),
  steps,
  commands: pending.map(({ command, id, target, to }) => ({ id, to, target, command })),
  timers: timers
    .map(({ at, timer }) => ({ timer, at: DateTime.makeUnsafe(at) }))
    .toSorted((a, b) => a.at.epochMilliseconds - b.at.epochMilliseconds),
  stuck: stuck ?? undefined,
  waiting
})

const decodeStep = Schema.decodeUnknownResult(Step)

/** Reads page after page, each from where the one before ended, at most so many. */
const paged = <A, E, Place>(
  first: Place,
  most: number,
  read: (after: Place, limit: number) => Effect.Effect<ReadonlyArray<A>, E>,
  placeOf: (last: A) => Place
): Stream.Stream<A, E> =>
  Stream.paginate({ after: first, left: most }, ({ after, left }) =>
    Effect.gen(function* () {
      const limit = Math.min(left, pageSize)
      if (limit <= 0) return [[], Option.none()] as const
      const page = yield* read(after, limit)
      const last = page.at(-1)
      const isLast = last === undefined || page.length < limit
      return [page, isLast ? Option.none() : Option.some({ after: placeOf(last), left: left - page.length })] as const
    })
  )

export const makeLooking = <State>(known: Known<State>, { processes }: Pick<Stores, "processes">) => {
  const { canResume, decodeState, encodeFields, name, partitions, stateOf } = known

  const invalid = (problem: string): StoreError => new StoreError({ reason: "InvalidRequest", problem })

  const read = (kept: Kept): Effect.Effect<Live, StoreError> => Effect.fromResult(fromInstance(name, kept, decodeState))

  const seen = (kept: Kept): Effect.Effect<Instance<State>, StoreError> =>
    Effect.map(read(kept), (live) => instanceOf(live, stateOf(live.state, kept.state)))

  const find = (instance: string): Effect.Effect<Kept | undefined, StoreError> =>
    Effect.map(processes.load(name, [instance]), ([kept]) => kept)

  const list = ({ after, idleFor, limit, olderThan, status, waitingFor, where }: Looking) =>
    Stream.unwrap(
      Effect.gen(function* () {
        const now = yield* Clock.currentTimeMillis
        const before = (age: Duration.Input | undefined) => (age === undefined ? undefined : ago(now, age))
        const filter: Filter = {
          status,
          waitingFor,
          startedBefore: before(olderThan),
          updatedBefore: before(idleFor),
          where: yield* Effect.mapError(Effect.fromResult(encodeFields(where)), invalid)
        }
        return paged(
          after,
          limit,
          (after, limit) => processes.list(name, { ...filter, after, limit }),
          ({ instance }) => instance
        ).pipe(Stream.mapEffect(seen))
      })
    )

  const story = (instance: string): Stream.Stream<StoryStep, StoreError> =>
    paged(
      0,
      Infinity,
      (after, limit) => processes.steps(name, instance, { after, limit }),
      ({ number }) => number
    ).pipe(
      Stream.mapEffect(({ at, number, step }) => {
        const decoded = decodeStep(step)
        if (Result.isSuccess(decoded)) return Effect.succeed({ number, at, ...decoded.success })
        const problem = `step ${number} of instance ${instance} of process ${name} cannot be read: ${decoded.failure.message}`
        return Effect.fail(new StoreError({ reason: "Misconfigured", problem }))
      })
    )

  /** Why something cannot be asked of an instance. */
  const refusalOf = (request: Request["_tag"], { status }: Live): string | undefined => {
    const isOver = status === "ended" || status === "cancelled"
    if (request === "Retry" || request === "Skip")
      return status === "stuck" ? undefined : `it is ${status}, and stuck at nothing`
    if (isOver) return `it is ${status} already`
    const isDeaf = request === "Resume" && canResume === false
    return isDeaf ? `its process manager has no \`resume\`, which says what a state calls for` : undefined
  }

  const ask = Effect.fnUntraced(function* <Tag extends Request["_tag"]>(
    instance: string,
    tag: Tag,
    requestOf: (live: Live) => Extract<Request, { readonly _tag: Tag }>
  ) {
    const refused = (problem: string) => new RequestRefused({ process: name, instance, request: tag, problem })
    const kept = yield* find(instance)
    if (kept === undefined) return yield* refused("there is no such instance")
    const live = yield* read(kept)
    const problem = refusalOf(tag, live)
    if (problem !== undefined) return yield* refused(problem)
    const partition = partitionOf(instance, partitions)
    yield* processes.request(name, { partition, instance, request: requestOf(live) })
  })

  return {
    get: (instance: string) =>
      Effect.flatMap(find(instance), (kept) =>
        kept === undefined ? Effect.succeed(Option.none<Instance<State>>()) : Effect.asSome(seen(kept))
      ),
    list,
    story,
    count: Effect.map(processes.count(name), (counts) => ({
      running: counts.get("running") ?? 0,
      stuck: counts.get("stuck") ?? 0,
      ended: counts.get("ended") ?? 0,
      cancelled: counts.get("cancelled") ?? 0
    })),
    ask,
    removeEnded: Effect.fnUntraced(function* (idleFor: Duration.Input) {
      const now = yield* Clock.currentTimeMillis
      const updatedBefore = ago(now, idleFor)
      let removed = 0
      while (true) {
        const some = yield* processes.remove(name, { updatedBefore, limit: 1000 })
        removed += some
        if (some < 1000) return removed
      }
    })
  }
}
