/**
 * Stores that let owners ask for too much or too little, or do not keep what was asked for.
 */
import { Duration, Effect } from "effect"
import { type BrokenStore, changed } from "./ProjectionStoreContract.toolkit.ts"

const asking =
  "who finds nothing free asks another one who has two more for a partition, whose holder is told and goes on until it gives it back"
const even = "nobody asks who has as many partitions of a generation as others, or one fewer, or wants none"
const notRunning = "what does not run is not asked for, and does not count"
const most = "whoever has the most is asked, and what is asked for counts for who asks"
const kept = "what is asked for and given back goes to nobody else for the time of a lease, and then to anybody"
const forgotten = "what somebody has asked for is forgotten after the time of a lease, and can be asked for again"
const settled = "owners that ask, and give back what they are asked for, come to equally many partitions, and stay so"

/** Who has found nothing, by projection. */
const makeVain = () => {
  const vain = new Map<string, Set<string>>()
  const of = (name: string) => vain.get(name) ?? new Set<string>()
  return {
    of,
    add: (name: string, owner: string) => Effect.sync(() => vain.set(name, of(name).add(owner)))
  }
}

export const sharing: ReadonlyArray<BrokenStore> = [
  {
    name: "does not tell who holds a partition that it is asked for",
    layer: changed((store) => ({
      renew: (claims, lease) =>
        Effect.map(store.renew(claims, lease), (renewed) => renewed.map((one) => ({ ...one, isAskedFor: false })))
    })),
    breaks: [
      [asking, "how many partitions are asked for by one who has none is not what it must be"],
      [settled, "how many partitions of ten four owners have is not what it must be"]
    ]
  },
  {
    name: "asks for whatever others hold",
    layer: changed((store) => {
      const vain = makeVain()
      return {
        claim: (options) =>
          Effect.tap(store.claim(options), ({ length }) =>
            length === 0 ? vain.add(options.name, options.owner) : Effect.void
          ),
        renew: (claims, lease) =>
          Effect.gen(function* () {
            const all = yield* store.status()
            return (yield* store.renew(claims, lease)).map((one) => {
              const { generation, name, partition } = one.claim
              const its = all.find((status) => status.generation === generation && status.partition === partition)
              return { ...one, isAskedFor: Array.from(vain.of(name)).some((owner) => owner !== its?.owner) }
            })
          })
      }
    }),
    breaks: [
      [asking, "how many partitions are asked for by one who has none is not what it must be"],
      [even, "how many partitions are asked for where shares are even is not what it must be"],
      [notRunning, "how many partitions are asked for by one who has none is not what it must be"],
      [most, "how many partitions are asked for of who holds three is not what it must be"],
      [settled, "how many partitions of ten four owners have is not what it must be"]
    ]
  },
  {
    name: "counts partitions that have failed",
    layer: changed((store) => ({
      renew: (claims, lease) =>
        Effect.gen(function* () {
          const all = yield* store.status()
          return (yield* store.renew(claims, lease)).map((one) => ({
            ...one,
            isAskedFor: one.isAskedFor || all.some(({ name, state }) => name === one.claim.name && state === "failed")
          }))
        })
    })),
    breaks: [[notRunning, "how many partitions are asked for of one who holds one that runs is not what it must be"]]
  },
  {
    name: "lets an owner ask for as many as it likes",
    layer: changed((store) => ({
      claim: (options) =>
        Effect.tap(store.claim(options), ({ length }) =>
          length === 0 ? store.claim({ ...options, owner: `${options.owner} again` }) : Effect.void
        )
    })),
    breaks: [
      [asking, "how many partitions are asked for by one who has none is not what it must be"],
      [most, "how many partitions are asked for of who holds two while another one holds three is not what it must be"]
    ]
  },
  {
    name: "gives to anybody what another one has asked for",
    layer: changed((store) => {
      const vain = makeVain()
      return {
        claim: (options) =>
          Effect.gen(function* () {
            const claims = yield* store.claim(options)
            if (claims.length > 0) return claims
            for (const owner of vain.of(options.name)) {
              const theirs = yield* store.claim({ ...options, owner })
              if (theirs.length > 0) return theirs
            }
            yield* vain.add(options.name, options.owner)
            return claims
          })
      }
    }),
    breaks: [
      [kept, "what another one had asked for, for 800 ms, was given after"],
      [forgotten, "what second gets while everything is held, or kept for another one, is not"]
    ]
  },
  {
    name: "keeps what is asked for for ever",
    hangs: true,
    layer: changed((store) => ({
      claim: (options) =>
        Effect.tap(store.claim({ ...options, lease: Duration.hours(1) }), (claims) =>
          store.renew(claims, options.lease)
        )
    })),
    breaks: [
      [kept, "a partition is not given to anybody, though its lease is over"],
      [forgotten, "a partition is asked for by one who asked long ago"]
    ]
  }
]
