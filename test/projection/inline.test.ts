import { assert, describe, it } from "@effect/vitest"
import { Context, Data, Effect, Option, Random, Result, Schema } from "effect"
import { TestClock } from "effect/testing"
import { Aggregate, Decider, Event, EventStore, Projection, ProjectionStore, View } from "eventfold"
import {
  append,
  appendStored,
  cleared,
  contents,
  documents,
  during,
  events,
  everything,
  folded,
  inlined,
  memory,
  put,
  start
} from "./support.ts"

const inlineOf = (broken: ReadonlySet<number> = new Set()) =>
  Projection.make({ version: 1, view: contents(broken), mode: "inline" })

/** Of a view that shows one of the types. */
const puts = Projection.make({
  version: 1,
  mode: "inline",
  view: View.keyed({
    name: "puts",
    events: Event.pick(events, ["Put"]),
    key: ({ key }) => key,
    model: Schema.Array(Schema.Int),
    initial: []
  }).evolve({ Put: (all, { n }) => [...all, n] })
})

const headOf = Effect.flatMap(EventStore.EventStore, ({ head }) => head)

/** Runs a test on a store in memory with inline projections. */
const on =
  <const Rs extends ReadonlyArray<unknown>>(projections: {
    readonly [Index in keyof Rs]: Projection.Projection<unknown, "inline", Rs[Index]>
  }) =>
  <A, E, R>(test: Effect.Effect<A, E, R>) =>
    Effect.gen(function* () {
      const context = yield* inlined(yield* memory, projections)
      return yield* Effect.provide(test, context)
    })

describe("an inline projection", () => {
  it.effect("shows what was appended as soon as the append has answered", () =>
    Effect.gen(function* () {
      const { reader } = yield* start(inlineOf())
      const { position } = yield* append("1", put("a", 1), put("b", 2))
      assert.deepStrictEqual(yield* documents(reader), { a: [1], b: [2] })
      yield* append("2", put("a", 3), cleared("b"))
      assert.deepStrictEqual(yield* documents(reader), { a: [1, 3] })
      yield* reader.awaitPosition(position, 0)
      assert.deepInclude((yield* reader.status)[0], { mode: "inline", role: "live", lag: 0 })
    }).pipe(on([inlineOf()]))
  )

  it.effect("fails the append when it fails, by name and with the cause, and nothing is stored", () =>
    Effect.gen(function* () {
      const { reader } = yield* start(inlineOf())
      yield* append("1", put("a", 1))
      const error = yield* Effect.flip(append("1", put("a", 2), put("a", 3)))
      assert.deepInclude(error, { _tag: "StoreError", reason: "ProjectionFailed" })
      assert.include(error.message, "contents")
      assert.include(error.message, "3 is broken")
      assert.strictEqual(yield* headOf, 1)
      assert.deepStrictEqual(yield* documents(reader), { a: [1] })
      yield* append("1", put("a", 4))
      assert.deepStrictEqual(yield* documents(reader), { a: [1, 4] })
    }).pipe(on([inlineOf(new Set([3]))]))
  )

  it.effect("is as it was when the append meets a conflict", () =>
    Effect.gen(function* () {
      const { reader } = yield* start(inlineOf())
      yield* append("1", put("a", 1))
      const store = yield* EventStore.EventStore
      const encoded = yield* Effect.fromResult(Event.encode(events, put("a", 2)))
      const event = { ...encoded, id: crypto.randomUUID(), metadata: {} }
      const expecting = (expected: number) => store.append([{ stream: "box-1", expected, events: [event] }])
      assert.strictEqual((yield* Effect.flip(expecting(0)))._tag, "ConcurrencyConflict")
      const condition = { query: [{}], after: 0 }
      const conditional = store.append([{ stream: "box-1", expected: 1, events: [event] }], { condition })
      assert.strictEqual((yield* Effect.flip(conditional))._tag, "ConditionConflict")
      assert.deepStrictEqual(yield* documents(reader), { a: [1] })
      yield* expecting(1)
      assert.deepStrictEqual(yield* documents(reader), { a: [1, 2] })
    }).pipe(on([inlineOf()]))
  )

  /** A view that refuses to see an event twice: what is stale or repeated does not fit it. */
  const strict = View.keyed({
    name: "strict",
    events,
    key: ({ key }) => key,
    model: Schema.Array(Schema.Int),
    initial: []
  }).evolve({
    Put: (all, { n }) => {
      if (all.includes(n)) throw new Error(`${n} is there already`)
      return [...all, n]
    },
    Cleared: () => View.gone
  })
  const once = Projection.make({ version: 1, view: strict, mode: "inline" })

  for (const projection of [inlineOf(), once]) {
    it.effect(`is as it was when an append is repeated, which is answered as before: ${projection.name}`, () =>
      Effect.gen(function* () {
        const { reader } = yield* start(projection)
        const store = yield* EventStore.EventStore
        const encoded = yield* Effect.fromResult(Event.encode(events, put("a", 1)))
        const event = { ...encoded, id: crypto.randomUUID(), metadata: {} }
        const appending = store.append([{ stream: "box-1", expected: "no stream", events: [event] }])
        const first = yield* appending
        yield* append("2", put("a", 2))
        assert.deepStrictEqual(yield* appending, { ...first, repeated: true })
        assert.deepStrictEqual(yield* documents(reader), { a: [1, 2] })
        assert.strictEqual(yield* headOf, 2)
      }).pipe(on([projection]))
    )
  }

  it.effect("does not hide a conflict behind its own failure on events that come too late", () =>
    Effect.gen(function* () {
      yield* append("1", put("a", 1))
      const store = yield* EventStore.EventStore
      const encoded = yield* Effect.fromResult(Event.encode(events, put("a", 1)))
      const event = { ...encoded, id: crypto.randomUUID(), metadata: {} }
      const error = yield* Effect.flip(store.append([{ stream: "box-1", expected: "no stream", events: [event] }]))
      assert.strictEqual(error._tag, "ConcurrencyConflict")
      const failed = yield* Effect.flip(store.append([{ stream: "box-1", expected: 1, events: [event] }]))
      assert.deepInclude(failed, { _tag: "StoreError", reason: "ProjectionFailed" })
      assert.strictEqual(yield* headOf, 1)
    }).pipe(on([once]))
  )

  for (const field of ["position", "version", "recordedAt"] as const) {
    it.effect(`cannot look at the ${field} of an event, and says so`, () => {
      const view = View.keyed({
        name: "curious",
        events,
        key: ({ key }) => key,
        model: Schema.String,
        initial: ""
      }).evolve({ Put: (_, __, recorded) => `${recorded.stream} ${recorded[field]}`, Cleared: () => View.gone })
      return Effect.gen(function* () {
        const error = yield* Effect.flip(append("1", put("a", 1)))
        assert.deepInclude(error, { _tag: "StoreError", reason: "ProjectionFailed" })
        assert.include(error.message, `${field} is not known before the append`)
        assert.strictEqual(yield* headOf, 0)
      }).pipe(on([Projection.make({ version: 1, view, mode: "inline" })]))
    })
  }

  it.effect("lets appends of other types go the ordinary way", () =>
    Effect.gen(function* () {
      const { reader } = yield* start(inlineOf())
      yield* appendStored("1", "Unheard", "of")
      yield* append("1", put("a", 1))
      assert.deepStrictEqual(yield* documents(reader), { a: [1] })
      assert.strictEqual(yield* headOf, 2)
    }).pipe(on([inlineOf()]))
  )

  it.effect("shows its own of an append that has others", () =>
    Effect.gen(function* () {
      yield* append("1", put("a", 1), cleared("a"), put("a", 2))
      const { reader } = yield* start(puts)
      assert.deepStrictEqual(yield* documents(reader), { a: [1, 2] })
    }).pipe(on([puts]))
  )

  it.effect("refuses appends of its events through a store that does not keep it", () =>
    Effect.gen(function* () {
      const stores = yield* memory
      yield* inlined(stores, [inlineOf()])
      const error = yield* Effect.flip(append("1", put("a", 1)).pipe(Effect.provide(stores)))
      assert.deepInclude(error, { _tag: "StoreError", reason: "Misconfigured" })
      assert.include(error.message, "contents")
      yield* appendStored("1", "Unheard", {}).pipe(Effect.provide(stores))
    })
  )

  it.effect("is filled from what there is before it is there", () =>
    Effect.gen(function* () {
      const stores = yield* memory
      yield* Effect.gen(function* () {
        for (let n = 0; n < 1500; n++) yield* append(String(n % 7), put(String(n % 5), n))
      }).pipe(Effect.provide(stores))
      const context = yield* inlined(stores, [inlineOf()])
      yield* Effect.gen(function* () {
        const { reader } = yield* start(inlineOf())
        yield* append("1", put("0", 2000))
        assert.deepStrictEqual(yield* documents(reader), yield* folded(contents()))
      }).pipe(Effect.provide(context))
    })
  )

  it.effect("does not come about where its history fails, and says why", () =>
    Effect.gen(function* () {
      const stores = yield* memory
      yield* append("1", put("a", 1)).pipe(Effect.provide(stores))
      const broken = new Set([1])
      const error = yield* Effect.flip(inlined(stores, [inlineOf(broken)]))
      assert.deepInclude(error, { _tag: "StoreError", reason: "ProjectionFailed" })
      assert.include(error.message, "contents is projected inline, and failed: it has failed at position 1: ")
      const store = yield* Effect.provide(ProjectionStore.ProjectionStore, stores)
      const [status] = yield* store.status("contents")
      assert.deepInclude(status, { state: "failed", role: "filling" })
      // The next start tries again, with code that may have been mended.
      broken.clear()
      yield* inlined(stores, [inlineOf(broken)])
      assert.deepInclude((yield* store.status("contents"))[0], { state: "running", role: "live" })
    })
  )

  it.effect("is kept along with another", () => {
    const whole = Projection.make({ version: 1, view: everything(), mode: "inline" })
    return Effect.gen(function* () {
      const one = yield* start(inlineOf())
      const other = yield* start(whole)
      yield* append("1", put("a", 1), put("b", 2))
      assert.deepStrictEqual(yield* documents(one.reader), { a: [1], b: [2] })
      assert.deepStrictEqual(yield* other.reader.get, [1, 2])
    }).pipe(on([whole, inlineOf()]))
  })

  it.effect("shows what a command to two aggregates came to", () => {
    class TooMuch extends Data.TaggedError("TooMuch")<{}> {}
    const boxes = Decider.make({
      name: "box",
      state: Schema.Int,
      initial: 0,
      commands: Schema.TaggedUnion({ Take: { key: Schema.String, n: Schema.Int } }),
      events: Event.pick(events, ["Put"])
    })
      .evolve({ Put: (count) => count + 1 })
      .decide({ Take: ({ key, n }, count) => (count > 1 ? Result.fail(new TooMuch()) : [{ _tag: "Put", key, n }]) })
    return Effect.gen(function* () {
      const { reader } = yield* start(inlineOf())
      const { prepare } = yield* Aggregate.make({ decider: boxes })
      yield* Aggregate.executeAll([
        prepare("1", { _tag: "Take", key: "a", n: 1 }),
        prepare("2", { _tag: "Take", key: "a", n: 2 })
      ])
      assert.deepStrictEqual(yield* documents(reader), { a: [1, 2] })
      assert.deepStrictEqual(yield* folded(contents()), { a: [1, 2] })
    }).pipe(on([inlineOf()]))
  })

  it.effect("equals a fold of the log after fifty fibers have appended to a few streams and keys", () =>
    Effect.gen(function* () {
      const { reader } = yield* start(inlineOf())
      const writer = (writer: number) =>
        Effect.gen(function* () {
          for (let i = 0; i < 10; i++) {
            const [stream, key] = [yield* Random.nextIntBetween(0, 3), yield* Random.nextIntBetween(0, 3)]
            yield* append(String(stream), put(String(key), writer * 10 + i), put("all", i))
            yield* Effect.yieldNow
          }
        })
      yield* Effect.forEach(
        Array.from({ length: 50 }, (_, n) => n),
        writer,
        { concurrency: "unbounded", discard: true }
      )
      assert.strictEqual(yield* headOf, 1000)
      assert.deepStrictEqual(yield* documents(reader), yield* folded(contents()))
    }).pipe(on([inlineOf()]), Random.withSeed("fifty fibers"))
  )
})

describe("an inline handler", () => {
  class Limit extends Context.Service<Limit, number>()("test/Limit") {}

  it.effect("takes part in the append, and has what it needs from where the store was made", () => {
    const seen: Array<number> = []
    const handling = Projection.handler({
      name: "handling",
      version: 1,
      mode: "inline",
      events: Event.pick(events, ["Put"]),
      handle: (batch, { phase }) =>
        Effect.gen(function* () {
          const limit = yield* Limit
          assert.strictEqual(phase, "live")
          const all = batch.map(({ event }) => event.n)
          if (all.some((n) => n > limit)) return yield* Effect.fail(`more than ${limit}`)
          seen.push(...all)
        })
    })
    return Effect.gen(function* () {
      const stores = yield* inlined(yield* memory, [handling]).pipe(Effect.provideService(Limit, 5))
      const append5 = (...all: ReadonlyArray<number>) =>
        Effect.provide(append("1", ...all.map((n) => put("a", n))), stores)
      yield* append5(1, 2)
      const error = yield* Effect.flip(append5(3, 6))
      assert.deepInclude(error, { _tag: "StoreError", reason: "ProjectionFailed" })
      assert.include(error.message, "more than 5")
      assert.deepStrictEqual(seen, [1, 2])
      assert.strictEqual(yield* Effect.provide(headOf, stores), 2)
    })
  })
})

describe("another generation of an inline projection", () => {
  const appending = (count: number) =>
    Effect.forEach(
      Array.from({ length: count }, (_, n) => n),
      (n) => Effect.andThen(append(String(n % 3), put(String(n % 2), n)), TestClock.adjust("10 millis")),
      { discard: true }
    )

  it.effect("takes over between two appends, and every event counts once", () =>
    Effect.gen(function* () {
      const { reader } = yield* start(inlineOf())
      yield* appending(20)
      yield* reader.rebuild
      yield* during(appending(100))
      assert.deepInclude((yield* reader.status).at(-1), { generation: 2, role: "live" })
      assert.deepStrictEqual(yield* documents(reader), yield* folded(contents()))
    }).pipe(on([inlineOf()]))
  )

  it.effect("is the same that is reset: it is filled before appends keep it again, and every event counts once", () =>
    Effect.gen(function* () {
      const { reader } = yield* start(inlineOf())
      yield* appending(20)
      yield* reader.reset
      yield* during(appending(20))
      yield* during(append("1", put("a", 1)))
      assert.deepStrictEqual(yield* documents(reader), yield* folded(contents()))
      assert.deepStrictEqual(yield* reader.get("a"), Option.some([1]))
    }).pipe(on([inlineOf()]))
  )

  it.effect("of another version makes the appends of the old code fail, which says why", () =>
    Effect.gen(function* () {
      const stores = yield* memory
      const old = yield* inlined(stores, [inlineOf()])
      yield* append("1", put("a", 1)).pipe(Effect.provide(old))
      const next = yield* inlined(stores, [Projection.make({ version: 2, view: contents(), mode: "inline" })])
      yield* append("1", put("a", 2)).pipe(Effect.provide(next))
      const error = yield* Effect.flip(append("1", put("a", 3)).pipe(Effect.provide(old)))
      assert.deepInclude(error, { _tag: "StoreError", reason: "Misconfigured" })
      assert.include(error.message, "version 2")
      const { reader } = yield* start(inlineOf()).pipe(Effect.provide(stores))
      assert.deepStrictEqual(yield* documents(reader), { a: [1, 2] })
    })
  )
})
