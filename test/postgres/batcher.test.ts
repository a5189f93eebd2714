import { assert, describe, it } from "@effect/vitest"
import { Clock, Deferred, Effect, Exit, Fiber, Result, type Scope } from "effect"
import * as Batcher from "../../src/postgres/batcher.ts"

interface Request {
  readonly name: string
  readonly keys?: ReadonlyArray<string>
  readonly weight?: number
}

/** A batcher whose batches wait until they are let go, one after the other. */
const gated = (capacity = 1000) =>
  Effect.gen(function* () {
    const sent: Array<Array<string>> = []
    const gates: Array<Deferred.Deferred<void>> = []
    let isOpen = false
    const submit = yield* Batcher.make<Request, string, string>({
      send: (batch) =>
        Effect.gen(function* () {
          const gate = yield* Deferred.make<void>()
          gates.push(gate)
          sent.push(batch.map(({ name }) => name))
          if (!isOpen) yield* Deferred.await(gate)
          return batch.map(({ name }) =>
            name.startsWith("bad") ? Result.fail(`no ${name}`) : Result.succeed(`ok ${name}`)
          )
        }),
      keysOf: ({ name, keys }) => keys ?? [name],
      weightOf: ({ weight }) => weight ?? 0.1,
      capacity,
      closed: "closed"
    })
    // What is in flight is finished when the scope closes: a test that failed must not wait for it.
    yield* Effect.addFinalizer(() => {
      isOpen = true
      return Effect.forEach(gates, (gate) => Deferred.succeed(gate, undefined))
    })
    // Everything that can go on without the gates has gone on.
    const settle = Effect.repeat(Effect.yieldNow, { times: 50 })
    const letGo = Effect.suspend(() => Effect.andThen(Deferred.succeed(gates.shift()!, undefined), settle))
    const ask = (request: Request) => Effect.tap(Effect.forkChild(submit(request)), () => settle)
    return { ask, letGo, sent, settle, submit }
  })

const test = (name: string, run: () => Effect.Effect<void, unknown, Scope.Scope>) =>
  it.effect(name, () => Effect.scoped(run()))

describe("a batcher", () => {
  test("sends at once when nothing is in flight, and all that waits together when something is", () =>
    Effect.gen(function* () {
      const { ask, letGo, sent } = yield* gated()
      const first = yield* ask({ name: "a" })
      assert.deepStrictEqual(sent, [["a"]])
      const others = [yield* ask({ name: "b" }), yield* ask({ name: "c" }), yield* ask({ name: "d" })]
      assert.deepStrictEqual(sent, [["a"]])
      yield* letGo
      assert.strictEqual(yield* Fiber.join(first), "ok a")
      assert.deepStrictEqual(sent, [["a"], ["b", "c", "d"]])
      yield* letGo
      assert.deepStrictEqual(yield* Effect.forEach(others, Fiber.join), ["ok b", "ok c", "ok d"])
    }))

  test("answers each request of a batch for itself", () =>
    Effect.gen(function* () {
      const { ask, letGo } = yield* gated()
      yield* ask({ name: "a" })
      const [bad, good] = [yield* ask({ name: "bad" }), yield* ask({ name: "good" })]
      yield* letGo
      yield* letGo
      assert.strictEqual(yield* Effect.flip(Fiber.join(bad)), "no bad")
      assert.strictEqual(yield* Fiber.join(good), "ok good")
    }))

  test("never sends two requests with a key in common together, and keeps their order", () =>
    Effect.gen(function* () {
      const { ask, letGo, sent } = yield* gated()
      yield* ask({ name: "a" })
      yield* ask({ name: "x1", keys: ["x"] })
      yield* ask({ name: "xy", keys: ["x", "y"] })
      yield* ask({ name: "y1", keys: ["y"] })
      yield* ask({ name: "z1", keys: ["z"] })
      for (let i = 0; i < 4; i++) yield* letGo
      // y1 came after xy, so it does not overtake it although y is free.
      assert.deepStrictEqual(sent, [["a"], ["x1", "z1"], ["xy"], ["y1"]])
    }))

  test("fills a batch up to its weight, and sends what is heavier alone", () =>
    Effect.gen(function* () {
      const { ask, letGo, sent } = yield* gated()
      yield* ask({ name: "a" })
      yield* ask({ name: "half", weight: 0.5 })
      yield* ask({ name: "huge", weight: 7 })
      yield* ask({ name: "other half", weight: 0.5 })
      for (let i = 0; i < 3; i++) yield* letGo
      assert.deepStrictEqual(sent, [["a"], ["half", "other half"], ["huge"]])
    }))

  test("sends half of many, and answers the others meanwhile", () =>
    Effect.gen(function* () {
      const { ask, letGo, sent } = yield* gated()
      const names = Array.from({ length: 200 }, (_, i) => `r${i}`)
      yield* ask({ name: "a" })
      const asked = yield* Effect.forEach(names, (name) => ask({ name, weight: 0 }))
      yield* letGo
      assert.deepStrictEqual(
        sent.map((batch) => batch.length),
        [1, 101]
      )
      yield* letGo
      assert.deepStrictEqual(sent.flat(), ["a", ...names])
      const early = yield* Effect.forEach(asked.slice(0, 101), Fiber.join)
      yield* letGo
      const late = yield* Effect.forEach(asked.slice(101), Fiber.join)
      assert.deepStrictEqual(
        [...early, ...late],
        names.map((name) => `ok ${name}`)
      )
    }))

  test("takes out a request that is interrupted before it is sent", () =>
    Effect.gen(function* () {
      const { ask, letGo, sent } = yield* gated()
      yield* ask({ name: "a" })
      const withdrawn = yield* ask({ name: "b" })
      yield* ask({ name: "c" })
      yield* Fiber.interrupt(withdrawn)
      yield* letGo
      assert.deepStrictEqual(sent, [["a"], ["c"]])
      yield* letGo
    }))

  test("finishes a request that is interrupted after it was sent, and goes on", () =>
    Effect.gen(function* () {
      const { ask, letGo, sent } = yield* gated()
      const left = yield* ask({ name: "a" })
      yield* Fiber.interrupt(left)
      const next = yield* ask({ name: "b" })
      assert.deepStrictEqual(sent, [["a"]])
      yield* letGo
      yield* letGo
      assert.strictEqual(yield* Fiber.join(next), "ok b")
      assert.deepStrictEqual(sent, [["a"], ["b"]])
    }))

  test("lets no more wait than its capacity, and the others wait for room", () =>
    Effect.gen(function* () {
      const { ask, letGo, sent } = yield* gated(2)
      yield* ask({ name: "a" })
      const asked = yield* Effect.forEach(["b", "c", "d", "e"], (name) => ask({ name }))
      // One that waits for room leaves, and takes none.
      yield* Fiber.interrupt(asked[2]!)
      for (let i = 0; i < 3; i++) yield* letGo
      assert.deepStrictEqual(sent, [["a"], ["b", "c"], ["e"]])
    }))

  test("hands a defect of the sender to all who asked, and goes on", () =>
    Effect.gen(function* () {
      let calls = 0
      const submit = yield* Batcher.make<Request, string, string>({
        send: (batch) => (calls++ === 0 ? Effect.die("broken") : Effect.succeed(batch.map(() => Result.succeed("ok")))),
        keysOf: ({ name }) => [name],
        weightOf: () => 0.1,
        capacity: 10,
        closed: "closed"
      })
      assert.isTrue(Exit.hasDies(yield* Effect.exit(submit({ name: "a" }))))
      assert.strictEqual(yield* submit({ name: "b" }), "ok")
    }))

  /** Four that ask together, and again when they are answered, each after so many milliseconds of work; a batch takes one. */
  const askedAgain = Effect.fnUntraced(function* (work: bigint) {
    let now = 0n
    const clock = yield* Clock.Clock
    const steps = { ...clock, monotonicTimeNanosUnsafe: () => now * 1_000_000n }
    const { ask, letGo, sent, settle, submit } = yield* Effect.provideService(gated(), Clock.Clock, steps)
    const letGoLater = Effect.suspend(() => {
      now++
      return letGo
    })
    yield* ask({ name: "first" })
    for (const name of ["a", "b", "c", "d"]) {
      const again = Effect.suspend(() => {
        now += work
        return submit({ name: `${name} again` })
      })
      yield* Effect.forkChild(Effect.andThen(submit({ name }), again))
    }
    yield* settle
    yield* letGoLater
    yield* letGoLater
    return { letGoLater, sent: () => sent.slice(2) }
  })

  test("sends what is asked again while the answers to a batch keep everybody busy for long", () =>
    Effect.gen(function* () {
      const { letGoLater, sent } = yield* askedAgain(1n)
      assert.deepStrictEqual(sent(), [["a again", "b again"]])
      // What was left is answered meanwhile.
      yield* letGoLater
      assert.deepStrictEqual(sent(), [
        ["a again", "b again"],
        ["c again", "d again"]
      ])
    }))

  test("sends what is asked again together when that does not take long", () =>
    Effect.gen(function* () {
      const { sent } = yield* askedAgain(0n)
      assert.deepStrictEqual(sent(), [["a again", "b again", "c again", "d again"]])
    }))
})
