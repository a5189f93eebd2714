/**
 * Single appends, to an empty log and to a long one.
 */
import { Effect, Result, Stream } from "effect"
import { Event, EventStore } from "eventfold"
import type { Task } from "../contract.ts"
import { categoryOf, sumOf } from "../payload.ts"
import * as Checks from "./checks.ts"
import { appendSingly, Booked, fill, fillOnServer, prefilled, type Prepared, streamName, timed } from "./setup.ts"

/** What was loaded, and how much of it was not as it should be. */
class Loaded {
  loads = 0
  wrong = 0
}

/** Loads a stream and decodes its events: right are amounts and versions 1, 2, 3... up to a length. */
const loading = (loaded: Loaded, length: number) =>
  Effect.fnUntraced(function* (number: number) {
    const store = yield* EventStore.EventStore
    let events = 0
    let sum = 0
    let gaps = 0
    yield* Stream.runForEachArray(store.readStream(streamName(prefilled, number)), (page) =>
      Effect.suspend(() => {
        for (const recorded of page) {
          const decoded = Event.decode(Booked, recorded)
          if (Result.isFailure(decoded)) return Effect.fail(decoded.failure)
          for (const { amount } of decoded.success) {
            sum += amount
            events++
            if (recorded.version !== events) gaps++
          }
        }
        return Effect.void
      })
    )
    loaded.loads++
    if (events !== length || sum !== sumOf(length) || gaps !== 0) loaded.wrong++
  })

const loadsAreRight = ({ loads, wrong }: Loaded): Checks.Problems =>
  Checks.same(`loads, of ${loads.toLocaleString("en-US")}, that were not whole`, wrong, 0)

const appendsAreWhole = (task: Task, rounds: ReadonlySet<number>) =>
  Array.from(rounds, (round) => Checks.streamsAreWhole(categoryOf(task.process, round), task.fibers, task.each))

/** Single events, each on the version before it. */
export const append = (task: Task): Effect.Effect<Prepared> =>
  Effect.sync(() => {
    const rounds = new Set<number>()
    return {
      run: (round) => {
        rounds.add(round)
        return appendSingly(task, categoryOf(task.process, round))
      },
      check: Effect.suspend(() => Checks.all([Checks.logIsWhole, ...appendsAreWhole(task, rounds)]))
    }
  })

/** Streams, one after the other. */
export const load = Effect.fnUntraced(function* (task: Task) {
  yield* fill(task)
  const loaded = new Loaded()
  const one = loading(loaded, task.length)
  return {
    run: () => timed(1, task.each, (_, place) => one(1 + (place % task.streams)), task.length),
    check: Effect.suspend(() =>
      Checks.all([
        Checks.logIsWhole,
        Checks.streamsAreWhole(prefilled, task.streams, task.length),
        Effect.succeed(loadsAreRight(loaded))
      ])
    )
  } satisfies Prepared
})

const loadsOfRound = 200

/** Single events after a long log, and loads from its midst. */
export const longLog = Effect.fnUntraced(function* (task: Task) {
  yield* fillOnServer(task)
  const rounds = new Set<number>()
  const loaded = new Loaded()
  const one = loading(loaded, task.length)
  return {
    run: Effect.fnUntraced(function* (round) {
      rounds.add(round)
      const sample = yield* appendSingly(task, categoryOf(task.process, round))
      if (task.streams === 0) return sample
      const loads = yield* timed(1, loadsOfRound, (_, i) => one(1 + ((i * 7919) % task.streams)), task.length)
      return { ...sample, others: { "load p50": loads.p50 } }
    }),
    check: Effect.suspend(() =>
      Checks.all([
        Checks.logIsWhole,
        Checks.streamsAreWhole(prefilled, task.streams, task.length),
        ...appendsAreWhole(task, rounds),
        Effect.succeed(loadsAreRight(loaded))
      ])
    )
  } satisfies Prepared
})
