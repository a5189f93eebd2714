/**
 * A long log for projections: bookings at random over 10,000 accounts, the same in every run.
 */
import { PgClient } from "@effect/sql-pg"
import { Effect } from "effect"
import { EventStore, type StreamName } from "eventfold"
import { logIsContiguous } from "./checks.ts"
import { bookedEvent } from "./rows.ts"

export const accounts = 10_000

/** Numbers from 0 up to, and without, 1: the same for the same seed (mulberry32). */
export const randomOf = (seed: number): (() => number) => {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

const slice = 500
const seed = 1

/** What a log has to add up to. */
export interface Movements {
  readonly length: number
  readonly sum: number
}

/** Fills the log in the context. */
export const fill = Effect.fnUntraced(function* (schema: string, length: number) {
  const sql = yield* PgClient.PgClient
  const store = yield* EventStore.EventStore
  const random = randomOf(seed)
  let sum = 0
  for (let left = length; left > 0; left -= slice) {
    const writes = new Map<StreamName.StreamName, Array<EventStore.EventToAppend>>()
    for (let i = 0; i < Math.min(left, slice); i++) {
      const stream: StreamName.StreamName = `account-${Math.floor(random() * accounts)}`
      const amount = 1 + Math.floor(random() * 1000)
      sum += amount
      const events = writes.get(stream) ?? []
      writes.set(stream, events)
      events.push(bookedEvent(stream, amount))
    }
    yield* store.append(Array.from(writes, ([stream, events]) => ({ stream, expected: "any", events })))
  }
  yield* sql.unsafe(`VACUUM (ANALYZE) ${schema}.events`).unprepared
  yield* logIsContiguous(sql, `${schema}.events`, length)
  return { length, sum } satisfies Movements
})
