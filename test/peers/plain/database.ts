/**
 * The database of a plain repository: a table of events, and what is there before the first round.
 */
import pg from "pg"
import type { Task } from "../../../bench/peers/contract.ts"
import { dataOf, someMetadata, type } from "../../../bench/peers/payload.ts"

// Versions and positions are far below 2^53: most programs want them as numbers.
pg.types.setTypeParser(pg.types.builtins.INT8, Number)

/** Connections that stay open while others have their turn. */
export const poolOf = (task: Task, connections = task.connections): pg.Pool => {
  const pool = new pg.Pool({ connectionString: task.url, max: connections, idleTimeoutMillis: 0 })
  pool.on("error", (error) => process.stderr.write(`${error.message}\n`))
  return pool
}

const table = `CREATE TABLE events (
  position bigserial,
  stream text NOT NULL,
  version bigint NOT NULL,
  id uuid NOT NULL,
  type text NOT NULL,
  data jsonb NOT NULL,
  metadata jsonb NOT NULL,
  recorded_at timestamptz NOT NULL DEFAULT now()
)`

const keys = `ALTER TABLE events ADD PRIMARY KEY (position), ADD UNIQUE (stream, version)`

/**
 * A SELECT of so many streams ($1) of so many events ($2): position, stream, version, data and metadata as text of the same bytes as
 * anybody else's. Streams take turns, so that each is spread over all of the log.
 *
 * What follows are a type ($3), the note of data without the account and the amount ($4: its length) and of metadata ($5).
 */
export const filling = `SELECT n + 1 AS position, s.stream, s.version, $3::text AS type,
  jsonb_build_object(
    'account', s.stream, 'amount', s.version, 'note', repeat('n', $4::integer - length(s.stream) - length(s.version::text))
  ) AS data,
  jsonb_build_object('correlationId', gen_random_uuid(), 'note', $5::text) AS metadata
FROM generate_series(0, $1::bigint * $2::bigint - 1) AS n
CROSS JOIN LATERAL (SELECT 'account-' || (n % $1::bigint + 1) AS stream, n / $1::bigint + 1 AS version) AS s`

/** The parameters of {@link filling}. */
export const fillingOf = (task: Task): ReadonlyArray<unknown> => [
  task.streams,
  task.length,
  type,
  dataOf("", 0).note.length + "0".length,
  someMetadata().note
]

/** Connections to a database that is ready: process 0 makes the table, and fills it before it has indexes, which is faster. */
export const prepare = async (task: Task, more: ReadonlyArray<string> = []): Promise<pg.Pool> => {
  const pool = poolOf(task)
  if (task.process !== 0) return pool
  await pool.query(table)
  if (task.streams * task.length > 0) {
    await pool.query(
      `INSERT INTO events (position, stream, version, id, type, data, metadata)
SELECT f.position, f.stream, f.version, gen_random_uuid(), f.type, f.data, f.metadata FROM (${filling}) AS f`,
      [...fillingOf(task)]
    )
    await pool.query("SELECT setval(pg_get_serial_sequence('events', 'position'), $1)", [task.streams * task.length])
  }
  await pool.query(keys)
  for (const statement of more) await pool.query(statement)
  await pool.query("VACUUM ANALYZE")
  return pool
}
