/**
 * The plan of the statement that reads several streams.
 */
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { script } from "../../src/postgres/migrations.ts"
import { quoted } from "../../src/postgres/schema/names.ts"
import { gatheredStatement } from "../../src/postgres/streamReads.ts"
import { TestServer } from "../support/server.ts"
import * as Plans from "./support/bigPlans.ts"
import { BigServer, type Session, sessionOn } from "./support/bigServer.ts"

const patience = 120_000

layer(BigServer, { excludeTestServices: true, timeout: patience })(
  "the plan for streams that are read together",
  (it) => {
    it.effect(
      "walks the index, and no more of it than is asked for, whatever the statistics say",
      () =>
        Effect.gen(function* () {
          const schema = "together"
          const events = `${quoted(schema)}.events`
          const one = yield* TestServer
          const run = (session: Session, text: string) => Effect.promise(() => session.query(text))
          const session = (from: typeof one) =>
            from._tag === "Own" ? sessionOn(from) : Effect.die("the server is not the test's own")
          const bounds = { from: 1, to: Infinity, limit: 10, direction: "forward" } as const
          const names = ["long-0", "long-1", "short-7", "short-8", "absent-1"]
          const statement = {
            name: "streams together",
            ...gatheredStatement(
              schema,
              names.map((stream) => ({ stream, bounds }))
            ),
            // Four times ten events of one block each, and what leads to them. A long stream has thousands.
            blocks: 150
          }
          const old = yield* session(one)
          const problemsOf = (of: Session, mode: Plans.PlanMode) =>
            Effect.promise(() => Plans.problemsOfStatements(of, mode, [statement]))
          const fresh = Effect.gen(function* () {
            const [generic, custom] = [yield* session(one), yield* session(one)]
            return [
              ...(yield* problemsOf(generic, "force_generic_plan")),
              ...(yield* problemsOf(custom, "force_custom_plan"))
            ]
          })
          const fillWith = (stream: string, version: string, from: number, to: number) =>
            run(
              old,
              `INSERT INTO ${events} (position, stream, version, id, type, schema_version, recorded_at, tags, data, metadata)
SELECT i, ${stream}, ${version}, md5(i::text)::uuid, 'Noted', 1, '2026-01-01Z'::timestamptz, '{}', '{"amount": 1}', '{}'
FROM generate_series(${from}, ${to}) AS g (i)`
            )
          yield* run(old, script(schema))
          assert.deepStrictEqual(yield* problemsOf(old, "force_generic_plan"), [], "empty")
          yield* fillWith("'short-' || i % 5000", "(i - 1) / 5000 + 1", 1, 100_000)
          yield* fillWith("'long-0'", "i - 100000", 100_001, 200_000)
          assert.deepStrictEqual(yield* problemsOf(old, "force_generic_plan"), [], "planned when it was empty")
          assert.deepStrictEqual(yield* fresh, [], "without statistics")
          yield* run(old, "ANALYZE")
          yield* fillWith("'long-1'", "i - 200000", 200_001, 300_000)
          assert.deepStrictEqual(yield* fresh, [], "with statistics that are old")
          yield* run(old, "ANALYZE")
          assert.deepStrictEqual(yield* fresh, [], "with statistics")
        }),
      patience
    )
  }
)
