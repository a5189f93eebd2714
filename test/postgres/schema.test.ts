/**
 * What the migrations make of a database: the tables, indexes and functions as they are pinned here, whoever runs them and however
 * often, under any name, and events that nobody changes.
 */
import type { PgClient } from "@effect/sql-pg"
import { assert, expect, layer } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import { EventStore, StreamName } from "eventfold"
import { script } from "../../src/postgres/migrations.ts"
import { freshDatabase, TestServer } from "../support/server.ts"
import { runScript } from "./support/bigScript.ts"
import { connect, storeOn } from "./support/stores.ts"

/** A client of a database of its own. */
const database = Effect.flatMap(Effect.flatMap(TestServer, freshDatabase), (url) => connect(url))

const events = (types: ReadonlyArray<string>): ReadonlyArray<EventStore.EventToAppend> =>
  types.map((type) => ({
    id: crypto.randomUUID(),
    type,
    schemaVersion: 1,
    tags: ["tag"],
    data: { type },
    metadata: {}
  }))

const account = StreamName.make("account", "ada")

const appendTo = (store: EventStore.EventStore["Service"], types: ReadonlyArray<string>) =>
  store.append([{ stream: account, expected: "any", events: events(types) }])

const typesOf = (store: EventStore.EventStore["Service"]) =>
  Effect.map(Stream.runCollect(store.readLog()), (all) => all.map(({ type }) => type))

/** Everything that is in a schema, as text in which the schema is called S. */
const described = (sql: PgClient.PgClient, schema: string) =>
  Effect.map(
    sql.unsafe<{ readonly line: string }>(
      `WITH s AS (SELECT oid FROM pg_namespace WHERE nspname = $1)
SELECT line FROM (
  SELECT 1 AS kind, format('%s %s', CASE c.relkind WHEN 'r' THEN 'table' ELSE c.relkind::text END, c.relname) AS name, 0 AS n,
    format('%s %s', CASE c.relkind WHEN 'r' THEN 'table' ELSE c.relkind::text END, c.relname) AS line
    FROM pg_class c JOIN s ON c.relnamespace = s.oid WHERE c.relkind NOT IN ('i', 't')
  UNION ALL
  SELECT 1, 'table ' || c.relname, a.attnum, concat_ws(' ', ' ', a.attname, format_type(a.atttypid, a.atttypmod),
      (SELECT 'collate ' || quote_ident(l.collname) FROM pg_collation l WHERE l.oid = a.attcollation AND l.collname <> 'default'),
      CASE WHEN a.attnotnull THEN 'not null' END, 'default ' || pg_get_expr(d.adbin, d.adrelid))
    FROM pg_class c JOIN s ON c.relnamespace = s.oid JOIN pg_attribute a ON a.attrelid = c.oid
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
  UNION ALL
  SELECT 2, 'constraint ' || k.conname, 0, format('constraint %s on %s: %s', k.conname, k.conrelid::regclass, pg_get_constraintdef(k.oid))
    FROM pg_constraint k JOIN s ON k.connamespace = s.oid WHERE k.contype <> 'n'
  UNION ALL
  SELECT 3, c.relname, 0, pg_get_indexdef(c.oid)
    FROM pg_class c JOIN s ON c.relnamespace = s.oid WHERE c.relkind = 'i'
  UNION ALL
  SELECT 4, c.relname || t.tgname, 0, pg_get_triggerdef(t.oid)
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN s ON c.relnamespace = s.oid WHERE NOT t.tgisinternal
  UNION ALL
  SELECT 5, p.proname, 0, pg_get_functiondef(p.oid) FROM pg_proc p JOIN s ON p.pronamespace = s.oid
) AS lines ORDER BY kind, name COLLATE "C", n`,
      [schema]
    ),
    (lines) =>
      lines
        .map(({ line }) => line)
        .join("\n")
        .replaceAll(`"${schema}".`, "S.")
        .replaceAll(`${schema}.`, "S.")
  )

layer(TestServer.layer({ settings: { fsync: "off" } }), { excludeTestServices: true })("the schema", (it) => {
  it.effect("is the one that is pinned", () =>
    Effect.gen(function* () {
      const sql = yield* database
      yield* storeOn(sql, { schema: "pinned" })
      expect(yield* described(sql, "pinned")).toMatchSnapshot()
    })
  )

  it.effect("is the same when somebody runs the printed script", () =>
    Effect.gen(function* () {
      const migrated = yield* database
      yield* storeOn(migrated, {})
      const byHand = yield* database
      yield* runScript(byHand, script("eventfold"))
      assert.strictEqual(yield* described(byHand, "eventfold"), yield* described(migrated, "eventfold"))
      const store = yield* storeOn(byHand, { migrate: false })
      yield* appendTo(store, ["Opened"])
      assert.deepStrictEqual(yield* typesOf(store), ["Opened"])
      yield* storeOn(byHand, {})
      const steps = (sql: PgClient.PgClient) => sql.unsafe("SELECT id, name FROM eventfold.migrations ORDER BY id")
      assert.deepStrictEqual(yield* steps(byHand), yield* steps(migrated))
    })
  )

  it.effect("is not changed by migrating again, and the log goes on", () =>
    Effect.gen(function* () {
      const sql = yield* database
      yield* Effect.scoped(Effect.flatMap(storeOn(sql, {}), (store) => appendTo(store, ["Opened"])))
      const before = yield* described(sql, "eventfold")
      const steps = yield* sql.unsafe("SELECT * FROM eventfold.migrations")
      const store = yield* storeOn(sql, {})
      const { position, versions } = yield* appendTo(store, ["Deposited"])
      assert.deepStrictEqual([position, versions], [2, [2]])
      assert.deepStrictEqual(yield* typesOf(store), ["Opened", "Deposited"])
      assert.strictEqual(yield* described(sql, "eventfold"), before)
      assert.deepStrictEqual(yield* sql.unsafe("SELECT * FROM eventfold.migrations"), steps)
    })
  )

  it.effect("is made once by processes that start together", () =>
    Effect.gen(function* () {
      const sql = yield* database
      const stores = yield* Effect.forEach(Array.from({ length: 8 }), () => storeOn(sql, {}), { concurrency: 8 })
      yield* Effect.forEach(stores, (store) => appendTo(store, ["Opened"]), { concurrency: 8 })
      assert.strictEqual(yield* stores[0]!.head, 8)
    })
  )

  it.effect("refuses to change or to remove what was recorded, to its owner as well", () =>
    Effect.gen(function* () {
      const sql = yield* database
      const store = yield* storeOn(sql, {})
      yield* appendTo(store, ["Opened", "Deposited", "Closed"])
      const refused = [
        "UPDATE eventfold.events SET data = '{}'",
        "UPDATE eventfold.events SET data = '{}' WHERE false",
        "DELETE FROM eventfold.events WHERE position = 3",
        "TRUNCATE eventfold.events",
        "TRUNCATE eventfold.events, eventfold.event_tags CASCADE",
        "INSERT INTO eventfold.events SELECT * FROM eventfold.events ON CONFLICT (position) DO UPDATE SET data = '{}'",
        "UPDATE eventfold.event_tags SET tag = 'other'",
        "DELETE FROM eventfold.event_tags",
        "TRUNCATE eventfold.event_tags"
      ]
      for (const statement of refused) {
        const { reason } = yield* Effect.flip(sql.unsafe(statement))
        assert.match(String(reason.cause), /events are immutable: \w+ on \w+ is refused/, statement)
      }
      assert.deepStrictEqual(yield* typesOf(store), ["Opened", "Deposited", "Closed"])
      assert.strictEqual((yield* sql.unsafe("SELECT FROM eventfold.event_tags")).length, 3)
    })
  )

  const works = (schema: string) =>
    Effect.gen(function* () {
      const sql = yield* database
      const store = yield* storeOn(sql, { schema, pollInterval: "1 hour" })
      // Nothing but the notification wakes it.
      const coming = yield* Stream.take(store.subscribe({ after: 0 }), 2).pipe(Stream.runCollect, Effect.forkScoped)
      yield* appendTo(store, ["Opened"])
      const other = yield* storeOn(sql, { schema })
      yield* appendTo(other, ["Closed"])
      const all = yield* Effect.timeout(Fiber.join(coming), "5 seconds")
      assert.deepStrictEqual(
        all.map(({ type }) => type),
        ["Opened", "Closed"]
      )
      assert.deepStrictEqual(yield* typesOf(other), ["Opened", "Closed"])
    })

  for (const [what, schema] of [
    ["quotes", `it's "quoted"`],
    ["upper case and blanks", "My Events"],
    ["dots and a dollar", "a.b$c"],
    ["Unicode", "журнал_событий_😀"],
    ["63 bytes", "x".repeat(63)],
    ["a word of SQL", "select"],
    ["two dollars", "a$$b"],
    ["63 bytes of Unicode", `x${"ü".repeat(31)}`]
  ] as const) {
    it.effect(`has a name with ${what}`, () => works(schema))
  }

  for (const [what, schema] of [
    ["no name", ""],
    ["a name that PostgreSQL would cut", "x".repeat(64)],
    ["a NUL character in its name", "a\u0000b"],
    ["a name that ends the text of a function", "a$body$b"]
  ] as const) {
    it.effect(`with ${what} is refused`, () =>
      Effect.gen(function* () {
        const url = yield* Effect.flatMap(TestServer, freshDatabase)
        const error = yield* Effect.flip(storeOn(yield* connect(url), { schema }))
        assert.strictEqual(error.reason, "Misconfigured")
        assert.include(error.problem, "the name of the schema")
      })
    )
  }

  it.effect("is independent of another one in the same database", () =>
    Effect.gen(function* () {
      const url = yield* Effect.flatMap(TestServer, freshDatabase)
      const sql = yield* connect(url)
      const one = yield* storeOn(sql, { schema: "one" })
      const two = yield* storeOn(yield* connect(url), { schema: "two" })
      yield* appendTo(one, ["Opened", "Closed"])
      assert.strictEqual((yield* appendTo(two, ["Opened"])).position, 1)
      assert.deepStrictEqual([yield* one.head, yield* two.head], [2, 1])
      // A transaction that holds the lock of one log keeps nobody from the other.
      yield* sql.withTransaction(
        Effect.andThen(appendTo(one, ["Reopened"]), Effect.timeout(appendTo(two, ["Closed"]), "5 seconds"))
      )
      assert.deepStrictEqual([yield* one.head, yield* two.head], [3, 2])
    })
  )

  it.effect("asks for no more rights than to read and to insert", () =>
    Effect.gen(function* () {
      const url = yield* Effect.flatMap(TestServer, freshDatabase)
      const owner = yield* connect(url)
      yield* storeOn(owner, {})
      const role = `app_${crypto.randomUUID().slice(0, 8)}`
      for (const statement of [
        `CREATE ROLE ${role} LOGIN PASSWORD '${role}'`,
        `GRANT USAGE ON SCHEMA eventfold TO ${role}`,
        `GRANT SELECT, INSERT ON eventfold.events, eventfold.event_tags TO ${role}`,
        `GRANT SELECT ON eventfold.inline_types TO ${role}`
      ]) {
        yield* owner.unsafe(statement)
      }
      yield* Effect.addFinalizer(() =>
        Effect.ignore(Effect.andThen(owner.unsafe(`DROP OWNED BY ${role}`), owner.unsafe(`DROP ROLE ${role}`)))
      )
      const asRole = new URL(url)
      asRole.username = role
      asRole.password = role
      const sql = yield* connect(asRole.href)
      const store = yield* storeOn(sql, { migrate: false })
      const coming = yield* Stream.runHead(store.subscribe({ after: 0 })).pipe(Effect.forkScoped)
      yield* appendTo(store, ["Opened"])
      yield* store.append([{ stream: account, expected: 1, events: events(["Closed"]) }], {
        condition: { query: [{ types: ["Closed"], tags: ["tag"] }], after: 0 }
      })
      assert.deepStrictEqual(yield* typesOf(store), ["Opened", "Closed"])
      yield* Effect.timeout(Fiber.join(coming), "5 seconds")
      const refused = yield* Effect.flip(storeOn(sql, {}))
      assert.strictEqual(refused.reason, "AccessDenied")
    })
  )

  it.effect("is asked for in so many words where it is missing", () =>
    Effect.gen(function* () {
      const sql = yield* database
      const store = yield* storeOn(sql, { migrate: false })
      const failures = yield* Effect.all([
        Effect.flip(store.head),
        Effect.flip(store.streamVersion(account)),
        Effect.flip(Stream.runDrain(store.readLog())),
        Effect.flip(Stream.runDrain(store.readStream(account))),
        Effect.flip(Stream.runDrain(store.subscribe({ after: 0 }))),
        Effect.flip(appendTo(store, ["Opened"]))
      ])
      for (const error of failures) {
        assert.strictEqual(error._tag === "StoreError" && error.reason, "Misconfigured")
        assert.match(error.message, /: run the migrations$/)
      }
    })
  )
})
