/**
 * The plans of the statements that processes live on, over many instances of which most have ended: prepared, with and without the values of
 * the parameters, with and without statistics. None scans a table, and none looks through those that have ended.
 */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Context, DateTime, Effect, Layer } from "effect"
import type { ProcessStore } from "eventfold"
import { PostgresProcessStore } from "eventfold/postgres"
import { script } from "../../src/postgres/migrations.ts"
import { TestServer } from "../support/server.ts"
import * as Plans from "./support/bigPlans.ts"
import { BigServer, type Session, sessionOn } from "./support/bigServer.ts"
import { connect } from "./support/stores.ts"

const patience = 120_000

/** Instances of two processes: nine of ten have ended, and few are ready, due or stuck. */
const fill = [
  `INSERT INTO eventfold.process_instances
  (process, instance, partition, status, is_ready, due_at, waiting_for, started_at, updated_at, ended_at, steps, state, document)
SELECT 'process-' || i % 2, 'instance-' || i, i % 8 / 2, CASE WHEN i % 10 > 0 THEN 'ended' WHEN i % 5000 = 0 THEN 'stuck' ELSE 'running' END,
  i % 100 = 0, CASE WHEN i % 50 = 0 THEN '2026-01-01Z'::timestamptz + i * interval '1 s' END, '{}', '2026-01-01Z', '2026-01-01Z',
  CASE WHEN i % 10 > 0 THEN '2026-01-01Z'::timestamptz + i * interval '1 s' END, 2, '{"customer": "ada"}', repeat('x', 300)
FROM generate_series(1, 200000) AS g (i)`,
  `INSERT INTO eventfold.process_steps (process, instance, number, at, step)
SELECT 'process-' || i % 2, 'instance-' || i, n, '2026-01-01Z', '{}' FROM generate_series(1, 200000) AS g (i), generate_series(1, 2) AS h (n)`,
  `INSERT INTO eventfold.process_requests (process, partition, instance, request)
SELECT 'process-' || i % 2, i % 8 / 2, 'instance-' || i, '{}' FROM generate_series(1, 2000) AS g (i)`
]

const instant = DateTime.makeUnsafe("2026-01-01T10:00:00Z")

const saved = (name: string): ProcessStore.Instance => ({
  instance: name,
  partition: 1,
  status: "running",
  isReady: true,
  dueAt: instant,
  waitingFor: ["payment"],
  startedAt: instant,
  updatedAt: instant,
  steps: 3,
  state: {},
  document: null
})

/** What is asked of the store, and the most blocks that the statement may touch. */
const calls = (
  store: ProcessStore.ProcessStore["Service"]
): ReadonlyArray<readonly [name: string, call: Effect.Effect<unknown, unknown>, blocks: number]> => {
  const names = Array.from({ length: 100 }, (_, i) => `instance-${2 + 2 * i}`)
  const process = "process-0"
  const page = { after: undefined, limit: 50 }
  return [
    ["some instances", store.load(process, names), 1200],
    ["who is ready", store.ready(process, 2, page), 100],
    ["who is ready after another", store.ready(process, 2, { after: "instance-5", limit: 50 }), 100],
    ["who is due", store.due(process, 2, { until: instant, limit: 50 }), 120],
    ["when nobody is due", store.due(process, 2, { until: DateTime.makeUnsafe(0), limit: 50 }), 20],
    ["requests", store.requests(process, 2, 100), 40],
    ["the list", store.list(process, page), 60],
    ["the list, after another", store.list(process, { after: "instance-7", limit: 50 }), 60],
    ["who is stuck", store.list(process, { ...page, status: "stuck" }), 100],
    ["who is cancelled", store.list(process, { ...page, status: "cancelled" }), 20],
    ["the steps of an instance", store.steps(process, "instance-102", { after: 0, limit: 100 }), 20],
    ["a removal", store.remove(process, { updatedBefore: instant, limit: 50 }), 900],
    [
      "a removal where there is nothing",
      store.remove(process, { updatedBefore: DateTime.makeUnsafe(0), limit: 50 }),
      50
    ],
    [
      "a save",
      store.save(process, {
        instances: ["instance-2", "another", ...names.slice(2)].map(saved),
        steps: names.map((instance) => ({ instance, number: 3, at: instant, step: null })),
        done: [1, 3, 5]
      }),
      3000
    ]
  ]
}

const plain = (parameter: unknown): unknown =>
  typeof parameter === "bigint" ? Number(parameter) : Array.isArray(parameter) ? parameter.map(plain) : parameter

/** The statements of the calls, as the client is asked for them. */
const statementsOf = Effect.fnUntraced(function* (sql: PgClient.PgClient) {
  const asked: Array<{ readonly text: string; readonly parameters: ReadonlyArray<unknown> }> = []
  const unsafe: PgClient.PgClient["unsafe"] = (text, parameters = []) => {
    asked.push({ text, parameters })
    return sql.unsafe(text, parameters)
  }
  const watched = new Proxy(sql, { get: (of, key) => (key === "unsafe" ? unsafe : Reflect.get(of, key)) })
  const store = yield* PostgresProcessStore.make().pipe(Effect.provideService(PgClient.PgClient, watched))
  const statements: Array<Plans.Statement> = []
  for (const [name, call, blocks] of calls(store)) {
    asked.length = 0
    yield* sql.withTransaction(Effect.andThen(call, Effect.fail("take it back"))).pipe(Effect.ignore)
    const [{ parameters, text } = assert.fail(`${name} asks for nothing`)] = asked.filter(({ text }) =>
      text.includes("process_")
    )
    statements.push({ name, text, parameters: parameters.map(plain), blocks })
  }
  return statements
})

/** A session that has made its plans while the tables were empty. */
class OldSession extends Context.Service<
  OldSession,
  { readonly session: Session; readonly statements: ReadonlyArray<Plans.Statement> }
>()("test/OldSession") {
  static readonly layer = Layer.effect(
    OldSession,
    Effect.gen(function* () {
      const server = yield* TestServer
      if (server._tag !== "Own") return yield* Effect.die("the server is not the test's own")
      const session = yield* sessionOn(server)
      yield* Effect.promise(() => session.query(script("eventfold")))
      const statements = yield* Effect.flatMap(connect(server.url), statementsOf)
      return { session, statements }
    })
  )
}

/** What is wrong with the plans. Nothing of what the statements do is kept. */
const problems = (session: Session, mode: Plans.PlanMode, statements: ReadonlyArray<Plans.Statement>) =>
  Effect.promise(async () => {
    const all: Array<string> = []
    for (const statement of statements) {
      await session.query("BEGIN")
      all.push(...(await Plans.problemsOfStatements(session, mode, [statement])))
      await session.query("ROLLBACK")
    }
    return all
  })

const inNewSession = (mode: Plans.PlanMode) =>
  Effect.gen(function* () {
    const { statements } = yield* OldSession
    const server = yield* TestServer
    const session = yield* server._tag === "Own" ? sessionOn(server) : Effect.die("the server is not the test's own")
    return yield* problems(session, mode, statements)
  })

layer(OldSession.layer.pipe(Layer.provideMerge(BigServer)), { excludeTestServices: true, timeout: patience })(
  "the plans over many instances",
  (it) => {
    it.effect(
      "scan nothing when there are none, and stay good when they come under those plans",
      () =>
        Effect.gen(function* () {
          const { session, statements } = yield* OldSession
          assert.deepStrictEqual(yield* problems(session, "force_generic_plan", statements), [])
          for (const statement of fill) yield* Effect.promise(() => session.query(statement))
          assert.deepStrictEqual(yield* problems(session, "force_generic_plan", statements), [])
        }),
      patience
    )

    for (const statistics of ["without", "with"]) {
      for (const mode of ["force_generic_plan", "force_custom_plan"] as const) {
        it.effect(
          `are good ${statistics} statistics, ${mode === "force_custom_plan" ? "with" : "without"} values`,
          () =>
            Effect.gen(function* () {
              const { session } = yield* OldSession
              if (statistics === "with") yield* Effect.promise(() => session.query("ANALYZE"))
              assert.deepStrictEqual(yield* inNewSession(mode), [])
            }),
          patience
        )
      }
    }
  }
)
