/**
 * Stores of processes that tell who looks after them something else, and that take what they must refuse.
 */
import { DateTime, Effect } from "effect"
import { EventStore, ProcessStore } from "eventfold"
import {
  all,
  type BrokenStore,
  changed,
  lists,
  savesInstances,
  takesProcesses
} from "./ProcessStoreContract.toolkit.ts"

const aDeadlock = new EventStore.StoreError({ reason: "Contention", problem: "a deadlock" })

export const brokenTending: ReadonlyArray<BrokenStore> = [
  {
    name: "lists instances in the order of the units of UTF-16",
    layer: lists((store, process, { after = "", limit, ...filter }) =>
      Effect.map(store.list(process, { ...filter, ...all }), (found) =>
        found
          .toSorted((a, b) => (a.instance < b.instance ? -1 : 1))
          .filter(({ instance }) => instance > after)
          .slice(0, limit)
      )
    ),
    breaks: [
      [
        "instances are listed in the order of their names, after one of them, at most so many",
        "the instances that are listed is not"
      ]
    ]
  },
  {
    name: "filters a page, and not the instances",
    layer: lists((store, process, { after, limit, status, ...filter }) =>
      Effect.map(store.list(process, { ...filter, after, limit }), (found) =>
        found.filter((one) => status === undefined || one.status === status)
      )
    ),
    breaks: [
      ["instances are found by their status, and counted", "two of the instances that are running, after the first"]
    ]
  },
  {
    name: "counts those that there are none of",
    layer: changed((store) => ({
      count: (process) =>
        Effect.map(store.count(process), (count) => new Map([["stuck", 0] as const, ...Array.from(count)]))
    })),
    breaks: [["instances are found by their status, and counted", "how many instances there are before there are any"]]
  },
  {
    name: "takes those for started before that were started at the instant",
    layer: lists((store, process, { startedBefore, ...options }) =>
      store.list(process, {
        ...options,
        startedBefore: startedBefore === undefined ? undefined : DateTime.add(startedBefore, { milliseconds: 1 })
      })
    ),
    breaks: [
      [
        "instances are found by when they were started, and updated last",
        "the instances that were started before the first was is not"
      ]
    ]
  },
  {
    name: "finds by when they were started those that were updated before",
    layer: lists((store, process, { updatedBefore, ...options }) =>
      store.list(process, { ...options, ...(updatedBefore !== undefined && { startedBefore: updatedBefore }) })
    ),
    breaks: [
      [
        "instances are found by when they were started, and updated last",
        "the instances that were updated before another is not"
      ]
    ]
  },
  {
    name: "finds who waits for something like it",
    layer: lists((store, process, { after, limit, waitingFor, ...filter }) =>
      Effect.map(store.list(process, { ...filter, after, limit: 10_000 }), (found) =>
        found.filter((one) => waitingFor === undefined || one.waitingFor.join().includes(waitingFor)).slice(0, limit)
      )
    ),
    breaks: [["instances are found by what they wait for, among other things", "the instances that wait for p"]]
  },
  {
    name: "takes values of fields for the same that are written alike",
    layer: lists((store, process, { after, limit, where = {}, ...filter }) =>
      Effect.map(store.list(process, { ...filter, after, limit: 10_000 }), (found) =>
        found
          .filter(({ state }) =>
            Object.entries(where).every(
              ([field, value]) =>
                typeof state === "object" && state !== null && String(Reflect.get(state, field)) === String(value)
            )
          )
          .slice(0, limit)
      )
    ),
    breaks: [
      [
        "instances are found by fields of their state, with just the values that are given",
        `the instances whose state has {"customer":"ada"} is not`
      ]
    ]
  },
  {
    name: "minds no other filter where there is a status",
    layer: lists((store, process, { after, limit, status, ...filter }) =>
      store.list(process, status === undefined ? { ...filter, after, limit } : { status, after, limit })
    ),
    breaks: [["filters that are given together all have to hold", "the instances that hold against"]]
  },
  {
    name: "keeps the steps of those that are removed",
    layer: changed((store) => {
      const kept: Array<readonly [process: string, step: ProcessStore.Step]> = []
      return {
        save: (process, changes) =>
          Effect.tap(store.save(process, changes), () =>
            Effect.sync(() => void kept.push(...changes.steps.map((step) => [process, step] as const)))
          ),
        steps: (process, instance) =>
          Effect.succeed(kept.flatMap(([its, step]) => (its === process && step.instance === instance ? [step] : [])))
      }
    }),
    breaks: [
      [
        "those that have ended or were cancelled, and were not updated since, are removed with their steps, and no others",
        "the steps of ended10 after a removal is not"
      ]
    ]
  },
  {
    name: "does not remove those that were cancelled",
    layer: changed((store, projections) => ({
      remove: Effect.fnUntraced(function* (process, { limit, updatedBefore }) {
        const cancelled = yield* store.list(process, { ...all, status: "cancelled" })
        const running = cancelled.map((one) => ({ ...one, status: "running" }) as const)
        yield* projections.withInline([], store.save(process, { instances: running, steps: [], done: [] }))
        const count = yield* store.remove(process, { updatedBefore, limit })
        yield* projections.withInline([], store.save(process, { instances: cancelled, steps: [], done: [] }))
        return count
      })
    })),
    breaks: [
      [
        "those that have ended or were cancelled, and were not updated since, are removed with their steps, and no others",
        "how many are removed is not"
      ]
    ]
  },
  {
    name: "removes all that may be removed",
    layer: changed((store) => ({
      remove: (process, { updatedBefore }) => store.remove(process, { updatedBefore, limit: 10_000 })
    })),
    breaks: [
      [
        "a removal takes at most so many, those first to which nothing has happened for longest",
        "how many are removed of none is not"
      ]
    ]
  },
  {
    name: "lists those that are ready after they are removed",
    layer: changed((store) => {
      const ready = new Map<string, ProcessStore.Instance>()
      return {
        save: (process, changes) =>
          Effect.tap(store.save(process, changes), () =>
            Effect.sync(() => {
              for (const one of changes.instances) if (one.isReady) ready.set(process, one)
            })
          ),
        ready: (process) => Effect.succeed(Array.from(ready).flatMap(([its, one]) => (its === process ? [one] : [])))
      }
    }),
    breaks: [
      [
        "an instance that goes on after its end is not removed, and one that was removed can begin anew",
        "who is ready after a removal is not"
      ]
    ]
  },
  {
    name: "waits in a circle when it saves and removes at once",
    layer: changed((store) => {
      let removals = 0
      return {
        remove: (process, options) =>
          Effect.suspend(() => {
            removals++
            return Effect.ensuring(
              Effect.andThen(Effect.yieldNow, store.remove(process, options)),
              Effect.sync(() => removals--)
            )
          }),
        save: (process, changes) =>
          Effect.suspend(() => (removals > 0 ? Effect.fail(aDeadlock) : store.save(process, changes)))
      }
    }),
    breaks: [
      [
        "who saves and removes at once is never kept waiting in a circle, and steps are left of no instance that is gone",
        "one of those who save and remove at once fails"
      ]
    ]
  },
  {
    name: "cuts long names of processes short",
    layer: takesProcesses((process) => process.slice(0, ProcessStore.maxProcessLength)),
    breaks: [
      ["a name that cannot be is refused, wherever it stands", "a process whose name is too long is not refused"]
    ]
  },
  {
    name: "finds nothing after a text that is none",
    layer: lists((store, process, options) =>
      options.after?.isWellFormed() === false ? Effect.succeed([]) : store.list(process, options)
    ),
    breaks: [
      ["a name that cannot be is refused, wherever it stands", "a list after a text that is none is not refused"]
    ]
  },
  {
    name: "rounds limits",
    layer: lists((store, process, options) => store.list(process, { ...options, limit: Math.floor(options.limit) })),
    breaks: [["a number or an instant that cannot be is refused, wherever it stands", "1.5 instances is not refused"]]
  },
  {
    name: "rounds instants",
    layer: savesInstances((one) => ({
      ...one,
      startedAt: DateTime.makeUnsafe(Math.trunc(one.startedAt.epochMilliseconds) || 0)
    })),
    breaks: [
      [
        "a number or an instant that cannot be is refused, wherever it stands",
        "an instance whose startedAt is with a part of a millisecond is not refused"
      ]
    ]
  },
  {
    name: "makes JSON of anything",
    layer: savesInstances((one) => ({ ...one, state: JSON.parse(JSON.stringify(one.state) ?? "null") })),
    breaks: [
      [
        "what is no JSON, too large or too deep is refused, and nothing of its save is kept",
        "a state that is undefined is not refused"
      ]
    ]
  },
  {
    name: "keeps the last of what is there twice",
    layer: changed((store) => ({
      save: (process, changes) =>
        store.save(process, {
          ...changes,
          instances: Array.from(new Map(changes.instances.map((one) => [one.instance, one])).values())
        })
    })),
    breaks: [
      [
        "an instance or a step that is there twice in one save is refused, and so are more names than an instance may wait for",
        "a save with an instance that is there twice is not refused"
      ]
    ]
  }
]
