/**
 * A shop on a database of its own, with customers, and without anybody who works there.
 */
import { assert } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, Random, Schedule } from "effect"
import { EventStore } from "eventfold"
import { freshDatabase } from "../../support/server.ts"
import { storesAt } from "../projections/support/runners.ts"
import { judgeLog, judgeStories, readerOf } from "./processJudge.ts"
import { type Fate, fates, isFate, orderId, outside } from "./processOutside.ts"
import { within } from "./stores.ts"
import { Victim } from "./victim.ts"

export const allFates = Object.keys(fates).filter(isFate)
/** Those that are over before the deadline. */
export const soon = allFates.filter((fate) => fate !== "overdue" && fate !== "paidTooLate")

export const aShop = Effect.gen(function* () {
  const { server } = yield* Victim
  const url = yield* freshDatabase(server)
  const stores = yield* Layer.build(Layer.fresh(storesAt(url)))
  const store = Context.get(stores, EventStore.EventStore)
  const { place, stocked } = yield* outside(stores)
  yield* stocked
  const reader = yield* readerOf(stores)
  const orders: Array<string> = []

  const placeOne = (fate: Fate) =>
    Effect.suspend(() => {
      const id = orderId(fate, orders.length)
      orders.push(id)
      return Effect.as(place(id), { id })
    })

  /** Places orders, with pauses of so many milliseconds at most, until it is told to end. */
  const placing = Effect.fnUntraced(function* (options: {
    readonly pause: number
    readonly fates: () => ReadonlyArray<Fate>
  }) {
    let isDone = false
    const placer = Effect.gen(function* () {
      while (!isDone) {
        const some = options.fates()
        yield* placeOne(some[yield* Random.nextIntBetween(0, some.length - 1)]!)
        yield* Effect.sleep(yield* Random.nextIntBetween(0, options.pause))
      }
    })
    const fiber = yield* Effect.forkScoped(placer)
    return {
      end: Effect.suspend(() => {
        isDone = true
        return Fiber.join(fiber)
      })
    }
  })

  const count = Effect.retry(reader.count, {
    schedule: Schedule.spaced("100 millis"),
    while: ({ isRetryable }) => isRetryable
  })
  const ended = Effect.map(count, (count) => count.ended)

  /** Waits until all orders are over, and judges. */
  const judge = Effect.gen(function* () {
    yield* Effect.repeat(count, {
      until: ({ ended }) => ended === orders.length,
      schedule: Schedule.spaced("200 millis")
    }).pipe(
      within("all orders are over", "60 seconds"),
      Effect.tapError(() => Effect.flatMap(count, (count) => Effect.logError(`of ${orders.length} orders`, count)))
    )
    const judged = yield* judgeLog(store)
    assert.lengthOf(judged.orders, orders.length)
    const { commands, elapsed } = yield* judgeStories(reader, judged)
    assert.deepStrictEqual(yield* reader.count, { running: 0, stuck: 0, ended: orders.length, cancelled: 0 })
    return { orders: orders.length, events: judged.log.length, commands, elapsed }
  })

  return { url, store, reader, placeOne, placing, count, ended, judge }
})
