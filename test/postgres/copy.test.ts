/**
 * Copies and restores on a real server, and from a folder of the embedded database.
 */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Context, DateTime, Duration, Effect, Exit, Fiber, Layer, Stream } from "effect"
import { BeginTransaction } from "effect/sql/SqlClient"
import { Copy, EventStore, ProjectionStore, type RecordedEvent } from "eventfold"
import { MemoryEventStore } from "eventfold/memory"
import { PostgresEventStore } from "eventfold/postgres"
import { EmbeddedEventStore } from "eventfold/postgres/embedded"
import { makeEmbeddedFolder } from "../support/embeddedFolder.ts"
import { startChild } from "./support/children.ts"
import { changing } from "./support/copying.ts"
import { proxyTo } from "./support/proxy.ts"
import { claimOne, definition, projectionsOn } from "./support/projections.ts"
import { connect, eventually, freshSchema, terminateAll } from "./support/stores.ts"
import { aStore, live, Victim } from "./support/victim.ts"
import { eventOf, writeTo } from "./support/workload.ts"

type Recorded = RecordedEvent.RecordedEvent
type Both = Context.Context<EventStore.EventStore | ProjectionStore.ProjectionStore>

const storeOf = (context: Context.Context<EventStore.EventStore>) => Context.get(context, EventStore.EventStore)
const readAll = (context: Context.Context<EventStore.EventStore>) => Stream.runCollect(storeOf(context).readLog())
const plain = (events: ReadonlyArray<Recorded>) =>
  events.map((event) => ({ ...event, recordedAt: DateTime.formatIso(event.recordedAt) }))

const start = Date.UTC(1969, 11, 31, 23, 59, 59, 990)

const restored = (n: number, fields?: Partial<EventStore.RestoredEvent>): EventStore.RestoredEvent => ({
  ...eventOf(n % 5 === 0 ? "Noise" : "Noted"),
  tags: n % 3 === 0 ? ["third", `n:${n % 4}`] : [],
  stream: n % 2 === 0 ? "even-1" : `odd-${n % 7}`,
  recordedAt: DateTime.makeUnsafe(start + Math.floor(n / 3)),
  data: { n, text: "\"'\\é" },
  ...fields
})

const restoredUpTo = (count: number) => Array.from({ length: count }, (_, n) => restored(n))

const fill = Effect.fnUntraced(function* (context: Context.Context<EventStore.EventStore>, count: number) {
  const events = restoredUpTo(count)
  for (let i = 0; i < count; i += 1000) yield* storeOf(context).restore(events.slice(i, i + 1000))
})

const assertCopied = (source: ReadonlyArray<Recorded>, target: ReadonlyArray<Recorded>) => {
  const versions = new Map<string, number>()
  const expected = source
    .flatMap((recorded) => Copy.transformed(changing, recorded))
    .map((event, i) => {
      const version = (versions.get(event.stream) ?? 0) + 1
      versions.set(event.stream, version)
      return { ...event, version, position: i + 1 }
    })
  assert.deepStrictEqual(plain(target), plain(expected))
}

/** A store in a schema of its own. */
const onServer = (options?: { readonly url?: string; readonly schema?: string; readonly migrate?: boolean }) =>
  Effect.gen(function* () {
    const { server } = yield* Victim
    const { migrate = true, schema = freshSchema(), url = server.url } = options ?? {}
    const sql = yield* connect(url)
    const context: Both = yield* Layer.build(
      Layer.fresh(PostgresEventStore.layer({ schema, migrate })).pipe(
        Layer.provide(Layer.succeed(PgClient.PgClient, sql))
      )
    )
    return { context, schema, sql }
  })

const folder = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "eventfold-copy-"))),
  (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
)

layer(Victim.layer, live)("a copy", (it) => {
  it.effect("goes from a folder of the embedded database to memory, and to a server, event for event", () =>
    Effect.gen(function* () {
      const dataDir = `${yield* folder}/data`
      yield* Effect.promise(() => makeEmbeddedFolder(dataDir))
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* fill(yield* Layer.build(EmbeddedEventStore.layer({ dataDir })), 2300)
        })
      )
      const from = yield* Layer.build(EmbeddedEventStore.layer({ dataDir }))
      const memory = yield* Layer.build(MemoryEventStore.layer)
      const { context: server } = yield* onServer()
      const source = yield* readAll(from)
      assert.lengthOf(source, 2300)
      for (const to of [memory, server]) {
        const report = yield* Copy.run(changing, { from, to })
        const target = yield* readAll(to)
        assertCopied(source, target)
        assert.deepStrictEqual([report.upTo, report.read, report.written], [2300, 2300, target.length])
      }
      assert.deepStrictEqual(plain(yield* readAll(from)), plain(source))
    })
  )

  it.effect("only reads its source: it needs no right to write there", () =>
    Effect.gen(function* () {
      const { admin, server } = yield* Victim
      const source = yield* onServer()
      yield* fill(source.context, 1500)
      const role = `reader_${source.schema}`
      yield* admin.unsafe(`CREATE ROLE ${role} LOGIN PASSWORD 'reader'`)
      yield* admin.unsafe(`ALTER ROLE ${role} SET default_transaction_read_only = on`)
      yield* admin.unsafe(`GRANT USAGE ON SCHEMA ${source.schema} TO ${role}`)
      yield* admin.unsafe(`GRANT SELECT ON ALL TABLES IN SCHEMA ${source.schema} TO ${role}`)
      const url = new URL(server.url)
      url.username = role
      url.password = "reader"
      const reader = yield* onServer({ url: url.href, schema: source.schema, migrate: false })
      const refused = yield* Effect.flip(storeOf(reader.context).restore([restored(9999)]))
      assert.include(["ReadOnly", "AccessDenied"], refused.reason)
      const target = yield* onServer()
      yield* Copy.run(changing, { from: reader.context, to: target.context })
      assertCopied(yield* readAll(source.context), yield* readAll(target.context))
    })
  )

  it.effect("is run by one of several processes at a time, and stores nothing twice", () =>
    Effect.gen(function* () {
      const source = yield* onServer()
      yield* fill(source.context, 4000)
      const target = yield* onServer()
      const others = yield* Effect.forEach([1, 2], () => onServer({ schema: target.schema }))
      const reports = yield* Effect.forEach(
        [target, ...others],
        ({ context }) => Copy.run(changing, { from: source.context, to: context }),
        { concurrency: "unbounded" }
      )
      const events = yield* readAll(target.context)
      assertCopied(yield* readAll(source.context), events)
      for (const { written } of reports) assert.strictEqual(written, events.length)
    })
  )

  it.effect("whose connections are ended again and again comes to what an undisturbed one comes to", () =>
    Effect.gen(function* () {
      const { admin } = yield* Victim
      const source = yield* onServer()
      yield* fill(source.context, 10_000)
      const target = yield* onServer()
      let runs = 0
      const once = Effect.suspend(() => {
        runs++
        return Copy.run(changing, { from: source.context, to: target.context })
      })
      const copying = yield* Effect.forkChild(
        Effect.retry(once, { while: (error) => error._tag === "StoreError" && error.isRetryable })
      )
      let ends = 0
      while (copying.pollUnsafe() === undefined && ends < 8) {
        yield* Effect.sleep(Duration.millis(40 + 15 * ends))
        yield* terminateAll(admin)
        ends++
      }
      const report = yield* Fiber.join(copying)
      // The last end may have come when the copy was done: then it is a read that finds its connection gone.
      const readAgain = (context: Both) => Effect.retry(readAll(context), { while: ({ isRetryable }) => isRetryable })
      assertCopied(yield* readAgain(source.context), yield* readAgain(target.context))
      assert.strictEqual(report.read, 10_000)
      assert.isAbove(ends, 1)
      assert.isAbove(runs, 1)
    })
  )
})

layer(Victim.layer, live)("a copy in a process of its own", (it) => {
  it.effect("that is killed again and again, and run again, comes to what an undisturbed one comes to", () =>
    Effect.gen(function* () {
      const { server } = yield* Victim
      const source = yield* onServer()
      yield* fill(source.context, 30_000)
      const target = yield* onServer()
      const task = JSON.stringify({ url: server.url, from: source.schema, to: target.schema })
      const begin = Effect.gen(function* () {
        let pages = 0
        const child = yield* startChild({
          program: fileURLToPath(new URL("support/copier.ts", import.meta.url)),
          task,
          hears: () => pages++
        })
        yield* child.begin
        return { child, pages: () => pages }
      })
      const heads: Array<number> = []
      for (let round = 0; round < 4; round++) {
        const { child, pages } = yield* begin
        // A run that was killed holds its claim for two seconds.
        yield* eventually("it has come further", Effect.sync(pages), (n) => n > 2, "15 seconds")
        yield* Effect.sleep(Duration.millis(17 * round))
        yield* child.kill9
        heads.push(yield* storeOf(target.context).head)
      }
      yield* Effect.flatMap(begin, ({ child }) => child.ended)
      const events = yield* readAll(target.context)
      assertCopied(yield* readAll(source.context), events)
      // Each was killed in the middle.
      assert.isAbove(heads[0]!, 0)
      assert.isBelow(heads[3]!, events.length)
      assert.strictEqual(new Set(heads).size, 4)
    })
  )
})

layer(Victim.layer, live)("a restore on a server", (it) => {
  it.effect("whose answer is lost is asked for again by the store, and answered as repeated", () =>
    Effect.gen(function* () {
      const { server } = yield* Victim
      const proxy = yield* proxyTo(server.url)
      const { store } = yield* aStore({ url: proxy.url })
      const events = [...restoredUpTo(20), restored(20, { type: "Lost" })]
      proxy.loseAnswers("Lost", { times: 3 })
      assert.deepStrictEqual(yield* store.restore(events), { position: 21, repeated: true })
      assert.strictEqual(proxy.lost(), 3)
      assert.strictEqual(yield* store.head, 21)
    })
  )

  it.effect("whose answer does not come back has an unknown outcome, and can be asked again", () =>
    Effect.gen(function* () {
      const { server } = yield* Victim
      const proxy = yield* proxyTo(server.url)
      const { store } = yield* aStore({ url: proxy.url, outcomeTimeout: "500 millis" })
      const events = [restored(1, { type: "Lost" })]
      proxy.loseAnswers("Lost", { times: 1, afterwards: () => proxy.accept(false) })
      const failure = yield* Effect.flip(store.restore(events))
      assert.strictEqual(failure.reason, "OutcomeUnknown")
      proxy.accept(true)
      const again = yield* Effect.retry(store.restore(events), { while: ({ isRetryable }) => isRetryable })
      assert.deepStrictEqual(again, { position: 1, repeated: true })
    })
  )

  it.effect("is a part of the transaction that it is called in", () =>
    Effect.gen(function* () {
      const { sql, store } = yield* aStore()
      const rolledBack = yield* Effect.exit(
        sql.withTransaction(Effect.andThen(store.restore(restoredUpTo(30)), Effect.fail("no")))
      )
      assert.isTrue(Exit.isFailure(rolledBack))
      assert.strictEqual(yield* store.head, 0)
      yield* sql.withTransaction(
        Effect.gen(function* () {
          yield* store.restore(restoredUpTo(30))
          assert.strictEqual(yield* store.head, 30)
          yield* store.append(writeTo("even-1"))
        })
      )
      assert.strictEqual(yield* store.streamVersion("even-1"), 16)
      assert.strictEqual(yield* store.head, 31)
    })
  )

  it.effect("in a transaction whose snapshot is too old says so", () =>
    Effect.gen(function* () {
      const { schema, sql, store } = yield* aStore()
      const other = storeOf((yield* onServer({ schema })).context)
      const event = restored(1, { recordedAt: DateTime.makeUnsafe(start) })
      const failure = yield* Effect.flip(
        sql
          .withTransaction(
            Effect.gen(function* () {
              yield* store.head
              yield* other.restore([event])
              return yield* store.restore([event])
            })
          )
          .pipe(Effect.provideService(BeginTransaction, "BEGIN ISOLATION LEVEL REPEATABLE READ"))
      )
      assert.deepInclude(failure, { _tag: "StoreError", reason: "Contention" })
    })
  )

  it.effect("keeps times from the year 1 on", () =>
    Effect.gen(function* () {
      const { store } = yield* aStore()
      const times = ["0001-01-01T00:00:00.000Z", "1582-10-10T12:00:00.001Z", "1969-12-31T23:59:59.999Z"]
      yield* store.restore(times.map((time, n) => restored(n, { recordedAt: DateTime.makeUnsafe(time) })))
      const events = yield* Stream.runCollect(store.readLog())
      assert.deepStrictEqual(
        events.map(({ recordedAt }) => DateTime.formatIso(recordedAt)),
        times
      )
    })
  )

  it.effect("is refused where somebody has written a time that is finer than a millisecond, and later", () =>
    Effect.gen(function* () {
      const { admin, schema, store } = yield* aStore()
      yield* admin.unsafe(
        `INSERT INTO ${schema}.events VALUES (1, 'even-1', 1, gen_random_uuid(), 'Noted', 1, '2001-01-01 00:00:00.0005Z', '{}', '0', '{}')`
      )
      const time = DateTime.makeUnsafe("2001-01-01T00:00:00.000Z")
      const failure = yield* Effect.flip(store.restore([restored(1, { recordedAt: time })]))
      assert.strictEqual(failure.reason, "InvalidRequest")
      assert.strictEqual(yield* store.head, 1)
      yield* store.restore([restored(1, { recordedAt: DateTime.add(time, { milliseconds: 1 }) })])
    })
  )

  it.effect("of types that a live inline projection handles is refused", () =>
    Effect.gen(function* () {
      const { schema, sql, store } = yield* aStore()
      const projections = yield* projectionsOn(sql, schema)
      yield* projections.register(definition({ mode: "inline" }))
      assert.isTrue(yield* projections.takeOver(yield* claimOne(projections), 0, () => Effect.void))
      const failure = yield* Effect.flip(store.restore([restored(5), restored(6)]))
      assert.strictEqual(failure.reason, "Misconfigured")
      assert.include(failure.problem, "balances")
      assert.strictEqual(yield* store.head, 0)
      yield* store.restore([restored(5)])
      const from = yield* Layer.build(Layer.fresh(MemoryEventStore.layer))
      yield* storeOf(from).restore([restored(10), restored(10), restored(11), restored(12)])
      const to = Context.make(EventStore.EventStore, store).pipe(
        Context.add(ProjectionStore.ProjectionStore, projections)
      )
      const stopped = yield* Effect.flip(Copy.run(Copy.make({ name: "inline" }), { from, to }))
      assert.deepInclude(stopped, { _tag: "CopyFailed", by: "target", position: 3 })
      assert.strictEqual(yield* store.head, 3)
    })
  )
})
