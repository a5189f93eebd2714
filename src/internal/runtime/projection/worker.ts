/**
 * What runs one claim: reads the log from its position on, and handles it batch by batch, until the claim is lost.
 *
 *     Filling --- reaches the live generation ---> takes over ---> (claim lost, taken again as) Live
 *
 * A filling generation never goes beyond the live one. So whatever is above the point where it takes over has been handled by nobody before.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import { type EventStore, isWaitedFor, StoreError } from "../../../EventStore.ts"
import { type Claim, ClaimLost, type ProjectionStore, type Standing } from "../../../ProjectionStore.ts"
import type { RecordedEvent } from "../../../RecordedEvent.ts"
import { debug } from "../logs.ts"
import { untraced } from "../eventTraces.ts"
import { lanesOf } from "./lanes.ts"
import { makePace, mostWeight, weightOfPage } from "./pace.ts"
import { partitionOf } from "./partition.ts"
import { handled, type Phase, type Plan } from "./plan.ts"
import { makeProgress } from "./progress.ts"

/** What a worker has to do next: to handle what was read, to try parked events again, to look again at what was put off. */
export type Message = "Read" | "Retry" | "Nudge"

export type Inbox = Queue.Queue<Message, StoreError>

/** How long a claim is held without being renewed. */
export const lease = Duration.seconds(2)
/** What is left when a generation takes over, at most: for so long the live one stands still. */
const closeEnough = 1000
/** How long a position may be behind, in milliseconds, when there was nothing to handle. */
const idleCommitMillis = 100

/** The position up to which every event of a partition was handled before, or was there when the first generation was made. */
const coveredTo = (standing: Standing, { partition, partitions }: Claim): number => {
  if (standing._tag === "Filling") return Number.isFinite(standing.upTo) ? standing.upTo : 0
  if (standing._tag === "Retired") return 0
  const covered = standing.replayedTo.map((positions) =>
    positions.length === partitions ? positions[partition]! : Math.min(...positions)
  )
  return Math.max(0, ...covered)
}

/** Whether the store does not let a generation take over, and not because it is away. */
const isRefused = (error: unknown): error is StoreError => error instanceof StoreError && !isWaitedFor(error)

export const makeInbox: Effect.Effect<Inbox> = Queue.bounded<Message, StoreError>(4)

/**
 * Runs a claim until it is lost. Fails only with what a subscription fails with, and does not wait for.
 */
export const runClaim = <R>(
  plan: Plan<R>,
  store: ProjectionStore["Service"],
  eventStore: EventStore["Service"],
  first: Claim,
  inbox: Inbox
): Effect.Effect<never, StoreError | ClaimLost, R | Scope.Scope> =>
  Effect.gen(function* () {
    let standing = first.standing
    const lanes = yield* lanesOf(plan, store, eventStore, first)
    const progress = makeProgress(plan, store, eventStore, lanes, first)
    const isMine = (recorded: RecordedEvent): boolean =>
      partitionOf(recorded.stream, first.partitions) === first.partition && !first.skipped.has(recorded.position)

    const lost = Effect.suspend(() => {
      const { name, generation, partition } = first
      return Effect.fail(new ClaimLost({ projection: name, generation, partition }))
    })

    const phaseOf = (recorded: RecordedEvent): Phase => {
      if (standing._tag !== "Live") return "rebuild"
      const { replayedTo } = standing
      const isCovered = replayedTo.some(
        (positions) => recorded.position <= positions[partitionOf(recorded.stream, positions.length)]!
      )
      return isCovered ? "rebuild" : "live"
    }

    const pace = makePace(plan.most)
    const advanceTogether: typeof progress.advance = Effect.fnUntraced(function* (events, to, phase) {
      const began = yield* Clock.currentTimeMillis
      yield* progress.advance(events, to, phase)
      pace.took(events.length, (yield* Clock.currentTimeMillis) - began)
    })

    /** In batches, each of one phase where that makes a difference. */
    const advance = (
      events: ReadonlyArray<RecordedEvent>,
      to: number
    ): Effect.Effect<void, StoreError | ClaimLost, R> => {
      const [one] = events
      const phase = one === undefined ? "live" : phaseOf(one)
      const change = plan.hasPhases ? events.findIndex((recorded) => phaseOf(recorded) !== phase) : -1
      const together = change === -1 ? events.length : change
      // A little too many is better than a few left over.
      const end = together > 2 * pace.events() ? pace.events() : together
      if (end === events.length) return advanceTogether(events, to, phase)
      return Effect.andThen(
        advanceTogether(events.slice(0, end), events[end - 1]!.position, phase),
        Effect.suspend(() => advance(events.slice(end), to))
      )
    }

    let isNudged = false
    const nudge = Effect.suspend(() => {
      if (isNudged) return Effect.void
      isNudged = true
      return Effect.forkScoped(Effect.delay(Queue.offer(inbox, "Nudge"), idleCommitMillis))
    })

    // What was read ahead.
    let read: Array<RecordedEvent> = []
    let readTo = first.position
    let readWeight = 0
    // What of it was taken, and is not handled yet.
    let rest: Array<RecordedEvent> = []
    let upTo = first.position
    let idleSince = 0

    const advanceLive = Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      if (upTo <= progress.claim().position && rest.length === 0) return
      // A position alone is not worth a transaction each time.
      if (rest.length === 0 && now - idleSince < idleCommitMillis) return yield* nudge
      idleSince = now
      const events = rest
      rest = []
      yield* advance(events, upTo)
    })

    /** What is asked for is told by the store: who was busy may have been told several times. */
    const retryAsked = Effect.gen(function* () {
      const renewed = yield* store.renew([progress.claim()], lease)
      for (const { retry } of renewed) for (const lane of retry) yield* progress.retryLane(lane, phaseOf)
    })

    const finish = (
      parts: ReadonlyArray<{ readonly partition: number; readonly after: number; readonly upTo: number }>
    ) =>
      Effect.gen(function* () {
        const { name, generation, partitions } = first
        const [parked, skipped] = yield* Effect.all([store.parked(name), store.skipped(name)])
        for (const { partition, after, upTo } of parts) {
          if (after >= upTo) continue
          const isHere = (one: { readonly generation: number; readonly partition: number }): boolean =>
            one.generation === generation && one.partition === partition
          const passed = new Set(skipped.filter(isHere).map(({ position }) => position))
          const recorded = yield* Stream.runCollect(
            eventStore
              .readLog({ from: after + 1, to: upTo, query: plan.query })
              .pipe(
                Stream.filter(
                  ({ position, stream }) => partitionOf(stream, partitions) === partition && !passed.has(position)
                )
              )
          )
          const its = { ...first, partition, parked: new Set(parked.filter(isHere).map(({ lane }) => lane)) }
          const lanes = yield* lanesOf(plan, store, eventStore, its)
          const { free, behind } = yield* Effect.fromResult(lanes.divide(plan, recorded))
          const handling = plan.handling(store, { name, generation, isExclusive: false })
          yield* Effect.flatten(handling.prepare(free, "rebuild"))
          yield* Effect.forEach(behind, (event) => store.park(its, event), { discard: true })
        }
      })

    const takeOver = Effect.gen(function* () {
      const isLive = yield* store
        .takeOver(progress.claim(), closeEnough, (parts) => handled(finish(parts)))
        .pipe(
          // It is found, and dealt with, on the ordinary way.
          Effect.catchTag("HandlingFailure", () => Effect.succeed(false)),
          Effect.retry({ schedule: plan.retry, while: isRefused }),
          Effect.catchIf(isRefused, ({ message }) => progress.stop(`it cannot take over: ${message}`)),
          untraced
        )
      if (isLive) yield* debug("projection has taken over", () => ({ position: progress.claim().position }))
      return isLive ? yield* lost : yield* nudge
    })

    const advanceFilling = Effect.gen(function* () {
      standing = yield* untraced(store.standing(progress.claim()))
      if (standing._tag === "Retired") return yield* lost
      if (standing._tag === "Live") return yield* advanceLive
      const bound = Math.min(upTo, standing.upTo)
      const end = rest.findIndex(({ position }) => position > bound)
      const events: ReadonlyArray<RecordedEvent> = end === -1 ? rest : rest.slice(0, end)
      rest = end === -1 ? [] : rest.slice(end)
      if (bound > progress.claim().position) yield* advance(events, bound)
      const aim = Number.isFinite(standing.upTo) ? standing.upTo : yield* untraced(eventStore.head)
      if (aim - progress.claim().position <= closeEnough) yield* takeOver
    })

    const passed = plan.isLiveOnly === true ? coveredTo(standing, first) : 0
    if (passed > first.position) yield* progress.advance([], passed, "rebuild")

    const room = yield* Semaphore.make(mostWeight)
    yield* eventStore.subscribePages({ after: progress.claim().position, query: plan.query }).pipe(
      Stream.runForEach((page) => {
        const weight = weightOfPage(page.events)
        const arrive = Effect.suspend(() => {
          const isKnown = readWeight > 0
          for (const recorded of page.events) if (isMine(recorded)) read.push(recorded)
          readTo = page.upTo
          readWeight += weight
          return isKnown ? Effect.void : Queue.offer(inbox, "Read")
        })
        return Effect.andThen(room.take(weight), arrive)
      }),
      Effect.catchCause((cause) => Queue.failCause(inbox, cause)),
      untraced,
      Effect.forkScoped
    )
    // A generation that fills may have nothing to wait for.
    if (standing._tag === "Filling") yield* nudge

    const takeRead = Effect.suspend(() => {
      const weight = readWeight
      rest = read
      upTo = readTo
      read = []
      readWeight = 0
      return room.release(weight)
    })

    const receive = Effect.flatMap(Queue.take(inbox), (message): Effect.Effect<unknown, StoreError | ClaimLost, R> => {
      if (message === "Read") return takeRead
      if (message === "Retry") return retryAsked
      isNudged = false
      return Effect.void
    })

    return yield* Effect.forever(
      Effect.gen(function* () {
        // What waits for the live generation to move on is not added to.
        if (rest.length === 0) yield* receive
        else if (standing._tag === "Filling") yield* Effect.sleep(idleCommitMillis)
        yield* standing._tag === "Filling" ? advanceFilling : advanceLive
      })
    )
  })
