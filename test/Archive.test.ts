/**
 * An archive behind a log: finished streams are out of the way, and can still be read, or are refused.
 */
import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect, Layer, Schema, Stream } from "effect"
import { Aggregate, Archive, Copy, Decider, Event, EventStore, type ProjectionStore, StreamName } from "eventfold"
import { MemoryEventStore } from "eventfold/memory"
import { EmbeddedEventStore } from "eventfold/postgres/embedded"

const register = Decider.make({
  name: "register",
  state: Schema.Struct({ total: Schema.Int }),
  initial: { total: 0 },
  commands: Schema.TaggedUnion({ Open: { float: Schema.Int }, Sell: { amount: Schema.Int }, Close: {} }),
  events: Event.define({ Opened: { float: Schema.Int }, Sold: { amount: Schema.Int }, Closed: { total: Schema.Int } })
})
  .evolve({
    Opened: (_, { float }) => ({ total: float }),
    Sold: ({ total }, { amount }) => ({ total: total + amount }),
    Closed: (state) => state
  })
  .decide({
    Open: ({ float }) => [{ _tag: "Opened", float }],
    Sell: ({ amount }) => [{ _tag: "Sold", amount }],
    Close: (_, { total }) => [{ _tag: "Closed", total }]
  })

const aRegister = Aggregate.make({ decider: register })
const finished = new Set(["register-monday"])

/** A log of two days, of which one is finished: what is finished in one store, what goes on in another. */
type Stores = EventStore.EventStore | ProjectionStore.ProjectionStore
const divided = <E, E2>(log: Layer.Layer<Stores, E>, archive: Layer.Layer<Stores, E2>) =>
  Effect.gen(function* () {
    const old = yield* Layer.build(Layer.fresh(MemoryEventStore.layer))
    const days = yield* Effect.provide(aRegister, old)
    yield* days.execute("monday", { _tag: "Open", float: 100 })
    yield* days.execute("monday", { _tag: "Sell", amount: 20 })
    yield* days.closeBooks("monday", {
      close: { _tag: "Close" },
      next: "tuesday",
      open: ({ total }) => ({ _tag: "Open", float: total })
    })
    const only = (isFinished: boolean, name: string) =>
      Copy.make({ name, transform: (recorded) => (finished.has(recorded.stream) === isFinished ? [recorded] : []) })
    const [to, behind] = [yield* Layer.build(log), yield* Layer.build(archive)]
    const kept = yield* Copy.run(only(false, "what goes on"), { from: old, to })
    const archived = yield* Copy.run(only(true, "what is finished"), { from: old, to: behind })
    assert.deepStrictEqual([kept.written, archived.written], [1, 3])
    return [Layer.succeedContext(to), Layer.succeedContext(behind)] as const
  })

const memory = Layer.fresh(MemoryEventStore.layer)

const proof = (stores: Effect.Success<ReturnType<typeof divided>>) =>
  Effect.gen(function* () {
    const store = yield* EventStore.EventStore
    const days = yield* aRegister
    assert.deepInclude(yield* days.state("monday"), { state: { total: 120 }, version: 3 })
    const story = yield* Stream.runCollect(days.story("tuesday"))
    assert.deepStrictEqual(
      story.map(({ event: { _tag }, recorded: { stream } }) => `${StreamName.id(stream)} ${_tag}`),
      ["monday Opened", "monday Sold", "monday Closed", "tuesday Opened"]
    )
    assert.strictEqual(yield* store.streamVersion("register-monday"), 3)
    // The log has only what goes on.
    assert.deepStrictEqual(
      (yield* Stream.runCollect(store.readLog())).map(({ stream }) => stream),
      ["register-tuesday"]
    )
    const { version } = yield* days.execute("tuesday", { _tag: "Sell", amount: 1 })
    assert.strictEqual(version, 2)
    assert.strictEqual((yield* days.execute("wednesday", { _tag: "Open", float: 1 })).version, 1)
  }).pipe(Effect.provide(Archive.behind(...stores)), Effect.scoped)

describe("an archive behind a log", () => {
  it.effect("is read where the log does not have a stream, and nowhere else", () =>
    Effect.scoped(Effect.flatMap(divided(memory, memory), proof))
  )

  it.live("does so on the embedded database", () =>
    Effect.scoped(
      Effect.flatMap(
        divided(EmbeddedEventStore.layer({ schema: "hot" }), EmbeddedEventStore.layer({ schema: "archive" })),
        proof
      )
    )
  )

  it.effect("keeps its streams from taking events, whatever is expected of them", () =>
    Effect.gen(function* () {
      const stores = yield* divided(memory, memory)
      yield* Effect.gen(function* () {
        const store = yield* EventStore.EventStore
        const head = yield* store.head
        const event = {
          id: crypto.randomUUID(),
          type: "Sold",
          schemaVersion: 1,
          data: { amount: 1 },
          tags: [],
          metadata: {}
        }
        for (const expected of ["any", "no stream", "stream exists", 0, 3] as const) {
          const failure = yield* Effect.flip(
            store.append([
              { stream: "register-friday", expected: "any", events: [{ ...event, id: crypto.randomUUID() }] },
              { stream: "register-monday", expected, events: [event] }
            ])
          )
          assert.match(failure.message, /register-monday is archived, and takes no more events/)
        }
        const days = yield* aRegister
        const failure = yield* Effect.flip(days.execute("monday", { _tag: "Sell", amount: 1 }))
        assert.match(failure.message, /register-monday is archived/)
        const recordedAt = yield* DateTime.now
        const restored = yield* Effect.flip(store.restore([{ ...event, stream: "register-monday", recordedAt }]))
        assert.match(restored.message, /register-monday is archived/)
        assert.strictEqual(yield* store.head, head)
      }).pipe(Effect.provide(Archive.behind(...stores)))
    }).pipe(Effect.scoped)
  )

  it.effect("is not read where it is refused, and the error says so", () =>
    Effect.gen(function* () {
      const stores = yield* divided(memory, memory)
      yield* Effect.gen(function* () {
        const days = yield* aRegister
        const store = yield* EventStore.EventStore
        for (const read of [
          days.state("monday"),
          store.streamVersion("register-monday"),
          Stream.runDrain(days.story("tuesday"))
        ]) {
          const failure = yield* Effect.flip(Effect.asVoid(read))
          assert.match(failure.message, /register-monday is archived, and is not read here/)
        }
        assert.strictEqual((yield* days.state("tuesday")).state.total, 120)
        assert.strictEqual((yield* days.state("nobody")).version, 0)
      }).pipe(Effect.provide(Archive.behind(...stores, { archived: "refuse" })))
    }).pipe(Effect.scoped)
  )

  it.effect("is asked no more about a stream that the log is known to have", () =>
    Effect.gen(function* () {
      const [log, archive] = yield* divided(memory, memory)
      let asked = 0
      const counting = Layer.effect(
        EventStore.EventStore,
        Effect.map(EventStore.EventStore, (store) => ({
          ...store,
          streamVersion: (stream: StreamName.StreamName) =>
            Effect.andThen(
              Effect.sync(() => asked++),
              store.streamVersion(stream)
            )
        }))
      ).pipe(Layer.provide(archive))
      yield* Effect.gen(function* () {
        const days = yield* aRegister
        for (let i = 0; i < 5; i++) yield* days.execute("thursday", { _tag: "Sell", amount: 1 })
        // To read it, and to append to it the first time.
        assert.strictEqual(asked, 2)
      }).pipe(Effect.provide(Archive.behind(log, counting)))
    }).pipe(Effect.scoped)
  )
})
