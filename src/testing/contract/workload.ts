/**
 * Many writers at once, for the laws that watch what becomes of it.
 */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Random from "effect/Random"
import type { Appended, AppendError, EventStore, Write } from "../../EventStore.ts"
import type { StreamName } from "../../StreamName.ts"
import { append, appendTo, event, fresh, losses, numbers, race, racers, streamsOf, winners, write } from "./fixtures.ts"
import { type Broken, broken } from "./Law.ts"

const rounds = 3

/** How many appends a workload makes, before its last event. */
export const appendsOfWorkload = racers * rounds

/** The appends of a workload and what each was answered. */
type Done = ReadonlyArray<{ readonly input: ReadonlyArray<Write>; readonly answer: Appended }>

/**
 * Writers that append to streams of one category, one event or several, in one stream or in several.
 */
export interface Workload {
  readonly category: string
  readonly streams: ReadonlyArray<StreamName>
  /** The id of the event that is appended when all the writers are done. */
  readonly last: string
  /** Ends as soon as so many appends are acknowledged. */
  readonly acknowledged: (count: number) => Effect.Effect<void>
  /** Runs the writers, waits for something, and then appends the last event. */
  readonly runUntil: (ready: Effect.Effect<unknown>) => Effect.Effect<Done, Broken | AppendError, EventStore>
  /** Runs the writers, and then appends the last event. */
  readonly run: Effect.Effect<Done, Broken | AppendError, EventStore>
}

/** A workload with names and ids of its own, its appends chosen at random. */
export const makeWorkload: Effect.Effect<Workload> = Effect.gen(function* () {
  const category = fresh("contract")
  const streams = streamsOf(category, 8)
  const last = event({ type: "Last" })
  const appends = yield* Effect.forEach(numbers(appendsOfWorkload), () =>
    Effect.gen(function* () {
      const chosen = (yield* Random.shuffle(streams)).slice(0, (yield* Random.nextBoolean) ? 1 : 3)
      return yield* Effect.forEach(chosen, (stream) =>
        Effect.map(Random.nextIntBetween(1, 3), (count) => write(stream, "any", count))
      )
    })
  )
  const latches = appends.map(() => Latch.makeUnsafe())
  let count = 0
  const writer = (mine: ReadonlyArray<ReadonlyArray<Write>>) =>
    Effect.forEach(mine, (writes) =>
      Effect.tap(append(writes), () => {
        latches[count++]?.openUnsafe()
        return Effect.yieldNow
      })
    )
  const runUntil: Workload["runUntil"] = (ready) =>
    Effect.gen(function* () {
      const byWriter = numbers(racers).map((i) => appends.slice(i * rounds, (i + 1) * rounds))
      const results = yield* race(byWriter, writer)
      yield* Effect.forEach(losses(results), (loss) => broken(`an append that expects any failed: ${loss.message}`))
      yield* ready
      yield* appendTo(`${category}-last`, [last])
      return winners(byWriter, results).flatMap(({ input, answer }) =>
        answer.map((one, i) => ({ input: input[i]!, answer: one }))
      )
    })
  return {
    category,
    streams,
    last: last.id,
    acknowledged: (number) => (number === 0 ? Effect.void : latches[number - 1]!.await),
    runUntil,
    run: runUntil(Effect.void)
  }
})
