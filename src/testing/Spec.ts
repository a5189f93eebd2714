/* oxlint-disable unicorn/no-thenable -- given, when, then; see `expectation` */
/**
 * Specs: the rules of a domain as given, when, then. Exact and in order, with everything passed through the codecs.
 *
 * A spec is an Effect, and can be awaited or returned like a promise: vitest, node:test or anything else can run it. As it
 * stands it runs purely; `onStore` runs the same spec against whatever event store is provided. "Given, when, then" over events is Greg Young's.
 *
 * @example
 * import { Decider, Event } from "eventfold"
 * import { Spec } from "eventfold/testing"
 * import { Effect, Schema } from "effect"
 *
 * const counter = Decider.make({
 *   name: "counter",
 *   state: Schema.Int,
 *   initial: 0,
 *   commands: Schema.TaggedUnion({ Increment: {} }),
 *   events: Event.define({ Incremented: {} })
 * })
 *   .evolve({ Incremented: (count) => count + 1 })
 *   .decide({ Increment: () => [{ _tag: "Incremented" }] })
 *
 * const { given } = Spec.decider(counter)
 *
 * await Effect.runPromise(
 *   given([{ _tag: "Incremented" }]).when({ _tag: "Increment" }).then([{ _tag: "Incremented" }])
 * )
 */
import type * as DateTime from "effect/DateTime"
import type * as Schema from "effect/Schema"
import type * as Decider from "../Decider.ts"
import type { Tagged } from "../Event.ts"
import type { Metadata } from "../RecordedEvent.ts"
import type { StreamName } from "../StreamName.ts"
import type { Any as AnyView, KeyedView, View } from "../View.ts"
import { DeciderSpec, type Expectation, type WhenOptions } from "./internal/DeciderSpec.ts"
import { StoredEvent } from "./internal/RunnableSpec.ts"
import { type Happened, ViewSpec } from "./internal/ViewSpec.ts"

export { SpecFailure } from "./SpecFailure.ts"
export type { DeciderSpec, Happened, StoredEvent, ViewSpec, WhenOptions }

/**
 * What a command must come to.
 */
export interface Then<State, Event, Rejection> {
  /** Just these events, in this order. */
  readonly then: (events: ReadonlyArray<Event>) => DeciderSpec
  /** This rejection, with these fields. */
  readonly thenFails: (rejection: Rejection) => DeciderSpec
  /** No event and no rejection. */
  readonly thenNothing: () => DeciderSpec
  /** This state, after whatever events. */
  readonly thenState: (state: State) => DeciderSpec
}

/**
 * A `then` that is no promise's: awaited, or returned from an async function, a spec without its expectation is handed two
 * functions, and says so instead of passing unseen.
 */
const expectation =
  <Expected, Spec>(make: (expected: Expected) => Spec) =>
  (expected: Expected, ...rest: ReadonlyArray<unknown>): Spec => {
    const [reject] = rest
    return typeof reject === "function"
      ? reject(new TypeError("this spec says not yet what to expect: call then, thenFails, thenNothing or thenState"))
      : make(expected)
  }

/**
 * The spec language of a decider.
 */
export const decider = <S, C extends Tagged, E extends Tagged, X extends Record<C["_tag"], unknown>, R extends Tagged>(
  self: Decider.Decider<S, C, E, X, R>
) => ({
  /** What has happened before. */
  given: (history: ReadonlyArray<R | StoredEvent>) => ({
    /** The command that is decided now. */
    when: <Tag extends C["_tag"]>(
      command: C & { readonly _tag: Tag },
      options: WhenOptions = {}
    ): Then<S, E, X[Tag]> => {
      const expecting = (expectation: Expectation<S, E>) =>
        new DeciderSpec(self, history, command, options, expectation)
      return {
        then: expectation((events) => expecting({ _tag: "Events", events })),
        thenFails: (rejection) => expecting({ _tag: "Rejection", rejection }),
        thenNothing: () => expecting({ _tag: "Events", events: [] }),
        thenState: (state) => expecting({ _tag: "State", state })
      }
    }
  })
})

/**
 * An event as it was stored, as an older version of its type or under a name it no longer has: what the versions of a domain are
 * proven with. `data` is the JSON that was written then.
 */
export const stored = (type: string, schemaVersion: number, data: Schema.Json): StoredEvent =>
  new StoredEvent(type, schemaVersion, data)

/**
 * An event with its circumstances, for a view that looks at them.
 */
export const recorded = <E extends Tagged>(
  event: E | StoredEvent,
  circumstances: {
    readonly stream?: StreamName
    readonly at?: DateTime.DateTime.Input
    readonly metadata?: Metadata
  }
): Happened<E> => ({ ...circumstances, event })

interface ViewGiven<E extends Tagged, Expected> {
  /** What has happened, in order; with {@link recorded} where the circumstances matter. */
  readonly given: (history: ReadonlyArray<E | StoredEvent | Happened<E>>) => {
    /** What the view must show: its model, or of a keyed view all models by key. */
    readonly then: (expected: Expected) => ViewSpec
  }
}

/**
 * The spec language of a view.
 */
export function view<Model, E extends Tagged>(self: View<Model, E>): ViewGiven<E, Model>
export function view<Model, E extends Tagged>(
  self: KeyedView<Model, E>
): ViewGiven<E, { readonly [key: string]: Model }>
export function view(self: AnyView): ViewGiven<Tagged, unknown> {
  return { given: (history) => ({ then: expectation((expected) => new ViewSpec(self, history, expected)) }) }
}
