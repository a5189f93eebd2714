/**
 * Judges a finished log: replays it from the beginning, holds every append against what it expected where it stands, and every report
 * and every subscriber against the log. It reads the tables itself, so that a store's reading cannot hide what its writing did.
 */
import type { PgClient } from "@effect/sql-pg"
import { Effect, Schema } from "effect"
import { EventStore, Query } from "eventfold"
import { lastType, Part, type Report } from "./workload.ts"

/** A promise of the store that was broken. */
export class Violation extends Schema.TaggedError<Violation>("eventfold/test/Violation")("Violation", {
  problem: Schema.String
}) {
  override get message(): string {
    return this.problem
  }
}

export const violated = (problem: string, ...shown: ReadonlyArray<unknown>): Effect.Effect<never, Violation> =>
  Effect.fail(new Violation({ problem: [problem, ...shown.map((one) => JSON.stringify(one))].join(" ") }))

export const must = (
  holds: boolean,
  problem: string,
  ...shown: ReadonlyArray<unknown>
): Effect.Effect<void, Violation> => (holds ? Effect.void : violated(problem, ...shown))

const Row = Schema.Struct({
  position: Schema.Finite,
  stream: Schema.TemplateLiteral([Schema.String, "-", Schema.String]),
  version: Schema.Finite,
  id: Schema.String,
  type: Schema.String,
  recorded: Schema.Finite,
  tags: Schema.Array(Schema.String),
  data: Part
})
type Row = typeof Row.Type

const decodeRows = Schema.decodeUnknownEffect(Schema.Array(Row))

const readRows = (sql: PgClient.PgClient, schema: string) =>
  sql
    .unsafe(
      `SELECT position::float8, stream, version::float8, id::text, type, tags, data,
       (extract(epoch FROM recorded_at) * 1000000)::float8 AS recorded
     FROM "${schema}".events ORDER BY position`
    )
    .pipe(Effect.flatMap(decodeRows), Effect.orDie)

/** An append as it stands in the log. */
interface Standing {
  readonly rows: ReadonlyArray<Row>
  readonly versions: ReadonlyArray<number>
}

const firstMatch = (log: ReadonlyArray<Row>, query: Query.Query, after: number, before: number): Row | undefined =>
  log.slice(after, before - 1).find((row) => Query.matches(query, row))

/** Replays the log: each append is whole, and was legal where it stands. */
const replay = (log: ReadonlyArray<Row>) =>
  Effect.gen(function* () {
    const versions = new Map<string, number>()
    const attempts = new Map<string, Standing>()
    const ids = new Set<string>()
    let recorded = 0
    for (let at = 0; at < log.length;) {
      const first = log[at]!
      const attempt = first.data.whole
      if (attempt === undefined) return yield* violated("an append does not begin with its first event", first)
      yield* must(!attempts.has(attempt.id), "an append is stored twice", attempt)
      const { condition, writes } = attempt
      if (condition !== null) {
        const offending = firstMatch(log, condition.query, condition.after, first.position)
        yield* must(
          offending === undefined,
          "an append was stored although its condition is broken",
          attempt,
          offending
        )
      }
      for (const { stream, expected } of writes) {
        const actual = versions.get(stream) ?? 0
        yield* must(
          EventStore.isExpected(expected, actual),
          "an append was stored where it expected another",
          attempt,
          {
            stream,
            actual
          }
        )
      }
      const rows: Array<Row> = []
      for (const { stream, count } of writes) {
        for (let n = 0; n < count; n++) {
          const row = log[at++]
          const version = (versions.get(stream) ?? 0) + 1
          versions.set(stream, version)
          const expected = { attempt: attempt.id, index: rows.length, position: at, stream, version }
          if (
            row === undefined ||
            row.data.attempt !== attempt.id ||
            row.data.index !== rows.length ||
            row.position !== at ||
            row.stream !== stream ||
            row.version !== version
          ) {
            return yield* violated("the log does not hold what it must: expected, and found:", expected, row)
          }
          yield* must(!ids.has(row.id), "an event id is stored twice", row)
          yield* must(row.recorded >= recorded, "recordedAt goes back", row)
          ids.add(row.id)
          recorded = row.recorded
          rows.push(row)
        }
      }
      attempts.set(attempt.id, { rows, versions: writes.map(({ stream }) => versions.get(stream)!) })
    }
    return { attempts, versions }
  })

/** Holds a report against the log: what was acknowledged is there, what was refused is not, and was rightly refused. */
const judge = (
  report: Report,
  log: ReadonlyArray<Row>,
  { attempts, versions }: Effect.Success<ReturnType<typeof replay>>
) =>
  Effect.gen(function* () {
    const { attempt, answer } = report
    const standing = attempts.get(attempt.id)
    if (answer._tag === "Stored") {
      if (standing === undefined) return yield* violated("an acknowledged append is not in the log", report)
      const { position } = standing.rows[standing.rows.length - 1]!
      yield* must(position === answer.position, "an append stands elsewhere than was answered", report, position)
      const same = JSON.stringify(standing.versions) === JSON.stringify(answer.versions)
      return yield* must(same, "an append has other versions than was answered", report, standing.versions)
    }
    yield* must(standing === undefined, "an append that was refused is in the log", report)
    if (answer._tag === "ConcurrencyConflict") {
      const write = attempt.writes.find(({ stream }) => stream === answer.stream)
      const reached = versions.get(answer.stream) ?? 0
      const right =
        write?.expected === answer.expected &&
        !EventStore.isExpected(answer.expected, answer.actual) &&
        answer.actual <= reached
      return yield* must(right, "a conflict names a version that was never in its way", report, reached)
    }
    if (answer._tag === "ConditionConflict") {
      const { condition } = attempt
      const offending =
        condition === null ? undefined : firstMatch(log, condition.query, condition.after, log.length + 1)
      return yield* must(
        offending?.position === answer.position,
        "a condition's conflict names another event",
        report,
        {
          offending
        }
      )
    }
    return yield* violated("an append failed for good", report)
  })

/** What a subscriber has seen, in the order in which it did. */
export interface Seen {
  readonly query: Query.Query
  readonly events: ReadonlyArray<{ readonly position: number; readonly id: string }>
}

/** What a log came to: enough to see that a test was no idle one. */
export interface Summary {
  readonly events: number
  readonly appends: number
  readonly stored: number
  readonly conflicts: number
  readonly repeated: number
  /** Stored, but never acknowledged to anybody who lived to tell. */
  readonly silent: number
  /** For what reasons appends were tried again. */
  readonly retried: Readonly<Record<string, number>>
}

/**
 * Fails with the first promise that is broken.
 */
export const check = (options: {
  readonly sql: PgClient.PgClient
  readonly schema: string
  readonly reports: ReadonlyArray<Report>
  readonly seen: ReadonlyArray<Seen>
  /** Whether every append in the log must have been reported: not so when writers were killed. */
  readonly complete: boolean
}): Effect.Effect<Summary, Violation> =>
  Effect.gen(function* () {
    const { reports } = options
    const log = yield* readRows(options.sql, options.schema)
    const replayed = yield* replay(log)
    for (const report of reports) yield* judge(report, log, replayed)
    const stored = reports.filter(({ answer }) => answer._tag === "Stored")
    const known = new Set(reports.map(({ attempt }) => attempt.id))
    yield* must(known.size === reports.length, "an append was reported twice")
    const silent = Array.from(replayed.attempts).filter(
      ([id, { rows }]) => !known.has(id) && rows[0]!.type !== lastType
    )
    yield* must(!options.complete || silent.length === 0, "the log has appends that nobody was told of", silent[0])
    for (const { events, query } of options.seen) {
      const expected = log.filter((row) => Query.matches(query, row))
      for (const [i, row] of expected.entries()) {
        const one = events[i]
        const same = one?.position === row.position && one.id === row.id
        yield* must(same, "a subscriber saw otherwise than the log: expected, and saw:", row, one)
      }
      yield* must(events.length === expected.length, "a subscriber saw more than there is", events[expected.length])
    }
    const retried: Record<string, number> = {}
    for (const reason of reports.flatMap((report) => report.retried)) retried[reason] = (retried[reason] ?? 0) + 1
    return {
      events: log.length,
      appends: reports.length,
      stored: stored.length,
      conflicts: reports.length - stored.length,
      repeated: stored.filter(({ answer }) => answer._tag === "Stored" && answer.repeated).length,
      silent: silent.length,
      retried
    }
  })
