/**
 * Events that change over the years: written by the code of then, and read by the code of now, through every reader.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Result, Schedule, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Aggregate, Decider, Event, EventStore, Projection, StreamName, Subscription, View } from "eventfold"
import { MemoryEventStore } from "eventfold/memory"
import { caughtUp, failed, start } from "./projection/support.ts"

/** A handler for every type that keeps what it is given, in order. */
const keeping = <E extends Event.Tagged>({ types }: Event.Definitions<E>) =>
  Object.fromEntries(types.map((type) => [type, (all: ReadonlyArray<unknown>, event: E) => [...all, event]]))

const Kept = Schema.Array(Schema.Json)

const commands = Schema.TaggedUnion({ Nothing: {} })

/** An aggregate whose state is its history. Its handlers are made by the names of the types, which the compiler cannot follow. */
const keeper = <E extends Event.Tagged>(events: Event.Definitions<E>) =>
  Decider.make({ name: "thing", state: Kept, initial: [], commands, events })
    .evolve(keeping(events) as never)
    .decide({ Nothing: () => [] })

const keepingView = <E extends Event.Tagged>(events: Event.Definitions<E>) =>
  View.make({ name: "kept", events, model: Kept, initial: [] }).evolve(keeping(events) as never)

const append = (...events: ReadonlyArray<Event.EncodedEvent>) =>
  Effect.flatMap(EventStore.EventStore, (store) =>
    store.append([
      {
        stream: StreamName.make("thing", "1"),
        expected: "any",
        events: events.map((encoded) => ({ ...encoded, id: crypto.randomUUID(), metadata: {} }))
      }
    ])
  )

const stored = (type: string, schemaVersion: number, data: Schema.Json): Event.EncodedEvent => ({
  type,
  schemaVersion,
  data,
  tags: []
})

/** The last event of every history: with it each reader knows that nothing more will come. */
const Over = Event.define({ Over: {} })
const over = { _tag: "Over" } as const

const written = Effect.flatMap(EventStore.EventStore, (store) =>
  Effect.map(Stream.runCollect(store.readStream(StreamName.make("thing", "1"))), (all) =>
    all.map(({ type, schemaVersion, data, tags }) => ({ type, schemaVersion, data, tags }))
  )
)

/** What was written by one set of definitions is read by another as the events given, by every reader, and stays as it was. */
const reads = <Was extends Event.Tagged, Is extends Event.Tagged>(
  was: Event.Definitions<Was>,
  events: ReadonlyArray<NoInfer<Was>>,
  is: Event.Definitions<Is>,
  expected: ReadonlyArray<NoInfer<Is>>
) =>
  Effect.gen(function* () {
    const store = yield* EventStore.EventStore
    const encoded = yield* Effect.forEach([...events, over], (event) =>
      Effect.fromResult(Event.encode(Event.union(was, Over), event))
    )
    yield* append(...encoded)
    const definitions = Event.union(is, Over)
    const all: ReadonlyArray<unknown> = [...expected, over]

    const recorded = yield* Stream.runCollect(store.readStream(StreamName.make("thing", "1")))
    const decoded = recorded.flatMap((one) => Result.getOrThrow(Event.decode(definitions, one)))
    assert.deepStrictEqual<ReadonlyArray<unknown>>(decoded, all, "Event.decode")

    const aggregate = yield* Aggregate.make({ decider: keeper(definitions) })
    const state = yield* aggregate.state("1")
    assert.deepStrictEqual<ReadonlyArray<unknown>>(state.state, all, "the aggregate's state")
    assert.strictEqual(state.version, events.length + 1)
    const history = yield* Stream.runCollect(aggregate.history("1"))
    assert.deepStrictEqual<ReadonlyArray<unknown>>(
      history.map(({ event }) => event),
      all,
      "the aggregate's history"
    )

    const { reader } = yield* start(Projection.make({ version: 1, view: keepingView(definitions) }))
    yield* caughtUp(reader)
    assert.deepStrictEqual<ReadonlyArray<unknown>>(yield* reader.get, all, "the projection")

    const subscribed = yield* Subscription.stream({ events: definitions }).pipe(
      Stream.takeUntil(({ event }) => event._tag === "Over"),
      Stream.runCollect
    )
    assert.deepStrictEqual<ReadonlyArray<unknown>>(
      subscribed.map(({ event }) => event),
      all,
      "the subscription"
    )

    assert.deepStrictEqual(yield* written, encoded, "what is stored")
  }).pipe(Effect.scoped, Effect.provide(MemoryEventStore.layer))

describe("every reader reads", () => {
  it.effect("a type that was renamed", () =>
    reads(
      Event.define({ BasketCreated: { customer: Schema.String } }),
      [{ _tag: "BasketCreated", customer: "ada" }],
      Event.define({ CartOpened: { customer: Schema.String } }).renamed({ CartOpened: "BasketCreated" }),
      [{ _tag: "CartOpened", customer: "ada" }]
    )
  )

  it.effect("a type that was renamed twice, and changed in between", () =>
    reads(
      Event.define({ Made: { by: Schema.String } }),
      [{ _tag: "Made", by: "ada" }],
      Event.define({
        CartOpened: Event.version({ by: Schema.String }).next({ customer: Schema.String }, ({ by }) => ({
          customer: by
        }))
      })
        .renamed({ CartOpened: "BasketCreated" })
        .renamed({ CartOpened: "Made" }),
      [{ _tag: "CartOpened", customer: "ada" }]
    )
  )

  it.effect("a field that was renamed", () =>
    reads(
      Event.define({ CartOpened: { by: Schema.String } }),
      [{ _tag: "CartOpened", by: "ada" }],
      Event.define({
        CartOpened: Event.version({ by: Schema.String }).next({ customer: Schema.String }, ({ by }) => ({
          customer: by
        }))
      }),
      [{ _tag: "CartOpened", customer: "ada" }]
    )
  )

  it.effect("a field that was added, by a step", () =>
    reads(
      Event.define({ CartOpened: { customer: Schema.String } }),
      [{ _tag: "CartOpened", customer: "ada" }],
      Event.define({
        CartOpened: Event.version({ customer: Schema.String }).next(
          { customer: Schema.String, currency: Schema.String },
          (v1) => ({ ...v1, currency: "EUR" })
        )
      }),
      [{ _tag: "CartOpened", customer: "ada", currency: "EUR" }]
    )
  )

  it.effect("a field that was added, by a default", () =>
    reads(
      Event.define({ CartOpened: { customer: Schema.String } }),
      [{ _tag: "CartOpened", customer: "ada" }],
      Event.define({
        CartOpened: {
          customer: Schema.String,
          currency: Schema.String.pipe(Schema.withDecodingDefaultKey(Effect.succeed("EUR")))
        }
      }),
      [{ _tag: "CartOpened", customer: "ada", currency: "EUR" }]
    )
  )

  it.effect("a field that was removed", () =>
    reads(
      Event.define({ CartOpened: { customer: Schema.String, browser: Schema.String } }),
      [{ _tag: "CartOpened", customer: "ada", browser: "lynx" }],
      Event.define({
        CartOpened: Event.version({ customer: Schema.String, browser: Schema.String }).next(
          { customer: Schema.String },
          ({ customer }) => ({ customer })
        )
      }),
      [{ _tag: "CartOpened", customer: "ada" }]
    )
  )

  it.effect("a field of another type", () =>
    reads(
      Event.define({ Paid: { euros: Schema.Finite } }),
      [{ _tag: "Paid", euros: 1.5 }],
      Event.define({
        Paid: Event.version({ euros: Schema.Finite }).next(
          { amount: Schema.Struct({ cents: Schema.Int, currency: Schema.Literal("EUR") }) },
          ({ euros }) => ({ amount: { cents: Math.round(euros * 100), currency: "EUR" as const } })
        )
      }),
      [{ _tag: "Paid", amount: { cents: 150, currency: "EUR" } }]
    )
  )

  it.effect("a type that was split into several", () =>
    reads(
      Event.define({ OrderedAndPaid: { sku: Schema.String, cents: Schema.Int } }),
      [{ _tag: "OrderedAndPaid", sku: "tea", cents: 150 }],
      Event.define({ Ordered: { sku: Schema.String }, Paid: { cents: Schema.Int } }).retired(
        "OrderedAndPaid",
        { sku: Schema.String, cents: Schema.Int },
        ({ sku, cents }) => [
          { _tag: "Ordered", sku },
          { _tag: "Paid", cents }
        ]
      ),
      [
        { _tag: "Ordered", sku: "tea" },
        { _tag: "Paid", cents: 150 }
      ]
    )
  )

  it.effect("two types that were merged into one", () =>
    reads(
      Event.define({ PaidByCard: { cents: Schema.Int }, PaidInCash: { coins: Schema.Array(Schema.Int) } }),
      [
        { _tag: "PaidByCard", cents: 150 },
        { _tag: "PaidInCash", coins: [100, 50] }
      ],
      Event.define({ Paid: { cents: Schema.Int, by: Schema.Literals(["card", "cash"]) } })
        .retired("PaidByCard", { cents: Schema.Int }, ({ cents }) => [{ _tag: "Paid", cents, by: "card" }])
        .retired("PaidInCash", { coins: Schema.Array(Schema.Int) }, ({ coins }) => [
          { _tag: "Paid", cents: coins.reduce((sum, coin) => sum + coin, 0), by: "cash" }
        ]),
      [
        { _tag: "Paid", cents: 150, by: "card" },
        { _tag: "Paid", cents: 150, by: "cash" }
      ]
    )
  )

  it.effect("a type that was retired to nothing", () =>
    reads(
      Event.define({ Paid: { cents: Schema.Int }, Pinged: { at: Schema.Int } }),
      [
        { _tag: "Pinged", at: 1 },
        { _tag: "Paid", cents: 150 },
        { _tag: "Pinged", at: 2 }
      ],
      Event.define({ Paid: { cents: Schema.Int } }).retired("Pinged", { at: Schema.Int }, () => []),
      [{ _tag: "Paid", cents: 150 }]
    )
  )

  it.effect("nothing of a type that is ignored, whatever it holds", () =>
    reads(
      Event.define({ Paid: { cents: Schema.Int }, Noise: { anything: Schema.Json } }),
      [
        { _tag: "Noise", anything: null },
        { _tag: "Paid", cents: 150 },
        { _tag: "Noise", anything: [{ deep: 1 }] }
      ],
      Event.define({ Paid: { cents: Schema.Int } }).ignoring(["Noise"]),
      [{ _tag: "Paid", cents: 150 }]
    )
  )
})

describe("the events that a split one stands for", () => {
  const events = Event.define({ Ordered: { sku: Schema.String }, Paid: { cents: Schema.Int } })
    .retired("BothDone", { sku: Schema.String }, ({ sku }) => [
      { _tag: "Ordered", sku },
      { _tag: "Paid", cents: 1 },
      { _tag: "Paid", cents: 2 }
    ])
    .renamed({ Ordered: "Bought" })

  it.effect("have ids of their own, which are the same for every reader and every time", () =>
    Effect.gen(function* () {
      yield* append(stored("BothDone", 1, { sku: "tea" }), stored("BothDone", 1, { sku: "rum" }))
      const aggregate = yield* Aggregate.make({ decider: keeper(events) })
      const history = Effect.map(Stream.runCollect(aggregate.history("1")), (all) => all.map(({ id }) => id))
      const first = yield* history
      assert.lengthOf(new Set(first), 6)
      assert.deepStrictEqual(yield* history, first)
      const handled: Array<string> = []
      yield* Effect.forkScoped(Subscription.run({ events }, (_, __, id) => Effect.sync(() => handled.push(id))))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(handled, first)
      // The first has the id that is stored, so that what was handled before the split is known again.
      const store = yield* EventStore.EventStore
      const recorded = yield* Stream.runCollect(store.readLog())
      assert.deepStrictEqual(
        recorded.map(({ id }) => id),
        [first[0], first[3]]
      )
    }).pipe(Effect.scoped, Effect.provide(MemoryEventStore.layer))
  )
})

const Payment = Event.define({ Paid: { cents: Schema.Int } })

const paid = (cents: number) => stored("Paid", 1, { cents })
const fromTheFuture = stored("Paid", 2, { amount: { cents: 1 } })
const unknown = stored("Refunded", 1, { cents: 1 })

describe("an aggregate", () => {
  for (const [what, strange, reason] of [
    ["a type that it does not know", unknown, "UnknownType"],
    ["a version from the future", fromTheFuture, "UnknownVersion"]
  ] as const) {
    it.effect(`neither shows a state nor decides over ${what}`, () =>
      Effect.gen(function* () {
        yield* append(paid(1), strange, paid(2))
        const aggregate = yield* Aggregate.make({ decider: keeper(Payment) })
        for (const attempt of [
          aggregate.state("1"),
          aggregate.execute("1", { _tag: "Nothing" }),
          Stream.runDrain(aggregate.history("1"))
        ]) {
          const error = yield* Effect.flip<unknown, unknown, never>(attempt)
          assert.deepInclude(error, { _tag: "DecodeError", reason, stream: "thing-1", version: 2, type: strange.type })
        }
        // Before it, all is as it was.
        const before = yield* Stream.runCollect(aggregate.history("1", { to: 1 }))
        assert.deepStrictEqual<unknown>(
          before.map(({ event }) => event),
          [{ _tag: "Paid", cents: 1 }]
        )
      }).pipe(Effect.provide(MemoryEventStore.layer))
    )
  }
})

describe("who did not ask for a type", () => {
  it.effect("never sees it, be it unknown, broken or from the future", () =>
    Effect.gen(function* () {
      yield* append(unknown, stored("Refunded", 99, null), paid(1), unknown, paid(2))
      const { reader } = yield* start(Projection.make({ version: 1, view: keepingView(Payment) }))
      yield* caughtUp(reader)
      const expected = [
        { _tag: "Paid", cents: 1 },
        { _tag: "Paid", cents: 2 }
      ]
      assert.deepStrictEqual<unknown>(yield* reader.get, expected)
      const subscribed = yield* Stream.runCollect(Stream.take(Subscription.stream({ events: Payment }), 2))
      assert.deepStrictEqual<unknown>(
        subscribed.map(({ event }) => event),
        expected
      )
    }).pipe(Effect.scoped, Effect.provide(MemoryEventStore.layer))
  )

  it.effect("picks from a set whose other types may be from the future", () =>
    Effect.gen(function* () {
      const both = Event.union(Payment, Event.define({ Refunded: { cents: Schema.Int } }))
      yield* append(stored("Refunded", 2, {}), paid(1))
      const { reader } = yield* start(Projection.make({ version: 1, view: keepingView(Event.pick(both, ["Paid"])) }))
      yield* caughtUp(reader)
      assert.deepStrictEqual<unknown>(yield* reader.get, [{ _tag: "Paid", cents: 1 }])
    }).pipe(Effect.scoped, Effect.provide(MemoryEventStore.layer))
  )
})

describe("a version from the future of a type that was asked for", () => {
  it.effect("fails a subscription, with what came before it handled", () =>
    Effect.gen(function* () {
      yield* append(paid(1), fromTheFuture, paid(2))
      const handled: Array<number> = []
      const running = yield* Effect.forkScoped(
        Subscription.run({ events: Payment }, ({ cents }) => Effect.sync(() => handled.push(cents)))
      )
      const error = yield* Effect.flip(Fiber.join(running))
      assert.deepInclude(error, { _tag: "DecodeError", reason: "UnknownVersion", position: 2, schemaVersion: 2 })
      assert.deepStrictEqual(handled, [1])
    }).pipe(Effect.scoped, Effect.provide(MemoryEventStore.layer))
  )

  const settings = { version: 1, retry: Schedule.recurs(0) }

  it.effect("stops a projection, which says where and goes on with newer code", () =>
    Effect.gen(function* () {
      yield* append(paid(1), fromTheFuture, paid(3))
      const old = yield* start(Projection.make({ ...settings, view: keepingView(Payment) }))
      const status = yield* failed(old.reader)
      assert.deepInclude(status, { state: "failed", position: 1 })
      assert.strictEqual(status?.failure?.position, 2)
      assert.include(status?.failure?.problem, "UnknownVersion")
      assert.deepStrictEqual<unknown>(yield* old.reader.get, [{ _tag: "Paid", cents: 1 }])
      yield* old.stop
      const newer = Event.define({
        Paid: Event.version({ cents: Schema.Int }).next(
          { amount: Schema.Struct({ cents: Schema.Int }) },
          ({ cents }) => ({ amount: { cents } })
        )
      })
      const { reader } = yield* start(Projection.make({ ...settings, version: 2, view: keepingView(newer) }))
      yield* caughtUp(reader)
      assert.deepStrictEqual<unknown>(
        yield* reader.get,
        [1, 1, 3].map((cents) => ({ _tag: "Paid", amount: { cents } }))
      )
    }).pipe(Effect.scoped, Effect.provide(MemoryEventStore.layer))
  )

  it.effect("is parked by a projection that parks, with the later ones of its stream", () =>
    Effect.gen(function* () {
      yield* append(paid(1), fromTheFuture, paid(3))
      const view = View.keyed({
        name: "sums",
        events: Payment,
        key: (_, { stream }) => StreamName.id(stream),
        model: Schema.Int,
        initial: 0
      }).evolve({ Paid: (sum, { cents }) => sum + cents })
      const { reader } = yield* start(Projection.make({ ...settings, onFailure: "park", view }))
      yield* caughtUp(reader)
      const parked = yield* reader.parked
      assert.strictEqual(parked[0]?.position, 2)
      assert.include(parked[0]?.problem, "UnknownVersion")
    }).pipe(Effect.scoped, Effect.provide(MemoryEventStore.layer))
  )
})

describe("a type that is ignored", () => {
  const events = Payment.ignoring(["Refunded", "Pinged"])

  it.effect("counts as a version of its stream, and any version of it is read into nothing", () =>
    Effect.gen(function* () {
      yield* append(paid(1), unknown, stored("Refunded", 7, "any"), stored("Pinged", 2147483647, null))
      const aggregate = yield* Aggregate.make({ decider: keeper(events) })
      const loaded = yield* aggregate.state("1")
      assert.deepInclude(loaded, { version: 4, state: [{ _tag: "Paid", cents: 1 }] })
      assert.deepInclude(yield* aggregate.execute("1", { _tag: "Nothing" }), { version: 4, events: [] })
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )

  for (const [what, strange, reason] of [
    ["another type that is unknown", stored("Voided", 1, {}), "UnknownType"],
    ["a version from the future of a type that is read", fromTheFuture, "UnknownVersion"]
  ] as const) {
    it.effect(`is ignored by its name, and ${what} still fails`, () =>
      Effect.gen(function* () {
        const aggregate = yield* Aggregate.make({ decider: keeper(events) })
        yield* append(stored("Pinged", 1, {}), strange)
        assert.deepInclude(yield* Effect.flip(aggregate.state("1")), { _tag: "DecodeError", reason, version: 2 })
      }).pipe(Effect.provide(MemoryEventStore.layer))
    )
  }

  it.effect("is not even fetched by who reads the log", () =>
    Effect.gen(function* () {
      const queries: Array<unknown> = []
      const counted = Layer.effect(
        EventStore.EventStore,
        Effect.map(EventStore.EventStore, (store) => ({
          ...store,
          subscribe: (options: Parameters<typeof store.subscribe>[0]) => {
            queries.push(options?.query)
            return store.subscribe(options)
          }
        }))
      )
      yield* append(unknown, paid(1))
      yield* Effect.provide(Stream.runCollect(Stream.take(Subscription.stream({ events }), 1)), counted)
      assert.deepStrictEqual(queries, [[{ types: ["Paid"] }]])
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )

  it("stays ignored when the set is renamed, tagged, picked from, keyed and retired further", () => {
    const sets: ReadonlyArray<{ readonly ignored: ReadonlySet<string> }> = [
      events.renamed({ Paid: "Payed" }),
      events.tagged({ Paid: () => ["money"] }),
      events.retired("Gone", {}, () => []),
      events.ignoring(["More"]),
      Event.pick(events, []),
      Event.keyedBy(events),
      Event.union(events, Event.define({ Other: {} }))
    ]
    for (const { ignored } of sets) assert.includeMembers(Array.from(ignored), ["Refunded", "Pinged"])
  })

  it("cannot be one that is defined, in whichever order", () => {
    assert.throws(() => Payment.ignoring(["Paid"]), /Event.ignoring: Paid is defined already/)
    assert.throws(() => events.retired("Pinged", {}, () => []), /Event.retired: Pinged is ignored already/)
    assert.throws(() => events.renamed({ Paid: "Pinged" }), /Event.renamed: Pinged is ignored already/)
  })

  it("is read where another set, joined with this one, defines it", () => {
    const joined = Event.union(events, Event.define({ Refunded: { cents: Schema.Int } }))
    assert.deepStrictEqual(Array.from(joined.ignored), ["Pinged"])
    assert.isTrue(joined.stored.has("Refunded"))
  })
})
