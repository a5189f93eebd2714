/**
 * What the laws of projections are written with: definitions that no store has seen, claims, and what must have become of them.
 */
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import {
  type Appended,
  type AppendError,
  type EventStore,
  type StoreError,
  type StoreReason
} from "../../EventStore.ts"
import { type Claim, ClaimLost, type Definition, type Documents, ProjectionStore } from "../../ProjectionStore.ts"
import { appendTo, event, fresh, freshStream, head, numbers } from "../contract/fixtures.ts"
import * as Contract from "../contract/Law.ts"

const { broken, holds, same, within } = Contract

/**
 * A promise of the port of projections. A store that cannot be reached breaks no law: that is a `StoreError` of its own.
 */
export interface Law {
  /** What is promised, as a sentence. */
  readonly name: string
  /** Holds the store to it. Fails with what is broken. */
  readonly run: Effect.Effect<void, Contract.ContractViolation | StoreError, EventStore | ProjectionStore>
}

/** How long the log is at least: the laws commit positions by number, and there is none beyond the head. */
const leastHead = 200

const longEnough = Effect.flatMap(head, (position) =>
  position < leastHead ? appendTo(freshStream(), leastHead - position) : Effect.void
)

/** A law from its name, a promise in plain words, and the program that fails when a store does not keep it. */
export const law = (
  name: string,
  program: Effect.Effect<void, Contract.Failure | ClaimLost, EventStore | ProjectionStore | Scope.Scope>
): Law => ({
  name,
  run: Effect.flatMap(
    ProjectionStore,
    (store) =>
      Contract.law(
        name,
        Effect.andThen(longEnough, program).pipe(
          Effect.catchTag("ClaimLost", ({ message }) => broken(`a claim that must stand is lost: ${message}`)),
          Effect.provideService(ProjectionStore, store)
        )
      ).run
  )
})

/** Uses the store of projections. */
export const use = <A, E, R>(
  f: (store: ProjectionStore["Service"]) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R | ProjectionStore> => Effect.flatMap(ProjectionStore, f)

/** A projection that no store has seen. */
export const definition = (fields?: Partial<Definition>): Definition => ({
  name: fresh("projection"),
  version: 1,
  partitions: 1,
  mode: "async",
  types: [fresh("Counted")],
  tables: {},
  ...fields
})

/** Registers a projection that no store has seen. */
export const registered = (fields?: Partial<Definition>): Effect.Effect<Definition, StoreError, ProjectionStore> =>
  Effect.suspend(() => {
    const made = definition(fields)
    return use((store) => Effect.as(store.register(made), made))
  })

/** Registers another version of a projection. */
export const registerNext = (
  projection: Definition,
  fields?: Partial<Definition>
): Effect.Effect<Definition, StoreError, ProjectionStore> => {
  const next = { ...projection, version: projection.version + 1, ...fields }
  return use((store) => Effect.as(store.register(next), next))
}

/** Longer than any law takes. */
export const long = Duration.minutes(5)

/** Claims partitions of a version: all that nobody holds, for long, unless told otherwise. */
export const claim = (
  { name, version }: Pick<Definition, "name" | "version">,
  options?: { readonly owner?: string; readonly lease?: Duration.Duration; readonly most?: number }
): Effect.Effect<ReadonlyArray<Claim>, StoreError, ProjectionStore> =>
  use((store) => store.claim({ name, version, owner: "owner", lease: long, most: 1000, ...options }))

/** Claims the partitions of a version, which nobody holds; in order. */
export const claimAll = (
  projection: Definition
): Effect.Effect<ReadonlyArray<Claim>, StoreError | Contract.Broken, ProjectionStore> =>
  Effect.gen(function* () {
    const claims = (yield* claim(projection)).toSorted((a, b) => a.partition - b.partition)
    const partitions = claims.map(({ partition }) => partition)
    yield* same(partitions, numbers(projection.partitions), "the partitions that nobody held, as they were claimed,")
    return claims
  })

/** Claims the first partition of a version, of which nobody holds any. */
export const claimFirst = (projection: Definition) => Effect.map(claimAll(projection), ([first]) => first!)

/** Registers a projection that no store has seen, and claims its first partition. */
export const claimed = (fields?: Partial<Definition>) =>
  Effect.gen(function* () {
    const projection = yield* registered(fields)
    return { projection, claim: yield* claimFirst(projection) }
  })

/** Commits a piece of work, or only a position. */
export const commit = <E = never, R = never>(
  claim: Claim,
  to: number,
  work?: Effect.Effect<void, E, R>
): Effect.Effect<Claim, E | StoreError | ClaimLost, R | ProjectionStore> =>
  use((store) => store.commit(claim, { to, rate: 0 }, work ?? Effect.void))

export const save = (
  { generation }: { readonly generation: number },
  changes: { readonly [key: string]: Schema.Json | undefined }
): Effect.Effect<void, StoreError, ProjectionStore> =>
  use((store) => store.save(generation, new Map(Object.entries(changes))))

const numberIn = (documents: Documents, key: string): number => {
  const document = documents.get(key)
  return typeof document === "number" ? document : 0
}

/** Adds to a number that is kept under a key, in the transaction under way. */
export const add = (
  { generation }: { readonly generation: number },
  key: string,
  amount: number
): Effect.Effect<void, StoreError, ProjectionStore> =>
  use((store) =>
    Effect.gen(function* () {
      const documents = yield* store.documents(generation, [key], { lock: true })
      // Others get their turn: those that may not look at it are waiting.
      yield* Effect.yieldNow
      yield* store.save(generation, new Map([[key, numberIn(documents, key) + amount]]))
    })
  )

/** The number that readers find under a key. */
export const numberAt = (name: string, key: string): Effect.Effect<number, StoreError, ProjectionStore> =>
  use((store) => Effect.map(store.read(name, [key]), (documents) => numberIn(documents, key)))

/** All documents that readers find, by key. */
export const documentsOf = (
  name: string
): Effect.Effect<{ readonly [key: string]: Schema.Json }, StoreError, ProjectionStore> =>
  use((store) =>
    Effect.map(store.list(name, { after: undefined, limit: 10_000, where: {} }), (documents) =>
      Object.fromEntries(documents)
    )
  )

export const live = (name: string) => use((store) => store.live(name))

/** The one status of a generation's partition. */
export const statusOf = ({ generation, name, partition }: Pick<Claim, "name" | "generation" | "partition">) =>
  use((store) =>
    Effect.flatMap(store.status(name), (all) => {
      const found = all.filter((one) => one.generation === generation && one.partition === partition)
      return found.length === 1
        ? Effect.succeed(found[0]!)
        : broken(`partition ${partition} of generation ${generation} has ${found.length} statuses instead of one`)
    })
  )

/** Everything about a projection that somebody can see. */
export const everything = (name: string) =>
  use((store) =>
    Effect.gen(function* () {
      // What passes by itself is left out.
      const status = (yield* store.status(name)).map(({ lag: _lag, lagTime: _time, rate: _rate, ...rest }) => rest)
      const [live, parked, skipped] = yield* Effect.all([store.live(name), store.parked(name), store.skipped(name)])
      return { status, live, parked, skipped, documents: yield* documentsOf(name) }
    })
  )

/** That an effect leaves a projection as it was. */
export const changesNothing = <A, E, R>(what: string, name: string, effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const before = yield* everything(name)
    const answer = yield* effect
    yield* same(yield* everything(name), before, `what is kept of a projection after ${what}`)
    return answer
  })

/** That something is refused because the claim is lost, and changes nothing. */
export const isLost = <A, E extends { readonly _tag: string }, R>(
  what: string,
  { generation, name, partition }: Claim,
  effect: Effect.Effect<A, E | ClaimLost, R>
) =>
  changesNothing(
    what,
    name,
    Effect.gen(function* () {
      const result = yield* Effect.result(effect)
      if (Result.isSuccess(result)) return yield* broken(`${what} succeeded, but its claim is lost`)
      const error: { readonly _tag: string } = result.failure
      if (!(error instanceof ClaimLost)) return yield* broken(`${what} fails with ${error._tag}, not with ClaimLost`)
      const names = { projection: error.projection, generation: error.generation, partition: error.partition }
      yield* same(names, { projection: name, generation, partition }, `what the ClaimLost of ${what} names`)
    })
  )

/** That a commit of an old claim is lost, and its work is not done. */
export const commitIsLost = (what: string, old: Claim) =>
  Effect.gen(function* () {
    let isDone = false
    const work = Effect.andThen(
      Effect.sync(() => (isDone = true)),
      save(old, { old: "must not be there" })
    )
    yield* isLost(what, old, commit(old, old.position + 1, work))
    yield* holds(!isDone, `${what} is lost, but its work was done`)
  })

/** That something is refused with a `StoreError` of this reason, which says what is wrong. */
export const refused = <A, E extends { readonly _tag: string }, R>(
  what: string,
  reason: StoreReason,
  effect: Effect.Effect<A, E | StoreError, R>
) =>
  Effect.gen(function* () {
    const result = yield* Effect.result(effect)
    if (Result.isSuccess(result)) return yield* broken(`${what} is not refused`, { actual: result.success })
    const error: { readonly _tag: string; readonly reason?: unknown; readonly problem?: unknown } = result.failure
    yield* same({ _tag: error._tag, reason: error.reason }, { _tag: "StoreError", reason }, `the refusal of ${what}`)
    yield* holds(typeof error.problem === "string" && error.problem !== "", `the refusal of ${what} says nothing`)
  })

/** Tries until there is something, as long as the settings say. */
export const eventually = <A, E, R>(
  problem: string,
  effect: Effect.Effect<A | undefined, E, R>
): Effect.Effect<A, E | Contract.Broken, R> =>
  within(
    problem,
    Effect.repeat(effect, { schedule: Schedule.spaced("10 millis"), until: (found) => found !== undefined })
  ).pipe(Effect.filterOrElse(Predicate.isNotUndefined, () => broken(problem)))

/** Claims the first partition of a version as soon as nobody holds it. */
export const claimEventually = (projection: Definition, options?: { readonly owner?: string }) =>
  eventually(
    "a partition is not given to anybody, though its lease is over",
    Effect.map(claim(projection, { ...options, most: 1 }), ([first]) => first)
  )

/** A claim that is lost: its lease is over, and another one holds the partition. */
export const takenOver = (projection: Definition) =>
  Effect.gen(function* () {
    const [old] = yield* claim(projection, { owner: "slow", lease: Duration.millis(1), most: 1 })
    if (old === undefined) return yield* broken("a partition that nobody holds is not given")
    return { old, next: yield* claimEventually(projection, { owner: "next" }) }
  })

/** Appends so many events of a type, and gives the position of the last. */
export const appendEvents = (
  type: string,
  count: number
): Effect.Effect<Appended, AppendError, EventStore | ProjectionStore> =>
  // Each time it is run other events.
  Effect.suspend(() =>
    appendTo(
      freshStream(),
      numbers(count).map(() => event({ type }))
    )
  )

/** Makes a filling generation live that has nothing left but positions. */
export const takeOver = (claim: Claim, most = 1_000_000_000) =>
  Effect.flatMap(
    use((store) => store.takeOver(claim, most, () => Effect.void)),
    (isLive) => holds(isLive, "a generation with nothing left does not take over")
  )

/** What a piece of work fails with. */
export class Refused extends Data.TaggedError("Refused")<{ readonly by: string }> {}

/** How work does not come to its end, and what its transaction must then end with. */
export const endings: ReadonlyArray<{
  readonly what: string
  readonly end: Effect.Effect<never, Refused>
  readonly isRight: (exit: Exit.Exit<unknown, unknown>) => boolean
}> = [
  {
    what: "fails",
    end: Effect.fail(new Refused({ by: "the work" })),
    isRight: (exit) =>
      Exit.isFailure(exit) &&
      Option.exists(Cause.findErrorOption(exit.cause), (error) => error instanceof Refused && error.by === "the work")
  },
  {
    what: "dies",
    end: Effect.die("the work died"),
    isRight: (exit) => Exit.isFailure(exit) && Cause.hasDies(exit.cause)
  },
  {
    what: "is interrupted",
    end: Effect.interrupt,
    isRight: (exit) => Exit.isFailure(exit) && Cause.hasInterrupts(exit.cause)
  }
]
