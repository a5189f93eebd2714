/**
 * What is refused, and changes nothing.
 */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import {
  type Instance,
  maxBytes,
  maxDepth,
  maxInstanceLength,
  maxProcessLength,
  maxWaitingFor,
  ProcessStore
} from "../../ProcessStore.ts"
import { numbers } from "../contract/fixtures.ts"
import {
  all,
  at,
  dueIn,
  freshProcess,
  instance,
  isRefused,
  keep,
  type Law,
  law,
  listed,
  readyIn,
  remove,
  request,
  requestsIn,
  save,
  step,
  stepsOf
} from "./fixtures.ts"

const wrongNames = (longest: number): ReadonlyArray<readonly [what: string, name: string]> => [
  ["nothing", ""],
  ["too long", "x".repeat(longest + 1)],
  ["too long in code points", "👍".repeat(longest + 1)],
  ["a text with a NUL character", "a\u0000b"],
  ["half of a surrogate pair", "a\ud83d"]
]

const wrongNumbers = [-1, 1.5, Number.NaN, Infinity, 2 ** 53]

const wrongInstants: ReadonlyArray<readonly [what: string, instant: DateTime.Utc]> = [
  ["with a part of a millisecond", DateTime.addDuration(at(0), "1500 micros")],
  ["before the year 1", DateTime.makeUnsafe(-62_135_596_800_001)],
  ["beyond the last there is", DateTime.add(DateTime.makeUnsafe(8.64e15), { days: 1 })]
]

/** What no type allows, and callers without types, or schemas of anything, give all the same. */
const untyped = (value: unknown): { readonly json: Schema.Json } =>
  JSON.parse("{}", (_, made) => Object.assign(made, { json: value }))

const circle = ((): object => {
  const one: { in?: unknown } = {}
  one.in = one
  return one
})()

/** What is JSON for nobody. */
const noJson: ReadonlyArray<readonly [what: string, json: unknown]> = [
  ["undefined", undefined],
  ["not a number", Number.NaN],
  ["infinite", { a: [Infinity] }],
  ["a bigint", 1n],
  ["a date", { at: new Date(0) }],
  ["a map", new Map()],
  ["a function", () => 1],
  ["a list with a hole", Array(3)],
  ["a field without a value", { a: undefined }],
  ["one level too deep", numbers(maxDepth + 1).reduce<unknown>((inner) => [inner], null)],
  ["far too deep", numbers(200_000).reduce<unknown>((inner) => [inner], null)],
  ["in itself", circle],
  ["one byte too large", "x".repeat(maxBytes - 1)],
  ["too large in UTF-8", "€".repeat(Math.ceil(maxBytes / 3))],
  ["too large when it is quoted", `"`.repeat(maxBytes / 2)],
  ["far too large, and small in memory", numbers(40).reduce<unknown>((inner) => [inner, inner], "x")]
]

/** What is JSON, and cannot be looked into. */
const noValues: ReadonlyArray<readonly [what: string, json: unknown]> = [
  ["a text with a NUL character", { a: ["a\u0000b"] }],
  ["half of a surrogate pair", { a: "\udc4d" }],
  ["a key with a NUL character", { "\u0000": 1 }],
  ["a key with half of a surrogate pair", { a: [{ "\ud83d": 1 }] }],
  ["too large when its numbers are written in full", numbers(4000).map(() => 1e300)],
  ["too large when its small numbers are written in full", numbers(4000).map(() => 1e-300)]
]

/** A process with an instance that nobody may change. */
const kept = Effect.gen(function* () {
  const process = freshProcess()
  yield* save(process, { instances: [instance("a", { isReady: true, dueAt: at(5) })], steps: [step("a", 1)] })
  yield* request(process, "a")
  return process
})

export const laws: ReadonlyArray<Law> = [
  law(
    "a name that cannot be is refused, wherever it stands",
    Effect.gen(function* () {
      const process = yield* kept
      const store = yield* ProcessStore
      for (const [what, wrong] of wrongNames(maxProcessLength)) {
        const name = `a process whose name is ${what}`
        yield* isRefused(`a save to ${name}`, process, keep(wrong, instance("b")))
        yield* isRefused(`a load of ${name}`, process, store.load(wrong, ["a"]))
        yield* isRefused(`who is ready in ${name}`, process, readyIn(wrong))
        yield* isRefused(`who is due in ${name}`, process, dueIn(wrong, at(0)))
        yield* isRefused(`the requests of ${name}`, process, requestsIn(wrong))
        yield* isRefused(`a request to ${name}`, process, request(wrong, "a"))
        yield* isRefused(`a list of ${name}`, process, listed(wrong))
        yield* isRefused(`a count of ${name}`, process, store.count(wrong))
        yield* isRefused(`the steps of ${name}`, process, stepsOf(wrong, "a"))
        yield* isRefused(`a removal from ${name}`, process, remove(wrong, at(0)))
      }
      for (const [what, wrong] of wrongNames(maxInstanceLength)) {
        const name = `an instance whose name is ${what}`
        yield* isRefused(`a save of ${name}`, process, keep(process, instance("b"), instance(wrong)))
        yield* isRefused(
          `a save of a step of ${name}`,
          process,
          save(process, { steps: [step("b", 1), step(wrong, 1)] })
        )
        yield* isRefused(`a load of ${name}`, process, store.load(process, ["a", wrong]))
        yield* isRefused(`a request to ${name}`, process, request(process, wrong))
        yield* isRefused(`the steps of ${name}`, process, stepsOf(process, wrong))
        yield* isRefused(
          `a save of an instance that waits for what is ${what}`,
          process,
          keep(process, instance("b", { waitingFor: ["c", wrong] }))
        )
        yield* isRefused(`a search for who waits for what is ${what}`, process, listed(process, { waitingFor: wrong }))
      }
      for (const wrong of ["a\u0000", "\ud83d"]) {
        yield* isRefused("a list after a text that is none", process, store.list(process, { ...all, after: wrong }))
        yield* isRefused(
          "who is ready after a text that is none",
          process,
          store.ready(process, 0, { ...all, after: wrong })
        )
        yield* isRefused("a search for a field whose name is none", process, listed(process, { where: { [wrong]: 1 } }))
      }
    })
  ),
  law(
    "a number or an instant that cannot be is refused, wherever it stands",
    Effect.gen(function* () {
      const process = yield* kept
      const store = yield* ProcessStore
      for (const wrong of wrongNumbers) {
        yield* isRefused(
          `an instance of partition ${wrong}`,
          process,
          keep(process, instance("b", { partition: wrong }))
        )
        yield* isRefused(`an instance with ${wrong} steps`, process, keep(process, instance("b", { steps: wrong })))
        yield* isRefused(`step ${wrong}`, process, save(process, { steps: [{ ...step("a", 1), number: wrong }] }))
        yield* isRefused(`who is ready in partition ${wrong}`, process, readyIn(process, wrong))
        yield* isRefused(`who is due in partition ${wrong}`, process, dueIn(process, at(0), wrong))
        yield* isRefused(`the requests of partition ${wrong}`, process, requestsIn(process, wrong))
        yield* isRefused(`a request to partition ${wrong}`, process, request(process, "a", null, wrong))
        yield* isRefused(`${wrong} of those that are ready`, process, store.ready(process, 0, { ...all, limit: wrong }))
        yield* isRefused(`${wrong} of those that are due`, process, dueIn(process, at(0), 0, wrong))
        yield* isRefused(`${wrong} requests`, process, store.requests(process, 0, wrong))
        yield* isRefused(`${wrong} instances`, process, listed(process, {}, { ...all, limit: wrong }))
        yield* isRefused(`${wrong} steps`, process, stepsOf(process, "a", { after: 0, limit: wrong }))
        yield* isRefused(`steps after ${wrong}`, process, stepsOf(process, "a", { after: wrong, limit: 1 }))
        yield* isRefused(`a removal of ${wrong}`, process, remove(process, at(0), wrong))
        yield* isRefused(`request ${wrong}, which is done`, process, save(process, { done: [wrong] }))
      }
      yield* isRefused(
        "an instance of a partition that is too high",
        process,
        keep(process, instance("b", { partition: 2 ** 31 }))
      )
      yield* isRefused("an instance without steps", process, keep(process, instance("b", { steps: 0 })))
      yield* isRefused("step 0", process, save(process, { steps: [step("a", 0)] }))
      for (const [what, wrong] of wrongInstants) {
        for (const field of ["dueAt", "startedAt", "updatedAt"] as const) {
          yield* isRefused(
            `an instance whose ${field} is ${what}`,
            process,
            keep(process, instance("b", { [field]: wrong }))
          )
        }
        yield* isRefused(
          `a step at an instant ${what}`,
          process,
          save(process, { steps: [{ ...step("a", 2), at: wrong }] })
        )
        yield* isRefused(`who is due at an instant ${what}`, process, dueIn(process, wrong))
        yield* isRefused(
          `who was started before an instant ${what}`,
          process,
          listed(process, { startedBefore: wrong })
        )
        yield* isRefused(
          `who was updated before an instant ${what}`,
          process,
          listed(process, { updatedBefore: wrong })
        )
        yield* isRefused(`a removal before an instant ${what}`, process, remove(process, wrong))
      }
    })
  ),
  law(
    "what is no JSON, too large or too deep is refused, and nothing of its save is kept",
    Effect.gen(function* () {
      const process = yield* kept
      for (const [what, json] of [...noJson, ...noValues]) {
        const state = untyped(json).json
        yield* isRefused(`a state that is ${what}`, process, keep(process, instance("b"), instance("a", { state })))
        yield* isRefused(`a search for a state with what is ${what}`, process, listed(process, { where: { a: state } }))
      }
      for (const [what, wrong] of noJson) {
        const { json } = untyped(wrong)
        yield* isRefused(
          `a document that is ${what}`,
          process,
          keep(process, instance("b"), instance("a", { document: json }))
        )
        yield* isRefused(
          `a step that is ${what}`,
          process,
          save(process, { instances: [instance("b")], steps: [step("c", 1), { ...step("a", 2), step: json }] })
        )
        const store = yield* ProcessStore
        yield* isRefused(
          `a request that is ${what}`,
          process,
          store.request(process, { partition: 0, instance: "a", request: json })
        )
      }
    })
  ),
  law(
    "an instance or a step that is there twice in one save is refused, and so are more names than an instance may wait for",
    Effect.gen(function* () {
      const process = yield* kept
      const twice: ReadonlyArray<Instance> = [instance("b"), instance("c"), instance("b", { steps: 2 })]
      yield* isRefused("a save with an instance that is there twice", process, keep(process, ...twice))
      yield* isRefused(
        "a save with a step that is there twice",
        process,
        save(process, { steps: [step("b", 1), step("b", 1)] })
      )
      const waitingFor = numbers(maxWaitingFor + 1).map((i) => `name ${i}`)
      yield* isRefused("an instance that waits for too much", process, keep(process, instance("b", { waitingFor })))
    })
  )
]
