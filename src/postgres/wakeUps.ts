/**
 * What wakes subscriptions up: appends of this store, notifications of others, and now and then a look.
 *
 * A wake-up is no message: what there is to read is in the log alone, so there is no seam between catching up and live. Nobody listens or
 * looks while there is no subscription: to be told of what nobody waits for costs an append that is done alone about a tenth of its time.
 *
 * Invariant: who waits has subscribed before it looked at the log, and is woken once the database says that it listens. So what is
 * committed after that look is either told of, or seen by the look that the wake-up leads to.
 */
import type { PgClient } from "@effect/sql-pg"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as PubSub from "effect/PubSub"
import * as Queue from "effect/Queue"
import * as RcRef from "effect/RcRef"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { channelOf } from "./schema/names.ts"

export interface WakeUps {
  /** Wakes those who wait here. */
  readonly wake: Effect.Effect<void>
  /** Wake-ups for as long as the scope. What came while nobody took one is one. */
  readonly subscribe: Effect.Effect<PubSub.Subscription<void>, never, Scope.Scope>
}

/** How long it goes on when the last subscription has ended: the next one often comes soon. */
const lingering = "10 seconds"

/** The wake-ups of a store. `head` is the last position, which is looked at after each `pollInterval`, for a notification can be lost. */
export const make = (
  sql: PgClient.PgClient,
  schema: string,
  head: Effect.Effect<number, unknown>,
  pollInterval: Duration.Duration
): Effect.Effect<WakeUps, never, Scope.Scope> =>
  Effect.gen(function* () {
    const wakeUps = yield* PubSub.sliding<void>(1)
    const wake = Effect.asVoid(PubSub.publish(wakeUps, undefined))
    const listening = Effect.gen(function* () {
      const notifications = yield* sql.listen(channelOf(schema))
      yield* wake
      return yield* Effect.forever(Effect.andThen(Queue.take(notifications), wake))
    })
    const attention = yield* RcRef.make({
      acquire: Effect.gen(function* () {
        yield* Effect.forkScoped(Effect.retry(Effect.scoped(listening), Schedule.spaced("200 millis")))
        let seen = 0
        const look = Effect.flatMap(head, (now) => {
          if (now === seen) return Effect.void
          seen = now
          return wake
        })
        yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep(pollInterval), Effect.ignore(look))))
      }),
      idleTimeToLive: lingering
    })
    return { wake, subscribe: Effect.tap(PubSub.subscribe(wakeUps), () => RcRef.get(attention)) }
  })
