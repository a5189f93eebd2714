/**
 * Gathers what is asked for while something is in flight, and sends it together.
 *
 * One fiber sends, one batch at a time. When nothing is in flight a request goes at once, so that being idle adds no delay; when
 * something is, everything that waits goes next. The queue is bounded: who asks when it is full waits for a place. A request
 * whose fiber is interrupted before it was sent is taken out; one that was sent is finished, whoever still wants its answer.
 *
 * Invariants: a request is in `waiting` or has been sent, never both; requests that share a key are sent in the order in which they
 * came, and never together.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Latch from "effect/Latch"
import type * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"

interface Waiting<Request, Answer, E> {
  readonly request: Request
  readonly answer: Deferred.Deferred<Answer, E>
}

export interface Options<Request, Answer, E> {
  /** Sends a batch. Gives a result for each request, in order. */
  readonly send: (batch: ReadonlyArray<Request>) => Effect.Effect<ReadonlyArray<Result.Result<Answer, E>>>
  /** Requests with a key in common do not go together. */
  readonly keysOf: (request: Request) => Iterable<string>
  /** How much of a batch a request takes, of 1. A request that takes more goes alone. */
  readonly weightOf: (request: Request) => number
  /** The most requests that may wait. */
  readonly capacity: number
  /** What is answered to a request that was not sent before the scope closed, or that comes afterwards. */
  readonly closed: E
}

/**
 * A batcher that lives as long as the scope.
 */
export const make = <Request, Answer, E>({
  send,
  keysOf,
  weightOf,
  capacity,
  closed
}: Options<Request, Answer, E>): Effect.Effect<(request: Request) => Effect.Effect<Answer, E>, never, Scope.Scope> =>
  Effect.gen(function* () {
    let waiting: Array<Waiting<Request, Answer, E>> = []
    let isClosed = false
    const places = yield* Semaphore.make(capacity)
    const work = yield* Latch.make(false)

    const takeBatch = (): Array<Waiting<Request, Answer, E>> => {
      const batch: Array<Waiting<Request, Answer, E>> = []
      const left: Array<Waiting<Request, Answer, E>> = []
      const taken = new Set<string>()
      let weight = 0
      for (const one of waiting) {
        const keys = Array.from(keysOf(one.request))
        const fits = batch.length === 0 || weight + weightOf(one.request) <= 1
        const goes = fits && !keys.some((key) => taken.has(key))
        for (const key of keys) taken.add(key)
        if (goes) weight += weightOf(one.request)
        ;(goes ? batch : left).push(one)
      }
      waiting = left
      return batch
    }

    // What has been taken out of the queue is sent and answered, also while the scope closes.
    const sendNext = Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        yield* restore(work.await)
        const batch = takeBatch()
        if (waiting.length === 0) work.closeUnsafe()
        if (batch.length === 0) return
        const results = yield* Effect.exit(send(batch.map(({ request }) => request)))
        batch.forEach(({ answer }, i) =>
          Deferred.doneUnsafe(
            answer,
            Exit.isSuccess(results) ? Effect.fromResult(results.value[i]!) : Exit.failCause(results.cause)
          )
        )
      })
    )
    // Finalizers run in reverse: when this one runs, what was taken out of the queue has been answered.
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        isClosed = true
        for (const { answer } of waiting) Deferred.doneUnsafe(answer, Effect.fail(closed))
        waiting = []
      })
    )
    yield* Effect.forkScoped(Effect.forever(sendNext))

    return (request) =>
      places.withPermit(
        Effect.suspend(() => {
          if (isClosed) return Effect.fail(closed)
          const one: Waiting<Request, Answer, E> = { request, answer: Deferred.makeUnsafe() }
          waiting.push(one)
          work.openUnsafe()
          return Effect.onInterrupt(Deferred.await(one.answer), () =>
            Effect.sync(() => {
              waiting = waiting.filter((other) => other !== one)
            })
          )
        })
      )
  })
