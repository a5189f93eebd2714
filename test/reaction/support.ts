/**
 * What the tests of reactions and publications are written with: processes that run one, and the world outside, which may fail.
 */
import { Context, Effect, Exit, Layer, Scope, Stream } from "effect"
import { EventStore, Publication, type Reaction } from "eventfold"
import { until } from "../projection/support.ts"

export { altered, append, appendStored, events, memory, put, unavailable, until } from "../projection/support.ts"

type Runnable<R> = Parameters<ReturnType<typeof Publication.Service<never>>>[1] & Reaction.Reaction<R>

/** Starts a process of its own that runs it on the store that is there. */
export const start = <R>(runnable: Runnable<R>) =>
  Effect.gen(function* () {
    class Running extends Publication.Service<Running>()("test/Running", runnable) {}
    const scope = yield* Scope.make()
    const stop = Scope.close(scope, Exit.void)
    yield* Effect.addFinalizer(() => stop)
    const context = yield* Layer.buildWithScope(Layer.fresh(Running.layer), scope)
    return { control: Context.get(context, Running), stop }
  })

/** Waits until it has come to the end of the log. */
export const caughtUp = ({ status }: Reaction.Control) =>
  until(
    "it has caught up",
    Effect.map(status, (all) => all.length > 0 && all.every(({ lag }) => lag === 0))
  )

/** Waits until it has failed, and gives its status. */
export const failed = ({ status }: Reaction.Control) =>
  Effect.gen(function* () {
    const failures = Effect.map(status, (all) => all.filter(({ state }) => state === "failed"))
    yield* until(
      "it has failed",
      Effect.map(failures, (all) => all.length > 0)
    )
    return (yield* failures)[0]!
  })

export const parks = ({ parked }: Reaction.Control, count: number) =>
  until(
    `${count} events are parked`,
    Effect.map(parked, (all) => all.length === count)
  )

/** The log, of some types alone. */
export const recordedOf = (...types: ReadonlyArray<string>) =>
  Effect.flatMap(EventStore.EventStore, (store) =>
    Effect.map(Stream.runCollect(store.readLog()), (all) => all.filter(({ type }) => types.includes(type)))
  )

/** What the numbers of events are, as they are in the log. */
export const numbersOf = (type: string) =>
  Effect.map(recordedOf(type), (all) => all.map(({ data }) => (data as { readonly n: number }).n))
