/**
 * Gathers what is asked for while something is in flight, and sends it together.
 *
 * One fiber sends, one batch at a time, unless more may be in flight. When nothing is, a request goes at once, so that being idle adds
 * no delay; when something is, everything that waits goes next. Where that is many, half of all that is under way goes, and it leaves
 * before the answers to the batch before it are given: then callers and database work at the same time. The queue is bounded: who asks
 * when it is full waits for room. A request whose fiber is interrupted before it was sent is taken out; one that was sent is finished,
 * whoever still wants its answer.
 *
 * Invariants: a request is in `waiting` or has been sent, never both; requests that share a key are sent in the order in which they
 * came into the queue, and never together, as long as one batch is in flight at a time.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Latch from "effect/Latch"
import type * as Result from "effect/Result"
import type * as Scope from "effect/Scope"

interface Waiting<Request, Answer, E> {
  readonly request: Request
  readonly keys: ReadonlyArray<string>
  readonly weight: number
  readonly resume: (answer: Effect.Effect<Answer, E>) => void
}

export interface Options<Request, Answer, E> {
  /** Sends a batch. Gives a result for each request, in order. */
  readonly send: (batch: ReadonlyArray<Request>) => Effect.Effect<ReadonlyArray<Result.Result<Answer, E>>>
  /** Requests with a key in common do not go together. */
  readonly keysOf: (request: Request) => ReadonlyArray<string>
  /** How much of a batch a request takes, of 1. A request that takes more goes alone. */
  readonly weightOf: (request: Request) => number
  /** The most requests that may wait in the queue. */
  readonly capacity: number
  /** The most batches that are in flight at a time. 1 by default, which keeps apart requests with a key in common; more do not. */
  readonly inFlight?: number
  /** Counts the requests that wait in the queue, beside others that are counted there. */
  readonly waiting?: { count: number }
  /** What is answered to a request that was not sent before the scope closed, or that comes afterwards. */
  readonly closed: E
}

const min = (a: bigint, b: bigint): bigint => (a < b ? a : b)

/** How many requests are worth a turn of their own while as many others are answered. Fewer gain more from going together. */
const manyRequests = 64

/**
 * A batcher that lives as long as the scope.
 */
export const make = <Request, Answer, E>({
  send,
  keysOf,
  weightOf,
  capacity,
  inFlight = 1,
  waiting: counted = { count: 0 },
  closed
}: Options<Request, Answer, E>): Effect.Effect<(request: Request) => Effect.Effect<Answer, E>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const waiting = new Set<Waiting<Request, Answer, E>>()
    let unanswered = 0
    // How long a batch takes lately, in nanoseconds: what came late because there was much to do here counts little.
    let took = 10n ** 9n
    let isClosed = false
    // Those who send and have nothing to: they are woken in the turn of who brings something, as a turn of their own costs as long as
    // all the rest that is done here.
    const idle = new Set<() => void>()
    const room = yield* Latch.make(true)

    const makeRoom = () => {
      if (waiting.size < capacity) room.openUnsafe()
    }

    const remove = (one: Waiting<Request, Answer, E>): void => {
      if (waiting.delete(one)) counted.count--
    }

    const work = Effect.callback<void>((resume) => {
      if (waiting.size > 0) return resume(Effect.void)
      const wake = () => {
        idle.delete(wake)
        resume(Effect.void)
      }
      idle.add(wake)
      return Effect.sync(() => idle.delete(wake))
    })

    const takeBatch = (): ReadonlyArray<Waiting<Request, Answer, E>> => {
      const all = waiting.size + unanswered
      const most = all < 2 * manyRequests ? all : Math.ceil(all / 2)
      const batch: Array<Waiting<Request, Answer, E>> = []
      const taken = new Set<string>()
      let weight = 0
      for (const one of waiting) {
        if (batch.length === most) break
        const fits = batch.length === 0 || weight + one.weight <= 1
        if (fits && !one.keys.some((key) => taken.has(key))) {
          weight += one.weight
          batch.push(one)
          remove(one)
        }
        for (const key of one.keys) taken.add(key)
      }
      makeRoom()
      return batch
    }

    const isOver = (since: bigint, most: bigint): boolean => clock.monotonicTimeNanosUnsafe() - since >= most

    /** Gives the answers, and stops when it takes longer than the database did while others wait for that. Gives those that are left. */
    const answer = (
      batch: ReadonlyArray<Waiting<Request, Answer, E>>,
      results: Exit.Exit<ReadonlyArray<Result.Result<Answer, E>>>,
      from: number,
      most: bigint | undefined
    ): number => {
      const since = clock.monotonicTimeNanosUnsafe()
      for (let i = from; i < batch.length; i++) {
        unanswered--
        batch[i]!.resume(Exit.isSuccess(results) ? Effect.fromResult(results.value[i]!) : Exit.failCause(results.cause))
        if (most !== undefined && waiting.size > 0 && isOver(since, most)) return i + 1
      }
      return batch.length
    }

    // What has been taken out of the queue is sent and answered, also while the scope closes.
    const sendNext = Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        yield* restore(work)
        // Those who come in the same turn go together, and not one by one until there is no more to be in flight.
        if (inFlight > 1) yield* Effect.yieldNow
        const batch = takeBatch()
        if (batch.length === 0) return
        const since = clock.monotonicTimeNanosUnsafe()
        const results = yield* Effect.exit(send(batch.map(({ request }) => request)))
        took = min(clock.monotonicTimeNanosUnsafe() - since, took + took / 8n)
        unanswered += batch.length
        const answered =
          waiting.size >= Math.min(manyRequests, batch.length / 2) ? 0 : answer(batch, results, 0, 2n * took)
        if (answered < batch.length) {
          // It begins when this fiber has nothing more to do, which is when the next batch is on its way.
          const rest = Effect.sync(() => answer(batch, results, answered, undefined))
          yield* Effect.forkDetach(rest, { uninterruptible: true })
        } else {
          // Those who ask again at once go together.
          yield* Effect.yieldNow
        }
      })
    )
    for (let i = 0; i < inFlight; i++) yield* Effect.forkScoped(Effect.forever(sendNext, { disableYield: true }))
    // Finalizers run in reverse: this one first, so that nobody takes anything out of the queue any more. What was taken is then finished.
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        isClosed = true
        for (const { resume } of waiting) resume(Effect.fail(closed))
        counted.count -= waiting.size
        waiting.clear()
        room.openUnsafe()
      })
    )

    const ask = (request: Request) =>
      Effect.callback<Answer, E>((resume) => {
        if (isClosed) return resume(Effect.fail(closed))
        const one = { request, keys: keysOf(request), weight: weightOf(request), resume }
        waiting.add(one)
        counted.count++
        if (waiting.size >= capacity) room.closeUnsafe()
        const [wake] = idle
        wake?.()
        return Effect.sync(() => {
          remove(one)
          makeRoom()
        })
      })

    const submit = (request: Request): Effect.Effect<Answer, E> =>
      Effect.suspend(() =>
        waiting.size < capacity
          ? ask(request)
          : Effect.andThen(
              room.await,
              Effect.suspend(() => submit(request))
            )
      )
    return submit
  })
