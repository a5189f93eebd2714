/**
 * The repository: what appends to a stream, loads it, and reads the log page by page.
 */
import pg from "pg"
import { type Data, freshId, type Metadata, someMetadata, type } from "../../../bench/peers/payload.ts"

/** An event as it is stored. */
export interface Stored {
  readonly position: number
  readonly stream: string
  readonly version: number
  readonly id: string
  readonly type: string
  readonly data: Data
  readonly metadata: Metadata
  readonly recorded_at: Date
}

/** Any connection, or one of one's own. */
export type Db = pg.Pool | pg.PoolClient

/** Somebody else has written this version. */
export class Conflict extends Error {}

const columns = "position, stream, version, id, type, data, metadata, recorded_at"

const isConflict = (error: unknown): boolean => error instanceof pg.DatabaseError && error.code === "23505"

/**
 * Stores an event as the next one after a version. The key refuses a version that is there; an expectation that is too high, which
 * nobody has who has loaded the stream, would leave a gap.
 */
export const append = async (db: Db, stream: string, expected: number, data: Data): Promise<void> => {
  try {
    await db.query({
      name: "append",
      text: "INSERT INTO events (stream, version, id, type, data, metadata) VALUES ($1, $2, $3, $4, $5, $6)",
      values: [stream, expected + 1, freshId(), type, data, someMetadata()]
    })
  } catch (error) {
    throw isConflict(error) ? new Conflict(`${stream} is past ${expected}`) : error
  }
}

/** All events of a stream. */
export const load = async (db: Db, stream: string): Promise<ReadonlyArray<Stored>> => {
  const { rows } = await db.query<Stored>({
    name: "load",
    text: `SELECT ${columns} FROM events WHERE stream = $1 ORDER BY version`,
    values: [stream]
  })
  return rows
}

/** The most events of a page. */
export const pageSize = 1000

/**
 * The events after a position, at most {@link pageSize}.
 *
 * Positions are handed out before transactions commit: who reads while others write may see a position before a lower one, and never sees
 * the lower one if it goes on after what it has seen. That is what this reader does, and what its checks count.
 */
export const readPage = async (db: Db, after: number): Promise<ReadonlyArray<Stored>> => {
  const { rows } = await db.query<Stored>({
    name: "page",
    text: `SELECT ${columns} FROM events WHERE position > $1 ORDER BY position LIMIT ${pageSize}`,
    values: [after]
  })
  return rows
}

/** The highest position that can be seen. */
export const head = async (db: pg.Pool): Promise<number> => {
  const { rows } = await db.query<{ head: number }>("SELECT coalesce(max(position), 0) AS head FROM events")
  return rows[0]?.head ?? 0
}
