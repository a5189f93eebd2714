/**
 * States that are kept in memory save reads, and change no answer.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schedule, Schema, SchemaGetter } from "effect"
import { TestClock } from "effect/testing"
import { Aggregate, Decider, Event, EventStore } from "eventfold"
import { randomOf } from "../../bench/movements.ts"
import { account, anAggregate, deposit, settle, takeReads, uncached, watched, withdraw } from "./support.ts"

describe("a state in memory", () => {
  it.effect("has only what came since read", () =>
    Effect.gen(function* () {
      const accounts = yield* anAggregate
      const load = "latest"
      for (let i = 0; i < 3; i++) yield* accounts.execute("ada", deposit(1), { load })
      assert.deepStrictEqual(yield* takeReads, [1, 2, 3])
      const others = yield* anAggregate
      yield* others.execute("ada", deposit(10))
      yield* takeReads
      const { state, version } = yield* accounts.execute("ada", deposit(1), { load })
      assert.deepStrictEqual(yield* takeReads, [4])
      assert.deepInclude({ ...state, version }, { balance: 14, version: 5 })
    }).pipe(Effect.provide(watched))
  )

  it.effect("is decided on without a read, but while others are seen to write", () =>
    Effect.gen(function* () {
      const accounts = yield* anAggregate
      const readsOf = <R>(each: Effect.Effect<unknown, unknown, R>) => Effect.andThen(each, takeReads)
      const one = accounts.execute("ada", deposit(1))
      assert.deepStrictEqual(yield* readsOf(one), [1])
      assert.deepStrictEqual(yield* readsOf(one), [])
      const other = Effect.flatMap(uncached, (others) => others.execute("ada", deposit(10)))
      yield* readsOf(other)
      // It is found out by the store, which refuses what was decided on the state before.
      assert.deepStrictEqual(yield* readsOf(one), [3])
      assert.deepStrictEqual(yield* readsOf(one), [5])
      assert.deepStrictEqual(yield* readsOf(one), [])
      yield* readsOf(other)
      assert.deepStrictEqual(yield* readsOf(one), [7])
      yield* readsOf(other)
      // Looked at before it is decided: nothing is refused, and others are still seen to write.
      assert.deepStrictEqual(yield* readsOf(one), [9])
      assert.deepStrictEqual(yield* readsOf(one), [11])
      assert.deepStrictEqual(yield* readsOf(one), [])
      const { state, version } = yield* accounts.state("ada")
      assert.deepInclude({ ...state, version }, { balance: 39, version: 12 })
    }).pipe(Effect.provide(watched))
  )

  it.effect("is not decided on without a read when nobody knows what became of the last append", () =>
    Effect.gen(function* () {
      const store = yield* EventStore.EventStore
      let appends = 0
      const lost = new EventStore.StoreError({ reason: "OutcomeUnknown", problem: "the connection was lost" })
      const losing: typeof store = {
        ...store,
        append: (...args) =>
          Effect.flatMap(store.append(...args), (appended) =>
            ++appends === 1 ? Effect.succeed(appended) : Effect.fail(lost)
          )
      }
      const accounts = yield* Effect.provideService(anAggregate, EventStore.EventStore, losing)
      yield* accounts.execute("ada", deposit(1), { commandId: "first" })
      const second = accounts.execute("ada", deposit(2), { commandId: "second" })
      assert.strictEqual(yield* Effect.flip(second), lost)
      yield* takeReads
      const { state, version } = yield* second
      // It is found there, and its outcome is told from all of the stream.
      assert.deepStrictEqual(yield* takeReads, [2, 1, 3])
      assert.deepInclude({ ...state, version }, { balance: 3, version: 2 })
      assert.strictEqual(appends, 2)
    }).pipe(Effect.provide(watched))
  )

  it.effect("is decided on without a read where any will do, and after a conflict on what was missed", () =>
    Effect.gen(function* () {
      const accounts = yield* anAggregate
      yield* accounts.execute("ada", deposit(1))
      yield* takeReads
      yield* accounts.execute("ada", deposit(1), { load: "cached" })
      assert.deepStrictEqual(yield* takeReads, [])
      yield* Effect.flatMap(anAggregate, (others) => others.execute("ada", deposit(10)))
      yield* takeReads
      const { state } = yield* accounts.execute("ada", deposit(1), { load: "cached" })
      assert.strictEqual(state.balance, 13)
      assert.deepStrictEqual(yield* takeReads, [3])
    }).pipe(Effect.provide(watched))
  )

  it.effect("is not what a command is rejected on, nor what makes it do nothing, unless it is the latest", () =>
    Effect.gen(function* () {
      const accounts = yield* anAggregate
      const others = yield* anAggregate
      yield* accounts.execute("ada", deposit(1))
      yield* others.execute("ada", deposit(10))
      const { state } = yield* accounts.execute("ada", withdraw(5), { load: "cached" })
      assert.strictEqual(state.balance, 6)
      yield* others.execute("ada", deposit(1))
      const settled = yield* accounts.execute("ada", settle(6), { load: "cached" })
      assert.deepStrictEqual(settled.events, [{ _tag: "Booked", amount: -1 }])
      const rejection = yield* Effect.flip(accounts.execute("ada", withdraw(7), { load: "cached" }))
      assert.deepInclude(rejection, { _tag: "Overdrawn", balance: 6 })
    }).pipe(Effect.provide(watched))
  )

  it.effect("will do for as long as it is not older than asked", () =>
    Effect.gen(function* () {
      const accounts = yield* anAggregate
      yield* accounts.execute("ada", deposit(1))
      yield* takeReads
      const load = { notOlderThan: "5 seconds" } as const
      yield* TestClock.adjust("5 seconds")
      yield* accounts.execute("ada", deposit(1), { load })
      assert.deepStrictEqual(yield* takeReads, [])
      yield* TestClock.adjust("5001 millis")
      yield* accounts.execute("ada", deposit(1), { load })
      assert.deepStrictEqual(yield* takeReads, [3])
    }).pipe(Effect.provide(watched))
  )

  it.effect("that is not the latest is no conflict for the schedule", () =>
    Effect.gen(function* () {
      const accounts = yield* Aggregate.make({ decider: account, retry: Schedule.recurs(0) })
      yield* accounts.execute("ada", deposit(1))
      yield* Effect.flatMap(anAggregate, (others) => others.execute("ada", deposit(10)))
      const { state } = yield* accounts.execute("ada", deposit(1), { load: "cached" })
      assert.strictEqual(state.balance, 12)
    }).pipe(Effect.provide(watched))
  )

  it.effect("is as old as when its append began", () =>
    Effect.gen(function* () {
      const store = yield* EventStore.EventStore
      const slow: typeof store = {
        ...store,
        append: (...args) => Effect.tap(store.append(...args), () => TestClock.adjust("1 minute"))
      }
      const accounts = yield* Effect.provideService(anAggregate, EventStore.EventStore, slow)
      yield* accounts.execute("ada", deposit(1))
      yield* takeReads
      yield* accounts.state("ada", { load: { notOlderThan: "5 seconds" } })
      assert.deepStrictEqual(yield* takeReads, [2])
    }).pipe(Effect.provide(watched))
  )

  it.effect("is frozen inside of what was frozen by others, and forgotten where isTerminal throws", () =>
    Effect.gen(function* () {
      const frozen = {
        ...account,
        evolve: (...args: Parameters<typeof account.evolve>) => Object.freeze(account.evolve(...args))
      }
      const accounts = yield* Aggregate.make({ decider: frozen })
      const { state } = yield* accounts.execute("ada", deposit(1))
      assert.throws(() => Array.prototype.push.call(state.bookings, 1000), TypeError)
      const isTerminal = (): boolean => {
        throw new Error("no")
      }
      const others = yield* Aggregate.make({ decider: { ...account, isTerminal } })
      yield* others.execute("ada", deposit(1))
      yield* takeReads
      yield* others.execute("ada", deposit(1))
      assert.deepStrictEqual(yield* takeReads, [1])
    }).pipe(Effect.provide(watched))
  )

  it.effect("shares nothing with the command that led to it", () =>
    Effect.gen(function* () {
      const box = Decider.make({
        name: "box",
        state: Schema.Json,
        initial: null,
        commands: Schema.TaggedUnion({ Put: { body: Schema.Json } }),
        events: Event.define({ Put: { body: Schema.Json } })
      })
        .evolve({ Put: (_, { body }) => body })
        .decide({ Put: ({ body }) => [{ _tag: "Put", body }] })
      const boxes = yield* Aggregate.make({ decider: box })
      const body = { list: [1, -0] }
      yield* boxes.execute("a", { _tag: "Put", body })
      body.list.push(2)
      const { state } = yield* boxes.state("a", { load: "cached" })
      assert.deepStrictEqual(state, { list: [1, 0] })
    }).pipe(Effect.provide(watched))
  )

  it("is not kept, nor are snapshots taken, by numbers that mean nothing", () => {
    const service = (options: object) => () => Aggregate.make({ decider: account, ...options })
    for (const cache of [{ entries: -1 }, { bytes: Number.NaN }])
      assert.throws(service({ cache }), /cache\.(entries|bytes) is/)
    for (const wrong of [{ version: 1.5 }, { version: 1, every: 0 }, { version: 1, keep: 0 }]) {
      assert.throws(service({ snapshots: wrong }), /snapshots\.(version|every|keep) is/)
    }
  })

  it.effect("is forgotten when there are too many, those first that were not used for longest", () =>
    Effect.gen(function* () {
      const accounts = yield* Aggregate.make({ decider: account, cache: { entries: 2 } })
      const load = "latest"
      for (const id of ["a", "b", "a", "c"]) yield* accounts.execute(id, deposit(1), { load })
      yield* takeReads
      for (const id of ["c", "a", "b"]) yield* accounts.execute(id, deposit(1), { load })
      assert.deepStrictEqual(yield* takeReads, [2, 3, 1])
    }).pipe(Effect.provide(watched))
  )

  it.effect("is forgotten when they are too large", () =>
    Effect.gen(function* () {
      const notes = Decider.make({
        name: "note",
        state: Schema.String,
        initial: "",
        commands: Schema.TaggedUnion({ Write: { text: Schema.String } }),
        events: Event.define({ Written: { text: Schema.String } })
      })
        .evolve({ Written: (_, { text }) => text })
        .decide({ Write: ({ text }) => [{ _tag: "Written", text }] })
      const service = yield* Aggregate.make({ decider: notes, cache: { bytes: 5000 } })
      const write = (id: string, length: number) => service.execute(id, { _tag: "Write", text: "x".repeat(length) })
      yield* write("a", 1000)
      yield* write("b", 1000)
      yield* write("c", 1000)
      // It has the whole of the room, and more.
      yield* write("d", 3000)
      yield* takeReads
      for (const id of ["a", "b", "c", "d"]) yield* write(id, 10)
      assert.deepStrictEqual(yield* takeReads, [1, 1, 1, 1])
    }).pipe(Effect.provide(watched))
  )

  it.effect("is not kept when the story is over", () =>
    Effect.gen(function* () {
      const accounts = yield* anAggregate
      yield* accounts.execute("ada", deposit(1))
      yield* accounts.execute("ada", { _tag: "Close" })
      yield* takeReads
      yield* accounts.execute("ada", { _tag: "Close" })
      assert.deepStrictEqual(yield* takeReads, [1])
    }).pipe(Effect.provide(watched))
  )

  it.effect("cannot be changed by whoever is given it", () =>
    Effect.gen(function* () {
      const accounts = yield* anAggregate
      const { state } = yield* accounts.execute("ada", deposit(1))
      assert.throws(() => Object.assign(state, { balance: 1000 }), TypeError)
      assert.throws(() => Array.prototype.push.call(state.bookings, 1000), TypeError)
      const after = yield* accounts.execute("ada", deposit(1))
      assert.strictEqual(after.state.balance, 2)
    }).pipe(Effect.provide(watched))
  )

  it.effect("is what the events are read as, not what they were before they were written", () =>
    Effect.gen(function* () {
      const Rounded = Schema.Number.pipe(
        Schema.decodeTo(Schema.Number, {
          decode: SchemaGetter.transform((amount) => amount),
          encode: SchemaGetter.transform((amount) => Math.round(amount))
        })
      )
      const rounding = Decider.make({
        name: "rounding",
        state: Schema.Number,
        initial: 0,
        commands: Schema.TaggedUnion({ Add: { amount: Schema.Number } }),
        events: Event.define({ Added: { amount: Rounded } })
      })
        .evolve({ Added: (sum, { amount }) => sum + amount })
        .decide({ Add: ({ amount }) => [{ _tag: "Added", amount }] })
      const service = yield* Aggregate.make({ decider: rounding })
      const { state } = yield* service.execute("a", { _tag: "Add", amount: 0.9 })
      assert.strictEqual(state, 1)
      const again = yield* service.execute("a", { _tag: "Add", amount: 0.9 }, { load: "cached" })
      assert.strictEqual(again.state, 2)
    }).pipe(Effect.provide(watched))
  )
})

describe("a command id that was used before what is known in memory", () => {
  /** An aggregate that knows the state after somebody else has executed something. */
  const knowing = Effect.fnUntraced(function* (executed: Effect.Effect<unknown, unknown>) {
    const accounts = yield* anAggregate
    yield* Effect.orDie(executed)
    yield* accounts.execute("ada", deposit(100))
    return accounts
  })

  it.effect("gives the first outcome again", () =>
    Effect.gen(function* () {
      const others = yield* uncached
      const accounts = yield* knowing(others.execute("ada", deposit(7), { commandId: "c" }))
      for (const load of ["latest", "cached"] as const) {
        const { events, state, version } = yield* accounts.execute("ada", deposit(7), { commandId: "c", load })
        assert.deepStrictEqual([events, state.balance, version], [[{ _tag: "Booked", amount: 7 }], 7, 1])
      }
      assert.strictEqual((yield* accounts.state("ada")).version, 2)
    }).pipe(Effect.provide(watched))
  )

  it.effect("gives it where the command would be rejected, or do nothing, by now", () =>
    Effect.gen(function* () {
      const others = yield* uncached
      yield* others.execute("ada", deposit(5))
      const accounts = yield* knowing(
        Effect.andThen(
          others.execute("ada", withdraw(5), { commandId: "w" }),
          others.execute("ada", settle(30), { commandId: "s" })
        )
      )
      yield* others.execute("ada", settle(1))
      yield* accounts.execute("ada", settle(30))
      yield* accounts.execute("ada", settle(3))
      const withdrawn = yield* accounts.execute("ada", withdraw(5), { commandId: "w" })
      assert.strictEqual(withdrawn.version, 2)
      yield* accounts.execute("ada", settle(30))
      const settled = yield* accounts.execute("ada", settle(30), { commandId: "s" })
      assert.strictEqual(settled.version, 3)
    }).pipe(Effect.provide(watched))
  )

  it.effect("gives it where the rules throw on what the state is by now", () =>
    Effect.gen(function* () {
      const fragile = {
        ...account,
        decide: (...[command, state, context]: Parameters<typeof account.decide>) => {
          if (state.balance > 50) throw new Error("too rich")
          return account.decide(command, state, context)
        }
      }
      const others = yield* Aggregate.make({ decider: account })
      const accounts = yield* Aggregate.make({ decider: fragile })
      yield* accounts.execute("ada", deposit(7), { commandId: "c" })
      yield* others.execute("ada", deposit(100))
      yield* accounts.state("ada")
      const { version } = yield* accounts.execute("ada", deposit(7), { commandId: "c" })
      assert.strictEqual(version, 1)
      yield* others.execute("ada", settle(1))
      // Nor does it throw on a state that is not the latest.
      const { state } = yield* accounts.execute("ada", deposit(1), { load: "cached" })
      assert.strictEqual(state.balance, 2)
    }).pipe(Effect.provide(watched))
  )

  it.effect("of several commands leaves alone what had nothing to do the first time", () =>
    Effect.gen(function* () {
      const others = yield* uncached
      const both = (accounts: Effect.Success<typeof anAggregate>, load: Aggregate.LoadPolicy) =>
        Aggregate.executeAll([accounts.prepare("ada", settle(10)), accounts.prepare("bob", settle(20))], {
          commandId: "both",
          load
        })
      yield* others.execute("bob", deposit(20))
      yield* both(others, "latest")
      // By now it is ada who has nothing to do, and bob who has.
      yield* others.execute("bob", deposit(1))
      const accounts = yield* anAggregate
      yield* accounts.state("ada")
      yield* accounts.execute("bob", deposit(1))
      yield* accounts.execute("ada", settle(11))
      yield* accounts.execute("ada", settle(10))
      for (const load of ["latest", "cached"] as const) {
        const [ada, bob] = yield* both(accounts, load)
        assert.deepStrictEqual([ada.version, ada.events.length, bob.events.length], [1, 1, 0])
      }
      assert.strictEqual((yield* others.state("bob")).state.balance, 22)
    }).pipe(Effect.provide(watched))
  )
})

it.effect("whatever is kept in memory, the answers are those of who keeps nothing", () =>
  Effect.gen(function* () {
    const seed = Date.now() % 100_000
    const random = randomOf(seed)
    const pick = <A>(all: ReadonlyArray<A>): A => all[Math.floor(random() * all.length)]!
    const policies: ReadonlyArray<Aggregate.LoadPolicy> = ["latest", "cached", { notOlderThan: "1 minute" }]
    const small = Aggregate.make({ decider: account, cache: { entries: 2 } })
    const some = [yield* anAggregate, yield* anAggregate, yield* small]
    const plain = yield* uncached
    const model = new Map<string, number>()
    const answered = new Map<string, unknown>()
    for (let step = 0; step < 2000; step++) {
      const accounts = pick(some)
      const id = pick(["a", "b", "c", "d"])
      const command = pick([deposit(pick([1, 2, 3])), withdraw(pick([1, 5, 9])), settle(pick([0, 5, 10]))])
      const given = random() < 0.3 ? `${id}-${command._tag}-${Math.floor(random() * 40)}` : undefined
      const outcome = yield* Effect.result(
        accounts.execute(id, command, { load: pick(policies), ...(given === undefined ? {} : { commandId: given }) })
      )
      const where = `seed ${seed}, step ${step}`
      const answer = outcome._tag === "Success" ? outcome.success : undefined
      const before = model.get(id) ?? 0
      if (given !== undefined && answered.has(given)) {
        assert.deepStrictEqual(answer, answered.get(given), where)
      } else {
        const after =
          command._tag === "Deposit"
            ? before + command.amount
            : command._tag === "Settle"
              ? command.balance
              : command.amount > before
                ? undefined
                : before - command.amount
        if (after === undefined) {
          assert.deepInclude(outcome._tag === "Failure" ? outcome.failure : {}, { _tag: "Overdrawn" }, where)
        } else {
          assert.strictEqual(outcome._tag === "Success" ? outcome.success.state.balance : undefined, after, where)
          const isStored = outcome._tag === "Success" && outcome.success.events.length > 0
          if (given !== undefined && isStored) answered.set(given, answer)
          model.set(id, after)
        }
      }
      assert.strictEqual((yield* plain.state(id)).state.balance, model.get(id) ?? 0, where)
    }
  }).pipe(Effect.provide(watched))
)
