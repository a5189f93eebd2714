/**
 * Judges what projections show: against a fold of the log that owes nothing to the library. What belongs together is read in one statement,
 * and so as of one moment.
 */
import type { PgClient } from "@effect/sql-pg"
import { assert } from "@effect/vitest"
import { Effect, Schedule, Schema } from "effect"
import { partitionOf } from "../../../../src/internal/runtime/projection/partition.ts"
import { must, type Violation, violated } from "../../support/oracle.ts"
import { nothing, Tally, tallied } from "./domain.ts"

const Entry = Schema.Struct({
  position: Schema.Finite,
  id: Schema.String,
  stream: Schema.TemplateLiteral([Schema.String, "-", Schema.String]),
  key: Schema.String
})
type Entry = typeof Entry.Type

const decodeEntries = Schema.decodeUnknownEffect(Schema.Array(Entry))

/** The log, after a position. */
const logAfter = (sql: PgClient.PgClient, position: number) =>
  sql
    .unsafe(
      `SELECT position::float8, id::text, stream, data ->> 'key' AS key FROM eventfold.events WHERE position > $1::float8 ORDER BY position`,
      [position]
    )
    .pipe(Effect.flatMap(decodeEntries), Effect.orDie)

const Moment = Schema.Struct({
  generation: Schema.Int,
  version: Schema.Int,
  mode: Schema.String,
  head: Schema.Finite,
  positions: Schema.Array(Schema.Finite),
  documents: Schema.Record(Schema.String, Schema.Json)
})
type Moment = typeof Moment.Type

const decodeMoments = Schema.decodeUnknownEffect(Schema.Array(Moment))

/** What is live of a projection, in one statement. */
export const look = (sql: PgClient.PgClient, name: string): Effect.Effect<Moment | undefined> =>
  sql
    .unsafe(
      `SELECT g.id AS generation, g.version, g.mode,
  (SELECT coalesce(max(position), 0)::float8 FROM eventfold.events) AS head,
  ARRAY(SELECT p.position::float8 FROM eventfold.projection_partitions p WHERE p.generation = g.id ORDER BY p.partition) AS positions,
  coalesce((SELECT jsonb_object_agg(d.key, d.document) FROM eventfold.projection_documents d
    WHERE d.generation = g.id AND d.document IS NOT NULL), '{}') AS documents
FROM eventfold.projection_generations g WHERE g.name = $1::text AND g.role = 'live'`,
      [name]
    )
    .pipe(
      Effect.flatMap(decodeMoments),
      Effect.orDie,
      Effect.map(([moment]) => moment)
    )

/** Up to where the events of a stream have been handled. */
const handledOf = ({ head, mode, positions }: Moment, stream: Entry["stream"]): number =>
  mode === "inline" ? head : positions[partitionOf(stream, positions.length)]!

/** Where the live generation has come to: one that appends keep, to the head. */
export const reached = ({ head, mode, positions }: Moment): number =>
  mode === "inline" ? head : Math.min(...positions)

/**
 * Looks again and again at the documents of a projection by stream, and fails when they are not those of the positions that they stand at, or
 * when anything goes back.
 */
export const makeWatch = (sql: PgClient.PgClient, name: string) => {
  let known = 0
  let last: Moment | undefined
  let looks = 0
  const streams = new Map<Entry["stream"], Array<{ readonly position: number; readonly tally: Tally }>>()

  /** What a fold of the log comes to, up to the positions of partitions. */
  const expectedAt = (moment: Moment) => {
    const expected: Record<string, Tally> = {}
    for (const [stream, tallies] of streams) {
      const upTo = handledOf(moment, stream)
      const found = tallies.findLast(({ position }) => position <= upTo)
      if (found !== undefined) expected[stream] = { ...found.tally, version: moment.version }
    }
    return expected
  }

  const once = Effect.gen(function* () {
    const moment = yield* look(sql, name)
    if (moment === undefined) {
      return yield* must(last === undefined, "a projection that was live is not live any more", name)
    }
    for (const { id, position, stream } of yield* logAfter(sql, known)) {
      const tallies = streams.get(stream) ?? []
      streams.set(stream, tallies)
      tallies.push({ position, tally: tallied(tallies[tallies.length - 1]?.tally ?? nothing(0), id) })
      known = position
    }
    if (last !== undefined) {
      yield* must(reached(moment) >= reached(last), "the position went back", { name, before: last, after: moment })
      yield* must(moment.version >= last.version, "the version went back", { name, before: last, after: moment })
    }
    last = moment
    looks++
    assert.deepStrictEqual(moment.documents, expectedAt(moment), `${name} at ${JSON.stringify(moment.positions)}`)
  })

  return { once, looks: () => looks }
}

/** Does something while projections are watched. */
export const watching = <A, E, R>(
  watches: ReadonlyArray<ReturnType<typeof makeWatch>>,
  body: Effect.Effect<A, E, R>
): Effect.Effect<A, E | Violation, R> =>
  Effect.raceFirst(
    body,
    Effect.forEach(watches, ({ once }) => once, { discard: true }).pipe(
      Effect.repeat(Schedule.spaced("15 millis")),
      Effect.andThen(Effect.never)
    )
  )

const countBy = <A>(all: ReadonlyArray<A>, keyOf: (one: A) => string): Record<string, number> => {
  const counts: Record<string, number> = {}
  for (const one of all) counts[keyOf(one)] = (counts[keyOf(one)] ?? 0) + 1
  return counts
}

/** Fails unless each event of the log is found once. */
const eachOnce = (what: string, found: ReadonlyArray<{ readonly event: string }>, log: ReadonlyArray<Entry>) => {
  const times = countBy(found, ({ event }) => event)
  const missing = log.filter(({ id }) => times[id] === undefined).map(({ position }) => position)
  const doubled = log.filter(({ id }) => (times[id] ?? 0) > 1).map(({ position }) => position)
  assert.deepStrictEqual({ missing, doubled }, { missing: [], doubled: [] }, what)
  assert.strictEqual(found.length, log.length, what)
}

/** The events that a projection says to have handled, while nobody runs it or nothing is left to handle. */
const handledBy = (sql: PgClient.PgClient, name: string, after = 0) =>
  Effect.gen(function* () {
    const moment = yield* look(sql, name)
    if (moment === undefined) return yield* violated("a projection is not live", name)
    const log = yield* logAfter(sql, after)
    return { moment, handled: log.filter(({ position, stream }) => position <= handledOf(moment, stream)) }
  })

/** Whether documents by stream and by key, and the tables of a handler, show every event once. Gives how many events the log has. */
export const judge = (
  sql: PgClient.PgClient,
  names: { readonly streams?: string; readonly keys?: string; readonly lines?: string }
) =>
  Effect.gen(function* () {
    if (names.streams !== undefined) yield* makeWatch(sql, names.streams).once
    if (names.keys !== undefined) {
      const { handled, moment } = yield* handledBy(sql, names.keys)
      assert.deepStrictEqual(
        moment.documents,
        countBy(handled, ({ key }) => key)
      )
    }
    if (names.lines !== undefined) {
      const { handled } = yield* handledBy(sql, names.lines)
      const written = yield* sql.unsafe<{ readonly event: string }>(
        `SELECT event::text FROM eventfold."${names.lines}_lines"`
      )
      eachOnce(`lines of ${names.lines}`, written, handled)
      const counters = yield* sql.unsafe<{ readonly key: string; readonly n: number }>(
        `SELECT key, n::int FROM eventfold."${names.lines}_counters"`
      )
      assert.deepStrictEqual(
        Object.fromEntries(counters.map(({ key, n }) => [key, n])),
        countBy(handled, ({ key }) => key)
      )
    }
    return (yield* logAfter(sql, 0)).length
  })

/**
 * How often each event was handled in the phase "live", over all generations of a handler: once, each of them that was not there before the
 * first generation.
 */
export const judgePhases = (sql: PgClient.PgClient, name: string) =>
  Effect.gen(function* () {
    const generations = yield* sql.unsafe<{ readonly id: number; readonly first: number }>(
      `SELECT id, (replayed_to -> 0 ->> 0)::float8 AS first FROM eventfold.projection_generations WHERE name = $1::text ORDER BY id`,
      [name]
    )
    const lives = yield* Effect.forEach(generations, ({ id }) =>
      sql.unsafe<{ readonly event: string }>(
        `SELECT event::text FROM eventfold."${name}_${id}_lines" WHERE phase = 'live'`
      )
    )
    const { handled } = yield* handledBy(sql, name, generations[0]?.first ?? 0)
    eachOnce(`the phase live of ${name}`, lives.flat(), handled)
    return generations.length
  })

/** Nothing has failed, is parked or was passed over. */
export const nothingAside = (sql: PgClient.PgClient) =>
  Effect.gen(function* () {
    const aside = yield* sql.unsafe(
      `SELECT 'failed' AS what, generation, failure_problem AS problem FROM eventfold.projection_partitions WHERE state <> 'running'
UNION ALL SELECT 'parked', generation, problem FROM eventfold.projection_parked
UNION ALL SELECT 'skipped', generation, reason FROM eventfold.projection_skipped`
    )
    assert.deepStrictEqual(aside, [])
  })
