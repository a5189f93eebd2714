/**
 * Stores of processes that do not tell who runs a partition what there is to do.
 */
import { DateTime, Effect, PubSub, Stream } from "effect"
import type { ProcessStore } from "eventfold"
import { all, type BrokenStore, changed, savesOver } from "./ProcessStoreContract.toolkit.ts"

/** As JavaScript compares texts: by the units of UTF-16. */
const byUnits = (a: ProcessStore.Instance, b: ProcessStore.Instance): number => (a.instance < b.instance ? -1 : 1)

export const brokenRunning: ReadonlyArray<BrokenStore> = [
  {
    name: "orders those that are ready by the units of UTF-16",
    layer: changed((store) => ({
      ready: (process, partition, { after = "", limit }) =>
        Effect.map(store.ready(process, partition, all), (found) =>
          found
            .toSorted(byUnits)
            .filter(({ instance }) => instance > after)
            .slice(0, limit)
        )
    })),
    breaks: [
      [
        "instances that are ready are given in the order of their names, after one of them, at most so many",
        "who is ready is not what it must be"
      ]
    ]
  },
  {
    name: "goes on with those that are ready at the one that was the last",
    layer: changed((store) => ({
      ready: (process, partition, { after = "", limit }) =>
        Effect.map(store.ready(process, partition, all), (found) => {
          const from = Math.max(
            0,
            found.findIndex(({ instance }) => instance === after)
          )
          return found.slice(from, from + limit)
        })
    })),
    breaks: [
      [
        "instances that are ready are given in the order of their names, after one of them, at most so many",
        "who is ready, page by page is not"
      ]
    ]
  },
  {
    name: "takes everybody for one of the first partition",
    layer: changed((store) => ({
      save: (process, changes) =>
        store.save(process, { ...changes, instances: changes.instances.map((one) => ({ ...one, partition: 0 })) })
    })),
    breaks: [
      ["who is ready, due, or asked for something is that in one partition", "who is ready in partition 0 is not"]
    ]
  },
  {
    name: "gives the requests of all partitions to each",
    layer: changed((store) => ({
      request: (process, asked) => store.request(process, { ...asked, partition: 0 }),
      requests: (process, _, limit) => store.requests(process, 0, limit)
    })),
    breaks: [
      [
        "who is ready, due, or asked for something is that in one partition",
        "who is asked for something in partition 0 is not"
      ]
    ]
  },
  {
    name: "lets who was ready once be ready for ever",
    layer: savesOver((before, after) => ({ ...after, isReady: before.isReady || after.isReady })),
    breaks: [
      ["an instance is ready for as long as it was saved so last", "who is ready after one is not any more is not"]
    ]
  },
  {
    name: "lets a timer be due after its instant only",
    layer: changed((store) => ({
      due: (process, partition, { limit, until }) =>
        store.due(process, partition, { until: DateTime.subtract(until, { milliseconds: 1 }), limit })
    })),
    breaks: [
      ["instances are due from their instant on, the first due first, at most so many", "who is due at 10 is not"]
    ]
  },
  {
    name: "orders those that are due by their names",
    layer: changed((store) => ({
      due: (process, partition, options) =>
        Effect.map(store.due(process, partition, options), ({ instances, next }) => ({
          instances: instances.toSorted(byUnits),
          next
        }))
    })),
    breaks: [["instances are due from their instant on, the first due first, at most so many", "who is due at"]]
  },
  {
    name: "says when the next is due only where nobody is",
    layer: changed((store) => ({
      due: (process, partition, options) =>
        Effect.map(store.due(process, partition, options), ({ instances, next }) => ({
          instances,
          next: instances.length > 0 ? undefined : next
        }))
    })),
    breaks: [
      [
        "next is when the first timer after the instant is due, whoever is due before",
        "when the next is due after 10 is not"
      ]
    ]
  },
  {
    name: "never puts a timer off",
    layer: savesOver((before, after) => ({
      ...after,
      dueAt:
        before.dueAt === undefined || after.dueAt === undefined ? after.dueAt : DateTime.min(before.dueAt, after.dueAt)
    })),
    breaks: [["an instance is due when it was saved last to be", "who is due at an instant that was put off is not"]]
  },
  {
    name: "gives the last requests first",
    layer: changed((store) => ({
      requests: (process, partition, limit) =>
        Effect.map(store.requests(process, partition, 10_000), (requests) => requests.toReversed().slice(0, limit))
    })),
    breaks: [
      [
        "requests are given in the order in which they were made, at most so many, until they are done",
        "requests in their order is not"
      ]
    ]
  },
  {
    name: "gives a request to one asker, and has forgotten it then",
    layer: changed((store, projections) => ({
      requests: (process, partition, limit) =>
        Effect.tap(store.requests(process, partition, limit), (requests) =>
          projections.withInline(
            [],
            store.save(process, { instances: [], steps: [], done: requests.map(({ id }) => id) })
          )
        )
    })),
    breaks: [
      [
        "requests are given in the order in which they were made, at most so many, until they are done",
        "the first five requests is not"
      ]
    ]
  },
  {
    name: "hears one who asks at a time",
    layer: changed((store) => {
      let isBusy = false
      return {
        request: (process, asked) =>
          Effect.suspend(() => {
            if (isBusy) return Effect.void
            isBusy = true
            return Effect.ensuring(
              Effect.andThen(Effect.yieldNow, store.request(process, asked)),
              Effect.sync(() => (isBusy = false))
            )
          })
      }
    }),
    breaks: [
      [
        "of what many ask for at once nothing is lost, and each has a number of its own",
        "what was asked for at once is not"
      ]
    ]
  },
  {
    name: "never says that something was asked for",
    layer: changed(() => ({ requested: Stream.never })),
    breaks: [
      ["it is said that something was asked for, once it is committed", "it is not said that something was asked for"]
    ],
    hangs: true
  },
  {
    name: "says that something was asked for before it is",
    layer: changed((store) => {
      const requested = Effect.runSync(PubSub.sliding<void>(1))
      return {
        requested: Stream.fromPubSub(requested),
        request: (process, asked) =>
          Effect.tap(store.request(process, asked), () => PubSub.publish(requested, undefined))
      }
    }),
    breaks: [
      [
        "it is said that something was asked for, once it is committed",
        "it is said that something was asked for which is not there"
      ]
    ]
  }
]
