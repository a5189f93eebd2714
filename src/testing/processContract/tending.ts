/**
 * What who looks after processes finds and does: lists, counts, and removals.
 */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type { Filter, Instance } from "../../ProcessStore.ts"
import { losses, numbers, race } from "../contract/fixtures.ts"
import { broken, same, within } from "../contract/Law.ts"
import {
  at,
  countOf,
  dueIn,
  everything,
  finds,
  freshProcess,
  instance,
  keep,
  type Law,
  law,
  listed,
  namesOf,
  readyIn,
  remove,
  save,
  step,
  stepsOf
} from "./fixtures.ts"
import { inOrder } from "./running.ts"

const statuses = ["running", "stuck", "ended", "cancelled"] as const

/** That filters find just the instances that are so, of some. */
const findsThose = Effect.fnUntraced(function* (
  process: string,
  instances: ReadonlyArray<Instance>,
  filters: ReadonlyArray<readonly [what: string, filter: Filter, isSo: (instance: Instance) => boolean]>
) {
  for (const [what, filter, isSo] of filters) {
    const expected = namesOf(instances.filter(isSo))
    yield* same(yield* listed(process, filter), expected, `the instances that ${what}`)
    const page = { after: expected[0], limit: 2 }
    if (expected.length === 0) continue
    yield* same(
      yield* listed(process, filter, page),
      expected.slice(1, 3),
      `two of the instances that ${what}, after the first`
    )
  }
})

/** Instances that have ended or not, and steps of each. */
const withSteps = (instances: ReadonlyArray<Instance>) => ({
  instances,
  steps: instances.flatMap(({ instance: name }) => [step(name, 1), step(name, 2)])
})

export const laws: ReadonlyArray<Law> = [
  law(
    "instances are listed in the order of their names, after one of them, at most so many",
    Effect.gen(function* () {
      const process = freshProcess()
      yield* same(yield* listed(process), [], "the instances before there are any")
      yield* keep(process, ...(yield* Random.shuffle(inOrder)).map((name) => instance(name)))
      yield* same(yield* listed(process), inOrder, "the instances that are listed")
      for (const [i, after] of inOrder.entries()) {
        const page = yield* listed(process, {}, { after, limit: 3 })
        yield* same(page, inOrder.slice(i + 1, i + 4), `the three instances after "${after}"`)
      }
      yield* same(
        yield* listed(process, {}, { after: "a1", limit: 1 }),
        ["a10"],
        "the instance after a name that is none's"
      )
      yield* same(yield* listed(process, {}, { after: undefined, limit: 0 }), [], "no instances")
    })
  ),
  law(
    "instances are found by their status, and counted",
    Effect.gen(function* () {
      const process = freshProcess()
      yield* same(yield* countOf(process), {}, "how many instances there are before there are any")
      const instances = numbers(11).map((i) => instance(`a${10 + i}`, { status: statuses[i % 3]! }))
      yield* keep(process, ...instances)
      yield* findsThose(
        process,
        instances,
        statuses.map((status) => [`are ${status}`, { status }, (one) => one.status === status])
      )
      yield* same(yield* countOf(process), { running: 4, stuck: 4, ended: 3 }, "how many instances there are")
      yield* keep(process, instance("a11"), instance("a12", { status: "cancelled" }))
      yield* same(
        yield* countOf(process),
        { running: 5, stuck: 3, ended: 2, cancelled: 1 },
        "how many there are after two have changed"
      )
      yield* same(yield* listed(process, { status: "cancelled" }), ["a12"], "the instance that was cancelled")
    })
  ),
  law(
    "instances are found by when they were started, and updated last",
    Effect.gen(function* () {
      const process = freshProcess()
      const instances = numbers(8).map((i) => instance(`a${i}`, { startedAt: at(i), updatedAt: at(100 - 10 * i) }))
      yield* keep(process, ...instances)
      const before = (instant: number) => (one: Instance) =>
        one.startedAt.epochMilliseconds < at(instant).epochMilliseconds
      const untouched = (instant: number) => (one: Instance) =>
        one.updatedAt.epochMilliseconds < at(instant).epochMilliseconds
      yield* findsThose(process, instances, [
        ["were started before the first was", { startedBefore: at(0) }, before(0)],
        ["were started before another", { startedBefore: at(4) }, before(4)],
        ["were started before an instant between two", { startedBefore: at(4.5 + 0.5) }, before(5)],
        ["were updated before another", { updatedBefore: at(60) }, untouched(60)],
        ["were updated before an instant between two", { updatedBefore: at(61) }, untouched(61)],
        ["were updated before all were", { updatedBefore: at(30) }, untouched(30)]
      ])
      yield* keep(process, instance("a0", { startedAt: at(0), updatedAt: at(200) }))
      yield* same(
        yield* listed(process, { updatedBefore: at(101) }),
        namesOf(instances.slice(1)),
        "the instances to which nothing has happened since"
      )
    })
  ),
  law(
    "instances are found by what they wait for, among other things",
    Effect.gen(function* () {
      const process = freshProcess()
      const names = [
        ["payment"],
        ["payment", "delivery"],
        [],
        ["delivery", "Payment"],
        ["pay", "ment", "payment "],
        ["delivery", "payment"]
      ]
      const instances = names.map((waitingFor, i) => instance(`a${i}`, { waitingFor }))
      yield* keep(process, ...instances)
      yield* findsThose(
        process,
        instances,
        ["payment", "delivery", "Payment", "pay", "pay%", "payment,delivery", "{payment}"].map((name) => [
          `wait for ${name}`,
          { waitingFor: name },
          (one) => one.waitingFor.includes(name)
        ])
      )
    })
  ),
  law(
    "instances are found by fields of their state, with just the values that are given",
    Effect.gen(function* () {
      const process = freshProcess()
      const states = {
        a: { customer: "ada", total: 10, open: true },
        b: { customer: "ada", total: 10.5, open: false, address: { city: "Graz", lines: [1, 2] } },
        c: { customer: "Ada", total: "10", open: null },
        d: { total: 10, address: { lines: [1, 2], city: "Graz" }, "it's": { "": 1 } },
        e: { address: { city: "Graz", lines: [2, 1] }, customer: ["ada"] },
        f: ["customer", "ada"],
        g: "customer",
        h: null
      }
      yield* keep(process, ...Object.entries(states).map(([name, state]) => instance(name, { state })))
      const cases: ReadonlyArray<readonly [where: NonNullable<Filter["where"]>, names: ReadonlyArray<string>]> = [
        [{}, ["a", "b", "c", "d", "e", "f", "g", "h"]],
        [{ customer: "ada" }, ["a", "b"]],
        [{ customer: "ada", total: 10 }, ["a"]],
        [{ total: 10 }, ["a", "d"]],
        [{ total: "10" }, ["c"]],
        [{ open: null }, ["c"]],
        [{ open: false }, ["b"]],
        [{ address: { lines: [1, 2], city: "Graz" } }, ["b", "d"]],
        [{ address: { city: "Graz" } }, []],
        [{ "it's": { "": 1 } }, ["d"]],
        [{ customer: ["ada"] }, ["e"]],
        [{ "0": "customer" }, []],
        [{ nothing: null }, []],
        [{ toString: null }, []]
      ]
      for (const [where, names] of cases) {
        yield* same(yield* listed(process, { where }), names, `the instances whose state has ${JSON.stringify(where)}`)
      }
      yield* same(
        yield* listed(process, { where: { total: 10 } }, { after: "a", limit: 5 }),
        ["d"],
        "those of them after another"
      )
    })
  ),
  law(
    "filters that are given together all have to hold",
    Effect.gen(function* () {
      const process = freshProcess()
      const instances = numbers(32).map((i) =>
        instance(`a${10 + i}`, {
          status: i & 1 ? "stuck" : "running",
          startedAt: at(i & 2 ? 10 : 0),
          updatedAt: at(i & 4 ? 20 : 10),
          waitingFor: i & 8 ? ["payment"] : [],
          state: { vip: (i & 16) !== 0 }
        })
      )
      yield* keep(process, ...instances)
      const filters = [
        [{ status: "stuck" }, (one: Instance) => one.status === "stuck"],
        [{ startedBefore: at(10) }, (one: Instance) => one.startedAt.epochMilliseconds === at(0).epochMilliseconds],
        [{ updatedBefore: at(20) }, (one: Instance) => one.updatedAt.epochMilliseconds === at(10).epochMilliseconds],
        [{ waitingFor: "payment" }, (one: Instance) => one.waitingFor.length > 0],
        [{ where: { vip: true } }, (one: Instance) => JSON.stringify(one.state).includes("true")]
      ] as const
      yield* findsThose(
        process,
        instances,
        numbers(32).map((i) => {
          const given = filters.filter((_, k) => (i >> k) & 1)
          const filter: Filter = Object.assign({}, ...given.map(([one]) => one))
          return [`hold against ${JSON.stringify(filter)}`, filter, (one) => given.every(([, isSo]) => isSo(one))]
        })
      )
    })
  ),
  law(
    "those that have ended or were cancelled, and were not updated since, are removed with their steps, and no others",
    Effect.gen(function* () {
      const process = freshProcess()
      const instances = statuses.flatMap((status) =>
        [10, 20, 30].map((updated) => instance(`${status}${updated}`, { status, updatedAt: at(updated) }))
      )
      yield* save(process, withSteps(instances))
      const gone = ["ended10", "cancelled10"]
      yield* same(yield* remove(process, at(10)), 0, "how many are removed that were updated before the first was")
      yield* same(yield* remove(process, at(20)), 2, "how many are removed")
      const rest = instances.filter(({ instance: name }) => !gone.includes(name))
      yield* finds("the instances that are left", process, rest, gone)
      for (const { instance: name } of instances) {
        const expected = gone.includes(name) ? [] : [step(name, 1), step(name, 2)]
        yield* same(yield* stepsOf(process, name), expected, `the steps of ${name} after a removal`)
      }
      yield* same(yield* countOf(process), { running: 3, stuck: 3, ended: 2, cancelled: 2 }, "how many are left")
      yield* same(yield* remove(process, at(20)), 0, "how many are removed a second time")
    })
  ),
  law(
    "a removal takes at most so many, those first to which nothing has happened for longest",
    Effect.gen(function* () {
      const process = freshProcess()
      const instances = [5, 3, 9, 1, 7].map((updated) =>
        instance(`a${updated}`, { status: "ended", updatedAt: at(updated) })
      )
      yield* save(process, withSteps([...instances, instance("running", { updatedAt: at(0) })]))
      yield* same(yield* remove(process, at(8), 0), 0, "how many are removed of none")
      yield* same(yield* remove(process, at(8), 3), 3, "how many are removed of three")
      yield* same(yield* listed(process), ["a7", "a9", "running"], "the instances that a removal leaves")
      yield* same((yield* stepsOf(process, "a7")).length, 2, "how many steps an instance has that a removal leaves")
      yield* same(yield* remove(process, at(8), 3), 1, "how many are removed of those that are left")
    })
  ),
  law(
    "an instance that goes on after its end is not removed, and one that was removed can begin anew",
    Effect.gen(function* () {
      const process = freshProcess()
      const ended = instance("a", { status: "ended", isReady: true, dueAt: at(5) })
      yield* save(process, withSteps([ended, instance("b", { status: "cancelled" })]))
      yield* keep(process, instance("b", { status: "running" }))
      yield* same(yield* remove(process, at(1)), 1, "how many are removed")
      yield* same(yield* listed(process), ["b"], "the instances that are left")
      yield* same(yield* readyIn(process), [], "who is ready after a removal")
      yield* same(yield* dueIn(process, at(0)), { names: [], next: undefined }, "who is due after a removal")
      yield* save(process, withSteps([instance("a")]))
      yield* finds("an instance that began anew", process, [instance("a")])
      yield* same(
        yield* stepsOf(process, "a"),
        [step("a", 1), step("a", 2)],
        "the steps of an instance that began anew"
      )
      yield* same(yield* readyIn(process), [], "who is ready after an instance began anew")
    })
  ),
  law(
    "who saves and removes at once is never kept waiting in a circle, and steps are left of no instance that is gone",
    Effect.gen(function* () {
      const process = freshProcess()
      const names = numbers(30).map((i) => `a${i}`)
      const save30 = (turn: number) =>
        Effect.gen(function* () {
          const instances = (yield* Random.shuffle(names)).map((name) =>
            instance(name, { status: "ended", updatedAt: at(turn) })
          )
          yield* keep(process, ...instances)
        })
      const results = yield* within(
        "some of those who save and remove at once wait for ever",
        race(numbers(40), (i) => (i % 2 === 0 ? save30(i) : Effect.asVoid(remove(process, at(i), 1 + i))))
      )
      const [failure] = losses(results)
      if (failure !== undefined)
        return yield* broken(`one of those who save and remove at once fails: ${failure.message}`)
      yield* save(process, { steps: names.map((name) => step(name, 1)) })
      yield* keep(process, ...names.map((name) => instance(name, { status: "ended" })))
      yield* same(yield* remove(process, at(100)), names.length, "how many are removed in the end")
      const { count } = yield* everything(process)
      yield* same(count, {}, "how many are left in the end")
      for (const name of names) yield* same(yield* stepsOf(process, name), [], "the steps that are left in the end")
    })
  )
]
