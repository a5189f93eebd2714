/**
 * Copies of a log under a pure function.
 */
import { assert, describe, it } from "@effect/vitest"
import { Context, DateTime, Duration, Effect, Exit, Fiber, Layer, Result, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"
import {
  Copy,
  Event,
  EventStore,
  Health,
  type ProcessStore,
  ProjectionStore,
  type RecordedEvent,
  StreamName
} from "eventfold"
import { MemoryEventStore } from "eventfold/memory"
import { PostgresEventStore } from "eventfold/postgres"
import { EmbeddedEventStore } from "eventfold/postgres/embedded"

type Stores = Context.Context<EventStore.EventStore | ProjectionStore.ProjectionStore | ProcessStore.ProcessStore>
type Recorded = RecordedEvent.RecordedEvent

const memory = Layer.build(Layer.fresh(MemoryEventStore.layer))
const storeOf = (context: Context.Context<EventStore.EventStore>) => Context.get(context, EventStore.EventStore)
const projectionsOf = (context: Stores) => Context.get(context, ProjectionStore.ProjectionStore)
const readAll = (context: Context.Context<EventStore.EventStore>, options?: EventStore.ReadOptions) =>
  Stream.runCollect(storeOf(context).readLog(options))

/** Numbers from 0 up to 1, the same for the same seed. */
const randomOf = (seed: number) => {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

const types = ["Opened", "Paid", "Noise", "Moved"]
const epoch = Date.UTC(1999, 11, 31, 23, 59, 58)

/** So many recorded events of some streams, at times of long ago. */
const fill = Effect.fnUntraced(function* (context: Context.Context<EventStore.EventStore>, count: number, seed = 1) {
  const random = randomOf(seed)
  const before = yield* storeOf(context).head
  let time = epoch + 10_000 * before
  let cause: string | undefined
  const events = Array.from({ length: count }, (_, i): EventStore.RestoredEvent => {
    const id = crypto.randomUUID()
    time += Math.floor(random() * 3)
    const causation = cause === undefined ? {} : { causationId: cause, correlationId: cause }
    cause = random() < 0.3 ? undefined : id
    return {
      id,
      stream: StreamName.make(random() < 0.5 ? "acct" : "cart", String(Math.floor(random() * 7))),
      type: types[Math.floor(random() * types.length)]!,
      schemaVersion: 1 + Math.floor(random() * 3),
      recordedAt: DateTime.makeUnsafe(time),
      data: { n: before + i, text: 'é"\\' },
      tags: random() < 0.3 ? [`n:${i % 5}`, "odd"] : [],
      metadata: { ...causation, actor: "ada", own: { list: [i] } }
    }
  })
  for (let i = 0; i < events.length; i += 1000) yield* storeOf(context).restore(events.slice(i, i + 1000))
  return events
})

/** What a target must hold that was empty: a fold of the transform over the source, and no more than that. */
const folded = (copy: Copy.Copy, source: ReadonlyArray<Recorded>): ReadonlyArray<Recorded> => {
  const versions = new Map<string, number>()
  return source
    .flatMap((recorded) => Copy.transformed(copy, recorded))
    .map((event, i) => {
      const version = (versions.get(event.stream) ?? 0) + 1
      versions.set(event.stream, version)
      return { ...event, version, position: i + 1 }
    })
}

const plain = (events: ReadonlyArray<Recorded>) =>
  events.map((event) => ({ ...event, recordedAt: DateTime.formatIso(event.recordedAt) }))

const assertCopied = (copy: Copy.Copy, source: ReadonlyArray<Recorded>, target: ReadonlyArray<Recorded>) =>
  assert.deepStrictEqual(plain(target), plain(folded(copy, source)))

/** Renames, splits, drops and rewrites. */
const changing = Copy.make({
  name: "changing",
  transform: Copy.compose(
    Copy.drop([{ types: ["Noise"], tags: ["odd"] }]),
    Copy.renameTypes({ Opened: "AccountOpened" }),
    Copy.renameCategories({ acct: "account" }),
    Copy.rewrite({ Paid: (data) => ({ before: data, currency: "EUR" }) }),
    (recorded) =>
      recorded.type === "Moved"
        ? [
            { ...recorded, type: "Left" },
            { ...recorded, type: "Arrived", stream: "place-1" },
            { ...recorded, type: "Arrived", tags: ["third"] }
          ]
        : [recorded]
  )
})

/** A source of so many events, and an empty target. */
const scene = Effect.fnUntraced(function* (count: number, seed?: number) {
  yield* TestClock.setTime(Date.UTC(2026, 0, 1))
  const from = yield* memory
  const to: Stores = yield* memory
  yield* fill(from, count, seed)
  return { from, to }
})

/** The one event that a transform makes of another. */
const becomes = (transform: Copy.Transform, fields: Partial<Recorded>) => {
  const recorded: Recorded = {
    id: "0198c5a0-0000-7000-8000-000000000001",
    type: "Paid",
    schemaVersion: 1,
    stream: "acct-a-b",
    version: 3,
    position: 9,
    recordedAt: DateTime.makeUnsafe(epoch),
    data: { amount: 3 },
    tags: ["x"],
    metadata: { actor: "ada" },
    ...fields
  }
  return Copy.transformed(Copy.make({ name: "one", transform }), recorded).map(({ recordedAt, ...event }) => {
    assert.strictEqual(recordedAt.epochMilliseconds, epoch)
    return event
  })
}

const paid: Copy.Copied & { readonly id: string } = {
  id: "0198c5a0-0000-7000-8000-000000000001",
  type: "Paid",
  schemaVersion: 1,
  stream: "acct-a-b",
  data: { amount: 3 },
  tags: ["x"],
  metadata: { actor: "ada" }
}

describe("a transform", () => {
  it("keeps, drops, renames and rewrites", () => {
    assert.deepStrictEqual(becomes(Copy.keep, {}), [paid])
    assert.deepStrictEqual(becomes(Copy.drop([{ tags: ["x"] }]), {}), [])
    assert.deepStrictEqual(becomes(Copy.drop([{ tags: ["y"] }]), {}), [paid])
    assert.deepStrictEqual(becomes(Copy.renameTypes({ Paid: "Settled" }), {}), [{ ...paid, type: "Settled" }])
    assert.deepStrictEqual(becomes(Copy.renameTypes({ Owed: "Settled" }), {}), [paid])
    assert.deepStrictEqual(becomes(Copy.renameTypes({}), { type: "toString" }), [{ ...paid, type: "toString" }])
    const renamed = Copy.renameCategories({ acct: "account" })
    assert.deepStrictEqual(becomes(renamed, {}), [{ ...paid, stream: "account-a-b" }])
    assert.deepStrictEqual(becomes(renamed, { stream: "accts-1" }), [{ ...paid, stream: "accts-1" }])
    const rewritten = Copy.rewrite({ Paid: (data, { version }) => ({ data, version }) })
    assert.deepStrictEqual(becomes(rewritten, {}), [{ ...paid, data: { data: { amount: 3 }, version: 3 } }])
    assert.deepStrictEqual(becomes(rewritten, { type: "Owed" }), [{ ...paid, type: "Owed" }])
  })

  it("splits: the first keeps the id, the others have ids of their own that are the same each time", () => {
    const split: Copy.Transform = (recorded) => [recorded, { ...recorded, type: "B" }, { ...recorded, type: "C" }]
    const events = becomes(split, {})
    assert.deepStrictEqual(
      events.map(({ type }) => type),
      ["Paid", "B", "C"]
    )
    assert.strictEqual(events[0]!.id, paid.id)
    assert.strictEqual(new Set(events.map(({ id }) => id)).size, 3)
    assert.deepStrictEqual(becomes(split, {}), events)
  })

  it("that is composed sees what the one before has made", () => {
    const both = Copy.compose(
      (recorded) => [recorded, { ...recorded, type: "B", stream: "b-1" }],
      Copy.renameTypes({ B: "C" }),
      Copy.drop([{ types: ["Paid"] }]),
      Copy.renameCategories({ b: "c" })
    )
    // What was the second is now the first, and so the one that has the id.
    assert.deepStrictEqual(becomes(both, {}), [{ ...paid, type: "C", stream: "c-1" }])
    assert.deepStrictEqual(becomes(Copy.compose(), {}), [paid])
  })

  const Old = Event.define({
    Paid: Event.version({ amount: Schema.Int }).next({ cents: Schema.Int }, ({ amount }) => ({ cents: 100 * amount })),
    Closed: {}
  })
    .renamed({ Paid: "Settled" })
    .retired("PaidAndClosed", { amount: Schema.Int }, ({ amount }) => [
      { _tag: "Paid", cents: 100 * amount },
      { _tag: "Closed" }
    ])
    .tagged({ Paid: ({ cents }) => [`cents:${cents}`] })

  it("upcasts for good: newest version, name and tags of today, retired types replaced", () => {
    const today = { ...paid, schemaVersion: 2, data: { cents: 300 }, tags: ["cents:300"] }
    assert.deepStrictEqual(becomes(Copy.upcast(Old), {}), [today])
    assert.deepStrictEqual(becomes(Copy.upcast(Old), { type: "Settled" }), [today])
    const [first, second] = becomes(Copy.upcast(Old), { type: "PaidAndClosed" })
    assert.deepStrictEqual(first, today)
    assert.deepStrictEqual({ ...second!, id: "" }, { ...paid, id: "", type: "Closed", data: {}, tags: [] })
    assert.deepStrictEqual(becomes(Copy.upcast(Old), { type: "Unknown" }), [{ ...paid, type: "Unknown" }])
  })

  it("upcasts under the numbers that versions have: to begin at 1 again takes a translation into fresh definitions", () => {
    const WithoutOldNames = Event.define({
      Paid: Event.version({ amount: Schema.Int }).next({ cents: Schema.Int }, ({ amount }) => ({
        cents: 100 * amount
      })),
      Closed: {}
    })
    const Fresh = Event.define({ Paid: { cents: Schema.Int }, Closed: {} })
    const read = <E extends Event.Tagged>(definitions: Event.Definitions<E>, transform: Copy.Transform) =>
      ["Paid", "Settled", "PaidAndClosed"].flatMap((type) =>
        becomes(transform, { type }).map((copied) => {
          const recorded: Recorded = {
            ...copied,
            id: paid.id,
            version: 1,
            position: 1,
            recordedAt: DateTime.makeUnsafe(epoch)
          }
          return Result.mapError(Event.decode(definitions, recorded), ({ reason }) => reason)
        })
      )
    const expected = [
      { _tag: "Paid", cents: 300 },
      { _tag: "Paid", cents: 300 },
      { _tag: "Paid", cents: 300 },
      { _tag: "Closed" }
    ]
    const succeeding = expected.map((event) => Result.succeed([event]))
    assert.deepStrictEqual<unknown>(read(WithoutOldNames, Copy.upcast(Old)), succeeding)
    assert.strictEqual(read(Fresh, Copy.upcast(Old)).filter(Result.isFailure).length, 3)
    assert.deepStrictEqual<unknown>(
      read(
        Fresh,
        Copy.translate(Old, Fresh, (event) => [event])
      ),
      succeeding
    )
  })

  it("translates events to those of other definitions", () => {
    const New = Event.define({ MoneyReceived: { cents: Schema.BigInt } })
    const translated = Copy.translate(Old, New, (event, { stream }) =>
      event._tag === "Paid" && stream !== "acct-z" ? [{ _tag: "MoneyReceived", cents: BigInt(event.cents) }] : []
    )
    assert.deepStrictEqual(becomes(translated, {}), [
      { ...paid, type: "MoneyReceived", data: { cents: "300" }, tags: [] }
    ])
    assert.deepStrictEqual(becomes(translated, { stream: "acct-z" }), [])
    // @ts-expect-error -- the second definitions have no such event
    Copy.translate(Old, New, () => [{ _tag: "MoneyLost", cents: 1n }])
    // @ts-expect-error -- the event has another field
    Copy.translate(Old, New, () => [{ _tag: "MoneyReceived", cents: 1 }])
    assert.throws(() => becomes(translated, { data: { amount: "3" } }), /does not decode/)
  })
})

describe("a copy", () => {
  it.effect("holds event for event what the transform makes of the source, in order, with times and causes", () =>
    Effect.gen(function* () {
      const { from, to } = yield* scene(2500)
      const before = yield* readAll(from)
      const report = yield* Copy.run(changing, { from, to })
      const [source, target] = [yield* readAll(from), yield* readAll(to)]
      assertCopied(changing, source, target)
      assert.deepStrictEqual(source, before)
      assert.isTrue(source.some(({ tags, type }) => type === "Noise" && tags.length > 0))
      const times = target.map(({ recordedAt }) => recordedAt.epochMilliseconds)
      assert.deepStrictEqual(
        times,
        times.toSorted((a, b) => a - b)
      )
      assert.strictEqual(times[0], source[0]!.recordedAt.epochMilliseconds)
      // Every cause that was not dropped is found under the id that it has always had.
      const ids = new Set(target.map(({ id }) => id))
      const kept = new Set(source.filter(({ tags, type }) => type !== "Noise" || tags.length === 0).map(({ id }) => id))
      for (const { metadata } of target) {
        const { causationId } = metadata
        if (causationId !== undefined) assert.strictEqual(ids.has(causationId), kept.has(causationId))
      }
      assert.strictEqual(report.upTo, 2500)
    })
  )

  it.effect("reports counts that add up", () =>
    Effect.gen(function* () {
      const { from, to } = yield* scene(1200)
      const reports = yield* Stream.runCollect(Copy.stream(changing, { from, to }))
      const report = reports[reports.length - 1]!
      const [source, target] = [yield* readAll(from), yield* readAll(to)]
      const count = (events: ReadonlyArray<Recorded>) => {
        const counts: Record<string, number> = {}
        for (const { type } of events) counts[type] = (counts[type] ?? 0) + 1
        return counts
      }
      assert.deepStrictEqual(report, {
        upTo: 1200,
        read: 1200,
        written: target.length,
        dropped: source.filter((recorded) => Copy.transformed(changing, recorded).length === 0).length,
        byType: { in: count(source), out: count(target) }
      })
      assert.isAbove(report.dropped, 0)
      assert.isAbove(reports.length, 3)
      assert.deepStrictEqual(
        reports.map(({ upTo }) => upTo),
        reports.map(({ upTo }) => upTo).toSorted((a, b) => a - b)
      )
      // In all runs together.
      assert.deepStrictEqual(yield* Copy.run(changing, { from, to }), report)
    })
  )

  it.effect("ends at the head that the source had when it began, and goes on from there when it is run again", () =>
    Effect.gen(function* () {
      const { from, to } = yield* scene(300)
      const more = storeOf(from).append([
        {
          stream: "acct-1",
          expected: "any",
          events: [{ id: crypto.randomUUID(), type: "Paid", schemaVersion: 1, data: 1, tags: [], metadata: {} }]
        }
      ])
      const first = yield* Stream.runLast(Stream.tap(Copy.stream(changing, { from, to }), () => more))
      assert.strictEqual(first._tag === "Some" ? first.value.upTo : 0, 300)
      const head = yield* storeOf(from).head
      assert.isAbove(head, 300)
      assert.strictEqual((yield* Copy.run(changing, { from, to })).upTo, head)
      assertCopied(changing, yield* readAll(from), yield* readAll(to))
    })
  )

  it.effect("copies the events of a query, or some streams, alone", () =>
    Effect.gen(function* () {
      const { from, to } = yield* scene(500)
      const some = Copy.make({
        name: "some",
        from: { query: [{ types: ["Paid", "Moved"] }], streams: ["acct-1", "cart-2"] }
      })
      const report = yield* Copy.run(some, { from, to })
      const its = (yield* readAll(from)).filter(
        ({ stream, type }) => ["Paid", "Moved"].includes(type) && ["acct-1", "cart-2"].includes(stream)
      )
      assertCopied(some, its, yield* readAll(to))
      assert.deepStrictEqual([report.upTo, report.read, report.written], [500, its.length, its.length])

      const other: Stores = yield* memory
      const streams = Copy.make({ name: "streams", from: { streams: ["acct-1"] } })
      yield* Copy.run(streams, { from, to: other })
      const ofStream = yield* Stream.runCollect(storeOf(from).readStream("acct-1"))
      assert.deepStrictEqual(
        (yield* readAll(other)).map(({ id, version }) => [id, version]),
        ofStream.map(({ id, version }) => [id, version])
      )
    })
  )

  it.effect("comes after what the target holds", () =>
    Effect.gen(function* () {
      const { from, to } = yield* scene(100)
      const before: EventStore.RestoredEvent = {
        id: crypto.randomUUID(),
        stream: "acct-1",
        type: "Paid",
        schemaVersion: 1,
        recordedAt: DateTime.makeUnsafe(-1000),
        data: 0,
        tags: [],
        metadata: {}
      }
      yield* storeOf(to).restore([before])
      const copy = Copy.make({ name: "after" })
      yield* Copy.run(copy, { from, to })
      const all = yield* readAll(to)
      assert.strictEqual(all[0]!.id, before.id)
      assertCopied(copy, [{ ...before, version: 1, position: 1 }, ...(yield* readAll(from))], all)
    })
  )

  it.effect("reads no more than a few pages ahead of what it has written", () =>
    Effect.gen(function* () {
      const { from, to } = yield* scene(6000)
      let read = 0
      let ahead = 0
      const source = Context.make(EventStore.EventStore, {
        ...storeOf(from),
        readLog: (options) =>
          Stream.mapArray(storeOf(from).readLog(options), (page) => {
            read += page.length
            return page
          })
      })
      const projections = projectionsOf(to)
      const target = Context.add(
        to,
        ProjectionStore.ProjectionStore,
        ProjectionStore.ProjectionStore.of({
          ...projections,
          // Slow enough for the source to be read as far as it may be.
          commit: (claim, progress, work) =>
            Effect.forEach(Array.from({ length: 200 }), () => Effect.yieldNow, { discard: true }).pipe(
              Effect.tap(() => Effect.sync(() => (ahead = Math.max(ahead, read - claim.position)))),
              Effect.andThen(projections.commit(claim, progress, work))
            )
        })
      )
      yield* Copy.run(changing, { from: source, to: target })
      assert.isAtMost(ahead, 4 * 256)
      assert.strictEqual(read, 6000)
    })
  )

  it.effect("of an empty source is nothing", () =>
    Effect.gen(function* () {
      const { from, to } = yield* scene(0)
      assert.strictEqual((yield* Copy.run(changing, { from, to })).read, 0)
      assert.strictEqual(yield* storeOf(to).head, 0)
    })
  )
})

describe("what stops a copy", () => {
  const throwing = (isBroken: () => boolean) =>
    Copy.make({
      name: "throwing",
      transform: (recorded) => {
        if (recorded.position === 333 && isBroken()) throw new Error("no such currency")
        return changing.transform(recorded)
      }
    })

  it.effect(
    "is a throw of the transform: it names the event, all before it is copied, and the fixed copy goes on",
    () =>
      Effect.gen(function* () {
        const { from, to } = yield* scene(600)
        const source = yield* readAll(from)
        let isBroken = true
        const copy = throwing(() => isBroken)
        for (let i = 0; i < 2; i++) {
          const failure = yield* Effect.flip(Copy.run(copy, { from, to }))
          const { id, position, stream, type, version } = source[332]!
          assert.deepInclude(failure, {
            copy: "throwing",
            by: "transform",
            eventId: id,
            stream,
            type,
            version,
            position
          })
          assert.include(failure.message, "no such currency")
          assertCopied(changing, source.slice(0, 332), yield* readAll(to))
        }
        const [status] = yield* projectionsOf(to).status()
        assert.deepInclude(status?.failure, { position: 333 })
        isBroken = false
        yield* Copy.run(copy, { from, to })
        assertCopied(changing, source, yield* readAll(to))
      })
  )

  it.effect("is what the target refuses: an event that is none, one it has, a time that is too early", () =>
    Effect.gen(function* () {
      const refusals: ReadonlyArray<readonly [transform: Copy.Transform, at: number, says: string]> = [
        [(recorded) => [{ ...recorded, data: recorded.position === 150 ? "\u0000" : 1 }], 150, "NUL"],
        [(recorded) => [{ ...recorded, type: recorded.position === 1 ? "" : "A" }], 1, "its type is empty"],
        [
          (recorded) => Array.from({ length: recorded.position === 77 ? 10_001 : 1 }, () => recorded),
          77,
          "more than 10000"
        ]
      ]
      for (const [transform, at, says] of refusals) {
        const { from, to } = yield* scene(200)
        const source = yield* readAll(from)
        const copy = Copy.make({ name: "refused", transform })
        const failure = yield* Effect.flip(Copy.run(copy, { from, to }))
        assert.deepInclude(failure, { _tag: "CopyFailed", by: "target", position: at, eventId: source[at - 1]!.id })
        assert.include(failure.message, says)
        assertCopied(copy, source.slice(0, at - 1), yield* readAll(to))
      }
      const { from, to } = yield* scene(200)
      yield* storeOf(to).append([
        {
          stream: "x-1",
          expected: "any",
          events: [{ id: crypto.randomUUID(), type: "Now", schemaVersion: 1, data: 1, tags: [], metadata: {} }]
        }
      ])
      const early = yield* Effect.flip(Copy.run(changing, { from, to }))
      assert.deepInclude(early, { _tag: "CopyFailed", by: "target", position: 1 })
      assert.include(early.message, "before that of the log's last event")
      const same = yield* Effect.flip(Copy.run(Copy.make({ name: "same" }), { from: to, to }))
      assert.include(same.message, "is stored already")
    })
  )

  it.effect("is a type that a live inline projection of the target handles", () =>
    Effect.gen(function* () {
      const { from, to } = yield* scene(300)
      const projections = projectionsOf(to)
      const definition = {
        name: "kept",
        version: 1,
        partitions: 1,
        mode: "inline",
        types: ["Left"],
        tables: {}
      } as const
      yield* projections.register(definition)
      const [claim] = yield* projections.claim({ ...definition, owner: "test", lease: Duration.seconds(2), most: 1 })
      assert.isTrue(yield* projections.takeOver(claim!, 0, () => Effect.void))
      const source = yield* readAll(from)
      const first = source.find(({ type }) => type === "Moved")!
      const failure = yield* Effect.flip(Copy.run(changing, { from, to }))
      assert.deepInclude(failure, { _tag: "CopyFailed", by: "target", position: first.position, type: "Moved" })
      assert.include(failure.message, "projected inline by kept")
      assertCopied(changing, source.slice(0, first.position - 1), yield* readAll(to))
    })
  )

  it.effect("is another source, or another choice of events, under the name of a copy that was begun", () =>
    Effect.gen(function* () {
      const { from, to } = yield* scene(50)
      yield* Copy.run(changing, { from, to })
      const other = yield* scene(60, 2)
      for (const attempt of [
        Copy.run(changing, { from: other.from, to }),
        Copy.run(changing, { from: yield* memory, to }),
        Copy.run(Copy.make({ ...changing, from: { query: [{ types: ["Paid"] }] } }), { from, to })
      ]) {
        const failure = yield* Effect.flip(attempt)
        assert.deepInclude(failure, { _tag: "StoreError", reason: "Misconfigured" })
        assert.include(failure.message, "copy changing was begun")
      }
      assertCopied(changing, yield* readAll(from), yield* readAll(to))
    })
  )

  it.effect("is not its name among the projections: what is done is paused, and no reason to be unwell", () =>
    Effect.gen(function* () {
      const { from, to } = yield* scene(50)
      yield* Copy.run(Copy.make({ name: "well", transform: () => [] }), { from, to })
      yield* storeOf(to).append([
        {
          stream: "x-1",
          expected: "any",
          events: Array.from({ length: 99 }, () => {
            return { id: crypto.randomUUID(), type: "Now", schemaVersion: 1, data: 1, tags: [], metadata: {} }
          })
        }
      ])
      yield* TestClock.adjust("1 hour")
      const health = yield* Effect.provide(Health.check(), to)
      assert.deepStrictEqual([health.isHealthy, health.problems], [true, []])
      assert.deepInclude(health.projections[0], { name: "copy:well", state: "paused" })
    })
  )
})

/** A target that stops its runs at some call of what writes, in the middle of the transaction or behind it. */
const interrupting = (to: Stores, at: number, how: "before" | "within" | "after") => {
  const projections = projectionsOf(to)
  let left = at
  const stop = (place: typeof how) =>
    Effect.suspend(() => (place === how && left-- === 0 ? Effect.interrupt : Effect.void))
  return Context.add(
    to,
    ProjectionStore.ProjectionStore,
    ProjectionStore.ProjectionStore.of({
      ...projections,
      commit: (claim, progress, work) =>
        stop("before").pipe(
          Effect.andThen(projections.commit(claim, progress, Effect.andThen(work, stop("within")))),
          Effect.tap(() => stop("after"))
        )
    })
  )
}

const seed = Number(process.env["COPY_SEED"] ?? Math.floor(Math.random() * 1e9))

/** Stops a copy again and again, at any place, until it is done. */
const interruptedRounds = Effect.fnUntraced(function* <E, R>(
  rounds: number,
  count: number,
  makeTarget: Effect.Effect<Stores, E, R>,
  split: number
) {
  const random = randomOf(seed)
  const oneRound = Effect.fnUntraced(function* (round: number) {
    const where = `COPY_SEED=${seed}, round ${round}`
    const from = yield* memory
    const source = Context.make(EventStore.EventStore, {
      ...storeOf(from),
      // Small pages, so that there are many places to stop at.
      readLog: (options) => Stream.rechunk(storeOf(from).readLog(options), 1 + Math.floor(random() * split))
    })
    yield* fill(from, count, round)
    const to = yield* makeTarget
    let isDone = false
    let stops = 0
    while (!isDone) {
      const how = (["before", "within", "after"] as const)[Math.floor(random() * 3)]!
      const exit = yield* Effect.exit(
        // The first run never gets beyond its first page.
        Copy.run(changing, { from: source, to: interrupting(to, stops === 0 ? 0 : Math.floor(random() * 5), how) })
      )
      isDone = Exit.isSuccess(exit)
      if (Exit.isSuccess(exit)) {
        const target = yield* readAll(to)
        assert.deepStrictEqual(plain(target), plain(folded(changing, yield* readAll(from))), where)
        assert.deepStrictEqual([exit.value.read, exit.value.written], [count, target.length], where)
      } else {
        assert.isTrue(Exit.hasInterrupts(exit), `${where}: ${String(exit)}`)
        stops++
      }
    }
    assert.isAbove(stops, 0, where)
  })
  for (let round = 0; round < rounds; round++) yield* Effect.scoped(oneRound(round))
})

describe("a copy that is stopped at any place and run again", () => {
  it.effect("comes to what one undisturbed run comes to, in memory", () =>
    Effect.andThen(TestClock.setTime(Date.UTC(2026, 0, 1)), interruptedRounds(60, 80, memory, 10))
  )

  it.live(
    "comes to what one undisturbed run comes to, in PostgreSQL",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          // One database, with a schema for each target.
          const client = yield* Layer.build(EmbeddedEventStore.layer())
          let schemas = 0
          const target = Effect.suspend(() => Layer.build(PostgresEventStore.layer({ schema: `s${schemas++}` })))
          yield* Effect.provide(interruptedRounds(50, 40, target, 10), client)
        })
      ),
    120_000
  )
})

describe("two runs of one copy at once", () => {
  it.effect("store nothing twice, and both end with the same", () =>
    Effect.gen(function* () {
      const { from, to } = yield* scene(1500)
      const runs = yield* Effect.forEach([1, 2, 3], () => Effect.forkChild(Copy.run(changing, { from, to })))
      while (runs.some((fiber) => fiber.pollUnsafe() === undefined)) yield* TestClock.adjust("500 millis")
      const reports = yield* Effect.forEach(runs, Fiber.join)
      const target = yield* readAll(to)
      assertCopied(changing, yield* readAll(from), target)
      for (const { written } of reports) assert.strictEqual(written, target.length)
    })
  )

  it.effect("go on one after the other, also where a page takes longer than a lease", () =>
    Effect.gen(function* () {
      const { from, to } = yield* scene(1000)
      const slow = Context.make(EventStore.EventStore, {
        ...storeOf(from),
        readLog: (options) =>
          storeOf(from)
            .readLog(options)
            .pipe(
              Stream.chunks,
              Stream.mapEffect((page) => Effect.delay(Effect.succeed(page), "7 seconds")),
              Stream.flattenIterable
            )
      })
      let claims = 0
      const projections = projectionsOf(to)
      const target = Context.add(
        to,
        ProjectionStore.ProjectionStore,
        ProjectionStore.ProjectionStore.of({
          ...projections,
          claim: (options) =>
            Effect.tap(projections.claim(options), ({ length }) => Effect.sync(() => (claims += length)))
        })
      )
      const runs = yield* Effect.forEach([1, 2], () => Effect.forkChild(Copy.run(changing, { from: slow, to: target })))
      for (let i = 0; i < 1000 && runs.some((fiber) => fiber.pollUnsafe() === undefined); i++) {
        yield* TestClock.adjust("500 millis")
      }
      yield* Effect.forEach(runs, Fiber.join)
      assertCopied(changing, yield* readAll(from), yield* readAll(to))
      assert.strictEqual(claims, 2)
    })
  )

  it.effect("of which one lost its claim unnoticed go on where the other stands", () =>
    Effect.gen(function* () {
      const { from, to } = yield* scene(600)
      const projections = projectionsOf(to)
      let commits = 0
      const robbed = Context.add(
        to,
        ProjectionStore.ProjectionStore,
        ProjectionStore.ProjectionStore.of({
          ...projections,
          commit: (claim, progress, work) =>
            Effect.suspend(() => {
              commits++
              // Another one takes over, and does everything.
              const other =
                commits === 2
                  ? Effect.andThen(
                      Effect.ignore(projections.release([claim])),
                      Effect.orDie(Copy.run(changing, { from, to }))
                    )
                  : Effect.void
              return Effect.andThen(other, projections.commit(claim, progress, work))
            })
        })
      )
      const report = yield* Copy.run(changing, { from, to: robbed })
      assertCopied(changing, yield* readAll(from), yield* readAll(to))
      assert.strictEqual(report.read, 600)
    })
  )
})
