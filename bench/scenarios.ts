/**
 * What is measured: a store at work, and beside it the same server and client at the same rows without one.
 */
import { PgClient } from "@effect/sql-pg"
import { Effect, FileSystem, type PlatformError, Result, Stream } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import { Event, type EventStore, type RecordedEvent } from "eventfold"
import { PostgresEventStore } from "eventfold/postgres"
import { type CheckFailed, logIsContiguous, same, streamsAreWhole, tablesAgree } from "./checks.ts"
import * as Limits from "./limits.ts"
import { inTurns, timed } from "./measure.ts"
import { report } from "./report.ts"
import { Booked, inOrder, type Lane, lanes, sumOf } from "./rows.ts"
import type { Server } from "./server.ts"

/** How much is measured. */
export interface Size {
  readonly rounds: number
  /** How many events each fiber appends, by the number of fibers. */
  readonly appends: ReadonlyArray<readonly [fibers: number, each: number]>
  /** How many streams of 1,000 events there are to read. */
  readonly streams: number
}

/** What can go wrong in measuring. */
type Failed =
  | CheckFailed
  | EventStore.AppendError
  | Event.DecodeError
  | SqlError
  | Limits.NoFile
  | PlatformError.PlatformError

type Store = EventStore.EventStore["Service"]

const appendRow =
  (store: Store) =>
  ({ event, stream, version }: Lane[number]) =>
    Effect.flatMap(store.append([{ stream, expected: version - 1, events: [event] }]), ({ repeated, versions }) =>
      versions[0] === version && !repeated
        ? Effect.void
        : same(`the answer to an append to ${stream}`, versions, [version])
    )

const copyAt = 500

/** Single-event appends with an exact expectation, to one stream of each fiber. */
export const appends = Effect.fn("appends")(function* (server: Server, size: Size, fibers: number, each: number) {
  const sql = yield* PgClient.PgClient
  const schema = `append_${fibers}`
  const [events, inserted, copied] = [`${schema}.events`, `${schema}.inserted`, `${schema}.copied`]
  const store = yield* PostgresEventStore.make({ schema })
  yield* Limits.createLike(sql, inserted, events)
  yield* Limits.createLike(sql, copied, events)
  const insert = Limits.inserter(sql, inserted)
  const files = yield* FileSystem.FileSystem
  const withCopy = fibers === copyAt

  const samples = yield* inTurns<Failed, FileSystem.FileSystem>(size.rounds, (round) =>
    Effect.gen(function* () {
      const written = { category: `round${round}`, streams: fibers, each }
      const all = lanes(written.category, fibers, each)
      const file = `${server.folder}/${schema}.copy`
      if (withCopy) yield* Limits.writeCopyFile(file, all, round * fibers * each)
      const copy = timed(
        [[file]],
        (path) => Limits.copyFile(sql, copied, path),
        () => fibers * each
      )
      return {
        subjects: [
          ["eventfold", timed(all, appendRow(store))],
          ["INSERT", timed(all, insert)],
          ...(withCopy ? [["COPY", copy] as const] : [])
        ],
        check: Effect.gen(function* () {
          yield* logIsContiguous(sql, events, yield* store.head)
          for (const table of [events, inserted, ...(withCopy ? [copied] : [])]) {
            yield* streamsAreWhole(sql, table, written)
            yield* tablesAgree(sql, table, inserted, written)
          }
          if (withCopy) yield* files.remove(file)
        })
      } as const
    })
  )
  return report(`append, ${fibers} ${fibers === 1 ? "fiber" : "fibers"}`, samples, [
    { by: "rate", of: "eventfold", to: "INSERT" },
    { by: "p50", of: "eventfold", to: "INSERT", ...(fibers === 1 ? { target: { atMost: 1.5 } } : {}) },
    ...(withCopy ? [{ by: "rate", of: "eventfold", to: "COPY", target: { atLeast: 0.6 } } as const] : [])
  ])
}, Effect.scoped)

const streamLength = 1000
const writeLength = 10

/** A store with streams of 1,000 events, which have come into the log by turns. */
const filledStore = Effect.fnUntraced(function* (schema: string, streams: number) {
  const sql = yield* PgClient.PgClient
  const store = yield* PostgresEventStore.make({ schema })
  const all = lanes("account", streams, streamLength)
  yield* Effect.forEach(
    all,
    Effect.fnUntraced(function* (lane) {
      for (let expected = 0; expected < lane.length; expected += writeLength) {
        const events = lane.slice(expected, expected + writeLength).map(({ event }) => event)
        yield* store.append([{ stream: lane[expected]!.stream, expected, events }])
      }
    }),
    { concurrency: "unbounded", discard: true }
  )
  yield* sql.unsafe(`VACUUM (ANALYZE) ${schema}.events`).unprepared
  yield* logIsContiguous(sql, `${schema}.events`, inOrder(all).length)
  yield* streamsAreWhole(sql, `${schema}.events`, { category: "account", streams, each: streamLength })
  return { sql, store, names: all.map(([first]) => first!.stream) }
})

/** What has been read: how many events, the sum of their amounts, and how many were not next to the one before them. */
class Tally {
  events = 0
  sum = 0
  gaps = 0
  add(place: number, amount: number): void {
    this.events++
    this.sum += amount
    if (place !== this.events) this.gaps++
  }
  is(what: string, events: number, sum: number) {
    return same(what, [this.events, this.sum, this.gaps].join(), [events, sum, 0].join())
  }
}

/** Decodes every event of a page, and adds it to what has been read. */
const decodeInto =
  (tally: Tally, by: "version" | "position") =>
  (page: ReadonlyArray<RecordedEvent.RecordedEvent>): Effect.Effect<void, Event.DecodeError> =>
    Effect.suspend(() => {
      for (const recorded of page) {
        const decoded = Event.decode(Booked, recorded)
        if (Result.isFailure(decoded)) return Effect.fail(decoded.failure)
        for (const { amount } of decoded.success) tally.add(recorded[by], amount)
      }
      return Effect.void
    })

/** Streams of 1,000 events, one after the other. */
const loads = Effect.fnUntraced(function* (
  { names, sql, store }: Effect.Success<ReturnType<typeof filledStore>>,
  schema: string,
  size: Size
) {
  const load = Effect.fnUntraced(function* (stream: (typeof names)[number]) {
    const tally = new Tally()
    yield* Stream.runForEachArray(store.readStream(stream), decodeInto(tally, "version"))
    yield* tally.is(`what was loaded of ${stream}`, streamLength, sumOf(streamLength))
  })
  const select = Effect.fnUntraced(function* (stream: string) {
    const tally = new Tally()
    for (const { data, version } of yield* Limits.selectStream(sql, `${schema}.events`, stream)) {
      tally.add(Number(version), data.amount)
    }
    yield* tally.is(`what was selected of ${stream}`, streamLength, sumOf(streamLength))
  })
  const samples = yield* inTurns<Failed, never>(size.rounds, () =>
    Effect.succeed({
      subjects: [
        ["eventfold", timed([names], load, () => streamLength)],
        ["SELECT", timed([names], select, () => streamLength)]
      ],
      check: Effect.void
    } as const)
  )
  return report("load a stream of 1,000 events, decoded", samples, [
    { by: "rate", of: "eventfold", to: "SELECT", target: { atLeast: 0.7 } }
  ])
})

/** The whole log, from its first event to its last. */
const logs = Effect.fnUntraced(function* (
  { names, sql, store }: Effect.Success<ReturnType<typeof filledStore>>,
  schema: string,
  size: Size
) {
  const length = names.length * streamLength
  const sum = names.length * sumOf(streamLength)
  const read = Effect.fnUntraced(function* () {
    const tally = new Tally()
    yield* Stream.runForEachArray(store.readLog(), decodeInto(tally, "position"))
    yield* tally.is("what was read of the log", length, sum)
  })
  const select = Effect.fnUntraced(function* () {
    const tally = new Tally()
    for (let after = 0, read = -1; read !== 0;) {
      const page = yield* Limits.selectPage(sql, `${schema}.events`, after)
      for (const { data, position } of page) tally.add(Number(position), data.amount)
      read = page.length
      after += read
    }
    yield* tally.is("what was selected of the log", length, sum)
  })
  const samples = yield* inTurns<Failed, never>(size.rounds, () =>
    Effect.succeed({
      subjects: [
        ["eventfold", timed([[0]], read, () => length)],
        ["paged SELECT", timed([[0]], select, () => length)]
      ],
      check: Effect.void
    } as const)
  )
  return report("read the log, decoded", samples, [{ by: "rate", of: "eventfold", to: "paged SELECT" }])
})

/** Reading, of one store that is filled for it. */
export const reads = Effect.fn("reads")(function* (size: Size) {
  const schema = "reading"
  const filled = yield* filledStore(schema, size.streams)
  return [yield* loads(filled, schema, size), yield* logs(filled, schema, size)]
}, Effect.scoped)
