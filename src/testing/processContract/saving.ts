/**
 * What is saved: each instance as it was saved last, and each step.
 */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import { type Instance, maxInstanceLength, maxProcessLength, maxWaitingFor, ProcessStore } from "../../ProcessStore.ts"
import { numbers } from "../contract/fixtures.ts"
import { holds, same } from "../contract/Law.ts"
import { alike } from "../snapshotContract/fixtures.ts"
import {
  all,
  at,
  countOf,
  dueIn,
  everything,
  finds,
  freshProcess,
  instance,
  isRefused,
  keep,
  type Law,
  law,
  listed,
  load,
  namesOf,
  readyIn,
  remove,
  request,
  requestsIn,
  save,
  step,
  stepsOf
} from "./fixtures.ts"

const various: ReadonlyArray<Instance> = [
  instance("a", { status: "running", isReady: true, waitingFor: ["payment", "command Reserve"], state: { items: 3 } }),
  instance("b", { status: "stuck", partition: 7, steps: 12, document: { failed: "no", at: [1, 2] } }),
  instance("c", { status: "ended", startedAt: at(1), updatedAt: at(2), state: null }),
  instance("d", { status: "cancelled", dueAt: at(86_400_000), partition: 2 ** 31 - 1, document: [] }),
  instance("e", { isReady: true, dueAt: at(-1), steps: Number.MAX_SAFE_INTEGER, waitingFor: ["b", "a", "b"] })
]

export const laws: ReadonlyArray<Law> = [
  law(
    "an instance is loaded as it was saved, with all that is kept of it",
    Effect.gen(function* () {
      const process = freshProcess()
      yield* finds("what is found before anything is saved", process, [], ["a"])
      yield* keep(process, ...various)
      yield* finds("instances that were saved", process, various, ["f"])
      const store = yield* ProcessStore
      yield* same(yield* store.load(process, []), [], "what is found of no instances")
      yield* same(
        (yield* store.load(process, ["a", "a"])).length,
        1,
        "how often an instance is found that is asked for twice"
      )
      yield* same(yield* store.list(process, all), various, "instances as they are listed")
      yield* same(yield* store.ready(process, 0, all), [various[0], various[4]], "instances as they are ready")
      const { instances } = yield* store.due(process, 0, { until: at(0), limit: 9 })
      yield* same(instances, [various[4]], "an instance as it is due")
    })
  ),
  law(
    "an instance that is saved again takes the place of what was there, all of it",
    Effect.gen(function* () {
      const process = freshProcess()
      yield* keep(process, ...various)
      const others = various.map((one, i) => ({ ...various[(i + 1) % various.length]!, instance: one.instance }))
      yield* keep(process, ...others.slice(0, 3))
      yield* keep(process, ...others.slice(3))
      yield* finds("instances that were saved again", process, others)
      yield* same(yield* listed(process), namesOf(various), "the instances that are listed after they were saved again")
    })
  ),
  law(
    "instants come back to the millisecond, from the year 1 to the last that there is",
    Effect.gen(function* () {
      const process = freshProcess()
      const instants = [
        -62_135_596_800_000,
        -1,
        0,
        1,
        999,
        1_799_999_999_999,
        253_402_300_799_999,
        253_402_300_800_001,
        4e15 - 3,
        8.64e15 - 1,
        8.64e15
      ]
      for (const [i, millis] of instants.entries()) {
        const instant = DateTime.makeUnsafe(millis)
        const name = `i${i}`
        const one = instance(name, { dueAt: instant, startedAt: instant, updatedAt: instant })
        yield* save(process, { instances: [one], steps: [{ ...step(name, 1), at: instant }] })
        yield* finds(`an instance with the instant ${millis}`, process, [one])
        const steps = yield* stepsOf(process, name)
        yield* same(steps[0]?.at.epochMilliseconds, millis, "the instant of a step")
        const { next } = yield* dueIn(process, DateTime.makeUnsafe(Math.max(millis - 1, instants[0]!)))
        yield* same(next, i === 0 ? undefined : millis, "when the next timer is due")
      }
    })
  ),
  law(
    "instances whose names are alike are different ones",
    Effect.gen(function* () {
      const process = freshProcess()
      const instances = alike.map((name, i) => instance(name, { state: { i }, waitingFor: [name] }))
      const steps = alike.map((name) => step(name, 1, { of: name }))
      yield* save(process, { instances, steps })
      yield* finds("instances whose names are alike", process, instances)
      for (const name of alike) {
        yield* same(yield* stepsOf(process, name), [step(name, 1, { of: name })], `the steps of instance ${name}`)
        yield* same(yield* listed(process, { waitingFor: name }), [name], `who waits for ${name}`)
      }
    })
  ),
  law(
    "processes see nothing of each other, also where their names are alike",
    Effect.gen(function* () {
      const prefix = freshProcess()
      const processes = [
        prefix,
        `${prefix} `,
        prefix.toUpperCase(),
        `${prefix}%`,
        `${prefix}_`,
        `${prefix}é`,
        `${prefix}e\u0301`
      ]
      const contentOf = (i: number) => ({
        instances: [
          instance("a", { isReady: true, dueAt: at(i), state: { i } }),
          instance("old", { status: "ended", updatedAt: at(i) })
        ],
        steps: [step("a", 1, { i }), step("old", 1, { i })]
      })
      for (const [i, process] of processes.entries()) {
        yield* save(process, contentOf(i))
        yield* request(process, "a", { i })
      }
      const before = yield* Effect.forEach(processes, everything)
      for (const [i, process] of processes.entries()) {
        yield* finds(`the instances of process "${process}"`, process, contentOf(i).instances)
        yield* same(yield* stepsOf(process, "a"), [step("a", 1, { i })], `the steps of process "${process}"`)
        yield* same(yield* readyIn(process), ["a"], `who is ready in process "${process}"`)
        yield* same(
          yield* dueIn(process, at(9)),
          { names: ["a"], next: undefined },
          `who is due in process "${process}"`
        )
        yield* same(yield* countOf(process), { running: 1, ended: 1 }, `how many process "${process}" has`)
        yield* same((yield* requestsIn(process)).length, 1, `how much is asked of process "${process}"`)
      }
      // What is done of one is not done of another.
      const [asked] = yield* requestsIn(processes[1]!)
      yield* save(prefix, { done: [asked!.id] })
      yield* same(yield* remove(prefix, at(1000)), 1, "how many instances of a process are removed")
      yield* same(
        yield* Effect.forEach(processes.slice(1), everything),
        before.slice(1),
        "what is kept of other processes"
      )
    })
  ),
  law(
    "a process and an instance of the longest names are kept, whatever they wait for",
    Effect.gen(function* () {
      const prefix = freshProcess()
      for (const letter of ["x", "€", "👍"]) {
        const process = `${prefix}${letter.repeat(maxProcessLength - prefix.length)}`
        const name = letter.repeat(maxInstanceLength)
        const waitingFor = numbers(maxWaitingFor).map((i) => `${letter.repeat(maxInstanceLength - 3)}${100 + i}`)
        const one = instance(name, { isReady: true, dueAt: at(5), waitingFor })
        yield* save(process, { instances: [one], steps: [step(name, 1)] })
        yield* request(process, name)
        yield* finds("an instance of the longest name", process, [one])
        yield* same(
          yield* listed(process, { waitingFor: waitingFor[99]! }),
          [name],
          "who waits for what has the longest name"
        )
        yield* keep(process, { ...one, status: "ended" })
        yield* same(yield* remove(process, at(1)), 1, "how many instances of the longest name are removed")
      }
    })
  ),
  law(
    "hundreds of instances and steps are saved at once",
    Effect.gen(function* () {
      const process = freshProcess()
      const names = numbers(700).map((i) => `instance-${i * 7919}`)
      const instances = names.map((name, i) => instance(name, { partition: i % 3, isReady: i % 2 === 0, state: { i } }))
      const steps = names.flatMap((name) => [step(name, 2), step(name, 1)])
      yield* save(process, { instances, steps })
      yield* finds("hundreds of instances", process, instances)
      yield* same(
        (yield* readyIn(process, 1)).length,
        instances.filter((one) => one.isReady && one.partition === 1).length,
        "how many are ready"
      )
      for (const name of names.slice(-5)) {
        yield* same(
          yield* stepsOf(process, name),
          [step(name, 1), step(name, 2)],
          "the steps of one of hundreds of instances"
        )
      }
    })
  ),
  law(
    "steps are given in the order of their numbers, after a number, at most so many",
    Effect.gen(function* () {
      const process = freshProcess()
      const many = numbers(25).map((i) => step("a", i + 1))
      yield* save(process, { steps: many.toReversed().slice(0, 13) })
      yield* save(process, { steps: [...many.slice(0, 12), step("b", 1)] })
      yield* same(yield* stepsOf(process, "a"), many, "the steps of an instance")
      yield* same(
        yield* stepsOf(process, "a", { after: 8, limit: 4 }),
        many.slice(8, 12),
        "four steps after the eighth"
      )
      yield* same(yield* stepsOf(process, "a", { after: 25, limit: 4 }), [], "the steps after the last one")
      yield* same(yield* stepsOf(process, "a", { after: 0, limit: 0 }), [], "no steps")
      yield* same(yield* stepsOf(process, "c"), [], "the steps of an instance that is not there")
    })
  ),
  law(
    "a step that is there already is refused, and nothing of its save is kept",
    Effect.gen(function* () {
      const process = freshProcess()
      yield* save(process, { instances: [instance("a")], steps: [step("a", 1), step("a", 2)] })
      yield* request(process, "a")
      const [asked] = yield* requestsIn(process)
      const changes = {
        instances: [instance("a", { steps: 3 }), instance("b")],
        steps: [step("b", 1), step("a", 2, "another"), step("a", 3)],
        done: [asked!.id]
      }
      yield* isRefused("a save of a step that is there already", process, save(process, changes))
      yield* isRefused("a save of that step alone", process, save(process, { steps: [step("a", 2)] }))
      yield* save(process, { ...changes, steps: [step("b", 1), step("a", 3)] })
      yield* same((yield* stepsOf(process, "a")).length, 3, "how many steps there are")
    })
  ),
  law(
    "what a writer or a reader does with what it holds changes nobody else's",
    Effect.gen(function* () {
      const process = freshProcess()
      const list = [1]
      const names = ["payment"]
      const content = { list: [1] }
      const saved = instance("a", { state: { list: [1] }, document: { list: [1] }, waitingFor: ["payment"] })
      const given = instance("a", { state: { list }, document: { list }, waitingFor: names })
      yield* save(process, { instances: [given], steps: [step("a", 1, content)] })
      list.push(2)
      names.push("another")
      content.list.push(2)
      yield* finds("an instance whose writer changed what it had given", process, [saved])
      const mine = (yield* load(process, ["a"]))["a"]
      for (const part of [mine?.state, mine?.document]) {
        if (Predicate.isObject(part)) Reflect.set(part, "list", "changed")
      }
      const [first] = yield* stepsOf(process, "a")
      yield* same(first, step("a", 1, { list: [1] }), "a step whose writer changed what it had given")
      if (Predicate.isObject(first?.step)) Reflect.set(first.step, "list", "changed")
      yield* finds("an instance that another reader changed for itself", process, [saved])
      yield* same(yield* stepsOf(process, "a"), [step("a", 1, { list: [1] })], "a step that another reader changed")
      yield* holds(mine !== undefined, "an instance that was saved is not there")
    })
  )
]
