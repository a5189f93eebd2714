import { assert, describe, it } from "@effect/vitest"
import { Data, DateTime, Effect, Equal, Exit, Layer, Result, Schema, SchemaGetter, Stream } from "effect"
import { Decider, Event, EventStore, StreamName, View } from "eventfold"
import { MemoryEventStore } from "eventfold/memory"
import { Spec } from "eventfold/testing"
import { account, InsufficientFunds, NotOpen } from "../types/domain.ts"

const { given } = Spec.decider(account)
const opened: Decider.Event<typeof account> = { _tag: "AccountOpened", owner: "Ada", currency: "EUR" }
const deposited = (amount: number): Decider.Event<typeof account> => ({ _tag: "Deposited", amount })
const withdrawn = (amount: number): Decider.Event<typeof account> => ({ _tag: "Withdrawn", amount })

/** What a spec that must not hold says, run purely and on a store alike. */
const failureOf = (spec: Spec.DeciderSpec | Spec.ViewSpec) =>
  Effect.gen(function* () {
    const pure = yield* Effect.flip(spec)
    const stored = yield* Effect.flip(spec.onStore).pipe(Effect.provide(MemoryEventStore.layer))
    assert.strictEqual(stored._tag, "SpecFailure")
    assert.strictEqual(stored.message, pure.message)
    return pure
  })

const holds = (spec: Spec.DeciderSpec | Spec.ViewSpec) =>
  Effect.andThen(spec, Effect.provide(spec.onStore, MemoryEventStore.layer))

describe("then", () => {
  const spec = given([opened, deposited(5)]).when({ _tag: "Withdraw", amount: 3 })

  it.effect("holds for just these events", () => holds(spec.then([withdrawn(3)])))

  it.effect("fails for another value, and names the first difference", () =>
    Effect.gen(function* () {
      const failure = yield* failureOf(spec.then([withdrawn(4)]))
      assert.include(failure.problem, "account: Withdraw gives other events")
      assert.include(failure.problem, "first difference at events[0].amount: expected 4, got 3")
      assert.include(failure.diff!, '-    "amount": 4')
      assert.include(failure.diff!, '+    "amount": 3')
      assert.include(failure.message, failure.expected!)
      assert.include(failure.message, failure.actual!)
    })
  )

  it.effect("fails for an event too few or too many", () =>
    Effect.gen(function* () {
      const less = yield* failureOf(spec.then([]))
      assert.include(less.problem, "events[0]: expected nothing, got")
      const more = yield* failureOf(spec.then([withdrawn(3), deposited(1)]))
      assert.include(more.problem, "events[1]: expected")
    })
  )

  it.effect("fails for another order", () =>
    Effect.gen(function* () {
      const twice = Decider.make({
        name: "twice",
        state: Schema.Int,
        initial: 0,
        commands: Schema.TaggedUnion({ Do: {} }),
        events: Event.define({ A: {}, B: {} })
      })
        .evolve({ A: (n) => n, B: (n) => n })
        .decide({ Do: () => [{ _tag: "A" }, { _tag: "B" }] })
      const specOf = Spec.decider(twice).given([]).when({ _tag: "Do" })
      yield* holds(specOf.then([{ _tag: "A" }, { _tag: "B" }]))
      yield* failureOf(specOf.then([{ _tag: "B" }, { _tag: "A" }]))
    })
  )

  it.effect("fails for a rejection, and shows it", () =>
    Effect.gen(function* () {
      const failure = yield* failureOf(
        given([])
          .when({ _tag: "Withdraw", amount: 3 })
          .then([withdrawn(3)])
      )
      assert.include(failure.problem, "is rejected")
      assert.include(failure.actual!, "NotOpen")
    })
  )
})

describe("thenFails", () => {
  const overdraw = given([opened, deposited(5)]).when({ _tag: "Withdraw", amount: 6 })

  it.effect("holds for this rejection with these fields", () =>
    holds(overdraw.thenFails(new InsufficientFunds({ balance: 5 })))
  )

  it.effect("fails for other fields", () =>
    Effect.gen(function* () {
      const failure = yield* failureOf(overdraw.thenFails(new InsufficientFunds({ balance: 4 })))
      assert.include(failure.problem, "first difference at balance: expected 4, got 5")
    })
  )

  it.effect("fails for another rejection", () =>
    Effect.gen(function* () {
      const failure = yield* failureOf(overdraw.thenFails(new NotOpen()))
      assert.include(failure.message, "InsufficientFunds")
    })
  )

  it.effect("fails when there is none, and shows the events", () =>
    Effect.gen(function* () {
      const spec = given([opened, deposited(5)]).when({ _tag: "Withdraw", amount: 1 })
      const failure = yield* failureOf(spec.thenFails(new InsufficientFunds({ balance: 5 })))
      assert.include(failure.problem, "is not rejected")
      assert.include(failure.actual!, "Withdrawn")
    })
  )

  it.effect("tells apart what JSON does not", () =>
    Effect.gen(function* () {
      class Refused extends Data.TaggedError("Refused")<{ readonly by: ReadonlyMap<string, bigint> }> {}
      const refusing = Decider.make({
        name: "refusing",
        state: Schema.Int,
        initial: 0,
        commands: Schema.TaggedUnion({ Do: {} }),
        events: Event.define({ Done: {} })
      })
        .evolve({ Done: (n) => n })
        .decide({ Do: () => Result.fail(new Refused({ by: new Map([["a", 1n]]) })) })
      const spec = Spec.decider(refusing).given([]).when({ _tag: "Do" })
      yield* holds(spec.thenFails(new Refused({ by: new Map([["a", 1n]]) })))
      yield* failureOf(spec.thenFails(new Refused({ by: new Map([["a", 2n]]) })))
      yield* failureOf(spec.thenFails(new Refused({ by: new Map() })))
    })
  )
})

describe("thenNothing", () => {
  it.effect("holds for no event and no rejection", () =>
    holds(given([opened]).when({ _tag: "Withdraw", amount: 0 }).thenNothing())
  )

  it.effect("fails for an event, and for a rejection", () =>
    Effect.gen(function* () {
      yield* failureOf(given([opened]).when({ _tag: "Deposit", amount: 1 }).thenNothing())
      yield* failureOf(given([]).when({ _tag: "Withdraw", amount: 1 }).thenNothing())
    })
  )
})

describe("thenState", () => {
  const spec = given([opened]).when({ _tag: "Deposit", amount: 2 })

  it.effect("holds for the state after the new events", () =>
    holds(spec.thenState({ _tag: "Open", owner: "Ada", balance: 2 }))
  )

  it.effect("fails for another state, and for a rejection", () =>
    Effect.gen(function* () {
      const failure = yield* failureOf(spec.thenState({ _tag: "Open", owner: "Ada", balance: 3 }))
      assert.include(failure.problem, "first difference at balance: expected 3, got 2")
      yield* failureOf(given([]).when({ _tag: "Withdraw", amount: 1 }).thenState({ _tag: "New" }))
    })
  )
})

describe("a spec", () => {
  it.effect("shows events that cannot be stored, given, expected or new", () =>
    Effect.gen(function* () {
      const given_ = yield* failureOf(
        given([deposited(1.5)])
          .when({ _tag: "Deposit", amount: 1 })
          .then([deposited(1)])
      )
      assert.include(given_.problem, "given event 0 (Deposited) cannot be stored")
      assert.include(given_.problem, "amount")
      const halving = Decider.make({
        name: "halving",
        state: Schema.Int,
        initial: 0,
        commands: Schema.TaggedUnion({ Halve: { n: Schema.Int } }),
        events: Event.define({ Halved: { n: Schema.Int } })
      })
        .evolve({ Halved: (_, { n }) => n })
        .decide({ Halve: ({ n }) => [{ _tag: "Halved", n: n / 2 }] })
      const halve = Spec.decider(halving).given([])
      yield* holds(halve.when({ _tag: "Halve", n: 4 }).then([{ _tag: "Halved", n: 2 }]))
      const made = yield* Effect.flip(halve.when({ _tag: "Halve", n: 1 }).thenState(1))
      assert.include(made.problem, "new event 0 (Halved) cannot be stored")
      const asked = yield* Effect.flip(halve.when({ _tag: "Halve", n: 0.5 }).thenNothing())
      assert.include(asked.problem, "the command Halve does not fit its schema")
    })
  )

  it.effect("shows a codec that does not give back what it took", () =>
    Effect.gen(function* () {
      const Lossy = Schema.Int.pipe(
        Schema.decodeTo(Schema.Int, {
          decode: SchemaGetter.transform((n: number) => n + 1),
          encode: SchemaGetter.transform((n: number) => n)
        })
      )
      const lossy = Decider.make({
        name: "lossy",
        state: Schema.Int,
        initial: 0,
        commands: Schema.TaggedUnion({ Do: {} }),
        events: Event.define({ Done: { n: Lossy } })
      })
        .evolve({ Done: (_, { n }) => n })
        .decide({ Do: () => [{ _tag: "Done", n: 1 }] })
      const failure = yield* Effect.flip(
        Spec.decider(lossy)
          .given([])
          .when({ _tag: "Do" })
          .then([{ _tag: "Done", n: 1 }])
      )
      assert.include(failure.problem, "new event 0 (Done) is read back as another")
    })
  )

  it.effect("shows a decision that is another one when it is made again", () =>
    Effect.gen(function* () {
      let calls = 0
      const impure = Decider.make({
        name: "impure",
        state: Schema.Int,
        initial: 0,
        commands: Schema.TaggedUnion({ Do: {} }),
        events: Event.define({ Done: { n: Schema.Int } })
      })
        .evolve({ Done: (_, { n }) => n })
        .decide({ Do: () => [{ _tag: "Done", n: ++calls }] })
      const failure = yield* Effect.flip(
        Spec.decider(impure)
          .given([])
          .when({ _tag: "Do" })
          .then([{ _tag: "Done", n: 1 }])
      )
      assert.include(failure.problem, "deciding again gives something else")
    })
  )

  it.effect("fixes the time and the ids of the decision", () =>
    Effect.gen(function* () {
      const clock = Decider.make({
        name: "clock",
        state: Schema.Int,
        initial: 0,
        commands: Schema.TaggedUnion({ Look: {} }),
        events: Event.define({ Looked: { at: Schema.DateTimeUtc, id: Schema.String } })
      })
        .evolve({ Looked: (n) => n + 1 })
        .decide({ Look: (_, __, { now, id }) => [{ _tag: "Looked", at: now, id: id("look") }] })
      const now = DateTime.makeUnsafe("2024-02-29T10:00:00Z")
      const { id } = Decider.context({ now, commandId: "look 1" })
      const specs = Spec.decider(clock).given([])
      yield* holds(
        specs
          .when({ _tag: "Look" }, { now: "2024-02-29T10:00:00Z", commandId: "look 1" })
          .then([{ _tag: "Looked", at: now, id: id("look") }])
      )
      const spec = specs.when({ _tag: "Look" }).then([{ _tag: "Looked", at: now, id: id("look") }])
      const failure = yield* failureOf(spec)
      assert.include(failure.problem, "2000-01-01T00:00:00.000Z")
    })
  )

  it.effect("dies of a throw in the decider, which it names", () =>
    Effect.gen(function* () {
      const throwing = Decider.make({
        name: "throwing",
        state: Schema.Int,
        initial: 0,
        commands: Schema.TaggedUnion({ Do: {} }),
        events: Event.define({ Done: {} })
      })
        .evolve({ Done: () => 1 })
        .decide({
          Do: () => {
            throw new Error("oops")
          }
        })
      const exit = yield* Effect.exit(Spec.decider(throwing).given([]).when({ _tag: "Do" }).thenNothing())
      assert.isTrue(Exit.hasDies(exit))
      assert.include(String(exit), "throwing: decide of Do failed")
    })
  )

  it("that is awaited before it has an expectation is an error, and passes never", async () => {
    const unfinished: unknown = given([]).when({ _tag: "Deposit", amount: 1 })
    const error = await Promise.resolve(unfinished).then(
      () => undefined,
      (error: unknown) => error
    )
    assert.include(String(error), "says not yet what to expect")
  })

  it("runs under anything that runs an Effect", () =>
    Effect.runPromise(
      given([])
        .when({ _tag: "Deposit", amount: 1 })
        .then([deposited(1)])
    ))

  it.effect("on a store fails when the store does not keep what it was given", () =>
    Effect.gen(function* () {
      const forgetful = Layer.effect(
        EventStore.EventStore,
        Effect.map(EventStore.EventStore, (store) => ({ ...store, readStream: () => Stream.empty }))
      ).pipe(Layer.provide(MemoryEventStore.layer))
      const spec = given([opened, deposited(5)])
        .when({ _tag: "Withdraw", amount: 3 })
        .then([withdrawn(3)])
      yield* spec
      const failure = yield* Effect.flip(spec.onStore).pipe(Effect.provide(forgetful))
      assert.strictEqual(failure._tag, "SpecFailure")
    })
  )
})

describe("the spec of a view", () => {
  const Moves = Event.define({ Moved: { to: Schema.String }, Left: {} })
  const visits = View.make({ name: "visits", events: Moves, model: Schema.Array(Schema.String), initial: [] }).evolve({
    Moved: (places, { to }, { recordedAt }) => [...places, `${to} ${DateTime.formatIsoDate(recordedAt)}`],
    Left: (places) => places
  })
  const places = View.keyed({
    name: "places",
    events: Moves,
    key: (_, { stream }) => StreamName.id(stream),
    model: Schema.String,
    initial: ""
  }).evolve({
    Moved: (_, { to }) => to,
    Left: () => View.gone
  })
  const moved = (to: string): typeof Moves.Type => ({ _tag: "Moved", to })

  it.effect("holds for just this model, with the circumstances that were given", () =>
    holds(
      Spec.view(visits)
        .given([moved("Rome"), Spec.recorded(moved("Oslo"), { at: "2024-05-01" })])
        .then(["Rome 2000-01-01", "Oslo 2024-05-01"])
    )
  )

  it.effect("fails for another model, and names the first difference", () =>
    Effect.gen(function* () {
      const failure = yield* failureOf(
        Spec.view(visits)
          .given([moved("Rome")])
          .then(["Oslo 2000-01-01"])
      )
      assert.include(failure.problem, 'model[0]: expected "Oslo 2000-01-01", got "Rome 2000-01-01"')
    })
  )

  it.effect("of a keyed view holds for just these models", () =>
    Effect.gen(function* () {
      const history = Spec.view(places).given([
        Spec.recorded(moved("Rome"), { stream: "person-ada" }),
        Spec.recorded(moved("Oslo"), { stream: "person-bob" }),
        Spec.recorded(moved("Bern"), { stream: "person-ada" })
      ])
      yield* holds(history.then({ ada: "Bern", bob: "Oslo" }))
      yield* failureOf(history.then({ ada: "Bern" }))
      yield* failureOf(history.then({ ada: "Bern", bob: "Oslo", eve: "" }))
      yield* failureOf(history.then({ ada: "Rome", bob: "Oslo" }))
    })
  )

  it.effect("of a keyed view sees what is gone", () =>
    Effect.gen(function* () {
      const history = Spec.view(places).given([moved("Rome"), { _tag: "Left" }])
      yield* holds(history.then({}))
      yield* failureOf(history.then({ 1: "Rome" }))
    })
  )

  it.effect("shows a model that does not fit its schema", () =>
    Effect.gen(function* () {
      const wrong = View.make({ name: "wrong", events: Moves, model: Schema.Int, initial: 0 }).evolve({
        Moved: () => Number.NaN,
        Left: (n) => n
      })
      const failure = yield* failureOf(
        Spec.view(wrong)
          .given([moved("Rome")])
          .then(1)
      )
      assert.include(failure.problem, "the model does not fit its schema")
    })
  )

  it("folds on from a model reached before", () => {
    const decoded = [moved("a"), moved("b")].map((event, index) => ({
      event,
      id: String(index),
      recorded: {
        id: String(index),
        type: event._tag,
        schemaVersion: 1,
        stream: StreamName.make("person", "1"),
        version: index + 1,
        position: index + 1,
        recordedAt: DateTime.makeUnsafe(0),
        data: {},
        tags: [],
        metadata: {}
      }
    }))
    const all = View.foldKeyed(places, decoded)
    const inTwo = View.foldKeyed(places, decoded.slice(1), View.foldKeyed(places, decoded.slice(0, 1)))
    assert.isTrue(Equal.equals(all, inTwo))
    assert.deepStrictEqual(
      View.fold(visits, decoded.slice(1), View.fold(visits, decoded.slice(0, 1))),
      View.fold(visits, decoded)
    )
  })
})

describe("what a spec sees that is easily overlooked", () => {
  const Moved = Event.define({ Moved: { to: Schema.String } })
  const deciderOf = <E extends { readonly _tag: string }>(decide: () => Result.Result<Array<typeof Moved.Type>, E>) =>
    Decider.make({
      name: "thing",
      state: Schema.Array(Schema.String),
      initial: [],
      commands: Schema.TaggedUnion({ Go: {} }),
      events: Moved
    })
      .evolve({ Moved: (places, { to }) => [...places, to] })
      .decide({ Go: decide })

  it.effect("the message and the cause of a rejection", () =>
    Effect.gen(function* () {
      class Plain extends Data.TaggedError("Plain")<{ readonly message: string }> {}
      class Caused extends Schema.TaggedError<Caused>()("Caused", { message: Schema.String, cause: Schema.Unknown }) {}
      const plain = Spec.decider(deciderOf(() => Result.fail(new Plain({ message: "a" }))))
      yield* holds(
        plain
          .given([])
          .when({ _tag: "Go" })
          .thenFails(new Plain({ message: "a" }))
      )
      yield* failureOf(
        plain
          .given([])
          .when({ _tag: "Go" })
          .thenFails(new Plain({ message: "b" }))
      )
      const caused = Spec.decider(deciderOf(() => Result.fail(new Caused({ message: "a", cause: 1 }))))
      yield* holds(
        caused
          .given([])
          .when({ _tag: "Go" })
          .thenFails(new Caused({ message: "a", cause: 1 }))
      )
      yield* failureOf(
        caused
          .given([])
          .when({ _tag: "Go" })
          .thenFails(new Caused({ message: "a", cause: 2 }))
      )
    })
  )

  it("a spec that is returned from a test, or awaited, runs", async () => {
    const fails: PromiseLike<void> = given([]).when({ _tag: "Deposit", amount: 1 }).then([])
    const error = await Promise.resolve(fails).then(
      () => undefined,
      (error: unknown) => error
    )
    assert.include(String(error), "gives other events")
    await given([])
      .when({ _tag: "Deposit", amount: 1 })
      .then([deposited(1)])
  })

  it.effect("a decider that reads the clock, in every run", () =>
    Effect.gen(function* () {
      const clock = Spec.decider(deciderOf(() => Result.succeed([{ _tag: "Moved", to: new Date().toISOString() }])))
      for (let i = 0; i < 20; i++) {
        const failure = yield* Effect.flip(
          clock
            .given([{ _tag: "Moved", to: "x" }])
            .when({ _tag: "Go" })
            .thenState([])
        )
        assert.include(failure.problem, "leads to another state")
      }
      const cyclic = Spec.decider(
        Decider.make({
          name: "counting",
          state: Schema.Int,
          initial: 0,
          commands: Schema.TaggedUnion({ Go: {} }),
          events: Event.define({ Went: { at: Schema.Date } })
        })
          .evolve({ Went: (n) => n + 1 })
          .decide({ Go: () => [{ _tag: "Went", at: new Date() }] })
      )
      for (let i = 0; i < 20; i++) {
        const failure = yield* Effect.flip(cyclic.given([]).when({ _tag: "Go" }).thenState(1))
        assert.include(failure.problem, "deciding again gives something else")
      }
    })
  )

  it.effect("a function that changes what it is given", () =>
    Effect.gen(function* () {
      const State = Schema.Struct({ n: Schema.mutableKey(Schema.Int) })
      const mutating = Decider.make({
        name: "mutating",
        state: State,
        initial: { n: 0 },
        commands: Schema.TaggedUnion({ Go: {} }),
        events: Event.define({ Went: {} })
      })
        .evolve({
          Went: (state) => {
            state.n++
            return state
          }
        })
        .decide({ Go: () => [{ _tag: "Went" }] })
      const spec = Spec.decider(mutating).given([]).when({ _tag: "Go" }).thenState({ n: 1 })
      assert.isTrue(Exit.hasDies(yield* Effect.exit(spec)))
      assert.isTrue(Exit.hasDies(yield* Effect.exit(Effect.provide(spec.onStore, MemoryEventStore.layer))))
      assert.deepStrictEqual(mutating.initial, { n: 0 })
    })
  )

  it.effect("an event that its schema takes and no store does", () =>
    Effect.gen(function* () {
      const nul = Spec.decider(deciderOf(() => Result.succeed([{ _tag: "Moved", to: "a\u0000" }])))
      const failure = yield* Effect.flip(
        nul
          .given([])
          .when({ _tag: "Go" })
          .then([{ _tag: "Moved", to: "a\u0000" }])
      )
      assert.include(failure.problem, "contains a NUL character")
    })
  )

  it.effect("a state that is another once its events have been stored", () =>
    Effect.gen(function* () {
      const Cents = Schema.Number.pipe(
        Schema.decodeTo(Schema.Number, {
          decode: SchemaGetter.transform((cents: number) => cents / 100),
          encode: SchemaGetter.transform((amount: number) => Math.round(amount * 100))
        })
      )
      const rounding = Decider.make({
        name: "rounding",
        state: Schema.Number,
        initial: 0,
        commands: Schema.TaggedUnion({ Pay: { amount: Schema.Number } }),
        events: Event.define({ Paid: { amount: Cents } })
      })
        .evolve({ Paid: (sum, { amount }) => sum + amount })
        .decide({ Pay: ({ amount }) => [{ _tag: "Paid", amount }] })
      const specs = Spec.decider(rounding).given([])
      yield* specs.when({ _tag: "Pay", amount: 0.25 }).thenState(0.25)
      const failure = yield* Effect.flip(specs.when({ _tag: "Pay", amount: 0.004 }).thenState(0.004))
      assert.include(failure.problem, "leads to another state once it has been stored")
    })
  )

  it.effect("that sets are the same in whatever order they were filled", () =>
    Effect.gen(function* () {
      const collecting = Decider.make({
        name: "collecting",
        state: Schema.ReadonlySet(Schema.Int),
        initial: new Set([]),
        commands: Schema.TaggedUnion({ Add: { n: Schema.Int } }),
        events: Event.define({ Added: { n: Schema.Int } })
      })
        .evolve({ Added: (set, { n }) => new Set([...set, n]) })
        .decide({ Add: ({ n }) => [{ _tag: "Added", n }] })
      const spec = Spec.decider(collecting)
        .given([{ _tag: "Added", n: 1 }])
        .when({ _tag: "Add", n: 2 })
      yield* holds(spec.thenState(new Set([2, 1])))
      yield* failureOf(spec.thenState(new Set([2, 3])))
    })
  )

  it.effect("events as older versions stored them", () =>
    Effect.gen(function* () {
      const old = Spec.stored("AccountOpened", 1, { owner: "Ada" })
      yield* holds(
        given([old, deposited(5)])
          .when({ _tag: "Withdraw", amount: 5 })
          .thenState({ _tag: "Open", owner: "Ada", balance: 0 })
      )
      yield* failureOf(
        given([old])
          .when({ _tag: "Withdraw", amount: 5 })
          .then([withdrawn(5)])
      )
      const future = Spec.stored("AccountOpened", 9, { owner: "Ada" })
      const failure = yield* Effect.flip(given([future]).when({ _tag: "Withdraw", amount: 0 }).thenNothing())
      assert.include(failure.problem, "UnknownVersion")
    })
  )

  it.effect("on a store has its own time, and leaves the store its own", () =>
    Effect.gen(function* () {
      const store = yield* EventStore.EventStore
      yield* given([opened])
        .when({ _tag: "Deposit", amount: 1 }, { now: "2999-01-01" })
        .then([deposited(1)]).onStore
      const events = yield* Stream.runCollect(store.readLog())
      assert.deepStrictEqual(
        events.map(({ recordedAt }) => DateTime.toEpochMillis(recordedAt)),
        [0, 0]
      )
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )
})
