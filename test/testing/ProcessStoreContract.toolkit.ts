/**
 * What broken stores of processes are made with.
 */
import { Context, Effect, Layer } from "effect"
import { ProcessStore, ProjectionStore } from "eventfold"
import { MemoryEventStore } from "eventfold/memory"
import type { ProcessStoreContract } from "eventfold/testing"

export type Store = ProcessStore.ProcessStore["Service"]
export type Projections = ProjectionStore.ProjectionStore["Service"]
export type Changes = Parameters<Store["save"]>[1]

export interface BrokenStore {
  readonly name: string
  readonly layer: Layer.Layer<ProcessStoreContract.Stores>
  /** Laws that must be broken, each with what the report must say. */
  readonly breaks: ReadonlyArray<readonly [law: string, says: string]>
  readonly hangs?: boolean
}

/** The memory store with a part exchanged. */
export const changed = (
  change: (store: Store, projections: Projections) => Partial<Store>,
  changeProjections: (projections: Projections, store: Store) => Partial<Projections> = () => ({})
): Layer.Layer<ProcessStoreContract.Stores> =>
  Layer.effectContext(
    Effect.map(Layer.build(MemoryEventStore.layer), (built) => {
      const store = Context.get(built, ProcessStore.ProcessStore)
      const projections = Context.get(built, ProjectionStore.ProjectionStore)
      return built.pipe(
        Context.add(ProcessStore.ProcessStore, { ...store, ...change(store, projections) }),
        Context.add(ProjectionStore.ProjectionStore, { ...projections, ...changeProjections(projections, store) })
      )
    })
  )

/** A store that saves each instance as another one. */
export const savesInstances = (
  to: (instance: ProcessStore.Instance) => ProcessStore.Instance
): Layer.Layer<ProcessStoreContract.Stores> =>
  changed((store) => ({
    save: (process, changes) => store.save(process, { ...changes, instances: changes.instances.map(to) })
  }))

/** A store that saves each instance as something that depends on what is there of it. */
export const savesOver = (
  to: (before: ProcessStore.Instance, after: ProcessStore.Instance) => ProcessStore.Instance
): Layer.Layer<ProcessStoreContract.Stores> =>
  changed((store) => ({
    save: Effect.fnUntraced(function* (process, changes) {
      const names = changes.instances.map(({ instance }) => instance)
      const there = new Map((yield* store.load(process, names)).map((one) => [one.instance, one]))
      const instances = changes.instances.map((after) => {
        const before = there.get(after.instance)
        return before === undefined ? after : to(before, after)
      })
      yield* store.save(process, { ...changes, instances })
    })
  }))

/** A store that takes a process for another one, by its name. */
export const takesProcesses = (other: (process: string) => string): Layer.Layer<ProcessStoreContract.Stores> =>
  changed((store) => ({
    save: (process, changes) => store.save(other(process), changes),
    load: (process, names) => store.load(other(process), names),
    ready: (process, ...rest) => store.ready(other(process), ...rest),
    due: (process, ...rest) => store.due(other(process), ...rest),
    requests: (process, ...rest) => store.requests(other(process), ...rest),
    request: (process, asked) => store.request(other(process), asked),
    list: (process, options) => store.list(other(process), options),
    count: (process) => store.count(other(process)),
    steps: (process, ...rest) => store.steps(other(process), ...rest),
    remove: (process, options) => store.remove(other(process), options)
  }))

/** A store that lists other instances than those that are looked for. */
export const lists = (
  change: (store: Store, process: string, options: Parameters<Store["list"]>[1]) => ReturnType<Store["list"]>
): Layer.Layer<ProcessStoreContract.Stores> =>
  changed((store) => ({ list: (process, options) => change(store, process, options) }))

/** Enough for everything that a law keeps. */
export const all = { after: undefined, limit: 10_000 }
