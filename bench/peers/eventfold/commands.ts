/**
 * Commands: the aggregate loads, decides and appends, and decides again where another came first.
 */
import { Effect, Result, Schedule, Schema } from "effect"
import { Aggregate, Decider } from "eventfold"
import type { Task } from "../contract.ts"
import { dataOf, hotStream, someMetadata, streamOf } from "../payload.ts"
import * as Checks from "./checks.ts"
import { Booked, fill, prefilled, type Prepared, timed } from "./setup.ts"

class NotNext extends Schema.TaggedError<NotNext>()("NotNext", { next: Schema.Int }) {}

/** Books the amount that is the number of the entry: as its caller has it, or whatever it is. */
const account = Decider.make({
  name: prefilled,
  state: Schema.Struct({ balance: Schema.Int, entries: Schema.Int }),
  initial: { balance: 0, entries: 0 },
  commands: Schema.TaggedUnion({
    Book: { account: Schema.String, amount: Schema.Int, note: Schema.String },
    BookNext: { account: Schema.String }
  }),
  events: Booked
})
  .evolve({ Booked: ({ balance, entries }, { amount }) => ({ balance: balance + amount, entries: entries + 1 }) })
  .decide({
    Book: ({ account, amount, note }, { entries }) =>
      amount === entries + 1
        ? [{ _tag: "Booked", account, amount, note }]
        : Result.fail(new NotNext({ next: entries + 1 })),
    BookNext: ({ account }, { entries }) => [{ _tag: "Booked", ...dataOf(account, entries + 1) }]
  })

/** One command on each stream. */
export const distinct = Effect.fnUntraced(function* (task: Task) {
  yield* fill(task)
  // Out of the box, states are kept in memory; others have nothing of that kind.
  const accounts = yield* Aggregate.make({
    decider: account,
    ...(task.variant === "no cache" ? { cache: { entries: 0 } } : {})
  })
  let rounds = 0
  let failed = 0
  let wrong = 0
  return {
    run: (round) => {
      rounds++
      const amount = task.length + round + 1
      return timed(task.fibers, task.each, (fiber, place) => {
        const number = 1 + fiber + place * task.fibers
        const data = dataOf(streamOf(prefilled, number), amount)
        return accounts.execute(String(number), { _tag: "Book", ...data }, { metadata: someMetadata() }).pipe(
          Effect.match({
            onFailure: () => failed++,
            onSuccess: ({ state, version }) => {
              if (version !== amount || state.entries !== amount) wrong++
            }
          })
        )
      })
    },
    check: Effect.suspend(() =>
      Checks.all([
        Checks.logIsWhole,
        Checks.streamsAreWhole(prefilled, task.streams, task.length + rounds),
        Effect.succeed([
          ...Checks.same("commands that failed", failed, 0),
          ...Checks.same("commands that were answered with a wrong state", wrong, 0)
        ])
      ])
    )
  } satisfies Prepared
})

/** Many commands on few streams. */
export const hot = Effect.fnUntraced(function* (task: Task) {
  yield* fill(task)
  // The ten times that are the default do not do where fifty want the same stream at once.
  const accounts = yield* Aggregate.make({ decider: account, retry: Schedule.recurs(1000) })
  let rounds = 0
  let failed = 0
  return {
    run: () => {
      rounds++
      return timed(task.fibers, task.each, (fiber, place) => {
        const number = hotStream(fiber, place, task.streams)
        const command = { _tag: "BookNext", account: streamOf(prefilled, number) } as const
        return accounts
          .execute(String(number), command, { metadata: someMetadata() })
          .pipe(Effect.catch(() => Effect.sync(() => failed++)))
      })
    },
    check: Effect.suspend(() =>
      Checks.all([
        Checks.logIsWhole,
        Checks.categoryIsWhole(prefilled, task.streams, task.streams * task.length + rounds * task.fibers * task.each),
        Effect.succeed(Checks.same("commands that failed", failed, 0))
      ])
    )
  } satisfies Prepared
})
