/**
 * Streams that are there before the first round, written by the server as Emmett's own function would have: heads, positions of the log,
 * ids of transactions that have ended, and the sequence.
 */
import type pg from "pg"
import { dataOf, someMetadata, type } from "../../../bench/peers/payload.ts"

const eventsOfInsert = 500_000
const mostTransactions = 200_000

/** Uses up ids of transactions, which are then older than any to come, and gives the first. */
const endTransactions = async (pool: pg.Pool, count: number): Promise<bigint> => {
  const { rows } = await pool.query<{ first: string }>("SELECT pg_current_xact_id()::text AS first")
  await pool.query(`DO $$ BEGIN FOR i IN 1..${count} LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$`)
  return BigInt(rows[0]?.first ?? 0)
}

/**
 * The first event of each stream, then the second of each, and so on. Each was appended by a transaction of its own, up to 200,000; where
 * there are more, neighbours share one.
 */
export const fillOnServer = async (pool: pg.Pool, streams: number, length: number): Promise<void> => {
  const events = streams * length
  if (events === 0) return
  const transactions = Math.min(events, mostTransactions)
  const first = await endTransactions(pool, transactions)
  await pool.query(
    `INSERT INTO emt_streams (stream_id, stream_position, partition, stream_type, stream_metadata, is_archived)
    SELECT 'account-' || n, $2::bigint, 'emt:default', 'account', '{}', FALSE FROM generate_series(1, $1::bigint) AS n`,
    [streams, length]
  )
  for (let from = 1; from <= events; from += eventsOfInsert) {
    await pool.query(
      `INSERT INTO emt_messages (stream_position, global_position, transaction_id, created, is_archived, message_kind, stream_id, partition,
        message_schema_version, message_id, message_type, message_data, message_metadata)
      SELECT amount, position, ($5::bigint + (position - 1) * $6::bigint / $4::bigint)::text::xid8, now(), FALSE, 'E', account, 'emt:default',
        '1', gen_random_uuid()::text, $7::text,
        jsonb_build_object('account', account, 'amount', amount, 'note', repeat('n', $8::int - length(account) - length(amount::text))),
        jsonb_build_object('correlationId', gen_random_uuid(), 'note', $9::text)
      FROM (
        SELECT p AS position, 'account-' || (1 + (p - 1) % $3::bigint) AS account, 1 + (p - 1) / $3::bigint AS amount
        FROM generate_series($1::bigint, $2::bigint) AS p
      ) AS e`,
      [
        from,
        Math.min(from + eventsOfInsert - 1, events),
        streams,
        events,
        first,
        transactions,
        type,
        dataOf("", 0).note.length + 1,
        someMetadata().note
      ]
    )
  }
  await pool.query("SELECT setval('emt_global_message_position', $1::bigint)", [events])
}

/**
 * The indexes of release 0.42.4, by its migration "emt:postgresql:eventstore:0.42.4:add-messages-poll-indexes": commit 3b5aaf0 (moved by
 * 8a5c260), backported from commit 3dcd373 on the way to 0.43.0, which keeps the second one only as its consumers have another cursor.
 */
const indexes = [
  "CREATE INDEX IF NOT EXISTS idx_messages_global_position ON emt_messages(global_position)",
  "CREATE INDEX IF NOT EXISTS idx_messages_transaction_id_global_position ON emt_messages(transaction_id, global_position)"
]

/** Adds the indexes of later releases, if wanted, and lets the server know its tables. */
export const prepareTables = async (pool: pg.Pool, indexed: boolean): Promise<void> => {
  for (const index of indexed ? indexes : []) await pool.query(index)
  await pool.query("VACUUM (ANALYZE)")
}
