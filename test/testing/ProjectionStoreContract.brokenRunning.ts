/**
 * Stores that give claims wrongly, or commit what they must not.
 */
import { Duration, Effect } from "effect"
import type { ProjectionStore as Port } from "eventfold"
import { type BrokenStore, changed, placeOf, claiming, regardless } from "./ProjectionStoreContract.toolkit.ts"

export const running: ReadonlyArray<BrokenStore> = [
  {
    name: "does not look at the epoch of a claim",
    layer: changed((store) => {
      const last = new Map<string, number>()
      return {
        claim: (options) =>
          Effect.tap(store.claim(options), (claims) =>
            Effect.sync(() => claims.forEach((claim) => last.set(placeOf(claim), claim.epoch)))
          ),
        commit: (claim, progress, work) =>
          store.commit({ ...claim, epoch: last.get(placeOf(claim)) ?? claim.epoch }, progress, work)
      }
    }),
    breaks: [
      [
        "a partition that is held goes to nobody else before the lease is over, and then to one",
        "a commit of the one whose lease was over succeeded, but its claim is"
      ],
      ["a claim that was lost does nothing any more", "a commit of a lost claim succeeded, but its claim is lost"],
      [
        "a commit of an old claim is ClaimLost, its work is not done, and nothing is stored",
        "a commit of a claim that another one followed succeeded, but its"
      ]
    ]
  },
  {
    name: "does not look at the position of a claim",
    layer: changed((store) => ({
      commit: (claim, progress, work) =>
        Effect.flatMap(store.status(claim.name), (all) => {
          const its = all.find((status) => placeOf(status) === placeOf(claim))
          return store.commit(
            { ...claim, position: its?.position ?? claim.position },
            { ...progress, to: Math.max(progress.to, its?.position ?? 0) },
            work
          )
        })
    })),
    breaks: [
      [
        "a commit from another position than the one stored is ClaimLost, and nothing is stored",
        "a commit from a position that was left succeeded, but its claim is"
      ]
    ]
  },
  {
    name: "does the work of a commit before its transaction",
    layer: changed((store) => ({
      commit: (claim, progress, work) => Effect.andThen(work, store.commit(claim, progress, Effect.void))
    })),
    breaks: [
      [
        "a commit that is interrupted from outside stores all or nothing, and the store goes on",
        "what is kept after a commit was interrupted is not what it must be"
      ],
      [
        "a commit from another position than the one stored is ClaimLost, and nothing is stored",
        "what is kept of a projection after a commit from a position that was"
      ]
    ]
  },
  {
    name: "commits whatever became of the work",
    layer: changed((store) => ({
      commit: (claim, progress, work) => regardless(work, (quiet) => store.commit(claim, progress, quiet))
    })),
    breaks: [
      [
        "a commit whose work fails stores nothing, does not move, and ends as its work did",
        "what is kept of a projection after a commit whose work fails is not"
      ],
      [
        "a commit whose work dies stores nothing, does not move, and ends as its work did",
        "what is kept of a projection after a commit whose work dies is not"
      ]
    ]
  },
  {
    name: "stores the work of a commit and moves on later",
    layer: changed((store) => ({
      commit: (claim, progress, work) =>
        Effect.andThen(
          store.commit(claim, { ...progress, to: claim.position }, work),
          Effect.succeed({ ...claim, position: progress.to })
        )
    })),
    breaks: [
      [
        "the position of the live generation is that of its slowest partition",
        "the position of a live generation is not what it must be"
      ],
      [
        "a generation that is reset knows up to where its events had been handled",
        "where a generation stands that was reset is not what it must be"
      ],
      [
        "the lag in time is how long ago the first event was recorded that is left, and zero at the head",
        "the lag in time at the head of the log is not what it must be"
      ]
    ]
  },
  {
    name: "gives partitions that are held",
    layer: changed((store) => {
      const given = new Map<string, ReadonlyArray<Port.Claim>>()
      return {
        claim: (options) =>
          Effect.map(store.claim(options), (claims) => {
            const key = `${options.name}/${options.version}`
            if (claims.length > 0) given.set(key, claims)
            return claims.length > 0 ? claims : (given.get(key) ?? [])
          })
      }
    }),
    breaks: [
      [
        "of claimers that race, each partition goes to one",
        "the partitions that racing claimers were given is not what it must be"
      ],
      [
        "a claim gives at most as many partitions as are asked for, and those of its version alone",
        "what is left of a version whose partitions are all held is not what"
      ]
    ]
  },
  {
    name: "gives more partitions than are asked for",
    layer: changed((store) => ({
      claim: (options) => store.claim({ ...options, most: 100 })
    })),
    breaks: [
      ["of claimers that race, each partition goes to one", "who asked for"],
      [
        "a claim gives at most as many partitions as are asked for, and those of its version alone",
        "how many partitions were given is not what it must be"
      ]
    ]
  },
  {
    name: "gives any version",
    layer: changed((store) => ({
      claim: (options) =>
        Effect.map(
          Effect.forEach([1, 2, 3, 4, 5], (version) => store.claim({ ...options, version })),
          (claims) => claims.flat()
        )
    })),
    breaks: [
      [
        "an older version than the live one is left alone, and not run",
        "the claims on an older version is not what it must be"
      ],
      [
        "lanes of the same name in other partitions, generations and projections are other lanes",
        "the partitions that nobody held, as they were claimed, is not what it"
      ],
      [
        "the claims on a generation that is retired are lost, and it is not given again",
        "the claims that are given on a generation that is retired is not what"
      ]
    ]
  },
  {
    name: "does not end leases",
    hangs: true,
    layer: changed((store) => ({
      claim: (options) => store.claim({ ...options, lease: Duration.hours(1) })
    })),
    breaks: [
      ["who owns a partition is shown only while the lease lasts", "an owner is shown though its lease is over"],
      [
        "a claim whose lease is over, and that nobody has taken, still stands",
        "an owner is shown though its lease is over"
      ]
    ]
  },
  {
    name: "ends leases at once",
    layer: changed((store) => ({
      claim: (options) => store.claim({ ...options, lease: Duration.zero })
    })),
    breaks: [
      [
        "who owns a partition is shown only while the lease lasts",
        "the owner of what was claimed is not what it must be"
      ],
      [
        "of claimers that race, each partition goes to one",
        "the partitions that racing claimers were given is not what it must be"
      ]
    ]
  },
  {
    name: "does not prolong leases",
    layer: changed((store) => ({ renew: (claims) => store.renew(claims, Duration.zero) })),
    breaks: [["a claim that is renewed is held on to", "a claim that must stand is lost: partition"]]
  },
  {
    name: "renews every claim",
    layer: changed(() => ({
      renew: (claims) => Effect.succeed(claims.map((claim) => ({ claim, retry: [], isAskedFor: false })))
    })),
    breaks: [
      [
        "renewing gives the claims that still stand, and no others",
        "the claims that still stand is not what it must be"
      ],
      ["a claim that was lost does nothing any more", "the renewal of a lost claim is not what it must be"]
    ]
  },
  {
    name: "does not renew when a lease is over",
    layer: changed((store) => ({
      renew: (claims, lease) =>
        Effect.flatMap(store.status(), (all) =>
          store.renew(
            claims.filter((claim) => all.some((one) => placeOf(one) === placeOf(claim) && one.owner !== undefined)),
            lease
          )
        )
    })),
    breaks: [
      [
        "a claim whose lease is over, and that nobody has taken, still stands",
        "how many claims were renewed of one that nobody has taken is not what"
      ]
    ]
  },
  {
    name: "does not give claims back",
    layer: changed(() => ({ release: () => Effect.void })),
    breaks: [
      [
        "renewing gives the claims that still stand, and no others",
        "the claims that still stand is not what it must be"
      ],
      [
        "a claim says what it is the right to run, and where that stands",
        "the partitions that nobody held, as they were claimed, is not what it"
      ]
    ]
  },
  {
    name: "frees whatever partition is given back",
    layer: changed((store) => ({
      release: (claims) =>
        Effect.forEach(claims, ({ name }) => Effect.andThen(store.pause(name), store.resume(name)), { discard: true })
    })),
    breaks: [
      ["renewing gives the claims that still stand, and no others", "a claim that must stand is lost: partition"],
      [
        "a claim says what it is the right to run, and where that stands",
        "the partitions that nobody held, as they were claimed, is not what it"
      ]
    ]
  },
  {
    name: "forgets how far the predecessor had come",
    layer: changed((store) =>
      claiming(store, (claim) =>
        claim.standing._tag === "Live" ? { ...claim, standing: { _tag: "Live", replayedTo: [[0]] } } : claim
      )
    ),
    breaks: [
      [
        "the first generation of an async projection is live from the start, empty and at position 0",
        "where the first generation stands is not what it must be"
      ],
      [
        "a generation that is reset knows up to where its events had been handled",
        "where a generation stands that was reset is not what it must be"
      ],
      ["a generation with nothing left takes over, too", "where it stands is not what it must be"]
    ]
  },
  {
    name: "forgets how far a generation may go",
    layer: changed((store) =>
      claiming(store, (claim) =>
        claim.standing._tag === "Filling" ? { ...claim, standing: { _tag: "Filling", upTo: Infinity } } : claim
      )
    ),
    breaks: [
      [
        "a live generation that is reset is empty and begins anew, and whoever runs it notices",
        "where a generation stands beside one that was reset is not what it"
      ],
      [
        "another version is filling while the first is live, up to where the slowest of that one's partitions stands",
        "where a generation stands that fills is not what it must be"
      ],
      [
        "a third generation is told how far those before it had come",
        "where a third generation stands is not what it must be"
      ]
    ]
  },
  {
    name: "forgets what is parked, and what is to be skipped",
    layer: changed((store) => claiming(store, (claim) => ({ ...claim, parked: new Set(), skipped: new Set() }))),
    breaks: [
      [
        "a commit stores what its work did and moves the position, and gives the claim as it is then",
        "the lanes of a claim after something was parked is not what it must be"
      ],
      [
        "a failed partition passes over the event that is skipped, and goes on",
        "what a claim is to skip is not what it must be"
      ]
    ]
  },
  {
    name: "gives claims at the position where they were",
    layer: changed((store) => ({
      commit: (claim, progress, work) => Effect.as(store.commit(claim, progress, work), claim)
    })),
    breaks: [
      [
        "who waits for a change is woken when a batch is committed, and so is everybody else",
        "a claim that must stand is lost: partition"
      ],
      [
        "a document that is saved as undefined is gone, and null is a document",
        "a claim that must stand is lost: partition"
      ],
      ["owners of different partitions write different documents at once", "a claim that must stand is lost: partition"]
    ]
  }
]
