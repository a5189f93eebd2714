/**
 * Transactions: what is saved is a part of the one that is under way, and of no other thing.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { broken, holds, same, within } from "../contract/Law.ts"
import { claimed, commit, endings, live } from "../projectionContract/fixtures.ts"
import {
  at,
  changesNothing,
  countOf,
  dueIn,
  everything,
  finds,
  freshProcess,
  instance,
  inTransaction,
  isRefused,
  type Law,
  law,
  listed,
  readyIn,
  remove,
  request,
  requestsIn,
  save,
  saveHere,
  step,
  stepsOf
} from "./fixtures.ts"

/** What is there before. */
const before = {
  instances: [
    instance("a", { isReady: true, dueAt: at(10) }),
    instance("old", { status: "ended" }),
    instance("c", { partition: 1 })
  ],
  steps: [step("a", 1), step("old", 1), step("c", 1)]
}

const next = instance("a", { steps: 2, dueAt: at(20), state: { next: true } })
const added = instance("b", { isReady: true })

/** Changes everything that there is to change. */
const turn = (process: string) =>
  Effect.gen(function* () {
    const [asked] = yield* requestsIn(process)
    yield* saveHere(process, { instances: [next], steps: [step("a", 2)], done: asked === undefined ? [] : [asked.id] })
    yield* saveHere(process, { instances: [added], steps: [step("b", 1)] })
    yield* request(process, "b", "another")
    yield* same(yield* remove(process, at(1000)), 1, "how many instances a transaction removes")
  })

/** What somebody sees who sees it. */
const isSeen = (process: string, who: string) =>
  Effect.gen(function* () {
    yield* finds(`the instances that ${who} sees`, process, [next, added, before.instances[2]!], ["old"])
    yield* same(yield* readyIn(process), ["b"], `who is ready, as ${who} sees it`)
    yield* same(
      yield* dueIn(process, at(10)),
      { names: [], next: at(20).epochMilliseconds },
      `what is due, as ${who} sees it`
    )
    yield* same(yield* stepsOf(process, "a"), [step("a", 1), step("a", 2)], `the steps that ${who} sees`)
    yield* same(yield* stepsOf(process, "old"), [], `the steps of what was removed, as ${who} sees them`)
    yield* same(yield* listed(process), ["a", "b", "c"], `the list that ${who} sees`)
    yield* same(yield* countOf(process), { running: 3 }, `how many ${who} sees`)
    const requests = (yield* requestsIn(process)).map((one) => one.request)
    yield* same(requests, ["another"], `the requests that ${who} sees`)
  })

export const laws: ReadonlyArray<Law> = [
  law(
    "what is saved outside of a transaction is refused",
    Effect.gen(function* () {
      const process = freshProcess()
      yield* save(process, before)
      yield* isRefused("a save outside of a transaction", process, saveHere(process, { instances: [next] }))
      yield* isRefused("a save of nothing outside of a transaction", process, saveHere(process, {}))
    })
  ),
  law(
    "a save of nothing changes nothing, and one of steps or requests alone leaves the instances alone",
    Effect.gen(function* () {
      const process = freshProcess()
      yield* save(process, before)
      yield* changesNothing("a save of nothing", process, save(process, {}))
      yield* request(process, "a")
      const [asked] = yield* requestsIn(process)
      yield* save(process, { done: [asked!.id, asked!.id + 1_000_000] })
      yield* save(process, { steps: [step("a", 2)], done: [asked!.id] })
      yield* finds("instances after a save without any", process, before.instances)
      yield* same(yield* stepsOf(process, "a"), [step("a", 1), step("a", 2)], "the steps after a save of steps alone")
      yield* same(yield* requestsIn(process), [], "the requests after one was done")
    })
  ),
  law(
    "a transaction sees what it has done, and others do when it is committed",
    Effect.gen(function* () {
      const process = freshProcess()
      yield* save(process, before)
      yield* request(process, "a")
      const { claim, projection } = yield* claimed()
      yield* commit(claim, 7, Effect.andThen(turn(process), isSeen(process, "the transaction")))
      yield* isSeen(process, "somebody after the transaction")
      yield* same((yield* live(projection.name))?.position, 7, "the position of a commit in which something was saved")
    })
  ),
  ...endings.map(({ end, isRight, what }) =>
    law(
      `nothing is left of what a commit has saved whose work ${what}`,
      Effect.gen(function* () {
        const process = freshProcess()
        yield* save(process, before)
        yield* request(process, "a")
        const { claim } = yield* claimed()
        const work = Effect.gen(function* () {
          yield* turn(process)
          yield* isSeen(process, "the transaction")
          return yield* end
        })
        const exit = yield* changesNothing(
          `a commit whose work ${what}`,
          process,
          Effect.exit(Effect.andThen(Effect.yieldNow, commit(claim, 7, work)))
        )
        if (isRight(exit)) return
        if (Exit.isSuccess(exit)) return yield* broken(`a commit whose work ${what} succeeds`)
        return yield* broken(`a commit whose work ${what} ends with something else`, { actual: String(exit.cause) })
      })
    )
  ),
  law(
    "nobody sees what a transaction has saved that fails in the end, not while it goes on either",
    Effect.gen(function* () {
      const process = freshProcess()
      yield* save(process, before)
      const first = yield* everything(process)
      let isOver = false
      let looks = 0
      const looking = yield* Effect.forkScoped(
        Effect.gen(function* () {
          while (!isOver) {
            yield* same(yield* everything(process), first, "what others see while a transaction goes on")
            looks++
            yield* Effect.sleep("1 millis")
          }
        })
      )
      const work = Effect.gen(function* () {
        yield* turn(process)
        yield* Effect.sleep("30 millis")
        return yield* Effect.fail({ _tag: "GivesUp" } as const)
      })
      const exit = yield* Effect.exit(inTransaction(work))
      isOver = true
      yield* within("somebody who looks waits for ever", Fiber.join(looking))
      yield* holds(Exit.isFailure(exit), "a transaction whose work fails succeeds")
      yield* holds(looks > 0, "nobody could look")
    })
  )
]
