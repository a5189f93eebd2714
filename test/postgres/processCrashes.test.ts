/**
 * Processes that work for the shop are killed at random moments, stopped, cut off, and started again: every order comes to what it has to
 * come to, once. FAULT_ROUNDS hurts them more often, FAULT_SEED makes the same random choices, EVENTFOLD_FIGURES prints what was measured.
 */
import { assert, layer } from "@effect/vitest"
import { Clock, Effect, Random } from "effect"
import { figure, makeCrew } from "./support/processDomain.ts"
import { aShop, allFates, soon } from "./support/processShop.ts"
import { eventually, terminateAll } from "./support/stores.ts"
import { live, rounds, Victim } from "./support/victim.ts"

const seed = process.env["FAULT_SEED"] ?? crypto.randomUUID().slice(0, 8)

const numbers = (count: number) => Array.from({ length: count }, (_, n) => n)

/** As many rounds as there are kills in all. */
const kills = 50 * rounds
/** They are killed side by side: who takes over has to wait until a lease is over. */
const shops = 4

/** Longer than a lease lasts. */
const aWhile = "2500 millis"

/** The longest time from one owner's last deed to the next one's first. */
const replacement = 5_000

layer(Victim.layer, live)(`processes of a shop, with FAULT_SEED=${seed},`, (it) => {
  it.effect(
    `that are killed ${kills} times do for every order what is to be done, once`,
    () =>
      Effect.gen(function* () {
        const hurt = Effect.fnUntraced(function* (kills: number) {
          const { ended, judge, placing, url } = yield* aShop
          const { begin, started, workers } = yield* makeCrew(url)
          yield* begin
          yield* started
          yield* begin
          let killed = 0
          const began = yield* Clock.currentTimeMillis
          const { end } = yield* placing({ pause: 2400, fates: () => (killed < kills / 2 ? allFates : soon) })
          for (; killed < kills; killed++) {
            yield* Effect.sleep(yield* Random.nextIntBetween(100, 1500))
            const [victim] = workers.splice(yield* Random.nextIntBetween(0, workers.length - 1), 1)
            yield* victim!.kill9
            yield* begin
          }
          yield* end
          const over = yield* ended
          const millis = (yield* Clock.currentTimeMillis) - began
          const { commands, elapsed, events, orders } = yield* judge
          const last = (yield* Clock.currentTimeMillis) - began - millis
          yield* figure(
            `${kills} kills in ${millis} ms: ${over} of ${orders} orders were over then, all after another ${last} ms; ${events} events, ${commands} commands, ${elapsed} timers`
          )
          return { over, orders, elapsed }
        })
        const all = yield* Effect.forEach(
          numbers(shops),
          (n) => Random.withSeed(Effect.scoped(hurt(Math.ceil(kills / shops))), `${seed} ${n}`),
          { concurrency: "unbounded" }
        )
        const sum = (of: "over" | "orders" | "elapsed") => all.reduce((sum, one) => sum + one[of], 0)
        // They were killed while they worked.
        assert.isAbove(sum("over"), shops)
        assert.isAbove(sum("elapsed"), 0)
      }),
    60_000 + rounds * 120_000
  )

  it.effect("that die are replaced within five seconds", () =>
    Effect.gen(function* () {
      const { count, judge, placeOne, url } = yield* aShop
      const all = Effect.map(count, ({ ended, running }) => ended + running)
      const { begin, started, workers } = yield* makeCrew(url)
      for (const _ of numbers(2)) {
        yield* begin
        yield* started
      }
      for (const round of numbers(2)) {
        // All leases are held.
        yield* Effect.sleep(aWhile)
        const [victim] = workers.splice(yield* Random.nextIntBetween(0, workers.length - 1), 1)
        const began = yield* Clock.currentTimeMillis
        yield* victim!.kill9
        // Some in each partition.
        yield* Effect.forEach(numbers(16), () => placeOne("paid"), { concurrency: "unbounded" })
        yield* eventually("all partitions go on", Effect.delay(all, 40), (all) => all === 16 * (round + 1), replacement)
        yield* figure(`all partitions have gone on ${(yield* Clock.currentTimeMillis) - began} ms after a kill`)
        yield* begin
        yield* started
      }
      yield* judge
    }).pipe(Random.withSeed(seed))
  )

  it.effect(
    "that stand still for longer than their leases, and go on, do no harm",
    () =>
      Effect.gen(function* () {
        const { judge, placing, url } = yield* aShop
        const { begin, started, workers } = yield* makeCrew(url)
        for (const _ of numbers(3)) {
          yield* begin
          yield* started
        }
        const { end } = yield* placing({ pause: 60, fates: () => soon })
        for (const _ of numbers(2 * rounds)) {
          const victim = workers[yield* Random.nextIntBetween(0, workers.length - 1)]!
          yield* Effect.sleep(yield* Random.nextIntBetween(0, 500))
          yield* victim.pause
          yield* Effect.sleep(yield* Random.nextIntBetween(2100, 3500))
          yield* victim.goOn
        }
        yield* end
        yield* judge
      }).pipe(Random.withSeed(seed)),
    60_000 + rounds * 10_000
  )

  it.effect(
    "whose connections and whose server are killed go on when it is back",
    () =>
      Effect.gen(function* () {
        const { admin, server } = yield* Victim
        const { judge, placing, url } = yield* aShop
        const { begin, started } = yield* makeCrew(url)
        for (const _ of numbers(2)) {
          yield* begin
          yield* started
        }
        const { end } = yield* placing({ pause: 60, fates: () => soon })
        for (const _ of numbers(10 * rounds)) {
          yield* Effect.sleep(yield* Random.nextIntBetween(0, 300))
          yield* terminateAll(admin)
        }
        for (const _ of numbers(rounds)) {
          yield* Effect.sleep(yield* Random.nextIntBetween(0, 1500))
          yield* server.kill9
          yield* Effect.sleep(yield* Random.nextIntBetween(0, 1500))
          yield* server.restart
        }
        yield* Effect.sleep(yield* Random.nextIntBetween(0, 1500))
        yield* server.restart
        yield* end
        yield* judge
      }).pipe(Random.withSeed(seed)),
    60_000 + rounds * 10_000
  )
})
