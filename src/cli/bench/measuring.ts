/**
 * What a measurement is made of: the events, how they are timed, and what it comes to.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { PlatformError } from "effect/PlatformError"
import * as Schema from "effect/Schema"
import { uuidV7Unsafe } from "effect/crypto/SecureRandom"
import * as Event from "../../Event.ts"
import type { AppendError, EventStore, EventToAppend } from "../../EventStore.ts"
import { CliFailure } from "../failure.ts"
import type { Advance } from "../output/progress.ts"
import * as Latencies from "./Latencies.ts"

/** How much is measured. */
export interface Settings {
  /** How many events are appended, read, or loaded. */
  readonly events: number
  /** Over how many streams they are spread. */
  readonly aggregates: number
  readonly concurrency: number
  /** How many events one append has, where it has several. */
  readonly batch: number
  /** About how many bytes the data of an event has, as JSON. */
  readonly payloadBytes: number
}

/** What a scenario came to. Times are in milliseconds. */
export interface Measured {
  readonly events: number
  readonly millis: number
  /** What was timed one by one, such as `append`. */
  readonly timed: string
  readonly latencies: Latencies.Latencies
}

/** What a scenario can fail with. */
export type Failed = AppendError | Event.DecodeError | CliFailure | PlatformError

export type Store = EventStore["Service"]

/** What is stored. */
export const Noted = Event.define({ Noted: { number: Schema.Int, note: Schema.String } })

/** The milliseconds of a clock that does not go back. */
export const now = Effect.map(Clock.currentTimeNanos, (nanos) => Number(nanos) / 1e6)

/** Text that does not shrink to nothing where it is compressed. */
const noise = Array.from({ length: 1024 }, () => uuidV7Unsafe().replaceAll("-", "")).join("")

/** Makes events, each with a number. */
export const eventsOf =
  ({ payloadBytes }: Settings) =>
  (number: number): EventToAppend => {
    const rest = Math.max(0, payloadBytes - JSON.stringify({ number, note: "" }).length)
    const from = (number * 32) % noise.length
    const note = (noise + noise).slice(from, from + Math.min(rest, noise.length))
    return {
      id: uuidV7Unsafe(),
      type: "Noted",
      schemaVersion: 1,
      data: { number, note: note.padEnd(rest, note) },
      tags: [],
      metadata: { correlationId: uuidV7Unsafe() }
    }
  }

/** Checks what the store answers: a figure for what did not come about would be worth nothing. */
export const same = (what: string, found: number, expected: number): Effect.Effect<void, CliFailure> =>
  found === expected
    ? Effect.void
    : Effect.fail(
        new CliFailure({
          kind: "store",
          problem: `${what}: ${found}, and not ${expected}`,
          advice: "The store does not do what it promises, or others write to it: please report it"
        })
      )

/** Takes the time of each piece of work, and of all of them. */
export const timing = (timed: string, advance: Advance) => {
  const latencies = Latencies.make()
  let events = 0
  /** One piece of work, which stands for so many events. */
  const one = <A, E, R>(work: Effect.Effect<A, E, R>, count: number): Effect.Effect<A, E | PlatformError, R> =>
    Effect.gen(function* () {
      const since = yield* now
      const done = yield* work
      latencies.add((yield* now) - since)
      events += count
      yield* advance(count)
      return done
    })
  const all = <E, R>(work: Effect.Effect<unknown, E, R>): Effect.Effect<Measured, E, R> =>
    Effect.gen(function* () {
      const since = yield* now
      yield* work
      return { events, millis: (yield* now) - since, timed, latencies }
    })
  return { one, all, latencies }
}
