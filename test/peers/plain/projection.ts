/**
 * Projections by hand: a page of events, what is made of it, and the checkpoint, in one transaction.
 */
import { setTimeout } from "node:timers/promises"
import type pg from "pg"
import { pageSize, readPage, type Stored } from "./events.ts"

/** What keeps something up to date with the log. */
export interface Projection {
  readonly name: string
  readonly handle: (db: pg.PoolClient, events: ReadonlyArray<Stored>) => Promise<void>
}

/** The tables that projections need. */
export const projectionTables = [
  "CREATE TABLE checkpoints (name text PRIMARY KEY, position bigint NOT NULL)",
  `CREATE TABLE balances (
  projection text, account text, balance bigint NOT NULL, entries bigint NOT NULL, PRIMARY KEY (projection, account)
)`
]

/** Most people poll every 100 ms or more; this is in favour of the plain way. */
export const pollEvery = 10

/**
 * Keeps a balance and a number of entries for each account. Both are sums, so that a page is folded here and added there, and nothing has
 * to be read first: what is not a sum takes a SELECT of the page's documents more.
 */
export const balances = (name: string): Projection => ({
  name,
  handle: async (db, events) => {
    const folded = new Map<string, { balance: number; entries: number }>()
    for (const { data } of events) {
      const { balance, entries } = folded.get(data.account) ?? { balance: 0, entries: 0 }
      folded.set(data.account, { balance: balance + data.amount, entries: entries + 1 })
    }
    const changes = [...folded.values()]
    await db.query({
      name: "write balances",
      text: `INSERT INTO balances (projection, account, balance, entries)
SELECT $1, * FROM unnest($2::text[], $3::bigint[], $4::bigint[])
ON CONFLICT (projection, account) DO UPDATE
SET balance = balances.balance + EXCLUDED.balance, entries = balances.entries + EXCLUDED.entries`,
      values: [name, [...folded.keys()], changes.map(({ balance }) => balance), changes.map(({ entries }) => entries)]
    })
  }
})

/** Keeps a row for each event. */
export const entries = (name: string, table: string): Projection => ({
  name,
  handle: async (db, events) => {
    await db.query({
      name: `write ${table}`,
      text: `INSERT INTO ${table} (position, account, amount) SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[])`,
      values: [
        events.map(({ position }) => position),
        events.map(({ data }) => data.account),
        events.map(({ data }) => data.amount)
      ]
    })
  }
})

/** Where a projection is; a new one begins before the first event. */
export const positionOf = async (db: pg.Pool, { name }: Projection): Promise<number> => {
  await db.query("INSERT INTO checkpoints (name, position) VALUES ($1, 0) ON CONFLICT DO NOTHING", [name])
  const { rows } = await db.query<{ position: number }>("SELECT position FROM checkpoints WHERE name = $1", [name])
  return rows[0]?.position ?? 0
}

/** Handles the events of a page exactly once: if another process has moved the checkpoint, nothing is changed. */
const handlePage = async (
  db: pg.PoolClient,
  { handle, name }: Projection,
  after: number,
  events: ReadonlyArray<Stored>
): Promise<number> => {
  const last = events.at(-1)?.position ?? after
  try {
    await db.query("BEGIN")
    await handle(db, events)
    const { rowCount } = await db.query({
      name: "move checkpoint",
      text: "UPDATE checkpoints SET position = $3 WHERE name = $1 AND position = $2",
      values: [name, after, last]
    })
    if (rowCount !== 1) throw new Error(`another process runs ${name}`)
    await db.query("COMMIT")
  } catch (error) {
    await db.query("ROLLBACK")
    throw error
  }
  return last
}

/** Goes on from where the projection is, and polls when there is nothing, until it is told that this will do. */
export const project = async (
  db: pg.Pool,
  projection: Projection,
  isDone: (position: number, isFull: boolean) => boolean
): Promise<void> => {
  let position = await positionOf(db, projection)
  for (;;) {
    const client = await db.connect()
    let isFull: boolean
    try {
      const events = await readPage(client, position)
      if (events.length > 0) position = await handlePage(client, projection, position, events)
      isFull = events.length === pageSize
    } finally {
      client.release()
    }
    if (isDone(position, isFull)) return
    if (!isFull) await setTimeout(pollEvery)
  }
}
