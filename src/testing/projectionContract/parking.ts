/**
 * Parked events: kept in order, lane by lane, until they are handled or given up.
 */
import * as Effect from "effect/Effect"
import type { Claim } from "../../ProjectionStore.ts"
import { numbers } from "../contract/fixtures.ts"
import { broken, holds, same } from "../contract/Law.ts"
import {
  claim,
  claimAll,
  claimed,
  claimFirst,
  commit,
  type Law,
  law,
  long,
  registered,
  registerNext,
  statusOf,
  takeOver,
  use
} from "./fixtures.ts"

const park = (claim: Claim, position: number, lane: string, problem = "") =>
  use((store) => store.park(claim, { position, lane, problem }))

const parkedIn = (claim: Claim, lane: string) =>
  Effect.map(
    use((store) => store.parkedIn(claim, lane)),
    (parked) => parked.map(({ position }) => position)
  )

/** Which lanes whoever runs a partition is asked to retry. */
const retries = (claim: Claim) =>
  Effect.flatMap(
    use((store) => store.renew([claim], long)),
    ([renewed]) =>
      renewed === undefined
        ? broken("a claim that must stand is not renewed")
        : Effect.succeed(renewed.retry.toSorted())
  )

/** A partition with two lanes of parked events. */
const withLanes = Effect.gen(function* () {
  const { claim, projection } = yield* claimed()
  const work = Effect.gen(function* () {
    yield* park(claim, 2, "a", "wrong")
    yield* park(claim, 3, "b", "wrong, too")
    yield* park(claim, 4, "a")
    yield* park(claim, 7, "a")
  })
  return { projection, name: projection.name, claim: yield* commit(claim, 8, work) }
})

const lanesOf = ({ parked }: Claim): ReadonlyArray<string> => Array.from(parked).toSorted()

export const laws: ReadonlyArray<Law> = [
  law(
    "parked events are kept in order, lane by lane, and whoever claims the partition knows the lanes",
    Effect.gen(function* () {
      const { claim, name, projection } = yield* withLanes
      yield* same(lanesOf(claim), ["a", "b"], "the lanes of a claim after events were parked")
      yield* same(yield* parkedIn(claim, "a"), [2, 4, 7], "the events that are parked in one lane")
      yield* same(yield* parkedIn(claim, "b"), [3], "the events that are parked in another lane")
      yield* same(yield* parkedIn(claim, "c"), [], "the events that are parked in a lane that has none")
      yield* same((yield* statusOf(claim)).parked, 4, "how many events are parked, as the status shows it,")
      const parked = (yield* use((store) => store.parked(name))).map(
        ({ attempts: _attempts, parkedAt: _at, ...rest }) => rest
      )
      const { generation, partition } = claim
      const where = { generation, partition }
      yield* same(
        parked,
        [
          { ...where, position: 2, lane: "a", problem: "wrong" },
          { ...where, position: 3, lane: "b", problem: "wrong, too" },
          { ...where, position: 4, lane: "a", problem: "" },
          { ...where, position: 7, lane: "a", problem: "" }
        ],
        "the parked events"
      )
      yield* use((store) => store.release([claim]))
      yield* same(lanesOf(yield* claimFirst(projection)), ["a", "b"], "the lanes of the next claim")
    })
  ),
  law(
    "lanes of the same name in other partitions, generations and projections are other lanes",
    Effect.gen(function* () {
      const projection = yield* registered({ partitions: 2 })
      const next = yield* registerNext(projection)
      const claims = [...(yield* claimAll(projection)), ...(yield* claimAll(next))]
      for (const [i, claim] of claims.entries()) yield* commit(claim, 20, park(claim, 10 + i, "a lane", "wrong"))
      const other = yield* claimed()
      yield* commit(other.claim, 20, park(other.claim, 10, "a lane", "wrong"))
      for (const [i, claim] of claims.entries()) {
        yield* same(yield* parkedIn(claim, "a lane"), [10 + i], "what is parked in a partition's lane")
      }
      const parked = yield* use((store) => store.parked(projection.name))
      yield* same(
        parked.map(({ generation, partition, position }) => ({ generation, partition, position })),
        claims.map(({ generation, partition }, i) => ({ generation, partition, position: 10 + i })),
        "the parked events by generation, partition and position"
      )
    })
  ),
  law(
    "a parked event that was handled is taken out, and a lane without events is none",
    Effect.gen(function* () {
      const { claim, name } = yield* withLanes
      const one = yield* commit(
        claim,
        8,
        use((store) => store.unpark(claim, 2))
      )
      yield* same(yield* parkedIn(claim, "a"), [4, 7], "what is left of a lane")
      yield* same(lanesOf(one), ["a", "b"], "the lanes while each has events")
      const two = yield* commit(
        one,
        8,
        use((store) => store.unpark(one, 3))
      )
      yield* same(lanesOf(two), ["a"], "the lanes when one has no more events")
      yield* same(
        (yield* use((store) => store.parked(name))).map(({ position }) => position),
        [4, 7],
        "the positions of what is still parked"
      )
      yield* same((yield* statusOf(two)).parked, 2, "how many events are parked, as the status shows it,")
    })
  ),
  law(
    "a lane that is asked to be retried is told with the renewal, until an event is tried in vain",
    Effect.gen(function* () {
      const { claim, name } = yield* withLanes
      yield* same(yield* retries(claim), [], "the lanes to retry before any is asked for")
      yield* use((store) => store.retryParked(name, "a"))
      yield* same(yield* retries(claim), ["a"], "the lanes to retry when one is asked for")
      yield* same(yield* retries(claim), ["a"], "the lanes to retry while nothing came of it")
      yield* use((store) => store.retryParked(name))
      yield* same(yield* retries(claim), ["a", "b"], "the lanes to retry when all are asked for")
      const vain = use((store) => store.parkAgain(claim, { position: 2, lane: "a", problem: "still wrong" }))
      const moved = yield* commit(claim, 8, vain)
      yield* same(yield* retries(moved), ["b"], "the lanes to retry when one was tried in vain")
      yield* use((store) => store.retryParked(name, "a"))
      yield* same(yield* retries(moved), ["a", "b"], "the lanes to retry when one is asked for again")
    })
  ),
  law(
    "a lane whose events were all handled is not asked to be retried any more",
    Effect.gen(function* () {
      const { claim, name } = yield* withLanes
      yield* use((store) => store.retryParked(name))
      const first = yield* commit(
        claim,
        8,
        use((store) => store.unpark(claim, 3))
      )
      yield* same(yield* retries(first), ["a"], "the lanes to retry when one has no more events")
      const second = yield* commit(first, 9, park(first, 9, "b", "wrong again"))
      yield* same(yield* retries(second), ["a"], "the lanes to retry when another event is parked in that lane")
      yield* use((store) => store.retryParked(name, "none"))
      yield* same(yield* retries(second), ["a"], "the lanes to retry when one is asked for that has no events")
    })
  ),
  law(
    "an event that was tried in vain stays where it is, with what is wrong with it now and one attempt more",
    Effect.gen(function* () {
      const { claim } = yield* withLanes
      const first = Effect.map(
        use((store) => store.parkedIn(claim, "a")),
        ([first]) => first!
      )
      const before = yield* first
      let moved = claim
      for (const n of numbers(3)) {
        const again = { position: 2, lane: "a", problem: `wrong ${n}` }
        moved = yield* commit(
          moved,
          8,
          use((store) => store.parkAgain(moved, again))
        )
      }
      const { attempts, position, problem } = yield* first
      yield* same(
        { attempts, position, problem },
        { attempts: before.attempts + 3, position: 2, problem: "wrong 2" },
        "an event that was tried in vain three times"
      )
      yield* same(yield* parkedIn(moved, "a"), [2, 4, 7], "its lane")
    })
  ),
  law(
    "a parked event that is discarded is gone for good, and why is kept among the skipped",
    Effect.gen(function* () {
      const { claim: before, name, projection } = yield* withLanes
      const reason = `it's "void"`
      yield* use((store) => store.discardParked(name, { position: 3, reason }))
      yield* same(yield* parkedIn(before, "b"), [], "what is left of a lane whose event was discarded")
      yield* same(yield* parkedIn(before, "a"), [2, 4, 7], "what is left of the other lane")
      const skipped = (yield* use((store) => store.skipped(name))).map(({ skippedAt: _at, ...rest }) => rest)
      const { generation, partition } = before
      yield* same(skipped, [{ generation, partition, position: 3, reason }], "what was skipped")
      yield* use((store) => store.release([before]))
      const [again] = yield* claim(projection)
      // Whoever runs the partition may have lost it, or not; the next to claim it sees what is.
      if (again !== undefined) yield* same(lanesOf(again), ["a"], "the lanes of the next claim")
    })
  ),
  law(
    "the parked events of a generation that is retired are not shown",
    Effect.gen(function* () {
      const { claim: old, name, projection } = yield* withLanes
      const next = yield* registerNext(projection)
      const begun = yield* claimFirst(next)
      const filled = yield* commit(begun, old.position, park(begun, 5, "c", "wrong"))
      yield* takeOver(filled)
      const parked = yield* use((store) => store.parked(name))
      yield* same(
        parked.map(({ generation, position }) => ({ generation, position })),
        [{ generation: begun.generation, position: 5 }],
        "what is parked after a take-over"
      )
      yield* holds(parked[0]?.attempts === 1, "an event that was tried once has other attempts", parked[0]?.attempts)
    })
  )
]
