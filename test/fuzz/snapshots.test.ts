/**
 * Snapshots that were damaged: whatever they are, the answer is the one without snapshots.
 */
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Option, Schedule } from "effect"
import { Aggregate, EventStore, SnapshotStore, StreamName } from "eventfold"
import { MemoryEventStore } from "eventfold/memory"
import { EmbeddedEventStore } from "eventfold/postgres/embedded"
import { order } from "./domain.ts"
import { isSame, jsonText, mutateData, nested, Random, short } from "./mutations.ts"
import { cases, seed, someRows, toAppend } from "./support.ts"

type Snapshot = SnapshotStore.Snapshot
type Found = Effect.Effect<Option.Option<Snapshot>, EventStore.StoreError>

/** What loads find instead of what is kept, and where reads of streams have begun. */
class Forgery extends Context.Service<Forgery, { found: Found | undefined; readonly reads: Array<number> }>()(
  "test/Forgery"
) {}

const forged = Layer.effectContext(
  Effect.gen(function* () {
    const all = yield* Layer.build(MemoryEventStore.layer)
    const forgery: Forgery["Service"] = { found: undefined, reads: [] }
    const snapshots = Context.get(all, SnapshotStore.SnapshotStore)
    const events = Context.get(all, EventStore.EventStore)
    return all.pipe(
      Context.add(Forgery, forgery),
      Context.add(SnapshotStore.SnapshotStore, {
        ...snapshots,
        load: (...args) => Effect.suspend(() => forgery.found ?? snapshots.load(...args))
      }),
      Context.add(EventStore.EventStore, {
        ...events,
        readStream: (stream, options) => {
          forgery.reads.push(options?.from ?? 1)
          return events.readStream(stream, options)
        }
      })
    )
  })
)

const withSnapshots = Aggregate.make({ decider: order, cache: { entries: 0 }, snapshots: { version: 1, every: 1 } })
const without = Aggregate.make({ decider: order, cache: { entries: 0 } })
const code = Aggregate.snapshotCode(order, 1)

/** Appends to some streams, has a snapshot taken of each, and appends a little more to some of them. */
const withStreams = (count: number, from = seed) =>
  Effect.gen(function* () {
    const store = yield* EventStore.EventStore
    const snapshots = yield* SnapshotStore.SnapshotStore
    const orders = yield* withSnapshots
    const random = new Random(from)
    const appendTo = (least: number, most: number) =>
      Effect.forEach(
        Array.from({ length: count }, (_, index): StreamName.StreamName => `order-${index}`),
        (stream) => {
          const events = someRows(random, least, most).map((row) => toAppend(row))
          return events.length === 0 ? Effect.void : store.append([{ stream, expected: "any", events }])
        }
      )
    yield* appendTo(1, 6)
    const taken = yield* Effect.forEach(Array.from({ length: count }), (_, index) =>
      Effect.gen(function* () {
        yield* orders.execute(String(index), { _tag: "Look" })
        const load = snapshots.load(code, `order-${index}`)
        return Option.getOrThrow(
          yield* Effect.repeat(load, { until: Option.isSome, schedule: Schedule.recurs(10_000) })
        )
      })
    )
    yield* appendTo(0, 2)
    return taken
  })

/** Snapshots of other events of the same streams, and at other positions: those of another log. */
const elsewhere = (count: number) =>
  Effect.gen(function* () {
    const store = yield* EventStore.EventStore
    // At positions that this log does not come to: a snapshot is known to be of another log by its last event's version and position.
    const before = someRows(new Random(seed), 100 * count, 100 * count).map((row) => toAppend(row))
    yield* store.append([{ stream: "other-1", expected: "no stream", events: before }])
    return yield* withStreams(count, seed + 1)
  }).pipe(Effect.scoped, Effect.provide(Layer.fresh(forged)))

/** Damages a snapshot, or has another one found, or none. */
const forge = (random: Random, snapshot: Snapshot, others: ReadonlyArray<Snapshot>) => {
  const changed = (change: Partial<Snapshot>, did: string) => ({
    found: Effect.succeedSome({ ...snapshot, ...change }),
    did
  })
  const [state, digest] = Object.values(snapshot.state as { readonly [key: string]: Snapshot["state"] })
  switch (random.int(10)) {
    case 0: {
      const version = random.pick([0, -1, 1, snapshot.version + 1, 2 ** 60, NaN])
      return changed({ version }, `its version is ${version}`)
    }
    case 1: {
      const position = random.pick([0, -1, 1, snapshot.position + 1, 2 ** 60, NaN])
      return changed({ position }, `its position is ${position}`)
    }
    case 2: {
      const { state, version } = random.pick(others)
      return changed(random.int(2) === 0 ? { state } : { state, version }, "its state is that of another stream")
    }
    case 3:
      return { found: Effect.succeedSome(random.pick(others)), did: "it is that of another stream, or another log" }
    case 7: {
      const other = random.pick(others.filter(({ stream }) => stream === snapshot.stream))
      return { found: Effect.succeedSome(other), did: "it is that of another log" }
    }
    case 4: {
      const error = new EventStore.StoreError({
        reason: random.pick(["Unexpected", "Unavailable", "Timeout"]),
        problem: "it cannot be loaded"
      })
      return { found: Effect.fail(error), did: error.reason }
    }
    case 5: {
      const other = random.pick([null, "", String(digest).toUpperCase(), String(digest).slice(1), 5])
      return changed({ state: { state: state!, digest: other } }, `its digest is ${other}`)
    }
    case 6: {
      const deep = nested(null, random.pick([500, 5000, 100_000]), (inner) => [inner]) as Snapshot["state"]
      const where = random.pick<Snapshot["state"]>([
        deep,
        { state: deep, digest: digest! },
        { state: state!, digest: deep }
      ])
      return changed({ state: where }, "it is very deep")
    }
    default: {
      const { data, did } = mutateData(random, snapshot.state, Infinity)
      return changed({ state: data as Snapshot["state"] }, did)
    }
  }
}

/** Asks with snapshots and without. */
const compared = Effect.gen(function* () {
  const [orders, plain] = [yield* withSnapshots, yield* without]
  return Effect.fnUntraced(function* (id: string, random: Random) {
    const expected = yield* plain.execute(id, { _tag: "Look" })
    const found = yield* orders.execute(id, { _tag: "Look" })
    if (!isSame(found, expected)) {
      throw new Error(`with snapshots it is ${short(found)}, and without ${short(expected)}`)
    }
    const options = random.int(2) === 0 ? {} : { at: { version: random.int(expected.version + 2) } }
    assert.isTrue(isSame(yield* orders.state(id, options), yield* plain.state(id, options)))
    if (random.int(4) > 0) return
    const noted = yield* orders.execute(id, { _tag: "Note", note: "more" })
    assert.strictEqual(noted.version, expected.version + 1)
    assert.isTrue(isSame(noted.state, (yield* plain.state(id)).state))
  })
})

describe("snapshots that are damaged", () => {
  it.effect(
    "change no answer",
    () =>
      Effect.gen(function* () {
        const forgery = yield* Forgery
        const taken = yield* withStreams(20)
        const others = [...taken, ...(yield* elsewhere(20))]
        const compare = yield* compared
        // One that is whole is used.
        forgery.reads.length = 0
        yield* (yield* withSnapshots).execute("0", { _tag: "Look" })
        assert.deepStrictEqual(forgery.reads, [taken[0]!.version])
        yield* cases(1000, (one) => {
          const snapshot = one.random.pick(taken)
          const ofOthers = others.filter((other) => other !== snapshot)
          const { did, found } = forge(one.random, snapshot, ofOthers)
          one.did = `of ${snapshot.stream} at version ${snapshot.version}: ${did}`
          forgery.found = found
          return compare(StreamName.id(snapshot.stream), one.random)
        })
      }).pipe(Effect.scoped, Effect.provide(forged)),
    60_000
  )

  it.live(
    "in a database change no answer",
    () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const taken = yield* withStreams(500)
        const compare = yield* compared
        yield* cases(500, (one) =>
          Effect.gen(function* () {
            const { state, stream, version } = taken[one.index % taken.length]!
            const text = JSON.stringify(state)
            const [column, value] = one.random.pick<() => readonly [string, string]>([
              () => ["state", jsonText(mutateData(one.random, state, 3000).data)],
              () => ["state", jsonText(mutateData(one.random, state, 3000).data)],
              () => ["state", text.slice(0, one.random.int(text.length))],
              () => ["state", one.random.pick(["", "{", "undefined", "1e400", "[".repeat(100_000), "\ufeff{}"])],
              () => ["state", "[".repeat(100_000) + "]".repeat(100_000)],
              () => ["version", one.random.pick(["0", "-1", String(version + 1), String(2n ** 60n)])],
              () => ["position", one.random.pick(["0", "-1", "1", String(2n ** 60n)])],
              () => ["stream", `order-${one.index + 1000}`],
              () => ["code", "order/other/1"]
            ])()
            one.did = `of ${stream} at version ${version}: ${column} is ${value.slice(0, 200)}`
            const cast = column === "version" || column === "position" ? "bigint" : "text"
            yield* sql.unsafe(
              `UPDATE eventfold.snapshots SET ${column} = $1::text::${cast} WHERE stream = $2::text AND version = $3::bigint`,
              [value, stream, BigInt(version)]
            )
            yield* compare(StreamName.id(stream), one.random)
          })
        )
      }).pipe(Effect.scoped, Effect.provide(EmbeddedEventStore.layer())),
    60_000
  )
})
