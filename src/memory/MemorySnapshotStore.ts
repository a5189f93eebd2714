/**
 * The reference of the store of snapshots: the whole contract of its port over a map, beside the log of the memory store. It lives as
 * long as its process.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import { StoreError } from "../EventStore.ts"
import { checkLoad, checkRemove, checkSave } from "../internal/adapter/snapshot.ts"
import { type Snapshot, SnapshotStore } from "../SnapshotStore.ts"
import type { StreamName } from "../StreamName.ts"
import type { Database } from "./database.ts"

/** As text: what one reader does with a state is no other's affair. */
interface Kept extends Omit<Snapshot, "state"> {
  readonly json: string
}

const toSnapshot = ({ json, ...rest }: Kept): Snapshot => ({ ...rest, state: JSON.parse(json) })

/** Snapshots beside a log in memory. */
export const over = ({ inTransaction }: Database): SnapshotStore["Service"] => {
  /** They are not taken back with a transaction that fails. */
  const outside = (what: string): Effect.Effect<void, StoreError> =>
    Effect.flatMap(inTransaction, (isInside) =>
      isInside
        ? Effect.fail(new StoreError({ reason: "InvalidRequest", problem: `${what} cannot be done in a transaction` }))
        : Effect.void
    )

  /** By code and stream, the newest first. */
  const kept = new Map<string, Map<StreamName, ReadonlyArray<Kept>>>()

  return SnapshotStore.of({
    load: (code, stream, { upTo = Number.MAX_SAFE_INTEGER } = {}) =>
      Effect.suspend(() =>
        Effect.fromResult(
          Result.map(checkLoad(code, stream, upTo), () => {
            const newest = kept
              .get(code)
              ?.get(stream)
              ?.find(({ version }) => version <= upTo)
            return Option.map(Option.fromUndefinedOr(newest), toSnapshot)
          })
        )
      ),

    save: Effect.fnUntraced(function* (code, snapshot, { keep }) {
      const json = yield* Effect.fromResult(checkSave(code, snapshot, keep))
      yield* outside("keeping a snapshot")
      const { position, stream, version } = snapshot
      const streams = kept.get(code) ?? new Map<StreamName, ReadonlyArray<Kept>>()
      const others = (streams.get(stream) ?? []).filter((other) => other.version !== version)
      const all = [...others, { stream, version, position, json }].toSorted((a, b) => b.version - a.version)
      kept.set(code, streams.set(stream, all.slice(0, keep)))
    }),

    remove: Effect.fnUntraced(function* (options) {
      yield* Effect.fromResult(checkRemove(options))
      yield* outside("removing snapshots")
      let removed = 0
      for (const [code, streams] of kept) {
        if (!code.startsWith(options.code)) continue
        for (const [stream, snapshots] of streams) {
          if (options.stream !== undefined && stream !== options.stream) continue
          removed += snapshots.length
          streams.delete(stream)
        }
        if (streams.size === 0) kept.delete(code)
      }
      return removed
    })
  })
}
