/**
 * A look into a log on PostgreSQL, through any `PgClient`: what is asked is found where the events are.
 *
 * Statistics are one statement, and so of one moment; it reads the log twice, with as many workers as the server gives. A search by time
 * begins and ends at positions that are bisected, for times never decrease along them; one by metadata walks the log, page by page.
 */
import type { PgClient } from "@effect/sql-pg"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { StoreError } from "../EventStore.ts"
import { Inspection, type Search, type Statistics } from "../Inspection.ts"
import { checkSearch, checkStatistics } from "../internal/adapter/inspection.ts"
import { instantOf, textOf } from "./instant.ts"
import * as Access from "./projections/access.ts"
import { read } from "./reading.ts"
import * as Statements from "./schema/inspection.ts"
import { fromSqlError } from "./sqlErrors.ts"

/**
 * Which log is looked into.
 */
export interface Options {
  /** The database schema of the log. `"eventfold"` by default. */
  readonly schema?: string | undefined
}

interface StatisticsRow extends Pick<Statistics, "categories" | "types" | "longest"> {
  readonly head: bigint
  readonly events: bigint
  readonly streams: bigint
  readonly first: Date | null
  readonly last: Date | null
  /** The last one first, counted from 1970. One that is beyond all others has no number. */
  readonly days: ReadonlyArray<{ readonly day: number | null; readonly events: number }>
  readonly stored_events: bigint
  readonly stored_indexes: bigint
}

const day = 24 * 60 * 60 * 1000

const dayOf = (number: number | null): string =>
  DateTime.formatIsoDateUtc(instantOf(new Date(number === null ? Number.NaN : number * day)))

const toStatistics = (row: StatisticsRow): Statistics => ({
  head: Number(row.head),
  events: Number(row.events),
  streams: Number(row.streams),
  first: row.first === null ? undefined : instantOf(row.first),
  last: row.last === null ? undefined : instantOf(row.last),
  categories: row.categories,
  types: row.types,
  days: row.days.map(({ day, events }) => ({ day: dayOf(day), events })).toReversed(),
  longest: row.longest,
  stored: { events: Number(row.stored_events), indexes: Number(row.stored_indexes) }
})

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** No event is older. */
const earliest = DateTime.makeUnsafe("0001-01-01T00:00:00Z")

const boundOf = (instant: DateTime.Utc | undefined): string | null =>
  instant === undefined ? null : textOf(DateTime.max(instant, earliest))

/**
 * A look through the client in the context. It expects the tables of the store of events.
 */
export const make = (options: Options = {}): Effect.Effect<Inspection["Service"], StoreError, PgClient.PgClient> =>
  Effect.gen(function* () {
    const { query, s, schema, sql } = yield* Access.open(options)
    const [statistics, positionOf, bounds] = [Statements.statistics(s), Statements.positionOf(s), Statements.bounds(s)]

    const readLog = ({ metadata, query, ...search }: Search, from: number, to: number) => {
      const fields = metadata !== undefined && Object.keys(metadata).length > 0 ? { metadata } : {}
      const { direction, limit } = search
      const options = { from, to, ...(direction && { direction }), ...(limit !== undefined && { limit }) }
      return read(sql, schema, { by: "position", query, ...fields }, options, Effect.mapError(fromSqlError))
    }

    return Inspection.of({
      statistics: Effect.fnUntraced(function* (options) {
        yield* Effect.fromResult(checkStatistics(options))
        const [row] = yield* query<StatisticsRow>(statistics, [BigInt(options.days), BigInt(options.longest)])
        return toStatistics(row!)
      }),

      event: Effect.fnUntraced(function* (id) {
        if (!uuid.test(id)) return undefined
        const [found] = yield* query<{ readonly position: bigint }>(positionOf, [id])
        if (found === undefined) return undefined
        const position = Number(found.position)
        return Option.getOrUndefined(yield* Stream.runHead(readLog({}, position, position)))
      }),

      search: (search) =>
        Stream.unwrap(
          Effect.gen(function* () {
            yield* Effect.fromResult(checkSearch(search))
            const [row] = yield* query<{ readonly head: bigint; readonly lowest: bigint; readonly highest: bigint }>(
              bounds,
              [boundOf(search.since), boundOf(search.until)]
            )
            const { from = 1, to = Infinity } = search
            const { head, highest, lowest } = row!
            return readLog(search, Math.max(from, Number(lowest)), Math.min(to, Number(highest), Number(head)))
          })
        )
    })
  })

/**
 * A look through any `PgClient`.
 *
 * @example
 * import { PgClient } from "@effect/sql-pg"
 * import { PostgresInspection } from "eventfold/postgres"
 * import { Layer, Redacted } from "effect"
 *
 * const Client = PgClient.layer({ url: Redacted.make("postgres://app@localhost/app") })
 *
 * export const Look = PostgresInspection.layer({ schema: "bank" }).pipe(Layer.provide(Client))
 */
export const layer = (options?: Options): Layer.Layer<Inspection, StoreError, PgClient.PgClient> =>
  Layer.effect(Inspection, make(options))
