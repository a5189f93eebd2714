/**
 * The first pages of streams that are loaded at the same time, in one statement: what is asked for while a statement is in flight is
 * gathered, and goes together. What is asked for while none is goes at once, by itself.
 *
 * A page that is gathered begins and ends as one that is not, but for being shorter: streams of a statement share what a page may have. The
 * rest of a stream is read page by page, as always.
 *
 * A read never gets what was seen before it began: a request is in no statement that was on its way when it came, and a statement
 * sees whatever was committed when it arrives at the server.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { StoreError } from "../EventStore.ts"
import * as Batcher from "./batcher.ts"
import { type Bounds, envelope, type Page, pageSize, readPage, type Row, smallContents, toPage } from "./reading.ts"
import { quoted } from "./schema/names.ts"
import { concernsOne } from "./sqlErrors.ts"

/** A first page to read, forward. */
export interface FirstPage {
  readonly stream: string
  readonly bounds: Bounds
}

/** The most streams of a statement: a power of two, so that as many times its reciprocal is 1. */
export const mostStreams = 64

/** The most statements of several streams at a time. With one, a statement that is stuck would hold up everybody. */
const inFlight = 2

const capacity = 10_000

const closed = new StoreError({ reason: "Unavailable", problem: "the store is closed; nothing was read" })

type Answer = Result.Result<Page, StoreError>

/** The row of one of the pages. */
interface GatheredRow extends Row {
  /** Which page it is of, counted from 1. */
  readonly page: bigint
}

/** What is to be read of a stream when others share the page: at most so many versions. */
const shareOf = ({ from, limit, to }: Bounds, streams: number): Bounds => {
  const most = Math.min(limit, Math.floor(pageSize / streams))
  return { from, to: Math.min(to, from + most - 1, Number.MAX_SAFE_INTEGER), limit: most, direction: "forward" }
}

/**
 * The statement that reads the first pages of several streams, at most {@link mostStreams}. Versions have no gaps: a page is bounded by its
 * versions, so that whatever plan is made for it walks no more of the index.
 */
export const gatheredStatement = (
  schema: string,
  pages: ReadonlyArray<FirstPage>
): { readonly text: string; readonly parameters: ReadonlyArray<unknown> } => {
  const events = `${quoted(schema)}.events`
  const shares = pages.map(({ bounds }) => shareOf(bounds, pages.length))
  const text = `SELECT asked.page, ${[envelope, ...smallContents].join(", ")},
  CASE WHEN e.version = asked.lowest THEN (SELECT max(version) FROM ${events} WHERE stream = asked.stream) END AS last
FROM unnest($1::text[], $2::bigint[], $3::bigint[]) WITH ORDINALITY AS asked (stream, lowest, highest, page)
CROSS JOIN LATERAL (
  SELECT * FROM ${events} e
  WHERE e.stream = asked.stream AND e.version >= asked.lowest AND e.version <= asked.highest ORDER BY e.version
) e`
  return {
    text,
    parameters: [pages.map(({ stream }) => stream), shares.map(({ from }) => from), shares.map(({ to }) => to)]
  }
}

const pagesOf = (pages: ReadonlyArray<FirstPage>, rows: ReadonlyArray<GatheredRow>): ReadonlyArray<Page> => {
  const rowsOf = pages.map((): Array<Row> => [])
  for (const row of rows) rowsOf[Number(row.page) - 1]!.push(row)
  return pages.map(({ bounds, stream }, i) =>
    // Where there is none, there is none up to the end, not only in the share.
    toPage({ by: "version", stream }, rowsOf[i]!.length === 0 ? bounds : shareOf(bounds, pages.length), rowsOf[i]!)
  )
}

/**
 * Reads the first pages of streams, together where they come together, for as long as the scope: what is still waiting when it closes,
 * or comes afterwards, fails. A read that is within a transaction of the caller's, or backward, goes as if there were no others.
 */
export const make = (
  sql: SqlClient,
  schema: string,
  mapped: <A>(effect: Effect.Effect<A, SqlError>) => Effect.Effect<A, StoreError>
): Effect.Effect<(stream: string, bounds: Bounds) => Effect.Effect<Page, StoreError>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const alone = ({ bounds, stream }: FirstPage) => readPage(sql, schema, { by: "version", stream }, bounds)
    const gathered = (pages: ReadonlyArray<FirstPage>) => {
      const { parameters, text } = gatheredStatement(schema, pages)
      return Effect.map(sql.unsafe<GatheredRow>(text, parameters), (rows) => pagesOf(pages, rows))
    }
    const sendAlone = (page: FirstPage): Effect.Effect<Answer> => Effect.result(mapped(alone(page)))
    const send = (pages: ReadonlyArray<FirstPage>): Effect.Effect<ReadonlyArray<Answer>> =>
      pages.length === 1
        ? Effect.map(sendAlone(pages[0]!), (answer) => [answer])
        : gathered(pages).pipe(
            Effect.map((read): ReadonlyArray<Answer> => read.map((page) => Result.succeed(page))),
            // What the database chokes on in one stream must not keep the others from being read, now and again and again.
            Effect.catchIf(concernsOne, () => Effect.forEach(pages, sendAlone)),
            mapped,
            Effect.catch((error) => Effect.succeed(pages.map((): Answer => Result.fail(error))))
          )

    const submit = yield* Batcher.make<FirstPage, Page, StoreError>({
      send,
      keysOf: () => [],
      weightOf: () => 1 / mostStreams,
      capacity,
      inFlight,
      closed
    })
    let underWay = 0
    let isClosed = false
    yield* Effect.addFinalizer(() => Effect.sync(() => (isClosed = true)))
    const begin = Effect.sync(() => underWay++)
    const end = Effect.sync(() => underWay--)
    // Who finds nobody else reads in its own fiber: to hand the request over would take longer.
    const readAmong = (page: FirstPage) => (others: number) =>
      others === 0 && !isClosed ? mapped(alone(page)) : submit(page)

    return (stream, bounds) =>
      Effect.flatMap(Effect.serviceOption(sql.transactionService), (transaction) =>
        Option.isSome(transaction) || bounds.direction === "backward"
          ? mapped(alone({ stream, bounds }))
          : Effect.acquireUseRelease(begin, readAmong({ stream, bounds }), () => end)
      )
  })
