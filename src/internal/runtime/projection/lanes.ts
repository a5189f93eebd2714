/**
 * What is parked in a partition, and which events come behind it.
 *
 * An event that fails is parked in the lane of its key, or in that of its stream where its key cannot be told. Behind it come the later ones
 * of that key or stream. What comes behind a stream holds up its own key in turn: so a key may be held by several lanes.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { Decoded, Tagged } from "../../../Event.ts"
import type { EventStore, StoreError } from "../../../EventStore.ts"
import type { Claim, ProjectionStore } from "../../../ProjectionStore.ts"
import type { RecordedEvent } from "../../../RecordedEvent.ts"
import { HandlingFailure, type Plan } from "./plan.ts"

/** What an event decodes to, unless it does not. */
const eventsOf = (plan: Plan<unknown>, recorded: RecordedEvent) =>
  Result.mapError(plan.decode(recorded), ({ message }) => new HandlingFailure({ problem: message }))

/** The keys of an event, unless it does not decode or its key cannot be told. */
const keysOf = (plan: Plan<unknown>, recorded: RecordedEvent): Result.Result<ReadonlyArray<string>, HandlingFailure> =>
  Result.flatMap(eventsOf(plan, recorded), (events) =>
    Result.try({
      try: () => Array.from(new Set(events.map(plan.laneOf))),
      catch: (error) => new HandlingFailure({ problem: String(error) })
    })
  )

/** The keys that an event is known to have. */
export const knownKeys = (plan: Plan<unknown>, recorded: RecordedEvent): ReadonlyArray<string> =>
  Result.getOrElse(keysOf(plan, recorded), () => [])

/** The event of a parked position. */
export const parkedEvent = (
  eventStore: EventStore["Service"],
  position: number
): Effect.Effect<RecordedEvent, StoreError> =>
  Effect.map(Stream.runCollect(eventStore.readLog({ from: position, to: position })), ([recorded]) => recorded!)

/** An event that comes behind parked ones. */
export interface Behind {
  readonly position: number
  readonly lane: string
  readonly problem: ""
  readonly keys: ReadonlyArray<string>
}

export class Lanes {
  /** By key or stream, the lanes that hold it up, in the order in which they came to. */
  readonly #holding = new Map<string, Set<string>>()

  hold(lane: string, names: ReadonlyArray<string>): void {
    for (const name of [lane, ...names]) {
      const lanes = this.#holding.get(name) ?? new Set()
      this.#holding.set(name, lanes)
      lanes.delete(lane)
      lanes.add(lane)
    }
  }

  free(lane: string): void {
    for (const [name, lanes] of this.#holding) if (lanes.delete(lane) && lanes.size === 0) this.#holding.delete(name)
  }

  /** The lanes that hold an event up, the one that it is to come behind first. */
  holding(names: ReadonlyArray<string>): ReadonlyArray<string> {
    return names.flatMap((name) => Array.from(this.#holding.get(name) ?? []).toReversed())
  }

  /** Divides events into those that can be handled, decoded, and those that come behind parked ones. */
  divide(plan: Plan<unknown>, batch: ReadonlyArray<RecordedEvent>) {
    const holding = new Lanes()
    for (const [name, lanes] of this.#holding) holding.#holding.set(name, new Set(lanes))
    const free: Array<Decoded<Tagged>> = []
    const behind: Array<Behind> = []
    for (const recorded of batch) {
      const { position, stream } = recorded
      const isFree = holding.#holding.size === 0
      const keys = isFree ? Result.succeed([]) : keysOf(plan, recorded)
      const known = Result.getOrElse(keys, () => [])
      const [lane] = isFree ? [] : holding.holding([stream, ...known])
      if (lane === undefined) {
        const events = Result.andThen(keys, eventsOf(plan, recorded))
        if (Result.isFailure(events)) return Result.fail(events.failure)
        for (const decoded of events.success) free.push(decoded)
      } else if (known.length > 1) {
        const problem = `it belongs to several keys, and events of "${lane}" are parked`
        return Result.fail(new HandlingFailure({ problem }))
      } else {
        behind.push({ position, lane, problem: "", keys: known })
        holding.hold(lane, known)
      }
    }
    return Result.succeed({ free, behind })
  }
}

/** The lanes of a partition as they are stored. */
export const lanesOf = (
  plan: Plan<unknown>,
  store: ProjectionStore["Service"],
  eventStore: EventStore["Service"],
  claim: Claim
): Effect.Effect<Lanes, StoreError> =>
  Effect.gen(function* () {
    const lanes = new Lanes()
    const behind: Array<{ readonly position: number; readonly lane: string; readonly keys: ReadonlyArray<string> }> = []
    for (const lane of claim.parked) {
      lanes.hold(lane, [])
      for (const [index, { position }] of (yield* store.parkedIn(claim, lane)).entries()) {
        const keys = knownKeys(plan, yield* parkedEvent(eventStore, position))
        // In the lane of a key all are of that key.
        if (index === 0 && keys.includes(lane)) break
        behind.push({ position, lane, keys })
      }
    }
    for (const { lane, keys } of behind.toSorted((a, b) => a.position - b.position)) lanes.hold(lane, keys)
    return lanes
  })
