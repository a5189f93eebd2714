/**
 * How a claim moves on: batches are handled and committed together with the new position. A batch that fails is divided until the event
 * is found that does, everything before it is committed, and that event is retried, and then stops the partition or is parked.
 *
 * What failed in the store is no failure of the events: it is tried again for as long as it takes, while the claim stands.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { type EventStore, StoreError, type StoreReason } from "../../../EventStore.ts"
import { type Claim, ClaimLost, type ProjectionStore } from "../../../ProjectionStore.ts"
import type { RecordedEvent } from "../../../RecordedEvent.ts"
import { complain, warn } from "../logs.ts"
import { untraced } from "../eventTraces.ts"
import { knownKeys, Lanes, parkedEvent } from "./lanes.ts"
import { makeMeter } from "./meter.ts"
import { observed } from "./observed.ts"
import { handled, HandlingFailure, isExclusive, type Phase, type Plan } from "./plan.ts"

export interface Progress<out R> {
  /** The claim as it is now. */
  readonly claim: () => Claim
  /** Handles events, the positions up to `to` then being handled. */
  readonly advance: (
    events: ReadonlyArray<RecordedEvent>,
    to: number,
    phase: Phase
  ) => Effect.Effect<void, StoreError | ClaimLost, R>
  /** Tries the parked events of a lane again, in order, up to one that fails. */
  readonly retryLane: (
    lane: string,
    phaseOf: (recorded: RecordedEvent) => Phase
  ) => Effect.Effect<void, StoreError | ClaimLost, R>
  /** Says that the partition cannot go on from where it is, and lets go of it. */
  readonly stop: (problem: string) => Effect.Effect<never, StoreError | ClaimLost>
}

export const makeProgress = <R>(
  plan: Plan<R>,
  store: ProjectionStore["Service"],
  eventStore: EventStore["Service"],
  lanes: Lanes,
  first: Claim
): Progress<R> => {
  let claim = first
  const { generation, name } = first
  const handling = plan.handling(store, { name, generation, isExclusive: isExclusive(first) })
  const measure = makeMeter()
  const { batch, failed, passed } = observed(first)

  const commit = Effect.fnUntraced(function* <E, R2>(to: number, events: number, work: Effect.Effect<void, E, R2>) {
    const rate = measure(yield* Clock.currentTimeMillis, events)
    claim = yield* store.commit(claim, { to, rate }, work)
  })

  const attempt = Effect.fnUntraced(
    function* (events: ReadonlyArray<RecordedEvent>, to: number, phase: Phase) {
      const { free, behind } = yield* Effect.fromResult(lanes.divide(plan, events))
      const work = yield* handled(handling.prepare(free, phase))
      const parking = Effect.forEach(behind, (event) => store.park(claim, event), { discard: true })
      yield* handled(commit(to, events.length, behind.length === 0 ? work : Effect.andThen(work, parking)))
      for (const { keys, lane } of behind) lanes.hold(lane, keys)
      yield* passed(events.length)
    },
    Effect.onError(() => Effect.sync(handling.forget)),
    Effect.tapErrorTag("HandlingFailure", () => failed)
  )

  /** For as long as the store is not there. Whether something was stored meanwhile, the fence will tell. */
  const persistently = <A, E, R2>(effect: Effect.Effect<A, E, R2>) =>
    Effect.suspend(() => {
      let known: StoreReason | undefined
      const say = (error: E) => {
        if (!(error instanceof StoreError) || error.reason === known) return Effect.void
        known = error.reason
        return warn("projection waits for its store", { problem: error.message })
      }
      return Effect.retry(Effect.tapError(effect, say), {
        schedule: Schedule.spaced("200 millis"),
        while: (error) => error instanceof StoreError
      })
    })

  const stopAt = (position: number, problem: string) =>
    Effect.gen(function* () {
      yield* complain("projection has failed", { position, problem })
      yield* persistently(store.fail(claim, { position, problem }))
      return yield* new ClaimLost({ projection: name, generation, partition: claim.partition })
    })

  const setAside = (event: RecordedEvent, to: number, problem: string) =>
    Effect.gen(function* () {
      const { position, stream } = event
      const keys = knownKeys(plan, event)
      if (plan.onFailure === "stop") return yield* stopAt(position, problem)
      if (keys.length > 1) return yield* stopAt(position, `${problem}; it has several keys, and so cannot be parked`)
      const lane = keys[0] ?? stream
      yield* warn("projection parks an event", { position, problem })
      yield* persistently(Effect.suspend(() => commit(to, 1, store.park(claim, { position, lane, problem }))))
      lanes.hold(lane, keys)
      yield* passed(1)
    })

  const advanceOn: Progress<R>["advance"] = (events, to, phase) => {
    const tried = persistently(attempt(events, to, phase))
    const [event] = events
    // Without events it is the store that failed.
    if (event === undefined) {
      return Effect.catchTag(tried, "HandlingFailure", ({ problem }) =>
        Effect.fail(new StoreError({ reason: "Unexpected", problem }))
      )
    }
    if (events.length === 1) {
      return Effect.retry(tried, {
        schedule: plan.retry,
        while: (error) => error instanceof HandlingFailure
      }).pipe(Effect.catchTag("HandlingFailure", ({ problem }) => setAside(event, to, problem)))
    }
    const left = events.slice(0, events.length >> 1)
    return Effect.catchTag(tried, "HandlingFailure", () =>
      Effect.andThen(
        advanceOn(left, left[left.length - 1]!.position, phase),
        Effect.suspend(() => advanceOn(events.slice(left.length), to, phase))
      )
    )
  }

  const advance: Progress<R>["advance"] = (events, to, phase) => {
    const advanced = advanceOn(events, to, phase)
    return events.length === 0 ? untraced(advanced) : batch(advanced, events)
  }

  /** Another lane that has to be retried before an event of this one. */
  const laneBefore = (lane: string, event: RecordedEvent) =>
    Effect.gen(function* () {
      const { position, stream } = event
      for (const other of lanes.holding([stream, ...knownKeys(plan, event)])) {
        if (other === lane) continue
        const [first] = yield* store.parkedIn(claim, other)
        if (first !== undefined && first.position < position) return other
      }
      return undefined
    })

  const retryLane: Progress<R>["retryLane"] = (lane, phaseOf) =>
    Effect.gen(function* () {
      for (const { position } of yield* store.parkedIn(claim, lane)) {
        const event = yield* parkedEvent(eventStore, position)
        const handle = Effect.gen(function* () {
          const other = yield* laneBefore(lane, event)
          if (other !== undefined) {
            return yield* new HandlingFailure({ problem: `events of "${other}" are parked: retry them first` })
          }
          const { free } = yield* Effect.fromResult(new Lanes().divide(plan, [event]))
          const work = yield* handled(handling.prepare(free, phaseOf(event)))
          yield* handled(commit(claim.position, 1, Effect.andThen(work, store.unpark(claim, position))))
          return true
        }).pipe(
          Effect.onError(() => Effect.sync(handling.forget)),
          Effect.tapErrorTag("HandlingFailure", () => failed),
          Effect.catchTag("HandlingFailure", ({ problem }) =>
            Effect.as(
              Effect.suspend(() => commit(claim.position, 0, store.parkAgain(claim, { position, lane, problem }))),
              false
            )
          )
        )
        if (!(yield* batch(handle, [event]))) return
      }
      lanes.free(lane)
    })

  const stop: Progress<R>["stop"] = (problem) => Effect.suspend(() => stopAt(claim.position, problem))

  return { claim: () => claim, advance, retryLane, stop }
}
