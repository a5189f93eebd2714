/**
 * Commands over boundaries: the rule here is that of a theatre where a guest has one seat and a seat one guest, which no stream can guard.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Layer, Metric, Random, Ref, Result, Schedule, Schema, Stream } from "effect"
import { Aggregate, Boundary, Causation, Decider, Event, EventStore, Metrics } from "eventfold"
import { MemoryEventStore } from "eventfold/memory"

const SeatEvent = Event.define({
  SeatTaken: { seat: Schema.String, guest: Schema.String },
  SeatLeft: { seat: Schema.String, guest: Schema.String },
  PricePaid: { seat: Schema.String, cents: Schema.Int },
  GuestGreeted: { guest: Schema.String }
}).tagged({
  SeatTaken: ({ guest, seat }) => [`seat:${seat}`, `guest:${guest}`],
  SeatLeft: ({ guest, seat }) => [`seat:${seat}`, `guest:${guest}`],
  PricePaid: ({ seat }) => [`paid:${seat}`],
  GuestGreeted: ({ guest }) => [`greeted:${guest}`]
})

class SeatIsTaken extends Schema.TaggedError<SeatIsTaken>()("SeatIsTaken", { seat: Schema.String }) {}
class GuestIsSeated extends Schema.TaggedError<GuestIsSeated>()("GuestIsSeated", { guest: Schema.String }) {}
class NobodyThere extends Schema.TaggedError<NobodyThere>()("NobodyThere", {}) {}

const seating = Decider.make({
  name: "seating",
  state: Schema.Array(Schema.Struct({ seat: Schema.String, guest: Schema.String })),
  initial: [],
  commands: Schema.TaggedUnion({
    Take: { seat: Schema.String, guest: Schema.String },
    Leave: { seat: Schema.String },
    Greet: { guest: Schema.String },
    Break: { seat: Schema.String }
  }),
  events: SeatEvent
})
  .evolve({
    SeatTaken: (taken, { guest, seat }) => [...taken, { seat, guest }],
    SeatLeft: (taken, left) => taken.filter(({ guest, seat }) => guest !== left.guest || seat !== left.seat),
    PricePaid: (taken) => taken,
    GuestGreeted: (taken) => taken
  })
  .decide({
    Take: ({ guest, seat }, taken) => {
      const mine = taken.find((one) => one.guest === guest)
      if (mine?.seat === seat) return []
      if (mine !== undefined) return Result.fail(new GuestIsSeated({ guest }))
      if (taken.some((one) => one.seat === seat)) return Result.fail(new SeatIsTaken({ seat }))
      return [
        { _tag: "SeatTaken", seat, guest },
        { _tag: "PricePaid", seat, cents: 1000 }
      ]
    },
    Leave: ({ seat }, taken) => {
      const there = taken.find((one) => one.seat === seat)
      return there === undefined ? Result.fail(new NobodyThere()) : [{ _tag: "SeatLeft", seat, guest: there.guest }]
    },
    Greet: ({ guest }, taken) =>
      taken.some((one) => one.guest === guest) ? [{ _tag: "GuestGreeted", guest }] : Result.fail(new NobodyThere()),
    Break: () => {
      throw new Error("broken")
    }
  })

type SeatCommand = Decider.Command<typeof seating>

const options = {
  decider: seating,
  boundaryOf: (command: SeatCommand) => [
    ...("seat" in command ? [{ tags: [`seat:${command.seat}`] }] : []),
    ...("guest" in command ? [{ tags: [`guest:${command.guest}`] }] : [])
  ],
  streamOf: (command: SeatCommand) => ("seat" in command ? (`seat-${command.seat}` as const) : "greetings-all")
}

class Seating extends Boundary.Service<Seating>()("theatre/Seating", options) {}

const memory = Seating.layer.pipe(Layer.provideMerge(MemoryEventStore.layer))

type Store = EventStore.EventStore["Service"]

/** Over the memory store with some of its operations replaced, which is made from the store that is not. */
const altered = (alter: (store: Store) => Effect.Effect<Partial<Store>>) => {
  const changed = Layer.effect(
    EventStore.EventStore,
    Effect.gen(function* () {
      const store = yield* EventStore.EventStore
      return { ...store, ...(yield* alter(store)) }
    })
  )
  return Seating.layer.pipe(Layer.provideMerge(changed), Layer.provide(MemoryEventStore.layer))
}

/** Lets something happen between the reading and the appending of each of the first `times` appends. */
const interfering = (times: number, interfere: (store: Store) => Effect.Effect<unknown, unknown>) =>
  altered((store) =>
    Effect.map(Ref.make(times), (left) => ({
      append: (...asked) =>
        Effect.gen(function* () {
          if ((yield* Ref.getAndUpdate(left, (n) => n - 1)) > 0) yield* Effect.orDie(interfere(store))
          return yield* store.append(...asked)
        })
    }))
  )

const elsewhere = (
  store: Store,
  command: SeatCommand & { readonly _tag: "Take" | "Leave" },
  commandId: string = crypto.randomUUID()
) =>
  Effect.flatMap(Effect.provideService(Boundary.make(options), EventStore.EventStore, store), (others) =>
    others.execute(command, { commandId })
  )

const take = (seat: string, guest: string) => ({ _tag: "Take" as const, seat, guest })

const log = Effect.flatMap(EventStore.EventStore, (store) => Stream.runCollect(store.readLog()))
const headOf = Effect.flatMap(EventStore.EventStore, (store) => store.head)

describe("execute", () => {
  it.effect(
    "answers with the new events and their position, and keeps them in their stream, with tags and metadata",
    () =>
      Effect.gen(function* () {
        const seats = yield* Seating
        const outcome = yield* Causation.withMetadata(
          seats.execute(take("1", "ada"), { commandId: "c-1", metadata: { till: "west" } }),
          { actor: "user:ada" }
        )
        const events = [
          { _tag: "SeatTaken" as const, seat: "1", guest: "ada" },
          { _tag: "PricePaid" as const, seat: "1", cents: 1000 }
        ]
        assert.deepStrictEqual(outcome, { events, position: 2 })
        const [first, second] = yield* log
        assert.deepInclude(first, { stream: "seat-1", version: 1, type: "SeatTaken", tags: ["seat:1", "guest:ada"] })
        assert.deepInclude(first!.metadata, { actor: "user:ada", till: "west", commandId: "c-1" })
        assert.deepInclude(second, { stream: "seat-1", version: 2, tags: ["paid:1"] })
      }).pipe(Effect.provide(memory))
  )

  it.effect("decides on what matches, wherever it is kept", () =>
    Effect.gen(function* () {
      const seats = yield* Seating
      yield* seats.execute(take("1", "ada"))
      assert.deepInclude(yield* Effect.flip(seats.execute(take("2", "ada"))), { _tag: "GuestIsSeated", guest: "ada" })
      assert.deepInclude(yield* Effect.flip(seats.execute(take("1", "bob"))), { _tag: "SeatIsTaken", seat: "1" })
      yield* seats.execute({ _tag: "Leave", seat: "1" })
      yield* seats.execute(take("2", "ada"))
      yield* seats.execute(take("1", "bob"))
      assert.strictEqual(yield* headOf, 7)
    }).pipe(Effect.provide(memory))
  )

  it.effect("keeps its events in the stream of an aggregate where it is told to, which folds them with its own", () => {
    const cleaning = Decider.make({
      name: "seat",
      state: Schema.Array(Schema.String),
      initial: [],
      commands: Schema.TaggedUnion({ Clean: {} }),
      events: Event.union(SeatEvent, Event.define({ SeatCleaned: {} }))
    })
      .evolve({
        SeatTaken: (done, { guest }) => [...done, guest],
        SeatLeft: (done) => [...done, "left"],
        PricePaid: (done) => done,
        GuestGreeted: (done) => done,
        SeatCleaned: (done) => [...done, "cleaned"]
      })
      .decide({ Clean: () => [{ _tag: "SeatCleaned" }] })
    class Cleaning extends Aggregate.Service<Cleaning>()("theatre/Cleaning", { decider: cleaning }) {}
    return Effect.gen(function* () {
      const aggregate = yield* Cleaning
      const seats = yield* Seating
      // From now on its state is in memory.
      yield* aggregate.execute("1", { _tag: "Clean" })
      yield* seats.execute(take("1", "ada"))
      const { state, version } = yield* aggregate.execute("1", { _tag: "Clean" })
      assert.deepStrictEqual([state, version], [["cleaned", "ada", "cleaned"], 4])
      assert.deepInclude(yield* Effect.flip(seats.execute(take("1", "bob"))), { _tag: "SeatIsTaken" })
    }).pipe(Effect.provide(Layer.provideMerge(Cleaning.layer, memory)))
  })

  it.effect("does not see what was stored without the tags that it asks for", () =>
    Effect.gen(function* () {
      const store = yield* EventStore.EventStore
      const untagged = {
        type: "SeatTaken",
        schemaVersion: 1,
        data: { seat: "1", guest: "ada" },
        tags: [],
        metadata: {}
      }
      yield* store.append([
        { stream: "seat-1", expected: "any", events: [{ ...untagged, id: "01a1fe51-f1c2-7e52-be61-fa3e2c8e5da1" }] }
      ])
      const { events } = yield* (yield* Seating).execute(take("1", "bob"))
      assert.strictEqual(events[0]?._tag, "SeatTaken")
    }).pipe(Effect.provide(memory))
  )

  it.effect("that has nothing to do stores nothing, and answers what it was decided on", () =>
    Effect.gen(function* () {
      const seats = yield* Seating
      yield* seats.execute(take("1", "ada"))
      yield* seats.execute(take("2", "bob"))
      assert.deepStrictEqual(yield* seats.execute(take("1", "ada")), { events: [], position: 1 })
      assert.strictEqual(yield* headOf, 4)
    }).pipe(Effect.provide(memory))
  )

  it.effect("is a defect that says where, when a rule throws", () =>
    Effect.gen(function* () {
      const seats = yield* Seating
      yield* seats.execute(take("1", "ada"))
      const exit = yield* Effect.exit(seats.execute({ _tag: "Break", seat: "1" }))
      assert.match(String(Exit.isFailure(exit) && exit.cause), /seating: decide of Break failed on stream seat-1/)
      assert.strictEqual(yield* headOf, 2)
    }).pipe(Effect.provide(memory))
  )

  it.effect("fails typed on what does not decode, and on a query that is none", () =>
    Effect.gen(function* () {
      const store = yield* EventStore.EventStore
      const seats = yield* Seating
      const event = {
        id: crypto.randomUUID(),
        type: "Frozen",
        schemaVersion: 1,
        data: {},
        tags: ["seat:1"],
        metadata: {}
      }
      yield* store.append([{ stream: "seat-1", expected: 0, events: [event] }])
      const error = yield* Effect.flip(seats.execute(take("1", "ada")))
      assert.deepInclude(error, { _tag: "DecodeError", reason: "UnknownType", stream: "seat-1" })
      const without = yield* Boundary.make({ ...options, boundaryOf: () => [] })
      const refused = yield* Effect.flip(without.execute(take("2", "ada")))
      assert.deepInclude(refused, { _tag: "StoreError", reason: "InvalidRequest" })
      assert.strictEqual(yield* headOf, 1)
    }).pipe(Effect.provide(memory))
  )
})

describe("what comes in between", () => {
  it.effect("and matches has the command decided again, on that as well", () =>
    Effect.gen(function* () {
      const seats = yield* Seating
      const rejection = yield* Effect.flip(seats.execute(take("1", "ada")))
      assert.deepInclude(rejection, { _tag: "SeatIsTaken", seat: "1" })
      assert.strictEqual(yield* headOf, 2)
    }).pipe(Effect.provide(interfering(1, (store) => elsewhere(store, take("1", "bob")))))
  )

  it.effect("is folded on top of what was folded before, each event once", () => {
    const counter = Decider.make({
      name: "counter",
      state: Schema.Int,
      initial: 0,
      commands: Schema.TaggedUnion({ Count: {} }),
      events: Event.define({ Counted: { before: Schema.Int } }).tagged({ Counted: () => ["counted"] })
    })
      .evolve({ Counted: (count) => count + 1 })
      .decide({ Count: (_, before) => [{ _tag: "Counted", before }] })
    const counters = Boundary.make({
      decider: counter,
      boundaryOf: () => [{ tags: ["counted"] }],
      streamOf: () => "counter-one"
    })
    const count = (store: Store) =>
      Effect.flatMap(Effect.provideService(counters, EventStore.EventStore, store), (counter) =>
        counter.execute({ _tag: "Count" })
      )
    return Effect.gen(function* () {
      const { events } = yield* count(yield* EventStore.EventStore)
      assert.deepStrictEqual(events, [{ _tag: "Counted", before: 2 }])
    }).pipe(Effect.provide(interfering(2, count)))
  })

  it.effect("in another stream counts as well", () =>
    Effect.gen(function* () {
      const seats = yield* Seating
      const rejection = yield* Effect.flip(seats.execute(take("1", "ada")))
      assert.deepInclude(rejection, { _tag: "GuestIsSeated", guest: "ada" })
      assert.strictEqual(yield* headOf, 2)
    }).pipe(Effect.provide(interfering(1, (store) => elsewhere(store, take("9", "ada")))))
  )

  it.effect("and does not match disturbs nobody, also in the same stream", () => {
    let appends = 0
    const layer = altered((store) =>
      Effect.succeed({
        append: (...asked) =>
          Effect.gen(function* () {
            appends++
            const data = { seat: "1", cents: 5 }
            const paid = {
              id: crypto.randomUUID(),
              type: "PricePaid",
              schemaVersion: 1,
              data,
              tags: ["paid:1"],
              metadata: {}
            }
            yield* store.append([{ stream: "seat-1", expected: "any", events: [paid] }])
            return yield* store.append(...asked)
          })
      })
    )
    return Effect.gen(function* () {
      const seats = yield* Seating
      yield* seats.execute(take("1", "ada"))
      assert.strictEqual(appends, 1)
    }).pipe(Effect.provide(layer))
  })

  it.effect("again and again fails in the end, with the position, and is counted", () => {
    let guests = 0
    const layer = interfering(Infinity, (store) =>
      guests++ % 2 === 0
        ? elsewhere(store, take("1", `guest-${guests}`))
        : elsewhere(store, { _tag: "Leave", seat: "1" })
    )
    // The command that it is decided on each time: what another took is left again.
    const alwaysFree = {
      ...options,
      decider: { ...seating, decide: () => Result.succeed([{ _tag: "SeatTaken" as const, seat: "1", guest: "ada" }]) },
      retry: Schedule.recurs(3)
    }
    return Effect.gen(function* () {
      const seats = yield* Boundary.make(alwaysFree)
      const error = yield* Effect.flip(seats.execute(take("1", "ada")))
      assert.instanceOf(error, EventStore.ConditionConflict)
      const count = (metric: typeof Metrics.conflicts) =>
        Effect.map(Metric.value(Metric.withAttributes(metric, { category: "seating" })), ({ count }) => count)
      assert.strictEqual(yield* count(Metrics.conflicts), 4)
      assert.strictEqual(yield* count(Metrics.retries), 3)
      const replayed = Metric.withAttributes(Metrics.loadReplayedEvents, { category: "seating" })
      const loads = yield* Metric.value(replayed)
      // Four attempts of ours, and those of who came first.
      assert.isAtLeast(loads.count, 8)
      assert.isAbove(loads.sum, 0)
    }).pipe(Effect.provide(layer), Effect.provideService(Metric.MetricRegistry, new Map()))
  })
})

describe("the condition", () => {
  const afters: Array<number> = []
  const noting = altered((store) =>
    Effect.succeed({
      append: (writes, options) => {
        if (options?.condition !== undefined) afters.push(options.condition.after)
        return store.append(writes, options)
      }
    })
  )
  const noise = Effect.flatMap(EventStore.EventStore, (store) =>
    store.append([
      {
        stream: "noise-1",
        expected: "any",
        events: [{ id: crypto.randomUUID(), type: "Noise", schemaVersion: 1, data: {}, tags: [], metadata: {} }]
      }
    ])
  )

  it.effect("begins after the last event that matched, and where there are no tags after all that was read", () =>
    Effect.gen(function* () {
      const seats = yield* Seating
      yield* seats.execute(take("1", "ada"))
      yield* noise
      afters.length = 0
      yield* seats.execute({ _tag: "Leave", seat: "1" })
      const anywhere = yield* Boundary.make({ ...options, boundaryOf: () => [{ types: ["SeatTaken", "SeatLeft"] }] })
      yield* noise
      yield* anywhere.execute(take("2", "bob"))
      assert.deepStrictEqual(afters, [1, 5])
    }).pipe(Effect.provide(noting))
  )

  it.effect("without tags is broken by what comes after the look at the head, and by nothing before it", () => {
    const everywhere = { ...options, boundaryOf: () => [{ types: ["SeatTaken", "SeatLeft"] }] }
    const between = interfering(1, (store) =>
      Effect.flatMap(Effect.provideService(Boundary.make(everywhere), EventStore.EventStore, store), (others) =>
        others.execute(take("1", "bob"))
      )
    )
    return Effect.gen(function* () {
      const seats = yield* Boundary.make(everywhere)
      yield* noise
      assert.deepInclude(yield* Effect.flip(seats.execute(take("1", "ada"))), { _tag: "SeatIsTaken", seat: "1" })
    }).pipe(Effect.provide(between))
  })
})

describe("a command id", () => {
  it.effect("is executed once: its outcome is answered again, whatever came between", () =>
    Effect.gen(function* () {
      const seats = yield* Seating
      const first = yield* seats.execute(take("1", "ada"), { commandId: "c-1" })
      yield* seats.execute({ _tag: "Leave", seat: "1" })
      yield* seats.execute(take("1", "bob"))
      assert.deepStrictEqual(yield* seats.execute(take("1", "ada"), { commandId: "c-1" }), first)
      assert.strictEqual(yield* headOf, 5)
    }).pipe(Effect.provide(memory))
  )

  it.effect("also where it would be decided just so again", () =>
    Effect.gen(function* () {
      const seats = yield* Seating
      const first = yield* seats.execute(take("1", "ada"), { commandId: "c-1" })
      yield* seats.execute({ _tag: "Leave", seat: "1" })
      assert.deepStrictEqual(yield* seats.execute(take("1", "ada"), { commandId: "c-1" }), first)
      assert.strictEqual(yield* headOf, 3)
    }).pipe(Effect.provide(memory))
  )

  it.effect("also where its events do not match its own query", () =>
    Effect.gen(function* () {
      const seats = yield* Seating
      yield* seats.execute(take("1", "ada"))
      const greet = { _tag: "Greet" as const, guest: "ada" }
      const first = yield* seats.execute(greet, { commandId: "c-2" })
      assert.deepStrictEqual(yield* seats.execute(greet, { commandId: "c-2" }), first)
      yield* seats.execute({ _tag: "Leave", seat: "1" })
      assert.deepStrictEqual(yield* seats.execute(greet, { commandId: "c-2" }), first)
      assert.strictEqual(yield* headOf, 4)
    }).pipe(Effect.provide(memory))
  )

  it.effect("is executed once where two executions race", () =>
    Effect.gen(function* () {
      const seats = yield* Seating
      const { events, position } = yield* seats.execute(take("1", "ada"), { commandId: "c-1" })
      assert.deepStrictEqual([events.length, position], [2, 2])
      assert.strictEqual(yield* headOf, 2)
    }).pipe(Effect.provide(interfering(1, (store) => elsewhere(store, take("1", "ada"), "c-1"))))
  )

  it.effect("answers as a twin does that came to fewer events, after all was read", () => {
    let reads = 0
    let beneath: Store | undefined
    const layer = altered((store) => {
      beneath = store
      const others = <A, E>(execute: (seats: Boundary.Boundary<typeof seating>) => Effect.Effect<A, E>) =>
        Effect.orDie(
          Effect.flatMap(Effect.provideService(Boundary.make(options), EventStore.EventStore, store), execute)
        )
      return Effect.succeed({
        // What it is rejected for at first is over when it looks a second time.
        readLog: (asked) =>
          Stream.unwrap(
            Effect.as(
              ++reads === 2 ? others((seats) => seats.execute({ _tag: "Leave", seat: "1" })) : Effect.void,
              store.readLog(asked)
            )
          ),
        append: (...asked) =>
          Effect.gen(function* () {
            yield* others((seats) => seats.execute(take("1", "carl")))
            yield* others((seats) => seats.execute({ _tag: "Leave", seat: "1" }, { commandId: "c-1" }))
            return yield* store.append(...asked)
          })
      })
    })
    return Effect.gen(function* () {
      yield* elsewhere(beneath!, take("1", "bob"))
      const seats = yield* Seating
      const outcome = yield* seats.execute(take("1", "ada"), { commandId: "c-1" })
      assert.deepStrictEqual(outcome, { events: [{ _tag: "SeatLeft", seat: "1", guest: "carl" }], position: 6 })
      assert.strictEqual(yield* headOf, 6)
    }).pipe(Effect.provide(layer))
  })

  it.effect("that was rejected is decided anew", () =>
    Effect.gen(function* () {
      const seats = yield* Seating
      yield* seats.execute(take("1", "bob"))
      yield* Effect.flip(seats.execute(take("1", "ada"), { commandId: "c-1" }))
      yield* seats.execute({ _tag: "Leave", seat: "1" })
      assert.strictEqual((yield* seats.execute(take("1", "ada"), { commandId: "c-1" })).events.length, 2)
    }).pipe(Effect.provide(memory))
  )

  it.effect("that nobody has given is found again when the answer to its append was lost", () =>
    Effect.gen(function* () {
      const seats = yield* Seating
      const outcome = yield* seats.execute(take("1", "ada"))
      assert.deepStrictEqual([outcome.events.length, outcome.position], [2, 2])
    }).pipe(
      Effect.provide(
        altered((store) =>
          Effect.succeed({ append: (...asked) => Effect.andThen(store.append(...asked), store.append(...asked)) })
        )
      )
    )
  )

  it.effect("that no event can have is refused", () =>
    Effect.gen(function* () {
      const seats = yield* Seating
      const error = yield* Effect.flip(seats.execute(take("1", "ada"), { commandId: "" }))
      assert.deepInclude(error, { _tag: "StoreError", reason: "InvalidRequest" })
    }).pipe(Effect.provide(memory))
  )
})

describe("state", () => {
  it.effect("is what the events come to that match, and how far they go", () =>
    Effect.gen(function* () {
      const seats = yield* Seating
      yield* seats.execute(take("1", "ada"))
      yield* seats.execute(take("2", "bob"))
      const { position, state } = yield* seats.state([{ tags: ["seat:1"] }])
      assert.deepStrictEqual({ position, state }, { position: 1, state: [{ seat: "1", guest: "ada" }] })
      assert.deepInclude(yield* seats.state([{ tags: ["seat:9"] }]), { position: 0, state: [] })
    }).pipe(Effect.provide(memory))
  )
})

describe("many at once", () => {
  it.effect("never seat two guests in one seat, nor one guest in two", () =>
    Effect.gen(function* () {
      const seed = yield* Random.nextIntBetween(0, 2 ** 31)
      const seats = yield* Boundary.make({ ...options, retry: Schedule.recurs(1000) })
      const draw = Random.nextIntBetween(0, 8)
      const wishes = yield* Random.withSeed(
        Effect.forEach(Array.from({ length: 100 }), () => Effect.all([draw, draw])),
        seed
      )
      const exits = yield* Effect.forEach(
        wishes,
        ([seat, guest]) => Effect.exit(seats.execute(take(String(seat), String(guest)))),
        { concurrency: "unbounded" }
      )
      const taken = (yield* log).filter(({ type }) => type === "SeatTaken").map(({ data }) => data)
      const parts = (part: string) =>
        taken.map((data) => Object.entries(data as object).find(([key]) => key === part)?.[1])
      assert.strictEqual(new Set(parts("seat")).size, taken.length, `seed ${seed}`)
      assert.strictEqual(new Set(parts("guest")).size, taken.length, `seed ${seed}`)
      assert.isAbove(taken.length, 0)
      const odd = exits.filter((exit) => Exit.isFailure(exit) && !/SeatIsTaken|GuestIsSeated/.test(String(exit.cause)))
      assert.deepStrictEqual(odd, [], `seed ${seed}`)
    }).pipe(
      Effect.provide(
        altered((store) =>
          Effect.succeed({ append: (...asked) => Effect.andThen(Effect.yieldNow, store.append(...asked)) })
        )
      )
    )
  )
})
