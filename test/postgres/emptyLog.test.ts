/**
 * What a server knows of a log that was empty when it looked: nothing that makes appends to it slow.
 */
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { quoted } from "../../src/postgres/schema/names.ts"
import { TestServer } from "../support/server.ts"
import { connect, freshSchema, storeOn } from "./support/stores.ts"
import { writeTo } from "./support/workload.ts"

layer(TestServer.layer(), { excludeTestServices: true })("a log that was vacuumed while it was empty", (it) => {
  it.effect("is not walked by who appends to it", () =>
    Effect.gen(function* () {
      const { url } = yield* TestServer
      const schema = freshSchema()
      const sql = yield* connect(url)
      const store = yield* storeOn(sql, { schema })
      yield* sql.unsafe(`VACUUM (ANALYZE) ${quoted(schema)}.events`).unprepared
      // Of this session, its migration included: indexes were made by walking the table.
      const seen = sql.unsafe<{ readonly walks: bigint }>(
        "SELECT seq_scan AS walks FROM pg_stat_xact_user_tables WHERE schemaname = $1 AND relname = 'events'",
        [schema]
      )
      const walked = ([row]: ReadonlyArray<{ readonly walks: bigint }>) => Number(row?.walks ?? 0)
      const walks = sql.withTransaction(
        Effect.gen(function* () {
          const before = walked(yield* seen)
          for (let i = 0; i < 10; i++) {
            yield* store.append(writeTo(`red-${i}`))
            yield* sql.unsafe(
              `SELECT * FROM ${quoted(schema)}.append_event('blue-${i}', 0, gen_random_uuid(), 'Moved', 1, '{}', '{}')`
            )
          }
          return walked(yield* seen) - before
        })
      )
      assert.strictEqual(yield* walks, 0)
    })
  )
})
