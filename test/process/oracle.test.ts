/**
 * Whatever happens to those who run a process, every instance has been told of what concerns it, once and in order, and its story is what the
 * rules make of it. Each life is told by its seed.
 */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Random, Schedule, Stream } from "effect"
import { TestClock } from "effect/testing"
import { MemoryEventStore } from "eventfold/memory"
import { checkStory, concerning, hear } from "./model.ts"
import { asked, doneBy, log, makeDesk, memory, settle, storyOf, tell, tellMany } from "./support.ts"

const lives = 8
const rounds = 12
const desks = Array.from({ length: 12 }, (_, index) => `d${index}`)
const timers = ["a", "b", "c"] as const

const pick = <A>(all: ReadonlyArray<A>) => Effect.map(Random.nextIntBetween(0, all.length - 1), (index) => all[index]!)

/** What a desk may be told: `n` is another one each time. */
const something = Effect.fnUntraced(function* (n: number) {
  const chance = yield* Random.nextIntBetween(0, 100)
  const numbers = Array.from({ length: yield* Random.nextIntBetween(0, 4) }, (_, index) => n * 10 + index)
  const timer = yield* pick(timers)
  const millis = yield* Random.nextIntBetween(-500, 3000)
  return asked(yield* pick(desks), `n${n % 20}`, {
    numbers: chance < 20 ? [-1, 0, ...numbers] : numbers,
    after: chance % 3 === 0 ? [{ timer, millis }] : [],
    cancelled: chance % 5 === 0 ? [yield* pick(timers)] : [],
    isOver: chance > 95
  })
})

const life = Effect.gen(function* () {
  const { broken, manager, start } = makeDesk({
    again: ({ notes }) => notes.length % 3 === 0,
    runs: { retry: Schedule.recurs(0), partitions: 3, concurrency: 2 }
  })
  let runs = [yield* start]
  let n = 0
  const process = runs[0]!.process
  const stuck = Effect.map(Stream.runCollect(process.list({ status: "stuck" })), (all) =>
    all.map(({ instance }) => instance)
  )
  const ways = ["tell", "tell", "tell", "many", "start", "stop", "break", "mend", "look after", "pause"] as const
  for (let round = 0; round < rounds; round++) {
    const way = yield* pick(ways)
    const count = yield* Random.nextIntBetween(1, 40)
    if (way === "tell") yield* tell(...(yield* Effect.forEach(Array.from({ length: count }), () => something(n++))))
    if (way === "many") {
      const some = yield* Effect.forEach(Array.from({ length: 5 }), () => pick(desks))
      yield* tellMany(some, `many${n}`, [n * 10])
      n++
    }
    if (way === "start" && runs.length < 3) runs.push(yield* start)
    if (way === "stop") {
      const [first, ...rest] = runs
      if (first !== undefined) yield* first.stop
      runs = rest
    }
    if (way === "break") {
      const what = yield* pick(["evolve n", "react n", "isTerminal n"])
      broken.add(`${what}${yield* Random.nextIntBetween(0, 20)}`)
      broken.add(yield* pick(["evolve did 0", "react no -1", "react a", "evolve b", `decide ${n * 10}`]))
    }
    if (way === "mend") broken.clear()
    if (way === "look after") {
      for (const instance of yield* stuck) {
        const asking = yield* pick([
          process.retry(instance),
          process.skip(instance, "no"),
          process.cancel(instance, "no")
        ])
        if ((yield* Random.nextIntBetween(0, 3)) > 0) yield* Effect.ignore(asking)
      }
    }
    if (way === "pause") {
      yield* process.control.pause
      yield* TestClock.adjust(yield* Random.nextIntBetween(0, 1500))
      yield* process.control.resume
    }
    yield* TestClock.adjust(yield* Random.nextIntBetween(0, 1200))
  }
  broken.clear()
  if (runs.length === 0) runs.push(yield* start)
  yield* settle(process)
  for (const instance of yield* stuck) yield* process.retry(instance)
  yield* settle(process)

  const all = hear(yield* log())
  let steps = 0
  for (const desk of desks) {
    const one = yield* process.get(desk)
    if (one._tag === "None") {
      assert.strictEqual(concerning(manager, all, desk).size, 0)
      continue
    }
    const story = yield* storyOf(process, desk)
    steps += story.length
    checkStory(manager, all, one.value, story)
    // What was done is what was sent and executed, once each and in order.
    const sent = story.flatMap(({ commands }) =>
      commands.flatMap(({ command }) => {
        const n: unknown = JSON.parse(JSON.stringify(command)).n
        return typeof n === "number" && n > 0 ? [n] : []
      })
    )
    const done = yield* doneBy(desk)
    assert.deepStrictEqual(done, sent.filter((n) => done.includes(n)).slice(0, done.length))
  }
  assert.isAbove(steps, 0)
})

describe("a process", () => {
  it.effect(
    "tells every instance of what concerns it, once and in order, whatever happens to who runs it",
    () =>
      Effect.forEach(
        Array.from({ length: lives }, (_, seed) => seed),
        (seed) =>
          life.pipe(
            Effect.scoped,
            Effect.provide(MemoryEventStore.layer, { local: true }),
            Random.withSeed(seed),
            Effect.catchCause((cause) => Effect.die(new Error(`seed ${seed}`, { cause: Cause.squash(cause) })))
          ),
        { discard: true }
      ),
    120_000
  )

  it.effect("is told of hundreds of instances interleaved, with several events of one in a batch", () => {
    const { manager, start } = makeDesk()
    return Effect.gen(function* () {
      const { process } = yield* start
      const many = Array.from({ length: 300 }, (_, index) => `m${index}`)
      for (let round = 0; round < 4; round++) {
        yield* tell(...many.flatMap((desk) => [asked(desk, `r${round}`, { numbers: [round + 1] }), asked(desk, "and")]))
        yield* tellMany(
          many.slice(0, 50).flatMap((desk) => [desk, desk]),
          `many${round}`,
          []
        )
      }
      yield* settle(process)
      const all = hear(yield* log())
      for (const desk of many) {
        const one = yield* process.get(desk)
        if (one._tag === "None") return assert.fail(`there is no ${desk}`)
        checkStory(manager, all, one.value, yield* storyOf(process, desk))
        assert.deepStrictEqual(one.value.commands, [])
      }
      assert.lengthOf(yield* log("tool"), 1200)
    }).pipe(Effect.provide(memory))
  })
})
