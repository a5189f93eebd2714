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
import { AwaitTimeout } from "../projection/control.ts"
import { partitionOf } from "../projection/partition.ts"
import { failureOf, lookUntil } from "../projection/waiting.ts"
import { type Command, fromInstance, type Live, type Request, Step, type Stuck } from "./model.ts"
import type { Stores } from "./plan.ts"
import { projectionOf } from "./plan.ts"
import type { Manager, Rules } from "./rules.ts"

/**
 * An instance of a process, as it is.
 */
export interface Instance<out State> {
  readonly instance: string
  readonly status: Status
  readonly state: State
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
  readonly at: DateTime.Utc
}

/**
 * What is asked of an instance does not apply to it. Nothing was done.
 */
export class RequestRefused extends Schema.TaggedError<RequestRefused>("eventfold/RequestRefused")("RequestRefused", {
  process: Schema.String,
  instance: Schema.String,
  request: Schema.String,
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

const pageSize = 200

/** The first instant that a store can be asked for, in milliseconds: the year 1. */
const firstMillis = Date.parse("0001-01-01T00:00:00Z")

/** The instant that was an age ago. */
const ago = (now: number, age: Duration.Input): DateTime.Utc =>
  DateTime.makeUnsafe(Math.max(firstMillis, Math.trunc(now - Duration.toMillis(age))))

const instanceOf = ({
  instance,
  pending,
  startedAt,
  state,
  status,
  steps,
  stuck,
  timers,
  updatedAt,
  waiting
}: Live): Instance<unknown> => ({
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

export const makeLooking = (manager: Manager, rules: Rules, partitions: number, stores: Stores) => {
  const { events, processes, projections } = stores
  const { name } = manager
  const projection = projectionOf(name)

  const invalid = (problem: string): StoreError => new StoreError({ reason: "InvalidRequest", problem })

  const read = (kept: Kept): Effect.Effect<Live, StoreError> =>
    Effect.fromResult(fromInstance(name, kept, rules.decodeState))

  const find = (instance: string): Effect.Effect<Live | undefined, StoreError> =>
    Effect.flatMap(processes.load(name, [instance]), ([kept]) => (kept === undefined ? Effect.undefined : read(kept)))

  /** Fields of the state as JSON, one by one. */
  const fieldsOf = (where: object): Effect.Effect<NonNullable<Filter["where"]>, StoreError> =>
    Effect.gen(function* () {
      const encoded: Record<string, Schema.Json> = {}
      for (const [field, value] of Object.entries(where)) {
        if (value === undefined) continue
        const schema = rules.stateFields.get(field)
        if (schema === undefined)
          return yield* invalid(`the state of process ${name} has no field "${field}" to look for`)
        const json = jsonOf(schema)(value)
        if (Result.isFailure(json)) return yield* invalid(`field "${field}": ${json.failure.problem}`)
        encoded[field] = json.success
      }
      return encoded
    })

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
          where: yield* fieldsOf(where)
        }
        return paged(
          after,
          limit,
          (after, limit) => processes.list(name, { ...filter, after, limit }),
          ({ instance }) => instance
        ).pipe(Stream.mapEffect((kept) => Effect.map(read(kept), instanceOf)))
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
    const isDeaf = request === "Resume" && !manager.canResume
    return isDeaf ? `its process manager has no \`resume\`, which says what a state calls for` : undefined
  }

  const ask = Effect.fnUntraced(function* <Tag extends Request["_tag"]>(
    instance: string,
    tag: Tag,
    requestOf: (live: Live) => Extract<Request, { readonly _tag: Tag }>
  ) {
    const refused = (problem: string) => new RequestRefused({ process: name, instance, request: tag, problem })
    const live = yield* find(instance)
    if (live === undefined) return yield* refused("there is no such instance")
    const problem = refusalOf(tag, live)
    if (problem !== undefined) return yield* refused(problem)
    const partition = partitionOf(instance, partitions)
    yield* processes.request(name, { partition, instance, request: requestOf(live) })
  })

  /** Whether there is nothing to do but to wait: all events are handled, no command is under way, no timer is due. */
  const isSettled = Effect.gen(function* () {
    const head = yield* events.head
    const position = (yield* projections.live(projection))?.position ?? 0
    if (position < head) return { isSettled: false, head, position, problem: undefined }
    const until = DateTime.makeUnsafe(Math.floor(yield* Clock.currentTimeMillis))
    for (let partition = 0; partition < partitions; partition++) {
      const ready = yield* processes.ready(name, partition, { after: undefined, limit: 1 })
      const due = yield* processes.due(name, partition, { until, limit: 1 })
      const requests = yield* processes.requests(name, partition, 1)
      const [busy] = [...ready, ...due.instances, ...requests]
      if (busy === undefined) continue
      const waitingFor = "waitingFor" in busy && busy.waitingFor.length > 0 ? `: ${busy.waitingFor.join(", ")}` : ""
      const problem = `instance ${busy.instance} has something to do${waitingFor}`
      return { isSettled: false, head, position, problem }
    }
    return { isSettled: (yield* events.head) === head, head, position, problem: undefined }
  })

  const awaitSettled = (timeout: Duration.Input) => {
    const tooLate = Effect.gen(function* () {
      const { head, position, problem } = yield* isSettled
      const failure = yield* failureOf(projections, projection)
      return yield* new AwaitTimeout({
        projection,
        position: head,
        reached: position,
        problem: failure?.problem ?? problem
      })
    })
    return lookUntil(projections, isSettled, ({ isSettled }) => isSettled).pipe(
      Effect.asVoid,
      Effect.timeoutOrElse({ duration: timeout, orElse: () => tooLate })
    )
  }

  return {
    get: (instance: string) =>
      Effect.map(find(instance), (live) => (live === undefined ? Option.none() : Option.some(instanceOf(live)))),
    list,
    story,
    count: Effect.map(processes.count(name), (counts) => ({
      running: counts.get("running") ?? 0,
      stuck: counts.get("stuck") ?? 0,
      ended: counts.get("ended") ?? 0,
      cancelled: counts.get("cancelled") ?? 0
    })),
    ask,
    awaitSettled,
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
