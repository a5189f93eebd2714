import { assert, describe, it } from "@effect/vitest"
import { Data, DateTime, Effect, Exit, Fiber, Layer, Random, Ref, Result, Schedule, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Aggregate, Causation, Decider, Event, EventStore, Subscription } from "eventfold"
import { MemoryEventStore } from "eventfold/memory"
import { Accounts, account } from "./types/domain.ts"

const memory = Accounts.layer.pipe(Layer.provideMerge(MemoryEventStore.layer))

/** The memory store with some of its operations replaced. */
const altered = (alter: (store: EventStore.EventStore["Service"]) => Partial<EventStore.EventStore["Service"]>) =>
  Layer.effect(
    EventStore.EventStore,
    Effect.map(EventStore.EventStore, (store) => ({ ...store, ...alter(store) }))
  ).pipe(Layer.provide(MemoryEventStore.layer))

const eventsOf = (id: string) =>
  Effect.flatMap(Accounts, (accounts) =>
    Effect.map(Stream.runCollect(accounts.history(id)), (events) => events.map(({ event }) => event))
  )

const headOf = Effect.flatMap(EventStore.EventStore, (store) => store.head)

describe("execute", () => {
  it.effect("answers with the new events, and the version, position and state they lead to", () =>
    Effect.gen(function* () {
      const accounts = yield* Accounts
      assert.deepStrictEqual(yield* accounts.execute("ada", { _tag: "Open", owner: "Ada" }), {
        events: [{ _tag: "AccountOpened", owner: "Ada", currency: "EUR" }],
        version: 1,
        position: 1,
        state: { _tag: "Open", owner: "Ada", balance: 0 }
      })
      yield* accounts.execute("bob", { _tag: "Open", owner: "Bob" })
      assert.deepStrictEqual(yield* accounts.execute("ada", { _tag: "Deposit", amount: 5 }), {
        events: [{ _tag: "Deposited", amount: 5 }],
        version: 2,
        position: 3,
        state: { _tag: "Open", owner: "Ada", balance: 5 }
      })
    }).pipe(Effect.provide(memory))
  )

  it.effect("that has nothing to do stores nothing, and answers where the stream is", () =>
    Effect.gen(function* () {
      const accounts = yield* Accounts
      yield* accounts.execute("ada", { _tag: "Open", owner: "Ada" })
      yield* accounts.execute("bob", { _tag: "Open", owner: "Bob" })
      const outcome = yield* accounts.execute("ada", { _tag: "Withdraw", amount: 0 })
      assert.deepInclude(outcome, { events: [], version: 1, position: 1 })
      assert.strictEqual(yield* headOf, 2)
    }).pipe(Effect.provide(memory))
  )

  it.effect("that is rejected fails with the rejection, and stores nothing", () =>
    Effect.gen(function* () {
      const accounts = yield* Accounts
      yield* accounts.execute("ada", { _tag: "Open", owner: "Ada" })
      const rejection = yield* Effect.flip(accounts.execute("ada", { _tag: "Withdraw", amount: 1 }))
      assert.deepInclude(rejection, { _tag: "InsufficientFunds", balance: 0 })
      assert.strictEqual(yield* headOf, 1)
    }).pipe(Effect.provide(memory))
  )

  it.effect("refuses an id that no stream can have", () =>
    Effect.gen(function* () {
      const accounts = yield* Accounts
      for (const id of ["", "a\u0000b", "x".repeat(600)]) {
        const error = yield* Effect.flip(accounts.execute(id, { _tag: "Open", owner: "Ada" }))
        assert.deepInclude(error, { _tag: "StoreError", reason: "InvalidRequest" })
      }
    }).pipe(Effect.provide(memory))
  )

  it.effect("fails typed on a history that does not decode, and stores nothing", () =>
    Effect.gen(function* () {
      const store = yield* EventStore.EventStore
      const accounts = yield* Accounts
      yield* accounts.execute("ada", { _tag: "Open", owner: "Ada" })
      const id = "01a1fe51-f1c2-7e52-be61-fa3e2c8e5daa"
      const future = { id, type: "Frozen", schemaVersion: 1, data: {}, tags: [], metadata: {} }
      yield* store.append([{ stream: "account-ada", expected: 1, events: [future] }])
      const error = yield* Effect.flip(accounts.execute("ada", { _tag: "Deposit", amount: 1 }))
      assert.deepInclude(error, { _tag: "DecodeError", reason: "UnknownType", stream: "account-ada", version: 2 })
      assert.strictEqual((yield* Effect.flip(accounts.state("ada")))._tag, "DecodeError")
      assert.strictEqual((yield* Effect.flip(Stream.runDrain(accounts.history("ada"))))._tag, "DecodeError")
      assert.strictEqual(yield* headOf, 2)
    }).pipe(Effect.provide(memory))
  )
})

describe("a conflict", () => {
  /** Lets another command in between the loading and the appending of each of the first `times` appends. */
  const interfering = (times: number, interfere: Effect.Effect<unknown, unknown, EventStore.EventStore>) =>
    Layer.effect(
      EventStore.EventStore,
      Effect.gen(function* () {
        const store = yield* EventStore.EventStore
        const left = yield* Ref.make(times)
        return {
          ...store,
          append: (writes, options) =>
            Effect.gen(function* () {
              if ((yield* Ref.getAndUpdate(left, (n) => n - 1)) > 0) {
                yield* Effect.orDie(Effect.provideService(interfere, EventStore.EventStore, store))
              }
              return yield* store.append(writes, options)
            })
        }
      })
    ).pipe(Layer.provideMerge(MemoryEventStore.layer))

  const interfere = Effect.flatMap(Aggregate.make({ decider: account }), (others) =>
    others.execute("ada", { _tag: "Deposit", amount: 100 })
  )

  it.effect("is decided again on what was missed", () =>
    Effect.gen(function* () {
      const accounts = yield* Accounts
      const { version, state } = yield* accounts.execute("ada", { _tag: "Deposit", amount: 1 })
      assert.strictEqual(version, 4)
      assert.deepStrictEqual(state, { _tag: "New" })
      assert.deepStrictEqual(
        (yield* eventsOf("ada")).map((event) => ("amount" in event ? event.amount : 0)),
        [100, 100, 100, 1]
      )
    }).pipe(Effect.provide(Accounts.layer.pipe(Layer.provideMerge(interfering(3, interfere)))))
  )

  it.effect("folds only the events that were missed", () => {
    const folded: Array<number> = []
    const counting = Decider.make({
      name: "account",
      state: Schema.Int,
      initial: 0,
      commands: Schema.TaggedUnion({ Deposit: { amount: Schema.Int } }),
      events: Event.define({ Deposited: { amount: Schema.Int } })
    })
      .evolve({
        Deposited: (sum, { amount }) => {
          folded.push(amount)
          return sum + amount
        }
      })
      .decide({ Deposit: ({ amount }) => [{ _tag: "Deposited", amount }] })
    return Effect.gen(function* () {
      const accounts = yield* Aggregate.make({ decider: counting })
      for (const amount of [1, 2, 3]) yield* interferer(amount)
      yield* accounts.execute("ada", { _tag: "Deposit", amount: 9 })
      // Six loaded (three of them came in between) and the decision tried; then twice one missed and the decision tried again.
      assert.deepStrictEqual(folded, [100, 1, 100, 2, 100, 3, 9, 100, 9, 100, 9])
    }).pipe(Effect.provide(interfering(5, interfere)))
  })

  const interferer = (amount: number) =>
    Effect.flatMap(EventStore.EventStore, (store) => {
      const { type, schemaVersion, data, tags } = Result.getOrThrow(
        Event.encode(account.events, { _tag: "Deposited", amount })
      )
      const id = `00000000-0000-4000-8000-00000000000${amount}`
      return store.append([
        { stream: "account-ada", expected: "any", events: [{ id, type, schemaVersion, data, tags, metadata: {} }] }
      ])
    })

  it.effect("is retried on the schedule, and is the error when that has run out", () =>
    Effect.gen(function* () {
      const accounts = yield* Aggregate.make({ decider: account, retry: Schedule.recurs(2) })
      const error = yield* Effect.flip(accounts.execute("ada", { _tag: "Deposit", amount: 1 }))
      assert.deepInclude(error, { _tag: "ConcurrencyConflict", stream: "account-ada", expected: 2, actual: 3 })
      assert.strictEqual(yield* headOf, 3)
    }).pipe(Effect.provide(interfering(1000, interfere)))
  )

  it.effect("waits as the schedule says", () =>
    Effect.gen(function* () {
      const accounts = yield* Aggregate.make({ decider: account, retry: Schedule.spaced("1 minute") })
      const fiber = yield* Effect.forkChild(accounts.execute("ada", { _tag: "Deposit", amount: 1 }))
      yield* TestClock.adjust("59 seconds")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Fiber.join(fiber)).version, 2)
    }).pipe(Effect.provide(interfering(1, interfere)))
  )

  it.effect("that others do not settle never breaks a rule: 50 racing withdrawals, 10 of them covered", () =>
    Effect.gen(function* () {
      const accounts = yield* Aggregate.make({ decider: account, retry: Schedule.recurs(100) })
      yield* accounts.execute("ada", { _tag: "Open", owner: "Ada" })
      yield* accounts.execute("ada", { _tag: "Deposit", amount: 10 })
      const results = yield* Effect.all(
        Array.from({ length: 50 }, () => Effect.result(accounts.execute("ada", { _tag: "Withdraw", amount: 1 }))),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(results.filter(Result.isSuccess).length, 10)
      for (const result of results)
        if (Result.isFailure(result)) assert.strictEqual(result.failure._tag, "InsufficientFunds")
      assert.deepInclude((yield* accounts.state("ada")).state, { balance: 0 })
    }).pipe(
      // Every append yields before it is made, so that all fifty have loaded the same version.
      Effect.provide(
        altered((store) => ({
          append: (writes, options) => Effect.andThen(Effect.yieldNow, store.append(writes, options))
        }))
      )
    )
  )
})

describe("a command id", () => {
  const commandId = "request 1"

  it.effect("gives the first outcome again, also after other commands came between", () =>
    Effect.gen(function* () {
      const accounts = yield* Accounts
      yield* accounts.execute("ada", { _tag: "Open", owner: "Ada" })
      const first = yield* accounts.execute("ada", { _tag: "Deposit", amount: 5 }, { commandId })
      yield* accounts.execute("ada", { _tag: "Withdraw", amount: 5 })
      assert.deepStrictEqual(yield* accounts.execute("ada", { _tag: "Deposit", amount: 5 }, { commandId }), first)
      assert.strictEqual(yield* headOf, 3)
    }).pipe(Effect.provide(memory))
  )

  it.effect("gives it even when the command would be rejected by now", () =>
    Effect.gen(function* () {
      const accounts = yield* Accounts
      const first = yield* accounts.execute("ada", { _tag: "Open", owner: "Ada" }, { commandId })
      assert.deepStrictEqual(yield* accounts.execute("ada", { _tag: "Open", owner: "Ada" }, { commandId }), first)
      assert.strictEqual(yield* headOf, 1)
    }).pipe(Effect.provide(memory))
  )

  it.effect("gives it from another process, which shares nothing but the store", () =>
    Effect.gen(function* () {
      const here = yield* Aggregate.make({ decider: account })
      const first = yield* here.execute("ada", { _tag: "Deposit", amount: 5 }, { commandId })
      const there = yield* Aggregate.make({ decider: account })
      assert.deepStrictEqual(yield* there.execute("ada", { _tag: "Deposit", amount: 5 }, { commandId }), first)
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )

  it.effect("gives all events of a command that made several, under a type retired since", () => {
    const before = Decider.make({
      name: "pair",
      state: Schema.Int,
      initial: 0,
      commands: Schema.TaggedUnion({ Add: {} }),
      events: Event.define({ Added: {}, Doubled: {} })
    })
      .evolve({ Added: (n) => n + 1, Doubled: (n) => n * 2 })
      .decide({ Add: () => [{ _tag: "Added" }, { _tag: "Doubled" }, { _tag: "Added" }] })
    const after = Decider.make({
      name: "pair",
      state: Schema.Int,
      initial: 0,
      commands: Schema.TaggedUnion({ Add: {} }),
      events: Event.define({ Added: {} }).retired("Doubled", {}, () => [{ _tag: "Added" }, { _tag: "Added" }])
    })
      .evolve({ Added: (n) => n + 1 })
      .decide({ Add: () => [{ _tag: "Added" }] })
    return Effect.gen(function* () {
      const old = yield* Aggregate.make({ decider: before })
      assert.strictEqual((yield* old.execute("1", { _tag: "Add" }, { commandId })).state, 3)
      yield* old.execute("1", { _tag: "Add" })
      const renewed = yield* Aggregate.make({ decider: after })
      const outcome = yield* renewed.execute("1", { _tag: "Add" }, { commandId })
      assert.deepStrictEqual(outcome, {
        events: [{ _tag: "Added" }, { _tag: "Added" }, { _tag: "Added" }, { _tag: "Added" }],
        version: 3,
        position: 3,
        state: 4
      })
    }).pipe(Effect.provide(MemoryEventStore.layer))
  })

  it.effect("means another command on another stream", () =>
    Effect.gen(function* () {
      const accounts = yield* Accounts
      yield* accounts.execute("ada", { _tag: "Deposit", amount: 5 }, { commandId })
      assert.strictEqual((yield* accounts.execute("bob", { _tag: "Deposit", amount: 7 }, { commandId })).position, 2)
    }).pipe(Effect.provide(memory))
  )

  it.effect("raced by 50 fibers is executed once, and all get the same outcome", () =>
    Effect.gen(function* () {
      const accounts = yield* Aggregate.make({ decider: account })
      yield* accounts.execute("ada", { _tag: "Open", owner: "Ada" })
      const outcomes = yield* Effect.all(
        // The same id with different commands, so that only what is stored can be the same for all.
        Array.from({ length: 50 }, (_, i) =>
          accounts.execute("ada", { _tag: "Deposit", amount: 1 + i }, { commandId })
        ),
        { concurrency: "unbounded" }
      )
      for (const outcome of outcomes) assert.deepStrictEqual(outcome, outcomes[0])
      assert.strictEqual(yield* headOf, 2)
    }).pipe(
      Effect.provide(
        altered((store) => ({
          append: (writes, options) => Effect.andThen(Effect.yieldNow, store.append(writes, options))
        }))
      )
    )
  )

  it.effect(
    "executed by another process in between is found in what was missed, without reading the rest again",
    () => {
      const reads: Array<number | undefined> = []
      let isRaced = false
      return Effect.gen(function* () {
        const accounts = yield* Aggregate.make({ decider: account })
        yield* accounts.execute("ada", { _tag: "Open", owner: "Ada" })
        for (let n = 1; n < 20; n++) yield* accounts.execute("ada", { _tag: "Deposit", amount: 1 })
        reads.length = 0
        isRaced = true
        const { events, version } = yield* accounts.execute("ada", { _tag: "Deposit", amount: 5 }, { commandId })
        assert.deepStrictEqual([events, version], [[{ _tag: "Deposited", amount: 7 }], 21])
        assert.deepStrictEqual(reads, [21])
      }).pipe(
        Effect.provide(
          altered((store) => ({
            readStream: (stream, options) => {
              reads.push(options?.from)
              return store.readStream(stream, options)
            },
            append: (writes, options) =>
              Effect.gen(function* () {
                if (isRaced) {
                  const others = Effect.provideService(
                    Aggregate.make({ decider: account }),
                    EventStore.EventStore,
                    store
                  )
                  const twin = (yield* others).execute("ada", { _tag: "Deposit", amount: 7 }, { commandId })
                  yield* Effect.orDie(twin)
                }
                return yield* store.append(writes, options)
              })
          }))
        )
      )
    }
  )

  it.effect("of a rejected command is decided anew, for it has left no trace", () =>
    Effect.gen(function* () {
      const accounts = yield* Accounts
      yield* Effect.flip(accounts.execute("ada", { _tag: "Withdraw", amount: 1 }, { commandId }))
      yield* accounts.execute("ada", { _tag: "Open", owner: "Ada" })
      yield* accounts.execute("ada", { _tag: "Deposit", amount: 1 })
      assert.strictEqual((yield* accounts.execute("ada", { _tag: "Withdraw", amount: 1 }, { commandId })).version, 3)
    }).pipe(Effect.provide(memory))
  )
})

describe("executeAll", () => {
  const transfer = (amount: number, options?: Aggregate.ExecuteOptions) =>
    Effect.flatMap(Accounts, (accounts) =>
      Aggregate.executeAll(
        [accounts.prepare("ada", { _tag: "Withdraw", amount }), accounts.prepare("bob", { _tag: "Deposit", amount })],
        options
      )
    )

  const opened = Effect.gen(function* () {
    const accounts = yield* Accounts
    yield* accounts.execute("ada", { _tag: "Open", owner: "Ada" })
    yield* accounts.execute("bob", { _tag: "Open", owner: "Bob" })
    yield* accounts.execute("ada", { _tag: "Deposit", amount: 10 })
    return accounts
  })

  it.effect("stores the events of all commands, and answers each", () =>
    Effect.gen(function* () {
      yield* opened
      const [ada, bob] = yield* transfer(4)
      assert.deepInclude(ada, { events: [{ _tag: "Withdrawn", amount: 4 }], version: 3, position: 4 })
      assert.deepInclude(bob, { events: [{ _tag: "Deposited", amount: 4 }], version: 2, position: 5 })
      assert.deepInclude(ada.state, { balance: 6 })
      assert.deepInclude(bob.state, { balance: 4 })
    }).pipe(Effect.provide(memory))
  )

  it.effect("stores none of them when one is rejected", () =>
    Effect.gen(function* () {
      yield* opened
      assert.strictEqual((yield* Effect.flip(transfer(11)))._tag, "InsufficientFunds")
      assert.strictEqual(yield* headOf, 3)
    }).pipe(Effect.provide(memory))
  )

  it.effect("with a command id gives the first outcomes again", () =>
    Effect.gen(function* () {
      const accounts = yield* opened
      const first = yield* transfer(10, { commandId: "t1" })
      yield* accounts.execute("ada", { _tag: "Deposit", amount: 10 })
      assert.deepStrictEqual(yield* transfer(10, { commandId: "t1" }), first)
      assert.deepInclude((yield* accounts.state("ada")).state, { balance: 10 })
    }).pipe(Effect.provide(memory))
  )

  it.effect("with a command id over other streams is another command, and not half of the first", () =>
    Effect.gen(function* () {
      const accounts = yield* opened
      const pay = (to: string) =>
        Aggregate.executeAll(
          [
            accounts.prepare("ada", { _tag: "Withdraw", amount: 5 }),
            accounts.prepare(to, { _tag: "Deposit", amount: 5 })
          ],
          { commandId: "k" }
        )
      yield* pay("bob")
      yield* accounts.execute("cid", { _tag: "Open", owner: "Cid" })
      yield* pay("cid")
      yield* accounts.execute("ada", { _tag: "Deposit", amount: 1 }, { commandId: "k" })
      const states = yield* Effect.forEach(["ada", "bob", "cid"], (id) => accounts.state(id))
      assert.deepStrictEqual(
        states.map(({ state }) => state._tag === "Open" && state.balance),
        [1, 5, 5]
      )
    }).pipe(Effect.provide(memory))
  )

  it.effect("with a command id leaves alone what had nothing to do the first time", () =>
    Effect.gen(function* () {
      const accounts = yield* opened
      const settle = Aggregate.executeAll(
        [
          accounts.prepare("ada", { _tag: "Withdraw", amount: 0 }),
          accounts.prepare("bob", { _tag: "Deposit", amount: 1 })
        ],
        { commandId: "k" }
      )
      yield* settle
      const topUp = Aggregate.executeAll(
        [
          accounts.prepare("ada", { _tag: "Withdraw", amount: 9 }),
          accounts.prepare("bob", { _tag: "Deposit", amount: 9 })
        ],
        { commandId: "k" }
      )
      const [ada, bob] = yield* topUp
      assert.deepInclude(ada, { events: [], version: 2 })
      assert.deepInclude(bob, { events: [{ _tag: "Deposited", amount: 1 }], version: 2 })
      assert.strictEqual(yield* headOf, 4)
    }).pipe(Effect.provide(memory))
  )

  it.effect("raced by 50 fibers with one command id is stored once, and all get the same outcomes", () =>
    Effect.gen(function* () {
      const accounts = yield* opened
      const outcomes = yield* Effect.all(
        Array.from({ length: 50 }, (_, i) => transfer(1 + (i % 3), { commandId: "t1" })),
        { concurrency: "unbounded" }
      )
      for (const outcome of outcomes) assert.deepStrictEqual(outcome, outcomes[0])
      assert.strictEqual(yield* headOf, 5)
      assert.strictEqual((yield* accounts.state("bob")).version, 2)
    }).pipe(
      Effect.provide(
        Accounts.layer.pipe(
          Layer.provideMerge(
            altered((store) => ({
              append: (writes, options) => Effect.andThen(Effect.yieldNow, store.append(writes, options)),
              // Streams are read one after the other, with others at work in between.
              readStream: (stream, options) =>
                Stream.unwrap(Effect.as(Effect.yieldNow, store.readStream(stream, options)))
            }))
          )
        )
      )
    )
  )

  it.effect("that a twin overtakes between the reading of two streams answers as the twin was answered", () =>
    Effect.gen(function* () {
      const store = yield* EventStore.EventStore
      yield* opened
      const transferOver = (over: EventStore.EventStore["Service"]) =>
        Effect.gen(function* () {
          const accounts = yield* Aggregate.make({ decider: account })
          return yield* Aggregate.executeAll(
            [
              accounts.prepare("ada", { _tag: "Withdraw", amount: 4 }),
              accounts.prepare("bob", { _tag: "Deposit", amount: 4 })
            ],
            { commandId: "t1" }
          )
        }).pipe(Effect.provideService(EventStore.EventStore, over))
      const twin = yield* Effect.cached(transferOver(store))
      const overtaken = transferOver({
        ...store,
        readStream: (stream, options) =>
          stream === "account-bob"
            ? Stream.unwrap(Effect.as(Effect.orDie(twin), store.readStream(stream, options)))
            : store.readStream(stream, options)
      })
      assert.deepStrictEqual(yield* overtaken, yield* twin)
      assert.strictEqual(yield* headOf, 5)
    }).pipe(Effect.provide(memory))
  )

  it.effect("loses and makes no money, however many race in both directions", () =>
    Effect.gen(function* () {
      const accounts = yield* opened
      yield* accounts.execute("bob", { _tag: "Deposit", amount: 10 })
      const move = (from: string, to: string) =>
        Aggregate.executeAll(
          [
            accounts.prepare(from, { _tag: "Withdraw", amount: 1 }),
            accounts.prepare(to, { _tag: "Deposit", amount: 1 })
          ],
          { retry: Schedule.recurs(200) }
        )
      yield* Effect.all(
        Array.from({ length: 60 }, (_, i) => Effect.result(i % 2 === 0 ? move("ada", "bob") : move("bob", "ada"))),
        { concurrency: "unbounded" }
      )
      const states = yield* Effect.all([accounts.state("ada"), accounts.state("bob")])
      const balances = states.map(({ state }) => (state._tag === "Open" ? state.balance : 0))
      assert.strictEqual(balances[0]! + balances[1]!, 20)
      assert.isTrue(balances.every((balance) => balance >= 0))
    }).pipe(Effect.provide(memory))
  )

  it.effect("refuses two commands for one stream", () =>
    Effect.gen(function* () {
      const accounts = yield* opened
      const twice = [
        accounts.prepare("ada", { _tag: "Deposit", amount: 1 }),
        accounts.prepare("ada", { _tag: "Deposit", amount: 2 })
      ]
      assert.deepInclude(yield* Effect.flip(Aggregate.executeAll(twice)), {
        _tag: "StoreError",
        reason: "InvalidRequest"
      })
    }).pipe(Effect.provide(memory))
  )

  it.effect("refuses commands over different stores, which no append can make one", () =>
    Effect.gen(function* () {
      const here = yield* opened
      const there = yield* Aggregate.make({ decider: account }).pipe(
        Effect.provideServiceEffect(EventStore.EventStore, MemoryEventStore.make)
      )
      const both = Aggregate.executeAll([
        here.prepare("ada", { _tag: "Deposit", amount: 1 }),
        there.prepare("bob", { _tag: "Deposit", amount: 1 })
      ])
      assert.deepInclude(yield* Effect.flip(both), { _tag: "StoreError", reason: "InvalidRequest" })
      assert.strictEqual(yield* headOf, 3)
    }).pipe(Effect.provide(memory))
  )

  it.effect("of no commands does nothing", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* Aggregate.executeAll([]), [])
    })
  )
})

describe("state", () => {
  const history = Effect.gen(function* () {
    const accounts = yield* Accounts
    yield* accounts.execute("ada", { _tag: "Open", owner: "Ada" })
    yield* TestClock.adjust("1 hour")
    yield* accounts.execute("ada", { _tag: "Deposit", amount: 1 })
    yield* accounts.execute("ada", { _tag: "Deposit", amount: 2 })
    yield* TestClock.adjust("1 hour")
    yield* accounts.execute("ada", { _tag: "Deposit", amount: 4 })
    return accounts
  })
  const balanceAt = (at: Aggregate.Point) =>
    Effect.map(
      Effect.flatMap(Accounts, (accounts) => accounts.state("ada", { at })),
      ({ state, version }) => [version, state._tag === "Open" ? state.balance : undefined]
    )

  it.effect("is initial for a stream without events", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* (yield* Accounts).state("nobody"), {
        state: { _tag: "New" },
        version: 0,
        position: 0
      })
    }).pipe(Effect.provide(memory))
  )

  it.effect("is that of any version", () =>
    Effect.gen(function* () {
      yield* history
      assert.deepStrictEqual(yield* balanceAt({ version: 0 }), [0, undefined])
      assert.deepStrictEqual(yield* balanceAt({ version: 1 }), [1, 0])
      assert.deepStrictEqual(yield* balanceAt({ version: 3 }), [3, 3])
      assert.deepStrictEqual(yield* balanceAt({ version: 99 }), [4, 7])
    }).pipe(Effect.provide(memory))
  )

  it.effect("is that of any instant, with all that was recorded up to it", () =>
    Effect.gen(function* () {
      yield* history
      const start = DateTime.makeUnsafe(0)
      assert.deepStrictEqual(yield* balanceAt({ instant: DateTime.subtract(start, { milliseconds: 1 }) }), [
        0,
        undefined
      ])
      assert.deepStrictEqual(yield* balanceAt({ instant: start }), [1, 0])
      assert.deepStrictEqual(yield* balanceAt({ instant: DateTime.add(start, { minutes: 59 }) }), [1, 0])
      assert.deepStrictEqual(yield* balanceAt({ instant: DateTime.add(start, { hours: 1 }) }), [3, 3])
      assert.deepStrictEqual(yield* balanceAt({ instant: DateTime.add(start, { hours: 9 }) }), [4, 7])
    }).pipe(Effect.provide(memory))
  )

  it.effect("refuses a version that there cannot be", () =>
    Effect.gen(function* () {
      const accounts = yield* Accounts
      for (const version of [-1, 1.5, Number.NaN]) {
        const error = yield* Effect.flip(accounts.state("ada", { at: { version } }))
        assert.deepInclude(error, { _tag: "StoreError", reason: "InvalidRequest" })
      }
    }).pipe(Effect.provide(memory))
  )

  it.effect("has its events as history, with their records", () =>
    Effect.gen(function* () {
      const accounts = yield* history
      const last = yield* Stream.runCollect(accounts.history("ada", { direction: "backward", limit: 1 }))
      assert.deepStrictEqual(
        last.map(({ event, recorded }) => [event, recorded.version]),
        [[{ _tag: "Deposited", amount: 4 }, 4]]
      )
    }).pipe(Effect.provide(memory))
  )
})

describe("a bug in a decider", () => {
  const buggy = Decider.make({
    name: "buggy",
    state: Schema.Int,
    initial: 0,
    commands: Schema.TaggedUnion({ Decide: {}, Evolve: {}, Encode: {}, Fine: {} }),
    events: Event.define({ Counted: { n: Schema.Int }, Bad: {} })
  })
    .evolve({
      Counted: (state, { n }) => state + n,
      Bad: () => {
        throw new Error("evolve throws")
      }
    })
    .decide({
      Decide: () => {
        throw new Error("decide throws")
      },
      Evolve: () => [{ _tag: "Counted", n: 1 }, { _tag: "Bad" }],
      Encode: () => [{ _tag: "Counted", n: Number.NaN }],
      Fine: () => [{ _tag: "Counted", n: 1 }]
    })

  for (const [during, tag] of [
    ["decide", "Decide"],
    ["evolve", "Bad"],
    ["encode", "Counted"]
  ] as const) {
    it.effect(`in ${during} is a defect that says where, and nothing is stored`, () =>
      Effect.gen(function* () {
        const things = yield* Aggregate.make({ decider: buggy })
        yield* things.execute("1", { _tag: "Fine" })
        const command = { decide: "Decide", evolve: "Evolve", encode: "Encode" } as const
        const exit = yield* Effect.exit(things.execute("1", { _tag: command[during] }))
        assert.isTrue(Exit.hasDies(exit))
        const defect = Exit.isFailure(exit) ? Result.getOrThrow(Exit.findDefect(exit)) : undefined
        assert.instanceOf(defect, Decider.DeciderDefect)
        const { cause: _, ...where } = { ...(defect as Decider.DeciderDefect) }
        assert.deepInclude(where, { decider: "buggy", during, tag, stream: "buggy-1", version: 1 })
        assert.strictEqual(yield* headOf, 1)
      }).pipe(Effect.provide(MemoryEventStore.layer))
    )
  }

  it("in the name of a category is refused when the program starts", () => {
    assert.throws(() => Aggregate.Service()("x/Y", { decider: account, category: "bank-account" }), /has a hyphen/)
  })
})

describe("metadata", () => {
  const metadataOf = (id: string) =>
    Effect.flatMap(Accounts, (accounts) =>
      Effect.map(Stream.runCollect(accounts.history(id)), (events) => events.map(({ recorded }) => recorded.metadata))
    )

  it.effect("has the command's id, which begins a conversation", () =>
    Effect.gen(function* () {
      const accounts = yield* Accounts
      yield* accounts.execute("ada", { _tag: "Deposit", amount: 1 }, { commandId: "c1" })
      assert.deepStrictEqual(yield* metadataOf("ada"), [{ commandId: "c1", correlationId: "c1" }])
    }).pipe(Effect.provide(memory))
  )

  it.effect("comes from the fiber's context and from the options", () =>
    Effect.gen(function* () {
      const accounts = yield* Accounts
      yield* accounts
        .execute("ada", { _tag: "Deposit", amount: 1 }, { commandId: "c1", metadata: { note: { urgent: true } } })
        .pipe((self) => Causation.withMetadata(self, { actor: "user:ada", correlationId: "request 7" }))
      assert.deepStrictEqual(yield* metadataOf("ada"), [
        { commandId: "c1", correlationId: "request 7", actor: "user:ada", note: { urgent: true } }
      ])
    }).pipe(Effect.provide(memory))
  )

  it.effect("has the trace of the current span as a traceparent", () =>
    Effect.gen(function* () {
      const accounts = yield* Accounts
      const span = yield* Effect.gen(function* () {
        yield* accounts.execute("ada", { _tag: "Deposit", amount: 1 }, { commandId: "c1" })
        return yield* Effect.currentSpan
      }).pipe(Effect.withSpan("request"))
      const [metadata] = yield* metadataOf("ada")
      assert.strictEqual(metadata?.traceparent, `00-${span.traceId}-${span.spanId}-01`)
      assert.match(metadata!.traceparent!, /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/)
    }).pipe(Effect.provide(memory))
  )

  it.effect("of what is caused while an event is handled names that event, and its conversation", () =>
    Effect.gen(function* () {
      const accounts = yield* Accounts
      // Every deposit to ada is passed on to bob, and from bob to eve. Nobody passes any id.
      const next: Readonly<Record<string, string>> = { "account-ada": "bob", "account-bob": "eve" }
      const policy = yield* Effect.forkChild(
        Subscription.run({ events: Event.pick(account.events, ["Deposited"]) }, ({ amount }, { id, stream }) => {
          const to = next[stream]
          return to === undefined
            ? Effect.void
            : accounts.execute(to, { _tag: "Deposit", amount }, { commandId: `${id}:pass` })
        })
      )
      yield* accounts.execute("ada", { _tag: "Deposit", amount: 1 }, { commandId: "c1" })
      const store = yield* EventStore.EventStore
      const [first, second, third] = yield* Stream.runCollect(Stream.take(store.subscribe({ after: 0 }), 3))
      yield* Fiber.interrupt(policy)
      assert.deepInclude(second!.metadata, { causationId: first!.id, correlationId: "c1" })
      assert.deepInclude(third!.metadata, { causationId: second!.id, correlationId: "c1" })
    }).pipe(Effect.provide(memory))
  )
})

describe("a subscription", () => {
  class Stop extends Data.TaggedError("Stop")<{ readonly at: number }> {}

  it.effect("handles what is there and what comes, in order, from a position on", () =>
    Effect.gen(function* () {
      const accounts = yield* Accounts
      const seen: Array<number> = []
      for (let amount = 1; amount <= 3; amount++) yield* accounts.execute("ada", { _tag: "Deposit", amount })
      const running = yield* Effect.forkChild(
        Subscription.run(
          { events: Event.pick(account.events, ["Deposited"]), after: 1 },
          ({ amount }, { position }) => {
            seen.push(amount)
            return amount === 6 ? Effect.fail(new Stop({ at: position })) : Effect.void
          }
        )
      )
      yield* accounts.execute("bob", { _tag: "Open", owner: "Bob" })
      for (let amount = 4; amount <= 7; amount++) yield* accounts.execute("ada", { _tag: "Deposit", amount })
      const error = yield* Effect.flip(Fiber.join(running))
      assert.deepInclude(error, { _tag: "Stop", at: 7 })
      assert.deepStrictEqual(seen, [2, 3, 4, 5, 6])
    }).pipe(Effect.provide(memory))
  )

  it.effect("sees only the categories and tags it asks for, and never what it does not", () =>
    Effect.gen(function* () {
      const Noted = Event.define({ Noted: { about: Schema.String } }).tagged({
        Noted: ({ about }) => [`about:${about}`]
      })
      const notebook = Decider.make({
        name: "notebook",
        state: Schema.Int,
        initial: 0,
        commands: Schema.TaggedUnion({ Note: { about: Schema.String } }),
        events: Noted
      })
        .evolve({ Noted: (n) => n + 1 })
        .decide({ Note: ({ about }) => [{ _tag: "Noted", about }] })
      const notebooks = yield* Aggregate.make({ decider: notebook })
      const diaries = yield* Aggregate.make({ decider: notebook, category: "diary" })
      const accounts = yield* Accounts
      for (const about of ["a", "b", "a"]) {
        yield* accounts.execute("ada", { _tag: "Deposit", amount: 1 })
        yield* notebooks.execute("1", { _tag: "Note", about })
        yield* diaries.execute("1", { _tag: "Note", about })
      }
      const seen = yield* Subscription.stream({ events: Noted, categories: ["notebook"], tags: ["about:a"] }).pipe(
        Stream.take(2),
        Stream.runCollect
      )
      assert.deepStrictEqual(
        seen.map(({ recorded }) => [recorded.stream, recorded.version]),
        [
          ["notebook-1", 1],
          ["notebook-1", 3]
        ]
      )
    }).pipe(Effect.provide(memory))
  )
})

describe("any history of commands", () => {
  const Command = Schema.Union([
    Schema.TaggedStruct("Deposit", { amount: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 9 })) }),
    Schema.TaggedStruct("Withdraw", { amount: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 9 })) }),
    Schema.TaggedStruct("Open", { owner: Schema.Literals(["Ada", "Bob"]) })
  ])

  it.effect.prop(
    "leads to the state that the pure decider comes to",
    [Schema.Array(Command), Schema.Int],
    ([commands, seed]) =>
      Effect.gen(function* () {
        const accounts = yield* Accounts
        let state = account.initial
        for (const command of commands) {
          const context = Decider.context({ now: yield* DateTime.now, commandId: String(yield* Random.nextInt) })
          const expected = Decider.run(account, state, command, context)
          const actual = yield* Effect.result(accounts.execute("ada", command))
          assert.strictEqual(Result.isSuccess(actual), Result.isSuccess(expected))
          if (Result.isSuccess(expected)) state = expected.success.state
        }
        assert.deepStrictEqual((yield* accounts.state("ada")).state, state)
      }).pipe(Random.withSeed(seed), Effect.provide(memory))
  )
})

describe("what is easily given wrong", () => {
  it.effect("a command id that is empty, too long or no text is refused, and nothing is stored", () =>
    Effect.gen(function* () {
      const accounts = yield* Accounts
      for (const commandId of ["", "x".repeat(501), "a\u0000", "\ud800"]) {
        const error = yield* Effect.flip(accounts.execute("ada", { _tag: "Deposit", amount: 1 }, { commandId }))
        assert.deepInclude(error, { _tag: "StoreError", reason: "InvalidRequest" })
        assert.include(error.message, "the command id")
      }
      assert.strictEqual(yield* headOf, 0)
    }).pipe(Effect.provide(memory))
  )

  it.effect("forwarded metadata does not pass for another command's, and what is undefined is left out", () =>
    Effect.gen(function* () {
      const accounts = yield* Accounts
      yield* accounts.execute("ada", { _tag: "Deposit", amount: 1 }, { commandId: "first" })
      const [first] = yield* Stream.runCollect(accounts.history("ada"))
      yield* accounts
        .execute("ada", { _tag: "Deposit", amount: 1 }, { commandId: "second", metadata: first!.recorded.metadata })
        .pipe((self) => Causation.withMetadata(self, { tenant: undefined }))
      const [second] = yield* Stream.runCollect(accounts.history("ada", { from: 2 }))
      assert.deepStrictEqual(second!.recorded.metadata, { commandId: "second", correlationId: "first" })
    }).pipe(Effect.provide(memory))
  )

  it.effect("the order of commands that are executed as one does not matter to their command id", () =>
    Effect.gen(function* () {
      const accounts = yield* Accounts
      const [ada, bob] = ["ada", "bob"].map((id) => accounts.prepare(id, { _tag: "Deposit", amount: 1 }))
      yield* Aggregate.executeAll([ada!, bob!], { commandId: "t" })
      yield* Aggregate.executeAll([bob!, ada!], { commandId: "t" })
      assert.strictEqual(yield* headOf, 2)
    }).pipe(Effect.provide(memory))
  )

  it.effect("a category with a hyphen is refused, also without a service", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(Aggregate.make({ decider: account, category: "bank-account" }))
      assert.isTrue(Exit.hasDies(exit))
      const store = yield* EventStore.EventStore
      for (const category of ["a-b", ""]) {
        const query = [{ categories: [category] }]
        const error = yield* Effect.flip(Stream.runDrain(store.readLog({ query })))
        assert.strictEqual(error.reason, "InvalidRequest")
      }
    }).pipe(Effect.provide(memory))
  )

  it.effect("a subscription never sees what it did not pick, damaged or not", () =>
    Effect.gen(function* () {
      const store = yield* EventStore.EventStore
      const Both = Event.define({ Good: {}, Other: { n: Schema.Int } })
      const append = (id: string, type: string, data: Schema.Json) =>
        store.append([
          {
            stream: "x-1",
            expected: "any",
            events: [{ id, type, schemaVersion: 1, data, tags: [], metadata: {} }]
          }
        ])
      yield* append("00000000-0000-4000-8000-000000000001", "Other", { n: "damaged" })
      yield* append("00000000-0000-4000-8000-000000000002", "Good", {})
      const [seen] = yield* Subscription.stream({ events: Event.pick(Both, ["Good"]) }).pipe(
        Stream.take(1),
        Stream.runCollect
      )
      assert.strictEqual(seen!.recorded.position, 2)
    }).pipe(Effect.provide(memory))
  )

  it.effect("each of several events that one retired event stands for has an id of its own", () =>
    Effect.gen(function* () {
      const store = yield* EventStore.EventStore
      const Items = Event.define({ ItemAdded: { q: Schema.Int } }).retired("PairAdded", {}, () => [
        { _tag: "ItemAdded", q: 1 },
        { _tag: "ItemAdded", q: 2 }
      ])
      const id = "00000000-0000-4000-8000-000000000001"
      const pair = { id, type: "PairAdded", schemaVersion: 1, data: {}, tags: [], metadata: {} }
      yield* store.append([{ stream: "cart-1", expected: "any", events: [pair] }])
      const accounts = yield* Accounts
      const seen: Array<string> = []
      yield* Effect.flip(
        Subscription.run({ events: Items }, ({ q }, _, id) => {
          seen.push(id)
          const deposit = accounts.execute("sum", { _tag: "Deposit", amount: q }, { commandId: id })
          return seen.length === 2 ? Effect.andThen(deposit, Effect.fail("done")) : deposit
        })
      )
      assert.strictEqual(seen[0], id)
      assert.strictEqual(new Set(seen).size, 2)
      assert.strictEqual((yield* accounts.state("sum")).version, 2)
    }).pipe(Effect.provide(memory))
  )
})
