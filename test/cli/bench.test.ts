import { spawn } from "node:child_process"
import process from "node:process"
import { assert, describe, it, layer } from "@effect/vitest"
import { PgClient } from "@effect/sql-pg"
import { Effect, Fiber, Random, Schedule } from "effect"
import * as Latencies from "../../src/cli/bench/Latencies.ts"
import { exitCodes } from "../../src/cli/failure.ts"
import { clientOf, freshDatabase, TestServer } from "../support/server.ts"
import { eventfold, jsonOf } from "./support.ts"

const seed = process.env["CLI_SEED"] ?? crypto.randomUUID().slice(0, 8)

describe(`how long things took, with CLI_SEED=${seed}`, () => {
  it.effect("is told to a hundredth", () =>
    Effect.gen(function* () {
      for (const count of [1, 2, 3, 99, 100, 101, 5000]) {
        const latencies = Latencies.make()
        const all: Array<number> = []
        for (let n = 0; n < count; n++) {
          const millis = 10 ** (yield* Random.nextBetween(-2.9, 5))
          latencies.add(millis)
          all.push(millis)
        }
        all.sort((a, b) => a - b)
        for (const share of [0, 0.5, 0.95, 0.99, 1]) {
          const exact = all[Math.max(0, Math.ceil(share * count) - 1)]!
          const told = latencies.quantile(share)
          assert.isAtMost(Math.abs(told - exact) / exact, 0.0101, `${share} of ${count}: ${told}, and it is ${exact}`)
        }
        assert.strictEqual(latencies.max(), all.at(-1))
        assert.strictEqual(latencies.count(), count)
      }
    }).pipe(Random.withSeed(seed))
  )

  it("is told of nothing, of no time at all, and of very long", () => {
    const latencies = Latencies.make()
    assert.isNaN(latencies.quantile(0.5))
    latencies.add(0)
    assert.strictEqual(latencies.quantile(0.5), 0)
    latencies.add(1e9)
    assert.strictEqual(latencies.max(), 1e9)
    assert.isAtLeast(latencies.quantile(1), 900_000)
  })
})

const small = ["--events", "60", "--aggregates", "7", "--concurrency", "9", "--batch", "8", "--payload-bytes", "100"]

const timed = {
  write: "append",
  batch: "append",
  concurrent: "append",
  read: "page",
  load: "load",
  subscribe: "delivery"
}
const counts = { write: 60, batch: 8, concurrent: 60, read: 1, load: 7, subscribe: 60 }

const expected = Object.entries(timed).map(([scenario, of]) => ({ scenario, events: 60, of }))

interface Answer {
  readonly store: string
  readonly settings: object
  readonly results: ReadonlyArray<{
    readonly scenario: keyof typeof counts
    readonly events: number
    readonly millis: number
    readonly perSecond: number
    readonly latency: Readonly<Record<"p50" | "p95" | "p99" | "max" | "count", number>> & { readonly of: string }
  }>
}

const checkAnswer = (answer: Answer): void => {
  assert.deepStrictEqual(
    answer.results.map(({ events, latency, scenario }) => ({ scenario, events, of: latency.of })),
    expected
  )
  for (const { events, latency, millis, perSecond, scenario } of answer.results) {
    const { count, max, p50, p95, p99 } = latency
    assert.strictEqual(count, counts[scenario], scenario)
    assert.isTrue(0 <= p50 && p50 <= p95 && p95 <= p99 && p99 <= max && max <= millis * 1.01, JSON.stringify(latency))
    assert.approximately(perSecond, (events * 1000) / millis, perSecond / 100)
  }
}

describe("eventfold bench --embedded", () => {
  it.live(
    "measures all there is, without a server",
    () =>
      Effect.gen(function* () {
        const ran = yield* eventfold(["bench", "--embedded", "--json", ...small])
        assert.strictEqual(ran.exitCode, 0, ran.stderr)
        const answer = jsonOf(ran) as Answer
        assert.strictEqual(answer.store, "an embedded database in memory")
        checkAnswer(answer)
        const both = yield* eventfold(["bench", "--embedded", "--store", "./data"])
        assert.strictEqual(both.exitCode, exitCodes.usage)
        const none = yield* eventfold(["bench"])
        assert.strictEqual(none.exitCode, exitCodes.usage)
      }),
    120_000
  )
})

layer(TestServer.layer({ settings: { fsync: "off" } }), { excludeTestServices: true, timeout: 60_000 })(
  "eventfold bench of a server",
  (it) => {
    const database = Effect.gen(function* () {
      const url = yield* freshDatabase(yield* TestServer)
      const schemas = Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const rows = yield* sql.unsafe<{ readonly name: string }>(
          "SELECT nspname AS name FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' ORDER BY 1"
        )
        return rows.map(({ name }) => name)
      }).pipe(Effect.provide(clientOf({ url })))
      const setUp = Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        yield* sql.unsafe("CREATE SCHEMA eventfold")
        yield* sql.unsafe("CREATE SCHEMA eventfold_bench_mine")
      }).pipe(Effect.provide(clientOf({ url })))
      yield* setUp
      return { url, schemas, before: yield* schemas }
    })

    it.effect("measures all there is, and leaves the database as it was", () =>
      Effect.gen(function* () {
        const { before, schemas, url } = yield* database
        const ran = yield* eventfold(["bench", "full", "--json", "--store", url, ...small])
        assert.strictEqual(ran.exitCode, 0, ran.stderr)
        const answer = jsonOf(ran) as Answer
        checkAnswer(answer)
        assert.notInclude(ran.stdout, new URL(url).password)
        const text = yield* eventfold(["bench", "write", "--store", url, ...small])
        assert.match(
          text.stdout,
          /^127\.0\.0\.1:\d+\/\w+, PostgreSQL \d+.*\n\nscenario +events +time +events\/s +timed +p50 +p95 +p99\n/
        )
        assert.match(text.stdout, /\nwrite +60 .* append .*\n\nwrite +[\d,]+ events\/s +█+\n$/)
        assert.deepStrictEqual(yield* schemas, before)
      }).pipe(Effect.scoped)
    )

    it.effect("leaves the database as it was when it is interrupted, at whatever moment", () =>
      Effect.gen(function* () {
        const { before, schemas, url } = yield* database
        const scenarios = ["write", "batch", "concurrent", "read", "load", "subscribe"]
        for (const [round, scenario] of scenarios.entries()) {
          const fiber = yield* Effect.forkChild(
            eventfold(["bench", scenario, "--store", url, "--events", "1000000", "--aggregates", "1000"])
          )
          const isThere = (names: ReadonlyArray<string>) => names.length > before.length
          if (round > 0) yield* Effect.repeat(schemas, { until: isThere, schedule: Schedule.spaced("1 milli") })
          if (round > 1) yield* Effect.repeat(schemas, { times: yield* Random.nextIntBetween(0, 20) })
          yield* Fiber.interrupt(fiber)
          assert.deepStrictEqual(yield* schemas, before, scenario)
        }
      }).pipe(Random.withSeed(seed), Effect.scoped)
    )

    it.effect("leaves the database as it was when its process is told to end, or its terminal is closed", () =>
      Effect.gen(function* () {
        const { before, schemas, url } = yield* database
        for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
          const program = spawn(
            process.execPath,
            [
              "--conditions=@eventfold/source",
              "src/cli/bin.ts",
              "bench",
              "write",
              "--store",
              url,
              "--events",
              "1000000"
            ],
            { stdio: "ignore" }
          )
          yield* Effect.addFinalizer(() => Effect.sync(() => program.kill("SIGKILL")))
          const ended = new Promise<number | null>((resolve) => void program.once("exit", resolve))
          const isThere = (names: ReadonlyArray<string>) => names.length > before.length
          yield* Effect.repeat(schemas, { until: isThere, schedule: Schedule.spaced("1 milli") })
          program.kill(signal)
          assert.strictEqual(yield* Effect.promise(() => ended), exitCodes.interrupted, signal)
          assert.deepStrictEqual(yield* schemas, before, signal)
        }
      }).pipe(Effect.scoped)
    )

    it.effect("leaves the database as it was when it fails, and says why", () =>
      Effect.gen(function* () {
        const { before, schemas, url } = yield* database
        const ran = yield* eventfold(["bench", "batch", "--store", url, "--payload-bytes", "2000000", "--events", "30"])
        assert.strictEqual(ran.exitCode, exitCodes.store)
        assert.match(ran.stderr, /more than 1048576/)
        assert.deepStrictEqual(yield* schemas, before)
      }).pipe(Effect.scoped)
    )
  }
)
