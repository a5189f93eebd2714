/**
 * What the memory stores share: the log, the state of the projections and processes, and transactions over both.
 *
 * A transaction works on a state of its own and on rows that nobody else sees. When its work has succeeded they become
 * everybody's; when it has failed, died or was interrupted they are forgotten. It is carried in the context of its fiber, so whatever the work
 * calls takes part in it.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as PubSub from "effect/PubSub"
import * as Result from "effect/Result"
import * as Semaphore from "effect/Semaphore"
import { Log } from "./log.ts"
import { empty, type State } from "./projections/State.ts"

/** What there is to see at a moment. */
export interface View {
  readonly state: State
  readonly head: number
  readonly now: number
}

interface Transaction {
  state: State
  /** The inline generations that its work takes care of. */
  inline: ReadonlySet<number>
  /** Whether it keeps others from appending until it ends. */
  holdsLog: boolean
  readonly takingLog: Semaphore.Semaphore
  /** A fiber may outlive the transaction it was forked in: then it is in none. */
  isOpen: boolean
}

export interface Database {
  readonly log: Log
  /** A wake-up, not a message: what there is to read is in the log alone, so there is no seam between catching up and live. */
  readonly appended: PubSub.PubSub<void>
  readonly changed: PubSub.PubSub<void>
  /** Something is asked of an instance of a process. */
  readonly requested: PubSub.PubSub<void>
  /** Looks at what is committed, or in a transaction at what it has come to. Waits for nobody. */
  readonly look: <A>(see: (view: View) => A) => Effect.Effect<A>
  /** Changes the state, in the transaction under way or in one of its own. */
  readonly change: <A, E = never>(
    change: (view: View) => Result.Result<readonly [answer: A, state: State], E>
  ) => Effect.Effect<A, E>
  /** Runs work in a transaction, one at a time. Inside another it is a part of that, which fails alone. */
  readonly transaction: <A, E, R>(work: Effect.Effect<A, E, R>, inline?: Iterable<number>) => Effect.Effect<A, E, R>
  /** Whether the fiber is in a transaction. */
  readonly inTransaction: Effect.Effect<boolean>
  /** Keeps others from appending until the transaction that is under way ends. */
  readonly holdLog: Effect.Effect<void>
  /** Looks when nobody is appending: in a transaction that does, at what it has come to. */
  readonly lookSettled: Database["look"]
  /** Writes to the log, with the inline generations that are taken care of. */
  readonly append: <A, E>(
    append: (view: View, inline: ReadonlySet<number>) => Result.Result<A, E>
  ) => Effect.Effect<A, E>
}

export const make: Effect.Effect<Database> = Effect.gen(function* () {
  const log = new Log()
  let committed = empty
  // Who takes both takes them in this order.
  const transacting = Semaphore.makeUnsafe(1)
  const appending = Semaphore.makeUnsafe(1)
  const appended = yield* PubSub.sliding<void>(1)
  const changed = yield* PubSub.sliding<void>(1)
  const requested = yield* PubSub.sliding<void>(1)

  // Each database has a key of its own: a transaction of one is none of another.
  const Current = Context.Reference<Transaction | undefined>(`eventfold/memory/Transaction/${crypto.randomUUID()}`, {
    defaultValue: () => undefined
  })
  const current = Effect.map(Current, (transaction) => (transaction?.isOpen === true ? transaction : undefined))

  const view = (transaction: Transaction | undefined): Effect.Effect<View> =>
    Effect.map(Clock.currentTimeMillis, (now) => ({
      state: transaction?.state ?? committed,
      head: transaction?.holdsLog === true ? log.rows.length : log.committed,
      now
    }))

  const holdLog = (transaction: Transaction): Effect.Effect<void> =>
    transaction.takingLog.withPermit(
      Effect.uninterruptibleMask((restore) =>
        Effect.suspend(() =>
          transaction.holdsLog
            ? Effect.void
            : Effect.map(restore(appending.take(1)), () => {
                transaction.holdsLog = true
              })
        )
      )
    )

  /** What a transaction in another one comes to when it fails: everything as it was before. */
  const nested = <A, E, R>(
    transaction: Transaction,
    work: Effect.Effect<A, E, R>,
    inline: Iterable<number>
  ): Effect.Effect<A, E, R> =>
    Effect.suspend(() => {
      const before = { ...transaction, rows: log.rows.length }
      transaction.inline = new Set([...before.inline, ...inline])
      return Effect.onExit(work, (exit) =>
        Effect.sync(() => {
          transaction.inline = before.inline
          if (Exit.isSuccess(exit)) return
          transaction.state = before.state
          if (before.holdsLog) log.undo(before.rows)
          else if (transaction.holdsLog) log.undo(log.committed)
        })
      )
    })

  const outermost = <A, E, R>(work: Effect.Effect<A, E, R>, inline: Iterable<number>): Effect.Effect<A, E, R> =>
    transacting.withPermit(
      Effect.suspend(() => {
        const transaction: Transaction = {
          state: committed,
          inline: new Set(inline),
          holdsLog: false,
          takingLog: Semaphore.makeUnsafe(1),
          isOpen: true
        }
        const end = (exit: Exit.Exit<A, E>) =>
          Effect.gen(function* () {
            transaction.isOpen = false
            const hasChanged = Exit.isSuccess(exit) && transaction.state !== committed
            const isRequested =
              hasChanged && transaction.state.processes.lastRequest !== committed.processes.lastRequest
            if (hasChanged) committed = transaction.state
            if (transaction.holdsLog) {
              if (Exit.isSuccess(exit)) log.commit()
              else log.undo(log.committed)
              yield* appending.release(1)
              yield* PubSub.publish(appended, undefined)
            }
            if (hasChanged) yield* PubSub.publish(changed, undefined)
            if (isRequested) yield* PubSub.publish(requested, undefined)
          })
        return Effect.onExit(Effect.provideService(work, Current, transaction), end)
      })
    )

  const transaction: Database["transaction"] = (work, inline = []) =>
    Effect.flatMap(current, (outer) => (outer === undefined ? outermost(work, inline) : nested(outer, work, inline)))

  const change: Database["change"] = (change) =>
    transaction(
      Effect.flatMap(current, (transaction) =>
        Effect.flatMap(view(transaction), (view) =>
          Effect.map(Effect.fromResult(change(view)), ([answer, state]) => {
            if (transaction !== undefined) transaction.state = state
            return answer
          })
        )
      )
    )

  const append: Database["append"] = (append) =>
    Effect.flatMap(current, (transaction) => {
      const store = Effect.flatMap(
        Effect.suspend(() => view(transaction)),
        (view) => Effect.suspend(() => Effect.fromResult(append(view, transaction?.inline ?? new Set())))
      )
      if (transaction !== undefined) return Effect.andThen(holdLog(transaction), store)
      const commit = Effect.suspend(() => {
        log.commit()
        return PubSub.publish(appended, undefined)
      })
      return appending.withPermit(Effect.uninterruptible(Effect.tap(store, commit)))
    })

  return {
    log,
    appended,
    changed,
    requested,
    look: (see) => Effect.map(Effect.flatMap(current, view), see),
    lookSettled: (see) =>
      Effect.flatMap(current, (transaction) => {
        const seen = Effect.map(view(transaction), see)
        return transaction?.holdsLog === true ? seen : appending.withPermit(seen)
      }),
    change,
    transaction,
    inTransaction: Effect.map(current, (transaction) => transaction !== undefined),
    holdLog: Effect.flatMap(current, (transaction) => (transaction === undefined ? Effect.void : holdLog(transaction))),
    append
  }
})
