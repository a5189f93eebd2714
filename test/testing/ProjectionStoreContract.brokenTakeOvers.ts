/**
 * Stores whose generations take over wrongly, or that append beside inline projections.
 */
import { Duration, Effect } from "effect"
import type { ProjectionStore } from "eventfold"
import { type BrokenStore, type Rest, changed, claiming, placeOf } from "./ProjectionStoreContract.toolkit.ts"

const liveInline = (store: ProjectionStore.ProjectionStore["Service"]) =>
  Effect.map(store.status(), (all) =>
    all.filter(({ mode, role }) => mode === "inline" && role === "live").map(({ generation }) => generation)
  )

export const takeOvers: ReadonlyArray<BrokenStore> = [
  {
    name: "takes over one position short",
    layer: changed((store) => ({
      takeOver: (claim, most, finish) =>
        store.takeOver(claim, most, (rest) => finish(rest.map((one) => ({ ...one, upTo: one.upTo - 1 }))))
    })),
    breaks: [
      [
        "a first inline generation is not live before it takes over, and keeps nobody from appending",
        "what is left for who takes over is not what it must be"
      ],
      [
        "a take-over leaves no partition behind, whatever partitions the old generation had",
        "what is left does not end where the old generation stood"
      ],
      [
        "a take-over while the old generation goes on misses nothing, does nothing twice, and readers never go back",
        "what was counted up to there is not what it must be"
      ],
      [
        "who takes over is given what is left, and stands where the old generation stood",
        "what is left for who takes over is not what it must be"
      ]
    ]
  },
  {
    name: "takes over whatever is left",
    layer: changed((store) => ({
      takeOver: (claim, _, finish) => store.takeOver(claim, Infinity, finish)
    })),
    breaks: [
      [
        "a generation with more left than the most does not take over, and nothing is done",
        "what is kept of a projection after a take-over that is too early is"
      ]
    ]
  },
  {
    name: "takes over whatever became of the rest",
    layer: changed((store) => ({
      takeOver: (claim, most, finish) =>
        Effect.suspend(() => {
          const all: Array<Rest> = []
          return Effect.flatMap(
            store.takeOver(claim, most, (rest) => Effect.sync(() => void all.push(rest))),
            (isLive) => (all[0] === undefined ? Effect.succeed(isLive) : Effect.as(finish(all[0]), isLive))
          )
        })
    })),
    breaks: [
      [
        "a take-over whose work fails changes nothing, and ends as its work did",
        "what is kept of a projection after a take-over whose work fails is"
      ],
      [
        "a take-over whose work dies changes nothing, and ends as its work did",
        "what is kept of a projection after a take-over whose work dies is not"
      ],
      [
        "a take-over whose work is interrupted changes nothing, and ends as its work did",
        "what is kept of a projection after a take-over whose work is"
      ]
    ]
  },
  {
    name: "takes over whoever asks",
    layer: changed((store) => ({
      takeOver: (claim, most, finish) =>
        Effect.flatMap(store.status(claim.name), (all) => {
          const its = all.find((one) => placeOf(one) === placeOf(claim))
          return Effect.flatMap(
            store.renew(
              [1, 2, 3, 4, 5].map((epoch) => ({ ...claim, epoch })),
              Duration.minutes(1)
            ),
            ([renewed]) => store.takeOver({ ...(renewed?.claim ?? claim), position: its?.position ?? 0 }, most, finish)
          )
        })
    })),
    breaks: [["a lost claim does not take over", "a take-over succeeded, but its claim is lost"]]
  },
  {
    name: "knows only how far the last generation had come",
    layer: changed((store) =>
      claiming(store, (claim) =>
        claim.standing._tag === "Live"
          ? { ...claim, standing: { _tag: "Live", replayedTo: [[claim.position]] } }
          : claim
      )
    ),
    breaks: [
      [
        "what was handled before a generation began anew is known to the one that takes over from it",
        "where the one stands that took over"
      ]
    ]
  },
  {
    name: "takes over without what is left",
    layer: changed((store) => ({
      takeOver: (claim, most) => store.takeOver(claim, most, () => Effect.void)
    })),
    breaks: [
      [
        "inline generations that take over while events are appended miss none, and count none twice",
        "how many events were counted, of those stored, is not what it must be"
      ]
    ]
  },
  {
    name: "never takes over",
    layer: changed(() => ({ takeOver: () => Effect.succeed(false) })),
    breaks: [
      [
        "an older version than the live one is left alone, and not run",
        "a generation with nothing left does not take over"
      ],
      [
        "events that a live inline projection handles are refused as Misconfigured where nobody takes care of it",
        "a generation with nothing left does not take over"
      ]
    ]
  },
  {
    name: "does not refuse events that are projected inline",
    layer: changed(
      (store) => ({
        withInline: (_, work) => Effect.flatMap(liveInline(store), (generations) => store.withInline(generations, work))
      }),
      (log, store) => ({
        append: (writes, options) =>
          Effect.flatMap(liveInline(store), (generations) => store.withInline(generations, log.append(writes, options)))
      })
    ),
    breaks: [
      [
        "events that a live inline projection handles are refused as Misconfigured where nobody takes care of it",
        "an append beside an inline projection is not refused"
      ],
      [
        "an append that takes care of a generation that is retired is refused",
        "an append that takes care of a generation that is retired is not"
      ]
    ]
  },
  {
    name: "refuses all events that are projected inline",
    layer: changed((store) => ({
      withInline: (_, work) => store.withInline([], work)
    })),
    breaks: [
      [
        "events that a live inline projection handles are refused as Misconfigured where nobody takes care of it",
        "the store failed where it must not, with StoreError: Misconfigured:"
      ],
      [
        "an append and what inline projections make of it are there at once, and their position is the head of the log",
        "the store failed where it must not, with StoreError: Misconfigured:"
      ]
    ]
  },
  {
    name: "keeps what became of inline work that failed",
    layer: changed((store) => ({
      withInline: (generations, work) => Effect.flatten(store.withInline(generations, Effect.exit(work)))
    })),
    breaks: [
      [
        "an append that conflicts leaves nothing of what inline projections made of it",
        "what is counted when the append conflicts is not what it must be"
      ],
      [
        "an append whose inline projection fails stores nothing, neither before it nor after",
        "what is counted when the work fails before the append is not what it"
      ],
      [
        "an append whose inline projection dies stores nothing, neither before it nor after",
        "what is counted when the work dies before the append is not what it"
      ],
      [
        "an append whose inline projection is interrupted stores nothing, neither before it nor after",
        "what is counted when the work is interrupted before the append is not"
      ],
      [
        "inline work inside inline work is one transaction, and takes care of both projections",
        "what is counted when the outer work failed is not what it must be"
      ]
    ]
  }
]
