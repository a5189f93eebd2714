/**
 * Stores that do not do what they are told, or lose what is parked.
 */
import { Effect } from "effect"
import type { ProjectionStore as Port } from "eventfold"
import { type BrokenStore, changed } from "./ProjectionStoreContract.toolkit.ts"

export const control: ReadonlyArray<BrokenStore> = [
  {
    name: "does not pause",
    layer: changed((store) => ({ pause: (name) => Effect.asVoid(store.retryParked(name, "none")) })),
    breaks: [
      [
        "what is paused loses its claims and is not given again until it is resumed",
        "the state of what is paused is not what it must be"
      ]
    ]
  },
  {
    name: "does not resume",
    layer: changed((store) => ({ resume: (name) => Effect.asVoid(store.retryParked(name, "none")) })),
    breaks: [
      [
        "a partition that failed says what at, and is not given again until it is resumed; the others go on",
        "the status of a partition that is resumed is not what it must be"
      ],
      ["what is paused loses its claims and is not given again until it is resumed", "what is resumed is not given"]
    ]
  },
  {
    name: "does not note failures",
    layer: changed((store) => ({ fail: (claim) => store.release([claim]) })),
    breaks: [
      [
        "that a partition cannot go on is not for an old claim to say",
        "saying that a partition failed succeeded, but its claim is lost"
      ],
      [
        "a failed partition passes over the event that is skipped, and goes on",
        "the store failed where it must not, with StoreError: InvalidRequest:"
      ]
    ]
  },
  {
    name: "lets lost claims fail",
    layer: changed((store) => ({
      fail: (claim, failure) => Effect.catchTag(store.fail(claim, failure), "ClaimLost", () => Effect.void)
    })),
    breaks: [
      [
        "that a partition cannot go on is not for an old claim to say",
        "saying that a partition failed succeeded, but its claim is lost"
      ]
    ]
  },
  {
    name: "keeps documents when it is reset",
    layer: changed((store) => ({
      reset: (name) => Effect.andThen(store.pause(name), store.resume(name))
    })),
    breaks: [
      [
        "a generation that is reset knows up to where its events had been handled",
        "where a generation stands that was reset is not what it must be"
      ],
      [
        "a live generation that is reset is empty and begins anew, and whoever runs it notices",
        "the documents of what was reset is not what it must be"
      ]
    ]
  },
  {
    name: "begins a rebuild once",
    layer: changed((store) => ({
      rebuild: (name) =>
        Effect.flatMap(store.status(name), (all) =>
          all.some(({ role }) => role === "filling") ? Effect.void : store.rebuild(name)
        )
    })),
    breaks: [
      [
        "a rebuild of what is filling already begins anew, and whoever fills it notices",
        "the generations that fill after a second rebuild is not what it must"
      ]
    ]
  },
  {
    name: "rebuilds in place",
    layer: changed((store) => ({ rebuild: store.reset })),
    breaks: [
      [
        "a rebuild of what is filling already begins anew, and whoever fills it notices",
        "the generations that fill after a second rebuild is not what it must"
      ],
      [
        "a rebuild fills another generation of the live version beside it, which takes over",
        "what readers see during a rebuild is not what it must be"
      ]
    ]
  },
  {
    name: "skips without a note",
    layer: changed((store) => ({
      skip: (name) => store.resume(name),
      skipped: () => Effect.succeed([])
    })),
    breaks: [
      [
        "a failed partition passes over the event that is skipped, and goes on",
        "skipping what nobody failed at is not refused"
      ],
      [
        "a parked event that is discarded is gone for good, and why is kept among the skipped",
        "what was skipped is not what it must be"
      ]
    ]
  },
  {
    name: "does not ask for retries",
    layer: changed((store) => ({
      renew: (claims, lease) =>
        Effect.map(store.renew(claims, lease), (renewed) => renewed.map((one) => ({ ...one, retry: [] })))
    })),
    breaks: [
      [
        "a lane whose events were all handled is not asked to be retried any more",
        "the lanes to retry when one has no more events is not what it must be"
      ],
      [
        "a lane that is asked to be retried is told with the renewal, until an event is tried in vain",
        "the lanes to retry when one is asked for is not what it must be"
      ]
    ]
  },
  {
    name: "asks for retries for ever",
    layer: changed((store) => {
      const asked = new Set<string>()
      return {
        retryParked: (name, lane) =>
          Effect.andThen(
            store.retryParked(name, lane),
            Effect.sync(() => asked.add(lane ?? "a"))
          ),
        renew: (claims, lease) =>
          Effect.map(store.renew(claims, lease), (renewed) =>
            renewed.map((one) => ({ ...one, retry: Array.from(new Set([...one.retry, ...asked])) }))
          )
      }
    }),
    breaks: [
      [
        "a lane whose events were all handled is not asked to be retried any more",
        "the lanes to retry when one is asked for that has no events is not"
      ],
      [
        "a lane that is asked to be retried is told with the renewal, until an event is tried in vain",
        "the lanes to retry when one was tried in vain is not what it must be"
      ]
    ]
  },
  {
    name: "gives a lane from its end",
    layer: changed((store) => ({
      parkedIn: (claim, lane) => Effect.map(store.parkedIn(claim, lane), (parked) => parked.toReversed())
    })),
    breaks: [
      [
        "an event that was tried in vain stays where it is, with what is wrong with it now and one attempt more",
        "an event that was tried in vain three times is not what it must be"
      ],
      [
        "a parked event that is discarded is gone for good, and why is kept among the skipped",
        "what is left of the other lane is not what it must be"
      ],
      [
        "parked events are kept in order, lane by lane, and whoever claims the partition knows the lanes",
        "the events that are parked in one lane is not what it must be"
      ],
      [
        "a parked event that was handled is taken out, and a lane without events is none",
        "what is left of a lane is not what it must be"
      ]
    ]
  },
  {
    name: "has one lane for all",
    layer: changed((store) => ({
      park: (claim, event) => store.park(claim, { ...event, lane: "a" }),
      parkedIn: (claim) => store.parkedIn(claim, "a")
    })),
    breaks: [
      [
        "a commit stores what its work did and moves the position, and gives the claim as it is then",
        "the lanes of a claim after something was parked is not what it must be"
      ],
      [
        "an event that was tried in vain stays where it is, with what is wrong with it now and one attempt more",
        "its lane is not what it must be"
      ]
    ]
  },
  {
    name: "takes out no parked event",
    layer: changed(() => ({ unpark: () => Effect.void, discardParked: () => Effect.void })),
    breaks: [
      [
        "what is asked of a projection that is not there is refused as InvalidRequest",
        "discarding what is parked of a projection that is not there is not"
      ],
      [
        "a parked event that is discarded is gone for good, and why is kept among the skipped",
        "what is left of a lane whose event was discarded is not what it must"
      ]
    ]
  },
  {
    name: "counts no attempts",
    layer: changed((store) => ({
      parkAgain: (claim, event) => Effect.andThen(store.unpark(claim, event.position), store.park(claim, event))
    })),
    breaks: [
      [
        "an event that was tried in vain stays where it is, with what is wrong with it now and one attempt more",
        "an event that was tried in vain three times is not what it must be"
      ],
      [
        "a lane that is asked to be retried is told with the renewal, until an event is tried in vain",
        "the lanes to retry when one was tried in vain is not what it must be"
      ]
    ]
  },
  {
    name: "shows what is parked of retired generations",
    layer: changed((store) => {
      const all: Array<Port.Parked> = []
      return {
        parked: (name) =>
          Effect.map(store.parked(name), (parked) => {
            all.push(...parked)
            return [...all, ...parked]
          }),
        park: (claim, event) =>
          Effect.andThen(
            store.park(claim, event),
            Effect.map(store.parked(claim.name), (parked) => void all.push(...parked))
          )
      }
    }),
    breaks: [
      [
        "lanes of the same name in other partitions, generations and projections are other lanes",
        "the parked events by generation, partition and position is not what"
      ],
      [
        "the parked events of a generation that is retired are not shown",
        "what is parked after a take-over is not what it must be"
      ]
    ]
  }
]
