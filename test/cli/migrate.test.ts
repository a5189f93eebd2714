import { assert, layer } from "@effect/vitest"
import { PgClient } from "@effect/sql-pg"
import { Effect, Schema } from "effect"
import { PostgresEventStore } from "eventfold/postgres"
import { clientOf, freshDatabase, TestServer } from "../support/server.ts"
import { eventfold, jsonOf, type Ran } from "./support.ts"

const Step = Schema.Struct({ id: Schema.Int, name: Schema.String })
const Steps = Schema.Array(Step)
const takenIn = (ran: Ran) => {
  assert.strictEqual(ran.exitCode, 0, ran.stderr)
  return Schema.decodeUnknownSync(Schema.Struct({ taken: Steps }))(jsonOf(ran)).taken.map(({ id }) => id)
}

layer(TestServer.layer({ settings: { fsync: "off" } }), { excludeTestServices: true, timeout: 120_000 })(
  "eventfold migrate",
  (it) => {
    it.effect("says what was done, and whether something is missing", () =>
      Effect.gen(function* () {
        const store = yield* freshDatabase(yield* TestServer)
        const schema = `odd "name"; DROP`
        const run = (...args: ReadonlyArray<string>) =>
          eventfold(["migrate", ...args, "--store", store, "--schema", schema])
        const missing = yield* run("--check")
        assert.strictEqual(missing.exitCode, 1)
        assert.include(missing.stdout, `lacks 1 (the log), 2 (`)
        assert.deepStrictEqual(takenIn(yield* run("--json")), [1, 2, 3, 4])
        assert.deepStrictEqual(takenIn(yield* run("--json")), [])
        assert.strictEqual((yield* run("--check")).exitCode, 0)
        // Who may only look is told the same.
        const quotedSchema = `"${schema.replaceAll('"', '""')}"`
        const reader = `reader_${crypto.randomUUID().replaceAll("-", "")}`
        const admit = Effect.gen(function* () {
          const sql = yield* PgClient.PgClient
          yield* sql.unsafe(`CREATE ROLE ${reader} LOGIN PASSWORD 'secret'`)
          yield* sql.unsafe(`GRANT USAGE ON SCHEMA ${quotedSchema} TO ${reader}`)
          yield* sql.unsafe(`GRANT SELECT ON ${quotedSchema}.migrations TO ${reader}`)
        })
        yield* Effect.provide(admit, clientOf({ url: store }), { local: true })
        const readers = new URL(store)
        readers.username = reader
        readers.password = "secret"
        const looked = yield* eventfold(["migrate", "--json", "--store", readers.href, "--schema", schema])
        assert.deepStrictEqual([looked.exitCode, takenIn(looked)], [0, []])
        const newer = Effect.gen(function* () {
          const sql = yield* PgClient.PgClient
          const table = `${quotedSchema}.migrations`
          yield* sql.unsafe(`INSERT INTO ${table} (id, name) VALUES (99, 'what is to come')`)
          yield* sql.unsafe(`DELETE FROM ${table} WHERE id = 3`)
        })
        yield* Effect.provide(newer, clientOf({ url: store }), { local: true })
        const checked = yield* run("--check")
        assert.strictEqual(checked.exitCode, 1)
        assert.include(checked.stdout, "lacks 3 (snapshots)")
        assert.include(checked.stdout, "does not know: 99 (what is to come)")
      }).pipe(Effect.scoped)
    )

    it.effect("prints what it would do, and connects to nothing", () =>
      Effect.gen(function* () {
        const printed = yield* eventfold(["migrate", "--print", "--schema", "orders"])
        assert.strictEqual(printed.exitCode, 0)
        assert.strictEqual(printed.stdout, PostgresEventStore.migrationScript("orders"))
        for (const args of [
          ["--print", "--schema", ""],
          ["--print", "--check"],
          ["--check", "--create"]
        ]) {
          assert.strictEqual((yield* eventfold(["migrate", ...args])).exitCode, 2, args.join(" "))
        }
      })
    )
  }
)
