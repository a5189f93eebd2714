import { assert, describe, it } from "@effect/vitest"
import { Context, Duration, Effect, Latch, Random, Schedule, Schema } from "effect"
import { TestClock } from "effect/testing"
import { Causation, Event, EventStore, ProjectionStore, Reaction } from "eventfold"
import { MemoryEventStore } from "eventfold/memory"
import {
  append,
  appendStored,
  caughtUp,
  events,
  failed,
  memory,
  numbersOf,
  parks,
  put,
  recordedOf,
  start,
  unavailable,
  until
} from "./reaction/support.ts"

const puts = Event.pick(events, ["Put"])
const results = Event.define({ Sent: { n: Schema.Int }, Refused: { n: Schema.Int } })

type Put = typeof puts.Type
type Settings = Reaction.Settings<Put>

/** A reaction that notes each run, in order, with its key. What is in `broken` fails. */
const sending = (settings: Settings = {}, broken: ReadonlySet<number> = new Set()) => {
  const runs: Array<readonly [n: number, key: string]> = []
  const reaction = Reaction.make({
    name: "sending",
    events: puts,
    results,
    ...settings
  }).run(({ n }, { idempotencyKey }) =>
    Effect.suspend(() => {
      runs.push([n, idempotencyKey])
      return broken.has(n) ? Effect.fail(`${n} is broken`) : Effect.succeed({ _tag: "Sent", n })
    })
  )
  return { reaction, runs, ran: () => runs.map(([n]) => n) }
}

/** Waits until what is live has come to the end of the log. */
const caughtUpLive = ({ status }: Reaction.Control) =>
  until(
    "it has caught up",
    Effect.map(status, (all) => all.every(({ lag, role }) => role === "retired" || lag === 0))
  )

const inMemory = Effect.provide(MemoryEventStore.layer)

describe("a reaction", () => {
  it.effect("runs an event with a key that follows from it, and records what came of it in a stream of its own", () => {
    const { reaction, runs } = sending()
    return Effect.gen(function* () {
      const { control } = yield* start(reaction)
      yield* append("1", put("a", 1))
      yield* caughtUp(control)
      const [[n, key] = [0, ""], ...more] = runs
      assert.deepStrictEqual([n, more], [1, []])
      const [cause] = yield* recordedOf("Put")
      const [sent, ...others] = yield* recordedOf("Sent")
      assert.deepStrictEqual(others, [])
      assert.deepInclude(sent, { stream: "sending-box-1", version: 1, data: { n: 1 }, schemaVersion: 1 })
      assert.deepStrictEqual(sent?.metadata, {
        causationId: cause!.id,
        correlationId: cause!.id,
        causationDepth: 1,
        commandId: key
      })
    }).pipe(inMemory)
  })

  it.effect("has keys and results whose ids follow from the event", () => {
    const { reaction, runs } = sending()
    const once = Effect.gen(function* () {
      const { control } = yield* start(reaction)
      const store = yield* EventStore.EventStore
      const id = "0192d9a0-0000-7000-8000-000000000001"
      const event = { id, type: "Put", schemaVersion: 1, data: { key: "a", n: 1 }, tags: [], metadata: {} }
      yield* store.append([{ stream: "box-1", expected: "any", events: [event] }])
      yield* caughtUp(control)
      return (yield* recordedOf("Sent")).map(({ id }) => id)
    })
    return Effect.gen(function* () {
      const ids = yield* Effect.provideContext(once, yield* memory)
      assert.deepStrictEqual(yield* Effect.provideContext(once, yield* memory), ids)
      assert.deepStrictEqual(runs[0], runs[1])
      const [sent] = ids
      assert.isTrue(sent?.startsWith("0192d9a0-0000-7"))
    })
  })

  it.effect("runs outside of the transaction, and what it appends itself is caused by the event", () => {
    const seen: Array<boolean> = []
    const reaction = Reaction.make({
      name: "sending",
      events: puts,
      results
    }).run(
      Effect.fnUntraced(function* () {
        const store = yield* EventStore.EventStore
        seen.push(yield* store.inTransaction)
        seen.push("causationId" in (yield* Causation.Current))
      })
    )
    return Effect.gen(function* () {
      const { control } = yield* start(reaction)
      yield* append("1", put("a", 1))
      yield* caughtUp(control)
      assert.deepStrictEqual(seen, [false, true])
      assert.deepStrictEqual(yield* recordedOf("Sent"), [])
    }).pipe(inMemory)
  })

  it.effect("gives an event, several or none, for the stream that it says", () => {
    const reaction = Reaction.make({
      name: "sending",
      events: puts,
      results,
      stream: ({ key }) => `outcome-${key}`
    }).run(({ n }) => {
      if (n === 0) return Effect.void
      return Effect.succeed(Array.from({ length: n }, () => ({ _tag: "Refused" as const, n })))
    })
    return Effect.gen(function* () {
      const { control } = yield* start(reaction)
      yield* append("1", put("a", 0), put("b", 2), put("a", 1))
      yield* caughtUp(control)
      const recorded = yield* recordedOf("Refused")
      assert.deepStrictEqual(
        recorded.map(({ data, stream }) => [stream, data]),
        [
          ["outcome-b", { n: 2 }],
          ["outcome-b", { n: 2 }],
          ["outcome-a", { n: 1 }]
        ]
      )
      assert.strictEqual(new Set(recorded.map(({ id }) => id)).size, 3)
    }).pipe(inMemory)
  })

  it.effect("has a stream of its own for a stream whose name is as long as it may be", () => {
    const { reaction } = sending()
    return Effect.gen(function* () {
      const { control } = yield* start(reaction)
      yield* append("x".repeat(496), put("a", 1), put("a", 2))
      yield* caughtUp(control)
      const [first, second] = yield* recordedOf("Sent")
      assert.match(first!.stream, /^sending-[0-9a-f-]{36}$/)
      assert.strictEqual(first!.stream, second!.stream)
    }).pipe(inMemory)
  })

  it.effect("passes over what was recorded before it was first run, also what nobody can read any more", () => {
    const { ran, reaction } = sending()
    return Effect.gen(function* () {
      yield* append("1", put("a", 1))
      yield* appendStored("1", "Put", { nonsense: true })
      const first = yield* start(reaction)
      yield* append("1", put("a", 2))
      yield* caughtUp(first.control)
      yield* first.stop
      // From then on nothing is missed, whether it runs or not.
      yield* append("1", put("a", 3))
      const second = yield* start(reaction)
      yield* append("1", put("a", 4))
      yield* caughtUp(second.control)
      assert.deepStrictEqual(ran(), [2, 3, 4])
      assert.deepStrictEqual(yield* numbersOf("Sent"), [2, 3, 4])
    }).pipe(inMemory)
  })

  it.effect("runs nothing again when what is kept of it is filled anew", () => {
    const { ran, reaction } = sending({ partitions: 3 })
    return Effect.gen(function* () {
      const { control } = yield* start(reaction)
      yield* Effect.forEach([1, 2, 3, 4, 5], (n) => append(String(n), put("a", n)))
      yield* caughtUp(control)
      const store = yield* ProjectionStore.ProjectionStore
      yield* store.reset(reaction.name)
      yield* TestClock.adjust("5 seconds")
      const before = yield* store.live(reaction.name)
      yield* store.rebuild(reaction.name)
      yield* until(
        "another generation is live",
        Effect.map(store.live(reaction.name), (live) => live?.generation !== before?.generation)
      )
      yield* append("1", put("a", 6))
      yield* until(
        "the new event is run",
        Effect.sync(() => ran().includes(6))
      )
      assert.deepStrictEqual(ran().toSorted(), [1, 2, 3, 4, 5, 6])
    }).pipe(inMemory)
  })
})

/** Stores of which committing is another. */
const committing = (
  stores: Context.Context<EventStore.EventStore | ProjectionStore.ProjectionStore>,
  alter: (commit: ProjectionStore.ProjectionStore["Service"]["commit"]) => typeof commit
) => {
  const store = Context.get(stores, ProjectionStore.ProjectionStore)
  return Effect.provideContext(
    Context.add(stores, ProjectionStore.ProjectionStore, { ...store, commit: alter(store.commit) })
  )
}

describe("another version of a reaction", () => {
  it.effect(
    "takes over with other partitions, and everything is run once, also what the one before had stopped at",
    () => {
      const broken = new Set<number>()
      const before = sending({ partitions: 2, retry: Schedule.recurs(0) }, broken)
      const after = sending({ version: 2, partitions: 3 })
      return Effect.gen(function* () {
        const store = yield* EventStore.EventStore
        yield* append("0", put("a", -1))
        const { control, stop } = yield* start(before.reaction)
        const append10 = (from: number) =>
          Effect.forEach(
            Array.from({ length: 10 }, (_, n) => from + n),
            (n) => append(String(n), put("a", n))
          )
        yield* append10(0)
        yield* caughtUp(control)
        broken.add(10)
        yield* append("0", put("a", 10))
        yield* failed(control)
        yield* append10(11)
        // The other partition goes on.
        yield* until(
          "it has caught up",
          Effect.map(control.status, (all) => all.some(({ lag }) => lag === 0))
        )
        const head = yield* store.head
        yield* stop
        assert.isBelow(before.ran().length, 21)
        const next = yield* start(after.reaction)
        yield* append10(21)
        yield* until(
          "it has taken over",
          Effect.map(next.control.status, (all) =>
            all.every(({ role, version }) => (version === 2) === (role === "live"))
          )
        )
        yield* caughtUpLive(next.control)
        assert.isAbove(yield* store.head, head)
        const [first, second] = [before.ran().filter((n) => n !== 10), after.ran()]
        assert.deepStrictEqual(
          [...first, ...second].toSorted((a, b) => a - b),
          Array.from({ length: 31 }, (_, n) => n)
        )
        assert.include(second, 10)
      }).pipe(inMemory)
    }
  )
})

describe("a process that runs a reaction", () => {
  it.effect("leaves what it has not committed to the next one, with the same keys, and it is recorded once", () => {
    const { reaction, runs } = sending()
    return Effect.gen(function* () {
      const stores = yield* memory
      // All is done but the end of the transaction.
      const hanging = committing(
        stores,
        (commit) => (claim, progress, work) => commit(claim, progress, Effect.andThen(work, Effect.never))
      )
      const first = yield* hanging(start(reaction))
      yield* Effect.gen(function* () {
        yield* append("1", put("a", 1), put("a", 2))
        yield* until(
          "it has run",
          Effect.sync(() => runs.length === 2)
        )
        yield* TestClock.adjust("1 second")
        yield* first.stop
        assert.deepStrictEqual(yield* numbersOf("Sent"), [])
        const second = yield* start(reaction)
        yield* caughtUp(second.control)
        assert.lengthOf(runs, 4)
        assert.deepStrictEqual(runs.slice(0, 2), runs.slice(2))
        assert.deepStrictEqual(yield* numbersOf("Sent"), [1, 2])
      }).pipe(Effect.provideContext(stores))
    })
  })

  it.effect("runs nothing again while its store does not take it, and then records it", () => {
    const { ran, reaction } = sending()
    let refusals = 0
    return Effect.gen(function* () {
      const stores = yield* memory
      const refusing = committing(
        stores,
        (commit) => (claim, progress, work) =>
          refusals++ < 5
            ? commit(claim, progress, Effect.andThen(work, Effect.fail(unavailable)))
            : commit(claim, progress, work)
      )
      const { control } = yield* refusing(start(reaction))
      yield* Effect.gen(function* () {
        yield* append("1", put("a", 1), put("a", 2))
        yield* append("2", put("a", 3))
        yield* caughtUp(control)
        assert.isAbove(refusals, 5)
        assert.deepStrictEqual(ran().toSorted(), [1, 2, 3])
        assert.deepStrictEqual((yield* numbersOf("Sent")).toSorted(), [1, 2, 3])
      }).pipe(Effect.provideContext(stores))
    })
  })

  it.effect("runs nothing again that it has run when it gets its partition back", () => {
    const { ran, reaction } = sending({ retry: Schedule.recurs(0) }, new Set([2]))
    return Effect.gen(function* () {
      const { control } = yield* start(reaction)
      yield* append("1", put("a", 1))
      yield* append("2", put("a", 2))
      yield* append("3", put("a", 3))
      yield* failed(control)
      yield* control.skip(2, "it is broken")
      yield* caughtUp(control)
      assert.strictEqual(ran().filter((n) => n === 3).length, 1)
      assert.deepStrictEqual(yield* numbersOf("Sent"), [1, 3])
    }).pipe(inMemory)
  })

  it.effect("shares the partitions with another one, and each stream is run in order", () => {
    const ran: Array<readonly [who: string, stream: string, n: number]> = []
    const by = (who: string) =>
      Reaction.make({
        name: "sending",
        events: puts,
        results,
        partitions: 4
      }).run(({ n }, { recorded }) =>
        Effect.sync(() => {
          ran.push([who, recorded.stream, n])
          return { _tag: "Sent" as const, n }
        })
      )
    return Effect.gen(function* () {
      const { control } = yield* start(by("one"))
      yield* start(by("two"))
      yield* until(
        "both have partitions",
        Effect.map(control.status, (all) => new Set(all.map(({ owner }) => owner)).size === 2)
      )
      yield* Effect.forEach(
        Array.from({ length: 100 }, (_, n) => n),
        (n) => append(String(n % 11), put("a", n))
      )
      yield* caughtUp(control)
      assert.deepStrictEqual(new Set(ran.map(([who]) => who)), new Set(["one", "two"]))
      assert.lengthOf(ran, 100)
      for (const stream of new Set(ran.map(([, stream]) => stream))) {
        const its = ran.filter((one) => one[1] === stream).map(([, , n]) => n)
        assert.deepStrictEqual(
          its,
          its.toSorted((a, b) => a - b)
        )
      }
      assert.lengthOf(yield* recordedOf("Sent"), 100)
    }).pipe(inMemory)
  })

  const reasons = ["Unavailable", "StorageFull", "ReadOnly"] as const

  it.effect.each(reasons)("waits for a store that is away, and takes it for no failure of the event: %s", (reason) => {
    const away = new EventStore.StoreError({ reason, problem: "not now" })
    let attempts = 0
    const reaction = Reaction.make({
      name: "sending",
      events: puts,
      results,
      retry: Schedule.recurs(0)
    }).run(({ n }) => Effect.suspend(() => (attempts++ < 9 ? Effect.fail(away) : Effect.succeed({ _tag: "Sent", n }))))
    return Effect.gen(function* () {
      const { control } = yield* start(reaction)
      yield* append("1", put("a", 1))
      yield* caughtUp(control)
      assert.deepStrictEqual(yield* numbersOf("Sent"), [1])
    }).pipe(inMemory)
  })

  it.effect.each(reasons)("runs nothing again while what it gave cannot be recorded: %s", (reason) => {
    const away = new EventStore.StoreError({ reason, problem: "not now" })
    const { ran, reaction } = sending({ retry: Schedule.recurs(0), onFailure: "park" })
    let isAway = true
    return Effect.gen(function* () {
      const stores = yield* memory
      const store = Context.get(stores, EventStore.EventStore)
      const refusing = (...args: Parameters<typeof store.append>) =>
        Effect.suspend(() => (isAway ? Effect.fail(away) : store.append(...args)))
      const full = Context.add(stores, EventStore.EventStore, { ...store, append: refusing })
      const { control } = yield* start(reaction).pipe(Effect.provideContext(full))
      yield* append("1", put("a", 1)).pipe(Effect.provideContext(stores))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(ran(), [1])
      isAway = false
      yield* caughtUp(control)
      assert.deepStrictEqual(ran(), [1])
      assert.deepStrictEqual(yield* control.parked, [])
      assert.deepStrictEqual(yield* numbersOf("Sent").pipe(Effect.provideContext(stores)), [1])
    })
  })

  it.effect("stops where its log is not in the transactions of what projections keep", () => {
    const { reaction } = sending()
    return Effect.gen(function* () {
      const [here, there] = [yield* memory, yield* memory]
      const apart = Context.add(here, EventStore.EventStore, Context.get(there, EventStore.EventStore))
      const { control } = yield* start(reaction).pipe(Effect.provideContext(apart))
      yield* append("1", put("a", 1)).pipe(Effect.provideContext(apart))
      const { failure } = yield* failed(control)
      assert.include(failure?.problem, "make both over one client")
      assert.deepStrictEqual(yield* numbersOf("Sent").pipe(Effect.provideContext(apart)), [])
    })
  })
})

describe("events of one key", () => {
  const watching = (settings: Settings) => {
    const gate = Latch.makeUnsafe(false)
    const begun: Array<number> = []
    let most = 0
    let underWay = 0
    const reaction = Reaction.make({
      name: "sending",
      events: puts,
      results,
      ...settings
    }).run(({ n }) =>
      Effect.gen(function* () {
        begun.push(n)
        most = Math.max(most, ++underWay)
        yield* gate.await
        underWay--
      })
    )
    return { reaction, gate, begun, most: () => most }
  }

  it.effect("are run one after the other, and others side by side, so many at once", () => {
    const { begun, gate, most, reaction } = watching({ concurrency: 3 })
    return Effect.gen(function* () {
      const store = yield* EventStore.EventStore
      const { control } = yield* start(reaction)
      yield* Effect.forEach([1, 2, 3, 4, 5], (n) => append(String(n), put("a", n), put("a", 10 + n)))
      yield* TestClock.adjust("1 second")
      const first = [...begun]
      assert.isAtMost(first.length, 3)
      assert.isTrue(first.every((n) => n < 10))
      yield* gate.open
      yield* caughtUp(control)
      assert.strictEqual(most(), 3)
      for (const n of [1, 2, 3, 4, 5]) assert.isBelow(begun.indexOf(n), begun.indexOf(10 + n))
      assert.strictEqual(yield* store.head, 10)
    }).pipe(inMemory)
  })

  it.effect("may be of several streams", () => {
    const { begun, gate, reaction } = watching({ key: ({ key }) => key })
    return Effect.gen(function* () {
      const { control } = yield* start(reaction)
      yield* control.pause
      yield* append("1", put("a", 1))
      yield* append("2", put("a", 2))
      yield* append("3", put("b", 3))
      yield* control.resume
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(begun, [1, 3])
      yield* gate.open
      yield* caughtUp(control)
      assert.deepStrictEqual(begun, [1, 3, 2])
    }).pipe(inMemory)
  })
})

describe("an event that fails", () => {
  it.effect("is tried again on the schedule, and then stops the reaction, with everything before it recorded", () => {
    const broken = new Set([3])
    const { ran, reaction } = sending({}, broken)
    return Effect.gen(function* () {
      const { control } = yield* start(reaction)
      yield* control.pause
      yield* append("1", put("a", 1))
      yield* append("2", put("b", 2), put("b", 3), put("b", 4))
      yield* append("3", put("c", 5))
      yield* control.resume
      const { failure, position } = yield* failed(control)
      assert.deepStrictEqual([position, failure?.position], [2, 3])
      assert.include(failure?.problem, "3 is broken")
      assert.deepStrictEqual(yield* numbersOf("Sent"), [1, 2])
      // Once with the others, and then 7 times by itself.
      assert.deepStrictEqual(
        ran().filter((n) => n === 3),
        Array.from({ length: 8 }, () => 3)
      )
      broken.clear()
      yield* control.resume
      yield* caughtUp(control)
      assert.deepStrictEqual(yield* numbersOf("Sent"), [1, 2, 3, 4, 5])
      assert.deepStrictEqual(
        ran()
          .filter((n) => n !== 3)
          .toSorted(),
        [1, 2, 4, 5]
      )
    }).pipe(inMemory)
  })

  it.effect("records what came before it in its batch before it is tried again", () => {
    const { ran, reaction } = sending({ retry: Schedule.spaced("1 hour") }, new Set([4]))
    return Effect.gen(function* () {
      const { control } = yield* start(reaction)
      yield* control.pause
      for (const n of [1, 2, 3, 4, 5]) yield* append(String(n), put("a", n))
      yield* control.resume
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(yield* numbersOf("Sent"), [1, 2, 3])
      // Once with the others, and once by itself.
      assert.deepStrictEqual(ran().toSorted(), [1, 2, 3, 4, 4, 5])
    }).pipe(inMemory)
  })

  it.effect("is parked with the later ones of its stream, and everything else goes on, run once", () => {
    const broken = new Set([2, 5])
    const { ran, reaction } = sending({ onFailure: "park", retry: Schedule.recurs(2) }, broken)
    return Effect.gen(function* () {
      const { control } = yield* start(reaction)
      yield* append("1", put("a", 1), put("a", 2), put("a", 3))
      yield* append("2", put("b", 4))
      yield* append("3", put("c", 5))
      yield* append("4", put("d", 6))
      yield* caughtUp(control)
      yield* append("1", put("a", 7))
      yield* append("2", put("b", 8))
      yield* caughtUp(control)
      assert.deepStrictEqual(
        (yield* control.parked).map(({ lane, position }) => [position, lane] as const),
        [
          [2, "box-1"],
          [3, "box-1"],
          [5, "box-3"],
          [10, "box-1"]
        ]
      )
      assert.deepStrictEqual((yield* numbersOf("Sent")).toSorted(), [1, 4, 6, 8])
      assert.deepStrictEqual(ran().toSorted(), [1, 2, 2, 2, 4, 5, 5, 5, 6, 8])
    }).pipe(inMemory)
  })

  it.effect("is tried once for each time that somebody asks for it, and those behind it follow in order", () => {
    const broken = new Set([1])
    const { ran, reaction } = sending({ onFailure: "park", retry: Schedule.recurs(2) }, broken)
    return Effect.gen(function* () {
      const { control } = yield* start(reaction)
      yield* append("1", put("a", 1), put("a", 2), put("a", 3))
      yield* parks(control, 3)
      assert.deepStrictEqual(ran(), [1, 1, 1])
      yield* control.retryParked()
      yield* TestClock.adjust("3 seconds")
      assert.deepStrictEqual(ran(), [1, 1, 1, 1])
      assert.deepInclude((yield* control.parked)[0], { attempts: 2 })
      broken.clear()
      yield* control.retryParked("box-1")
      yield* parks(control, 0)
      assert.deepStrictEqual(ran(), [1, 1, 1, 1, 1, 2, 3])
      assert.deepStrictEqual(yield* numbersOf("Sent"), [1, 2, 3])
    }).pipe(inMemory)
  })

  it.effect("is tried again side by side with others that fail", () => {
    const broken = new Set([1, 2, 3, 4, 5, 6, 7, 8])
    const { ran, reaction } = sending(
      { onFailure: "park", retry: Schedule.max([Schedule.spaced("1 second"), Schedule.recurs(3)]) },
      broken
    )
    return Effect.gen(function* () {
      const { control } = yield* start(reaction)
      yield* control.pause
      yield* Effect.forEach([0, ...broken], (n) => append(String(n), put("a", n)))
      yield* control.resume
      yield* TestClock.adjust("600 millis")
      yield* TestClock.adjust("3 seconds")
      yield* TestClock.adjust("1 second")
      assert.lengthOf(yield* control.parked, 8)
      assert.lengthOf(ran(), 1 + 8 * 4)
    }).pipe(inMemory)
  })

  it.effect("is not tried again where its error says that it does not help", () => {
    let attempts = 0
    const reaction = Reaction.make({
      name: "sending",
      events: puts,
      results,
      onFailure: "park"
    }).run(() =>
      Effect.suspend(() => {
        attempts++
        return Effect.fail({ _tag: "Unknown", isRetryable: false })
      })
    )
    return Effect.gen(function* () {
      const { control } = yield* start(reaction)
      yield* append("1", put("a", 1))
      yield* parks(control, 1)
      assert.strictEqual(attempts, 1)
    }).pipe(inMemory)
  })

  it.effect("is not tried again before its error says so", () => {
    let attempts = 0
    const reaction = Reaction.make({
      name: "sending",
      events: puts,
      results
    }).run(({ n }) =>
      Effect.suspend(() =>
        attempts++ === 0
          ? Effect.fail({ _tag: "Busy", retryAfter: Duration.seconds(30) })
          : Effect.succeed({ _tag: "Sent", n })
      )
    )
    return Effect.gen(function* () {
      yield* start(reaction)
      yield* append("1", put("a", 1))
      yield* TestClock.adjust("29 seconds")
      assert.strictEqual(attempts, 1)
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(attempts, 2)
      assert.deepStrictEqual(yield* numbersOf("Sent"), [1])
    }).pipe(inMemory)
  })

  it.effect("may fail by a throw, also in its key", () => {
    let attempts = 0
    const reaction = Reaction.make({
      name: "sending",
      events: puts,
      results,
      onFailure: "park",
      retry: Schedule.recurs(1),
      key: ({ key, n }) => {
        if (n === 1) throw new Error("it has no key")
        return key
      }
    }).run(({ n }): Effect.Effect<{ readonly _tag: "Sent"; readonly n: number }> => {
      if (n !== 2) return Effect.succeed({ _tag: "Sent", n })
      attempts++
      throw new Error("it throws")
    })
    return Effect.gen(function* () {
      const { control } = yield* start(reaction)
      yield* append("1", put("a", 1))
      yield* append("2", put("a", 2))
      yield* append("3", put("b", 3))
      yield* caughtUp(control)
      const [first, second] = yield* control.parked
      assert.deepInclude(first, { position: 1, lane: "box-1" })
      assert.include(first?.problem, "it has no key")
      assert.deepInclude(second, { position: 2, lane: "a" })
      assert.include(second?.problem, "it throws")
      assert.strictEqual(attempts, 2)
      assert.deepStrictEqual(yield* numbersOf("Sent"), [3])
    }).pipe(inMemory)
  })
})

describe("what came of an event", () => {
  it.effect("that is no event of the results fails it, and it is run again only when somebody asks for it", () => {
    let attempts = 0
    let isRight = false
    const reaction = Reaction.make({
      name: "sending",
      events: puts,
      results,
      onFailure: "park"
    }).run(({ n }) =>
      Effect.sync(() => {
        attempts++
        return { _tag: "Sent", n: isRight ? n : n + 0.5 }
      })
    )
    return Effect.gen(function* () {
      const { control } = yield* start(reaction)
      yield* append("1", put("a", 1))
      yield* parks(control, 1)
      assert.include((yield* control.parked)[0]?.problem, "what came of it is refused")
      assert.strictEqual(attempts, 1)
      isRight = true
      yield* control.retryParked()
      yield* parks(control, 0)
      assert.strictEqual(attempts, 2)
      assert.deepStrictEqual(yield* numbersOf("Sent"), [1])
    }).pipe(inMemory)
  })

  it.effect("that the store refuses fails it alone", () => {
    let attempts = 0
    const long = Event.define({ Sent: { n: Schema.Int, text: Schema.String } })
    const reaction = Reaction.make({
      name: "sending",
      events: puts,
      results: long,
      onFailure: "park"
    }).run(({ n }) =>
      Effect.sync(() => {
        attempts++
        return { _tag: "Sent", n, text: n === 2 ? "\u0000" : "" }
      })
    )
    return Effect.gen(function* () {
      const { control } = yield* start(reaction)
      yield* append("1", put("a", 1))
      yield* append("2", put("b", 2))
      yield* append("3", put("c", 3))
      yield* caughtUp(control)
      assert.include((yield* control.parked)[0]?.problem, "NUL")
      assert.deepStrictEqual((yield* numbersOf("Sent")).toSorted(), [1, 3])
      assert.strictEqual(attempts, 3)
      yield* control.retryParked()
      yield* TestClock.adjust("3 seconds")
      assert.strictEqual(attempts, 4)
    }).pipe(inMemory)
  })

  it.effect("has a place before anything is done: where the stream is none, nothing is", () => {
    let attempts = 0
    const reaction = Reaction.make({
      name: "sending",
      events: puts,
      results,
      stream: () => "-"
    }).run(() => Effect.sync(() => void attempts++))
    return Effect.gen(function* () {
      const { control } = yield* start(reaction)
      yield* append("1", put("a", 1))
      const { failure } = yield* failed(control)
      assert.include(failure?.problem, "has an empty category")
      assert.strictEqual(attempts, 0)
    }).pipe(inMemory)
  })

  const loop = (name: string, depth: { readonly maxCausationDepth?: number }, most = Infinity) => {
    let runs = 0
    const reaction = Reaction.make({ name, events: puts, results: puts, ...depth }).run(({ key, n }) =>
      Effect.sync(() => {
        runs++
        return n < most ? { _tag: "Put", key, n: n + 1 } : []
      })
    )
    return { reaction, runs: () => runs }
  }

  it.effect.each([
    ["of itself", {}, Causation.defaultLimit],
    ["where it is told", { maxCausationDepth: 3 }, 3]
  ] as const)(
    "may be heard by the reaction itself, until so much follows from one event that it is a loop, %s",
    ([name, depth, limit]) => {
      const { reaction, runs } = loop("loop", depth)
      return Effect.gen(function* () {
        const { control } = yield* start(reaction)
        yield* append("1", put("a", 0))
        const { failure } = yield* failed(control)
        assert.include(failure?.problem, "look for handlers that cause each other's events", name)
        assert.strictEqual(runs(), limit + 1)
        const all = yield* recordedOf("Put")
        assert.lengthOf(all, limit + 2)
        assert.strictEqual(new Set(all.map(({ metadata, id }) => metadata.correlationId ?? id)).size, 1)
      }).pipe(inMemory)
    }
  )

  it.effect("may go on for longer than that, by choice", () => {
    const most = Causation.defaultLimit + 20
    const { reaction, runs } = loop("long", { maxCausationDepth: Infinity }, most)
    return Effect.gen(function* () {
      const { control } = yield* start(reaction)
      yield* append("1", put("a", 0))
      yield* until(
        "the last one has come",
        Effect.map(recordedOf("Put"), (all) => all.length === most + 1)
      )
      yield* caughtUp(control)
      assert.strictEqual(runs(), most + 1)
    }).pipe(inMemory)
  })
})

describe("whatever fails", () => {
  const seed = process.env["REACTION_SEED"] ?? crypto.randomUUID().slice(0, 8)

  it.effect(`every event is recorded once, and each stream in order, with REACTION_SEED=${seed}`, () =>
    Effect.gen(function* () {
      const stores = yield* memory
      for (let round = 0; round < 10; round++) {
        const name = `round${round}`
        const succeeded: Array<readonly [stream: string, n: number]> = []
        const flaky = Effect.map(Random.nextIntBetween(0, 3), (n) => n === 0)
        const reaction = Reaction.make({
          name,
          events: puts,
          results,
          partitions: 1 + (round % 3),
          concurrency: 1 + (round % 5),
          onFailure: "park",
          retry: Schedule.recurs(1)
        }).run(
          Effect.fnUntraced(function* ({ n }, { recorded }) {
            if (yield* flaky) return yield* Effect.fail("flaky")
            succeeded.push([recorded.stream, n])
            return { _tag: "Sent", n }
          })
        )
        const refusing = committing(
          stores,
          (commit) => (claim, progress, work) =>
            Effect.flatMap(flaky, (isFlaky) =>
              isFlaky
                ? commit(claim, progress, Effect.andThen(work, Effect.fail(unavailable)))
                : commit(claim, progress, work)
            )
        )
        const { control, stop } = yield* refusing(start(reaction))
        yield* Effect.gen(function* () {
          const ns = Array.from({ length: 40 }, (_, n) => 1000 * round + n)
          for (const n of ns) yield* append(String(n % 7), put("a", n))
          yield* caughtUp(control)
          yield* until(
            "nothing is parked any more",
            Effect.andThen(
              control.retryParked(),
              Effect.map(control.parked, (all) => all.length === 0)
            )
          )
          const sent = (yield* recordedOf("Sent")).filter(({ stream }) => stream.startsWith(name))
          assert.deepStrictEqual(
            sent.map(({ data }) => (data as { readonly n: number }).n).toSorted((a, b) => a - b),
            ns
          )
          assert.lengthOf(succeeded, ns.length)
          for (let box = 0; box < 7; box++) {
            const its = succeeded.filter(([stream]) => stream === `box-${box}`).map(([, n]) => n)
            assert.deepStrictEqual(
              its,
              its.toSorted((a, b) => a - b)
            )
          }
          yield* stop
        }).pipe(Effect.provideContext(stores))
      }
    }).pipe(Random.withSeed(seed))
  )
})

describe("a reaction that comes to nothing", () => {
  const made = (options: Settings & { readonly name?: string }) => () =>
    Reaction.make({ name: "sending", events: puts, results, ...options }).run(() => Effect.void)

  it("is refused at once", () => {
    assert.throws(made({ name: "order-mails" }), "its name, the category of its streams, has a hyphen")
    assert.throws(made({ name: "" }), "is empty")
    assert.throws(made({ partitions: 0 }), "partitions is 0: give a whole number from 1")
    assert.throws(made({ concurrency: 1.5 }), "concurrency is 1.5")
    assert.throws(made({ version: -1 }), "version is -1")
  })
})
