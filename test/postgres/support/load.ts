/**
 * A store at work: many writers and a subscriber in this process, while a test does its worst to the server.
 */
import type { PgClient } from "@effect/sql-pg"
import { Effect, Fiber, Scope, Stream } from "effect"
import { type EventStore, Query } from "eventfold"
import { PostgresEventStore } from "eventfold/postgres"
import { check, must, type Seen, type Summary, Violation } from "./oracle.ts"
import { connect, eventually, freshSchema, storeOn, within } from "./stores.ts"
import { categories, finish, lastType, patiently, type Report, writer } from "./workload.ts"

/** How long a store may take to go on by itself, once it can. */
export const recovery = "5 seconds"

/** Everything that a subscription gives, in the order in which it comes, until the writers are done. */
export const follow = (store: EventStore.EventStore["Service"], query: Query.Query, after = 0) =>
  Effect.gen(function* () {
    const events: Array<Seen["events"][number]> = []
    const done = yield* store.subscribe({ after, query }).pipe(
      Stream.takeUntil(({ type, stream }) => type === lastType && stream.startsWith(categories[1]!)),
      Stream.runForEach(({ position, id }) => Effect.sync(() => events.push({ position, id }))),
      Effect.forkScoped
    )
    const seen: Seen = { query, events }
    return { seen, done: Fiber.join(done) }
  })

export interface Running {
  readonly schema: string
  /** How many appends have been answered so far. */
  readonly answered: () => number
  /** Adds to what was answered. */
  readonly report: (report: Report) => Effect.Effect<void>
  /** Ends when so many more appends are answered. */
  readonly more: (appends: number) => Effect.Effect<unknown, Violation>
  /** Fails unless appends and subscription go on by themselves, from now. */
  readonly recovers: Effect.Effect<void, Violation>
}

/**
 * Runs writers and a subscriber while something happens, and then judges what became of it all.
 */
export const underLoad = <E>(options: {
  readonly url: string
  /** A client to look at the log with in the end. */
  readonly admin: PgClient.PgClient
  readonly seed: string
  readonly fibers?: number
  readonly store?: PostgresEventStore.Options
  readonly happens: (running: Running) => Effect.Effect<void, E, Scope.Scope>
}) =>
  Effect.gen(function* () {
    const { admin, fibers = 50, seed } = options
    const schema = freshSchema()
    const store = yield* storeOn(yield* connect(options.url), { schema, ...options.store })
    const reports: Array<Report> = []
    const report = (one: Report) => Effect.sync(() => void reports.push(one))
    let isDone = false
    const { seen, done } = yield* follow(store, Query.all)
    const writers = yield* Effect.forkScoped(
      Effect.forEach(
        Array.from({ length: fibers }, (_, fiber) => fiber),
        (fiber) =>
          writer({
            store,
            seed: `${seed} ${fiber}`,
            goesOn: () => !isDone,
            report,
            pause: 20
          }),
        { concurrency: "unbounded", discard: true }
      )
    )
    const more = (appends: number) =>
      Effect.suspend(() => {
        const target = reports.length + appends
        return eventually(
          `${appends} more appends`,
          Effect.sync(() => reports.length),
          (answered) => answered >= target,
          recovery
        )
      })
    const recovers = Effect.gen(function* () {
      const head = reports.reduce(
        (highest, { answer }) => (answer._tag === "Stored" ? Math.max(highest, answer.position) : highest),
        0
      )
      const sees = eventually(
        "the subscription goes on",
        Effect.sync(() => seen.events[seen.events.length - 1]?.position ?? 0),
        (position) => position > head,
        recovery
      )
      yield* Effect.all([more(fibers), sees], { concurrency: "unbounded" })
    })
    const body = options.happens({ schema, answered: () => reports.length, report, more, recovers })
    // A writer or a subscriber that ends before its time has failed, and that says more than what comes of it.
    const early = Effect.andThen(
      Effect.raceFirst(Fiber.join(writers), done),
      Effect.fail(new Violation({ problem: "the writers or the subscription ended before they were to" }))
    )
    yield* Effect.raceFirst(body, early)
    isDone = true
    yield* Fiber.join(writers).pipe(within("the writers come to an end", "15 seconds"))
    yield* patiently(Effect.catchTag(finish(store), ["ConcurrencyConflict", "ConditionConflict"], Effect.die))
    yield* done.pipe(within("the subscriber sees the last event", recovery))
    const summary: Summary = yield* check({ sql: admin, schema, reports, seen: [seen], complete: true })
    yield* must(summary.stored > fibers && summary.conflicts > 0, "the writers were idle", summary)
    return summary
  })
