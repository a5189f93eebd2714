/**
 * What the laws of processes are written with: processes that no store has seen, instances, and what must have become of them.
 */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { EventStore, type StoreError } from "../../EventStore.ts"
import { type Filter, type Instance, ProcessStore, type Step } from "../../ProcessStore.ts"
import { type ClaimLost, ProjectionStore } from "../../ProjectionStore.ts"
import { appendTo, fresh, freshStream, head } from "../contract/fixtures.ts"
import * as Contract from "../contract/Law.ts"
import { refused } from "../projectionContract/fixtures.ts"

const { broken, same } = Contract

/** What a store of processes is run with. */
export type Stores = EventStore | ProjectionStore | ProcessStore

/**
 * A promise of the port of processes. A store that cannot be reached breaks no law: that is a `StoreError` of its own.
 */
export interface Law {
  /** What is promised, as a sentence. */
  readonly name: string
  /** Holds the store to it. Fails with what is broken. */
  readonly run: Effect.Effect<void, Contract.ContractViolation | StoreError, Stores>
}

/** How long the log is at least: the laws commit positions by number, and there is none beyond the head. */
const leastHead = 200

const longEnough = Effect.flatMap(head, (position) =>
  position < leastHead ? appendTo(freshStream(), leastHead - position) : Effect.void
)

/** A law from its name, a promise in plain words, and the program that fails when a store does not keep it. */
export const law = (
  name: string,
  program: Effect.Effect<void, Contract.Failure | ClaimLost, Stores | Scope.Scope>
): Law => ({
  name,
  run: Effect.gen(function* () {
    const projections = yield* ProjectionStore
    const processes = yield* ProcessStore
    const provided = Effect.andThen(longEnough, program).pipe(
      Effect.catchTag("ClaimLost", ({ message }) => broken(`a claim that must stand is lost: ${message}`)),
      Effect.provideService(ProjectionStore, projections),
      Effect.provideService(ProcessStore, processes)
    )
    yield* Contract.law(name, provided).run
  })
})

/** Uses the store of processes. */
export const use = <A, E, R>(
  f: (store: ProcessStore["Service"]) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R | ProcessStore> => Effect.flatMap(ProcessStore, f)

/** A process that no store has seen. */
export const freshProcess = (): string => fresh("process")

/** An instant, so many milliseconds after one in the past. */
export const at = (millis: number): DateTime.Utc => DateTime.makeUnsafe(Date.UTC(2026, 0, 1) + millis)

/** An instance with one step that waits for nothing, unless told otherwise. */
export const instance = (name: string, fields?: Partial<Instance>): Instance => ({
  instance: name,
  partition: 0,
  status: "running",
  isReady: false,
  dueAt: undefined,
  waitingFor: [],
  startedAt: at(0),
  updatedAt: at(0),
  steps: 1,
  state: {},
  document: null,
  ...fields
})

/** A step of an instance. */
export const step = (name: string, number: number, content: Schema.Json = { number }): Step => ({
  instance: name,
  number,
  at: at(number),
  step: content
})

type Changes = Parameters<ProcessStore["Service"]["save"]>[1]

/** Saves in the transaction that is under way. */
export const saveHere = (process: string, changes: Partial<Changes>): Effect.Effect<void, StoreError, ProcessStore> =>
  use((store) => store.save(process, { instances: [], steps: [], done: [], ...changes }))

/** Runs work in a transaction. */
export const inTransaction = <A, E, R>(
  work: Effect.Effect<A, E, R>
): Effect.Effect<A, E | StoreError, R | ProjectionStore> =>
  Effect.flatMap(ProjectionStore, (store) => store.withInline([], work))

/** Saves in a transaction of its own. */
export const save = (
  process: string,
  changes: Partial<Changes>
): Effect.Effect<void, StoreError, ProcessStore | ProjectionStore> => inTransaction(saveHere(process, changes))

/** Saves instances in a transaction of their own. */
export const keep = (
  process: string,
  ...instances: ReadonlyArray<Instance>
): Effect.Effect<void, StoreError, ProcessStore | ProjectionStore> => save(process, { instances })

/** The instances of some names that are there, by name. */
export const load = (process: string, names: ReadonlyArray<string>) =>
  use((store) =>
    Effect.map(store.load(process, names), (found): { readonly [name: string]: Instance } =>
      Object.fromEntries(found.map((one) => [one.instance, one]))
    )
  )

/** That just these instances are there, of those and some other names. */
export const finds = (
  what: string,
  process: string,
  expected: ReadonlyArray<Instance>,
  others: ReadonlyArray<string> = []
) =>
  Effect.flatMap(load(process, [...expected.map(({ instance }) => instance), ...others]), (found) =>
    same(found, Object.fromEntries(expected.map((one) => [one.instance, one])), what)
  )

/** Enough for everything that a law keeps. */
export const all = { after: undefined, limit: 10_000 }

/** The names of the instances that a filter finds, in the order in which they are listed. */
export const listed = (
  process: string,
  filter: Filter = {},
  page: { after: string | undefined; limit: number } = all
) => use((store) => Effect.map(store.list(process, { ...filter, ...page }), namesOf))

export const namesOf = (instances: ReadonlyArray<{ readonly instance: string }>): ReadonlyArray<string> =>
  instances.map((one) => one.instance)

/** The names of the instances of a partition that are ready. */
export const readyIn = (process: string, partition = 0) =>
  use((store) => Effect.map(store.ready(process, partition, all), namesOf))

/** The names of the instances of a partition that are due, and when the next one is. */
export const dueIn = (process: string, until: DateTime.Utc, partition = 0, limit = 10_000) =>
  use((store) =>
    Effect.map(store.due(process, partition, { until, limit }), ({ instances, next }) => ({
      names: namesOf(instances),
      next: next?.epochMilliseconds
    }))
  )

export const stepsOf = (process: string, name: string, page = { after: 0, limit: 10_000 }) =>
  use((store) => store.steps(process, name, page))

/** Asks something of an instance of partition 0. */
export const request = (process: string, name: string, content: Schema.Json = null, partition = 0) =>
  use((store) => store.request(process, { partition, instance: name, request: content }))

export const requestsIn = (process: string, partition = 0) => use((store) => store.requests(process, partition, 10_000))

export const countOf = (process: string) => use((store) => Effect.map(store.count(process), Object.fromEntries))

export const remove = (process: string, updatedBefore: DateTime.Utc, limit = 10_000) =>
  use((store) => store.remove(process, { updatedBefore, limit }))

/** Everything about a process that somebody can see, in its first partitions. */
export const everything = (process: string) =>
  use((store) =>
    Effect.gen(function* () {
      const instances = yield* store.list(process, all)
      const steps = yield* Effect.forEach(instances, (one) => stepsOf(process, one.instance))
      const partitions = yield* Effect.forEach([0, 1, 2], (partition) =>
        Effect.all([
          readyIn(process, partition),
          dueIn(process, DateTime.makeUnsafe(8.64e15), partition),
          requestsIn(process, partition)
        ])
      )
      return { instances, steps, partitions, count: yield* countOf(process) }
    })
  )

/** That an effect leaves a process as it was. */
export const changesNothing = <A, E, R>(what: string, process: string, effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const before = yield* everything(process)
    const answer = yield* effect
    yield* same(yield* everything(process), before, `what is kept of a process after ${what}`)
    return answer
  })

/** That something is refused as an `InvalidRequest`, which says what is wrong, and changes nothing. */
export const isRefused = <A, E extends { readonly _tag: string }, R>(
  what: string,
  process: string,
  effect: Effect.Effect<A, E | StoreError, R>
) => changesNothing(what, process, refused(what, "InvalidRequest", effect))
