/**
 * The plans of the statements that a store lives on, over a million events: prepared, with and without the values of the
 * parameters, with and without statistics. None scans a table that grows, and what looks for little touches little.
 */
import { assert, layer } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { script } from "../../src/postgres/migrations.ts"
import { TestServer } from "../support/server.ts"
import * as Plans from "./support/bigPlans.ts"
import { BigServer, type Session, sessionOn } from "./support/bigServer.ts"

const schema = "plans"
const patience = 120_000
const statements = Plans.statements(schema)
const calls = Plans.calls(schema)

/** A session that has made its plans while the log was empty. */
class OldSession extends Context.Service<OldSession, { readonly session: Session; readonly notices: Array<string> }>()(
  "test/OldSession"
) {
  static readonly layer = Layer.effect(
    OldSession,
    Effect.gen(function* () {
      const session = yield* Effect.flatMap(TestServer, (server) =>
        server._tag === "Own" ? sessionOn(server) : Effect.die("the server is not the test's own")
      )
      yield* Effect.promise(() => session.query(script(schema)))
      return { session, notices: yield* Effect.promise(() => Plans.explainNested(session)) }
    })
  )
}

const problems = (
  { session, notices }: OldSession["Service"],
  mode: Plans.PlanMode
): Effect.Effect<ReadonlyArray<string>> =>
  Effect.promise(async () => [
    ...(await Plans.problemsOfStatements(session, mode, statements)),
    ...(await Plans.problemsOfCalls(session, notices, mode, calls))
  ])

const problemsInNewSession = (mode: Plans.PlanMode) =>
  Effect.gen(function* () {
    const session = yield* sessionOn(yield* TestServer)
    const notices = yield* Effect.promise(() => Plans.explainNested(session))
    return yield* problems({ session, notices }, mode)
  })

layer(OldSession.layer.pipe(Layer.provideMerge(BigServer)), { excludeTestServices: true, timeout: patience })(
  "the plans over a million events",
  (it) => {
    it.effect(
      "scan nothing when the log is empty, so that no such plan is kept",
      () =>
        Effect.gen(function* () {
          assert.deepStrictEqual(yield* problems(yield* OldSession, "force_generic_plan"), [])
        }),
      patience
    )

    it.effect(
      "stay good when the log grows under the plans that were made for the empty one",
      () =>
        Effect.gen(function* () {
          const filler = yield* sessionOn(yield* TestServer)
          for (const statement of Plans.fill(schema)) yield* Effect.promise(() => filler.query(statement))
          assert.deepStrictEqual(yield* problems(yield* OldSession, "force_generic_plan"), [])
        }),
      patience
    )

    it.effect(
      "are good without statistics, and without values",
      () =>
        Effect.gen(function* () {
          assert.deepStrictEqual(yield* problemsInNewSession("force_generic_plan"), [])
        }),
      patience
    )

    it.effect(
      "are good without statistics, with values",
      () =>
        Effect.gen(function* () {
          assert.deepStrictEqual(yield* problemsInNewSession("force_custom_plan"), [])
        }),
      patience
    )

    it.effect(
      "are good with statistics, without values",
      () =>
        Effect.gen(function* () {
          const { session } = yield* OldSession
          yield* Effect.promise(() => session.query("ANALYZE"))
          assert.deepStrictEqual(yield* problemsInNewSession("force_generic_plan"), [])
        }),
      patience
    )

    it.effect(
      "are good with statistics, and with values",
      () =>
        Effect.gen(function* () {
          assert.deepStrictEqual(yield* problemsInNewSession("force_custom_plan"), [])
        }),
      patience
    )
  }
)
