/**
 * What is measured: the same by every store, under the names that the documents list, and never so that it matters.
 */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Metric, Option, type Scope } from "effect"
import { Aggregate, EventStore, Metrics, ProjectionStore, SnapshotStore } from "eventfold"
import { MemoryEventStore } from "eventfold/memory"
import { PostgresEventStore } from "eventfold/postgres"
import { EmbeddedEventStore } from "eventfold/postgres/embedded"
import { eventually } from "./postgres/support/stores.ts"
import { clientOf, freshDatabase, startServer } from "./support/server.ts"
import { read } from "./support/project.ts"
import { Accounts, account } from "./types/domain.ts"

/** With a registry of its own, in which nobody else counts. */
const alone = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.provideService(effect, Metric.MetricRegistry, new Map())

type Attributes = Readonly<Record<string, string>>

/** What metrics of ours there are, each with its attributes. */
const measured = Effect.map(Metric.snapshot, (all) => all.filter(({ id }) => id.startsWith("eventfold_")))

/** What was counted, or how often something was observed, in all series that have the attributes. */
const count = (id: string, attributes: Attributes = {}) =>
  Effect.map(measured, (all) =>
    all
      .filter((one) => one.id === `eventfold_${id}`)
      .filter((one) => Object.entries(attributes).every(([name, value]) => one.attributes?.[name] === value))
      .reduce((sum, { state }) => sum + ("count" in state ? Number(state.count) : 0), 0)
  )

/** All that was observed in a histogram, together. */
const sum = (id: string) =>
  Effect.map(measured, (all) =>
    all.reduce((sum, one) => sum + (one.id === `eventfold_${id}` && one.type === "Histogram" ? one.state.sum : 0), 0)
  )

const depth = Effect.map(Metric.value(Metrics.appendQueueDepth), ({ value }) => value)

/** The rows of the tables of the document: name, type and attributes. */
const documented = read("docs/observability.md")
  .split("\n")
  .flatMap((line) => {
    const [, name, type, attributes] = /^\|\s*`(eventfold_\w+)`\s*\|\s*(\w+)\s*\|([^|]*)\|/.exec(line) ?? []
    return name === undefined
      ? []
      : [{ name, type, attributes: Array.from(attributes!.matchAll(/`(\w+)`/g), ([, one]) => one!).toSorted() }]
  })

const event = (id: number, type = "Noted"): EventStore.EventToAppend => ({
  id: `01a1fe51-f1c2-7e52-be61-${String(id).padStart(12, "0")}`,
  type,
  schemaVersion: 1,
  data: {},
  tags: [],
  metadata: {}
})

type Stores = EventStore.EventStore | ProjectionStore.ProjectionStore | SnapshotStore.SnapshotStore

const server = Layer.unwrap(
  Effect.gen(function* () {
    const url = yield* freshDatabase(yield* startServer({ settings: { fsync: "off" } }))
    return PostgresEventStore.layer().pipe(Layer.provide(clientOf({ url }, { maxConnections: 10 })))
  })
)

const stores: ReadonlyArray<readonly [name: string, layer: Layer.Layer<Stores, unknown>]> = [
  ["the memory store", MemoryEventStore.layer],
  ["the embedded store", EmbeddedEventStore.layer()],
  ["the PostgreSQL store", server]
]

describe.each(stores)("%s", (_, layer) => {
  const on = <A, E>(effect: Effect.Effect<A, E, Stores | Accounts | Scope.Scope>) =>
    effect.pipe(Effect.scoped, Effect.provide(Layer.provideMerge(Accounts.layer, layer)), alone)

  it.live("counts appends by what came of them, and events by category and type", () =>
    Effect.gen(function* () {
      const store = yield* EventStore.EventStore
      const first = [{ stream: "note-1", expected: "no stream", events: [event(1), event(2)] }] as const
      yield* store.append(first)
      yield* store.append(first)
      yield* Effect.flip(store.append([{ stream: "note-1", expected: 7, events: [event(3)] }]))
      yield* Effect.flip(store.append([{ stream: "note-2", expected: "any", events: [event(1), event(4)] }]))
      yield* store.append([
        { stream: "note-2", expected: "any", events: [event(5, "Struck")] },
        { stream: "list-2", expected: "any", events: [event(6)] }
      ])
      yield* store.append([
        { stream: "note-3", expected: "any", events: [event(7)] },
        { stream: "notebook-3", expected: "any", events: [event(8)] }
      ])
      // Refused before anything is sent.
      yield* Effect.flip(store.append([{ stream: "note-2", expected: "any", events: [] }]))
      for (const [outcome, times] of Object.entries({ stored: 3, repeated: 1, conflict: 1, failed: 1 })) {
        assert.strictEqual(yield* count("append_seconds", { outcome }), times, outcome)
      }
      assert.strictEqual(yield* count("append_seconds"), 6)
      assert.strictEqual(yield* count("events_appended_total", { category: "note", type: "Noted" }), 3)
      assert.strictEqual(yield* count("events_appended_total", { category: "notebook", type: "Noted" }), 1)
      assert.strictEqual(yield* count("events_appended_total", { category: "note", type: "Struck" }), 1)
      assert.strictEqual(yield* count("events_appended_total", { category: "list", type: "Noted" }), 1)
      assert.strictEqual(yield* count("events_appended_total"), 6)
      assert.strictEqual(yield* sum("append_batch_appends"), 6)
      assert.strictEqual(yield* sum("append_batch_events"), 11)
    }).pipe(on)
  )

  it.live("has the count of lost connections from the start: whoever looks at how it rises sees the first", () =>
    Effect.gen(function* () {
      yield* EventStore.EventStore
      const lost = (yield* measured).find(({ id }) => id === "eventfold_append_connections_lost_total")
      assert.deepStrictEqual(lost?.state, { count: 0, incremental: true })
    }).pipe(on)
  )

  it.live("counts the appends that wait, as long as they do", () =>
    Effect.gen(function* () {
      const store = yield* EventStore.EventStore
      const { withInline } = yield* ProjectionStore.ProjectionStore
      const append = (id: number) => store.append([{ stream: `note-${id}`, expected: "any", events: [event(id)] }])
      const held = yield* Deferred.make<void>()
      const end = yield* Deferred.make<void>()
      const holding = yield* Effect.forkScoped(
        withInline(
          [],
          Effect.andThen(append(1), Effect.andThen(Deferred.succeed(held, undefined), Deferred.await(end)))
        )
      )
      yield* Deferred.await(held)
      const before = yield* depth
      const others = yield* Effect.forEach([2, 3, 4, 5], (id) => Effect.forkScoped(append(id)))
      // Some of them may have been sent, to wait in the database.
      yield* eventually("waiting", depth, (depth) => depth > 0)
      yield* Fiber.interrupt(others[3]!)
      yield* Deferred.succeed(end, undefined)
      yield* Effect.forEach([holding, ...others.slice(0, 3)], (fiber) => Fiber.join<unknown, unknown>(fiber), {
        discard: true
      })
      assert.deepStrictEqual([before, yield* depth], [0, 0])
    }).pipe(on)
  )

  it.live("is measured under the names and attributes that the document lists", () =>
    Effect.gen(function* () {
      const accounts = yield* Accounts
      yield* accounts.execute("ada", { _tag: "Open", owner: "Ada" })
      const snapshots = yield* Aggregate.make({ decider: account, snapshots: { version: 1 }, cache: { entries: 0 } })
      yield* snapshots.state("ada")
      for (const { attributes, id, type } of yield* measured) {
        const row = documented.find(({ name }) => name === id)
        assert.deepStrictEqual([id, Object.keys(attributes ?? {}).toSorted()], [id, row?.attributes], `${id} ${type}`)
      }
    }).pipe(on)
  )
})

const memory = Layer.provideMerge(Accounts.layer, MemoryEventStore.layer)

/** Over a memory store whose first appends come after others had. */
const late = (times: number) =>
  Layer.effect(
    EventStore.EventStore,
    Effect.map(EventStore.EventStore, (store) => {
      let left = times
      return {
        ...store,
        append: (...[writes, options]: Parameters<typeof store.append>) =>
          Effect.suspend(() =>
            left-- > 0
              ? Effect.fail(new EventStore.ConcurrencyConflict({ stream: "account-ada", expected: 0, actual: 1 }))
              : store.append(writes, options)
          )
      }
    })
  ).pipe(Layer.provide(MemoryEventStore.layer))

describe("an aggregate", () => {
  it.effect("counts commands by what came of them", () =>
    Effect.gen(function* () {
      const accounts = yield* Accounts
      yield* accounts.execute("ada", { _tag: "Open", owner: "Ada" })
      yield* accounts.execute("ada", { _tag: "Deposit", amount: 5 }, { commandId: "once" })
      yield* accounts.execute("ada", { _tag: "Deposit", amount: 5 }, { commandId: "once" })
      yield* accounts.execute("ada", { _tag: "Withdraw", amount: 0 })
      yield* Effect.flip(accounts.execute("ada", { _tag: "Withdraw", amount: 9 }))
      yield* Effect.flip(accounts.execute("", { _tag: "Open", owner: "Ada" }))
      // Not of this domain: a defect.
      yield* Effect.exit(accounts.execute("ada", JSON.parse(`{ "_tag": "Rob" }`)))
      const commands = (command: string, outcome: string) =>
        count("commands_total", { category: "account", command, outcome })
      assert.strictEqual(yield* commands("Open", "executed"), 1)
      assert.strictEqual(yield* commands("Open", "failed"), 1)
      assert.strictEqual(yield* commands("Deposit", "executed"), 1)
      assert.strictEqual(yield* commands("Deposit", "repeated"), 1)
      assert.strictEqual(yield* commands("Withdraw", "nothing"), 1)
      assert.strictEqual(yield* commands("Withdraw", "rejected"), 1)
      assert.strictEqual(yield* commands("Rob", "failed"), 1)
      assert.strictEqual(yield* count("commands_total"), 7)
      assert.strictEqual(yield* count("command_seconds", { category: "account" }), 7)
      assert.strictEqual(yield* count("append_seconds", { outcome: "stored" }), 2)
    }).pipe(Effect.provide(memory), alone)
  )

  it.effect("counts each command of those that are executed as one, with what came of all", () =>
    Effect.gen(function* () {
      const accounts = yield* Accounts
      yield* Aggregate.executeAll([
        accounts.prepare("ada", { _tag: "Open", owner: "Ada" }),
        accounts.prepare("bob", { _tag: "Deposit", amount: 1 })
      ])
      yield* Effect.flip(
        Aggregate.executeAll([
          accounts.prepare("ada", { _tag: "Deposit", amount: 1 }),
          accounts.prepare("bob", { _tag: "Withdraw", amount: 9 })
        ])
      )
      assert.strictEqual(yield* count("commands_total", { outcome: "executed" }), 2)
      assert.strictEqual(yield* count("commands_total", { outcome: "rejected" }), 2)
      assert.strictEqual(yield* count("commands_total", { command: "Deposit", outcome: "rejected" }), 1)
    }).pipe(Effect.provide(memory), alone)
  )

  it.effect("counts what is interrupted", () =>
    Effect.gen(function* () {
      const accounts = yield* Accounts
      const fiber = yield* Effect.forkChild(accounts.execute("ada", { _tag: "Open", owner: "Ada" }), {
        startImmediately: true
      })
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(yield* count("commands_total", { command: "Open", outcome: "interrupted" }), 1)
    }).pipe(
      Effect.provide(
        Layer.provide(
          Accounts.layer,
          Layer.effect(
            EventStore.EventStore,
            Effect.map(EventStore.EventStore, (store) => ({ ...store, append: () => Effect.never }))
          ).pipe(Layer.provide(MemoryEventStore.layer))
        )
      ),
      alone
    )
  )

  it.effect("counts conflicts and what is decided again, also when it gives up", () =>
    Effect.gen(function* () {
      const open = Effect.gen(function* () {
        const accounts = yield* Accounts
        return yield* accounts.execute("ada", { _tag: "Open", owner: "Ada" })
      })
      yield* Effect.provide(open, Layer.provide(Accounts.layer, late(3)))
      assert.strictEqual(yield* count("conflicts_total", { category: "account" }), 3)
      assert.strictEqual(yield* count("retries_total", { category: "account" }), 3)
      assert.strictEqual(yield* count("commands_total", { outcome: "executed" }), 1)
      yield* Effect.flip(Effect.provide(open, Layer.fresh(Layer.provide(Accounts.layer, late(11)))))
      assert.strictEqual(yield* count("conflicts_total"), 14)
      assert.strictEqual(yield* count("retries_total"), 13)
      assert.strictEqual(yield* count("commands_total", { outcome: "conflict" }), 1)
    }).pipe(alone)
  )

  it.effect("measures loads, what they replay, and where they begin", () =>
    Effect.gen(function* () {
      const deposit = (accounts: Aggregate.Aggregate<typeof account>) =>
        accounts.execute("ada", { _tag: "Deposit", amount: 1 })
      const cached = yield* Aggregate.make({ decider: account })
      yield* deposit(cached)
      yield* deposit(cached)
      assert.strictEqual(yield* count("state_cache_loads_total", { outcome: "miss" }), 1)
      assert.strictEqual(yield* count("state_cache_loads_total", { outcome: "hit" }), 1)
      assert.strictEqual(yield* sum("load_replayed_events"), 0)
      const uncached = yield* Aggregate.make({ decider: account, cache: { entries: 0 } })
      yield* uncached.state("ada")
      assert.strictEqual(yield* sum("load_replayed_events"), 2)
      assert.strictEqual(yield* sum("stream_length"), 0 + 2)
      assert.strictEqual(yield* count("snapshot_loads_total"), 0)
      // Not looked at, so nothing is known of its length.
      yield* cached.state("ada", { load: "cached" })
      assert.strictEqual(yield* count("stream_length"), 2)
      const withSnapshots = yield* Aggregate.make({
        decider: account,
        cache: { entries: 0 },
        snapshots: { version: 1, every: 1 }
      })
      yield* withSnapshots.state("ada")
      const snapshots = yield* SnapshotStore.SnapshotStore
      const code = Aggregate.snapshotCode(account, 1)
      yield* Effect.repeat(snapshots.load(code, "account-ada"), { until: Option.isSome })
      yield* withSnapshots.state("ada")
      assert.strictEqual(yield* count("snapshot_loads_total", { category: "account", outcome: "miss" }), 1)
      assert.strictEqual(yield* count("snapshot_loads_total", { category: "account", outcome: "hit" }), 1)
      assert.strictEqual(yield* sum("load_replayed_events"), 2 + 2 + 0)
      assert.strictEqual(yield* count("load_seconds"), 6)
      assert.strictEqual(yield* count("decide_seconds"), 2)
    }).pipe(Effect.scoped, Effect.provide(memory), alone)
  )
})

describe("measuring", () => {
  it.effect("changes nothing where it cannot be done", () =>
    Effect.gen(function* () {
      class Broken extends Map<string, Metric.Metric.Metadata<unknown, unknown>> {
        override get(): never {
          throw new Error("no metrics here")
        }
      }
      const outcome = yield* Effect.gen(function* () {
        const accounts = yield* Accounts
        return yield* accounts.execute("ada", { _tag: "Open", owner: "Ada" })
      }).pipe(Effect.provide(memory), Effect.provideService(Metric.MetricRegistry, new Broken()))
      assert.strictEqual(outcome.version, 1)
    })
  )

  it.effect("counts names that come after the first thousand as one", () =>
    Effect.gen(function* () {
      const context = yield* Effect.context<never>()
      const made = Metric.counter("made_up_total")
      const series = Metrics.seriesOf(made)
      for (let i = 0; i < Metrics.mostSeries + 10; i++) {
        Metrics.update(series({ category: `c${i}`, type: "t" }), 1, context)
      }
      Metrics.update(series({ category: "c1", type: "t" }), 1, context)
      const valueOf = (attributes: Attributes) =>
        Effect.map(Metric.value(Metric.withAttributes(made, attributes)), ({ count }) => count)
      assert.strictEqual(yield* valueOf({ category: "c1", type: "t" }), 2)
      assert.strictEqual(yield* valueOf({ category: "c1005", type: "t" }), 0)
      assert.strictEqual(yield* valueOf({ category: "other", type: "other" }), 10)
      // Where one value ends and the next begins, nobody else can say.
      assert.notStrictEqual(
        series({ category: "ab", type: "c" }),
        Metrics.seriesOf(made)({ category: "a", type: "bc" })
      )
    }).pipe(alone)
  )
})

describe("the document", () => {
  it("lists the metrics that there are, and no others", () => {
    const metrics = Object.values(Metrics).flatMap((one) => (typeof one === "object" ? [one] : []))
    const listed = documented.map(({ name, type }) => `${name} ${type}`)
    const there = metrics.map(({ id, type }) => `${id} ${type.toLowerCase()}`)
    assert.deepStrictEqual(listed.toSorted(), there.toSorted())
    assert.deepStrictEqual(
      metrics.filter(({ description = "" }) => description === "").map(({ id }) => id),
      []
    )
  })
})
