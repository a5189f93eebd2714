/**
 * An event store whose appends carry what inline projections make of them, in the same transaction: documents are locked and written
 * first, the append with its lock of the log comes last. So appends that touch other documents do not wait for one another's work.
 *
 * Two appends that touch one document are stored in the order in which they locked it, which is the order in which they were folded.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as DateTime from "effect/DateTime"
import type { Decoded, Tagged } from "../../../Event.ts"
import {
  type Appended,
  type AppendError,
  ConcurrencyConflict,
  ConditionConflict,
  type EventStore,
  StoreError,
  type Write
} from "../../../EventStore.ts"
import * as Metrics from "../../../Metrics.ts"
import type { ProjectionStore } from "../../../ProjectionStore.ts"
import type { RecordedEvent } from "../../../RecordedEvent.ts"
import { spanned } from "../tracing.ts"
import { attributesOf } from "./observed.ts"
import { HandlingFailure, type Plan } from "./plan.ts"
import { supervise } from "./supervisor.ts"
import { failureOf, lookUntil } from "./waiting.ts"

/** An append that turns out to have been stored before: what was made of its events is not kept. */
class Repeated extends Data.TaggedError("Repeated")<{ readonly appended: Appended }> {}

/** What is known of an event before it is appended. The rest fails whoever looks at it. */
class Pending implements RecordedEvent {
  readonly id: string
  readonly type: string
  readonly schemaVersion: number
  readonly stream: RecordedEvent["stream"]
  readonly data: RecordedEvent["data"]
  readonly tags: RecordedEvent["tags"]
  readonly metadata: RecordedEvent["metadata"]

  constructor(stream: RecordedEvent["stream"], event: Write["events"][number]) {
    this.id = event.id
    this.type = event.type
    this.schemaVersion = event.schemaVersion
    this.stream = stream
    this.data = event.data
    this.tags = event.tags
    this.metadata = event.metadata
  }

  get version(): number {
    return unknownYet("version")
  }
  get position(): number {
    return unknownYet("position")
  }
  get recordedAt(): DateTime.Utc {
    return unknownYet("recordedAt")
  }
}

const unknownYet = (field: string): never => {
  throw new HandlingFailure({
    problem: `${field} is not known before the append: what looks at it cannot be projected inline`
  })
}

/** The events of an append that a projection handles, decoded. */
const eventsOf = (
  plan: Plan<unknown>,
  writes: ReadonlyArray<Write>
): Result.Result<ReadonlyArray<Decoded<Tagged>>, HandlingFailure> => {
  const all: Array<Decoded<Tagged>> = []
  for (const { stream, events } of writes) {
    for (const event of events) {
      if (!plan.definition.types.includes(event.type)) continue
      const { id, type, schemaVersion, data, tags, metadata } = event
      const recordedAt = DateTime.makeUnsafe(0)
      const decoded = plan.decode({
        id,
        type,
        schemaVersion,
        data,
        tags,
        metadata,
        stream,
        version: 0,
        position: 0,
        recordedAt
      })
      if (Result.isFailure(decoded)) return Result.fail(new HandlingFailure({ problem: decoded.failure.message }))
      const recorded = new Pending(stream, event)
      for (const one of decoded.success) all.push({ ...one, recorded })
    }
  }
  return Result.succeed(all)
}

const isAppendError = (error: unknown): error is AppendError =>
  error instanceof StoreError || error instanceof ConcurrencyConflict || error instanceof ConditionConflict

const failed = (name: string, problem: string): StoreError =>
  new StoreError({ reason: "ProjectionFailed", problem: `${name} is projected inline, and failed: ${problem}` })

/** So many events are behind a projection. */
const count = ([name, events]: readonly [string, number]): Effect.Effect<void> =>
  events === 0 ? Effect.void : Metric.update(eventsBy(attributesOf({ name, partition: 0 })), events)

const eventsBy = Metrics.seriesOf(Metrics.projectionEvents)

/** A projection that is live, and which of its generations is. */
interface Inline<R> {
  readonly plan: Plan<R>
  readonly store: ProjectionStore["Service"]
  generation: number
}

/** Waits until the generation of this version is live, or cannot become it. */
const liveGeneration = <R>(plan: Plan<R>, store: ProjectionStore["Service"]): Effect.Effect<number, StoreError> => {
  const { name, version } = plan.definition
  const look = Effect.gen(function* () {
    const live = yield* store.live(name)
    if (live !== undefined && live.version >= version) return { live, failure: undefined }
    return { live: undefined, failure: yield* failureOf(store, name) }
  })
  return Effect.flatMap(
    lookUntil(store, look, ({ failure, live }) => live !== undefined || failure?.version === version),
    ({ failure, live }) => {
      if (live?.version === version) return Effect.succeed(live.generation)
      if (live === undefined) return Effect.fail(failed(name, failure?.problem ?? ""))
      const problem = `projection ${name} is live in version ${live.version}, which replaced version ${version} of this code`
      return Effect.fail(new StoreError({ reason: "Misconfigured", problem }))
    }
  )
}

/**
 * Fills the projections as far as they are not, and gives the store that keeps them. Its appends are refused where this code's version
 * of a projection is not the live one.
 */
export const makeInline = <R>(
  plans: ReadonlyArray<Plan<R>>,
  store: ProjectionStore["Service"],
  eventStore: EventStore["Service"],
  owner: string
): Effect.Effect<EventStore["Service"], StoreError, R | Scope.Scope> =>
  Effect.gen(function* () {
    const context = yield* Effect.context<R>()
    const inline: Array<Inline<R>> = []
    // In one order everywhere, as the documents of each are locked by that order.
    for (const plan of plans.toSorted((a, b) => (a.definition.name < b.definition.name ? -1 : 1))) {
      const { name, version } = plan.definition
      yield* store.register(plan.definition)
      // What failed when it was filled last is tried again with every start: the code may have been mended.
      const failure = yield* failureOf(store, name)
      if (failure?.role === "filling" && failure.version === version) yield* store.resume(name)
      yield* supervise(plan, store, eventStore, owner)
      inline.push({ plan, store, generation: yield* liveGeneration(plan, store) })
    }

    const project = Effect.fnUntraced(function* ({ plan, generation }: Inline<R>, writes: ReadonlyArray<Write>) {
      const events = yield* Effect.fromResult(eventsOf(plan, writes))
      if (events.length === 0) return 0
      const { name, version } = plan.definition
      const handling = plan.handling(store, { name, generation, isExclusive: false })
      const attributes = {
        "eventfold.projection": name,
        "eventfold.version": version,
        "eventfold.partition": 0,
        "eventfold.events": events.length
      }
      yield* spanned(
        "eventfold.projection",
        () => ({ attributes }),
        () => Effect.flatten(handling.prepare(events, "live"))
      )
      return events.length
    })

    const appendInline = (...[writes, options]: Parameters<EventStore["Service"]["append"]>) =>
      Effect.suspend(() => {
        let projecting: string | undefined
        const projected = new Map<string, number>()
        const generations = inline.map(({ generation }) => generation)
        const stored = Effect.filterOrFail(
          eventStore.append(writes, options),
          ({ repeated }) => !repeated,
          (appended) => new Repeated({ appended })
        )
        const work = Effect.gen(function* () {
          for (const one of inline) {
            projecting = one.plan.definition.name
            projected.set(projecting, yield* project(one, writes))
          }
          projecting = undefined
          return yield* stored
        })
        const counted = Effect.suspend(() => Effect.forEach(projected, count, { discard: true }))
        return Effect.catchCause(Effect.tap(store.withInline(generations, work), counted), (cause) => {
          const error = Cause.squash(cause)
          if (error instanceof Repeated || isAppendError(error)) return Effect.fail(error)
          if (Cause.hasInterrupts(cause)) return Effect.interrupt
          if (projecting === undefined) return Effect.die(error)
          const refused = failed(projecting, error instanceof HandlingFailure ? error.problem : Cause.pretty(cause))
          // What is repeated, or comes too late, need not fit the projection: then that is the answer.
          return store.withInline(generations, Effect.andThen(stored, Effect.fail(refused)))
        }).pipe(Effect.catchTag("Repeated", ({ appended }) => Effect.succeed(appended)))
      }).pipe(
        // What the caller has, such as its span or its transaction, comes first.
        Effect.updateContext((current: Context.Context<never>) => Context.merge(context, current))
      )

    /** Another generation of the same version may have taken over, or the same may be filled anew. */
    const refresh = Effect.gen(function* () {
      for (const one of inline) one.generation = yield* liveGeneration(one.plan, store)
    })

    const isProjected = ({ events }: Write): boolean =>
      events.some(({ type }) => inline.some(({ plan }) => plan.definition.types.includes(type)))

    const append: EventStore["Service"]["append"] = (writes, options) =>
      writes.some(isProjected)
        ? appendInline(writes, options).pipe(
            Effect.catchIf(
              (error): error is StoreError => error._tag === "StoreError" && error.reason === "Misconfigured",
              () => Effect.andThen(refresh, appendInline(writes, options))
            )
          )
        : eventStore.append(writes, options)

    return { ...eventStore, append }
  })
