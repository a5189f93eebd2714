/**
 * Timers on a real server, under load. EVENTFOLD_FIGURES prints how late they were.
 */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Clock, Context, DateTime, Effect, Fiber, Layer, Stream } from "effect"
import { EventStore, StreamName } from "eventfold"
import { freshDatabase, TestServer } from "../support/server.ts"
import { storesAt } from "./projections/support/runners.ts"
import { figure } from "./support/processDomain.ts"
import { Alarms, aggregates, Ringing } from "./support/processAlarms.ts"
import { within } from "./support/stores.ts"

/** How many timers there are, and how many of them are due within one second. */
const count = 2_000
const each = 500
/** How many others are set, and stopped in time. */
const stopped = 100

/** A process that rings, over a database of its own. */
const working = Effect.gen(function* () {
  const stores = yield* Layer.build(Layer.fresh(storesAt(yield* freshDatabase(yield* TestServer))))
  const ringing = Ringing.layer.pipe(Layer.provideMerge(aggregates), Layer.provide(Layer.succeedContext(stores)))
  const context = yield* Layer.build(ringing)
  return { alarms: Context.get(context, Alarms), process: Context.get(context, Ringing), stores }
})

layer(TestServer.layer({ settings: { fsync: "off" } }), {
  excludeTestServices: true,
  concurrent: false,
  timeout: 120_000
})("timers of a process on a server", (it) => {
  it.effect("elapse once each, none early, and soon, while commands are executed", () =>
    Effect.gen(function* () {
      const { alarms, process, stores } = yield* working
      const store = Context.get(stores, EventStore.EventStore)
      const first = DateTime.add(yield* DateTime.now, { seconds: 12 })
      const dueOf = (n: number) => DateTime.add(first, { milliseconds: (n * 1000) / each })
      yield* Effect.forEach(
        Array.from({ length: count }, (_, n) => n),
        (n) => alarms.execute(`a${n}`, { _tag: "Set", at: dueOf(n) }),
        { concurrency: 50, discard: true }
      )
      yield* Effect.forEach(
        Array.from({ length: stopped }, (_, n) => n),
        (n) =>
          Effect.andThen(
            alarms.execute(`s${n}`, { _tag: "Set", at: dueOf(n) }),
            alarms.execute(`s${n}`, { _tag: "Stop" })
          ),
        { concurrency: 50, discard: true }
      )
      const set = yield* Clock.currentTimeMillis
      yield* process.awaitSettled("30 seconds")
      yield* figure(`set ${first.epochMilliseconds - set} ms before the first is due`)
      // Others keep the process and the store busy, until all have rung.
      const busy = yield* Effect.forkScoped(
        Effect.forEach(
          Array.from({ length: 10 }, (_, n) => n),
          (n) =>
            Effect.forever(Effect.andThen(alarms.execute(`busy${n}`, { _tag: "Poke" }), Effect.sleep("20 millis"))),
          { concurrency: "unbounded" }
        )
      )
      const rung = yield* store
        .subscribe({ after: 0, query: [{ types: ["Rung"] }] })
        .pipe(Stream.take(count), Stream.runCollect, within("all ring", "60 seconds"))
      assert.isUndefined(busy.pollUnsafe())
      const late = rung.map(
        ({ recordedAt, stream }) =>
          recordedAt.epochMilliseconds - dueOf(Number(StreamName.id(stream).slice(1))).epochMilliseconds
      )
      assert.strictEqual(new Set(rung.map(({ stream }) => stream)).size, count)
      const sorted = late.toSorted((a, b) => a - b)
      const at = (part: number) => sorted[Math.floor(part * (count - 1))]!
      yield* figure(
        `late by ${at(0)} ms at least, ${at(0.5)} in the median, ${at(0.95)} for 95 %, ${at(0.99)} for 99 %, ${at(1)} at most`
      )
      assert.isAtLeast(at(0), 0)
      assert.isBelow(at(1), 5_000)
      yield* Fiber.interrupt(busy)
      yield* process.awaitSettled("20 seconds")
      const all = yield* Stream.runCollect(store.readLog({ query: [{ types: ["Rung"] }] }))
      assert.lengthOf(all, count)
      const pokes = yield* Stream.runCollect(store.readLog({ query: [{ types: ["Poked"] }] }))
      yield* figure(`${pokes.length} commands of others meanwhile`)
    })
  )

  it.effect("do not overtake an event that was recorded before they were due, and is committed after", () =>
    Effect.gen(function* () {
      const { alarms, process, stores } = yield* working
      const sql = Context.get(stores, PgClient.PgClient)
      const due = DateTime.add(yield* DateTime.now, { seconds: 2 })
      yield* alarms.execute("x", { _tag: "Set", at: due })
      yield* process.awaitSettled()
      const late = Effect.delay(Effect.void, "3 seconds")
      yield* sql.withTransaction(Effect.andThen(alarms.execute("x", { _tag: "Stop" }), late))
      yield* process.awaitSettled()
      const story = yield* Stream.runCollect(process.story("x"))
      assert.deepStrictEqual(
        story.map(({ input }) => input._tag),
        ["Event", "Event"]
      )
    })
  )
})
