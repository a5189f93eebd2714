/**
 * 11. A day in the shop: it is opened, people come and go, and what they have begun is seen through. Then the log is audited, and counted.
 */
import { DateTime, Duration, Effect, Fiber, Latch, Layer, Random, References, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Event, EventStore } from "eventfold"
import { type Audit, audit, type Fact, type Rule } from "./audit.ts"
import { ShopEvent } from "./events.ts"
import { paymentDeadline } from "./fulfilment.ts"
import { liveThrough, openShop, type Refusals } from "./people.ts"
import { type DayPlan, planOf } from "./plan.ts"
import { aggregates, Fulfilments, lasting, shopAt, type Tempo } from "./service.ts"
import { GatewayBooks, minutes, type Timing, worldOf } from "./world.ts"

/** What the fulfilment did for the orders of a day. */
export interface Work {
  /** Commands by what they ask for. */
  readonly sent: ReadonlyMap<string, number>
  readonly rejected: ReadonlyMap<string, number>
  readonly timers: { readonly set: number; readonly cancelled: number; readonly elapsed: number }
}

export interface Report {
  readonly plan: DayPlan
  readonly tempo: Tempo
  /** What the ids of its orders begin with. */
  readonly prefix: string
  /** How many were recorded. */
  readonly events: number
  readonly audit: Audit
  readonly problems: ReadonlyArray<{ readonly rule: Rule; readonly problem: string }>
  readonly work: Work
  /** How often the fulfilment was stopped, and taken up again. */
  readonly restarts: number
  readonly refusals: Refusals
  readonly gateway: GatewayBooks["Service"]["asked"]
}

/** All that the log has to tell. */
const factsOf = Effect.gen(function* () {
  const store = yield* EventStore.EventStore
  return yield* store.readLog({ query: [{ types: ShopEvent.types }] }).pipe(
    Stream.mapEffect((recorded) => Effect.fromResult(Event.decodeRecorded(ShopEvent, recorded))),
    Stream.flattenIterable,
    Stream.map(({ event, recorded: { stream, position, recordedAt } }): Fact => {
      const id = stream.slice(stream.indexOf("-") + 1)
      return { event, id, position, at: recordedAt }
    }),
    Stream.runCollect
  )
})

const tally = (counts: Map<string, number>, what: string): void => {
  counts.set(what, (counts.get(what) ?? 0) + 1)
}

const tagOf = (command: unknown): string =>
  typeof command === "object" && command !== null && "_tag" in command ? String(command._tag) : ""

/** What the stories of the instances tell. */
const workOf = Effect.fnUntraced(function* (prefix: string) {
  const fulfilments = yield* Fulfilments
  const sent = new Map<string, number>()
  const rejected = new Map<string, number>()
  const timers = { set: 0, cancelled: 0, elapsed: 0 }
  yield* fulfilments.list().pipe(
    Stream.filter(({ instance }) => instance.startsWith(prefix)),
    Stream.flatMap(({ instance }) => fulfilments.story(instance)),
    Stream.runForEach(({ commands, input, timers: changed }) =>
      Effect.sync(() => {
        for (const { command, to } of commands) tally(sent, `${to} ${tagOf(command)}`)
        if (input._tag === "Rejected") tally(rejected, `${input.to} ${tagOf(input.command)}`)
        if (input._tag === "Elapsed") timers.elapsed++
        for (const { at } of changed) timers[at === null ? "cancelled" : "set"]++
      })
    )
  )
  const work: Work = { sent, rejected, timers }
  return work
})

/** The gateway's books have to say the same as the log. */
const compareBooks = ({ orders, pending }: Audit, { balance }: GatewayBooks["Service"], prefix: string) =>
  Array.from(orders.values()).flatMap(({ captured, id }) => {
    const taken = balance.get(id) ?? 0
    if (!id.startsWith(prefix) || taken === captured || pending.some((one) => one.id === id)) return []
    return [
      {
        rule: "payments" as const,
        problem: `order ${id} has ${captured} in the log, and ${taken} in the gateway's books`
      }
    ]
  })

/** The shop at work, but for a while now and then: whatever it was about, it goes on with when it is back. */
const workWithBreaks = Effect.fnUntraced(function* (
  { shopDown }: DayPlan,
  { begin, tempo }: Timing,
  opened: Effect.Effect<unknown>
) {
  const until = (minute: number) =>
    Effect.map(DateTime.now, (now) => Duration.subtract(minutes(minute, tempo), DateTime.distance(begin, now)))
  const work = () => Layer.launch(Layer.effectDiscard(opened).pipe(Layer.provide(shopAt(tempo))))
  for (const [from, to] of shopDown) {
    yield* Effect.timeoutOption(work(), yield* until(from))
    yield* Effect.sleep(yield* until(to))
  }
  return yield* work()
})

/** What the shop may be given to see to the end what was begun, in minutes. */
const patience = 2_880

/** Waits until every order is over, or for as long as is reasonable. Gives what is stuck then. */
const seeThrough = Effect.fnUntraced(function* (tempo: Tempo) {
  const fulfilments = yield* Fulfilments
  const aWhile = minutes(10, tempo)
  for (let waited = 0; waited < patience; waited += 10) {
    const hasHeardAll = yield* Effect.as(fulfilments.awaitSettled(aWhile), true).pipe(
      Effect.catchTag("AwaitTimeout", () => Effect.succeed(false))
    )
    if (!hasHeardAll) continue
    const { running } = yield* fulfilments.count
    if (running === 0) break
    yield* Effect.sleep(aWhile)
  }
  return yield* fulfilments.list({ status: "stuck" }).pipe(
    Stream.map(({ instance, stuck }) => ({
      rule: "orders" as const,
      problem: `order ${instance} is stuck: ${stuck?.problem}`
    })),
    Stream.runCollect
  )
})

/**
 * Plays a day of so many orders. Each has an id that the store has not seen, so there can be any number of days in one store.
 */
export const playDay = Effect.fnUntraced(function* (options: {
  readonly orders: number
  readonly seed: number
  readonly tempo: Tempo
}) {
  const { orders, seed, tempo } = options
  const store = yield* EventStore.EventStore
  const before = yield* store.head
  const prefix = `d${before}-`
  const plan = planOf(seed, orders)
  const begin = yield* DateTime.now
  const timing = { begin, tempo }
  const outside = Layer.mergeAll(worldOf(plan, timing, prefix), Fulfilments.layerReader).pipe(
    Layer.provideMerge(aggregates)
  )

  return yield* Effect.gen(function* () {
    yield* openShop(plan)
    const isOpen = yield* Latch.make()
    let openings = 0
    const opened = Effect.andThen(
      Effect.sync(() => openings++),
      isOpen.open
    )
    const work = yield* Effect.forkScoped(workWithBreaks(plan, timing, opened))
    yield* Effect.raceFirst(isOpen.await, Fiber.join(work))
    const seen = Effect.all([liveThrough(plan, prefix, tempo), seeThrough(tempo)])
    // It works for ever, so it ends first only when it fails.
    const [refusals, stuck] = yield* Effect.raceFirst(seen, Fiber.join(work))
    const done = yield* workOf(prefix)
    const books = yield* GatewayBooks
    const facts = yield* factsOf
    const until = yield* DateTime.now
    const audited = audit(facts, { until, paymentDeadline: lasting(paymentDeadline, tempo) })
    const report: Report = {
      plan,
      tempo,
      prefix,
      events: facts.filter(({ position }) => position > before).length,
      audit: audited,
      problems: [...stuck, ...audited.problems, ...compareBooks(audited, books, prefix)],
      work: done,
      restarts: openings - 1,
      refusals,
      gateway: books.asked
    }
    return report
  }).pipe(
    Effect.provide(outside),
    Random.withSeed(seed),
    // That the gateway is down at times is part of the day.
    Effect.provideService(References.MinimumLogLevel, "Error")
  )
})

/** When a day begins that is played in virtual time. */
const firstOfDays = DateTime.makeUnsafe("2026-01-05T08:00:00Z")

/**
 * Runs something in virtual time: whenever everybody waits, it is as late as the first of them waits for. So it takes no longer than what is done, and
 * of one seed it is always the same day. The clock is that of Effect's tests, which is where everything in the library has the time from; and so has the
 * store in memory. A database has a clock of its own, which nobody can turn: there a day is played in real time.
 */
export const inVirtualTime = <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.gen(function* () {
    yield* TestClock.setTime(firstOfDays.epochMilliseconds)
    const fiber = yield* Effect.forkChild(self)
    while (fiber.pollUnsafe() === undefined) yield* TestClock.adjust("1 second")
    return yield* Fiber.join(fiber)
  }).pipe(Effect.provide(TestClock.layer({ warningDelay: "1 minute" })))
