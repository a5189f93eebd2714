/**
 * The events of the log that concern the instances of a partition.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import { type Decoded, decodeRecorded, type Tagged } from "../../../Event.ts"
import type { EventStore, Page, StoreError } from "../../../EventStore.ts"
import type { RecordedEvent } from "../../../RecordedEvent.ts"
import * as StreamName from "../../../StreamName.ts"
import { partitionOf } from "../projection/partition.ts"
import { queryOf } from "../projection/reader.ts"
import { untraced } from "../eventTraces.ts"
import { type Manager, thrown } from "./rules.ts"

/** What of a recorded event concerns which instance. */
export type Concerned = ReadonlyMap<string, ReadonlyArray<Decoded<Tagged>>>

/** What of a recorded event concerns which instance of a partition, or why that cannot be told. */
export const concernedBy = (
  manager: Manager,
  recorded: RecordedEvent,
  isMine: (instance: string) => boolean
): Result.Result<Concerned, { readonly message: string }> =>
  Result.flatMap(decodeRecorded(manager.events, recorded), (events) =>
    Result.try({
      try: () => {
        const concerned = new Map<string, Array<Decoded<Tagged>>>()
        for (const decoded of events) {
          const instance = manager.instanceOf(decoded.event, recorded)
          if (instance === undefined) continue
          const wrong = StreamName.nameProblem(instance)
          if (wrong !== undefined) throw new Error(`the name of its instance ${wrong}`)
          if (!isMine(instance)) continue
          const its = concerned.get(instance)
          if (its === undefined) concerned.set(instance, [decoded])
          else its.push(decoded)
        }
        return concerned
      },
      catch: (error) => ({ message: `${manager.name}: correlate failed: ${thrown(error)}` })
    })
  )

/** Whether an instance belongs to a partition. */
export const belongsTo =
  (partition: number, partitions: number) =>
  (instance: string): boolean =>
    partitionOf(instance, partitions) === partition

/** The pages that are read ahead. */
const mostPages = 2

/** Pages of the log as they come, of those that are read already. */
export interface Intake {
  /** The first page that was not taken, if one is there. */
  readonly take: Effect.Effect<Page | undefined, StoreError>
}

/** Reads the log from after a position on. `wake`: told when there is something to take. */
export const makeIntake = (
  manager: Manager,
  events: EventStore["Service"],
  after: number,
  wake: Effect.Effect<unknown>
): Effect.Effect<Intake, never, Scope.Scope> =>
  Effect.gen(function* () {
    const pages: Array<Page> = []
    const room = yield* Semaphore.make(mostPages)
    let failure: Effect.Effect<never, StoreError> | undefined
    yield* events.subscribePages({ after, query: queryOf(manager.events) }).pipe(
      Stream.runForEach((page) =>
        Effect.andThen(
          room.take(1),
          Effect.suspend(() => {
            pages.push(page)
            return wake
          })
        )
      ),
      Effect.catchCause((cause) =>
        Effect.suspend(() => {
          failure = Effect.failCause(cause)
          return wake
        })
      ),
      untraced,
      Effect.forkScoped
    )
    return {
      take: Effect.suspend(() => {
        const page = pages.shift()
        if (page !== undefined) return Effect.as(room.release(1), page)
        return failure ?? Effect.undefined
      })
    }
  })
