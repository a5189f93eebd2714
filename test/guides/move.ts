import { PgClient } from "@effect/sql-pg"
import { Data, DateTime, Effect, Option, type Schema, Stream } from "effect"
import { EventStore, type RecordedEvent, type StreamName } from "eventfold"

/** A row of the view. */
interface Row {
  readonly place: bigint
  readonly id: string
  readonly stream: StreamName.StreamName
  readonly version: bigint
  readonly type: string
  readonly schema_version: number
  readonly recorded_at: Date
  readonly tags: ReadonlyArray<string>
  readonly data: Schema.Json
  readonly metadata: RecordedEvent.Metadata
}

export class MoveFailed extends Data.TaggedError("MoveFailed")<{ readonly problem: string }> {}

/** The last place of the old table at which nobody is writing any more. Writers wait for a moment, and not for longer than two seconds. */
const settled = (old: PgClient.PgClient) =>
  old.withTransaction(
    Effect.gen(function* () {
      yield* old`SET LOCAL lock_timeout = '2s'`
      // Waits for those who have inserted and not committed. Of a view it locks the tables that it is made of.
      yield* old`LOCK TABLE public.to_move IN SHARE MODE`
      const [row] = yield* old<{ readonly last: bigint }>`
        SELECT coalesce(max(place), 0)::bigint AS last FROM public.to_move`
      return row!.last
    })
  )

/** Where the last run ended: the place of the event that is the last of the new log. */
const placeOf = Effect.fnUntraced(function* (old: PgClient.PgClient, last: RecordedEvent.RecordedEvent | undefined) {
  if (last === undefined) return 0n
  const [row] = yield* old<Pick<Row, "place">>`SELECT place FROM public.to_move WHERE id = ${last.id}::uuid`
  if (row !== undefined) return row.place
  const problem = `event ${last.id}, the last of the new log, is not in the old table: somebody else has appended`
  return yield* new MoveFailed({ problem })
})

/** Moves what has come since the last run, and gives how many events that were. */
export const move = Effect.fnUntraced(function* (old: PgClient.PgClient, store: EventStore.EventStore["Service"]) {
  const upTo = yield* settled(old)
  const last = Option.getOrUndefined(yield* Stream.runHead(store.readLog({ direction: "backward", limit: 1 })))
  let after = yield* placeOf(old, last)
  let time = last?.recordedAt.epochMilliseconds ?? -Infinity
  let moved = 0
  while (true) {
    const rows = yield* old<Row>`
      SELECT * FROM public.to_move WHERE place > ${after} AND place <= ${upTo} ORDER BY place LIMIT 1000`
    if (rows.length === 0) return moved
    const events = rows.map(({ metadata, recorded_at, schema_version, ...row }): EventStore.RestoredEvent => {
      // The times of a log do not decrease. One that would is that of the event before it, and its own one is kept beside.
      const own = recorded_at.getTime()
      time = Math.max(time, own)
      return {
        id: row.id,
        stream: row.stream,
        type: row.type,
        schemaVersion: schema_version,
        recordedAt: DateTime.makeUnsafe(time),
        data: row.data,
        tags: row.tags,
        metadata: time === own ? metadata : { ...metadata, recordedAt: recorded_at.toISOString() }
      }
    })
    const { position } = yield* store.restore(events)
    const stored = yield* Stream.runCollect(store.readLog({ from: position - rows.length + 1, to: position }))
    const other = rows.find(({ id, version }, i) => stored[i]?.id !== id || stored[i].version !== Number(version))
    if (other !== undefined) {
      const { id, stream, version } = other
      return yield* new MoveFailed({ problem: `event ${id} is version ${version} of ${stream} in the old table alone` })
    }
    after = rows[rows.length - 1]!.place
    moved += rows.length
  }
})
