import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Effectable from "effect/Effectable"
import * as Equal from "effect/Equal"
import * as Formatter from "effect/Formatter"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import type * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { type AppendError, EventStore } from "../../EventStore.ts"
import { documentCodec, wholeKey } from "../../internal/runtime/projection/documents.ts"
import { Lanes } from "../../internal/runtime/projection/lanes.ts"
import type { Plan } from "../../internal/runtime/projection/plan.ts"
import { makeProgress } from "../../internal/runtime/projection/progress.ts"
import { uuidV7 } from "../../internal/runtime/uuid.ts"
import * as MemoryEventStore from "../../memory/MemoryEventStore.ts"
import type { Mode, Projection } from "../../Projection.ts"
import { type Claim, ClaimLost, ProjectionStore } from "../../ProjectionStore.ts"
import type { ProcessStore } from "../../ProcessStore.ts"
import type { SnapshotStore } from "../../SnapshotStore.ts"
import type { RecordedEvent } from "../../RecordedEvent.ts"
import type * as View from "../../View.ts"
import { compare, SpecFailure } from "../SpecFailure.ts"
import { type History, recordAll } from "./history.ts"
import { compareModels } from "./models.ts"

type Store = ProjectionStore["Service"]

/** What a projection must have come to. */
export type Expectation<Reader, R> =
  | { readonly _tag: "Models"; readonly view: View.Any; readonly expected: unknown }
  | {
      readonly _tag: "Reads"
      readonly read: (reader: Reader) => Effect.Effect<unknown, unknown, R>
      readonly expected: unknown
    }

/** How many documents are compared, at most. */
const mostDocuments = 100_000

/** How the events are delivered. */
const deliveries = [
  { size: Infinity, how: "in one batch" },
  { size: 1, how: "in batches of one event" }
] as const

type InMemory<R> = Exclude<R, EventStore | ProjectionStore | ProcessStore | SnapshotStore>

/**
 * The spec of a projection. It is an Effect that succeeds when it holds; one that needs nothing else can also be awaited.
 */
export class ProjectionSpec<R = never> extends Effectable.Class<void, SpecFailure, InMemory<R>> {
  readonly #inMemory: Effect.Effect<void, SpecFailure, InMemory<R>>
  /** The same spec on the store that is provided. */
  readonly onStore: Effect.Effect<void, SpecFailure | AppendError, EventStore | ProjectionStore | R>

  constructor(
    deliveries: ReadonlyArray<Effect.Effect<void, SpecFailure | AppendError, EventStore | ProjectionStore | R>>
  ) {
    super()
    this.onStore = Effect.all(deliveries, { discard: true })
    this.#inMemory = Effect.forEach(deliveries, Effect.provide(MemoryEventStore.layer, { local: true }), {
      discard: true
    }).pipe(
      Effect.mapError((error) => (error._tag === "SpecFailure" ? error : new SpecFailure({ problem: error.message })))
    )
  }

  override asEffect(): Effect.Effect<void, SpecFailure, InMemory<R>> {
    return this.#inMemory
  }

  /** Runs the spec when it is awaited. Rejects with the `SpecFailure`. */
  // oxlint-disable-next-line unicorn/no-thenable -- that it runs when it is awaited is the point
  then<A = void, B = never>(
    this: ProjectionSpec,
    onFulfilled?: ((value: void) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null
  ): Promise<A | B> {
    return Effect.runPromise(this.#inMemory).then(onFulfilled, onRejected)
  }
}

/**
 * The spec of what a projection shows, or of what is read, after some events: when they come in one batch, and when they come one by one.
 */
export const projectionSpec = <Reader, R, R2>(
  self: Projection<Reader, Mode, R>,
  history: History,
  expectation: Expectation<Reader, R2>
): ProjectionSpec<R | R2> =>
  new ProjectionSpec(
    deliveries.map(({ how, size }) =>
      Effect.gen(function* () {
        const events = yield* recordAll(self["~eventfold/Projection"].plan.encode, history)
        const projected = yield* project(self, events, size)
        const difference = yield* differenceOf(self, projected, expectation)
        if (difference === undefined) return
        return yield* new SpecFailure({ ...difference, problem: `${difference.problem} (events delivered ${how})` })
      })
    )
  )

/** Runs a projection of a name of its own over events in streams of their own: specs on one store do not meet. */
const project = Effect.fnUntraced(function* <Reader, R>(
  self: Projection<Reader, Mode, R>,
  events: ReadonlyArray<RecordedEvent>,
  size: number
) {
  const [store, eventStore] = yield* Effect.all([ProjectionStore, EventStore])
  const suffix = (yield* uuidV7).slice(-8)
  const before = yield* eventStore.head
  const given = yield* append(events, suffix)
  const { plan, reader } = self["~eventfold/Projection"]
  const definition = { ...plan.definition, name: `${self.name}_${suffix}`, partitions: 1, mode: "async" } as const
  const own: Plan<R> = {
    ...plan,
    definition,
    decode: ({ id }) => plan.decode(given.get(id)!),
    retry: Schedule.recurs(0),
    onFailure: "stop"
  }
  yield* store.register(definition)
  const claiming = store.claim({ ...definition, owner: suffix, lease: Duration.minutes(5), most: 1 })
  yield* Effect.acquireUseRelease(
    claiming,
    ([claim]) =>
      Effect.gen(function* () {
        const recorded = yield* Stream.runCollect(
          eventStore.readLog({ from: before + 1, query: plan.query }).pipe(Stream.filter(({ id }) => given.has(id)))
        )
        let current = claim!
        for (let i = 0; i < recorded.length; i += size) {
          current = yield* deliver(own, store, eventStore, current, recorded.slice(i, i + size))
        }
      }),
    (claims) => Effect.ignore(store.release(claims))
  )
  return { name: definition.name, reader: reader({ store, eventStore }, definition.name) }
})

/** Appends events to streams of their own. Gives them by the id under which they are stored. */
const append = Effect.fnUntraced(function* (events: ReadonlyArray<RecordedEvent>, suffix: string) {
  const store = yield* EventStore
  const given = new Map<string, RecordedEvent>()
  for (const event of events) {
    const { data, metadata, schemaVersion, tags, type, version } = event
    const id = yield* uuidV7
    yield* store.append([
      {
        stream: `${event.stream}-${suffix}`,
        expected: version - 1,
        events: [{ type, schemaVersion, data, tags, metadata, id }]
      }
    ])
    given.set(id, event)
  }
  return given
})

/**
 * Delivers a batch three times: to a process that dies after its work is done and before that is stored, to one that stores it, and to one
 * that does not know that it is stored.
 */
const deliver = Effect.fnUntraced(function* <R>(
  plan: Plan<R>,
  store: Store,
  eventStore: EventStore["Service"],
  claim: Claim,
  events: ReadonlyArray<RecordedEvent>
) {
  const { generation, name, partition } = claim
  const lost = new ClaimLost({ projection: name, generation, partition })
  let failure: SpecFailure | undefined
  const stopping: Store = {
    ...store,
    fail: (_, { position, problem }) => {
      const type = events.find((event) => event.position === position)?.type
      failure = new SpecFailure({ problem: `projection ${name} cannot handle the event ${type}: ${problem}` })
      return Effect.fail(lost)
    }
  }
  const dying: Store = {
    ...stopping,
    commit: (claim, progress, work) => store.commit(claim, progress, Effect.andThen(work, Effect.fail(lost)))
  }
  const to = events[events.length - 1]!.position
  /** A process that remembers nothing, and where it has come to unless it has lost its claim. */
  const once = (store: Store) =>
    Effect.gen(function* () {
      const progress = makeProgress(plan, store, eventStore, new Lanes(), claim)
      yield* progress.advance(events, to, "live")
      return progress.claim()
    }).pipe(
      Effect.map((claim) => claim as Claim | undefined),
      Effect.catchTag("ClaimLost", () => Effect.succeed(undefined))
    )
  yield* once(dying)
  const next = yield* once(stopping)
  if (failure !== undefined) return yield* failure
  if (next === undefined) return yield* new SpecFailure({ problem: `projection ${name} was taken over by another` })
  const again = yield* once(stopping)
  if (again !== undefined) {
    return yield* new SpecFailure({ problem: `the store has taken a batch of projection ${name} twice` })
  }
  return next
})

const differenceOf = <Reader, R, R2>(
  self: Projection<Reader, Mode, R>,
  { name, reader }: { readonly name: string; readonly reader: Reader },
  expectation: Expectation<Reader, R2>
) =>
  Effect.gen(function* () {
    const what = `the projection ${self.name}`
    if (expectation._tag === "Reads") {
      const read = yield* Effect.mapError(
        Effect.sandbox(expectation.read(reader)),
        (cause) => new SpecFailure({ problem: `${what} cannot be read: ${Cause.pretty(cause)}` })
      )
      return compareValues(`${what} leads to something else`, expectation.expected, read)
    }
    const { view } = expectation
    const store = yield* ProjectionStore
    const documents = yield* store.list(name, { after: undefined, limit: mostDocuments, where: {} })
    const codec = documentCodec(view)
    const models = yield* Effect.forEach(documents, ([key, document]) =>
      Effect.fromResult(
        Result.mapBoth(codec.decode(document), {
          onSuccess: (model) => [key, model] as const,
          onFailure: ({ message }) =>
            new SpecFailure({ problem: `${what} has a document "${key}" that cannot be read back: ${message}` })
        })
      )
    )
    const shown: { readonly [key: string]: unknown } = Object.fromEntries(models)
    const whole = wholeKey in shown ? shown[wholeKey] : view.initial
    return yield* compareModels(what, view, expectation.expected, view._tag === "View" ? whole : shown)
  })

/** What is read has no schema: it is shown as JSON as far as that goes, and compared as a value. */
const compareValues = (what: string, expected: unknown, actual: unknown): SpecFailure | undefined => {
  if (Equal.equals(expected, actual)) return undefined
  const json = (value: unknown): Schema.Json => JSON.parse(Formatter.formatJson(value) ?? "null")
  return (
    compare(what, "", json(expected), json(actual)) ??
    new SpecFailure({
      problem: `${what}, by values that JSON does not tell apart`,
      expected: Formatter.format(expected, { space: 2 }),
      actual: Formatter.format(actual, { space: 2 })
    })
  )
}
