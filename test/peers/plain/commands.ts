/**
 * Commands by hand: load, fold, decide, insert, and all of it again after a conflict.
 */
import { setTimeout } from "node:timers/promises"
import type pg from "pg"
import type { Running, Task } from "../../../bench/peers/contract.ts"
import { dataOf, hotStream, streamOf } from "../../../bench/peers/payload.ts"
import { timed } from "../../../bench/peers/times.ts"
import { checkStreams, said, verdict } from "./checks.ts"
import { prepare } from "./database.ts"
import { append, Conflict, load } from "./events.ts"

interface Account {
  readonly balance: number
  readonly entries: number
}

const empty: Account = { balance: 0, entries: 0 }

const evolve = (account: Account, amount: number): Account => ({
  balance: account.balance + amount,
  entries: account.entries + 1
})

class Rejected extends Error {}

/** Gives the amount to book. */
type Decide = (account: Account) => number

/** Books an amount if it is the number of the next entry. */
const book =
  (amount: number): Decide =>
  ({ entries }) => {
    if (amount !== entries + 1) throw new Rejected(`${amount} is not the number of entry ${entries + 1}`)
    return amount
  }

/** Books the number of the next entry, whatever it is. */
const bookNext: Decide = ({ entries }) => entries + 1

const attempts = 1000
const pause = 10

const execute = async (db: pg.PoolClient, stream: string, decide: Decide): Promise<void> => {
  const events = await load(db, stream)
  const account = events.reduce((state, { data }) => evolve(state, data.amount), empty)
  await append(db, stream, events.at(-1)?.version ?? 0, dataOf(stream, decide(account)))
}

/**
 * Executes a command, and again after a conflict and a pause, which is random and grows. An attempt keeps its connection: who waits for
 * one between loading and appending appends too late.
 */
const executeUntilDone = async (db: pg.Pool, stream: string, decide: Decide): Promise<void> => {
  for (let attempt = 1; ; attempt++) {
    const client = await db.connect()
    try {
      return await execute(client, stream, decide)
    } catch (error) {
      if (!(error instanceof Conflict) || attempt === attempts) throw error
    } finally {
      client.release()
    }
    await setTimeout(Math.random() * pause * Math.min(attempt, 10))
  }
}

/** Counts what a command could not do. */
const counting = (): { readonly failures: () => string; readonly count: (command: Promise<void>) => Promise<void> } => {
  let failed = 0
  return {
    failures: () => (failed === 0 ? "" : `${said(failed)} commands failed`),
    count: (command) =>
      command.catch((error: unknown) => {
        if (!(error instanceof Conflict) && !(error instanceof Rejected)) throw error
        failed++
      })
  }
}

export const distinctStreams = async (task: Task): Promise<Running> => {
  const db = await prepare(task)
  const { count, failures } = counting()
  const booked = new Map(Array.from({ length: task.streams }, (_, i) => [streamOf("account", i + 1), task.length]))
  return {
    run: (round) =>
      timed(task.fibers, task.each, (fiber, place) => {
        const stream = streamOf("account", place * task.fibers + fiber + 1)
        booked.set(stream, (booked.get(stream) ?? 0) + 1)
        return count(executeUntilDone(db, stream, book(task.length + round + 1)))
      }),
    check: async () => verdict([failures(), await checkStreams(db, booked)]),
    close: () => db.end()
  }
}

export const hotStreams = async (task: Task): Promise<Running> => {
  const db = await prepare(task)
  const { count, failures } = counting()
  const booked = new Map(Array.from({ length: task.streams }, (_, i) => [streamOf("account", i + 1), task.length]))
  return {
    run: () =>
      timed(task.fibers, task.each, (fiber, place) => {
        const stream = streamOf("account", hotStream(fiber, place, task.streams))
        booked.set(stream, (booked.get(stream) ?? 0) + 1)
        return count(executeUntilDone(db, stream, bookNext))
      }),
    check: async () => verdict([failures(), await checkStreams(db, booked)]),
    close: () => db.end()
  }
}
