/**
 * Where snapshots of states are kept: what a state had come to at a version of its stream, so that a load need not begin with the first event.
 *
 * A snapshot is a shortcut and never a source: whoever loads one holds it against what it knows, and the log is right.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import type { StoreError } from "./EventStore.ts"
import type { StreamName } from "./StreamName.ts"

/**
 * The state of a stream after one of its events.
 */
export interface Snapshot {
  readonly stream: StreamName
  /** The version of the last event that was folded, from 1. */
  readonly version: number
  /** The position of that event. */
  readonly position: number
  readonly state: Schema.Json
}

/**
 * The store of snapshots.
 *
 * `code` names what made a snapshot: a decider, the shape of its state, the version of its `evolve`. Snapshots of other code are not
 * seen, and stay until they are removed.
 */
export class SnapshotStore extends Context.Service<
  SnapshotStore,
  {
    /** The newest snapshot of a stream that this code has made, of those at or below a version. */
    readonly load: (
      code: string,
      stream: StreamName,
      options?: { readonly upTo?: number }
    ) => Effect.Effect<Option.Option<Snapshot>, StoreError>
    /**
     * Keeps a snapshot in place of one of the same code, stream and version, and of those of this code and stream the newest `keep`.
     * Not part of a transaction of the caller's.
     */
    readonly save: (
      code: string,
      snapshot: Snapshot,
      options: { readonly keep: number }
    ) => Effect.Effect<void, StoreError>
    /** Removes the snapshots of a stream, or of all streams, that any code whose name begins so has made. Gives how many there were. */
    readonly remove: (options: {
      readonly code: string
      readonly stream?: StreamName
    }) => Effect.Effect<number, StoreError>
  }
>()("eventfold/SnapshotStore") {}
