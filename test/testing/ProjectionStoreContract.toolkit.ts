/**
 * How a store of projections is broken: the memory store, with something changed.
 */
import { Context, Effect, Exit, Layer } from "effect"
import { EventStore as Log, ProjectionStore as Port } from "eventfold"
import { MemoryEventStore } from "eventfold/memory"

export type Store = Port.ProjectionStore["Service"]
export type Stores = Log.EventStore | Port.ProjectionStore

export interface BrokenStore {
  readonly name: string
  readonly layer: Layer.Layer<Stores>
  /** Whether it is reported because something never comes: then the laws wait less long for it. */
  readonly hangs?: true
  /** Laws that must be broken, each with what the report must say. */
  readonly breaks: ReadonlyArray<readonly [law: string, says: string]>
}

/** The memory store with a part exchanged. */
export const changed = (
  change: (store: Store, log: Log.EventStore["Service"]) => Partial<Store>,
  changeLog: (log: Log.EventStore["Service"], store: Store) => Partial<Log.EventStore["Service"]> = () => ({})
): Layer.Layer<Stores> =>
  Layer.effectContext(
    Effect.map(Layer.build(MemoryEventStore.layer), (built) => {
      const store = Context.get(built, Port.ProjectionStore)
      const log = Context.get(built, Log.EventStore)
      return Context.make(Port.ProjectionStore, { ...store, ...change(store, log) }).pipe(
        Context.add(Log.EventStore, { ...log, ...changeLog(log, store) })
      )
    })
  )

export type Rest = ReadonlyArray<{ readonly partition: number; readonly after: number; readonly upTo: number }>

export const placeOf = ({ generation, partition }: Pick<Port.Claim, "generation" | "partition">) =>
  `${generation}/${partition}`

/** Changes the claims that a store gives. */
export const claiming = (
  store: Store,
  change: (claim: Port.Claim) => Port.Claim
): Pick<Store, "claim" | "renew" | "standing" | "commit"> => ({
  claim: (options) => Effect.map(store.claim(options), (claims) => claims.map(change)),
  renew: (claims, lease) =>
    Effect.map(store.renew(claims, lease), (renewed) => renewed.map((one) => ({ ...one, claim: change(one.claim) }))),
  standing: (claim) => Effect.map(store.standing(claim), (standing) => change({ ...claim, standing }).standing),
  commit: (claim, progress, work) => Effect.map(store.commit(claim, progress, work), change)
})

/** Writes what the work saves when it has ended, so that nobody is kept from it meanwhile. */
type Written = Map<number, Port.Changes>
const written = Context.Reference<Written | undefined>("test/written", { defaultValue: () => undefined })

export const lateWriter = (store: Store): Partial<Store> => ({
  documents: (generation, keys, options) =>
    Effect.flatMap(written, (late) =>
      Effect.map(store.documents(generation, keys, options), (found) => {
        const documents = new Map(found)
        for (const [key, document] of late?.get(generation) ?? []) {
          if (!keys.includes(key)) continue
          if (document === undefined) documents.delete(key)
          else documents.set(key, document)
        }
        return documents
      })
    ),
  save: (generation, changes) =>
    Effect.flatMap(written, (late) => {
      if (late === undefined) return store.save(generation, changes)
      late.set(generation, new Map([...(late.get(generation) ?? []), ...changes]))
      return Effect.void
    }),
  commit: (claim, progress, work) =>
    Effect.gen(function* () {
      const late: Written = new Map()
      yield* store.commit(claim, { ...progress, to: claim.position }, Effect.void)
      yield* Effect.provideService(work, written, late)
      const saves = Array.from(late, ([generation, changes]) => store.save(generation, changes))
      return yield* store.commit(claim, progress, Effect.all(saves, { discard: true }))
    })
})

/** Keeps how work ended, so that its transaction goes on; and ends so afterwards. */
export const regardless = <E, R, A, E2, R2>(
  work: Effect.Effect<void, E, R>,
  transaction: (work: Effect.Effect<void, never, R>) => Effect.Effect<A, E2, R2>
): Effect.Effect<A, E | E2, R2> =>
  Effect.suspend(() => {
    const ended: Array<Exit.Exit<void, E>> = []
    const quiet = Effect.map(Effect.exit(work), (exit) => void ended.push(exit))
    return Effect.flatMap(transaction(quiet), (answer) =>
      Effect.as(
        Effect.suspend(() => ended[0] ?? Effect.void),
        answer
      )
    )
  })
