import { assert, describe, it } from "@effect/vitest"
import { Effect, Ref, Schedule, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"
import { EventStore, Projection, ProjectionStore, StreamName, View } from "eventfold"
import { MemoryEventStore } from "eventfold/memory"
import {
  altered,
  append,
  caughtUp,
  contents,
  documents,
  events,
  everything,
  failed,
  folded,
  memory,
  put,
  start,
  until
} from "./support.ts"

/** What was put into each box, in order. */
const boxes = View.keyed({
  name: "boxes",
  events,
  key: (_, { stream }) => StreamName.id(stream),
  model: Schema.Array(Schema.Int),
  initial: []
}).evolve({ Put: (all, { n }) => [...all, n], Cleared: () => View.gone })

/** How much was put under each key, from whatever box: in no order. */
const sums = (broken: ReadonlySet<number> = new Set()) =>
  View.keyed({ name: "sums", events, key: ({ key }) => key, model: Schema.Int, initial: 0 }).evolve({
    Put: (sum, { n }) => {
      if (broken.has(n)) throw new Error(`${n} is broken`)
      return sum + n
    },
    Cleared: () => View.gone
  })

const many = (count: number) =>
  Effect.forEach(
    Array.from({ length: count }, (_, n) => n),
    (n) => append(String(n % 13), put(String(n % 3), n)),
    { discard: true }
  )

/** Who runs which partition of the live generation. */
const owners = ({ status }: Projection.Control) =>
  Effect.map(status, (all) => all.filter(({ role }) => role === "live").map(({ owner }) => owner))

describe("a projection in partitions", () => {
  it.effect("handles each stream in order, and every event once", () =>
    Effect.gen(function* () {
      yield* many(200)
      const { reader } = yield* start(Projection.make({ version: 1, view: boxes, partitions: 4 }))
      yield* many(200)
      yield* caughtUp(reader)
      assert.deepStrictEqual(yield* documents(reader), yield* folded(boxes))
      assert.lengthOf(yield* reader.status, 4)
      assert.isTrue((yield* reader.status).every(({ position }) => position === 400))
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )

  it.effect("is right about keys that span streams, which several partitions write", () =>
    Effect.gen(function* () {
      yield* many(200)
      const { reader } = yield* start(Projection.make({ version: 1, view: sums(), partitions: 4 }))
      yield* many(200)
      yield* caughtUp(reader)
      assert.deepStrictEqual(yield* documents(reader), yield* folded(sums()))
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )

  it.effect("locks the documents that it reads", () => {
    const locks = new Set<boolean>()
    const watching = altered(({ documents }) => ({
      documents: (generation, keys, options) => {
        locks.add(options.lock)
        return documents(generation, keys, options)
      }
    }))
    return Effect.gen(function* () {
      const { reader } = yield* start(Projection.make({ version: 1, view: sums(), partitions: 2 }))
      yield* many(20)
      yield* caughtUp(reader)
      assert.deepStrictEqual(Array.from(locks), [true])
    }).pipe(Effect.provide(watching))
  })

  it.effect("goes on with the others when one has failed", () => {
    const broken = new Set([1])
    return Effect.gen(function* () {
      const view = sums(broken)
      const { reader } = yield* start(Projection.make({ version: 1, view, partitions: 4, retry: Schedule.recurs(0) }))
      yield* many(100)
      const status = yield* failed(reader)
      yield* until(
        "the others are at the end",
        Effect.map(reader.status, (all) => all.filter(({ position }) => position === 100).length === 3)
      )
      assert.strictEqual(status?.failure?.position, 2)
      broken.clear()
      yield* reader.resume
      yield* caughtUp(reader)
      assert.deepStrictEqual(yield* documents(reader), yield* folded(sums()))
    }).pipe(Effect.provide(MemoryEventStore.layer))
  })
})

describe("several processes", () => {
  const projection = Projection.make({ version: 1, view: boxes, partitions: 3 })

  it.effect("share the partitions, each of which has one owner, and every event counts once", () => {
    const running = new Map<string, number>()
    let together = 0
    // How many commits of one partition are under way at once.
    const watching = altered(({ commit }) => ({
      commit: (claim, progress, work) =>
        commit(
          claim,
          progress,
          Effect.suspend(() => {
            const key = `${claim.generation}/${claim.partition}`
            running.set(key, (running.get(key) ?? 0) + 1)
            together = Math.max(together, running.get(key) ?? 0)
            return Effect.ensuring(
              Effect.andThen(Effect.yieldNow, work),
              Effect.sync(() => running.set(key, (running.get(key) ?? 0) - 1))
            )
          })
        )
    }))
    return Effect.gen(function* () {
      const processes = yield* Effect.forEach([1, 2, 3, 4, 5], () => start(projection), { concurrency: "unbounded" })
      const { reader } = processes[0] ?? (yield* Effect.die("no process"))
      yield* many(100)
      yield* TestClock.adjust("5 seconds")
      yield* many(100)
      yield* caughtUp(reader)
      assert.deepStrictEqual(yield* documents(reader), yield* folded(boxes))
      assert.strictEqual(together, 1)
      const all = yield* owners(reader)
      assert.strictEqual(new Set(all).size, 3)
      assert.notInclude(all, undefined)
    }).pipe(Effect.provide(watching))
  })

  it.effect("take over at once what another one gives back when its scope is closed", () =>
    Effect.gen(function* () {
      const first = yield* start(projection)
      yield* many(10)
      yield* caughtUp(first.reader)
      assert.strictEqual(new Set(yield* owners(first.reader)).size, 1)
      const second = yield* start(projection)
      yield* first.stop
      assert.deepStrictEqual(yield* owners(second.reader), [undefined, undefined, undefined])
      yield* many(10)
      // It looks twice a second; a lease would last two seconds.
      yield* TestClock.adjust("1100 millis")
      assert.notInclude(yield* owners(second.reader), undefined)
      yield* caughtUp(second.reader)
      assert.deepStrictEqual(yield* documents(second.reader), yield* folded(boxes))
    }).pipe(Effect.provide(MemoryEventStore.layer))
  )

  it.effect("replace one that is dead when its lease is over, and what it commits later changes nothing", () =>
    Effect.gen(function* () {
      const stores = yield* memory
      const whole = Projection.make({ version: 1, view: everything() })
      const dead = { looking: yield* Ref.make(false), committing: yield* Ref.make(false) }
      const late: Array<string> = []
      const store = yield* Effect.provide(ProjectionStore.ProjectionStore, stores)
      /** While it is dead it answers nothing. What it was about to do, it does when it is awake again. */
      const whileAlive = <A, E, R>(isDead: Ref.Ref<boolean>, effect: Effect.Effect<A, E, R>) =>
        Effect.andThen(
          Effect.repeat(Ref.get(isDead), { while: (dead) => dead, schedule: Schedule.spaced("100 millis") }),
          effect
        )
      const dying: typeof store = {
        ...store,
        renew: (claims, lease) => whileAlive(dead.looking, store.renew(claims, lease)),
        claim: (options) => whileAlive(dead.looking, store.claim(options)),
        commit: (claim, progress, work) =>
          whileAlive(
            dead.committing,
            Effect.tapError(store.commit(claim, progress, work), (error) =>
              Effect.sync(() => late.push(error instanceof ProjectionStore.ClaimLost ? error._tag : ""))
            )
          )
      }
      yield* Effect.gen(function* () {
        const first = yield* start(whole).pipe(Effect.provideService(ProjectionStore.ProjectionStore, dying))
        yield* append("1", put("a", 1))
        yield* caughtUp(first.reader)
        const [owner] = yield* owners(first.reader)
        const second = yield* start(whole)
        yield* Ref.set(dead.looking, true)
        yield* Ref.set(dead.committing, true)
        yield* append("1", put("a", 2))
        yield* TestClock.adjust("1900 millis")
        assert.deepStrictEqual(yield* owners(second.reader), [owner])
        assert.deepStrictEqual(yield* second.reader.get, [1])
        // Three seconds of lease and one until the next look.
        yield* TestClock.adjust("2200 millis")
        const [next] = yield* owners(second.reader)
        assert.isDefined(next)
        assert.notStrictEqual(next, owner)
        assert.deepStrictEqual(yield* second.reader.get, [1, 2])
        yield* append("1", put("a", 3))
        yield* caughtUp(second.reader)
        yield* Ref.set(dead.committing, false)
        yield* TestClock.adjust("1 second")
        assert.include(late.join(), "ClaimLost")
        yield* Ref.set(dead.looking, false)
        yield* TestClock.adjust("5 seconds")
        assert.deepStrictEqual(yield* second.reader.get, [1, 2, 3])
        assert.deepStrictEqual(yield* owners(second.reader), [next])
      }).pipe(Effect.provide(stores))
    })
  )

  it.effect("keep what they hold for as long as they live", () => {
    const claimed: Array<number> = []
    const counting = altered((store) => ({
      claim: (options) =>
        Effect.tap(store.claim(options), (claims) =>
          Effect.sync(() => claimed.push(...claims.map(({ partition }) => partition)))
        )
    }))
    return Effect.gen(function* () {
      const { reader } = yield* start(projection)
      yield* start(projection)
      yield* many(10)
      yield* TestClock.adjust("1 minute")
      yield* caughtUp(reader)
      assert.deepStrictEqual(claimed.toSorted(), [0, 1, 2])
    }).pipe(Effect.provide(counting))
  })

  it.effect("go on when the subscription of one ends badly, whatever with", () =>
    Effect.gen(function* () {
      const stores = yield* memory
      yield* Effect.gen(function* () {
        const store = yield* EventStore.EventStore
        const ways = [
          Effect.die("no"),
          Effect.fail(new EventStore.StoreError({ reason: "Unavailable", problem: "no" }))
        ]
        let left = 0
        const failing: typeof store = {
          ...store,
          subscribe: (options) =>
            Stream.suspend(() =>
              Stream.fromEffect(ways[left++] ?? Effect.void).pipe(Stream.drain, Stream.concat(store.subscribe(options)))
            )
        }
        const { reader } = yield* start(Projection.make({ version: 1, view: contents() })).pipe(
          Effect.provideService(EventStore.EventStore, failing)
        )
        yield* append("1", put("a", 1))
        yield* caughtUp(reader)
        assert.deepStrictEqual(yield* documents(reader), { a: [1] })
      }).pipe(Effect.provide(stores))
    })
  )
})
