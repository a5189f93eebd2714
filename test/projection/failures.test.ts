import { assert, describe, it } from "@effect/vitest"
import { Data, DateTime, Effect, Layer, Logger, References, Schedule, Schema } from "effect"
import { TestClock } from "effect/testing"
import { Event, EventStore, Projection, View } from "eventfold"
import { MemoryEventStore } from "eventfold/memory"
import {
  altered,
  append,
  appendStored,
  caughtUp,
  contents,
  documents,
  everything,
  events,
  failed,
  parks,
  put,
  retry,
  start,
  until
} from "./support.ts"

/** Events of which one in the middle is broken. */
const batch = [put("a", 1), put("b", 2), put("a", 3), put("b", 4), put("a", 5), put("b", 6), put("a", 7)]

/** A handler that fails at what is in `broken`, and what it has seen: every attempt, and every event that it was done with. */
const witness = (broken: ReadonlySet<number>, fail: (n: number) => Effect.Effect<void, unknown>) => {
  const attempts: Array<ReadonlyArray<number>> = []
  const options = {
    name: "witness",
    version: 1,
    events: Event.pick(events, ["Put"]),
    handle: (batch: ReadonlyArray<Event.Decoded<{ readonly _tag: "Put"; readonly n: number; readonly key: string }>>) =>
      Effect.suspend(() => {
        const all = batch.map(({ event }) => event.n)
        attempts.push(all)
        const bad = all.find((n) => broken.has(n))
        return bad === undefined ? Effect.void : fail(bad)
      })
  }
  return { attempts, options }
}

describe("a batch that fails in the middle", () => {
  it.effect(
    "is committed up to the failing event, which stops the projection with its position and the problem",
    () => {
      const broken = new Set([4])
      return Effect.gen(function* () {
        yield* append("1", ...batch)
        const { reader } = yield* start(Projection.make({ version: 1, view: contents(broken) }))
        const status = yield* failed(reader)
        assert.deepInclude(status, { state: "failed", position: 3, owner: undefined })
        assert.strictEqual(status?.failure?.position, 4)
        assert.include(status?.failure?.problem, "4 is broken")
        assert.deepStrictEqual(yield* documents(reader), { a: [1, 3], b: [2] })
        yield* append("2", put("c", 8))
        yield* TestClock.adjust("10 seconds")
        assert.deepStrictEqual(yield* documents(reader), { a: [1, 3], b: [2] })
      }).pipe(Effect.provide(MemoryEventStore.layer))
    }
  )

  it.effect("does not keep other projections from going on", () =>
    Effect.gen(function* () {
      const broken = yield* start(Projection.make({ version: 1, view: contents(new Set([4])) }))
      const whole = yield* start(Projection.make({ version: 1, view: everything() }))
      yield* append("1", ...batch)
      yield* failed(broken.reader)
      yield* append("1", put("a", 8))
      yield* caughtUp(whole.reader)
      assert.deepStrictEqual(yield* whole.reader.get, [1, 2, 3, 4, 5, 6, 7, 8])
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )

  it.effect("goes on when what was wrong is mended and it is resumed", () => {
    const broken = new Set([4])
    return Effect.gen(function* () {
      yield* append("1", ...batch)
      const { reader } = yield* start(Projection.make({ version: 1, view: contents(broken) }))
      yield* failed(reader)
      yield* reader.resume
      // Still broken: it fails again.
      yield* until(
        "it runs again",
        Effect.map(reader.status, ([one]) => one?.owner !== undefined)
      )
      yield* failed(reader)
      broken.clear()
      yield* reader.resume
      yield* caughtUp(reader)
      assert.deepStrictEqual(yield* documents(reader), { a: [1, 3, 5, 7], b: [2, 4, 6] })
      assert.deepStrictEqual(yield* reader.skipped, [])
    }).pipe(Effect.provide(MemoryEventStore.layer))
  })

  it.effect("goes on without an event that is skipped, keeps the reason, and fails again at the next", () =>
    Effect.gen(function* () {
      yield* append("1", ...batch)
      const { reader } = yield* start(Projection.make({ version: 1, view: contents(new Set([4, 5])) }))
      yield* failed(reader)
      const error = yield* Effect.flip(reader.skip(5, "too soon"))
      assert.deepInclude(error, { _tag: "StoreError", reason: "InvalidRequest" })
      yield* reader.skip(4, "it was a test")
      yield* until(
        "it fails at the next",
        Effect.map(reader.status, ([one]) => one?.failure?.position === 5)
      )
      yield* reader.skip(5, "this one too")
      yield* caughtUp(reader)
      assert.deepStrictEqual(yield* documents(reader), { a: [1, 3, 7], b: [2, 6] })
      const skipped = yield* reader.skipped
      assert.deepStrictEqual(
        skipped.map(({ position, reason }) => [position, reason]),
        [
          [4, "it was a test"],
          [5, "this one too"]
        ]
      )
      assert.isTrue(skipped.every(({ skippedAt }) => DateTime.isDateTime(skippedAt)))
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )
})

describe("an event that fails", () => {
  it.effect("is tried as often as the schedule says, each time when it says", () => {
    const { attempts, options } = witness(new Set([4]), () => Effect.fail("no"))
    return Effect.gen(function* () {
      const retry = Schedule.spaced("10 seconds").pipe(Schedule.upTo({ times: 3 }))
      const { reader } = yield* start(Projection.handler({ ...options, retry }))
      yield* append("1", ...batch)
      const alone = () => attempts.filter((all) => all.length === 1 && all[0] === 4).length
      yield* until(
        "it is tried",
        Effect.sync(() => alone() === 1)
      )
      for (const tries of [2, 3, 4]) {
        yield* TestClock.adjust("9700 millis")
        assert.strictEqual(alone(), tries - 1)
        yield* TestClock.adjust("300 millis")
        assert.strictEqual(alone(), tries)
      }
      assert.strictEqual((yield* failed(reader))?.failure?.position, 4)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(alone(), 4)
    }).pipe(Effect.provide(MemoryEventStore.layer))
  })

  it.effect("is tried five times more by default, ever more slowly", () => {
    const { attempts, options } = witness(new Set([1]), () => Effect.fail("no"))
    return Effect.gen(function* () {
      const { reader } = yield* start(Projection.handler(options))
      yield* append("1", put("a", 1))
      yield* failed(reader)
      assert.strictEqual(attempts.length, 6)
    }).pipe(Effect.provide(MemoryEventStore.layer))
  })

  it.effect("and then does not is no failure", () => {
    const broken = new Set([4])
    const { attempts, options } = witness(broken, () => Effect.fail("no"))
    return Effect.gen(function* () {
      const { reader } = yield* start(Projection.handler({ ...options, retry: Schedule.spaced("1 second") }))
      yield* append("1", ...batch)
      yield* TestClock.adjust("5 seconds")
      broken.clear()
      yield* caughtUp(reader)
      assert.deepStrictEqual(attempts.at(-1)?.at(-1), 7)
      assert.deepStrictEqual(
        (yield* reader.status).map(({ state }) => state),
        ["running"]
      )
    }).pipe(Effect.provide(MemoryEventStore.layer))
  })
})

describe("whatever a handler does", () => {
  class Refused extends Data.TaggedError("Refused")<{ readonly n: number }> {}
  const ways: Readonly<Record<string, (n: number) => Effect.Effect<never, unknown>>> = {
    "fails typed": (n) => Effect.fail(new Refused({ n })),
    "fails with nothing": () => Effect.fail(undefined),
    dies: (n) => Effect.die(new Error(`${n} died`)),
    throws: (n) => {
      throw new Error(`${n} threw`)
    },
    "rejects a promise": (n) => Effect.promise(() => Promise.reject(new Error(`${n} was rejected`))),
    "interrupts itself": () => Effect.interrupt
  }

  for (const [way, fail] of Object.entries(ways)) {
    it.effect(`it is a failure of the event, and the runner goes on: it ${way}`, () => {
      const broken = new Set([4])
      const { options } = witness(broken, fail)
      return Effect.gen(function* () {
        const { reader } = yield* start(Projection.handler(options))
        yield* append("1", ...batch)
        const status = yield* failed(reader)
        assert.strictEqual(status?.failure?.position, 4)
        assert.isNotEmpty(status?.failure?.problem)
        broken.clear()
        yield* reader.resume
        yield* caughtUp(reader)
      }).pipe(Effect.provide(MemoryEventStore.layer))
    })
  }

  it.effect("a key that throws is a failure of the event", () =>
    Effect.gen(function* () {
      const view = View.keyed({
        name: "keys",
        events,
        key: ({ key }) => {
          if (key === "b") throw new Error("no key")
          return key
        },
        model: Schema.Int,
        initial: 0
      }).evolve({ Put: (sum, { n }) => sum + n, Cleared: () => View.gone })
      const { reader } = yield* start(Projection.make({ version: 1, view }))
      yield* append("1", put("a", 1), put("a", 2), put("b", 3), put("a", 4))
      const status = yield* failed(reader)
      assert.strictEqual(status?.failure?.position, 3)
      assert.include(status?.failure?.problem, "no key")
      assert.deepStrictEqual(yield* documents(reader), { a: 3 })
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )

  it.effect("a model that its own schema refuses is a failure of the event, and names the key", () =>
    Effect.gen(function* () {
      const view = View.keyed({
        name: "stock",
        events,
        key: ({ key }) => key,
        model: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)),
        initial: 0
      }).evolve({ Put: (left, { n }) => left + n, Cleared: () => View.gone })
      const { reader } = yield* start(Projection.make({ version: 1, view }))
      yield* append("1", put("a", 1), put("b", 1), put("b", -2))
      const status = yield* failed(reader)
      assert.strictEqual(status?.failure?.position, 3)
      assert.include(status?.failure?.problem, `for key "b"`)
      assert.deepStrictEqual(yield* documents(reader), { a: 1, b: 1 })
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )

  it.effect("an event that does not decode is a failure", () =>
    Effect.gen(function* () {
      const { reader } = yield* start(Projection.make({ version: 1, view: contents() }))
      yield* append("1", put("a", 1))
      yield* appendStored("1", "Put", { key: "a", n: "two" })
      const status = yield* failed(reader)
      assert.strictEqual(status?.failure?.position, 2)
      assert.deepStrictEqual(yield* documents(reader), { a: [1] })
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )

  it.effect("an upcaster that throws is a failure of the event", () =>
    Effect.gen(function* () {
      const versions = Event.define({
        Put: Event.version({ key: Schema.String, n: Schema.Int }).next({ key: Schema.String, m: Schema.Int }, () => {
          throw new Error("no way up")
        })
      })
      const view = View.make({ name: "up", events: versions, model: Schema.Int, initial: 0 }).evolve({
        Put: (sum, { m }) => sum + m
      })
      const { reader } = yield* start(Projection.make({ version: 1, view }))
      yield* append("1", put("a", 1))
      const status = yield* failed(reader)
      assert.strictEqual(status?.failure?.position, 1)
      assert.include(status?.failure?.problem, "no way up")
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )
})

const awayBecause = (reason: EventStore.StoreReason) =>
  new EventStore.StoreError({ reason, problem: "it is away, or full" })

describe("a store that is away for a while", () => {
  const operations = ["claim", "renew", "release", "documents", "save", "commit", "standing", "takeOver"] as const
  const ways = (["Unavailable", "StorageFull", "ReadOnly"] as const).flatMap((reason) =>
    operations.map((operation) => ({ reason, operation }))
  )

  for (const { operation, reason } of ways) {
    it.effect(`stops and parks nothing when it cannot ${operation}, and the projection goes on: ${reason}`, () => {
      let isAway = false
      let refused = 0
      const store = altered((store) => {
        const unlessAway = <A, E, R>(effect: () => Effect.Effect<A, E, R>) =>
          Effect.suspend((): Effect.Effect<A, E | EventStore.StoreError, R> => {
            if (!isAway) return effect()
            refused++
            return Effect.fail(awayBecause(reason))
          })
        const all: typeof store = {
          ...store,
          claim: (options) => unlessAway(() => store.claim(options)),
          renew: (...args) => unlessAway(() => store.renew(...args)),
          release: (claims) => unlessAway(() => store.release(claims)),
          documents: (...args) => unlessAway(() => store.documents(...args)),
          save: (...args) => unlessAway(() => store.save(...args)),
          commit: (...args) => unlessAway(() => store.commit(...args)),
          standing: (claim) => unlessAway(() => store.standing(claim)),
          takeOver: (...args) => unlessAway(() => store.takeOver(...args))
        }
        return { [operation]: all[operation] }
      })
      return Effect.gen(function* () {
        const { reader, stop } = yield* start(Projection.make({ version: 1, view: contents(), onFailure: "park" }))
        yield* append("1", put("a", 1))
        yield* caughtUp(reader)
        isAway = true
        yield* append("1", put("a", 2), put("b", 3))
        yield* reader.rebuild
        yield* TestClock.adjust("4 seconds")
        if (operation === "release" || operation === "claim") yield* stop
        if (operation === "claim") yield* start(Projection.make({ version: 1, view: contents(), onFailure: "park" }))
        yield* TestClock.adjust("4 seconds")
        assert.isAbove(refused, 0)
        isAway = false
        if (operation === "release") yield* start(Projection.make({ version: 1, view: contents(), onFailure: "park" }))
        yield* until(
          "the next generation is live",
          Effect.map(reader.status, (all) => all.some(({ generation, role }) => role === "live" && generation === 2))
        )
        yield* append("1", put("a", 4))
        yield* caughtUp(reader)
        assert.deepStrictEqual(yield* documents(reader), { a: [1, 2, 4], b: [3] })
        assert.deepStrictEqual(yield* reader.parked, [])
        assert.isTrue((yield* reader.status).every(({ state }) => state === "running"))
      }).pipe(Effect.provide(store))
    })
  }

  for (const onFailure of ["stop", "park"] as const) {
    it.effect(`is waited for also where a handler says so, and uses up no attempt: onFailure is ${onFailure}`, () => {
      let reason: EventStore.StoreReason | undefined = "StorageFull"
      const said: Array<unknown> = []
      const logger = Logger.make(({ fiber, logLevel, message }) => {
        const { problem } = fiber.getRef(References.CurrentLogAnnotations)
        if (logLevel === "Warn" || logLevel === "Error") said.push([String(message), problem])
      })
      const { options } = witness(new Set([4]), () =>
        reason === undefined ? Effect.void : Effect.fail(awayBecause(reason))
      )
      return Effect.gen(function* () {
        const { reader } = yield* start(Projection.handler({ ...options, onFailure, retry: Schedule.recurs(0) }))
        yield* append("1", ...batch)
        yield* TestClock.adjust("1 minute")
        reason = "ReadOnly"
        yield* TestClock.adjust("1 minute")
        const [status] = yield* reader.status
        assert.deepInclude(status, { state: "running", position: 0 })
        assert.isDefined(status?.owner)
        reason = undefined
        yield* caughtUp(reader)
        assert.deepStrictEqual(yield* reader.parked, [])
        // Each once.
        assert.deepStrictEqual(said, [
          ["projection waits for its store", "StorageFull: it is away, or full"],
          ["projection waits for its store", "ReadOnly: it is away, or full"]
        ])
      }).pipe(Effect.provide(Layer.merge(MemoryEventStore.layer, Logger.layer([logger]))))
    })
  }

  it.effect("uses up no attempt of an event that is parked, and is tried again", () => {
    const broken = new Set([4])
    let isFull = false
    const { options } = witness(broken, () => Effect.fail(isFull ? awayBecause("StorageFull") : "no"))
    return Effect.gen(function* () {
      const { reader } = yield* start(
        Projection.handler({ ...options, onFailure: "park", retry: Schedule.recurs(0), key: ({ key }) => key })
      )
      yield* append("1", ...batch)
      yield* parks(reader, 2)
      const before = yield* reader.parked
      isFull = true
      yield* retry(reader)
      assert.deepStrictEqual(yield* reader.parked, before)
      broken.clear()
      yield* parks(reader, 0)
    }).pipe(Effect.provide(MemoryEventStore.layer))
  })

  it.effect.each(["AccessDenied", "Misconfigured", "Unexpected"] as const)(
    "is not waited for where somebody has to change something: %s",
    (reason) => {
      const { options } = witness(new Set([4]), () => Effect.fail(awayBecause(reason)))
      return Effect.gen(function* () {
        const { reader } = yield* start(Projection.handler(options))
        yield* append("1", ...batch)
        const status = yield* failed(reader)
        assert.strictEqual(status?.failure?.position, 4)
        assert.include(status?.failure?.problem, reason)
      }).pipe(Effect.provide(MemoryEventStore.layer))
    }
  )

  it.effect("and does not let a generation take over, for what is not, fails it until it is resumed", () => {
    let isRefused = true
    const store = altered(({ takeOver }) => ({
      takeOver: (...args) =>
        Effect.suspend(() => (isRefused ? Effect.fail(awayBecause("AccessDenied")) : takeOver(...args)))
    }))
    return Effect.gen(function* () {
      const { reader } = yield* start(Projection.make({ version: 1, view: contents() }))
      yield* append("1", put("a", 1))
      yield* caughtUp(reader)
      yield* reader.rebuild
      const status = yield* failed(reader)
      assert.deepInclude(status, { role: "filling", generation: 2 })
      assert.include(status?.failure?.problem, "it cannot take over: AccessDenied")
      yield* append("1", put("a", 2))
      yield* caughtUp(reader)
      isRefused = false
      yield* reader.resume
      yield* until(
        "the next generation is live",
        Effect.map(reader.status, (all) => all.some(({ generation, role }) => role === "live" && generation === 2))
      )
      assert.deepStrictEqual(yield* documents(reader), { a: [1, 2] })
    }).pipe(Effect.provide(store))
  })

  it.effect("is waited for also where it ends badly", () => {
    let isAway = false
    const store = altered(({ claim }) => ({
      claim: (options) => Effect.suspend(() => (isAway ? Effect.die("a bug") : claim(options)))
    }))
    return Effect.gen(function* () {
      isAway = true
      const { reader } = yield* start(Projection.make({ version: 1, view: contents() }))
      yield* append("1", put("a", 1))
      yield* TestClock.adjust("3 seconds")
      assert.deepStrictEqual(yield* documents(reader), {})
      isAway = false
      yield* caughtUp(reader)
      assert.deepStrictEqual(yield* documents(reader), { a: [1] })
    }).pipe(Effect.provide(store))
  })
})
