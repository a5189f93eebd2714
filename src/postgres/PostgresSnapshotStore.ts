/**
 * Snapshots in the database of the log, through any `PgClient`.
 *
 * The table is made by the store of events, with its own. Loads of this process are gathered while one is in flight, and sent as one
 * statement; a load that finds none in flight goes at once. Inside a transaction of the caller's a load runs on that connection, so that it finds no
 * snapshot that is newer than what the transaction sees.
 */
import type { PgClient } from "@effect/sql-pg"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type { SqlError } from "effect/sql/SqlError"
import { StoreError } from "../EventStore.ts"
import { checkLoad, checkRemove, checkSave } from "../internal/adapter/snapshot.ts"
import { type Snapshot, SnapshotStore } from "../SnapshotStore.ts"
import type { StreamName } from "../StreamName.ts"
import * as Batcher from "./batcher.ts"
import * as Access from "./projections/access.ts"
import { readCommitted } from "./readCommitted.ts"
import { fromSqlError, isLost } from "./sqlErrors.ts"

/**
 * Where snapshots are kept.
 */
export interface Options {
  /** The database schema of the log. `"eventfold"` by default. */
  readonly schema?: string | undefined
}

/** The most loads that go with one statement: each may come back with a state of the largest size. */
const batchLoads = 64
const capacity = 10_000

interface Load {
  readonly code: string
  readonly stream: StreamName
  readonly upTo: number
}

interface Row {
  /** Which load it answers, from 1. */
  readonly place: bigint
  readonly version: bigint
  readonly position: bigint
  readonly state: string
}

type Answer = Result.Result<Option.Option<Snapshot>, StoreError>

/** Loads side by side, each a walk of the index from its bound down to the first snapshot. */
const loading = (s: string): string =>
  `SELECT l.place, k.version, k.position, k.state
FROM unnest($1::text[], $2::text[], $3::bigint[]) WITH ORDINALITY AS l (code, stream, up_to, place)
CROSS JOIN LATERAL (
  SELECT k.version, k.position, k.state FROM ${s}.snapshots k
  WHERE k.code = l.code AND k.stream = l.stream AND k.version <= l.up_to ORDER BY k.version DESC LIMIT 1
) AS k`

const saving = (s: string): string =>
  `SELECT ${s}.save_snapshot($1::text, $2::text, $3::bigint, $4::bigint, $5::text, $6::bigint)`

/** Locks rows in the order in which those lock them who save. */
const removing = (s: string): string =>
  `WITH removed AS (
  DELETE FROM ${s}.snapshots k USING (
    SELECT l.code, l.stream, l.version FROM ${s}.snapshots l
    WHERE l.code >= $1::text AND starts_with(l.code, $1::text) AND ($2::text IS NULL OR l.stream = $2::text)
    ORDER BY l.code, l.stream, l.version FOR UPDATE
  ) AS l
  WHERE k.code = l.code AND k.stream = l.stream AND k.version = l.version
  RETURNING 1
)
SELECT count(*) AS count FROM removed`

const toSnapshot = ({ code, stream }: Load, row: Row): Answer =>
  Result.try({
    try: () => {
      const { position, version } = row
      return Option.some({
        stream,
        version: Number(version),
        position: Number(position),
        state: JSON.parse(row.state)
      })
    },
    catch: (cause) =>
      new StoreError({
        reason: "Unexpected",
        problem: `the snapshot of stream ${stream} at version ${row.version} by ${code} is damaged, remove it: ${cause}`
      })
  })

/** What is changed is changed by one statement, which may have been done when its connection is lost. */
const fromChange = (error: SqlError): StoreError =>
  isLost(error)
    ? new StoreError({
        reason: "OutcomeUnknown",
        problem: `the connection was lost, and what was asked for may have been done; do it again: ${error.message}`
      })
    : fromSqlError(error)

/**
 * A store over the client in the context. It answers loads for as long as the scope.
 */
export const make = (
  options: Options = {}
): Effect.Effect<SnapshotStore["Service"], StoreError, PgClient.PgClient | Scope.Scope> =>
  Effect.gen(function* () {
    const access = yield* Access.open(options)
    const { sql } = access
    const alone = readCommitted(sql)
    const [load, save, remove] = [loading(access.s), saving(access.s), removing(access.s)]

    const change = <A extends object>(text: string, parameters: ReadonlyArray<unknown>) =>
      Effect.mapError(alone(sql.unsafe<A>(text, parameters)), fromChange)

    const answer = (batch: ReadonlyArray<Load>): Effect.Effect<ReadonlyArray<Answer>> =>
      access
        .query<Row>(load, [
          batch.map(({ code }) => code),
          batch.map(({ stream }) => stream),
          batch.map(({ upTo }) => BigInt(upTo))
        ])
        .pipe(
          Effect.map((rows) => {
            const found = new Map(rows.map((row) => [Number(row.place), row]))
            return batch.map((one, i): Answer => {
              const row = found.get(i + 1)
              return row === undefined ? Result.succeedNone : toSnapshot(one, row)
            })
          }),
          Effect.catch((error) => Effect.succeed(batch.map((): Answer => Result.fail(error))))
        )

    const submit = yield* Batcher.make<Load, Option.Option<Snapshot>, StoreError>({
      send: answer,
      keysOf: () => [],
      weightOf: () => 1 / batchLoads,
      capacity,
      closed: new StoreError({ reason: "Unavailable", problem: "the store is closed; nothing was sent" })
    })

    return SnapshotStore.of({
      load: Effect.fnUntraced(function* (code, stream, { upTo = Number.MAX_SAFE_INTEGER } = {}) {
        yield* Effect.fromResult(checkLoad(code, stream, upTo))
        const one: Load = { code, stream, upTo }
        const transaction = yield* Effect.serviceOption(sql.transactionService)
        if (Option.isNone(transaction)) return yield* submit(one)
        const [found] = yield* answer([one])
        return yield* Effect.fromResult(found!)
      }),

      save: Effect.fnUntraced(function* (code, snapshot, { keep }) {
        const state = yield* Effect.fromResult(checkSave(code, snapshot, keep))
        yield* Access.outsideOfTransactions(access, "keeping a snapshot")
        const { position, stream, version } = snapshot
        yield* change(save, [code, stream, BigInt(version), BigInt(position), state, BigInt(keep)])
      }),

      remove: Effect.fnUntraced(function* ({ code, stream }) {
        yield* Effect.fromResult(checkRemove({ code, stream }))
        yield* Access.outsideOfTransactions(access, "removing snapshots")
        const [row] = yield* change<{ readonly count: bigint }>(remove, [code, stream ?? null])
        return Number(row!.count)
      })
    })
  })

/**
 * A store over any `PgClient`.
 *
 * @example
 * import { PgClient } from "@effect/sql-pg"
 * import { PostgresSnapshotStore } from "eventfold/postgres"
 * import { Layer, Redacted } from "effect"
 *
 * const Client = PgClient.layer({ url: Redacted.make("postgres://app@localhost/app") })
 *
 * // For a tool that looks after snapshots alone: PostgresEventStore.layer has this store as well.
 * export const Snapshots = PostgresSnapshotStore.layer({ schema: "bank" }).pipe(Layer.provide(Client))
 */
export const layer = (options?: Options): Layer.Layer<SnapshotStore, StoreError, PgClient.PgClient> =>
  Layer.effect(SnapshotStore, make(options))
