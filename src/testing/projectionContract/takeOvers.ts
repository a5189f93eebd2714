/**
 * How a filling generation becomes the live one: at once, with nothing missed and nothing done twice.
 */
import * as Effect from "effect/Effect"
import type { Claim } from "../../ProjectionStore.ts"
import { appendTo, freshStream, head, numbers } from "../contract/fixtures.ts"
import { broken, holds, same } from "../contract/Law.ts"
import {
  add,
  changesNothing,
  claim,
  claimAll,
  claimed,
  claimEventually,
  claimFirst,
  commit,
  commitIsLost,
  documentsOf,
  endings,
  isLost,
  type Law,
  law,
  live,
  long,
  numberAt,
  registered,
  registerNext,
  save,
  statusOf,
  takenOver,
  takeOver,
  use
} from "./fixtures.ts"

/** A live generation so many events beyond where the log was when it was made, and one that has been filled up to another place. */
const filled = (positions: { readonly live: number; readonly filling: number }) =>
  Effect.gen(function* () {
    const { claim: first, projection } = yield* claimed()
    const at = first.standing._tag === "Live" ? (first.standing.replayedTo[0]?.[0] ?? 0) : 0
    yield* appendTo(freshStream(), 40)
    const live = yield* commit(first, at + positions.live, save(first, { by: "old" }))
    const next = yield* registerNext(projection)
    const begun = yield* claimFirst(next)
    const filling = yield* commit(begun, at + positions.filling, save(begun, { by: "new" }))
    return { at, projection, next, live, filling }
  })

/** Claims a version again after it took over, whether the take-over has cost its claim or not. */
const claimAgain = (next: Parameters<typeof claimFirst>[0], old: Claim) =>
  Effect.andThen(
    use((store) => store.release([old])),
    claimFirst(next)
  )

export const laws: ReadonlyArray<Law> = [
  law(
    "who takes over is given what is left, and stands where the old generation stood",
    Effect.gen(function* () {
      const { at, filling, live: old, next, projection } = yield* filled({ live: 20, filling: 13 })
      const given: Array<unknown> = []
      const isLive = yield* use((store) =>
        store.takeOver(filling, 100, (rest) => {
          given.push(...rest)
          return add(filling, "left", 7)
        })
      )
      yield* holds(isLive, "a generation with less than the most left does not take over")
      yield* same(given, [{ partition: 0, after: at + 13, upTo: at + 20 }], "what is left for who takes over")
      yield* same(yield* documentsOf(projection.name), { by: "new", left: 7 }, "the documents after a take-over")
      yield* same(
        yield* live(projection.name),
        { generation: filling.generation, version: 2, position: at + 20, mode: "async" },
        "the live generation after a take-over"
      )
      yield* same((yield* statusOf(filling)).role, "live", "the role of the one that took over")
      yield* same((yield* statusOf(old)).role, "retired", "the role of the other one")
      const again = yield* claimAgain(next, filling)
      yield* same(again.standing, { _tag: "Live", replayedTo: [[at + 20]] }, "where it stands after it took over")
      yield* same(again.position, at + 20, "the position of a claim after a take-over")
      yield* commit(again, at + 21)
    })
  ),
  law(
    "a generation with nothing left takes over, too",
    Effect.gen(function* () {
      const { at, filling, next, projection } = yield* filled({ live: 20, filling: 20 })
      const given: Array<number> = []
      const isLive = yield* use((store) =>
        store.takeOver(filling, 0, (rest) =>
          Effect.sync(() => void given.push(...rest.map(({ after, upTo }) => upTo - after)))
        )
      )
      yield* holds(isLive, "a generation with nothing left does not take over")
      yield* holds(
        given.every((left) => left === 0),
        "something is left for a generation that stands where the live one stands",
        given
      )
      yield* same((yield* live(projection.name))?.position, at + 20, "the position after a take-over")
      yield* same(
        (yield* claimAgain(next, filling)).standing,
        { _tag: "Live", replayedTo: [[at + 20]] },
        "where it stands"
      )
    })
  ),
  law(
    "a generation with more left than the most does not take over, and nothing is done",
    Effect.gen(function* () {
      const { filling, projection } = yield* filled({ live: 20, filling: 13 })
      let isAsked = false
      const finish = () => Effect.sync(() => void (isAsked = true))
      const isLive = yield* changesNothing(
        "a take-over that is too early",
        projection.name,
        use((store) => store.takeOver(filling, 6, finish))
      )
      yield* holds(!isLive, "a generation with 7 positions left takes over, where 6 are the most")
      yield* holds(!isAsked, "a take-over that is too early finishes what is left")
      const now = yield* use((store) => store.takeOver(filling, 7, () => save(filling, { late: true })))
      yield* holds(now, "a generation with 7 positions left does not take over, where 7 are the most")
    })
  ),
  ...endings.map(({ end, isRight, what }) =>
    law(
      `a take-over whose work ${what} changes nothing, and ends as its work did`,
      Effect.gen(function* () {
        const { at, filling, live, projection } = yield* filled({ live: 20, filling: 13 })
        const exit = yield* changesNothing(
          `a take-over whose work ${what}`,
          projection.name,
          Effect.exit(use((store) => store.takeOver(filling, 100, () => Effect.andThen(save(filling, { a: 1 }), end))))
        )
        yield* holds(isRight(exit), `a take-over whose work ${what} ended otherwise`, String(exit))
        yield* commit(live, at + 21)
        yield* takeOver(yield* commit(filling, at + 15))
        yield* same(
          yield* documentsOf(projection.name),
          { by: "new" },
          "the documents after a take-over that succeeded"
        )
      })
    )
  ),
  law(
    "the claims on a generation that is retired are lost, and it is not given again",
    Effect.gen(function* () {
      const { filling, live: old, projection } = yield* filled({ live: 20, filling: 20 })
      yield* takeOver(filling)
      yield* commitIsLost("a commit to a generation that is retired", old)
      yield* same(yield* use((store) => store.renew([old], long)), [], "the renewal of a claim on what is retired")
      const standing = yield* use((store) => store.standing(old))
      yield* same(standing, { _tag: "Retired" }, "where a generation stands that is retired")
      yield* same(yield* claim(projection), [], "the claims that are given on a generation that is retired")
    })
  ),
  law(
    "a lost claim does not take over",
    Effect.gen(function* () {
      const { projection } = yield* claimed()
      const next = yield* registerNext(projection)
      const { next: holder, old } = yield* takenOver(next)
      yield* isLost(
        "a take-over",
        old,
        use((store) => store.takeOver(old, 100, () => save(old, { old: true })))
      )
      yield* takeOver(holder)
    })
  ),
  law(
    "a take-over leaves no partition behind, whatever partitions the old generation had",
    Effect.forEach(
      [
        [3, 3],
        [3, 2],
        [1, 3]
      ] as const,
      ([before, after]) =>
        Effect.gen(function* () {
          const projection = yield* registered({ partitions: before })
          const positions = numbers(before).map((i) => 20 + 5 * i)
          const claims = yield* claimAll(projection)
          yield* Effect.forEach(claims, (claim, i) => commit(claim, positions[i]!))
          const next = yield* registerNext(projection, { partitions: after })
          const filling = yield* claimAll(next)
          const filled = yield* Effect.forEach(filling, (claim, i) => commit(claim, 10 + i))
          const lefts: Array<{ readonly partition: number; readonly after: number; readonly upTo: number }> = []
          const isLive = yield* use((store) =>
            store.takeOver(filled[0]!, 1000, (rest) => Effect.sync(() => void lefts.push(...rest)))
          )
          yield* holds(isLive, "a generation with less than the most left does not take over")
          yield* same(
            lefts.map(({ partition, after }) => ({ partition, after })).toSorted((a, b) => a.partition - b.partition),
            numbers(after).map((i) => ({ partition: i, after: 10 + i })),
            "what is left of each partition"
          )
          const highest = Math.max(...positions)
          for (const { upTo } of lefts) {
            yield* holds(
              upTo >= 20 && upTo <= highest,
              "what is left does not end where the old generation stood",
              upTo
            )
          }
          const position = (yield* live(projection.name))?.position ?? 0
          yield* holds(position >= 20, "a take-over went back behind the old generation", position)
          yield* use((store) => store.release(filled))
          for (const { partition, position, standing } of yield* claimAll(next)) {
            yield* same(position, lefts.find((left) => left.partition === partition)?.upTo, "where a partition goes on")
            const lists = standing._tag === "Live" ? standing.replayedTo : []
            const list = lists.find(({ length }) => length === before)
            yield* same(
              positions.map((position, i) => (list?.[i] ?? 0) >= position),
              positions.map(() => true),
              "whether what the old generation handled is covered"
            )
          }
        }),
      { discard: true }
    )
  ),
  law(
    "a third generation is told how far those before it had come",
    Effect.gen(function* () {
      const { at, filling, next } = yield* filled({ live: 20, filling: 20 })
      yield* takeOver(filling)
      const second = yield* commit(yield* claimAgain(next, filling), at + 31)
      const third = yield* registerNext(next)
      const claim = yield* claimFirst(third)
      yield* same(claim.standing, { _tag: "Filling", upTo: at + 31 }, "where a third generation stands")
      yield* takeOver(yield* commit(claim, at + 31))
      const { standing } = yield* claimAgain(third, claim)
      yield* same(standing, { _tag: "Live", replayedTo: [[at + 31]] }, "where a third generation stands that took over")
      yield* commitIsLost("a commit of the second generation", second)
    })
  ),
  law(
    "what was handled before a generation began anew is known to the one that takes over from it",
    Effect.gen(function* () {
      const { at, live: first, next, filling, projection } = yield* filled({ live: 20, filling: 0 })
      yield* use((store) => store.reset(projection.name))
      yield* commitIsLost("a commit of what is reset", first)
      yield* use((store) => store.release([filling]))
      const again = yield* commit(yield* claimFirst(projection), at + 7)
      const begun = yield* claimFirst(next)
      yield* same(
        begun.standing,
        { _tag: "Filling", upTo: at + 7 },
        "where a generation stands beside one that was reset"
      )
      yield* takeOver(begun.position === at + 7 ? begun : yield* commit(begun, at + 7))
      yield* use((store) => store.release([again]))
      const { standing } = yield* claimAgain(next, begun)
      yield* same(standing, { _tag: "Live", replayedTo: [[at + 20]] }, "where the one stands that took over")
    })
  ),
  law(
    "a take-over while the old generation goes on misses nothing, does nothing twice, and readers never go back",
    Effect.gen(function* () {
      const { claim: first, projection } = yield* claimed()
      const next = yield* registerNext(projection)
      let isDone = false
      // Each position adds one to the count: so a count is right when it is the position.
      const goOn = (claim: Claim, to: number) => commit(claim, to, add(claim, "count", to - claim.position))
      const running = Effect.gen(function* () {
        const end = yield* head
        let claim = first
        for (;;) {
          const to = Math.min(claim.position + 3, end)
          const moved = yield* Effect.catchTag(goOn(claim, to), "ClaimLost", () => Effect.undefined)
          if (moved === undefined) return claim.position
          claim = moved
          yield* Effect.yieldNow
        }
      })
      const filling = Effect.gen(function* () {
        let claim = yield* claimFirst(next)
        for (const _ of numbers(1000)) {
          yield* Effect.yieldNow
          const standing = yield* use((store) => store.standing(claim))
          if (standing._tag !== "Filling") return yield* broken("a generation is not filling before it takes over")
          if (standing.upTo > claim.position) claim = yield* goOn(claim, standing.upTo)
          if (claim.position < 30) continue
          const isLive = yield* use((store) =>
            store.takeOver(claim, 10, (rest) =>
              add(
                claim,
                "count",
                rest.reduce((sum, { after, upTo }) => sum + upTo - after, 0)
              )
            )
          )
          if (isLive) return claim
        }
        return yield* broken("a generation that is close to the live one does not get to take over")
      })
      const reading = Effect.gen(function* () {
        let last = 0
        while (!isDone) {
          const count = yield* numberAt(projection.name, "count")
          yield* holds(count >= last, "what readers see went back", { from: last, to: count })
          last = count
          yield* Effect.yieldNow
        }
      })
      const [stoodAt, filled] = yield* Effect.all(
        [
          running,
          Effect.ensuring(
            filling,
            Effect.sync(() => (isDone = true))
          ),
          reading
        ],
        { concurrency: "unbounded" }
      )
      yield* use((store) => store.release([filled]))
      const taken = yield* claimEventually(next)
      yield* same(taken.position, stoodAt, "where the new generation goes on, beside where the old one stood,")
      yield* same(yield* numberAt(projection.name, "count"), stoodAt, "what was counted up to there")
      yield* goOn(taken, stoodAt + 5)
      yield* same(yield* numberAt(projection.name, "count"), stoodAt + 5, "what is counted from there on")
    })
  )
]
