/**
 * Appends of single events, to an empty table and to one that is long.
 */
import type pg from "pg"
import type { Running, Sample, Task } from "../../../bench/peers/contract.ts"
import { categoryOf, dataOf, streamOf, sumOf } from "../../../bench/peers/payload.ts"
import { timed } from "../../../bench/peers/times.ts"
import { checkStreams, said, streamsOf, verdict } from "./checks.ts"
import { prepare } from "./database.ts"
import { append, load } from "./events.ts"

/** Each fiber appends to a stream of its own. */
export const appendRound = (db: pg.Pool, task: Task, round: number): Promise<Sample> =>
  timed(task.fibers, task.each, (fiber, place) => {
    const stream = streamOf(categoryOf(task.process, round), fiber)
    return append(db, stream, place, dataOf(stream, place + 1))
  })

/** Says so if not all of the rounds is there. */
export const checkAppended = (db: pg.Pool, task: Task, rounds: ReadonlyArray<number>): Promise<string> =>
  checkStreams(db, new Map(streamsOf(task, rounds).map((stream) => [stream, task.each])))

export const appending = async (task: Task): Promise<Running> => {
  const db = await prepare(task)
  const rounds: Array<number> = []
  return {
    run: (round) => {
      rounds.push(round)
      return appendRound(db, task, round)
    },
    check: async () => verdict([await checkAppended(db, task, rounds)]),
    close: () => db.end()
  }
}

const loads = 200

export const longLog = async (task: Task): Promise<Running> => {
  const db = await prepare(task)
  const rounds: Array<number> = []
  let wrong = 0
  const loadOne = async (place: number): Promise<void> => {
    const events = await load(db, streamOf("account", ((place * 7919) % task.streams) + 1))
    const sum = events.reduce((all, { data }) => all + data.amount, 0)
    if (events.length !== task.length || sum !== sumOf(task.length)) wrong++
  }
  return {
    run: async (round) => {
      rounds.push(round)
      const sample = await appendRound(db, task, round)
      if (task.streams === 0) return sample
      const loaded = await timed(1, loads, (_, place) => loadOne(place))
      return { ...sample, others: { "load p50": loaded.p50 } }
    },
    check: async () =>
      verdict([await checkAppended(db, task, rounds), wrong === 0 ? "" : `${said(wrong)} loads gave something else`]),
    close: () => db.end()
  }
}
