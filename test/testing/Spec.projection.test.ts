import { assert, describe, it } from "@effect/vitest"
import { Context, DateTime, Effect, Schema, Stream } from "effect"
import { Event, EventStore, Projection, StreamName, View } from "eventfold"
import { MemoryEventStore } from "eventfold/memory"
import { Spec } from "eventfold/testing"

const events = Event.define({
  Deposited: Event.version({ cents: Schema.Int }).next({ amount: Schema.Int }, ({ cents }) => ({
    amount: cents / 100
  })),
  Closed: {}
})

const Balance = Schema.Struct({ amount: Schema.Int, since: Schema.DateTimeUtcFromString })
const balances = View.keyed({
  name: "balances",
  events,
  key: (_, { stream }) => StreamName.id(stream),
  model: Balance,
  initial: { amount: 0, since: DateTime.makeUnsafe(0) }
}).evolve({
  Deposited: (balance, { amount }, { recordedAt }) => ({ amount: balance.amount + amount, since: recordedAt }),
  Closed: () => View.gone
})
const total = View.make({ name: "total", events, model: Schema.Int, initial: 0 }).evolve({
  Deposited: (sum, { amount }) => sum + amount,
  Closed: (sum) => sum
})

const keyed = Spec.projection(Projection.make({ version: 1, view: balances, partitions: 3 }))
const whole = Spec.projection(Projection.make({ version: 1, view: total }))

const deposited = (amount: number) => ({ _tag: "Deposited", amount }) as const
const at = (id: string, event: typeof events.Type) =>
  Spec.recorded(event, { stream: StreamName.make("account", id), at: "2026-01-02T03:04:05Z" })
const then = DateTime.makeUnsafe("2026-01-02T03:04:05Z")

/** That a spec holds, in memory and on one store, there also beside itself. */
const holds = (spec: Spec.ProjectionSpec) =>
  Effect.andThen(spec, Effect.provide(Effect.andThen(spec.onStore, spec.onStore), MemoryEventStore.layer))

const failureOf = (spec: Spec.ProjectionSpec) =>
  Effect.gen(function* () {
    const pure = yield* Effect.flip(spec)
    const stored = yield* Effect.flip(spec.onStore).pipe(Effect.provide(MemoryEventStore.layer))
    assert.strictEqual(stored._tag, "SpecFailure")
    return pure
  })

describe("the spec of a keyed view's projection", () => {
  it.effect("holds for just these models, in circumstances of its own", () =>
    holds(
      keyed
        .given([
          at("ada", deposited(1)),
          at("bob", deposited(5)),
          at("ada", deposited(2)),
          at("cid", deposited(1)),
          at("cid", { _tag: "Closed" })
        ])
        .then({ ada: { amount: 3, since: then }, bob: { amount: 5, since: then } })
    )
  )

  it.effect("holds for events as they were stored once", () =>
    holds(
      keyed
        .given([Spec.recorded(Spec.stored("Deposited", 1, { cents: 300 }), { stream: "account-ada", at: then })])
        .then({ ada: { amount: 3, since: then } })
    )
  )

  it.effect("holds for nothing at all", () => holds(keyed.given([]).then({})))

  it.effect("fails for another model, a model too few and one too many, and shows them", () =>
    Effect.gen(function* () {
      const spec = keyed.given([at("ada", deposited(3))])
      const other = yield* failureOf(spec.then({ ada: { amount: 4, since: then } }))
      assert.include(other.problem, "the projection balances shows other models")
      assert.include(other.problem, "first difference at ada.amount: expected 4, got 3")
      assert.include(other.diff, '-    "amount": 4')
      assert.include((yield* failureOf(spec.then({}))).problem, "ada: expected nothing")
      const more = { amount: 3, since: then }
      assert.include((yield* failureOf(spec.then({ ada: more, bob: more }))).problem, "bob")
    })
  )

  it("can be awaited", async () => {
    await keyed.given([at("ada", deposited(3))]).then({ ada: { amount: 3, since: then } })
    let message = ""
    try {
      await keyed.given([]).then({ ada: { amount: 3, since: then } })
    } catch (error) {
      message = String(error)
    }
    assert.include(message, "shows other models")
  })
})

describe("the spec of a whole view's projection", () => {
  it.effect("holds for the model, also for the initial one", () =>
    Effect.all([holds(whole.given([deposited(1), deposited(2)]).then(3)), holds(whole.given([]).then(0))])
  )

  it.effect("fails for another model", () =>
    Effect.gen(function* () {
      const failure = yield* failureOf(whole.given([deposited(1)]).then(2))
      assert.include(failure.problem, "the projection total shows another model")
    })
  )

  it.effect("fails where an event cannot be handled, and says which", () =>
    Effect.gen(function* () {
      const view = View.make({ name: "picky", events, model: Schema.Int, initial: 0 }).evolve({
        Deposited: (sum, { amount }) => {
          if (amount === 2) throw new Error("not two")
          return sum + amount
        },
        Closed: (sum) => sum
      })
      const spec = Spec.projection(Projection.make({ version: 1, view }))
      const failure = yield* failureOf(spec.given([deposited(1), deposited(2), deposited(3)]).then(6))
      assert.include(failure.problem, "cannot handle the event Deposited")
      assert.include(failure.problem, "not two")
    })
  )

  it.effect("fails where batches make a difference", () =>
    Effect.gen(function* () {
      // What the model's schema does not keep is there as long as the batch.
      const seen = new WeakSet<object>()
      const view = View.make({ name: "forgetful", events, model: Schema.Struct({ n: Schema.Int }), initial: { n: 0 } })
      const spec = Spec.projection(
        Projection.make({
          version: 1,
          view: view.evolve({
            Deposited: (model, { amount }) => {
              const next = { n: seen.has(model) ? model.n + amount : amount }
              seen.add(next)
              return next
            },
            Closed: (model) => model
          })
        })
      )
      const failure = yield* failureOf(spec.given([deposited(1), deposited(2)]).then({ n: 3 }))
      assert.include(failure.problem, "in batches of one event")
    })
  )
})

describe("the spec of a handler", () => {
  class Outside extends Context.Service<Outside, { sum: number; readonly ids: Set<string> }>()("test/Outside") {}
  const outside = Effect.provideServiceEffect(
    Outside,
    Effect.sync(() => ({ sum: 0, ids: new Set<string>() }))
  )
  const handler = (
    handle: (batch: ReadonlyArray<Event.Decoded<typeof events.Type>>) => Effect.Effect<unknown, unknown, Outside>
  ) => Spec.projection(Projection.handler({ name: "sum", version: 1, events, handle }))
  const history = [deposited(1), deposited(2), deposited(4)]

  it.effect("fails for one that keeps a state outside the transaction", () =>
    Effect.gen(function* () {
      const counting = handler((batch) =>
        Effect.map(Outside, (outside) => {
          for (const { event } of batch) if (event._tag === "Deposited") outside.sum += event.amount
        })
      )
      const spec = counting.given(history).thenReads(() => Effect.map(Outside, ({ sum }) => sum), 7)
      const failure = yield* Effect.flip(spec).pipe(outside)
      assert.include(failure.problem, "the projection sum leads to something else")
      assert.include(failure.problem, "expected 7, got 14")
      assert.include(failure.problem, "in one batch")
    })
  )

  it.effect("holds for one that does the same however often it is done", () => {
    const idempotent = handler((batch) =>
      Effect.map(Outside, ({ ids }) => {
        for (const { id } of batch) ids.add(id)
      })
    )
    return idempotent
      .given(history)
      .thenReads(() => Effect.map(Outside, ({ ids }) => ids.size), 3)
      .pipe(outside)
  })

  it.effect("holds for one that writes in the transaction, and nowhere else", () => {
    const echoed = (amount: number) =>
      Effect.flatMap(EventStore.EventStore, (store) => {
        const event = { type: "Echoed", schemaVersion: 1, data: amount, tags: [], metadata: {} }
        return store.append([{ stream: "echo-1", expected: "any", events: [{ ...event, id: crypto.randomUUID() }] }])
      })
    const echo = Projection.handler({
      name: "echo",
      version: 1,
      events,
      handle: (batch) =>
        Effect.forEach(batch, ({ event }) => (event._tag === "Deposited" ? echoed(event.amount) : Effect.void))
    })
    const read = Effect.flatMap(EventStore.EventStore, (store) => Stream.runCollect(store.readStream("echo-1")))
    return Spec.projection(echo)
      .given(history)
      .thenReads(() => Effect.map(read, (all) => all.map(({ data }) => data)), [1, 2, 4])
  })

  it.effect("says so where what it needs is not in memory", () =>
    Effect.gen(function* () {
      const lines = Spec.projection(
        Projection.handler({
          name: "lines",
          version: 1,
          events,
          tables: { lines: "(n int)" },
          handle: () => Effect.void
        })
      )
      const failure = yield* Effect.flip(lines.given([]).thenReads(({ table }) => Effect.succeed(table("lines")), ""))
      assert.include(failure.problem, "the memory store keeps no tables")
    })
  )

  it.effect("fails where reading fails", () =>
    Effect.gen(function* () {
      const spec = handler(() => Effect.void)
        .given([])
        .thenReads(() => Effect.as(Effect.fail("nothing there"), 0), 0)
      const failure = yield* Effect.flip(spec).pipe(outside)
      assert.include(failure.problem, "cannot be read")
      assert.include(failure.problem, "nothing there")
    })
  )
})
