/**
 * Stores of processes that do not keep what they are given, or when they may not.
 */
import { Context, DateTime, Effect, Exit } from "effect"
import { EventStore, type ProcessStore } from "eventfold"
import {
  type BrokenStore,
  changed,
  type Changes,
  savesInstances,
  savesOver,
  takesProcesses
} from "./ProcessStoreContract.toolkit.ts"

const sorted = (_: string, value: unknown): unknown =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
    : value

const depthOf = (json: unknown): number =>
  typeof json === "object" && json !== null ? 1 + Math.max(0, ...Object.values(json).map(depthOf)) : 0

/** The last instant that a year of four digits can say. */
const last = DateTime.makeUnsafe(253_402_300_799_999)

/** What is saved only when a transaction ends. */
const Waiting = Context.Reference<Array<Effect.Effect<void, EventStore.StoreError>>>("test/Waiting", {
  defaultValue: () => []
})

const anIndexIsFull = new EventStore.StoreError({ reason: "Unexpected", problem: "index row size exceeds maximum" })

export const brokenSaving: ReadonlyArray<BrokenStore> = [
  {
    name: "keeps what an instance waits for as a set",
    layer: savesInstances((one) => ({ ...one, waitingFor: Array.from(new Set(one.waitingFor)).toSorted() })),
    breaks: [["an instance is loaded as it was saved, with all that is kept of it", "instances that were saved is not"]]
  },
  {
    name: "leaves the document of an instance that is there as it is",
    layer: savesOver((before, after) => ({ ...after, document: before.document })),
    breaks: [
      [
        "an instance that is saved again takes the place of what was there, all of it",
        "instances that were saved again is not what it must be, at [a][document]"
      ]
    ]
  },
  {
    name: "leaves an instance in the partition that it was in first",
    layer: savesOver((before, after) => ({ ...after, partition: before.partition })),
    breaks: [
      [
        "an instance that is saved again takes the place of what was there, all of it",
        "instances that were saved again is not what it must be"
      ]
    ]
  },
  {
    name: "knows years of four digits only",
    layer: savesInstances((one) => ({
      ...one,
      dueAt: one.dueAt === undefined ? undefined : DateTime.min(one.dueAt, last)
    })),
    breaks: [
      [
        "instants come back to the millisecond, from the year 1 to the last that there is",
        "an instance with the instant 253402300800001 is not"
      ]
    ]
  },
  {
    name: "takes names for the same that differ in their case",
    layer: changed((store) => ({
      steps: (process, instance, options) =>
        Effect.map(store.steps(process, instance.toLowerCase(), options), (steps) =>
          steps.map((step) => ({ ...step, instance }))
        )
    })),
    breaks: [["instances whose names are alike are different ones", "the steps of instance A is not"]]
  },
  {
    name: "takes processes for the same that are written in another way",
    layer: takesProcesses((process) => process.normalize("NFC")),
    breaks: [["processes see nothing of each other, also where their names are alike", "of process"]]
  },
  {
    name: "takes out requests of other processes",
    layer: changed((store) => {
      const processes = new Set<string>()
      return {
        request: (process, asked) =>
          Effect.tap(store.request(process, asked), () => Effect.sync(() => processes.add(process))),
        save: Effect.fnUntraced(function* (process, changes) {
          yield* store.save(process, changes)
          for (const other of processes) yield* store.save(other, { instances: [], steps: [], done: changes.done })
        })
      }
    }),
    breaks: [
      [
        "processes see nothing of each other, also where their names are alike",
        "what is kept of other processes is not"
      ]
    ]
  },
  {
    name: "has no room for long names",
    layer: changed((store) => ({
      save: (process, changes) =>
        changes.instances.some(({ instance }) => process.length + instance.length > 600)
          ? Effect.fail(anIndexIsFull)
          : store.save(process, changes)
    })),
    breaks: [
      [
        "a process and an instance of the longest names are kept, whatever they wait for",
        "index row size exceeds maximum"
      ]
    ]
  },
  {
    name: "saves five hundred at once, and forgets the others",
    layer: changed((store) => ({
      save: (process, changes) => store.save(process, { ...changes, instances: changes.instances.slice(0, 500) })
    })),
    breaks: [["hundreds of instances and steps are saved at once", "hundreds of instances is not what it must be"]]
  },
  {
    name: "orders the numbers of steps as texts",
    layer: changed((store) => ({
      steps: (process, instance, { after, limit }) =>
        Effect.map(store.steps(process, instance, { after: 0, limit: 10_000 }), (steps) =>
          steps
            .toSorted((a, b) => (String(a.number) < String(b.number) ? -1 : 1))
            .filter(({ number }) => number > after)
            .slice(0, limit)
        )
    })),
    breaks: [
      [
        "steps are given in the order of their numbers, after a number, at most so many",
        "the steps of an instance is not what it must be, at [1]"
      ]
    ]
  },
  {
    name: "passes over steps that are there",
    layer: changed((store) => ({
      save: Effect.fnUntraced(function* (process, changes) {
        const there = yield* Effect.forEach(changes.steps, ({ instance, number }) =>
          store.steps(process, instance, { after: Math.max(0, number - 1), limit: 1 })
        )
        const isNew = (step: ProcessStore.Step, i: number) => there[i]?.[0]?.number !== step.number
        yield* store.save(process, { ...changes, steps: changes.steps.filter(isNew) })
      })
    })),
    breaks: [
      [
        "a step that is there already is refused, and nothing of its save is kept",
        "a save of a step that is there already is not refused"
      ]
    ]
  },
  {
    name: "says that a step is there, and saves the rest",
    layer: (() => {
      const rest: Array<readonly [process: string, changes: Changes]> = []
      return changed(
        (store) => ({
          save: (process, changes) =>
            Effect.tapError(store.save(process, changes), () =>
              Effect.sync(() => void rest.push([process, { ...changes, steps: [] }]))
            )
        }),
        (projections, store) => ({
          withInline: (generations, work) =>
            Effect.onExit(projections.withInline(generations, work), () =>
              projections
                .withInline(
                  [],
                  Effect.forEach(rest.splice(0), ([process, changes]) => store.save(process, changes))
                )
                .pipe(Effect.orDie)
            )
        })
      )
    })(),
    breaks: [
      [
        "a step that is there already is refused, and nothing of its save is kept",
        "what is kept of a process after a save of a step that is there already is not"
      ]
    ]
  },
  {
    name: "gives everybody the same instance, as it was handed over",
    layer: changed((store) => {
      const held = new Map<string, ProcessStore.Instance>()
      return {
        save: (process, changes) =>
          Effect.tap(store.save(process, changes), () =>
            Effect.sync(() => {
              for (const one of changes.instances) held.set(`${process} ${one.instance}`, one)
            })
          ),
        load: (process, names) =>
          Effect.map(store.load(process, names), (found) =>
            found.map((one) => held.get(`${process} ${one.instance}`) ?? one)
          )
      }
    }),
    breaks: [
      [
        "what a writer or a reader does with what it holds changes nobody else's",
        "an instance whose writer changed what it had given is not"
      ]
    ]
  },
  {
    name: "cuts off what is deep in a state",
    layer: savesInstances((one) => ({ ...one, state: depthOf(one.state) > 100 ? null : one.state })),
    breaks: [
      [
        "a state comes back as it was saved, whatever JSON it is, but for the order of its keys",
        "a state that is as deep as it may be is not"
      ]
    ]
  },
  {
    name: "sorts the keys of documents",
    layer: savesInstances((one) => ({ ...one, document: JSON.parse(JSON.stringify(one.document), sorted) })),
    breaks: [
      [
        "documents, steps and requests come back as they were saved, to the order of their keys",
        "the JSON of a document that is keys out of order is not"
      ]
    ]
  },
  {
    name: "has no NUL characters in steps",
    layer: changed((store) => ({
      save: (process, changes) =>
        store.save(process, {
          ...changes,
          steps: changes.steps.map((one) => ({
            ...one,
            step: typeof one.step === "string" ? one.step.replaceAll("\u0000", "") : one.step
          }))
        })
    })),
    breaks: [
      [
        "documents, steps and requests come back as they were saved, to the order of their keys",
        "the JSON of a step that is a NUL character is not"
      ]
    ]
  },
  {
    name: "forgets what is large",
    layer: savesInstances((one) => ({
      ...one,
      document: typeof one.document === "string" && one.document.length > 500_000 ? "" : one.document
    })),
    breaks: [
      [
        "the largest states, documents, steps and requests come back, also when many are saved at once",
        "a document of 1048576 bytes comes back as another one"
      ]
    ]
  },
  {
    name: "saves in a transaction of its own",
    layer: changed((store, projections) => ({
      save: (process, changes) => projections.withInline([], store.save(process, changes))
    })),
    breaks: [["what is saved outside of a transaction is refused", "a save outside of a transaction is not refused"]]
  },
  {
    name: "minds requests that are done only where there are instances",
    layer: changed((store) => ({
      save: (process, changes) => store.save(process, changes.instances.length > 0 ? changes : { ...changes, done: [] })
    })),
    breaks: [
      [
        "a save of nothing changes nothing, and one of steps or requests alone leaves the instances alone",
        "the requests after one was done is not"
      ]
    ]
  },
  {
    name: "saves when the transaction ends",
    layer: changed(
      (store) => ({
        save: (process, changes) =>
          Effect.flatMap(Waiting, (waiting) => Effect.sync(() => void waiting.push(store.save(process, changes))))
      }),
      (projections) => {
        const withWaiting = <A, E, R>(work: Effect.Effect<A, E, R>) =>
          Effect.suspend(() => {
            const waiting: Array<Effect.Effect<void, EventStore.StoreError>> = []
            return Effect.tap(Effect.provideService(work, Waiting, waiting), () => Effect.all(waiting))
          })
        return {
          withInline: (generations, work) => projections.withInline(generations, withWaiting(work)),
          commit: (claim, progress, work) => projections.commit(claim, progress, withWaiting(work))
        }
      }
    ),
    breaks: [
      [
        "a transaction sees what it has done, and others do when it is committed",
        "the instances that the transaction sees"
      ]
    ]
  },
  {
    name: "keeps what a commit has saved that fails",
    layer: (() => {
      const saved: Array<readonly [process: string, changes: Changes]> = []
      return changed(
        (store) => ({
          save: (process, changes) =>
            Effect.tap(store.save(process, changes), () => Effect.sync(() => void saved.push([process, changes])))
        }),
        (projections, store) => ({
          commit: (claim, progress, work) =>
            Effect.suspend(() => {
              saved.length = 0
              return Effect.onExit(projections.commit(claim, progress, work), (exit) =>
                Exit.isSuccess(exit)
                  ? Effect.void
                  : projections
                      .withInline(
                        [],
                        Effect.forEach([...saved], ([process, changes]) => store.save(process, changes))
                      )
                      .pipe(Effect.orDie)
              )
            })
        })
      )
    })(),
    breaks: ["fails", "dies", "is interrupted"].map((how) => [
      `nothing is left of what a commit has saved whose work ${how}`,
      `what is kept of a process after a commit whose work ${how} is not`
    ])
  },
  {
    name: "counts what is not committed",
    layer: (() => {
      const dirty = new Set<string>()
      return changed(
        (store) => ({
          save: (process, changes) =>
            Effect.tap(store.save(process, changes), () => Effect.sync(() => dirty.add(process))),
          count: (process) =>
            Effect.map(store.count(process), (count) =>
              dirty.has(process) ? new Map([["running", 99] as const]) : count
            )
        }),
        (projections) => ({
          withInline: (generations, work) =>
            Effect.ensuring(
              projections.withInline(generations, work),
              Effect.sync(() => dirty.clear())
            )
        })
      )
    })(),
    breaks: [
      [
        "nobody sees what a transaction has saved that fails in the end, not while it goes on either",
        "what others see while a transaction goes on is not"
      ]
    ]
  }
]
