/**
 * What a law is: a promise of the port as a program that any store can be held to, and the report when it is broken.
 *
 * A law is a value: it runs without a test framework, against whatever store is provided. It takes its names and ids
 * fresh, so the store may hold anything already; its random choices come from a seed, which the report names. Each law
 * must have the store to itself while it runs, because it looks at the head of the log.
 */
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Formatter from "effect/Formatter"
import * as Predicate from "effect/Predicate"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { AppendError, EventStore, StoreError } from "../../EventStore.ts"

/**
 * A store does not keep a promise of the port.
 */
export class ContractViolation extends Schema.TaggedError<ContractViolation>("eventfold/ContractViolation")(
  "ContractViolation",
  {
    /** The name of the law that is broken. */
    law: Schema.String,
    /** What happened that must not happen. */
    problem: Schema.String,
    /** Runs the law with the same random choices. What fibers do at the same time is not among them. */
    seed: Schema.String,
    /** What should have come, where there is a value to show. */
    expected: Schema.optionalKey(Schema.Unknown),
    /** What came instead. */
    actual: Schema.optionalKey(Schema.Unknown)
  }
) {
  override get message(): string {
    const shown = (["expected", "actual"] as const)
      .filter((side) => side in this)
      .map((side) => `\n  ${side}: ${shorten(Formatter.format(this[side]))}`)
    return `"${this.law}" is broken: ${this.problem}${shown.join("")}\n  seed: ${this.seed}`
  }
}

const shorten = (text: string): string => (text.length > 800 ? `${text.slice(0, 800)}...` : text)

/**
 * A promise of the port. A store that cannot be reached breaks no law: that is a `StoreError` of its own.
 */
export interface Law {
  /** What is promised, as a sentence. */
  readonly name: string
  /** Holds the store to it. Fails with what is broken. */
  readonly run: Effect.Effect<void, ContractViolation | StoreError, EventStore>
}

/**
 * How laws are run.
 */
export interface Settings {
  /** Where random choices come from; another one each time by default. */
  readonly seed?: string | undefined
  /** How long a law waits for something that the store must do before it says that the store does not do it. */
  readonly patience: Duration.Input
}

/**
 * The settings of the laws that are run: provide others with `Effect.provideService`.
 */
export const Settings: Context.Reference<Settings> = Context.Reference("eventfold/testing/contract/Settings", {
  defaultValue: (): Settings => ({ patience: "15 seconds" })
})

/** What a law's program fails with, before it is known which law it is. */
class Broken extends Schema.TaggedError<Broken>("eventfold/testing/contract/Broken")("Broken", {
  problem: Schema.String,
  expected: Schema.optionalKey(Schema.Unknown),
  actual: Schema.optionalKey(Schema.Unknown)
}) {}

export type { Broken }

/** What a law's program may fail with: a broken promise, or an answer of the store that it did not ask for. */
export type Failure = Broken | AppendError

const toViolation = (name: string, seed: string, failure: Failure): ContractViolation | StoreError => {
  if (failure._tag === "Broken") {
    const { _tag: _, problem, ...sides } = failure
    const shown = {
      ...("expected" in sides && { expected: sides.expected }),
      ...("actual" in sides && { actual: sides.actual })
    }
    return new ContractViolation({ law: name, problem, seed, ...shown })
  }
  if (failure._tag === "StoreError" && failure.isRetryable) return failure
  const problem = `the store failed where it must not, with ${failure._tag}: ${failure.message}`
  return new ContractViolation({ law: name, problem, seed })
}

/**
 * A law from its name, a promise in plain words, and the program that fails when a store does not keep it.
 */
export const law = (name: string, program: Effect.Effect<void, Failure, EventStore | Scope.Scope>): Law => ({
  name,
  run: Effect.gen(function* () {
    const { seed = crypto.randomUUID().slice(0, 8) } = yield* Settings
    yield* within("the law did not end", Effect.scoped(program), 2).pipe(
      Effect.catchDefect((defect) => broken(`the store died with ${Formatter.format(defect)}`)),
      Effect.mapError((failure) => toViolation(name, seed, failure)),
      Random.withSeed(`${seed} ${name}`)
    )
  })
})

/** The failure of a law's program. */
export const broken = (
  problem: string,
  sides?: { readonly expected?: unknown; readonly actual?: unknown }
): Effect.Effect<never, Broken> => Effect.fail(new Broken({ problem, ...sides }))

/** Fails unless something holds. */
export const holds = (condition: boolean, problem: string, actual?: unknown): Effect.Effect<void, Broken> =>
  condition ? Effect.void : broken(problem, actual === undefined ? {} : { actual })

/** Fails unless a value is the same as what was expected, as JSON is the same, and says where they differ. */
export const same = (actual: unknown, expected: unknown, what: string): Effect.Effect<void, Broken> =>
  Effect.suspend(() => {
    const path = difference(actual, expected)
    if (path === undefined) return Effect.void
    const problem = `${what} is not what it must be`
    if (path === "" || !Array.isArray(actual) || !Array.isArray(expected)) {
      return broken(path === "" ? problem : `${problem}, at ${path}`, { expected, actual })
    }
    // Of a list only the first element that differs is shown, or nobody would find it.
    const index = Number.parseInt(path.slice(1), 10)
    const lengths =
      actual.length === expected.length ? "" : ` (${actual.length} elements instead of ${expected.length})`
    return broken(`${problem}, at ${path}${lengths}`, { expected: expected[index], actual: actual[index] })
  })

/** Where two JSON values differ, or `undefined`. The order of keys does not matter; instants are compared as instants. */
const difference = (a: unknown, b: unknown): string | undefined => {
  if (a === b) return undefined
  if (DateTime.isDateTime(a) && DateTime.isDateTime(b))
    return a.epochMilliseconds === b.epochMilliseconds ? undefined : ""
  if (!Predicate.isObjectOrArray(a) || !Predicate.isObjectOrArray(b) || Array.isArray(a) !== Array.isArray(b)) return ""
  const keys = new Set([...Object.keys(a), ...Object.keys(b)])
  for (const key of keys) {
    if (!Object.hasOwn(a, key) || !Object.hasOwn(b, key)) return `[${key}]`
    const inside = difference(Reflect.get(a, key), Reflect.get(b, key))
    if (inside !== undefined) return `[${key}]${inside}`
  }
  return undefined
}

/** Waits no longer than the settings say, times a factor. */
export const within = <A, E, R>(
  problem: string | (() => string),
  effect: Effect.Effect<A, E, R>,
  factor = 1
): Effect.Effect<A, E | Broken, R> =>
  Effect.gen(function* () {
    const { patience } = yield* Settings
    return yield* Effect.timeoutOrElse(effect, {
      duration: Duration.times(Duration.fromInputUnsafe(patience), factor),
      orElse: () => broken(typeof problem === "string" ? problem : problem())
    })
  })
