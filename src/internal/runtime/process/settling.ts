/**
 * How it is waited for that a process has nothing left to do.
 */
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { StoreError } from "../../../EventStore.ts"
import { AwaitTimeout } from "../projection/control.ts"
import { failedAt, lookUntil } from "../projection/waiting.ts"
import { projectionOf, type Stores } from "./plan.ts"

/** Waits until the process of a name has nothing to do but to wait, at most so long. */
export const makeAwaitSettled = (
  name: string,
  partitions: number,
  { events, processes, projections }: Stores
): ((timeout: Duration.Input) => Effect.Effect<void, AwaitTimeout | StoreError>) => {
  const projection = projectionOf(name)

  /** Whether there is nothing to do but to wait: all events are handled, no command is under way, no timer is due. */
  const isSettled = Effect.gen(function* () {
    const head = yield* events.head
    const position = (yield* projections.live(projection))?.position ?? 0
    if (position < head) return { isSettled: false, head, position, problem: undefined }
    const until = DateTime.makeUnsafe(Math.floor(yield* Clock.currentTimeMillis))
    for (let partition = 0; partition < partitions; partition++) {
      const ready = yield* processes.ready(name, partition, { after: undefined, limit: 1 })
      const due = yield* processes.due(name, partition, { until, limit: 1 })
      const requests = yield* processes.requests(name, partition, 1)
      const [busy] = [...ready, ...due.instances, ...requests]
      if (busy === undefined) continue
      const waitingFor = "waitingFor" in busy && busy.waitingFor.length > 0 ? `: ${busy.waitingFor.join(", ")}` : ""
      const problem = `instance ${busy.instance} has something to do${waitingFor}`
      return { isSettled: false, head, position, problem }
    }
    return { isSettled: (yield* events.head) === head, head, position, problem: undefined }
  })

  return (timeout) => {
    const tooLate = Effect.gen(function* () {
      const { head, position, problem } = yield* isSettled
      const failed = yield* failedAt(projections, projection)
      return yield* new AwaitTimeout({
        projection,
        position: head,
        reached: position,
        problem: failed ?? problem
      })
    })
    return lookUntil(projections, isSettled, ({ isSettled }) => isSettled).pipe(
      Effect.asVoid,
      Effect.timeoutOrElse({ duration: timeout, orElse: () => tooLate })
    )
  }
}
