/**
 * The rights that the guide to operations grants are enough for everything that an application does, and for no more than that; its settings of
 * tables and roles are taken by a server.
 */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Context, Duration, Effect, Layer, Option, Redacted, Schema, Stream } from "effect"
import { SqlClient } from "effect/sql"
import {
  Aggregate,
  Decider,
  Event,
  EventStore,
  Health,
  Process,
  ProcessManager,
  Projection,
  StreamName,
  View
} from "eventfold"
import { PostgresEventStore } from "eventfold/postgres"
import { eventfold } from "../cli/support.ts"
import { definition, projectionsOn } from "../postgres/support/projections.ts"
import { connect, eventually, storeOn } from "../postgres/support/stores.ts"
import { freshDatabase, TestServer } from "../support/server.ts"
import { sqlOf } from "./support.ts"

const guide = "docs/operations.md"

const noted = Event.define({ Noted: { n: Schema.Int } })

const note = Decider.make({
  name: "note",
  state: Schema.Int,
  initial: 0,
  commands: Schema.TaggedUnion({ Note: { n: Schema.Int } }),
  events: noted
})
  .evolve({ Noted: (sum, { n }) => sum + n })
  .decide({ Note: ({ n }) => [{ _tag: "Noted", n }] })

class Notes extends Aggregate.Service<Notes>()("test/Notes", {
  decider: note,
  cache: { entries: 0 },
  snapshots: { version: 1, every: 2 }
}) {}

const sums = View.keyed({
  name: "sums",
  events: noted,
  key: (_, { stream }) => StreamName.id(stream),
  model: Schema.Int,
  initial: 0
}).evolve({ Noted: (sum, { n }) => sum + n })

class Sums extends Projection.Service<Sums>()("test/Sums", Projection.make({ version: 1, view: sums })) {}

const inline = Projection.make({ version: 1, mode: "inline", name: "inline-sums", view: sums })
class InlineSums extends Projection.Service<InlineSums>()("test/InlineSums", inline) {}

class Lines extends Projection.Service<Lines>()(
  "test/Lines",
  Projection.handler({
    name: "lines",
    version: 1,
    events: noted,
    tables: { all: "(position bigint PRIMARY KEY, n integer NOT NULL)" },
    handle: Effect.fnUntraced(function* (events, { table }) {
      const sql = yield* SqlClient.SqlClient
      const positions = events.map(({ recorded }) => recorded.position)
      const numbers = events.map(({ event }) => event.n)
      yield* sql`INSERT INTO ${sql.literal(table("all"))} SELECT * FROM unnest(${positions}::bigint[], ${numbers}::int[])`
    })
  })
) {}

/** Answers a note of 7 with one of 1, elsewhere. */
const answering = ProcessManager.make({
  name: "answering",
  state: Schema.Int,
  initial: 0,
  events: noted,
  targets: { notes: ProcessManager.sends(note, ["Note"]) },
  timers: []
})
  .correlate({ Noted: ({ n }) => (n === 7 ? "seven" : undefined) })
  .evolve({ events: { Noted: (count) => count + 1 }, executed: {}, rejected: {}, elapsed: {} })
  .react({
    events: { Noted: () => [ProcessManager.send("notes", "answer", { _tag: "Note", n: 1 })] },
    rejected: {},
    elapsed: {}
  })

class Answers extends Process.Service<Answers>()("test/Answers", {
  manager: answering,
  aggregates: { notes: Notes }
}) {}

const eventOf = (n: number): EventStore.EventToAppend => ({
  id: crypto.randomUUID(),
  type: "Noted",
  schemaVersion: 1,
  tags: ["tag"],
  data: { n },
  metadata: {}
})

layer(TestServer.layer({ settings: { fsync: "off" } }), { excludeTestServices: true, timeout: 60_000 })(
  "the guide to operations",
  (it) => {
    /** A database after the statements of the guide, with roles of its own. */
    const ground = Effect.gen(function* () {
      const url = yield* Effect.flatMap(TestServer, freshDatabase)
      const admin = yield* connect(url)
      const suffix = crypto.randomUUID().slice(0, 8)
      const database = new URL(url).pathname.slice(1)
      const named = (statement: string) =>
        statement
          .replace("ON DATABASE shop", `ON DATABASE ${database}`)
          .replaceAll(/\bshop_(owner|app|reader)\b/g, (role) => `${role}_${suffix}`)
      const run = (sql: PgClient.PgClient, title: string) =>
        Effect.forEach(sqlOf(guide, title), (statement) => sql.unsafe(named(statement)), { discard: true })
      const urlOf = (role: string): string => {
        const its = new URL(url)
        its.username = `shop_${role}_${suffix}`
        its.password = "change me"
        return its.href
      }
      yield* Effect.addFinalizer(() =>
        Effect.forEach(
          ["reader", "app", "owner"],
          (role) =>
            Effect.ignore(
              Effect.andThen(
                admin.unsafe(`DROP OWNED BY shop_${role}_${suffix} CASCADE`),
                admin.unsafe(`DROP ROLE shop_${role}_${suffix}`)
              )
            ),
          { discard: true }
        )
      )
      yield* run(admin, "Once, as a superuser")
      const migrated = yield* eventfold(["migrate", "--store", urlOf("owner")])
      assert.strictEqual(migrated.exitCode, 0, migrated.stderr)
      const owner = yield* connect(urlOf("owner"))
      yield* run(owner, "As shop_owner, after each migration.")
      const app = yield* connect(urlOf("app"))
      yield* run(app, "As shop_app, once")
      return { admin, owner, app, urlOf, run }
    })

    it.effect("grants what an application needs, and not what it has no need of", () =>
      Effect.gen(function* () {
        const { app, urlOf } = yield* ground
        const doctor = yield* eventfold(["doctor", "--store", urlOf("app")])
        assert.match(doctor.stdout, /^ok +rights .* may read, append, and run projections and processes$/m)
        assert.match(doctor.stdout, /^ok +schema .* with all \d+ migrations$/m)

        const stores = Projection.withInline(PostgresEventStore.layer({ migrate: false }), [inline])
        const services = Layer.mergeAll(Sums.layer, Lines.layer, InlineSums.layer, Answers.layer).pipe(
          Layer.provideMerge(Notes.layer),
          Layer.provideMerge(stores),
          Layer.provideMerge(PgClient.layer({ url: Redacted.make(urlOf("app")) }))
        )
        const all = yield* Layer.build(Layer.fresh(services))
        const store = Context.get(all, EventStore.EventStore)
        const sql = Context.get(all, PgClient.PgClient)
        const notes = Context.get(all, Notes)
        yield* Effect.forEach([2, 2, 2, 7], (n) => notes.execute("a", { _tag: "Note", n }), { discard: true })
        yield* sql.withTransaction(
          Effect.andThen(
            sql`SET TRANSACTION ISOLATION LEVEL REPEATABLE READ`,
            PostgresEventStore.make({ migrate: false }).pipe(
              Effect.provideService(PgClient.PgClient, sql),
              // The types are handled inline, and this store does not.
              Effect.flatMap((plain) =>
                plain.append([{ stream: "other-1", expected: "any", events: [{ ...eventOf(1), type: "Other" }] }])
              )
            )
          )
        )
        yield* eventually("the process has answered", store.streamVersion("note-answer"), (version) => version === 1)
        yield* eventually(
          "there is a snapshot",
          sql`SELECT FROM eventfold.snapshots WHERE stream = 'note-a'`,
          (snapshots) => snapshots.length > 0
        )
        const head = yield* store.head
        const lines = Context.get(all, Lines)
        yield* lines.awaitPosition(head)
        yield* Context.get(all, Sums).awaitPosition(head)
        assert.deepStrictEqual(yield* Context.get(all, Sums).get("a"), Option.some(13))
        assert.deepStrictEqual(yield* Context.get(all, InlineSums).get("a"), Option.some(13))
        assert.lengthOf(yield* sql.unsafe(`SELECT FROM ${lines.table("all")}`), 5)
        assert.strictEqual((yield* notes.state("a")).state, 13)
        const health = yield* Health.check().pipe(Effect.provide(all))
        assert.deepStrictEqual(health.problems, [])
        yield* store.settledHead
        const first = yield* Stream.runHead(store.subscribe({ after: 0 })).pipe(Effect.timeout("5 seconds"))
        assert.strictEqual(Option.getOrThrow(first).position, 1)

        const reader = yield* connect(urlOf("reader"))
        assert.lengthOf(yield* reader.unsafe(`SELECT FROM ${lines.table("all")}`), 5)
        const reading = yield* storeOn(reader, { migrate: false })
        assert.lengthOf(yield* Stream.runCollect(reading.readLog()), head)
        const refused = [
          [app, "UPDATE eventfold.events SET data = '{}'"],
          [app, "ALTER TABLE eventfold.events DISABLE TRIGGER immutable"],
          [app, "DROP TABLE eventfold.events"],
          [reader, "INSERT INTO eventfold.inline_types VALUES ('Noted', 1)"]
        ] as const
        for (const [sql, statement] of refused) {
          const { reason } = yield* Effect.flip(sql.unsafe(statement))
          assert.match(String(reason.cause), /permission denied|must be owner/, statement)
        }
        const append = reading.append([
          { stream: "note-b", expected: "any", events: [{ ...eventOf(1), type: "Other" }] }
        ])
        const error = yield* Effect.flip(append)
        assert.strictEqual(error._tag === "StoreError" && error.reason, "AccessDenied")
      })
    )

    it.effect("grants inline projections what they need: without it they fail, and say which rights are missing", () =>
      Effect.gen(function* () {
        const { app, owner, urlOf } = yield* ground
        const [{ role } = { role: "" }] = yield* app<{ readonly role: string }>`SELECT current_user::text AS role`
        const change = (what: string) => owner.unsafe(what.replace("shop_app", role))
        const projections = yield* projectionsOn(app)
        yield* projections.register(definition({ mode: "inline" }))
        const [claim] = yield* projections.claim({ ...definition(), owner: "a", lease: Duration.minutes(1), most: 1 })
        yield* change("REVOKE INSERT, DELETE ON eventfold.inline_types FROM shop_app")
        const taken = yield* Effect.flip(projections.takeOver(claim!, 10, () => Effect.void))
        assert.deepInclude(taken, { _tag: "StoreError", reason: "AccessDenied" })

        const stores = Projection.withInline(PostgresEventStore.layer({ migrate: false }), [inline])
        const built = Layer.build(Layer.fresh(stores)).pipe(Effect.provideService(PgClient.PgClient, app))
        const registered = projections.register(definition({ mode: "inline" }))
        for (const { reason, problem } of [yield* Effect.flip(built), yield* Effect.flip(registered)]) {
          assert.strictEqual(reason, "AccessDenied")
          assert.include(problem, `GRANT INSERT, DELETE ON "eventfold".inline_types TO ${role}`)
        }
        const rightsOf = Effect.map(eventfold(["doctor", "--store", urlOf("app")]), ({ stdout }) =>
          stdout.split("\n").find((line) => / rights /.test(line))
        )
        assert.match((yield* rightsOf) ?? "", /make inline projections live \(INSERT, DELETE on inline_types\)$/)
        yield* change("GRANT INSERT, DELETE ON eventfold.inline_types TO shop_app")
        yield* built
        assert.match((yield* rightsOf) ?? "", /^ok /)

        // What is live is not written again.
        yield* change("REVOKE UPDATE ON eventfold.inline_types FROM shop_app")
        yield* built
        assert.match(
          (yield* rightsOf) ?? "",
          /live \(UPDATE on inline_types\); append in REPEATABLE READ or SERIALIZABLE transactions \(UPDATE on inline_types\)$/
        )
        const plain = yield* storeOn(app, { migrate: false })
        const other = plain.append([{ stream: "other-1", expected: "any", events: [{ ...eventOf(1), type: "Other" }] }])
        yield* other
        const refused = yield* Effect.flip(
          app.withTransaction(Effect.andThen(app`SET TRANSACTION ISOLATION LEVEL REPEATABLE READ`, other))
        )
        assert.strictEqual(refused._tag === "StoreError" && refused.reason, "AccessDenied")
      })
    )

    it.effect("has one role for tables of handlers: a version of another one is refused when it is to take over", () =>
      Effect.gen(function* () {
        const { app, owner } = yield* ground
        const tables = { all: "(n integer)" }
        yield* (yield* projectionsOn(owner)).register(definition({ tables }))
        const projections = yield* projectionsOn(app)
        const next = definition({ version: 2, tables })
        yield* projections.register(next)
        const [claim] = yield* projections.claim({ ...next, owner: "a", lease: Duration.minutes(1), most: 1 })
        const refused = yield* Effect.flip(projections.takeOver(claim!, 10, () => Effect.void))
        assert.deepInclude(refused, { _tag: "StoreError", reason: "AccessDenied" })
      })
    )

    it.effect("has numbers that go on where tables were copied without their sequences", () =>
      Effect.gen(function* () {
        const { owner, run } = yield* ground
        yield* run(owner, "The numbers of what was copied")
        const copied = (id: number) => owner`
          INSERT INTO eventfold.projection_generations (id, name, version, mode, role, partitions, types, tables, replayed_to)
          OVERRIDING SYSTEM VALUE VALUES (${id}, ${`p-${id}`}, 1, 'async', 'live', 1, '{}', '{}', '[]')`
        yield* Effect.forEach([1, 2, 7], copied)
        yield* run(owner, "The numbers of what was copied")
        const projections = yield* projectionsOn(owner)
        yield* projections.register(definition())
        const [next] = yield* owner`SELECT id FROM eventfold.projection_generations WHERE name = 'balances'`
        assert.deepStrictEqual(next, { id: 8 })
      })
    )

    it.effect("has settings that a server takes", () =>
      Effect.gen(function* () {
        const { admin, app, owner, run } = yield* ground
        yield* run(owner, "A large log.")
        yield* run(admin, "Timeouts of the application.")
        yield* run(admin, "Who holds advisory locks")
        yield* run(owner, "Snapshots are no source")
        const [options] = yield* admin<{ readonly options: ReadonlyArray<string> }>`
          SELECT reloptions AS options FROM pg_class WHERE oid = 'eventfold.events'::regclass`
        assert.deepStrictEqual(options?.options, [
          "autovacuum_vacuum_insert_scale_factor=0.01",
          "autovacuum_freeze_min_age=0"
        ])
        // A table with settings is still one that the application appends to.
        const store = yield* storeOn(app, { migrate: false })
        yield* store.append([{ stream: "note-1", expected: "no stream", events: [eventOf(1)] }])
      })
    )
  }
)
