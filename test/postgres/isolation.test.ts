/**
 * The PostgreSQL store where a server's default isolation is another than READ COMMITTED.
 */
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { freshDatabase, TestServer } from "../support/server.ts"
import { check } from "./support/oracle.ts"
import { connect, freshSchema, storeOn } from "./support/stores.ts"
import { countingClient } from "./support/wire.ts"
import { type Report, writer, writeTo } from "./support/workload.ts"

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i)

layer(TestServer.layer(), { excludeTestServices: true, concurrent: false, timeout: 60_000 })(
  "the PostgreSQL store under a default isolation of",
  (it) => {
    for (const isolation of ["repeatable read", "serializable"]) {
      it.effect(
        `${isolation} keeps every promise to writers of three stores, and says nothing of it`,
        () =>
          Effect.gen(function* () {
            const url = yield* freshDatabase(yield* TestServer)
            const admin = yield* connect(url)
            yield* admin.unsafe(
              `ALTER DATABASE "${new URL(url).pathname.slice(1)}" SET default_transaction_isolation = '${isolation}'`
            )
            const schema = freshSchema()
            const stores = yield* Effect.forEach(
              numbers(3),
              () => Effect.flatMap(connect(url), (sql) => storeOn(sql, { schema })),
              { concurrency: "unbounded" }
            )
            const reports: Array<Report> = []
            const report = (one: Report) => Effect.sync(() => void reports.push(one))
            yield* Effect.forEach(
              stores.flatMap((store, s) => numbers(20).map((fiber) => ({ store, seed: `${isolation} ${s} ${fiber}` }))),
              ({ store, seed }) => writer({ store, seed, report, goesOn: (done) => done < 10 }),
              { concurrency: "unbounded", discard: true }
            )
            const failed = reports.filter(({ answer }) => answer._tag === "StoreError")
            assert.deepStrictEqual(failed, [])
            const summary = yield* check({ sql: admin, schema, reports, seen: [], complete: true })
            assert.deepStrictEqual(summary.retried, {})
            assert.strictEqual(summary.appends, 600)
          }),
        60_000
      )
    }

    it.effect("read committed, as it usually is, costs an append no statement more", () =>
      Effect.gen(function* () {
        const url = yield* freshDatabase(yield* TestServer)
        const { mentions, sql, writes } = yield* countingClient(url)
        const store = yield* storeOn(sql, { schema: freshSchema() })
        const costOf = <E>(effect: Effect.Effect<unknown, E>) =>
          Effect.gen(function* () {
            yield* effect
            const before = writes()
            yield* Effect.repeat(effect, { times: 19 })
            return writes() - before
          })
        yield* store.append(writeTo("red-1"))
        const begins = mentions("BEGIN")
        const statement = yield* costOf(sql.unsafe("SELECT $1::int", [1]))
        assert.strictEqual(yield* costOf(Effect.suspend(() => store.append(writeTo("red-1")))), statement)
        assert.strictEqual(mentions("BEGIN"), begins)
        assert.strictEqual(mentions("default_transaction_isolation"), 1)
      })
    )
  }
)
