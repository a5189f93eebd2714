/**
 * What the laws of snapshots are written with: code that no store has seen, snapshots, and what must have become of them.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { EventStore, type StoreError } from "../../EventStore.ts"
import { ProjectionStore } from "../../ProjectionStore.ts"
import { type Snapshot, SnapshotStore } from "../../SnapshotStore.ts"
import type { StreamName } from "../../StreamName.ts"
import { appendTo, fresh, freshStream, head } from "../contract/fixtures.ts"
import * as Contract from "../contract/Law.ts"

const { broken, same } = Contract

/** What a store of snapshots is run with. */
export type Stores = EventStore | ProjectionStore | SnapshotStore

/**
 * A promise of the port of snapshots. A store that cannot be reached breaks no law: that is a `StoreError` of its own.
 */
export interface Law {
  /** What is promised, as a sentence. */
  readonly name: string
  /** Holds the store to it. Fails with what is broken. */
  readonly run: Effect.Effect<void, Contract.ContractViolation | StoreError, Stores>
}

/** How long the log is at least: the laws name positions by number, and there is none beyond the head. */
const leastHead = 200

const longEnough = Effect.flatMap(head, (position) =>
  position < leastHead ? appendTo(freshStream(), leastHead - position) : Effect.void
)

/** A law from its name, a promise in plain words, and the program that fails when a store does not keep it. */
export const law = (name: string, program: Effect.Effect<void, Contract.Failure, Stores | Scope.Scope>): Law => ({
  name,
  run: Effect.gen(function* () {
    const projections = yield* ProjectionStore
    const snapshots = yield* SnapshotStore
    const provided = Effect.andThen(longEnough, program).pipe(
      Effect.provideService(ProjectionStore, projections),
      Effect.provideService(SnapshotStore, snapshots)
    )
    yield* Contract.law(name, provided).run
  })
})

/** Code that no store has seen. */
export const freshCode = (): string => fresh("code")

/** A snapshot of a stream that no store has seen, at version 1, unless told otherwise. Its state names its version. */
export const snapshot = (fields?: Partial<Snapshot>): Snapshot => {
  const version = fields?.version ?? 1
  return { stream: freshStream(), version, position: version + 1, state: { version }, ...fields }
}

/** A snapshot of a stream at a version. */
export const at = (stream: StreamName, version: number, state?: Schema.Json): Snapshot =>
  snapshot({ stream, version, ...(state !== undefined && { state }) })

/** Keeps a snapshot, and all there are, unless told otherwise. */
export const save = (code: string, one: Snapshot, keep = 1000): Effect.Effect<void, StoreError, SnapshotStore> =>
  Effect.flatMap(SnapshotStore, (store) => store.save(code, one, { keep }))

/** Keeps snapshots of a stream at some versions, one after the other. */
export const saveAll = (
  code: string,
  stream: StreamName,
  versions: ReadonlyArray<number>,
  keep?: number
): Effect.Effect<void, StoreError, SnapshotStore> =>
  Effect.forEach(versions, (version) => save(code, at(stream, version), keep), { discard: true })

/** The newest snapshot there is, or `undefined`. */
export const load = (
  code: string,
  stream: StreamName,
  upTo?: number
): Effect.Effect<Snapshot | undefined, StoreError, SnapshotStore> =>
  Effect.flatMap(SnapshotStore, (store) =>
    Effect.map(store.load(code, stream, upTo === undefined ? undefined : { upTo }), Option.getOrUndefined)
  )

export const remove = (code: string, stream?: StreamName): Effect.Effect<number, StoreError, SnapshotStore> =>
  Effect.flatMap(SnapshotStore, (store) => store.remove(stream === undefined ? { code } : { code, stream }))

/** That a load finds just this. */
export const finds = (
  what: string,
  [code, stream, upTo]: readonly [code: string, stream: StreamName, upTo?: number],
  expected: Snapshot | undefined
): Effect.Effect<void, Contract.Broken | StoreError, SnapshotStore> =>
  Effect.flatMap(load(code, stream, upTo), (found) => same(found, expected, what))

/** The versions of all the snapshots of a stream, the newest first. */
export const versionsOf = (
  code: string,
  stream: StreamName
): Effect.Effect<ReadonlyArray<number>, Contract.Broken | StoreError, SnapshotStore> =>
  Effect.gen(function* () {
    const versions: Array<number> = []
    let upTo = 1_000_000_000
    while (upTo > 0) {
      const found = yield* load(code, stream, upTo)
      if (found === undefined) break
      if (found.version > upTo) {
        return yield* broken(`a load up to version ${upTo} gives a snapshot at version ${found.version}`)
      }
      versions.push(found.version)
      upTo = found.version - 1
    }
    return versions
  })

/** That these versions are kept of a stream, the newest first, and no others. */
export const keeps = (
  what: string,
  code: string,
  stream: StreamName,
  expected: ReadonlyArray<number>
): Effect.Effect<void, Contract.Broken | StoreError, SnapshotStore> =>
  Effect.flatMap(versionsOf(code, stream), (versions) => same(versions, expected, what))

/** That something is refused as an `InvalidRequest`, which says what is wrong. */
export const refused = <A, E extends { readonly _tag: string }, R>(
  what: string,
  effect: Effect.Effect<A, E | StoreError, R>
): Effect.Effect<void, Contract.Broken, R> =>
  Effect.gen(function* () {
    const result = yield* Effect.result(effect).pipe(
      Effect.catchDefect((defect) => broken(`${what} is not refused, but the store died`, { actual: String(defect) }))
    )
    if (Result.isSuccess(result)) return yield* broken(`${what} is not refused`)
    const error: { readonly _tag: string; readonly reason?: unknown; readonly problem?: unknown } = result.failure
    const expected = { _tag: "StoreError", reason: "InvalidRequest" }
    yield* same({ _tag: error._tag, reason: error.reason }, expected, `the refusal of ${what}`)
    yield* Contract.holds(
      typeof error.problem === "string" && error.problem !== "",
      `the refusal of ${what} says nothing`
    )
  })

/** Names that are alike, and have been trouble: quotes, patterns, escapes, every direction and plane. */
export const alike: ReadonlyArray<string> = [
  "a",
  "A",
  "a ",
  " a",
  "a/1",
  "a/10",
  "a%",
  "a_",
  "a*",
  "ab",
  "a\\",
  "a\\%",
  "it's",
  `"quoted"`,
  "$1",
  "{a,b}",
  "null",
  "NULL",
  "a\tb\nc",
  "__proto__",
  "constructor",
  "\u00e9",
  "e\u0301",
  "ß",
  "👍",
  "👩‍👩‍👧‍👦",
  "\u202eright to left",
  "日本語",
  "\uffff"
]
