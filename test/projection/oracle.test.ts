/**
 * Whatever happens to those who run a projection, in the end it shows what a fold of the whole log shows. A hundred lives of each kind,
 * each told by its seed.
 */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Random, Schedule, Schema } from "effect"
import { TestClock } from "effect/testing"
import { Projection, View } from "eventfold"
import { MemoryEventStore } from "eventfold/memory"
import { append, caughtUp, cleared, contents, documents, events, folded, put, start } from "./support.ts"

const rounds = 100
const steps = 40

/** Sums by key: what several partitions may write in any order. */
const sums = View.keyed({
  name: "sums",
  events,
  key: ({ key }) => key,
  model: Schema.Struct({ sum: Schema.Int, count: Schema.Int }),
  initial: { sum: 0, count: 0 }
}).evolve({
  Put: ({ count, sum }, { n }) => ({ sum: sum + n, count: count + 1 }),
  Cleared: ({ count, sum }) => ({ sum, count: count + 1 })
})

/** Lives a life for each seed. */
const lives = <E, R>(life: Effect.Effect<void, E, R>) =>
  Effect.forEach(
    Array.from({ length: rounds }, (_, seed) => seed),
    (seed) =>
      life.pipe(
        Effect.scoped,
        Effect.provide(MemoryEventStore.layer, { local: true }),
        Random.withSeed(seed),
        Effect.catchCause((cause) => Effect.die(new Error(`seed ${seed}`, { cause: Cause.squash(cause) })))
      ),
    { discard: true }
  )

const someWrites = (n: number) =>
  Effect.gen(function* () {
    const [stream, key] = [yield* Random.nextIntBetween(0, 6), yield* Random.nextIntBetween(0, 4)]
    const more = yield* Random.nextIntBetween(0, 5)
    const one = yield* Random.nextIntBetween(0, 10)
    const all = Array.from({ length: more }, (_, i) => put(String((key + i) % 4), n * 10 + i))
    return yield* append(String(stream), ...all, one === 0 ? cleared(String(key)) : put(String(key), n * 10 + 9))
  })

/**
 * Writers append while runners of ever higher versions come and go, and somebody controls them at random. In the end a runner of the
 * last version goes on to the end of the log.
 */
const life = <Reader extends Projection.Control>(
  versions: ReadonlyArray<Projection.Projection<Reader, "async">>,
  controls: ReadonlyArray<"pause" | "resume" | "rebuild" | "reset" | "removeRetired">
) =>
  Effect.gen(function* () {
    const runners: Array<{ readonly reader: Reader; readonly stop: Effect.Effect<void> }> = []
    let last = 0
    const startOne = Effect.gen(function* () {
      last = Math.min(versions.length - 1, yield* Random.nextIntBetween(last, last + 2))
      runners.push(yield* start(versions[last] ?? (yield* Effect.die("no version"))))
    })
    yield* startOne
    for (let step = 0; step < steps; step++) {
      const dice = yield* Random.nextIntBetween(0, 20)
      const [runner] = runners
      if (dice < 9) yield* someWrites(step)
      else if (dice < 15) yield* TestClock.adjust((yield* Random.nextIntBetween(1, 8)) * 60)
      else if (dice < 17 || runner === undefined) yield* startOne
      else if (dice < 18) {
        runners.shift()
        yield* runner.stop
      } else yield* runner.reader[controls[yield* Random.nextIntBetween(0, controls.length)] ?? "resume"]
    }
    const { reader } = yield* start(versions[last] ?? (yield* Effect.die("no version")))
    yield* reader.resume
    // Whatever is still filling takes over.
    yield* Effect.repeat(Effect.andThen(TestClock.adjust("1 second"), reader.status), {
      while: (all) => all.some(({ role, state }) => role === "filling" && state === "running"),
      schedule: Schedule.recurs(30)
    })
    yield* caughtUp(reader)
    return reader
  })

const everyControl = ["pause", "resume", "rebuild", "reset", "removeRetired"] as const

describe("through restarts, pauses, rebuilds, resets and new versions", () => {
  it.effect("a keyed view in one partition equals the fold of the log", () =>
    lives(
      Effect.gen(function* () {
        const versions = [1, 2, 3].map((version) => Projection.make({ version, view: contents() }))
        const reader = yield* life(versions, everyControl)
        assert.deepStrictEqual(yield* documents(reader), yield* folded(contents()))
      })
    )
  )

  it.effect("a keyed view in three partitions, whose keys span them, equals the fold of the log", () =>
    lives(
      Effect.gen(function* () {
        const versions = [1, 2, 3].map((version) => Projection.make({ version, view: sums, partitions: 3 }))
        const reader = yield* life(versions, everyControl)
        assert.deepStrictEqual(yield* documents(reader), yield* folded(sums))
      })
    )
  )

  it.effect("a keyed view whose partitions change with its version equals the fold of the log", () =>
    lives(
      Effect.gen(function* () {
        const versions = [2, 1, 4, 3].map((partitions, i) =>
          Projection.make({ version: i + 1, view: sums, partitions })
        )
        const reader = yield* life(versions, everyControl)
        assert.deepStrictEqual(yield* documents(reader), yield* folded(sums))
      })
    )
  )

  it.effect("a handler sees each event live just once, and everything else again", () =>
    lives(
      Effect.gen(function* () {
        const live: Array<number> = []
        const versions = [1, 2, 3, 1].map((partitions, i) =>
          Projection.handler({
            name: "mails",
            version: i + 1,
            partitions,
            events,
            handle: (batch, { phase }) =>
              Effect.sync(() => {
                if (phase === "live") live.push(...batch.map(({ recorded }) => recorded.position))
              })
          })
        )
        yield* life(versions, ["pause", "resume", "rebuild", "removeRetired"])
        const all = yield* folded(sums)
        assert.strictEqual(new Set(live).size, live.length)
        assert.strictEqual(
          live.length,
          Object.values(all).reduce((sum, { count }) => sum + count, 0)
        )
      })
    )
  )
})
