/**
 * How owners share partitions: who has two fewer asks, who has the most is told, and in the end all have equally many.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Claim, Definition } from "../../ProjectionStore.ts"
import { losses, numbers, race } from "../contract/fixtures.ts"
import { broken, holds, same } from "../contract/Law.ts"
import {
  claim,
  claimEventually,
  commit,
  eventually,
  type Law,
  law,
  long,
  registered,
  statusOf,
  use
} from "./fixtures.ts"

const partitionsOf = (claims: ReadonlyArray<Claim>): ReadonlyArray<number> =>
  claims.map(({ partition }) => partition).toSorted((a, b) => a - b)

/** Claims so many partitions for an owner, who gets them. */
const take = (projection: Definition, owner: string, count: number) =>
  Effect.tap(claim(projection, { owner, most: count }), ({ length }) =>
    same(length, count, "how many partitions were given that nobody held")
  )

/** Claims for an owner while there is nothing free. */
const ask = (
  projection: Definition,
  owner: string,
  options?: { readonly lease?: Duration.Duration; readonly most?: number }
) =>
  Effect.flatMap(claim(projection, { owner, ...options }), (claims) =>
    same(partitionsOf(claims), [], `what ${owner} gets while everything is held, or kept for another one,`)
  )

/** Those of a holder's claims that it is told to give back. */
const askedFor = (claims: ReadonlyArray<Claim>) =>
  use((store) =>
    Effect.map(store.renew(claims, long), (renewed) =>
      renewed.filter(({ isAskedFor }) => isAskedFor).map(({ claim }) => claim)
    )
  )

const isAskedFor = (count: number, what: string, claims: ReadonlyArray<Claim>) =>
  Effect.tap(askedFor(claims), ({ length }) => same(length, count, `how many partitions are asked for ${what}`))

const release = (claims: ReadonlyArray<Claim>) => use((store) => store.release(claims))

export const laws: ReadonlyArray<Law> = [
  law(
    "who finds nothing free asks another one who has two more for a partition, whose holder is told and goes on until it gives it back",
    Effect.gen(function* () {
      const projection = yield* registered({ partitions: 4 })
      const first = yield* take(projection, "first", 4)
      yield* isAskedFor(0, "while nobody else is there", first)
      yield* ask(projection, "second")
      const [wanted] = yield* isAskedFor(1, "by one who has none", first)
      yield* ask(projection, "second")
      const again = yield* isAskedFor(1, "by one who has asked already", first)
      yield* same(partitionsOf(again), partitionsOf([wanted!]), "what is asked for by one who has asked already")
      yield* same((yield* statusOf(wanted!)).owner, "first", "the owner of what is asked for")
      const moved = yield* commit(wanted!, 3)
      yield* release([moved])
      const given = yield* claim(projection, { owner: "second" })
      yield* same(partitionsOf(given), partitionsOf([moved]), "what is given to who asked, of what was given back")
      const rest = first.filter(({ partition }) => partition !== moved.partition)
      yield* isAskedFor(0, "by one who has what it asked for", [...rest, ...given])
      yield* ask(projection, "second")
      yield* isAskedFor(1, "by one who has two fewer", rest)
    })
  ),
  law(
    "nobody asks who has as many partitions of a generation as others, or one fewer, or wants none",
    Effect.gen(function* () {
      const projection = yield* registered({ partitions: 3 })
      const first = yield* take(projection, "first", 2)
      const second = yield* take(projection, "second", 1)
      yield* ask(projection, "second")
      yield* ask(projection, "first")
      yield* ask(projection, "third", { most: 0 })
      yield* isAskedFor(0, "where shares are even", [...first, ...second])
      const twice = yield* registered()
      yield* use((store) => store.rebuild(twice.name))
      const both = yield* take(twice, "first", 2)
      yield* ask(twice, "second")
      yield* isAskedFor(0, "of one who holds one of each generation", both)
    })
  ),
  law(
    "what does not run is not asked for, and does not count",
    Effect.gen(function* () {
      const projection = yield* registered({ partitions: 3 })
      const [failing, ...rest] = yield* take(projection, "first", 3)
      yield* ask(projection, "second")
      const [wanted] = yield* isAskedFor(1, "by one who has none", [failing!, ...rest])
      const [other, another] = [failing!, ...rest].filter(({ partition }) => partition !== wanted?.partition)
      yield* use((store) => store.fail(wanted!, { position: 1, problem: "wrong" }))
      yield* use((store) => store.fail(other!, { position: 1, problem: "wrong" }))
      yield* ask(projection, "second")
      yield* isAskedFor(0, "of one who holds one that runs", [wanted!, other!, another!])
    })
  ),
  law(
    "whoever has the most is asked, and what is asked for counts for who asks",
    Effect.gen(function* () {
      const projection = yield* registered({ partitions: 5 })
      const second = yield* take(projection, "second", 2)
      const first = yield* take(projection, "first", 3)
      yield* ask(projection, "third")
      yield* isAskedFor(1, "of who holds three", first)
      yield* isAskedFor(0, "of who holds two while another one holds three", second)
      for (const owner of ["fourth", "fifth", "sixth"]) yield* ask(projection, owner)
      yield* isAskedFor(2, "of who held three, by more owners than can have one", first)
      yield* isAskedFor(1, "of who held two, by more owners than can have one", second)

      const other = yield* registered({ partitions: 6 })
      const all = [...(yield* take(other, "first", 4)), ...(yield* take(other, "second", 2))]
      for (const owner of ["second", "third"]) yield* ask(other, owner)
      yield* isAskedFor(2, "by two owners, one of which is to have as many as who is asked", all)
    })
  ),
  law(
    "what is asked for and given back goes to nobody else for the time of a lease, and then to anybody",
    Effect.gen(function* () {
      const projection = yield* registered({ partitions: 2 })
      const first = yield* take(projection, "first", 2)
      const start = yield* Clock.currentTimeMillis
      yield* ask(projection, "second", { lease: Duration.millis(800) })
      const wanted = yield* isAskedFor(1, "by one who has none", first)
      yield* release(wanted)
      const next = yield* claimEventually(projection, { owner: "third" })
      const taken = (yield* Clock.currentTimeMillis) - start
      // Two clocks may differ a little in how long a moment is.
      yield* holds(taken >= 780, `what another one had asked for, for 800 ms, was given after ${taken} ms`)
      yield* same(partitionsOf([next]), partitionsOf(wanted), "what is given to another one than asked")
    })
  ),
  law(
    "what somebody has asked for is forgotten after the time of a lease, and can be asked for again",
    Effect.gen(function* () {
      const projection = yield* registered({ partitions: 2 })
      const first = yield* take(projection, "first", 2)
      yield* ask(projection, "second", { lease: Duration.millis(500) })
      yield* eventually(
        "a partition is asked for by one who asked long ago",
        Effect.map(askedFor(first), ({ length }) => (length === 0 ? true : undefined))
      )
      yield* ask(projection, "third")
      const [wanted] = yield* isAskedFor(1, "after another one was forgotten", first)
      yield* release([wanted!])
      yield* ask(projection, "second")
      const given = yield* claim(projection, { owner: "third" })
      yield* same(partitionsOf(given), partitionsOf([wanted!]), "what is given to who asked after another one")
    })
  ),
  law(
    "owners that ask, and give back what they are asked for, come to equally many partitions, and stay so",
    Effect.gen(function* () {
      const projection = yield* registered({ partitions: 10 })
      const owners = numbers(4).map((i) => ({ owner: `owner ${i}`, claims: new Array<Claim>() }))
      owners[0]!.claims = Array.from(yield* take(projection, "owner 0", 10))
      let released = 0
      const turn = (it: (typeof owners)[number]) =>
        use((store) =>
          Effect.gen(function* () {
            const renewed = yield* store.renew(it.claims, long)
            const wanted = renewed.filter(({ isAskedFor }) => isAskedFor).map(({ claim }) => claim)
            yield* store.release(wanted)
            released += wanted.length
            it.claims = it.claims.filter((one) => !wanted.some(({ partition }) => partition === one.partition))
            it.claims.push(...(yield* claim(projection, { owner: it.owner, most: 1 })))
          })
        )
      const turns = (count: number) =>
        Effect.forEach(
          numbers(count),
          () =>
            Effect.flatMap(race(owners, turn), (results) =>
              Effect.forEach(losses(results), ({ message }) => broken(`an owner failed beside others: ${message}`))
            ),
          { discard: true }
        )
      yield* turns(40)
      const shares = owners.map(({ claims }) => claims.length).toSorted()
      yield* same(shares, [2, 2, 3, 3], "how many partitions of ten four owners have")
      const before = released
      yield* turns(10)
      yield* same(released, before, "how many partitions were given back, all in all, by owners who had equally many,")
      const all = owners.flatMap(({ claims }) => claims)
      yield* same(partitionsOf(all), numbers(10), "the partitions that owners have who share them")
      for (const claim of all) yield* commit(claim, 1)
    })
  )
]
