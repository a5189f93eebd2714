/**
 * A crash at every step: the shop is stopped before and after each step of the story of an order that it persists or dispatches, started again,
 * and what comes of it is what comes of it undisturbed, event for event. FAULT_SEED makes the same random choices.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Random } from "effect"
import { Event, StreamName } from "eventfold"
import { audit, type Fact } from "../../examples/shop/audit.ts"
import { ShopEvent } from "../../examples/shop/events.ts"
import { type Accident, deadline, type Fate, play, type Played } from "./crashes.ts"
import { branches } from "./crashesScripts.ts"

/** Said by a failing test, in its name. */
const seed = process.env["FAULT_SEED"] ?? crypto.randomUUID().slice(0, 8)
const rounds = Number(process.env["FAULT_ROUNDS"] ?? 2)

const numbers = (count: number) => Array.from({ length: count }, (_, n) => n)

const dies: Fate = { _tag: "Dies" }
const sleeps = (millis: number): Fate => ({ _tag: "Sleeps", millis })

/** What must hold of any play. */
const judge = Effect.fnUntraced(function* ({ log, problems }: Played, name: string) {
  assert.deepStrictEqual(problems, [], name)
  const facts: Array<Fact> = []
  for (const recorded of log) {
    const [decoded] = yield* Effect.fromResult(Event.decodeRecorded(ShopEvent, recorded))
    const { position, recordedAt, stream } = recorded
    facts.push({ event: decoded!.event, id: StreamName.id(stream), position, at: recordedAt })
  }
  const found = audit(facts, { until: log.at(-1)!.recordedAt, paymentDeadline: deadline })
  assert.deepStrictEqual(found.problems, [], name)
  assert.deepStrictEqual(found.pending, [], name)
})

const endOf = ({ log }: Played): string => {
  const ended = log.filter(({ type }) => type === "OrderCancelled" || type === "OrderFulfilled")
  return ended.map(({ data, type }) => [type, ...Object.values(data as object)].join(" ")).join()
}

describe(`a shop that has accidents, with FAULT_SEED=${seed}: an order that`, { timeout: 120_000 }, () => {
  for (const { ends, name, script, steps } of branches) {
    /** Has accidents happen, in one play after the other, and compares. Gives how many have. */
    const compare = Effect.fnUntraced(function* (
      plays: (life: ReadonlyArray<string>) => ReadonlyArray<ReadonlyArray<Accident>>,
      /** What it would be that happens, where nothing does. */
      fate: Fate
    ) {
      const undisturbed = yield* play(script, [{ at: Infinity, fate }])
      yield* judge(undisturbed, "undisturbed")
      assert.strictEqual(endOf(undisturbed), ends)
      const life = undisturbed.lives[0]!
      let fallen = 0
      for (const accidents of plays(life)) {
        const what = accidents.map(({ at, fate }) => `${fate._tag} ${life[at - 1]} (${at})`).join(", then ")
        const played = yield* play(script, accidents).pipe(Effect.tapCause(() => Effect.logError(what)))
        yield* judge(played, what)
        assert.deepStrictEqual(played.outcome, undisturbed.outcome, what)
        fallen += played.fallen
      }
      return { fallen, life }
    })
    const atEach = (fate: Fate) => compare((life) => life.map((_, index) => [{ at: index + 1, fate }]), fate)

    it.effect(`${name} does so if the process dies at any of ${steps} steps`, () =>
      Effect.gen(function* () {
        const { fallen, life } = yield* atEach(dies)
        assert.strictEqual(fallen, life.length)
        assert.isAtLeast(fallen, steps)
      })
    )

    it.effect(`${name} does so if the process stands still at any step, and somebody else goes on`, () =>
      Effect.gen(function* () {
        const { fallen, life } = yield* atEach(sleeps(3000))
        assert.strictEqual(fallen, life.length)
      })
    )

    it.effect(`${name} does so if one process after the other has an accident`, () =>
      Effect.gen(function* () {
        const random = yield* Random.Random
        const below = (n: number) => Math.floor(random.nextDoubleUnsafe() * n)
        const accident = (steps: number): Accident => ({
          at: 1 + below(steps),
          fate: below(2) === 0 ? dies : sleeps(2100 + 100 * below(60))
        })
        yield* compare((life) => numbers(5 * rounds).map(() => numbers(3).map(() => accident(life.length))), dies)
      }).pipe(Random.withSeed(`${seed} ${name}`))
    )
  }
})
