/**
 * What all scenarios of Emmett begin with: the store over a pool of its own, its events, and the variant that is measured.
 */
import type { Event } from "@event-driven-io/emmett"
import { getPostgreSQLEventStore, type PostgresEventStore } from "@event-driven-io/emmett-postgresql"
import pg from "pg"
import type { Running, Sample, Task } from "../../../bench/peers/contract.ts"
import { type Data, dataOf, type Metadata, someMetadata, type } from "../../../bench/peers/payload.ts"
import { timed } from "../../../bench/peers/times.ts"
import { fillOnServer, prepareTables } from "./fill.ts"

/** The event that everybody stores. */
export type Booked = Event<typeof type, Data, Metadata>

export const booked = (account: string, amount: number): Booked => ({
  type,
  data: dataOf(account, amount),
  metadata: someMetadata()
})

/** What the events of a stream come to. */
export type Account = { readonly balance: number; readonly entries: number }

export const initialState = (): Account => ({ balance: 0, entries: 0 })

export const evolve = ({ balance, entries }: Account, { data }: Booked): Account => ({
  balance: balance + data.amount,
  entries: entries + 1
})

/** How consumers read the log; what is left out is as released: 100 messages at once, 50 ms between two full batches. */
export interface Pulling {
  readonly batchSize?: number
  readonly pullingFrequencyInMs?: number
}

/** How Emmett is set up. */
export interface Variant {
  /** With the indexes that its next release has. */
  readonly indexed: boolean
  /** With what the scenario is fastest with. */
  readonly tuned: boolean
}

const variantOf = (name: string): Variant => {
  if (name === "stock") return { indexed: false, tuned: false }
  if (name === "indexed") return { indexed: true, tuned: false }
  if (name === "tuned") return { indexed: true, tuned: true }
  throw new Error(`Emmett has no variant ${name}: stock, indexed, tuned`)
}

/** A scenario's ground: a database with Emmett's tables. */
export interface Ground {
  readonly task: Task
  readonly variant: Variant
  /** The connections that Emmett has. */
  readonly pool: pg.Pool
  /** A connection to look at what is stored. */
  readonly server: pg.Pool
  readonly store: PostgresEventStore
}

/** A scenario that is prepared. */
export interface Prepared {
  readonly run: (round: number) => Promise<Sample>
  /** What is wrong, one sentence each. */
  readonly check: () => Promise<ReadonlyArray<string>>
  readonly close?: () => Promise<void>
}

/** A pool of so many connections. That the server ends one which is idle, as when its database is dropped, is no fault of the scenario. */
export const poolOf = (url: string, connections: number): pg.Pool => {
  const pool = new pg.Pool({ connectionString: url, max: connections })
  pool.on("error", () => {})
  return pool
}

/** The store over a pool; its tables are there already. */
export const storeOf = (url: string, pool: pg.Pool): PostgresEventStore =>
  getPostgreSQLEventStore(url, { schema: { autoMigration: "None" }, connectionOptions: { pool } })

/** Makes Emmett's tables by a pool of their own: the connection that does it keeps a statement_timeout of 10 seconds. */
const migrate = async (url: string): Promise<void> => {
  const pool = poolOf(url, 1)
  await storeOf(url, pool).schema.migrate()
  await pool.end()
}

/** A scenario as the benchmark runs it: on tables of process 0, filled where the scenario says so. */
export const running =
  (prepare: (ground: Ground) => Promise<Prepared>) =>
  async (task: Task): Promise<Running> => {
    const variant = variantOf(task.variant)
    const pool = poolOf(task.url, task.connections)
    const server = poolOf(task.url, 1)
    const store = storeOf(task.url, pool)
    if (task.process === 0) {
      await migrate(task.url)
      await fillOnServer(server, task.streams, task.length)
      await prepareTables(server, variant.indexed)
    }
    const { check, close, run } = await prepare({ task, variant, pool, server, store })
    return {
      run,
      check: async () => {
        const problems = await check()
        return problems.length === 0 ? "ok" : problems.join("; ")
      },
      close: async () => {
        await close?.()
        await store.close()
        await Promise.all([pool.end(), server.end()])
      }
    }
  }

/** The category of what is there before the first round. */
export const prefilled = "account"

/** The numbers below one, from 0. */
export const upTo = (count: number): ReadonlyArray<number> => Array.from({ length: count }, (_, i) => i)

/** Appends an event to a stream which has so many. That there is none is version 0, which is held: STREAM_DOES_NOT_EXIST is not, in 0.42.0. */
export const appendNext = (store: PostgresEventStore, stream: string, entries: number) =>
  store.appendToStream<Booked>(stream, [booked(stream, entries + 1)], { expectedStreamVersion: BigInt(entries) })

/** Single appends to a stream of each fiber, which is new in the round. */
export const appendSingly = ({ store, task }: Ground, category: string): Promise<Sample> =>
  timed(task.fibers, task.each, (fiber, place) => appendNext(store, `${category}-${fiber}`, place))
