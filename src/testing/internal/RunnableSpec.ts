import * as Effect from "effect/Effect"
import * as Effectable from "effect/Effectable"
import type { DecodeError } from "../../Event.ts"
import type { AppendError, EventStore } from "../../EventStore.ts"
import type { SpecFailure } from "../SpecFailure.ts"

/**
 * A spec: an Effect that succeeds when it holds. It can also be awaited, or returned from a test, as a promise can: a test runner that knows
 * nothing of effects runs it all the same, instead of passing over it.
 */
export class RunnableSpec extends Effectable.Class<void, SpecFailure> implements PromiseLike<void> {
  readonly #pure: Effect.Effect<void, SpecFailure>
  /** The same spec against the event store that is provided. */
  readonly onStore: Effect.Effect<void, SpecFailure | AppendError | DecodeError, EventStore>

  constructor(
    pure: Effect.Effect<void, SpecFailure>,
    onStore: Effect.Effect<void, SpecFailure | AppendError | DecodeError, EventStore>
  ) {
    super()
    this.#pure = pure
    this.onStore = onStore
  }

  override asEffect(): Effect.Effect<void, SpecFailure> {
    return this.#pure
  }

  // oxlint-disable-next-line unicorn/no-thenable -- that it runs when it is awaited is the point
  then<A = void, B = never>(
    onFulfilled?: ((value: void) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null
  ): Promise<A | B> {
    return Effect.runPromise(this.#pure).then(onFulfilled, onRejected)
  }
}

/**
 * An event as it was stored, by whatever version of the code: for what is given in a spec.
 */
export class StoredEvent {
  /** The type, as it was stored. */
  readonly type: string
  /** The version of its schema, from 1. */
  readonly schemaVersion: number
  /** The JSON that was written. */
  readonly data: unknown

  constructor(type: string, schemaVersion: number, data: unknown) {
    this.type = type
    this.schemaVersion = schemaVersion
    this.data = data
  }
}
