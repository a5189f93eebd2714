/**
 * Commands over boundaries, beside the same commands on streams of which nothing is in memory: what it costs to ask by a tag, and to append on a
 * condition.
 */
import { PgClient } from "@effect/sql-pg"
import { Effect } from "effect"
import { Aggregate, Boundary } from "eventfold"
import { logIsContiguous, same } from "./checks.ts"
import {
  accountOf,
  before,
  dealt,
  entriesAreRight,
  execute,
  type Failed,
  fibers,
  filledStore,
  note,
  type Size
} from "./commands.ts"
import { inTurns, timed } from "./measure.ts"
import { report } from "./report.ts"
import { Booked } from "./rows.ts"

const tagOf = (stream: string): string => `account:${stream}`

/** The same rules, whose events are found by their account as well as by their stream. */
const tagged = accountOf(Booked.tagged({ Booked: ({ account }) => [tagOf(account)] }))

const overTags = Boundary.make({
  decider: tagged,
  boundaryOf: ({ account }) => [{ types: ["Booked"], tags: [tagOf(account)] }],
  streamOf: ({ account }) => `account-${account.slice("account-".length)}`
})

/** One command on each of many accounts. */
export const boundaries = Effect.fnUntraced(function* (size: Size) {
  const sql = yield* PgClient.PgClient
  const ids = dealt(size.streams)
  const streams = yield* filledStore("boundaries_streams", ids.flat(), before, (stream) => [tagOf(stream)])
  const aggregate = yield* Effect.provideContext(
    Aggregate.make({ decider: tagged, cache: { entries: 0 } }),
    streams.stores
  )
  const tags = yield* filledStore("boundaries_tags", ids.flat(), before, (stream) => [tagOf(stream)])
  const boundary = yield* Effect.provideContext(overTags, tags.stores)
  const executeOver = Effect.fnUntraced(function* (id: string, amount: number) {
    const { events } = yield* boundary.execute({ _tag: "Book", account: aggregate.streamOf(id), amount, note })
    yield* same(`what a command on account ${id} came to`, events[0]?.amount, amount)
  })
  const onStream = execute(aggregate, "latest")
  const samples = yield* inTurns<Failed, PgClient.PgClient>(size.rounds, (round) => {
    const amount = before + round + 1
    return Effect.succeed({
      subjects: [
        ["over a tag", timed(ids, (id) => executeOver(id, amount))],
        ["on a stream", timed(ids, (id) => onStream(id, amount))]
      ],
      check: Effect.gen(function* () {
        for (const [schema, { store }] of [
          ["boundaries_streams", streams],
          ["boundaries_tags", tags]
        ] as const) {
          yield* logIsContiguous(sql, `${schema}.events`, yield* store.head)
          yield* entriesAreRight(`${schema}.events`, size.streams, amount)
        }
        const [state] = ids.flat()
        const last = yield* boundary.state([{ tags: [tagOf(aggregate.streamOf(state!))] }])
        yield* same("entries of the first account", last.state.entries, amount)
      })
    })
  })
  return report(
    `one command over the boundary of each of ${size.streams.toLocaleString("en-US")} accounts, ${fibers} fibers`,
    samples,
    [
      { by: "rate", of: "over a tag", to: "on a stream" },
      { by: "p50", of: "over a tag", to: "on a stream" }
    ]
  )
}, Effect.scoped)
