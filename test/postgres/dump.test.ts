/**
 * A log that moves to another server: the tables as files of COPY, and the printed migrations for the rest. That is what a logical
 * dump holds; the program pg_dump itself is not run, because none of the server's version comes with its package.
 */
import { chmod, mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { PgClient } from "@effect/sql-pg"
import { assert, it } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import { type EventStore, type RecordedEvent, StreamName } from "eventfold"
import { script } from "../../src/postgres/migrations.ts"
import { literal, quoted } from "../../src/postgres/schema/names.ts"
import { startOwnServer } from "../support/server.ts"
import { runScript } from "./support/bigScript.ts"
import { connect, storeOn } from "./support/stores.ts"

const schema = "Ledger"

const folder = Effect.acquireRelease(
  Effect.promise(async () => {
    const path = await mkdtemp(join(tmpdir(), "eventfold-dump-"))
    // The server writes here, and it is another user.
    await chmod(path, 0o777)
    return path
  }),
  (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
)

const types = ["Opened", "Deposited", "Withdrawn"]

/** An event with what is easily lost on the way: quotes, backslashes, blanks, Unicode, big numbers, nulls, empty texts. */
const event = (n: number): EventStore.EventToAppend => ({
  id: crypto.randomUUID(),
  type: types[n % types.length]!,
  schemaVersion: 1 + (n % 3),
  tags: n % 2 === 0 ? [] : [`owner:${n % 5}`, 'a "quoted" one', "back\\slash", "läng, {brace}"].slice(0, 1 + (n % 4)),
  data: {
    n,
    text: "tab\tnewline\n\\N \\. 'ü' 😀",
    empty: "",
    big: 9007199254740991,
    tiny: 1e-7,
    none: null,
    list: [[], {}]
  },
  metadata: { correlationId: `c-${n}`, user: "O'Hara" }
})

const stream = (n: number) => StreamName.make(n % 2 === 0 ? "account" : "konto_ü", `${n % 7} "x"`)

const appendSome = (store: EventStore.EventStore["Service"], count: number) =>
  Effect.forEach(Array.from({ length: count }), (_, n) =>
    store.append([{ stream: stream(n), expected: "any", events: [event(n), event(n + 1)] }])
  )

interface Contents {
  readonly log: ReadonlyArray<RecordedEvent.RecordedEvent>
  readonly tagged: ReadonlyArray<RecordedEvent.RecordedEvent>
  readonly streams: ReadonlyArray<ReadonlyArray<RecordedEvent.RecordedEvent>>
  readonly versions: ReadonlyArray<number>
  readonly head: number
}

const contents = (store: EventStore.EventStore["Service"]): Effect.Effect<Contents, EventStore.StoreError> =>
  Effect.all({
    log: Stream.runCollect(store.readLog()),
    tagged: Stream.runCollect(store.readLog({ query: [{ tags: ['a "quoted" one'] }, { types: ["Opened"] }] })),
    streams: Effect.forEach(Array.from({ length: 14 }), (_, n) => Stream.runCollect(store.readStream(stream(n)))),
    versions: Effect.forEach(Array.from({ length: 14 }), (_, n) => store.streamVersion(stream(n))),
    head: store.head
  })

/** The tables that hold what was stored; which steps have been taken is what the script writes itself. */
const tables = (sql: PgClient.PgClient) =>
  sql.unsafe<{ readonly name: string }>(
    `SELECT c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND c.relkind = 'r' AND c.relname <> 'migrations' ORDER BY 1`,
    [schema]
  )

const copy = (sql: PgClient.PgClient, direction: "TO" | "FROM", path: string) =>
  Effect.flatMap(tables(sql), (all) =>
    Effect.forEach(all, ({ name }) =>
      sql.unsafe(`COPY ${quoted(schema)}.${quoted(name)} ${direction} ${literal(join(path, name))}`)
    )
  )

const settings = { fsync: "off" }

it.live(
  "a log that COPY and the printed migrations have moved to another server goes on there",
  () =>
    Effect.gen(function* () {
      const path = yield* folder
      const [from, to] = yield* Effect.all([startOwnServer({ settings }), startOwnServer({ settings })], {
        concurrency: 2
      })
      const old = yield* connect(from.url)
      const source = yield* storeOn(old, { schema })
      yield* appendSome(source, 1200)
      const before = yield* contents(source)
      assert.strictEqual(before.head, 2400)

      // A subscriber of the old server, whose checkpoint is where it got to.
      const handled = yield* Stream.runCollect(Stream.take(source.subscribe({ after: 0 }), 1700))
      const checkpoint = handled.at(-1)?.position ?? 0

      // The dump is of one snapshot, as pg_dump takes one, while the log goes on.
      yield* old.withTransaction(
        Effect.gen(function* () {
          yield* old.unsafe("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
          yield* copy(old, "TO", path)
        })
      )
      yield* from.stop

      const fresh = yield* connect(to.url)
      yield* runScript(fresh, script(schema))
      // The script has written its one row of it, which the dump has as well.
      yield* fresh.unsafe(`DELETE FROM ${quoted(schema)}.inline_types`)
      yield* copy(fresh, "FROM", path)
      const target = yield* storeOn(fresh, { schema })
      assert.deepStrictEqual(yield* contents(target), before)

      // An append that was made before is known, one that is new comes next.
      const again = before.log[0]!
      const repeated = yield* target.append([
        {
          stream: again.stream,
          expected: "no stream",
          events: before.log.slice(0, 2)
        }
      ])
      assert.deepStrictEqual([repeated.repeated, repeated.position], [true, 2])
      const subscriber = yield* target
        .subscribe({ after: checkpoint })
        .pipe(Stream.take(before.head - checkpoint + 2), Stream.runCollect, Effect.forkScoped)
      const appended = yield* target.append([
        { stream: stream(0), expected: before.versions[0]!, events: [event(0), event(1)] }
      ])
      assert.deepStrictEqual([appended.position, appended.versions], [before.head + 2, [before.versions[0]! + 2]])
      assert.deepStrictEqual(
        (yield* Fiber.join(subscriber)).map(({ position }) => position),
        Array.from({ length: before.head - checkpoint + 2 }, (_, i) => checkpoint + 1 + i)
      )
    }).pipe(Effect.scoped),
  120_000
)
