/**
 * What the same server and the same client do without a store: the limits that it is held against.
 *
 * Tables are copies of the store's: the same columns, the same indexes, no triggers.
 */
import type { PgClient } from "@effect/sql-pg"
import { Data, Effect, FileSystem } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import { inOrder, type Lane, type Row } from "./rows.ts"

/** What a store's table of events is read as. */
export interface EventRow {
  readonly position: bigint
  readonly version: bigint
  readonly data: { readonly amount: number }
}

const columns = "position, stream, version, id, type, schema_version, recorded_at, tags, data, metadata"

/** An empty table like another one. */
export const createLike = (sql: PgClient.PgClient, table: string, model: string): Effect.Effect<void, SqlError> =>
  Effect.andThen(
    sql.unsafe(`DROP TABLE IF EXISTS ${table}`),
    Effect.asVoid(sql.unsafe(`CREATE TABLE ${table} (LIKE ${model} INCLUDING ALL)`))
  )

/**
 * An INSERT of one event, which commits by itself. It expects nothing but what the indexes refuse, and its positions are counted
 * here.
 */
export const inserter = (
  sql: PgClient.PgClient,
  table: string
): ((row: Row) => Effect.Effect<ReadonlyArray<object>, SqlError>) => {
  const text = `INSERT INTO ${table} (${columns}) VALUES (
    $1::bigint, $2::text, $3::bigint, $4::uuid, $5::text, $6::int, clock_timestamp(), $7::text[], $8::jsonb, $9::jsonb)`
  let position = 0
  return ({ event, stream, version }) =>
    sql.unsafe(text, [
      ++position,
      stream,
      version,
      event.id,
      event.type,
      event.schemaVersion,
      event.tags,
      JSON.stringify(event.data),
      JSON.stringify(event.metadata)
    ])
}

/** The file for COPY cannot be written. */
export class NoFile extends Data.TaggedError("NoFile")<{ readonly message: string }> {}

/** Writes rows to a file in the format of COPY, in the order of their ids. Nothing in them needs an escape. */
export const writeCopyFile = (
  path: string,
  lanes: ReadonlyArray<Lane>,
  after: number
): Effect.Effect<void, NoFile, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const files = yield* FileSystem.FileSystem
    const recorded = new Date(0).toISOString()
    const lines = inOrder(lanes).map(({ event, stream, version }, i) =>
      [
        after + 1 + i,
        stream,
        version,
        event.id,
        event.type,
        event.schemaVersion,
        recorded,
        "{}",
        JSON.stringify(event.data),
        JSON.stringify(event.metadata)
      ].join("\t")
    )
    yield* files.writeFileString(path, `${lines.join("\n")}\n`, { mode: 0o644 })
  }).pipe(Effect.mapError((error) => new NoFile({ message: `no file for COPY: ${error.message}` })))

/** One COPY of a file that the server reads itself: the client does not speak COPY. */
export const copyFile = (
  sql: PgClient.PgClient,
  table: string,
  path: string
): Effect.Effect<ReadonlyArray<object>, SqlError> => sql.unsafe(`COPY ${table} (${columns}) FROM '${path}'`).unprepared

/** A stream's rows in one SELECT. */
export const selectStream = (
  sql: PgClient.PgClient,
  table: string,
  stream: string
): Effect.Effect<ReadonlyArray<EventRow>, SqlError> =>
  sql.unsafe<EventRow>(`SELECT ${columns} FROM ${table} WHERE stream = $1::text ORDER BY version`, [stream])

/** A page of rows by position. */
export const selectPage = (
  sql: PgClient.PgClient,
  table: string,
  after: number
): Effect.Effect<ReadonlyArray<EventRow>, SqlError> =>
  sql.unsafe<EventRow>(`SELECT ${columns} FROM ${table} WHERE position > $1::bigint ORDER BY position LIMIT 1000`, [
    BigInt(after)
  ])
