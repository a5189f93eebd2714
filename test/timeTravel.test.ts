import { assert, describe, it } from "@effect/vitest"
import { Cause, Data, DateTime, Effect, HashMap, Layer, Random, Result, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Aggregate, Decider, Event, EventStore, Patch, Projection, StreamName, View } from "eventfold"
import { MemoryEventStore } from "eventfold/memory"
import { EmbeddedEventStore } from "eventfold/postgres/embedded"

class NotInCart extends Data.TaggedError("NotInCart")<{ readonly sku: string }> {}
class Ordered extends Data.TaggedError("Ordered")<{}> {}

const CartEvent = Event.define({
  Added: { sku: Schema.String, price: Schema.Int },
  Removed: { sku: Schema.String },
  Repriced: { sku: Schema.String, price: Schema.Int },
  OrderPlaced: { order: Schema.String, at: Schema.DateTimeUtcFromMillis }
})
type CartEvent = typeof CartEvent.Type

const CartState = Schema.Struct({
  items: Schema.Array(Schema.Struct({ sku: Schema.String, price: Schema.Int })),
  order: Schema.optionalKey(Schema.String)
})

const cart = Decider.make({
  name: "cart",
  state: CartState,
  initial: { items: [] },
  commands: Schema.TaggedUnion({
    Add: { items: Schema.Array(Schema.Struct({ sku: Schema.String, price: Schema.Int })) },
    Remove: { sku: Schema.String },
    Reprice: { sku: Schema.String, price: Schema.Int },
    PlaceOrder: {}
  }),
  events: CartEvent
})
  .evolve({
    Added: (state, { sku, price }) => ({ ...state, items: [...state.items, { sku, price }] }),
    Removed: (state, { sku }) => ({ ...state, items: state.items.filter((item) => item.sku !== sku) }),
    Repriced: (state, { sku, price }) => ({
      ...state,
      items: state.items.map((item) => (item.sku === sku ? { sku, price } : item))
    }),
    OrderPlaced: (state, { order }) => ({ ...state, order })
  })
  .decide({
    Add: ({ items }) => items.map(({ sku, price }) => ({ _tag: "Added", sku, price })),
    Remove: ({ sku }, { items }) =>
      items.some((item) => item.sku === sku) ? [{ _tag: "Removed", sku }] : Result.fail(new NotInCart({ sku })),
    Reprice: ({ sku, price }) => [{ _tag: "Repriced", sku, price }],
    PlaceOrder: (_, { order }, { id, now }) =>
      order === undefined ? [{ _tag: "OrderPlaced", order: id("order"), at: now }] : Result.fail(new Ordered())
  })

class Carts extends Aggregate.Service<Carts>()("test/Carts", { decider: cart }) {}

/** What is in each cart, as one text. A cart that was ordered is gone. */
const contents = View.keyed({
  name: "contents",
  events: CartEvent,
  key: (_, { stream }) => StreamName.id(stream),
  model: Schema.Struct({ skus: Schema.Array(Schema.String) }),
  initial: { skus: [] }
}).evolve({
  Added: ({ skus }, { sku }) => ({ skus: [...skus, sku] }),
  Removed: ({ skus }, { sku }) => ({ skus: skus.filter((other) => other !== sku) }),
  Repriced: (model) => model,
  OrderPlaced: () => View.gone
})

const prices = View.make({
  name: "prices",
  events: Event.pick(CartEvent, ["Added", "Repriced"]),
  model: Schema.HashMap(Schema.String, Schema.Int),
  initial: HashMap.empty()
}).evolve({
  Added: (all, { sku, price }) => HashMap.set(all, sku, price),
  Repriced: (all, { sku, price }) => HashMap.set(all, sku, price)
})

class Contents extends Projection.Service<Contents>()(
  "test/Contents",
  Projection.make({ version: 1, view: contents })
) {}
class Prices extends Projection.Service<Prices>()("test/Prices", Projection.make({ version: 1, view: prices })) {}

const services = Layer.mergeAll(Carts.layer, Contents.layerReader, Prices.layerReader)
const memory = services.pipe(Layer.provideMerge(MemoryEventStore.layer))
const embedded = services.pipe(Layer.provideMerge(EmbeddedEventStore.layer()))

/** The memory store with some of its operations replaced. */
const altered = (alter: (store: EventStore.EventStore["Service"]) => Partial<EventStore.EventStore["Service"]>) =>
  services.pipe(
    Layer.provideMerge(
      Layer.effect(
        EventStore.EventStore,
        Effect.map(EventStore.EventStore, (store) => ({ ...store, ...alter(store) }))
      )
    ),
    Layer.provideMerge(MemoryEventStore.layer)
  )

const item = (sku: string, price: number) => ({ sku, price })
const [tea, cup, pot] = [item("tea", 3), item("cup", 8), item("pot", 20)]

/** Three events at once, an hour later another one, and after another hour the last one, beside another cart. */
const history = Effect.gen(function* () {
  const carts = yield* Carts
  yield* carts.execute("ada", { _tag: "Add", items: [tea, cup, pot] })
  yield* TestClock.adjust("1 hour")
  yield* carts.execute("bob", { _tag: "Add", items: [tea] })
  yield* carts.execute("ada", { _tag: "Reprice", sku: "cup", price: 9 })
  yield* TestClock.adjust("1 hour")
  yield* carts.execute("ada", { _tag: "Remove", sku: "tea" })
  return carts
})

const hours = (count: number) => ({ instant: DateTime.makeUnsafe(count * 3_600_000) })

const versionAt = (at: Aggregate.Point) =>
  Effect.map(
    Effect.flatMap(Carts, (carts) => carts.state("ada", { at })),
    ({ version }) => version
  )

const eventsOf = (decoded: ReadonlyArray<Event.Decoded<Event.Tagged>>) =>
  decoded.map(({ event, recorded }) => `${event._tag}@${recorded.version}`)

describe("state", () => {
  it.effect("is that at a version, a position or an instant", () =>
    Effect.gen(function* () {
      yield* history
      const versions = yield* Effect.forEach(
        Array.from({ length: 8 }, (_, n) => n),
        (position) => versionAt({ position })
      )
      assert.deepStrictEqual(versions, [0, 1, 2, 3, 3, 4, 5, 5])
      assert.strictEqual(yield* versionAt({ version: 2 }), 2)
      assert.strictEqual(yield* versionAt(hours(1)), 4)
    }).pipe(Effect.provide(memory))
  )

  it.effect("before the first event is initial, after the last one the latest", () =>
    Effect.gen(function* () {
      const carts = yield* history
      const before = [{ version: 0 }, { position: 0 }, { instant: DateTime.makeUnsafe(-1) }]
      for (const at of before) {
        assert.deepStrictEqual(yield* carts.state("ada", { at }), { state: { items: [] }, version: 0, position: 0 })
      }
      const latest = yield* carts.state("ada")
      for (const at of [{ version: 99 }, { position: 99 }, hours(99)]) {
        assert.deepStrictEqual(yield* carts.state("ada", { at }), latest)
      }
      assert.deepStrictEqual(latest, { state: { items: [item("cup", 9), pot] }, version: 5, position: 6 })
    }).pipe(Effect.provide(memory))
  )

  it.effect("at an instant has all events recorded in that millisecond, of a batch or one after the other", () =>
    Effect.gen(function* () {
      const carts = yield* history
      assert.strictEqual(yield* versionAt(hours(0)), 3)
      yield* carts.execute("ada", { _tag: "Reprice", sku: "pot", price: 21 })
      assert.strictEqual(yield* versionAt(hours(2)), 6)
      assert.strictEqual(yield* versionAt({ instant: DateTime.makeUnsafe(7_199_999) }), 4)
    }).pipe(Effect.provide(memory))
  )

  it.effect("takes an instant in any time zone", () =>
    Effect.gen(function* () {
      yield* history
      const rome = { timeZone: "Europe/Rome", adjustForTimeZone: true }
      // It was at UTC+1 then.
      assert.strictEqual(yield* versionAt({ instant: DateTime.makeZonedUnsafe("1970-01-01T02:00:00", rome) }), 4)
      assert.strictEqual(yield* versionAt({ instant: DateTime.makeZonedUnsafe("1970-01-01T01:59:59", rome) }), 3)
    }).pipe(Effect.provide(memory))
  )

  it.effect("refuses what is no point in time", () =>
    Effect.gen(function* () {
      const carts = yield* history
      const wrong: ReadonlyArray<Aggregate.Point> = [
        ...[-1, 0.5, Number.NaN, Infinity, 2 ** 53].flatMap((n) => [{ version: n }, { position: n }]),
        // As JavaScript could have it.
        JSON.parse("{}"),
        JSON.parse(`{"instant": "2026-03-03"}`)
      ]
      for (const at of wrong) {
        const refused = [
          Effect.asVoid(carts.state("ada", { at })),
          Effect.asVoid(carts.compare("ada", { from: at })),
          Effect.asVoid(carts.compare("ada", { from: { version: 0 }, to: at })),
          Effect.asVoid(carts.whatIf("ada", [], { at }))
        ]
        for (const error of yield* Effect.forEach(refused, Effect.flip)) {
          assert.deepInclude(error, { _tag: "StoreError", reason: "InvalidRequest" })
        }
      }
    }).pipe(Effect.provide(memory))
  )

  it.effect("reads no further than the point", () => {
    let read = 0
    const counting = altered((store) => ({
      readStream: (stream, options) =>
        store.readStream(stream, options).pipe(
          Stream.rechunk(1),
          Stream.tap(() => Effect.sync(() => read++))
        )
    }))
    return Effect.gen(function* () {
      const carts = yield* Carts
      yield* carts.execute("ada", { _tag: "Add", items: Array.from({ length: 10 }, (_, n) => item(`${n}`, n)) })
      yield* TestClock.adjust("1 minute")
      yield* carts.execute("ada", { _tag: "Add", items: Array.from({ length: 500 }, (_, n) => item(`${n}`, n)) })
      const points = [{ version: 10 }, { position: 10 }, { instant: DateTime.makeUnsafe(59_999) }]
      for (const at of points) {
        read = 0
        assert.strictEqual((yield* carts.state("ada", { at })).version, 10)
        assert.isAtMost(read, 11)
        read = 0
        assert.strictEqual((yield* carts.compare("ada", { from: { version: 5 }, to: at })).events.length, 5)
        assert.isAtMost(read, 11)
      }
    }).pipe(Effect.provide(counting))
  })

  it.effect("is there at points before an event that does not decode", () =>
    Effect.gen(function* () {
      const carts = yield* history
      const store = yield* EventStore.EventStore
      const id = "01a1fe51-f1c2-7e52-be61-fa3e2c8e5daa"
      const future = { id, type: "Frozen", schemaVersion: 1, data: {}, tags: [], metadata: {} }
      yield* TestClock.adjust("1 hour")
      yield* store.append([{ stream: "cart-ada", expected: 5, events: [future] }])
      for (const at of [{ version: 5 }, { position: 6 }, hours(2)]) {
        assert.strictEqual(yield* versionAt(at), 5)
        assert.strictEqual((yield* carts.compare("ada", { from: { version: 3 }, to: at })).events.length, 2)
      }
      assert.strictEqual((yield* Effect.flip(carts.compare("ada", { from: { version: 3 } })))._tag, "DecodeError")
      assert.strictEqual((yield* Effect.flip(carts.whatIf("ada", [])))._tag, "DecodeError")
    }).pipe(Effect.provide(memory))
  )
})

describe("compare", () => {
  it.effect("gives both states, the events between with their records, and the patch", () =>
    Effect.gen(function* () {
      const carts = yield* history
      const { events, from, patch, to } = yield* carts.compare("ada", { from: { version: 2 }, to: { position: 6 } })
      assert.deepStrictEqual(from, yield* carts.state("ada", { at: { version: 2 } }))
      assert.deepStrictEqual(to, yield* carts.state("ada"))
      assert.deepStrictEqual(eventsOf(events), ["Added@3", "Repriced@4", "Removed@5"])
      assert.strictEqual(
        Patch.format(patch),
        [`- items[0]: {"sku":"tea","price":3}`, "~ items[0].price: 8 → 9", `+ items[1]: {"sku":"pot","price":20}`].join(
          "\n"
        )
      )
    }).pipe(Effect.provide(memory))
  )

  it.effect("goes to the latest state by default, and from a point to itself nothing is different", () =>
    Effect.gen(function* () {
      const carts = yield* history
      const whole = yield* carts.compare("ada", { from: { version: 0 } })
      assert.deepStrictEqual(whole.to, yield* carts.state("ada"))
      assert.strictEqual(whole.events.length, 5)
      const none = yield* carts.compare("ada", { from: hours(1), to: { version: 4 } })
      assert.deepStrictEqual([none.events, none.patch, none.from], [[], [], none.to])
      const nobody = yield* carts.compare("nobody", { from: hours(1) })
      assert.deepStrictEqual([nobody.events, nobody.patch], [[], []])
    }).pipe(Effect.provide(memory))
  )

  it.effect("leads back in time when asked to", () =>
    Effect.gen(function* () {
      const carts = yield* history
      const back = yield* carts.compare("ada", { from: hours(2), to: { version: 3 } })
      const forth = yield* carts.compare("ada", { from: { version: 3 }, to: hours(2) })
      assert.deepStrictEqual([back.from, back.to, back.events], [forth.to, forth.from, forth.events])
      assert.strictEqual(Patch.format(back.patch), `+ items[0]: {"sku":"tea","price":3}\n~ items[1].price: 9 → 8`)
    }).pipe(Effect.provide(memory))
  )

  const lamp = (state: Schema.Codec<unknown>) =>
    Decider.make({
      name: "lamp",
      state,
      initial: { bulbs: [] },
      commands: Schema.TaggedUnion({ Light: { power: Schema.String } }),
      events: Event.define({ Lit: { power: Schema.String } })
    })
      .evolve({ Lit: (_, { power }) => ({ bulbs: [{ power: power === "big" ? 10n : Number(power) }] }) })
      .decide({ Light: ({ power }) => [{ _tag: "Lit", power }] })

  it.effect("of a state that its schema refuses is a typed error that names where", () =>
    Effect.gen(function* () {
      const refusing = Schema.Struct({ bulbs: Schema.Array(Schema.Struct({ power: Schema.Int })) })
      for (const [schema, path] of [
        [refusing, "bulbs[0].power"],
        [Schema.Unknown, ""],
        [Schema.Any, ""]
      ] as const) {
        const lamps = yield* Aggregate.make({ decider: lamp(schema) })
        const id = yield* Effect.map(Random.nextInt, String)
        yield* lamps.execute(id, { _tag: "Light", power: "7" })
        yield* lamps.execute(id, { _tag: "Light", power: schema === refusing ? "1.5" : "big" })
        const error = yield* Effect.flip(lamps.compare(id, { from: { version: 1 } }))
        assert.deepInclude(error, { _tag: "StateEncodeError", stream: `lamp-${id}`, version: 2, path })
        assert.strictEqual((yield* lamps.compare(id, { from: { version: 0 }, to: { version: 1 } })).patch.length, 1)
      }
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )
})

describe("whatIf", () => {
  /** A store that cannot be written to any more. */
  const readOnly = (isOpen: () => boolean) =>
    altered((store) => ({
      append: (writes, options) => (isOpen() ? store.append(writes, options) : Effect.die("it was appended to"))
    }))

  it.effect("gives for each command what it would decide, and the state after it; and stores nothing", () => {
    let isOpen = true
    return Effect.gen(function* () {
      const carts = yield* history
      const { head } = yield* EventStore.EventStore
      const before = yield* head
      isOpen = false
      const { from, steps } = yield* carts.whatIf("ada", [
        { _tag: "Remove", sku: "pot" },
        { _tag: "Remove", sku: "pot" },
        { _tag: "Add", items: [tea, tea] },
        { _tag: "Add", items: [] }
      ])
      assert.deepStrictEqual(from, yield* carts.state("ada"))
      const [removed, again, added, nothing] = steps
      assert.deepStrictEqual(removed.decision, Result.succeed([{ _tag: "Removed" as const, sku: "pot" }]))
      assert.deepStrictEqual([removed.state, removed.version], [{ items: [item("cup", 9)] }, 6])
      assert.deepInclude(Result.getOrThrow(Result.flip(again.decision)), { _tag: "NotInCart", sku: "pot" })
      assert.deepStrictEqual([again.state, again.version], [removed.state, 6])
      assert.strictEqual(Result.getOrThrow(added.decision).length, 2)
      assert.deepStrictEqual([added.state, added.version], [{ items: [item("cup", 9), tea, tea] }, 8])
      assert.deepStrictEqual([nothing.decision, nothing.version], [Result.succeed([]), 8])
      assert.strictEqual(yield* head, before)
      assert.deepStrictEqual(yield* carts.state("ada"), from)
    }).pipe(Effect.provide(readOnly(() => isOpen)))
  })

  it.effect("begins at any point in time", () =>
    Effect.gen(function* () {
      const carts = yield* history
      for (const at of [{ version: 3 }, { position: 3 }, hours(0.5)]) {
        const { from, steps } = yield* carts.whatIf("ada", [{ _tag: "Remove", sku: "cup" }], { at })
        assert.deepStrictEqual(from, yield* carts.state("ada", { at: { version: 3 } }))
        assert.deepStrictEqual([steps[0].state, steps[0].version], [{ items: [tea, pot] }, 4])
      }
      const { steps } = yield* carts.whatIf("ada", [{ _tag: "Remove", sku: "cup" }], { at: { version: 0 } })
      assert.isTrue(Result.isFailure(steps[0].decision))
    }).pipe(Effect.provide(memory))
  )

  it.effect("decides just what would be executed: with the same command id, at the same time", () =>
    Effect.gen(function* () {
      const carts = yield* history
      const supposed = yield* carts.whatIf("ada", [{ _tag: "PlaceOrder" }], { commandId: "request-1" })
      const later = DateTime.makeUnsafe(1_000_000_000)
      const { steps } = yield* carts.whatIf("ada", [{ _tag: "PlaceOrder" }], { commandId: "request-1", now: later })
      const executed = yield* carts.execute("ada", { _tag: "PlaceOrder" }, { commandId: "request-1" })
      assert.deepStrictEqual(Result.getOrThrow(supposed.steps[0].decision), executed.events)
      assert.deepStrictEqual(supposed.steps[0].state, executed.state)
      const [placed] = executed.events
      assert(placed?._tag === "OrderPlaced")
      assert.deepStrictEqual(Result.getOrThrow(steps[0].decision), [{ ...placed, at: later }])
    }).pipe(Effect.provide(memory))
  )

  it.effect("makes ids of the command id, another one for each command, and new ones without", () =>
    Effect.gen(function* () {
      const carts = yield* Carts
      const orders = (options?: Aggregate.WhatIfOptions) =>
        Effect.map(
          carts.whatIf("ada", [{ _tag: "PlaceOrder" }, { _tag: "Add", items: [tea] }, { _tag: "PlaceOrder" }], options),
          ({ steps }) => [steps[0].state.order, Result.isFailure(steps[2].decision)]
        )
      assert.deepStrictEqual(yield* orders({ commandId: "a" }), yield* orders({ commandId: "a" }))
      assert.notDeepEqual(yield* orders({ commandId: "a" }), yield* orders({ commandId: "b" }))
      assert.notDeepEqual(yield* orders(), yield* orders())
      for (const commandId of ["", "\u0000", "x".repeat(600)]) {
        const error = yield* Effect.flip(carts.whatIf("ada", [], { commandId }))
        assert.deepInclude(error, { _tag: "StoreError", reason: "InvalidRequest" })
      }
    }).pipe(Effect.provide(memory))
  )

  const ticket = Decider.make({
    name: "ticket",
    state: Schema.Array(Schema.String),
    initial: [],
    commands: Schema.TaggedUnion({ Draw: {}, Throw: {}, Spoil: {}, Break: {} }),
    events: Event.define({ Drawn: { id: Schema.String }, Spoiled: { n: Schema.Int }, Broken: {} })
  })
    .evolve({
      Drawn: (ids, { id }) => [...ids, id],
      Spoiled: (ids) => ids,
      Broken: () => {
        throw new Error("evolve throws")
      }
    })
    .decide({
      Draw: (_, __, { id }) => [{ _tag: "Drawn", id: id("ticket") }],
      Throw: () => {
        throw new Error("decide throws")
      },
      Spoil: () => [{ _tag: "Spoiled", n: Number.NaN }],
      Break: () => [{ _tag: "Broken" }]
    })

  it.effect("has no id twice, however many commands there are", () =>
    Effect.gen(function* () {
      const tickets = yield* Aggregate.make({ decider: ticket })
      const draws = Array.from({ length: 20 }, () => ({ _tag: "Draw" as const }))
      const { steps } = yield* tickets.whatIf("1", draws, { commandId: "a" })
      assert.strictEqual(new Set(steps.at(-1)?.state).size, 20)
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )

  for (const [_tag, during, tag] of [
    ["Throw", "decide", "Throw"],
    ["Spoil", "encode", "Spoiled"],
    ["Break", "evolve", "Broken"]
  ] as const) {
    it.effect(`finds the same bugs as executing does: ${during}`, () =>
      Effect.gen(function* () {
        const tickets = yield* Aggregate.make({ decider: ticket })
        const exit = yield* Effect.exit(tickets.whatIf("1", [{ _tag: "Draw" }, { _tag }]))
        assert(exit._tag === "Failure")
        const defect = Cause.squash(exit.cause)
        assert(defect instanceof Decider.DeciderDefect)
        const { decider, stream, version } = defect
        assert.deepStrictEqual([decider, stream, version], ["ticket", "ticket-1", 1])
        assert.deepStrictEqual([defect.during, defect.tag], [during, tag])
      }).pipe(Effect.provide(MemoryEventStore.layer))
    )
  }
})

describe("a view", () => {
  const asOf = (at: Projection.Point) =>
    Effect.flatMap(Contents, (reader) =>
      Effect.map(reader.at(at), (models) =>
        Object.fromEntries(HashMap.toEntries(models).map(([key, { skus }]) => [key, skus.join()]))
      )
    )

  it.effect("is that at a position or an instant", () =>
    Effect.gen(function* () {
      yield* history
      for (const [at, expected] of [
        [{ position: 0 }, {}],
        [{ position: 2 }, { ada: "tea,cup" }],
        [{ position: 4 }, { ada: "tea,cup,pot", bob: "tea" }],
        [{ position: 99 }, { ada: "cup,pot", bob: "tea" }],
        [{ instant: DateTime.makeUnsafe(-1) }, {}],
        [{ instant: DateTime.makeUnsafe(0) }, { ada: "tea,cup,pot" }],
        [{ instant: DateTime.makeUnsafe(7_199_999) }, { ada: "tea,cup,pot", bob: "tea" }],
        [{ instant: DateTime.makeUnsafe(7_200_000) }, { ada: "cup,pot", bob: "tea" }]
      ] as const) {
        assert.deepStrictEqual(yield* asOf(at), expected)
      }
    }).pipe(Effect.provide(memory))
  )

  it.effect("refuses what is no point of the log", () =>
    Effect.gen(function* () {
      const { at, compare } = yield* Contents
      const wrong: ReadonlyArray<Projection.Point> = [
        { position: -1 },
        { position: Number.NaN },
        JSON.parse(`{"version": 1}`),
        JSON.parse("{}")
      ]
      for (const point of wrong) {
        const refused = [
          Effect.asVoid(at(point)),
          Effect.asVoid(compare({ from: point })),
          Effect.asVoid(compare({ from: { position: 0 }, to: point }))
        ]
        for (const error of yield* Effect.forEach(refused, Effect.flip)) {
          assert.deepInclude(error, { _tag: "StoreError", reason: "InvalidRequest" })
        }
      }
    }).pipe(Effect.provide(memory))
  )

  it.effect("compares by key: what was added, removed and changed, with the events between", () =>
    Effect.gen(function* () {
      const carts = yield* history
      yield* carts.execute("bob", { _tag: "PlaceOrder" })
      yield* carts.execute("cid", { _tag: "Add", items: [cup] })
      yield* carts.execute("dan", { _tag: "Add", items: [cup] })
      yield* carts.execute("dan", { _tag: "Remove", sku: "cup" })
      yield* carts.execute("dan", { _tag: "PlaceOrder" })
      const { compare } = yield* Contents
      const { documents, events } = yield* compare({ from: { position: 4 } })
      assert.deepStrictEqual(documents, [
        {
          _tag: "Changed",
          key: "ada",
          before: { skus: ["tea", "cup", "pot"] },
          after: { skus: ["cup", "pot"] },
          patch: [{ _tag: "Removed", path: "skus[0]", before: "tea" }]
        },
        { _tag: "Removed", key: "bob", before: { skus: ["tea"] } },
        { _tag: "Added", key: "cid", after: { skus: ["cup"] } }
      ])
      assert.deepStrictEqual(
        events.map(({ recorded }) => recorded.position),
        [5, 6, 7, 8, 9, 10, 11]
      )
      const back = yield* compare({ from: { position: 99 }, to: { position: 4 } })
      assert.deepStrictEqual(
        back.documents.map(({ _tag, key }) => [_tag, key]),
        [
          ["Changed", "ada"],
          ["Added", "bob"],
          ["Removed", "cid"]
        ]
      )
      assert.deepStrictEqual(back.events, events)
      // A price is nothing that this view shows.
      const repriced = yield* compare({ from: { position: 4 }, to: { position: 5 } })
      assert.deepStrictEqual([repriced.documents, repriced.events.length], [[], 1])
    }).pipe(Effect.provide(memory))
  )

  it.effect("of the whole log compares as one", () =>
    Effect.gen(function* () {
      yield* history
      const { compare } = yield* Prices
      const { events, from, patch, to } = yield* compare({ from: hours(0), to: hours(2) })
      assert.deepStrictEqual([HashMap.get(from, "cup"), HashMap.get(to, "cup")].map(String), ["some(8)", "some(9)"])
      assert.deepStrictEqual(eventsOf(events), ["Added@1", "Repriced@4"])
      assert.deepStrictEqual(
        patch.map(({ _tag }) => _tag),
        ["Changed"]
      )
      assert.match(Patch.format(patch), /^~ \[\d\]\[1\]: 8 → 9$/)
    }).pipe(Effect.provide(memory))
  )

  it.effect("that gives what its model refuses is a typed error that names key and place", () =>
    Effect.gen(function* () {
      yield* history
      const broken = View.keyed({
        name: "broken",
        events: CartEvent,
        key: (_, { stream }) => StreamName.id(stream),
        model: Schema.Struct({ items: Schema.Array(Schema.Int) }),
        initial: { items: [] }
      }).evolve({
        Added: () => ({ items: [1, 0.5] }),
        Removed: () => ({ items: [2] }),
        Repriced: (model) => model,
        OrderPlaced: () => View.gone
      })
      class Broken extends Projection.Service<Broken>()("test/Broken", Projection.make({ version: 1, view: broken })) {}
      const { compare } = yield* Effect.provide(Broken, Broken.layerReader)
      const error = yield* Effect.flip(compare({ from: { position: 3 } }))
      assert.deepInclude(error, { _tag: "DocumentEncodeError", view: "broken", key: "ada", path: "items[1]" })
    }).pipe(Effect.provide(memory))
  )

  it.effect("at an instant reads the log no further, and finds where that is in few reads", () => {
    const read: Array<number> = []
    const counting = altered((store) => ({
      readLog: (options) => Stream.tap(store.readLog(options), ({ position }) => Effect.sync(() => read.push(position)))
    }))
    return Effect.gen(function* () {
      const carts = yield* Carts
      yield* carts.execute("ada", { _tag: "Add", items: Array.from({ length: 10 }, (_, n) => item(`${n}`, n)) })
      yield* TestClock.adjust("1 minute")
      yield* carts.execute("ada", { _tag: "Add", items: Array.from({ length: 990 }, (_, n) => item(`${n}`, n)) })
      yield* asOf({ instant: DateTime.makeUnsafe(59_999) })
      assert.isAtMost(read.length, 10 + 12)
    }).pipe(Effect.provide(counting))
  })
})

/**
 * A random history of two carts, appended to in batches and in turn, some of them in the same millisecond.
 */
const randomHistory = (pass: Effect.Effect<unknown>) =>
  Effect.gen(function* () {
    const carts = yield* Carts
    const sku = Effect.map(Random.nextIntBetween(0, 5), String)
    for (let n = yield* Random.nextIntBetween(0, 14); n > 0; n--) {
      const id = (yield* Random.nextBoolean) ? "ada" : "bob"
      const kind = yield* Random.nextIntBetween(0, 6)
      const price = yield* Random.nextIntBetween(0, 3)
      const command: Decider.Command<typeof cart> =
        kind < 3
          ? {
              _tag: "Add",
              items: yield* Effect.forEach([1, 2, 3].slice(kind), () => Effect.map(sku, (sku) => item(sku, price)))
            }
          : kind === 3
            ? { _tag: "Remove", sku: yield* sku }
            : kind === 4
              ? { _tag: "Reprice", sku: yield* sku, price }
              : { _tag: "PlaceOrder" }
      yield* Effect.result(carts.execute(id, command))
      if (yield* Random.nextBoolean) yield* pass
    }
  })

const encode = Schema.encodeSync(Schema.toCodecJson(CartState))

/** Whatever the history was: every point is the fold of what was recorded up to it, and a patch leads from any to any. */
const everyPointHolds = Effect.gen(function* () {
  const carts = yield* Carts
  const { at } = yield* Contents
  const store = yield* EventStore.EventStore
  const log = yield* Stream.runCollect(store.readLog())
  const all = yield* Stream.runCollect(carts.history("ada"))
  const stateOf = (decoded: ReadonlyArray<Event.Decoded<CartEvent>>) =>
    Decider.fold(
      cart,
      decoded.map(({ event }) => event)
    )
  for (let version = 0; version <= all.length; version++) {
    const { state } = yield* carts.state("ada", { at: { version } })
    assert.deepStrictEqual(state, stateOf(all.slice(0, version)))
    const other = yield* Random.nextIntBetween(0, all.length, { halfOpen: false })
    const compared = yield* carts.compare("ada", { from: { version }, to: { version: other } })
    const [low, high] = [Math.min(version, other), Math.max(version, other)]
    assert.deepStrictEqual(compared.events, all.slice(low, high))
    assert.deepStrictEqual(
      Result.getOrThrow(Patch.apply(encode(compared.from.state), compared.patch)),
      encode(compared.to.state)
    )
  }
  const instants = log.map(({ recordedAt }) => DateTime.toEpochMillis(recordedAt))
  for (const millis of new Set(instants.flatMap((one) => [one - 1, one, one + 1]))) {
    const instant = DateTime.makeUnsafe(millis)
    const position = instants.filter((one) => one <= millis).length
    assert.deepStrictEqual(
      yield* carts.state("ada", { at: { instant } }),
      yield* carts.state("ada", { at: { position } })
    )
    assert.deepStrictEqual(
      yield* carts.state("ada", { at: { position } }),
      yield* carts.state("ada", { at: { version: all.filter(({ recorded }) => recorded.position <= position).length } })
    )
    assert.deepStrictEqual(HashMap.toEntries(yield* at({ instant })), HashMap.toEntries(yield* at({ position })))
  }
})

describe("any history", () => {
  it.effect("has at every point the fold of what was recorded up to it", () =>
    Effect.forEach(
      Array.from({ length: 80 }, (_, seed) => seed),
      (seed) =>
        randomHistory(TestClock.adjust("1 millis")).pipe(
          Effect.andThen(everyPointHolds),
          Random.withSeed(seed),
          Effect.catchCause((cause) => Effect.die(new Error(`seed ${seed}`, { cause: Cause.squash(cause) }))),
          Effect.provide(Layer.fresh(memory))
        )
    )
  )
})

describe("on PostgreSQL", () => {
  it.live(
    "all of it is the same",
    () =>
      Effect.gen(function* () {
        yield* randomHistory(Effect.sleep("2 millis")).pipe(Effect.andThen(everyPointHolds), Random.withSeed(7))
        const carts = yield* Carts
        yield* carts.execute("eve", { _tag: "Add", items: [tea, cup] })
        const { head } = yield* EventStore.EventStore
        const before = yield* head
        yield* carts.execute("eve", { _tag: "Reprice", sku: "cup", price: 9 })
        const { events, patch } = yield* carts.compare("eve", { from: { position: before } })
        assert.deepStrictEqual([eventsOf(events), Patch.format(patch)], [["Repriced@3"], "~ items[1].price: 8 → 9"])
        const { steps } = yield* carts.whatIf("eve", [{ _tag: "Remove", sku: "cup" }, { _tag: "PlaceOrder" }])
        assert.deepStrictEqual([steps[0].state, steps[1].version], [{ items: [tea] }, 5])
        assert.strictEqual(yield* head, before + 1)
        const documents = yield* Effect.flatMap(Contents, ({ compare }) => compare({ from: { position: before - 1 } }))
        assert.deepStrictEqual(
          documents.documents.map(({ _tag, key }) => [_tag, key]),
          [["Changed", "eve"]]
        )
        const whole = yield* Effect.flatMap(Prices, ({ compare }) => compare({ from: { position: before } }))
        assert.match(Patch.format(whole.patch), /^~ \[\d\]\[1\]: 8 → 9$/)
      }).pipe(Effect.provide(embedded)),
    60_000
  )
})
