/**
 * A table like Eventfold's, with nothing around it.
 */
import type pg from "pg"
import type { Task } from "../../../bench/peers/contract.ts"
import { filling, fillingOf, poolOf } from "../plain/database.ts"

/** The columns, in the order of the table. */
export const columns = "position, stream, version, id, type, schema_version, recorded_at, tags, data, metadata"

/** A copy of Eventfold's table of events (src/postgres/schema/log.ts), without its trigger. */
const table = `CREATE TABLE events (
  position bigint,
  stream text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  id uuid NOT NULL,
  type text COLLATE "C" NOT NULL,
  schema_version integer NOT NULL,
  recorded_at timestamptz NOT NULL,
  tags text[] COLLATE "C" NOT NULL,
  data jsonb NOT NULL,
  metadata jsonb NOT NULL
)`

/** A copy of its indexes (src/postgres/migrations.ts). */
const indexes = [
  "ALTER TABLE events ADD PRIMARY KEY (position)",
  "CREATE UNIQUE INDEX events_stream_version ON events (stream, version)",
  "CREATE UNIQUE INDEX events_id ON events (id)"
]

/** Connections to a database that is ready: process 0 makes the table, and fills it before it has indexes, which is faster. */
export const prepare = async (task: Task): Promise<pg.Pool> => {
  const db = poolOf(task)
  if (task.process !== 0) return db
  await db.query(table)
  if (task.streams * task.length > 0) {
    await db.query(
      `INSERT INTO events (${columns})
SELECT f.position, f.stream, f.version, gen_random_uuid(), f.type, 1, clock_timestamp(), '{}', f.data, f.metadata
FROM (${filling}) AS f`,
      [...fillingOf(task)]
    )
  }
  for (const index of indexes) await db.query(index)
  await db.query("VACUUM ANALYZE")
  return db
}
