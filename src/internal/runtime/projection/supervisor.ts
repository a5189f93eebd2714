/**
 * Claims what there is to run of a projection, runs it, and holds on to it: twice a second it renews its leases and looks for partitions that
 * nobody has. A lease lasts two seconds, so the work of an owner that has died goes on elsewhere within five seconds.
 *
 * A claim that another owner asks for is ended and given back. The store lets nobody ask who has not at least two partitions fewer,
 * so in the end each has as many as any other, or one more.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberMap from "effect/FiberMap"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import type { EventStore, StoreError } from "../../../EventStore.ts"
import { type Claim, ClaimLost, type Definition, type ProjectionStore } from "../../../ProjectionStore.ts"
import { complain, debug, warn } from "../logs.ts"
import { untraced } from "../eventTraces.ts"
import { annotated, observed } from "./observed.ts"
import type { Plan } from "./plan.ts"
import { type Inbox, lease, makeInbox, runClaim } from "./worker.ts"

const lookEvery = Duration.millis(500)
/** Between two claims, so that processes that start together share the partitions. */
const betweenClaims = Duration.millis(20)

/** When a lease ends that is asked for now. */
const leaseEnd = Effect.map(Clock.currentTimeMillis, (now) => now + Duration.toMillis(lease))

const keyOf = ({ generation, partition }: Claim): string => `${generation}/${partition}`

/** A claim in the hands of who runs it. */
export interface Held {
  readonly claim: Claim
  /** Told of what is asked of the claim. */
  readonly inbox: Inbox
  /** Until when nobody else can have it, in milliseconds. */
  readonly until: () => number
}

/**
 * Runs a projection for as long as the scope.
 */
export const supervise = <R>(
  plan: Plan<R>,
  store: ProjectionStore["Service"],
  eventStore: EventStore["Service"],
  owner: string
): Effect.Effect<void, never, R | Scope.Scope> =>
  superviseClaims(plan.definition, store, owner, ({ claim, inbox }) => runClaim(plan, store, eventStore, claim, inbox))

/**
 * Claims what there is of a projection, and runs each claim for as long as it is held, and as the scope.
 */
export const superviseClaims = <R>(
  { name, version }: Pick<Definition, "name" | "version">,
  store: ProjectionStore["Service"],
  owner: string,
  runHeld: (held: Held) => Effect.Effect<never, StoreError | ClaimLost, R>
): Effect.Effect<void, never, Exclude<R, Scope.Scope> | Scope.Scope> =>
  Effect.gen(function* () {
    const running = new Map<string, { readonly claim: Claim; readonly inbox: Inbox; until: number }>()
    // An ended worker is a reason to look at once.
    const ended = yield* Queue.sliding<void>(1)

    const fibers = yield* FiberMap.make<string, void>()

    const run = (claim: Claim, until: number) =>
      Effect.gen(function* () {
        const inbox = yield* makeInbox
        const held = { claim, inbox, until }
        running.set(keyOf(claim), held)
        yield* debug("projection is taken", () => ({
          projection: name,
          version,
          partition: claim.partition,
          position: claim.position
        }))
        const its = Effect.scoped(runHeld({ claim, inbox, until: () => held.until })).pipe(
          Effect.onExit((exit) => {
            // Its place may have been taken by the next claim.
            if (running.get(keyOf(claim))?.claim === claim) running.delete(keyOf(claim))
            return Effect.andThen(Effect.ignore(untraced(store.release([claim]))), whatEnded(exit))
          }),
          Effect.ignore
        )
        yield* observed(claim).begun
        yield* FiberMap.run(fibers, keyOf(claim), annotated(its, claim))
      })

    const whatEnded = (exit: Exit.Exit<never, StoreError | ClaimLost>) => {
      if (Exit.isSuccess(exit) || Cause.hasInterrupts(exit.cause)) return debug("projection is let go of", () => ({}))
      return Cause.squash(exit.cause) instanceof ClaimLost
        ? Queue.offer(ended, undefined)
        : complain("projection is interrupted, and will go on", { problem: Cause.pretty(exit.cause) })
    }

    const hold = Effect.gen(function* () {
      const held = Array.from(running.values())
      if (held.length === 0) return
      const until = yield* leaseEnd
      const renewed = yield* untraced(
        store.renew(
          held.map(({ claim }) => claim),
          lease
        )
      )
      const standing = new Map(renewed.map((one) => [keyOf(one.claim), one]))
      for (const one of held) {
        const { claim, inbox } = one
        const told = standing.get(keyOf(claim))
        if (told === undefined) {
          yield* FiberMap.remove(fibers, keyOf(claim))
          continue
        }
        one.until = until
        // Where its inbox is full it is asked for again by the next renewal.
        if (told.retry.length > 0) Queue.offerUnsafe(inbox, "Retry")
        // While it ends, which may take a moment, it is held on to, and so are the others.
        if (told.isAskedFor) {
          yield* Effect.forkScoped(FiberMap.remove(fibers, keyOf(claim)), { startImmediately: true })
        }
      }
    })

    const claimOne = Effect.flatMap(leaseEnd, (until) =>
      Effect.tap(
        untraced(store.claim({ name, version, owner, lease, most: 1 })),
        Effect.forEach((claim) => run(claim, until))
      )
    )

    // Whose code is older than what is read runs for nothing, which looks like standing still.
    const tellOfHigher = Effect.flatMap(untraced(store.live(name)), (live) =>
      live === undefined || live.version <= version
        ? Effect.void
        : warn("projection is not run: a higher version is read", { projection: name, version, live: live.version })
    )
    yield* Effect.ignore(tellOfHigher)

    const look = Effect.gen(function* () {
      yield* hold
      while ((yield* claimOne).length > 0) yield* Effect.sleep(betweenClaims)
    }).pipe(
      Effect.catchCause((cause) =>
        warn("projection waits for its store", { projection: name, version, problem: Cause.pretty(cause) })
      )
    )

    yield* Effect.forkScoped(Effect.forever(Effect.andThen(look, Effect.timeoutOption(Queue.take(ended), lookEvery))))
  })
