/**
 * Commits: what a batch changes and that it was handled, together or not at all, and each once.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { numbers, race, winners } from "../contract/fixtures.ts"
import { broken, holds, same, within } from "../contract/Law.ts"
import {
  add,
  changesNothing,
  claimAll,
  claimed,
  commit,
  commitIsLost,
  documentsOf,
  endings,
  everything,
  isLost,
  type Law,
  law,
  live,
  numberAt,
  registered,
  save,
  statusOf,
  takenOver,
  use
} from "./fixtures.ts"

export const laws: ReadonlyArray<Law> = [
  law(
    "a commit stores what its work did and moves the position, and gives the claim as it is then",
    Effect.gen(function* () {
      const { claim, projection } = yield* claimed()
      const first = yield* commit(claim, 10, save(claim, { a: 1, b: { c: [null, "two"] } }))
      yield* same({ ...first }, { ...claim, position: 10 }, "the claim after a commit")
      yield* same(yield* documentsOf(projection.name), { a: 1, b: { c: [null, "two"] } }, "what a commit stored")
      yield* same((yield* live(projection.name))?.position, 10, "the position after a commit")
      const work = use((store) => store.park(first, { position: 11, lane: "x", problem: "wrong" }))
      const second = yield* use((store) => store.commit(first, { to: 12, rate: 37 }, work))
      yield* same(second.position, 12, "the position of a claim after another commit")
      yield* same(Array.from(second.parked), ["x"], "the lanes of a claim after something was parked")
      const { parked, position, rate } = yield* statusOf(second)
      yield* same({ parked, position, rate }, { parked: 1, position: 12, rate: 37 }, "the status after a commit")
      // Nothing but a position is something, too; and the same position, where parked events are handled.
      yield* commit(yield* commit(second, 12, save(second, { a: 2 })), 13)
      yield* same(yield* documentsOf(projection.name), { a: 2, b: { c: [null, "two"] } }, "what commits stored")
      yield* same((yield* live(projection.name))?.position, 13, "the position after a commit of a position alone")
    })
  ),
  law(
    "the position of the live generation is that of its slowest partition",
    Effect.gen(function* () {
      const projection = yield* registered({ partitions: 3 })
      const [a, b, c] = yield* claimAll(projection)
      for (const [claim, to, lowest] of [
        [a!, 30, 0],
        [c!, 20, 0],
        [b!, 25, 20]
      ] as const) {
        yield* commit(claim, to)
        yield* same((yield* live(projection.name))?.position, lowest, "the position of a live generation")
      }
    })
  ),
  law(
    "a commit of an old claim is ClaimLost, its work is not done, and nothing is stored",
    Effect.gen(function* () {
      const projection = yield* registered()
      const { next, old } = yield* takenOver(projection)
      yield* commitIsLost("a commit of a claim that another one followed", old)
      const moved = yield* commit(next, 4, save(next, { a: 1 }))
      yield* commitIsLost("a commit of an old claim at the position that is stored", { ...old, position: 4 })
      yield* commitIsLost("a commit of a claim that is still to come", { ...moved, epoch: moved.epoch + 1 })
      yield* commit(moved, 5)
    })
  ),
  law(
    "a commit from another position than the one stored is ClaimLost, and nothing is stored",
    Effect.gen(function* () {
      const { claim } = yield* claimed()
      const moved = yield* commit(claim, 4, save(claim, { a: 1 }))
      yield* commitIsLost("a commit from a position that was left", claim)
      yield* commitIsLost("a commit from a position that was not reached", { ...moved, position: 9 })
      yield* commit(moved, 5)
    })
  ),
  law(
    "of commits that race with the same claim one is stored",
    Effect.gen(function* () {
      const { claim, projection } = yield* claimed()
      const tries = numbers(20)
      const results = yield* race(tries, (i) => commit(claim, 10 + i, add(claim, "count", 1)))
      const won = winners(tries, results)
      yield* same(won.length, 1, "how many of the commits that raced with one claim succeeded")
      for (const result of results) {
        if (result._tag === "Failure" && result.failure._tag !== "ClaimLost") {
          return yield* broken(`a commit that lost failed with ${result.failure._tag}: ${result.failure.message}`)
        }
      }
      yield* same(yield* numberAt(projection.name, "count"), 1, "what commits that raced stored")
      yield* same((yield* live(projection.name))?.position, 10 + won[0]!.input, "the position after commits that raced")
    })
  ),
  ...endings.map(({ end, isRight, what }) =>
    law(
      `a commit whose work ${what} stores nothing, does not move, and ends as its work did`,
      Effect.gen(function* () {
        const { claim, projection } = yield* claimed()
        const before = yield* commit(
          claim,
          5,
          Effect.andThen(
            save(claim, { a: 1, b: 2 }),
            use((store) => store.park(claim, { position: 4, lane: "x", problem: "wrong" }))
          )
        )
        const work = Effect.gen(function* () {
          yield* save(before, { a: 9, b: undefined, c: 3 })
          yield* use((store) => store.unpark(before, 4))
          yield* use((store) => store.park(before, { position: 6, lane: "y", problem: "wrong" }))
          return yield* end
        })
        const exit = yield* changesNothing(
          `a commit whose work ${what}`,
          projection.name,
          Effect.exit(commit(before, 7, work))
        )
        yield* holds(isRight(exit), `a commit whose work ${what} ended otherwise`, String(exit))
        const after = yield* commit(before, 6, save(before, { d: 4 }))
        yield* same(yield* documentsOf(projection.name), { a: 1, b: 2, d: 4 }, "what is stored by the next commit")
        yield* same(after.position, 6, "the position after the next commit")
      })
    )
  ),
  law(
    "a commit that is interrupted from outside stores all or nothing, and the store goes on",
    Effect.gen(function* () {
      const { claim, projection } = yield* claimed()
      const started = yield* Deferred.make<void>()
      const work = Effect.gen(function* () {
        yield* save(claim, { a: 1 })
        yield* Deferred.succeed(started, undefined)
        return yield* Effect.never
      })
      const before = yield* everything(projection.name)
      const fiber = yield* Effect.forkChild(commit(claim, 3, work))
      yield* Deferred.await(started)
      yield* within("interrupting a commit did not end", Fiber.interrupt(fiber))
      yield* same(yield* everything(projection.name), before, "what is kept after a commit was interrupted")
      yield* commit(claim, 3, save(claim, { b: 2 }))
      yield* same(yield* documentsOf(projection.name), { b: 2 }, "what is stored after a commit was interrupted")
    })
  ),
  law(
    "what the work of a commit reads is what it has saved",
    Effect.gen(function* () {
      const { claim } = yield* claimed()
      const read = use((store) => store.documents(claim.generation, ["a", "b"], { lock: true }))
      const work = Effect.gen(function* () {
        yield* same(Object.fromEntries(yield* read), {}, "the documents before any was saved")
        yield* save(claim, { a: 1, b: 2 })
        yield* same(Object.fromEntries(yield* read), { a: 1, b: 2 }, "the documents that the work saved")
        yield* save(claim, { a: undefined, b: 3 })
        yield* same(Object.fromEntries(yield* read), { b: 3 }, "the documents that the work saved again")
      })
      yield* commit(claim, 1, work)
      yield* same(Object.fromEntries(yield* read), { b: 3 }, "the documents after the commit")
    })
  ),
  law(
    "readers see the documents of a commit all at once, or none of them",
    Effect.gen(function* () {
      const { claim, projection } = yield* claimed()
      let isDone = false
      const writing = Effect.gen(function* () {
        let mine = claim
        for (const n of numbers(30)) {
          const work = Effect.gen(function* () {
            yield* save(claim, { a: n })
            yield* Effect.yieldNow
            yield* save(claim, { b: n })
          })
          mine = yield* commit(mine, n + 1, work)
        }
      }).pipe(Effect.ensuring(Effect.sync(() => (isDone = true))))
      const reading = Effect.gen(function* () {
        while (!isDone) {
          const seen = yield* use((store) => store.read(projection.name, ["a", "b"]))
          yield* same(seen.get("a"), seen.get("b"), "one document of a commit, beside the other,")
          yield* Effect.yieldNow
        }
      })
      yield* Effect.all([writing, reading], { concurrency: "unbounded", discard: true })
    })
  ),
  law(
    "that a partition cannot go on is not for an old claim to say",
    Effect.gen(function* () {
      const projection = yield* registered()
      const { next, old } = yield* takenOver(projection)
      yield* isLost(
        "saying that a partition failed",
        old,
        use((store) => store.fail(old, { position: 1, problem: "wrong" }))
      )
      yield* commit(next, 1)
    })
  )
]
