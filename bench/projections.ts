/**
 * How fast projections catch up with a long log, beside the paged SELECT that reads and decodes the same events and does nothing with them.
 */
import { PgClient } from "@effect/sql-pg"
import { Context, Deferred, type Duration, Effect, Layer, Schema } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { type Event, EventStore, Projection, type ProjectionStore, StreamName, Subscription, View } from "eventfold"
import { PostgresEventStore } from "eventfold/postgres"
import { type CheckFailed, same } from "./checks.ts"
import { heapOver } from "./heap.ts"
import * as Limits from "./limits.ts"
import { inTurns, timed } from "./measure.ts"
import { accounts, fill, type Movements } from "./movements.ts"
import { report } from "./report.ts"
import { Booked } from "./rows.ts"

/** How much is measured. */
export interface Size {
  readonly rounds: number
  /** The length of the log. */
  readonly events: number
}

type Stores = EventStore.EventStore | ProjectionStore.ProjectionStore | SqlClient.SqlClient | PgClient.PgClient
type Failed = CheckFailed | EventStore.StoreError | Event.DecodeError | Projection.AwaitTimeout | SqlError.SqlError

const patience: Duration.Input = "10 minutes"

/** What was seen of a log: how much, what it adds up to, and whether anything was out of place. */
class Seen {
  length = 0
  sum = 0
  gaps = 0
  add(position: number, amount: number): void {
    this.length++
    this.sum += amount
    if (position !== this.length) this.gaps++
  }
  is(what: string, { length, sum }: Movements) {
    return same(what, [this.length, this.sum, this.gaps].join(), [length, sum, 0].join())
  }
}

/** Runs a projection until it has come to a position: what it is to register, to claim and to take over included. */
const caughtUp = <Reader extends Projection.Control, R>(
  projection: Projection.Projection<Reader, "async", R>,
  position: number
): Effect.Effect<
  void,
  EventStore.StoreError | Projection.AwaitTimeout,
  R | EventStore.EventStore | ProjectionStore.ProjectionStore
> =>
  Effect.scoped(
    Effect.gen(function* () {
      class Running extends Projection.Service<Running>()("bench/Running", projection) {}
      const running = yield* Layer.build(Layer.fresh(Running.layer))
      yield* Context.get(running, Running).awaitPosition(position, patience)
    })
  )

const decodeData = Schema.decodeUnknownSync(
  Schema.Struct({ account: Schema.String, amount: Schema.Int, note: Schema.String })
)

const select = Effect.fnUntraced(function* (schema: string, log: Movements) {
  const sql = yield* PgClient.PgClient
  const seen = new Seen()
  for (let after = 0, read = -1; read !== 0;) {
    const page = yield* Limits.selectPage(sql, `${schema}.events`, after)
    for (const { data, position } of page) seen.add(Number(position), decodeData(data).amount)
    read = page.length
    after += read
  }
  yield* seen.is("what was selected of the log", log)
})

/** One handler for each event, which does nothing. */
const subscribe = Effect.fnUntraced(function* (log: Movements) {
  const seen = new Seen()
  const done = yield* Deferred.make<void>()
  const subscription = Subscription.run({ events: Booked }, ({ amount }, { position }) => {
    seen.add(position, amount)
    return seen.length === log.length ? Deferred.succeed(done, undefined) : Effect.void
  })
  yield* Effect.raceFirst(subscription, Deferred.await(done))
  yield* seen.is("what was subscribed to", log)
})

/** A projection whose handler does nothing. */
const nothing = Effect.fnUntraced(function* (name: string, log: Movements) {
  const seen = new Seen()
  const projection = Projection.handler({
    name,
    version: 1,
    events: Booked,
    handle: (events) =>
      Effect.sync(() => {
        for (const { event, recorded } of events) seen.add(recorded.position, event.amount)
      })
  })
  yield* caughtUp(projection, log.length)
  yield* seen.is(`what ${name} handled`, log)
})

/** A document for each account. */
const balances = (name: string) =>
  Projection.make({
    version: 1,
    view: View.keyed({
      name,
      events: Booked,
      key: (_, { stream }) => StreamName.id(stream),
      model: Schema.Struct({ balance: Schema.Int, entries: Schema.Int }),
      initial: { balance: 0, entries: 0 }
    }).evolve({
      Booked: ({ balance, entries }, { amount }) => ({ balance: balance + amount, entries: entries + 1 })
    })
  })

/** A row for each event, in a table of its own. */
const bookings = (name: string) =>
  Projection.handler({
    name,
    version: 1,
    events: Booked,
    tables: { lines: "(position bigint PRIMARY KEY, account text NOT NULL, amount bigint NOT NULL)" },
    handle: Effect.fnUntraced(function* (events, { table }) {
      const sql = yield* SqlClient.SqlClient
      yield* sql.unsafe(`INSERT INTO ${table("lines")} SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[])`, [
        events.map(({ recorded }) => recorded.position),
        events.map(({ recorded }) => recorded.stream),
        events.map(({ event }) => event.amount)
      ])
    })
  })

/** That every document is what the events of its account come to. */
const documentsAreRight = Effect.fnUntraced(function* (schema: string, name: string) {
  const sql = yield* PgClient.PgClient
  const [row] = yield* sql.unsafe<{ readonly accounts: number; readonly right: number; readonly documents: number }>(
    `SELECT count(*)::int AS accounts,
  count(*) FILTER (WHERE d.document = jsonb_build_object('balance', e.balance, 'entries', e.entries))::int AS right,
  (SELECT count(*)::int FROM ${schema}.projection_documents d JOIN ${schema}.projection_generations g ON g.id = d.generation
    WHERE g.name = $1::text) AS documents
FROM (
  SELECT substr(stream, 9) AS account, sum((data->>'amount')::int) AS balance, count(*) AS entries
  FROM ${schema}.events GROUP BY stream
) e
LEFT JOIN ${schema}.projection_generations g ON g.name = $1::text
LEFT JOIN ${schema}.projection_documents d ON d.generation = g.id AND d.key = e.account`,
    [name]
  )
  yield* same(`documents of ${name} that are right`, row?.right, row?.accounts)
  yield* same(`documents of ${name}`, row?.documents, row?.accounts)
})

/** That every event has its row. */
const linesAreRight = Effect.fnUntraced(function* (schema: string, name: string, { length }: Movements) {
  const sql = yield* PgClient.PgClient
  const [row] = yield* sql.unsafe<{ readonly lines: number; readonly right: number }>(
    `SELECT count(*)::int AS lines,
  count(*) FILTER (WHERE l.account = e.stream AND l.amount = (e.data->>'amount')::int)::int AS right
FROM ${schema}.${name}_lines l LEFT JOIN ${schema}.events e USING (position)`
  )
  yield* same(`rows of ${name}`, row?.lines, length)
  yield* same(`rows of ${name} that are right`, row?.right, length)
})

/** The rate that two cores are to keep up with, with the server on them. */
const rate = { atLeast: 40_000 } as const
const megabytes = 50

/** Catching up with a log from its first event. */
export const catchUp = Effect.fn("catchUp")(function* (size: Size) {
  const schema = "projecting"
  const scenario = Effect.gen(function* () {
    const log = yield* fill(schema, size.events)
    const whole = <E, R>(run: Effect.Effect<void, E, R>) =>
      timed(
        [[0]],
        () => run,
        () => log.length
      )
    const samples = yield* inTurns<Failed, Stores>(size.rounds, (round) =>
      Effect.succeed({
        subjects: [
          ["paged SELECT, decoded", whole(select(schema, log))],
          ["subscription", whole(subscribe(log))],
          ["empty handler", whole(nothing(`nothing_${round}`, log))],
          ["documents", whole(caughtUp(balances(`balances_${round}`), log.length))],
          ["table", whole(caughtUp(bookings(`bookings_${round}`), log.length))]
        ],
        check: Effect.andThen(
          documentsAreRight(schema, `balances_${round}`),
          linesAreRight(schema, `bookings_${round}`, log)
        )
      } as const)
    )
    const heap = [
      yield* heapOver("documents", caughtUp(balances("balances_heap"), log.length)),
      yield* heapOver("table", caughtUp(bookings("bookings_heap"), log.length))
    ]
    const to = "paged SELECT, decoded"
    return report(
      `catch up with ${log.length.toLocaleString("en-US")} events, over ${accounts.toLocaleString("en-US")} keys`,
      samples,
      [
        { by: "rate", of: "subscription", to, target: { atLeast: 0.6 } },
        { by: "rate", of: "empty handler", to, target: { atLeast: 0.6 } },
        { by: "rate", of: "documents", to },
        { by: "rate", of: "table", to },
        { by: "rate", of: "documents", target: rate },
        { by: "rate", of: "table", target: rate }
      ],
      heap.map((finding) => ({ ...finding, target: { atMost: megabytes } }))
    )
  })
  return yield* Effect.provide(scenario, Layer.fresh(PostgresEventStore.layer({ schema })))
}, Effect.scoped)
