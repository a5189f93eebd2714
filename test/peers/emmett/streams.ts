/**
 * Single appends, to an empty log and to a long one, and loads of streams.
 */
import { categoryOf, streamOf, sumOf } from "../../../bench/peers/payload.ts"
import { timed } from "../../../bench/peers/times.ts"
import { logIsWhole, type Problems, same, streamsAreWhole } from "./checks.ts"
import {
  type Account,
  appendSingly,
  type Booked,
  evolve,
  type Ground,
  initialState,
  prefilled,
  type Prepared
} from "./setup.ts"

const appendsAreWhole = async ({ server, task }: Ground, rounds: ReadonlySet<number>): Promise<Problems> => {
  const problems: Array<string> = []
  for (const round of rounds)
    problems.push(...(await streamsAreWhole(server, categoryOf(task.process, round), task.fibers, task.each)))
  return problems
}

/** Single events, each on the version before it. */
export const append = async (ground: Ground): Promise<Prepared> => {
  const rounds = new Set<number>()
  return {
    run: (round) => {
      rounds.add(round)
      return appendSingly(ground, categoryOf(ground.task.process, round))
    },
    check: () => appendsAreWhole(ground, rounds)
  }
}

/** Loads a stream that was there before, and folds it. */
const loading = ({ store, task }: Ground) => {
  let loads = 0
  let wrong = 0
  return {
    load: async (number: number): Promise<void> => {
      const stream = streamOf(prefilled, number)
      const { currentStreamVersion, state } = await store.aggregateStream<Account, Booked>(stream, {
        evolve,
        initialState
      })
      loads++
      const { balance, entries } = state
      if (entries !== task.length || balance !== sumOf(entries) || currentStreamVersion !== BigInt(entries)) wrong++
    },
    check: (): Problems => same(`loads, of ${loads.toLocaleString("en-US")}, that were not whole`, wrong, 0)
  }
}

/** Streams, one after the other. */
export const load = async (ground: Ground): Promise<Prepared> => {
  const { server, task } = ground
  const loads = loading(ground)
  return {
    run: () => timed(1, task.each, (_, place) => loads.load(1 + (place % task.streams)), task.length),
    check: async () => [...(await streamsAreWhole(server, prefilled, task.streams, task.length)), ...loads.check()]
  }
}

const loadsOfRound = 200

/** Single appends to a log of many events, then loads of some of its streams. */
export const longLog = async (ground: Ground): Promise<Prepared> => {
  const { server, task } = ground
  const rounds = new Set<number>()
  const loads = loading(ground)
  return {
    run: async (round) => {
      rounds.add(round)
      const sample = await appendSingly(ground, categoryOf(task.process, round))
      if (task.streams === 0) return sample
      const { p50 } = await timed(1, loadsOfRound, (_, place) => loads.load(1 + ((place * 7919) % task.streams)))
      return { ...sample, others: { "load p50": p50 } }
    },
    check: async () => [
      ...(await logIsWhole(server, task.streams * task.length + rounds.size * task.fibers * task.each)),
      ...(await appendsAreWhole(ground, rounds)),
      ...loads.check()
    ]
  }
}
