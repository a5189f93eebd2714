/**
 * Where snapshots of states are kept: what a state had come to at a version of its stream, so that a load need not begin with the first event.
 *
 * A snapshot is a shortcut and never a source: whoever loads one holds it against what it knows, and the log is right. Who gets an error
 * here can go on without a snapshot, unless a database has given up the caller's transaction with it. That its code is a part of a snapshot's key, so that
 * no other code takes it up, is Jérémie Chassaing's.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import type { StoreError } from "./EventStore.ts"
import type { StreamName } from "./StreamName.ts"

/**
 * The longest name of code, in Unicode code points. With the longest stream name it is as much as every store can index.
 */
export const maxCodeLength = 150

/**
 * The largest state, in bytes of its JSON in UTF-8.
 */
export const maxStateBytes = 8 * 1024 * 1024

/**
 * How many levels deep a state may be nested.
 */
export const maxStateDepth = 500

/**
 * The state of a stream after one of its events.
 */
export interface Snapshot {
  /** The stream whose state it is. */
  readonly stream: StreamName
  /** The version of the last event that was folded, from 1. */
  readonly version: number
  /** The position of that event. */
  readonly position: number
  /** Comes back as `JSON.stringify` writes it: any text, keys in their order, and 0 for -0. */
  readonly state: Schema.Json
}

/**
 * The store of snapshots.
 *
 * `code` names what made a snapshot: a decider, the shape of its state, the version of its `evolve`. Snapshots of other code are not
 * seen, and stay until they are removed.
 *
 * What breaks a rule of the port is an `InvalidRequest`, and changes nothing: a name that is empty, too long or no valid Unicode, a number
 * that is none, a state that is no JSON, too large or too deep.
 *
 * @example
 * import { SnapshotStore } from "eventfold"
 * import { Effect } from "effect"
 *
 * // The snapshots of every version of the decider of this name.
 * export const forget = Effect.gen(function* () {
 *   const store = yield* SnapshotStore.SnapshotStore
 *   return yield* store.remove({ code: "account", stream: "account-ada" })
 * })
 */
export class SnapshotStore extends Context.Service<
  SnapshotStore,
  {
    /**
     * The newest snapshot of a stream that this code has made, of those at or below a version. One that was damaged, and is no JSON any
     * more, is a `StoreError` that names it: it stays until a newer one takes its place, or it is removed.
     */
    readonly load: (
      code: string,
      stream: StreamName,
      options?: { readonly upTo?: number }
    ) => Effect.Effect<Option.Option<Snapshot>, StoreError>
    /**
     * Keeps a snapshot in place of one of the same code, stream and version, and of those of this code and stream the newest `keep`, from 1:
     * one that is older than so many others is not kept. To do it again changes nothing, also after an `OutcomeUnknown`.
     *
     * No part of a transaction of the caller's, and an `InvalidRequest` inside of one: a snapshot of what was appended there would outlive its
     * rollback. Nor may a state be handed out of a transaction, to be saved by another fiber, before it is committed.
     */
    readonly save: (
      code: string,
      snapshot: Snapshot,
      options: { readonly keep: number }
    ) => Effect.Effect<void, StoreError>
    /**
     * Removes the snapshots of a stream, or of all streams, that any code whose name begins so has made: all, where that is the empty text.
     * Gives how many there were. No part of a transaction of the caller's either, and an `InvalidRequest` inside of one.
     */
    readonly remove: (options: {
      /** What the names of the codes begin with. The empty text for every code. */
      readonly code: string
      /** The stream. Every stream by default. */
      readonly stream?: StreamName
    }) => Effect.Effect<number, StoreError>
  }
>()("eventfold/SnapshotStore") {}
