/**
 * What a release makes of events that the next one writes, while both are running: what `docs/evolution.md` says about deploying a change.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option, Result, Schedule, Schema } from "effect"
import {
  Aggregate,
  Copy,
  Decider,
  Event,
  EventStore,
  Process,
  ProcessManager,
  Projection,
  Reaction,
  View
} from "eventfold"
import { MemoryEventStore } from "eventfold/memory"
import { Time } from "eventfold/testing"
import { caughtUp, documents, failed, start, until } from "./projection/support.ts"

/** Written by the code that has these definitions. */
const write = <E extends Event.Tagged>(definitions: Event.Definitions<E>, ...events: ReadonlyArray<NoInfer<E>>) =>
  Effect.gen(function* () {
    const store = yield* EventStore.EventStore
    const encoded = yield* Effect.forEach(events, (event) => Effect.fromResult(Event.encode(definitions, event)))
    const toAppend = encoded.map((one) => ({ ...one, id: crypto.randomUUID(), metadata: {} }))
    return yield* store.append([{ stream: "customer-ada", expected: "any", events: toAppend }])
  })

const place = Schema.String.pipe(Schema.withDecodingDefaultKey(Effect.succeed("door")))
const Cents = { cents: Schema.Int }

/** Release 1, and what release 2 may be. */
const Before = Event.define({ Sold: Cents })
const WithField = Event.define({ Sold: { ...Cents, place } })
const WithType = Event.define({ Sold: Cents, Returned: {} })
const WithVersion = Event.define({
  Sold: Event.version(Cents).next({ euros: Schema.Int }, ({ cents }) => ({ euros: cents }))
})
const WithName = Event.define({ Bought: Cents }).renamed({ Bought: "Sold" })

const retry = Schedule.recurs(0)
const byStream = { name: "sales", key: () => "ada" } as const

const before = (version: number) =>
  Projection.make({
    version,
    retry,
    view: View.keyed({
      ...byStream,
      events: Before,
      model: Schema.Struct({ n: Schema.Int }),
      initial: { n: 0 }
    }).evolve({
      Sold: ({ n }) => ({ n: n + 1 })
    })
  })

const Places = Schema.Struct({
  n: Schema.Int,
  places: Schema.Array(Schema.String).pipe(Schema.withDecodingDefaultKey(Effect.succeed([])))
})

const withField = (version: number) =>
  Projection.make({
    version,
    retry,
    view: View.keyed({ ...byStream, events: WithField, model: Places, initial: { n: 0, places: [] } }).evolve({
      Sold: ({ n, places }, { place }) => ({ n: n + 1, places: [...places, place] })
    })
  })

const counting = <E extends Event.Tagged>(events: Event.Definitions<E>, version: number) =>
  Projection.make({
    version,
    retry,
    // One handler for every type, by names that the compiler cannot follow.
    view: View.keyed({ ...byStream, events, model: Schema.Struct({ n: Schema.Int }), initial: { n: 0 } }).evolve(
      Object.fromEntries(events.types.map((type) => [type, ({ n }: { readonly n: number }) => ({ n: n + 1 })])) as never
    )
  })

/** Runs a projection up to the end of the log, and gives its documents. */
const upToDate = <Model, M extends Projection.Mode>(
  projection: Projection.Projection<Projection.Documents<Model>, M>
) =>
  Effect.gen(function* () {
    const { reader, stop } = yield* start(projection)
    yield* until(
      "its version is live",
      Effect.map(reader.status, (all) =>
        all.some(({ role, version }) => role === "live" && version === projection.version)
      )
    )
    yield* caughtUp(reader)
    const shown = yield* documents(reader)
    yield* stop
    return shown
  })

const onMemory = Effect.provide(MemoryEventStore.layer)

describe("a field that was added in place", () => {
  const sold = (place: string) => write(WithField, { _tag: "Sold", cents: 1, place })

  it.effect("is not seen by older code, which goes on: another version of the projection begins anew", () =>
    Effect.gen(function* () {
      yield* sold("porch")
      assert.deepStrictEqual(yield* upToDate(before(1)), { ada: { n: 1 } })
      yield* sold("roof")
      assert.deepStrictEqual(yield* upToDate(withField(1)), { ada: { n: 2, places: ["roof"] } })
      assert.deepStrictEqual(yield* upToDate(withField(2)), { ada: { n: 2, places: ["porch", "roof"] } })
    }).pipe(onMemory)
  )

  it.effect("is gone from a document that older code writes", () =>
    Effect.gen(function* () {
      yield* sold("porch")
      assert.deepStrictEqual(yield* upToDate(withField(1)), { ada: { n: 1, places: ["porch"] } })
      yield* sold("roof")
      yield* upToDate(before(1))
      assert.deepStrictEqual(yield* upToDate(withField(1)), { ada: { n: 2, places: [] } })
    }).pipe(onMemory)
  )

  it.effect("is gone from the state of a process that older code writes", () =>
    Effect.gen(function* () {
      const manager = <S extends { readonly n: number }>(
        state: Schema.Codec<S, unknown>,
        initial: S,
        next: (state: S, place: string) => S
      ) =>
        ProcessManager.make({ name: "selling", state, initial, events: WithField })
          .correlate({ Sold: () => "ada" })
          .evolve({ events: { Sold: (state, { place }) => next(state, place) } })
          .react({ events: { Sold: () => [] } })
      const old = manager<{ readonly n: number }>(Schema.Struct({ n: Schema.Int }), { n: 0 }, ({ n }) => ({ n: n + 1 }))
      const today = manager<typeof Places.Type>(Places, { n: 0, places: [] }, ({ n, places }, place) => ({
        n: n + 1,
        places: [...places, place]
      }))
      class Old extends Process.Service<Old>()("deploying/Old", { manager: old, aggregates: {} }) {}
      class Today extends Process.Service<Today>()("deploying/Today", { manager: today, aggregates: {} }) {}
      const settled = <M extends ProcessManager.Any>(process: Process.Process<M>) =>
        Effect.andThen(
          Time.passing(process.awaitSettled("1 minute")),
          Effect.map(process.get("ada"), (instance) => Option.getOrUndefined(instance)?.state)
        )
      yield* sold("porch")
      const first = yield* Effect.provide(Effect.flatMap(Today, settled), Layer.fresh(Today.layer))
      assert.deepStrictEqual(first, { n: 1, places: ["porch"] })
      yield* sold("roof")
      yield* Effect.provide(Effect.flatMap(Old, settled), Layer.fresh(Old.layer))
      const last = yield* Effect.provide(Effect.flatMap(Today, settled), Layer.fresh(Today.layer))
      assert.deepStrictEqual(last, { n: 2, places: [] })
    }).pipe(onMemory)
  )

  it.effect("is gone from what older code copies by its definitions, and is not where it copies as it is", () =>
    Effect.gen(function* () {
      const store = yield* EventStore.EventStore
      yield* sold("porch")
      const copied = (transform: Copy.Transform) =>
        Effect.gen(function* () {
          const from = yield* Effect.context<EventStore.EventStore>()
          const to = yield* Layer.build(Layer.fresh(MemoryEventStore.layer))
          yield* Copy.run(Copy.make({ name: "copy", transform }), { from, to })
          return yield* Effect.provide(upToDate(withField(1)), to)
        }).pipe(Effect.scoped)
      assert.strictEqual(yield* store.head, 1)
      assert.deepStrictEqual(yield* copied(Copy.upcast(Before)), { ada: { n: 1, places: ["door"] } })
      assert.deepStrictEqual(yield* copied(Copy.keep), { ada: { n: 1, places: ["porch"] } })
    }).pipe(onMemory)
  )

  it("with a further member of a union fails to decode for older code", () => {
    const by = (...methods: ReadonlyArray<string>) => Event.define({ Paid: { by: Schema.Literals(methods) } })
    const stored = Result.getOrThrow(Event.encode(by("card", "cash"), { _tag: "Paid", by: "cash" }))
    const older = by("card").stored.get("Paid")?.decode(stored.data, stored.schemaVersion)
    assert.strictEqual(older && Result.isFailure(older) ? older.failure.reason : undefined, "InvalidData")
  })
})

describe("a type that is new, or has a new name", () => {
  it.effect("is passed over by older code: another version of the projection begins anew", () =>
    Effect.gen(function* () {
      yield* write(WithType, { _tag: "Sold", cents: 1 }, { _tag: "Returned" })
      assert.deepStrictEqual(yield* upToDate(counting(Before, 1)), { ada: { n: 1 } })
      assert.deepStrictEqual(yield* upToDate(counting(WithType, 1)), { ada: { n: 1 } })
      assert.deepStrictEqual(yield* upToDate(counting(WithType, 2)), { ada: { n: 2 } })
    }).pipe(onMemory)
  )

  it.effect("is passed over under its new name", () =>
    Effect.gen(function* () {
      yield* write(Before, { _tag: "Sold", cents: 1 })
      yield* write(WithName, { _tag: "Bought", cents: 1 })
      assert.deepStrictEqual(yield* upToDate(counting(Before, 1)), { ada: { n: 1 } })
      assert.deepStrictEqual(yield* upToDate(counting(WithName, 1)), { ada: { n: 1 } })
      assert.deepStrictEqual(yield* upToDate(counting(WithName, 2)), { ada: { n: 2 } })
    }).pipe(onMemory)
  )

  it.effect("is passed over by a reaction, for good", () =>
    Effect.gen(function* () {
      const ran: Array<string> = []
      const reaction = <E extends Event.Tagged>(events: Event.Definitions<E>) =>
        Reaction.make({ name: "telling", events, results: Event.define({ Told: {} }) }).run(({ _tag }) =>
          Effect.sync(() => {
            ran.push(_tag)
            return []
          })
        )
      class Old extends Reaction.Service<Old>()("deploying/OldTelling", reaction(Before)) {}
      class Today extends Reaction.Service<Today>()("deploying/Telling", reaction(WithType)) {}
      const told = (control: Reaction.Control) =>
        Effect.gen(function* () {
          const { position } = yield* write(WithType, { _tag: "Sold", cents: 1 }, { _tag: "Returned" })
          yield* Time.passing(control.awaitPosition(position))
        })
      yield* Effect.provide(Effect.flatMap(Old, told), Layer.fresh(Old.layer))
      assert.deepStrictEqual(ran, ["Sold"])
      yield* Effect.provide(Effect.flatMap(Today, told), Layer.fresh(Today.layer))
      assert.deepStrictEqual(ran, ["Sold", "Sold", "Returned"])
    }).pipe(onMemory)
  )

  it.effect("makes an aggregate of older code decide nothing", () =>
    Effect.gen(function* () {
      const decider = Decider.make({
        name: "customer",
        state: Schema.Int,
        initial: 0,
        commands: Schema.TaggedUnion({ Sell: {} }),
        events: Before
      })
        .evolve({ Sold: (n) => n + 1 })
        .decide({ Sell: () => [{ _tag: "Sold", cents: 1 }] })
      const old = yield* Aggregate.make({ decider })
      yield* write(WithType, { _tag: "Returned" })
      const unknownType = yield* Effect.flip(old.execute("ada", { _tag: "Sell" }))
      assert.strictEqual(unknownType._tag === "DecodeError" && unknownType.reason, "UnknownType")
      assert.strictEqual(yield* (yield* EventStore.EventStore).head, 1)
    }).pipe(onMemory)
  )
})

describe("a version from the future", () => {
  const history = Effect.andThen(
    write(Before, { _tag: "Sold", cents: 1 }),
    write(WithVersion, { _tag: "Sold", euros: 1 })
  )

  it.effect("stops the projection of older code, for the next release as well until it is resumed", () =>
    Effect.gen(function* () {
      yield* history
      const old = yield* start(counting(Before, 1))
      yield* failed(old.reader)
      yield* old.stop
      const next = yield* start(counting(WithVersion, 1))
      assert.strictEqual((yield* failed(next.reader))?.position, 1)
      yield* next.reader.resume
      yield* caughtUp(next.reader)
      assert.deepStrictEqual(yield* documents(next.reader), { ada: { n: 2 } })
    }).pipe(onMemory)
  )

  it.effect("is no matter for another version of the projection, which takes over where the old one has stopped", () =>
    Effect.gen(function* () {
      yield* history
      const old = yield* start(counting(Before, 1))
      yield* failed(old.reader)
      yield* old.stop
      assert.deepStrictEqual(yield* upToDate(counting(WithVersion, 2)), { ada: { n: 2 } })
    }).pipe(onMemory)
  )
})
