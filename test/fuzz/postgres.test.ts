/**
 * The same of the rows of a database, with every column of the log changed behind the store's back.
 */
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Array as Arr, DateTime, Effect, Exit, Layer, Logger, Option, Schedule, Stream } from "effect"
import { Aggregate, EventStore, Projection, type RecordedEvent, StreamName, Subscription, View } from "eventfold"
import { EmbeddedEventStore } from "eventfold/postgres/embedded"
import { evolve, initial, order, OrderEvent } from "./domain.ts"
import {
  badVersions,
  isSame,
  jsonText,
  mutateData,
  otherMetadata,
  otherTypes,
  type Random,
  short
} from "./mutations.ts"
import { foldRows, judge, type Row } from "./oracle.ts"
import {
  type Case,
  cases,
  checkDamage,
  checkDecode,
  checkError,
  failureOf,
  inCase,
  someRows,
  toAppend
} from "./support.ts"

const count = 1500

interface StoredRow extends Row {
  readonly id: string
  readonly stream: StreamName.StreamName
  readonly version: number
  readonly position: number
}

/** A change of one column of a row: its parameter as text, with how it is to be read. */
const damage = (
  random: Random,
  index: number,
  { data, version }: { readonly data: unknown; readonly version: number }
) => {
  const column = (name: string, type: string, value: unknown) => ({
    set: `${name} = $1::text::${type}`,
    value: value === null ? null : String(value),
    did: `version ${version}: ${name} is ${short(value)}`
  })
  switch (random.int(20)) {
    case 0:
      return column("type", "text", random.pick(otherTypes))
    case 1:
      return column("schema_version", "integer", random.pick([...badVersions, 1, 2, 3]))
    case 2:
      return column("metadata", "jsonb", jsonText(random.pick(otherMetadata)))
    case 3:
      return column("tags", "text[]", random.pick(["{NULL}", "{a,NULL}", "{}", `{"\\\\",""}`]))
    case 4:
      return column(
        "recorded_at",
        "timestamptz",
        random.pick(["infinity", "-infinity", "294000-01-01", "4000-01-01 BC", "1970-01-01"])
      )
    case 5:
      return column("version", "bigint", random.pick([0n, -1n, -(2n ** 63n), 2n ** 60n + 1n, 2n ** 63n - 1n, 17n]))
    case 6:
      return column("position", "bigint", random.pick([-BigInt(index), 2n ** 60n + BigInt(index)]))
    case 7:
      return column("stream", "text", random.pick([`order-moved-${index}`, `nowhere ${index}`, `${index}-`]))
    case 8:
      return column("id", "uuid", crypto.randomUUID())
    default: {
      const mutated = mutateData(random, data, 1000)
      // Half of a surrogate pair is what the database itself refuses.
      const json = jsonText(mutated.data).replaceAll(/\\ud[89a-f][0-9a-f]{2}/g, "?")
      return { ...column("data", "jsonb", json), did: `version ${version}: ${mutated.did}` }
    }
  }
}

/** All rows, as the database tells them. */
const allRows = Effect.gen(function* () {
  const sql = yield* PgClient.PgClient
  const rows = yield* sql.unsafe<{ readonly [column in keyof StoredRow]: string }>(
    `SELECT id::text, stream, version::text, position::text, type, schema_version::text AS "schemaVersion", data::text AS data
     FROM eventfold.events ORDER BY events.position`
  )
  return rows.map(({ data, position, schemaVersion, stream, version, ...rest }): StoredRow => ({
    ...rest,
    stream: stream as StreamName.StreamName,
    version: Number(version),
    position: Number(position),
    schemaVersion: Number(schemaVersion),
    data: JSON.parse(data)
  }))
})

const isPlace = (place: number): boolean => place >= 1 && place <= Number.MAX_SAFE_INTEGER

/** Holds what was read raw against what is stored. */
const checkRead = (read: ReadonlyArray<RecordedEvent.RecordedEvent>, stored: ReadonlyArray<StoredRow>): void => {
  assert.deepStrictEqual(
    read.map(({ id, position, version }) => ({ id, position, version })),
    stored.map(({ id, position, version }) => ({ id, position, version }))
  )
  for (const [index, { data, metadata, recordedAt, schemaVersion, stream, tags, type }] of read.entries()) {
    const row = stored[index]!
    assert.deepStrictEqual([type, schemaVersion, stream], [row.type, row.schemaVersion, row.stream])
    assert.isTrue(isSame(data, row.data), "the data is what is stored")
    assert.isTrue(DateTime.isDateTime(recordedAt) && Number.isFinite(recordedAt.epochMilliseconds))
    assert.isTrue(tags.every((tag) => typeof tag === "string"))
    assert.isTrue(typeof metadata === "object" && metadata !== null && !Array.isArray(metadata))
  }
}

/** Appends to many streams, damages one row of each, and gives what was appended and what was done. */
const damagedStreams = Effect.fnUntraced(function* (
  count: number,
  isMeant: (damage: { readonly set: string }) => boolean = () => true
) {
  const sql = yield* PgClient.PgClient
  const store = yield* EventStore.EventStore
  yield* sql.unsafe("ALTER TABLE eventfold.events DISABLE TRIGGER immutable")
  const told = new Map<number, string>()
  const writes: Array<EventStore.Write> = []
  yield* cases(count, ({ index, random }) =>
    Effect.sync(() => {
      const events = someRows(random, 1, 4).map((row) => toAppend(row))
      writes.push({ stream: `order-${index}`, expected: "no stream", events })
    })
  )
  yield* store.append(writes)
  const change = ({ events, stream }: EventStore.Write) =>
    inCase(Number(StreamName.id(stream)), (one) =>
      Effect.gen(function* () {
        const version = 1 + one.random.int(events.length)
        const of = { data: events[version - 1]!.data, version }
        let damaged = damage(one.random, one.index + 1, of)
        while (!isMeant(damaged)) damaged = damage(one.random, one.index + 1, of)
        const { did, set, value } = damaged
        one.did = did
        told.set(one.index, did)
        const at = [value, stream, BigInt(version)]
        yield* sql.unsafe(`UPDATE eventfold.events SET ${set} WHERE stream = $2::text AND version = $3::bigint`, at)
      })
    )
  yield* sql.withTransaction(Effect.forEach(writes, change, { discard: true }))
  return { told, writes }
})

describe("rows of a database that are damaged", () => {
  it.live(
    "are an error that says where and why, or come to what they say",
    () =>
      Effect.gen(function* () {
        const store = yield* EventStore.EventStore
        const orders = yield* Aggregate.make({ decider: order })

        const { told, writes } = yield* damagedStreams(count)
        const rows = yield* allRows
        const byStream = Arr.groupBy(rows, ({ stream }) => stream)
        const look = (one: Case) =>
          Effect.gen(function* () {
            one.did = told.get(one.index)!
            const id = String(one.index)
            const stream = orders.streamOf(id)
            const all = byStream[stream] ?? []
            const stored = all.filter(({ version }) => isPlace(version)).toSorted((a, b) => a.version - b.version)
            const read = yield* Stream.runCollect(store.readStream(stream))
            checkRead(read, stored)
            checkRead(
              yield* Stream.runCollect(store.readStream(stream, { direction: "backward" })),
              stored.toReversed()
            )
            for (const recorded of read) checkDecode(recorded)

            const gap = stored.findIndex(({ version }, index) => version !== index + 1)
            const { invalid, state } = foldRows(gap === -1 ? read : read.slice(0, gap))
            const loaded = yield* Effect.exit(orders.state(id))
            const noted = yield* Effect.exit(orders.execute(id, { _tag: "Note", note: "last" }))
            for (const [exit, expected] of [
              [loaded, state],
              [noted, evolve.Noted(state, { _tag: "Noted", note: "last", scores: {} })]
            ] as const) {
              const error = failureOf(exit)
              if (invalid !== undefined) checkError(error, invalid)
              else if (gap !== -1) checkDamage(error, stream, gap)
              else if (exit === noted && all.some(({ version }) => version > stored.length)) {
                assert.instanceOf(error, EventStore.ConcurrencyConflict)
              } else {
                assert.isTrue(
                  Exit.isSuccess(exit) && isSame(exit.value.state, expected),
                  "the state is what the rows come to"
                )
              }
            }
          })
        const parts = Arr.chunksOf(writes, 50)
        const lookAt = ({ stream }: EventStore.Write) => inCase(Number(StreamName.id(stream)), look)
        // Together, as loads that come together are one statement.
        yield* Effect.forEach(parts, (part) => Effect.forEach(part, lookAt, { discard: true }), {
          concurrency: "unbounded",
          discard: true
        })

        const before = rows.filter(({ position }) => isPlace(position))
        const last = before[before.length - 1]!.position
        checkRead(yield* Stream.runCollect(store.readLog({ to: last })), before)
        const broken = before.filter((row) => OrderEvent.stored.has(row.type) && !judge(row).isValid)[0]
        if (broken !== undefined) {
          const recorded = yield* Stream.runCollect(store.readLog({ from: broken.position, to: broken.position }))
          checkError(
            failureOf(yield* Effect.exit(Stream.runDrain(Subscription.stream({ events: OrderEvent })))),
            recorded[0]!
          )
        }
      }).pipe(Effect.provide(EmbeddedEventStore.layer())),
    60_000
  )

  it.live(
    "are parked by a projection with those that come behind them, and all others are in its documents",
    () =>
      Effect.gen(function* () {
        // Where a position is another one, a reader has come by it already or never comes to it.
        yield* damagedStreams(200, ({ set }) => !set.startsWith("position"))
        const rows = (yield* allRows).filter(({ type }) => OrderEvent.stored.has(type))
        const view = View.keyed({
          name: "summaries",
          events: OrderEvent,
          key: (_, { stream }) => stream,
          model: order.state,
          initial
        }).evolve(evolve)
        class Summaries extends Projection.Service<Summaries>()(
          "test/Summaries",
          Projection.make({ version: 1, view, retry: Schedule.recurs(0), onFailure: "park" })
        ) {}
        yield* Effect.gen(function* () {
          const reader = yield* Summaries
          yield* Effect.repeat(reader.status, {
            until: ([one]) => one?.lag === 0,
            schedule: Schedule.max([Schedule.spaced("20 millis"), Schedule.recurs(1000)])
          })
          const parked = new Map((yield* reader.parked).map((one) => [one.position, one.problem]))
          for (const [stream, all] of Object.entries(Arr.groupBy(rows, (row) => row.stream))) {
            const { invalid, state } = foldRows(all)
            const behind = invalid === undefined ? [] : all.slice(all.indexOf(invalid))
            const positions = all.map(({ position }) => position).filter((position) => parked.has(position))
            assert.deepStrictEqual(
              positions,
              behind.map(({ position }) => position)
            )
            if (invalid !== undefined) {
              const { position, version } = invalid
              const place = `in stream ${stream} at version ${version}, position ${position}, does not decode`
              assert.include(parked.get(position), place)
            }
            const summary = Option.getOrElse(yield* reader.get(stream), () => initial)
            assert.isTrue(isSame(summary, state), `what is kept of ${stream} is what its rows come to`)
          }
        }).pipe(Effect.provide(Summaries.layer))
      }).pipe(Effect.provide(Layer.merge(EmbeddedEventStore.layer(), Logger.layer([])))),
    60_000
  )
})
