/**
 * Claims: one for each partition, for as long as it is held on to.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type { Claim } from "../../ProjectionStore.ts"
import { losses, numbers, race, winners } from "../contract/fixtures.ts"
import { broken, holds, same } from "../contract/Law.ts"
import {
  claim,
  claimAll,
  claimed,
  claimEventually,
  claimFirst,
  commit,
  commitIsLost,
  eventually,
  type Law,
  law,
  long,
  registered,
  registerNext,
  save,
  statusOf,
  takenOver,
  use
} from "./fixtures.ts"

const partitionsOf = (claims: ReadonlyArray<Claim>): ReadonlyArray<number> =>
  claims.map(({ partition }) => partition).toSorted((a, b) => a - b)

const owners = (claims: ReadonlyArray<Claim>) =>
  Effect.forEach(claims, (claim) => Effect.map(statusOf(claim), ({ owner }) => owner ?? "nobody"))

export const laws: ReadonlyArray<Law> = [
  law(
    "of claimers that race, each partition goes to one",
    Effect.gen(function* () {
      const projection = yield* registered({ partitions: 8 })
      const claimers = numbers(24).map((i) => ({ owner: `owner ${i}`, most: 1 + (i % 3) }))
      const results = yield* race(claimers, (options) => claim(projection, options))
      yield* Effect.forEach(losses(results), ({ message }) => broken(`a claim failed beside others: ${message}`))
      const given = winners(claimers, results)
      const claims = given.flatMap(({ answer }) => answer)
      yield* same(partitionsOf(claims), numbers(8), "the partitions that racing claimers were given")
      for (const { answer, input } of given) {
        yield* holds(answer.length <= input.most, `who asked for ${input.most} partitions got ${answer.length}`)
        const shown = yield* owners(answer)
        yield* same(
          shown,
          answer.map(() => input.owner),
          "the owner of what was claimed, as the status shows it,"
        )
      }
      for (const claim of claims) yield* commit(claim, 1)
    })
  ),
  law(
    "a claim says what it is the right to run, and where that stands",
    Effect.gen(function* () {
      const projection = yield* registered({ version: 2, partitions: 3 })
      const [first] = yield* claimAll(projection)
      yield* commit(
        first!,
        12,
        use((store) => store.park(first!, { position: 11, lane: "a lane", problem: "wrong" }))
      )
      yield* use((store) => store.release([first!]))
      const again = yield* claimFirst({ ...projection, partitions: 1 })
      const { epoch, generation, parked, skipped, standing, ...rest } = again
      const { name } = projection
      yield* same(rest, { name, version: 2, partition: 0, partitions: 3, position: 12 }, "a claim")
      yield* same(Array.from(parked), ["a lane"], "the lanes of a claim that have parked events")
      yield* same(Array.from(skipped), [], "what a claim is to skip")
      yield* same(standing._tag, "Live", "where a claim stands")
      yield* same(generation, first!.generation, "the generation of a claim")
      yield* holds(epoch > first!.epoch, "the epoch of a later claim is not greater", { epoch, before: first!.epoch })
    })
  ),
  law(
    "a claim gives at most as many partitions as are asked for, and those of its version alone",
    Effect.gen(function* () {
      const projection = yield* registered({ partitions: 3 })
      const next = yield* registerNext(projection, { partitions: 2 })
      const one = yield* claim(projection, { most: 1 })
      const rest = yield* claim(projection, { most: 5 })
      yield* same([one.length, rest.length], [1, 2], "how many partitions were given")
      yield* same(partitionsOf([...one, ...rest]), [0, 1, 2], "the partitions that were given")
      yield* same(yield* claim(projection), [], "what is left of a version whose partitions are all held")
      yield* same(partitionsOf(yield* claim(next)), [0, 1], "the partitions of the other version")
      yield* same(yield* claim({ ...projection, version: 9 }), [], "what there is of a version that is not there")
    })
  ),
  law(
    "a partition that is held goes to nobody else before the lease is over, and then to one",
    Effect.gen(function* () {
      const projection = yield* registered()
      const lease = Duration.millis(400)
      const start = yield* Clock.currentTimeMillis
      const [first] = yield* claim(projection, { owner: "first", lease })
      const next = yield* claimEventually(projection, { owner: "next" })
      const taken = (yield* Clock.currentTimeMillis) - start
      // Two clocks may differ a little in how long a moment is.
      yield* holds(taken >= 380, `a lease of 400 ms was over after ${taken} ms`)
      yield* holds(next.epoch > first!.epoch, "the epoch of a later claim is not greater")
      yield* commitIsLost("a commit of the one whose lease was over", first!)
      yield* same(yield* owners([next]), ["next"], "the owner after a lease was over")
    })
  ),
  law(
    "a claim that is renewed is held on to",
    Effect.gen(function* () {
      const projection = yield* registered()
      const [first] = yield* claim(projection, { lease: Duration.millis(300) })
      const renewed = yield* use((store) => store.renew([first!], long))
      yield* same(renewed.length, 1, "how many claims were renewed of one that stands")
      yield* same(renewed[0]?.retry, [], "the lanes that are to be retried, of which there are none,")
      const tries = claim(projection, { owner: "another" })
      const got = yield* Effect.repeat(tries, { schedule: Schedule.spaced("50 millis"), times: 10 })
      yield* same(got, [], "what another one gets of a partition whose claim was renewed")
      yield* commit(renewed[0]!.claim, 3)
    })
  ),
  law(
    "renewing gives the claims that still stand, and no others",
    Effect.gen(function* () {
      const projection = yield* registered({ partitions: 3 })
      const [a, b, c] = yield* claimAll(projection)
      yield* use((store) => store.release([b!]))
      const [other] = yield* claim(projection, { owner: "another" })
      const moved = yield* commit(c!, 5, save(c!, { a: 1 }))
      const renewed = yield* use((store) => store.renew([a!, b!, moved], long))
      const shown = renewed.map(({ claim: { epoch, partition, position } }) => ({ epoch, partition, position }))
      yield* same(
        shown.toSorted((x, y) => x.partition - y.partition),
        [
          { epoch: a!.epoch, partition: 0, position: 0 },
          { epoch: c!.epoch, partition: 2, position: 5 }
        ],
        "the claims that still stand"
      )
      yield* same(yield* owners([other!]), ["another"], "the owner of a partition that another one renewed in vain")
      for (const { claim } of renewed) yield* commit(claim, 6)
    })
  ),
  law(
    "a claim whose lease is over, and that nobody has taken, still stands",
    Effect.gen(function* () {
      const projection = yield* registered()
      const [first] = yield* claim(projection, { lease: Duration.millis(1) })
      yield* eventually(
        "an owner is shown though its lease is over",
        Effect.map(owners([first!]), ([owner]) => (owner === "nobody" ? true : undefined))
      )
      const moved = yield* commit(first!, 2)
      const renewed = yield* use((store) => store.renew([moved], long))
      yield* same(renewed.length, 1, "how many claims were renewed of one that nobody has taken")
    })
  ),
  law(
    "a claim that is given back can be taken at once, and giving back a lost one frees nobody else's",
    Effect.gen(function* () {
      const { claim: first, projection } = yield* claimed()
      yield* use((store) => store.release([first]))
      yield* same(yield* owners([first]), ["nobody"], "the owner of what was given back")
      const [next] = yield* claim(projection, { owner: "next" })
      if (next === undefined) return yield* broken("a partition that was given back is not given")
      yield* use((store) => store.release([first]))
      yield* same(yield* claim(projection, { owner: "third" }), [], "what a third one gets")
      yield* same(yield* owners([next]), ["next"], "the owner after a lost claim was given back")
      yield* commit(next, 1)
      yield* commitIsLost("a commit of a claim that was given back", first)
    })
  ),
  law(
    "who owns a partition is shown only while the lease lasts",
    Effect.gen(function* () {
      const projection = yield* registered()
      const [first] = yield* claim(projection, { owner: "first", lease: Duration.millis(200) })
      yield* eventually(
        "an owner is shown though its lease is over",
        Effect.map(owners([first!]), ([owner]) => (owner === "nobody" ? true : undefined))
      )
      const [next] = yield* claim(projection, { owner: "next" })
      yield* same(yield* owners([next!]), ["next"], "the owner of what was claimed")
    })
  ),
  law(
    "a claim that was lost does nothing any more",
    Effect.gen(function* () {
      const projection = yield* registered()
      const { next, old } = yield* takenOver(projection)
      yield* commitIsLost("a commit of a lost claim", old)
      yield* same(yield* use((store) => store.renew([old], long)), [], "the renewal of a lost claim")
      yield* commit(next, 3, save(next, { a: 1 }))
      yield* commitIsLost("a commit of a lost claim, after another one's", old)
    })
  )
]
