/**
 * A subscription whose server or connection is gone for a while goes on by itself, and gives every event once.
 */
import type { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Latch, Stream } from "effect"
import type { EventStore } from "eventfold"
import { eventually, holding, terminateAll } from "../support/stores.ts"
import { aStore, live, stream, Victim } from "../support/victim.ts"
import { eventOf, writeTo } from "../support/workload.ts"

type Store = EventStore.EventStore["Service"]

/** Seven pages of events: more than a subscription reads ahead. */
const size = 6500

const fill = (store: Store) =>
  store.append([{ stream, expected: "no stream", events: Array.from({ length: size }, () => eventOf()) }])

/** A subscriber that stops in the middle of its second page until it is let go. */
const halfway = (store: Store) =>
  Effect.gen(function* () {
    const positions: Array<number> = []
    const go = yield* Latch.make(false)
    const reached = yield* Latch.make(false)
    yield* store.subscribe({ after: 0 }).pipe(
      Stream.runForEach(({ position }) => {
        positions.push(position)
        return position === 1500 ? Effect.andThen(reached.open, go.await) : Effect.void
      }),
      Effect.forkScoped
    )
    yield* reached.await
    const sees = (head: number) =>
      eventually(
        `the subscriber sees ${head} events`,
        Effect.sync(() => positions.length),
        (n) => n === head,
        "10 seconds"
      )
    return { positions, go, sees }
  })

const contiguous = (head: number) => Array.from({ length: head }, (_, i) => i + 1)

/** Takes the connection from the subscription while the server works on a search of it. */
const loseSearch = <A, E, R>(admin: PgClient.PgClient, schema: string, begin: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const locked = yield* holding(admin, admin.unsafe(`LOCK TABLE ${schema}.events IN ACCESS EXCLUSIVE MODE`))
    yield* begin
    yield* eventually(
      "a search waits",
      admin.unsafe("SELECT FROM pg_locks WHERE locktype = 'relation' AND NOT granted"),
      (waiting) => waiting.length > 0
    )
    yield* terminateAll(admin)
    yield* locked.end
  })

layer(Victim.layer, live)("a subscription", (it) => {
  it.effect("goes on when the connection is lost under a search, while it catches up and when it is live", () =>
    Effect.gen(function* () {
      const { admin, schema, store } = yield* aStore()
      yield* fill(store)
      const { go, positions, sees } = yield* halfway(store)
      yield* loseSearch(admin, schema, go.open)
      yield* sees(size)
      yield* loseSearch(admin, schema, Effect.void)
      yield* Effect.retry(store.append(writeTo(stream)), { times: 3 })
      yield* sees(size + 1)
      assert.deepStrictEqual(positions, contiguous(size + 1))
    })
  )

  it.effect("goes on when the server was killed, while it catches up and when it is live", () =>
    Effect.gen(function* () {
      const { store } = yield* aStore()
      const { server } = yield* Victim
      yield* fill(store)
      const { go, positions, sees } = yield* halfway(store)
      yield* server.kill9
      yield* go.open
      // What it has read ahead, and then there is no server.
      yield* eventually(
        "the subscriber sees what was read",
        Effect.sync(() => positions.length),
        (n) => n >= 2000
      )
      assert.isBelow(positions.length, size)
      yield* server.restart
      yield* sees(size)
      yield* server.kill9
      yield* server.restart
      yield* Effect.retry(store.append(writeTo(stream)), { times: 3 })
      yield* sees(size + 1)
      assert.deepStrictEqual(positions, contiguous(size + 1))
    })
  )
})
