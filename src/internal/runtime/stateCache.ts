/**
 * States by stream, in memory: what a stream's events up to a version come to. The log is never changed, so that stays true; whether it is
 * the latest is another question, which the store answers.
 *
 * States are frozen, as far as they are plain objects and arrays: nobody who is given one can change what the next one is given.
 */
import type * as Decider from "../../Decider.ts"
import { deepFreeze } from "../kernel/freeze.ts"
import type { StreamName } from "../../StreamName.ts"
import { type Bounded, makeBounded } from "./bounded.ts"
import type { Loaded } from "./loaded.ts"

/** A state that is kept. */
export interface Cached<out State> {
  readonly loaded: Loaded<State>
  /** When it was known to be the latest, in milliseconds of the clock. */
  readonly asOf: number
  /** The version of the newest snapshot that is known of, 0 without one. */
  readonly snapshotAt: number
  /** Whether others were seen to write to the stream, or may have. */
  readonly isShared: boolean
}

interface Entry<out State> extends Cached<State> {
  readonly weight: number
  /** The version at which it was weighed. */
  readonly weighedAt: number
}

export interface StateCache<in out State> {
  readonly get: (stream: StreamName) => Cached<State> | undefined
  readonly keep: (stream: StreamName, cached: Cached<State>) => void
  /** There may be more in the stream than is known here. */
  readonly doubt: (stream: StreamName) => void
}

/**
 * A state is weighed again once for each so many bytes of it that events have come: a large one with each event would cost more to weigh than
 * to fold, and what it may have grown by meanwhile is bounded by what so many events hold.
 */
const bytesAnEvent = 64 * 1024

/**
 * About the bytes of a value, up to `most`. What occurs in it twice counts once.
 */
export const weigh = (value: unknown, most: number): number => {
  const seen = new Set<object>()
  const rest: Array<unknown> = [value]
  let weight = 0
  while (rest.length > 0 && weight < most) {
    const one = rest.pop()
    weight += typeof one === "string" ? 2 * one.length : 8
    if (typeof one !== "object" || one === null || seen.has(one)) continue
    seen.add(one)
    if (ArrayBuffer.isView(one) || one instanceof ArrayBuffer) weight += one.byteLength
    else if (one instanceof Map) for (const [key, member] of one) rest.push(key, member)
    else if (one instanceof Set || Array.isArray(one)) for (const member of one) rest.push(member)
    else
      for (const [key, member] of Object.entries(one)) {
        weight += 2 * key.length
        rest.push(member)
      }
  }
  return weight
}

export const makeStateCache = <D extends Decider.Any>(
  decider: D,
  most: { readonly entries: number; readonly bytes: number }
): StateCache<Decider.State<D>> => {
  const entries: Bounded<Entry<Decider.State<D>>> = makeBounded({ entries: most.entries, weight: most.bytes })
  /** What throws here has been stored already: there is nobody to tell, and nothing to keep. */
  const isOver = (state: Decider.State<D>): boolean => {
    try {
      return decider.isTerminal(state)
    } catch {
      return true
    }
  }
  return {
    get: (stream) => {
      entries.touch(stream)
      return entries.get(stream)
    },
    doubt: (stream) => {
      const entry = entries.get(stream)
      if (entry !== undefined) entries.set(stream, { ...entry, isShared: true }, entry.weight)
    },
    keep: (stream, cached) => {
      const { loaded } = cached
      const before = entries.get(stream)
      if (before !== undefined && before.loaded.version > loaded.version) return
      if (most.entries === 0 || loaded.version === 0) return
      if (isOver(loaded.state)) return entries.remove(stream)
      deepFreeze(loaded.state)
      const isWeighed =
        before !== undefined && loaded.version - before.weighedAt < Math.floor(before.weight / bytesAnEvent)
      const { weight, weighedAt } = isWeighed
        ? before
        : { weight: weigh(loaded.state, most.bytes + 1), weighedAt: loaded.version }
      const snapshotAt = Math.max(cached.snapshotAt, before?.snapshotAt ?? 0)
      entries.set(stream, { ...cached, snapshotAt, weight, weighedAt }, weight)
      entries.trim()
    }
  }
}
