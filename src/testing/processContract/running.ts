/**
 * What who runs a partition finds: who is ready, who is due, and what is asked for.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"
import { ProcessStore } from "../../ProcessStore.ts"
import { numbers, race } from "../contract/fixtures.ts"
import { broken, holds, same, within } from "../contract/Law.ts"
import {
  at,
  dueIn,
  freshProcess,
  instance,
  inTransaction,
  keep,
  type Law,
  law,
  namesOf,
  readyIn,
  request,
  requestsIn,
  save
} from "./fixtures.ts"

/** Names in the order of their code points, which is not that of UTF-16. */
export const inOrder = [
  "A",
  "a",
  "a ",
  "a/",
  "a0",
  "a10",
  "a2",
  "ab",
  "b",
  "e\u0301",
  "ß",
  "é",
  "日本語",
  "\uffff",
  "👍",
  "👍a"
]

export const laws: ReadonlyArray<Law> = [
  law(
    "instances that are ready are given in the order of their names, after one of them, at most so many",
    Effect.gen(function* () {
      const process = freshProcess()
      const store = yield* ProcessStore
      yield* same(yield* readyIn(process), [], "who is ready before anybody is there")
      const shuffled = yield* Random.shuffle(inOrder)
      yield* keep(process, ...shuffled.map((name) => instance(name, { isReady: true })))
      yield* keep(process, instance("a1"), instance("a11", { dueAt: at(0) }))
      yield* same(yield* readyIn(process), inOrder, "who is ready")
      const pages: Array<string> = []
      let after: string | undefined = undefined
      for (;;) {
        const page: ReadonlyArray<string> = namesOf(yield* store.ready(process, 0, { after, limit: 3 }))
        if (page.length === 0) break
        if (page.length > 3) return yield* broken("a page of those that are ready has more than was asked for")
        pages.push(...page)
        if (pages.length > inOrder.length) break
        after = page[page.length - 1]
      }
      yield* same(pages, inOrder, "who is ready, page by page")
      yield* same(
        namesOf(yield* store.ready(process, 0, { after: "a1", limit: 2 })),
        ["a10", "a2"],
        "who is ready after another"
      )
      yield* same(yield* store.ready(process, 0, { after: undefined, limit: 0 }), [], "none of those that are ready")
    })
  ),
  law(
    "who is ready, due, or asked for something is that in one partition",
    Effect.gen(function* () {
      const process = freshProcess()
      for (const partition of [0, 1, 2, 10]) {
        const name = `of ${partition}`
        yield* keep(process, instance(name, { partition, isReady: true, dueAt: at(partition) }))
        yield* request(process, name, null, partition)
      }
      for (const partition of [0, 1, 2, 10]) {
        const name = `of ${partition}`
        yield* same(yield* readyIn(process, partition), [name], `who is ready in partition ${partition}`)
        yield* same(
          yield* dueIn(process, at(99), partition),
          { names: [name], next: undefined },
          `who is due in partition ${partition}`
        )
        yield* same(
          namesOf(yield* requestsIn(process, partition)),
          [name],
          `who is asked for something in partition ${partition}`
        )
      }
      yield* same(yield* readyIn(process, 3), [], "who is ready in a partition without instances")
      yield* same(
        yield* dueIn(process, at(99), 3),
        { names: [], next: undefined },
        "who is due in a partition without instances"
      )
    })
  ),
  law(
    "an instance is ready for as long as it was saved so last",
    Effect.gen(function* () {
      const process = freshProcess()
      const ready = instance("a", { isReady: true })
      yield* keep(process, ready, instance("b", { isReady: true }))
      yield* keep(process, instance("a", { steps: 2 }))
      yield* same(yield* readyIn(process), ["b"], "who is ready after one is not any more")
      yield* keep(process, ready)
      yield* same(yield* readyIn(process), ["a", "b"], "who is ready after one is again")
      yield* keep(process, { ...ready, steps: 3 })
      yield* same(yield* readyIn(process), ["a", "b"], "who is ready after one was saved so once more")
    })
  ),
  law(
    "instances are due from their instant on, the first due first, at most so many",
    Effect.gen(function* () {
      const process = freshProcess()
      const timers = { late: 30, "👍": 20, "\uffff": 20, b: 20, a: 20, early: 10, future: 40 }
      yield* keep(process, ...Object.entries(timers).map(([name, due]) => instance(name, { dueAt: at(due) })))
      yield* keep(process, instance("none"), instance("ready", { isReady: true }))
      const order = ["early", "a", "b", "\uffff", "👍", "late", "future"]
      const duringEach = [9, 10, 19, 20, 29, 30, 39, 40, 99]
      for (const now of duringEach) {
        const names = order.filter((name) => Object.entries(timers).some(([one, due]) => one === name && due <= now))
        yield* same((yield* dueIn(process, at(now))).names, names, `who is due at ${now}`)
        yield* same(
          (yield* dueIn(process, at(now), 0, 3)).names,
          names.slice(0, 3),
          `the first three that are due at ${now}`
        )
      }
      yield* same((yield* dueIn(process, at(99), 0, 0)).names, [], "none of those that are due")
    })
  ),
  law(
    "next is when the first timer after the instant is due, whoever is due before",
    Effect.gen(function* () {
      const process = freshProcess()
      yield* same(yield* dueIn(process, at(0)), { names: [], next: undefined }, "what is due before anybody is there")
      const timers = [10, 20, 20, 30, 30].map((due, i) => instance(`a${i}`, { dueAt: at(due) }))
      yield* keep(process, ...timers, instance("none"), instance("of 1", { partition: 1, dueAt: at(5) }))
      for (const [now, next] of [
        [0, 10],
        [9, 10],
        [10, 20],
        [19, 20],
        [25, 30]
      ] as const) {
        yield* same(
          (yield* dueIn(process, at(now))).next,
          at(next).epochMilliseconds,
          `when the next is due after ${now}`
        )
        yield* same(
          (yield* dueIn(process, at(now), 0, 1)).next,
          at(next).epochMilliseconds,
          `when the next is due after ${now}, with one of those that are`
        )
      }
      yield* same((yield* dueIn(process, at(30))).next, undefined, "when the next is due after the last")
    })
  ),
  law(
    "an instance is due when it was saved last to be",
    Effect.gen(function* () {
      const process = freshProcess()
      yield* keep(process, instance("a", { dueAt: at(10) }), instance("b", { dueAt: at(10) }), instance("c"))
      yield* keep(process, instance("a", { dueAt: at(30) }), instance("b"), instance("c", { dueAt: at(20) }))
      yield* same(
        yield* dueIn(process, at(10)),
        { names: [], next: at(20).epochMilliseconds },
        "who is due at an instant that was put off"
      )
      yield* keep(process, instance("a", { dueAt: at(5) }))
      yield* same(
        yield* dueIn(process, at(10)),
        { names: ["a"], next: at(20).epochMilliseconds },
        "who is due at an instant that was put forward"
      )
    })
  ),
  law(
    "requests are given in the order in which they were made, at most so many, until they are done",
    Effect.gen(function* () {
      const process = freshProcess()
      const store = yield* ProcessStore
      const names = numbers(12).map((i) => `a${i % 3}`)
      for (const [i, name] of names.entries()) yield* request(process, name, { i })
      const requests = yield* requestsIn(process)
      yield* same(
        requests.map((one) => one.request),
        names.map((_, i) => ({ i })),
        "requests in their order"
      )
      yield* same(namesOf(requests), names, "whom requests are for")
      yield* holds(
        requests.every(({ id }, i) => i === 0 || id > requests[i - 1]!.id),
        "the number of a request is not above that of the one before",
        requests.map(({ id }) => id)
      )
      yield* same(yield* store.requests(process, 0, 5), requests.slice(0, 5), "the first five requests")
      yield* same(yield* requestsIn(process), requests, "requests that nobody has done")
      yield* save(process, { done: [requests[2]!.id, requests[0]!.id] })
      yield* same(
        yield* requestsIn(process),
        requests.filter((_, i) => i !== 0 && i !== 2),
        "requests of which two are done"
      )
      yield* save(process, { done: requests.map(({ id }) => id) })
      yield* same(yield* requestsIn(process), [], "requests that are all done")
      yield* request(process, "a0", "again")
      const [again] = yield* requestsIn(process)
      yield* holds(again !== undefined && again.id > requests[11]!.id, "a request has a number that was given before")
    })
  ),
  law(
    "of what many ask for at once nothing is lost, and each has a number of its own",
    Effect.gen(function* () {
      const process = freshProcess()
      const asked = numbers(60)
      const results = yield* within(
        "some of those who ask at once wait for ever",
        race(asked, (i) => request(process, "a", i))
      )
      yield* holds(
        results.every((result) => result._tag === "Success"),
        "one of those who ask at once fails"
      )
      const requests = yield* requestsIn(process)
      const sorted = requests.map((one) => Number(one.request)).toSorted((a, b) => a - b)
      yield* same(sorted, asked, "what was asked for at once")
      yield* same(new Set(requests.map(({ id }) => id)).size, asked.length, "how many numbers requests have")
    })
  ),
  law(
    "it is said that something was asked for, once it is committed",
    Effect.gen(function* () {
      const process = freshProcess()
      const store = yield* ProcessStore
      /** What is asked for whenever it is said that something is. */
      const said: Array<number> = []
      const listening = yield* Effect.forkScoped(
        Stream.runForEach(store.requested, () =>
          Effect.map(requestsIn(process), (requests) => {
            said.push(requests.length)
          })
        )
      )
      // Whoever listens says so to nobody: something is asked for until it is heard.
      const asking = Effect.gen(function* () {
        yield* Effect.sleep("20 millis")
        const failing = Effect.andThen(request(process, "a"), Effect.fail({ _tag: "GivesUp" } as const))
        yield* Effect.exit(inTransaction(Effect.tapCause(failing, () => Effect.sleep("20 millis"))))
        yield* request(process, "a")
        yield* inTransaction(Effect.andThen(request(process, "b"), Effect.sleep("10 millis")))
        yield* Effect.sleep("20 millis")
      })
      yield* within(
        "it is not said that something was asked for",
        Effect.repeat(asking, { until: () => said.some((count) => count > 1) })
      )
      yield* Fiber.interrupt(listening)
      yield* holds(!said.includes(0), "it is said that something was asked for which is not there")
    })
  )
]
