/**
 * What a projection keeps in tables of its own, how it is named, and what its appends say.
 */
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { inlineSetting } from "../../src/postgres/schema/log.ts"
import { freshDatabase, TestServer } from "../support/server.ts"
import { aDatabase, claimOne, definition, projectionsOn, type Store } from "./support/projections.ts"
import { connect, storeOn } from "./support/stores.ts"

const rows = (store: Store, name = "balances", table = "rows") => store.liveTable(name, table)

layer(TestServer.layer({ settings: { fsync: "off" } }), { excludeTestServices: true })(
  "the tables of a projection",
  (it) => {
    it.effect("are emptied by a reset, and gone with their generation", () =>
      Effect.gen(function* () {
        const { sql, store } = yield* aDatabase
        const tables = {
          owners: "(id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY)",
          rows: "(n int)"
        }
        yield* store.register(definition({ tables }))
        const claim = yield* claimOne(store)
        const fill = Effect.andThen(
          sql.unsafe(`INSERT INTO ${store.tableOf("balances", 1, "rows")} VALUES (1), (2)`),
          sql.unsafe(`INSERT INTO ${store.tableOf("balances", 1, "owners")} DEFAULT VALUES`)
        )
        yield* store.commit(claim, { to: 5, rate: 0 }, Effect.asVoid(fill))
        yield* store.reset("balances")
        assert.lengthOf(yield* sql.unsafe(`SELECT FROM ${rows(store)}`), 0)
        const again = yield* claimOne(store)
        assert.deepInclude(again, { position: 0, standing: { _tag: "Live", replayedTo: [[5]] } })
        yield* store.commit(again, { to: 5, rate: 0 }, Effect.asVoid(fill))
        assert.deepStrictEqual(yield* sql.unsafe(`SELECT id FROM ${rows(store, "balances", "owners")}`), [{ id: 1 }])
        // A version that is not run any more, and had not taken over.
        yield* store.register(definition({ version: 2, tables: { rows: "(n int)" } }))
        yield* store.register(definition({ version: 3, tables: { others: "(n int)" } }))
        const next = yield* claimOne(store, { version: 3 })
        yield* store.takeOver(next, 10, () => Effect.void)
        yield* store.removeRetired("balances")
        const left = yield* sql.unsafe<{ readonly name: string }>(
          "SELECT relname::text AS name FROM pg_class WHERE relname LIKE 'balances%' AND relkind IN ('r', 'v') ORDER BY 1"
        )
        assert.deepStrictEqual(
          left.map(({ name }) => name),
          ["balances_3_others", "balances_others"]
        )
      })
    )

    const refusals: ReadonlyArray<readonly [what: string, name: string, table: string, definition: string]> = [
      ["a name that PostgreSQL would cut", "n".repeat(40), "t".repeat(20), "(n int)"],
      ["a name that would be too long one day", "n".repeat(30), "t".repeat(22), "(n int)"],
      ["a NUL character in the name of a table", "balances", "a\u0000b", "(n int)"],
      ["a NUL character in its name", "bal\u0000ances", "rows", "(n int)"],
      ["half of a character in its name", "bal\ud800", "rows", "(n int)"],
      ["no name", "", "rows", "(n int)"],
      ["a table without a name", "balances", "", "(n int)"],
      ["a table that the store has", "event", "tags", "(n int)"],
      ["a view that another projection has", "a_b", "c", "(n int)"],
      ["a definition that is no SQL", "balances", "rows", "(n int"],
      ["a type that is not there", "balances", "rows", "(n nothing)"],
      ["a table it refers to that is not there", "balances", "rows", "(n int REFERENCES nowhere)"],
      ["a second statement", "balances", "rows", "(n int); DROP TABLE eventfold.events"]
    ]
    for (const [what, name, table, sqlOf] of refusals) {
      it.effect(`are refused with ${what}`, () =>
        Effect.gen(function* () {
          const { sql, store } = yield* aDatabase
          yield* store.register(definition({ name: "a", tables: { b_c: "(n int)" } }))
          const error = yield* Effect.flip(store.register(definition({ name, tables: { [table]: sqlOf } })))
          assert.deepInclude(error, { _tag: "StoreError", reason: "Misconfigured" })
          assert.include(error.problem, table === "" ? "name" : table.slice(0, 1))
          assert.lengthOf(yield* store.status(), 1)
          assert.lengthOf(yield* sql.unsafe("SELECT FROM eventfold.events"), 0)
        })
      )
    }

    it.effect("are refused under a version that has others, with advice", () =>
      Effect.gen(function* () {
        const { store } = yield* aDatabase
        yield* store.register(definition({ tables: { rows: "(n int)" } }))
        const error = yield* Effect.flip(store.register(definition({ tables: { rows: "(n bigint)" } })))
        assert.strictEqual(error.reason, "Misconfigured")
        assert.match(error.problem, /its table "rows" is another one there: raise its version/)
      })
    )

    it.effect("of a projection that has no name the database could hold are asked for in vain", () =>
      Effect.gen(function* () {
        const { store } = yield* aDatabase
        const name = "a\u0000b"
        const asked = { pause: store.pause(name), live: Effect.asVoid(store.live(name)), reset: store.reset(name) }
        for (const one of Object.values(asked)) {
          assert.deepInclude(yield* Effect.flip(one), { _tag: "StoreError", reason: "InvalidRequest" })
        }
      })
    )

    it.effect("have names of any letters, in a schema of any name", () =>
      Effect.gen(function* () {
        const sql = yield* connect(yield* Effect.flatMap(TestServer, freshDatabase))
        const schema = `it's "my" Schémà`
        yield* storeOn(sql, { schema })
        const store = yield* projectionsOn(sql, schema)
        const name = `Konto "x" 'y' é👍`
        yield* store.register(definition({ name, tables: { [`t"able`]: "(n int)" } }))
        const claim = yield* claimOne(store, { name })
        const insert = sql.unsafe(`INSERT INTO ${store.tableOf(name, claim.generation, `t"able`)} VALUES (1)`)
        yield* store.commit(claim, { to: 1, rate: 0 }, Effect.asVoid(insert))
        assert.deepStrictEqual(yield* sql.unsafe(`SELECT n FROM ${store.liveTable(name, `t"able`)}`), [{ n: 1 }])
      })
    )

    it.effect("are refused where the tables of the store are missing, with advice", () =>
      Effect.gen(function* () {
        const sql = yield* connect(yield* Effect.flatMap(TestServer, freshDatabase))
        const store = yield* projectionsOn(sql)
        const live = Effect.asVoid(store.live("a"))
        for (const asked of [store.register(definition()), Effect.asVoid(store.status()), live, store.reset("a")]) {
          const error = yield* Effect.flip(asked)
          assert.strictEqual(error.reason, "Misconfigured")
          assert.include(error.problem, "run the migrations")
        }
      })
    )

    it.effect("a transaction says which inline generations it takes care of, and no longer than it does", () =>
      Effect.gen(function* () {
        const { sql, store } = yield* aDatabase
        const other = yield* projectionsOn(sql, "other")
        const said = (schema = "eventfold") =>
          Effect.map(
            sql.unsafe<{ readonly said: string | null }>(
              `SELECT nullif(current_setting('${inlineSetting(schema)}', true), '') AS said`
            ),
            ([row]) => row!.said
          )
        const nested = Effect.gen(function* () {
          const before = yield* said()
          const inner = yield* store.withInline([3], said())
          const failed = yield* Effect.flip(store.withInline([4], Effect.fail("no")))
          const ofOther = yield* other.withInline([7], Effect.all([said(), said("other")]))
          return [before, inner, failed, ofOther, yield* said()]
        })
        assert.deepStrictEqual(yield* store.withInline([1, 2], nested), ["1,2", "1,2,3", "no", ["1,2", "7"], "1,2"])
        assert.deepStrictEqual(
          yield* sql.withTransaction(Effect.all([said(), store.withInline([5], said()), said()])),
          [null, "5", null]
        )
        assert.strictEqual(yield* said(), null)
      })
    )

    it.effect("documents that the database cannot keep are refused, whatever is wrong with them", () =>
      Effect.gen(function* () {
        const { store } = yield* aDatabase
        yield* store.register(definition())
        for (const [key, document] of [
          ["a\u0000b", 1],
          ["a\ud800", 1],
          ["k".repeat(2001), 1],
          ["a", "a\u0000b"],
          ["a", "a\ud800"],
          ["a", "x".repeat(9 * 1024 * 1024)]
        ] as const) {
          const error = yield* Effect.flip(store.save(1, new Map([[key, document]])))
          assert.deepInclude(error, { _tag: "StoreError", reason: "InvalidRequest" })
        }
        assert.strictEqual((yield* store.read("balances", ["a\u0000b", "a\ud800", "a"])).size, 0)
        // Many, and large ones, go in portions.
        const many = new Map(Array.from({ length: 2500 }, (_, i) => [`key ${i}`, { i, text: "x".repeat(4000) }]))
        yield* store.save(1, many)
        yield* store.save(1, new Map([["a", "x".repeat(7 * 1024 * 1024)]]))
        assert.deepStrictEqual(yield* store.read("balances", Array.from(many.keys())), many)
        assert.strictEqual(String((yield* store.read("balances", ["a"])).get("a")).length, 7 * 1024 * 1024)
      })
    )
  }
)
