import { mkdtemp, mkdir, rm, utimes, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, type Scope } from "effect"
import { TestClock } from "effect/testing"
import type { Sample, Task } from "../../bench/peers/contract.ts"
import type { Ground } from "../../bench/peers/ground.ts"
import { install, isInstalled } from "../../bench/peers/install.ts"
import { json } from "../../bench/peers/json.ts"
import { start } from "../../bench/peers/processes.ts"
import { resultOf } from "../../bench/peers/result.ts"
import { compete, type Outcome } from "../../bench/peers/rounds.ts"
import { full, long, quick, type Scenario, scenarios, type Who } from "../../bench/peers/scenarios.ts"
import { lines, targets } from "../../bench/peers/table.ts"

const fake = join(import.meta.dirname, "fakeContender.ts")

const task: Task = {
  scenario: "append",
  url: "postgres://nowhere",
  connections: 1,
  fibers: 1,
  each: 10,
  streams: 0,
  length: 0,
  process: 0,
  variant: "answers"
}

describe("a contender's process", { concurrent: true }, () => {
  it.live("does what it is told, and tells what it came to", () =>
    Effect.gen(function* () {
      const contender = yield* start(fake, "1 minute")
      yield* contender.prepare(task)
      const sample = yield* contender.run(7)
      assert.deepStrictEqual(sample, { events: 10, millis: 1, p50: 1, p99: Number.NaN, others: { round: 7 } })
      const { check, peak } = yield* contender.check
      assert.strictEqual(check, "ok")
      assert.isAbove(peak, 10_000_000)
    })
  )

  it.live("is gone at the end of its scope, also while it does something", () =>
    Effect.gen(function* () {
      const pids: Array<number> = []
      const contender = yield* Effect.scoped(
        Effect.gen(function* () {
          const one = yield* start(fake, "1 minute")
          yield* one.prepare({ ...task, variant: "hangs" })
          yield* Effect.forkScoped(one.run(0))
          assert(one.pid !== undefined)
          process.kill(one.pid, 0)
          pids.push(one.pid)
          return one
        })
      )
      assert.throws(() => process.kill(pids[0]!, 0), "ESRCH")
      const { message } = yield* Effect.flip(contender.run(1))
      assert.strictEqual(message, "Run: it has ended with SIGKILL")
    })
  )

  it.live("that refuses says why", () =>
    Effect.gen(function* () {
      const contender = yield* start(fake, "1 minute")
      const { message } = yield* Effect.flip(contender.prepare({ ...task, variant: "refuses" }))
      assert.match(message, /^Prepare: Error: it does not like the task\n/)
    })
  )

  it.live("that has no word for a scenario says so", () =>
    Effect.gen(function* () {
      const contender = yield* start(fake, "1 minute")
      const { message } = yield* Effect.flip(contender.prepare({ ...task, scenario: "load" }))
      assert.match(message, /^Prepare: Error: no such scenario: load\n/)
    })
  )

  it.live("that ends without an answer is failed, with its exit code and its last words", () =>
    Effect.gen(function* () {
      const contender = yield* start(fake, "1 minute")
      yield* contender.prepare({ ...task, variant: "dies" })
      const { message } = yield* Effect.flip(contender.run(0))
      assert.strictEqual(message, "Run: it has ended with 3\nits last words")
    })
  )

  it.live("that is not there is failed", () =>
    Effect.gen(function* () {
      const contender = yield* start(`${fake}.not`, "1 minute")
      const { message } = yield* Effect.flip(contender.prepare(task))
      assert.match(message, /^Prepare: it has ended with 1\n[^]*Cannot find module/)
    })
  )

  it.effect("that does not answer is failed when its time is over", () =>
    Effect.gen(function* () {
      const contender = yield* start(fake, "1 minute")
      yield* contender.prepare({ ...task, variant: "hangs" })
      const running = yield* Effect.forkChild(Effect.flip(contender.run(0)), { startImmediately: true })
      yield* TestClock.adjust("1 minute")
      const { message } = yield* Fiber.join(running)
      assert.strictEqual(message, "Run: no answer in all the time that there is for it")
    })
  )
})

const scenario: Scenario = {
  name: "append, 2 fibers",
  does: "append",
  size: { fibers: 2, each: 100, streams: 0, length: 0 },
  rounds: 3,
  processes: 1,
  connections: 1,
  settings: {},
  entrants: [],
  by: "rate",
  targets: {}
}

const programs: Readonly<Record<Who, string>> = { eventfold: fake, emmett: fake, plain: fake, limit: fake }

/** Databases that are only names, and what has been asked for. */
const ground = () => {
  const asked: Array<string> = []
  let made = 0
  const acquired = (settings: object): Effect.Effect<string, never, Scope.Scope> =>
    Effect.acquireRelease(
      Effect.sync(() => {
        asked.push(`create ${JSON.stringify(settings)}`)
        return `database ${++made}`
      }),
      (name) => Effect.sync(() => void asked.push(`drop ${name}`))
    )
  const all: Ground = { database: acquired, settle: Effect.sync(() => void asked.push("settle")) }
  return { ...all, asked }
}

const run = (of: Scenario, on: Ground = ground()) => compete(of, on, { programs, patience: "1 minute" })

describe("a scenario", { concurrent: true }, () => {
  it.live("has a sample of everybody for each round but the first, each on a database of its own", () =>
    Effect.gen(function* () {
      const on = ground()
      const outcomes = yield* run(
        {
          ...scenario,
          settings: { commit_delay: "1000" },
          entrants: [
            { who: "eventfold", variant: "answers" },
            { who: "plain", variant: "loses" }
          ]
        },
        on
      )
      const rounds = [1, 2, 3].map((round) => ({ events: 100, millis: 10, p50: 1, p99: Number.NaN, others: { round } }))
      assert.deepStrictEqual(
        outcomes.map((one) => (one._tag === "Done" ? [one.check, one.samples] : one.message)),
        [
          ["ok", rounds],
          ["lost 1 of 4", rounds]
        ]
      )
      const create = `create {"commit_delay":"1000"}`
      const settled = Array.from({ length: 8 }, () => "settle")
      assert.deepStrictEqual(on.asked, [create, create, ...settled, "drop database 2", "drop database 1"])
    })
  )

  it.live("begins each round with another one", () =>
    Effect.gen(function* () {
      const who = ["eventfold", "emmett", "plain"] as const
      const outcomes = yield* run({ ...scenario, entrants: who.map((one) => ({ who: one, variant: "tells when" })) })
      const orders = [0, 1, 2].map((round) =>
        outcomes
          .map((one) => ({
            who: one.entrant.who,
            at: one._tag === "Done" ? (one.samples[round]?.others?.at ?? 0) : 0
          }))
          .toSorted((a, b) => a.at - b.at)
          .map((one) => one.who)
      )
      assert.deepStrictEqual(orders, [
        ["emmett", "plain", "eventfold"],
        ["plain", "eventfold", "emmett"],
        ["eventfold", "emmett", "plain"]
      ])
    })
  )

  it.live("goes on without whom it has failed", () =>
    Effect.gen(function* () {
      const on = ground()
      const outcomes = yield* run(
        {
          ...scenario,
          entrants: [
            { who: "emmett", variant: "fails" },
            { who: "eventfold", variant: "answers" },
            { who: "plain", variant: "refuses" }
          ]
        },
        on
      )
      assert.deepStrictEqual(
        outcomes.map((one) => (one._tag === "Done" ? one.samples.length : one.message.split("\n")[0])),
        ["Run: Error: it has had enough", 3, "Prepare: Error: it does not like the task"]
      )
      // Who has failed is gone before the others go on.
      assert.deepStrictEqual(on.asked.filter((what) => what !== "settle").slice(3), [
        "drop database 3",
        "drop database 1",
        "drop database 2"
      ])
      assert.strictEqual(on.asked.filter((what) => what === "settle").length, 3 + 4)
    })
  )

  it.live("adds up what several processes do together", () =>
    Effect.gen(function* () {
      const [outcome] = yield* run({
        ...scenario,
        rounds: 1,
        processes: 3,
        entrants: [{ who: "eventfold", variant: "loses" }]
      })
      assert(outcome?._tag === "Done")
      const [sample, ...more] = outcome.samples
      assert.strictEqual(more.length, 0)
      assert.deepInclude(sample, { events: 300, p50: 2 })
      assert.isAbove(sample?.millis ?? 0, 0)
      assert.strictEqual(outcome.check, "lost 1 of 2")
      assert.isAbove(outcome.peak, 3 * 35_000_000)
    })
  )
})

const samples = (...rates: ReadonlyArray<number>): ReadonlyArray<Sample> =>
  rates.map((rate) => ({
    events: rate,
    millis: 1000,
    p50: 1000 / rate,
    p99: 2000 / rate,
    others: { "behind, ms": rate }
  }))

const done = (who: Who, variant: string, rates: ReadonlyArray<number>, check = "ok"): Outcome => ({
  _tag: "Done",
  entrant: { who, variant },
  samples: samples(...rates),
  check,
  peak: 50_000_000
})

const failed = (who: Who, variant: string): Outcome => ({
  _tag: "Failed",
  entrant: { who, variant },
  message: "Run: it has ended with 1\nmore"
})

const aimed: Scenario = {
  ...scenario,
  limit: "COPY",
  targets: { emmett: { atLeast: 8 }, limit: { atLeast: 0.4 } }
}

const ours = done("eventfold", "stock", [800, 1000, 900])

describe("what a scenario came to", () => {
  it("is compared round by round, with the best variant and the limit that counts", () => {
    const result = resultOf(aimed, [
      ours,
      done("emmett", "stock", [50, 50, 50]),
      done("emmett", "indexed", [100, 200, 100]),
      done("limit", "INSERT", [10_000, 10_000, 10_000]),
      done("limit", "COPY", [2000, 2000, 2000])
    ])
    assert.deepStrictEqual(
      result.aims.map(({ isMet, value, variant }) => [variant, value, isMet]),
      [
        ["indexed", { median: 8, min: 5, max: 9 }, true],
        ["COPY", { median: 0.45, min: 0.4, max: 0.5 }, true]
      ]
    )
    assert.isFalse(result.missed)
    assert.strictEqual(result.check, "ok")
  })

  it("misses a target that is not reached, of rates and of times", () => {
    const emmett = done("emmett", "stock", [125, 125, 125])
    assert.isTrue(resultOf(aimed, [ours, emmett, done("limit", "COPY", [1000, 1000, 1000])]).missed)
    const byTime = (atMost: number) =>
      resultOf({ ...scenario, by: "p50", targets: { emmett: { atMost } } }, [ours, emmett])
    assert.deepStrictEqual(byTime(0.1).aims[0]?.value, { median: 125 / 900, min: 0.125, max: 125 / 800 })
    assert.isTrue(byTime(0.1).missed)
    assert.isFalse(byTime(0.2).missed)
  })

  it("does not count as speed what was left out of the work", () => {
    const { best } = resultOf(scenario, [
      ours,
      done("emmett", "tuned", [5000, 5000, 5000], "lost 3 of 10"),
      done("emmett", "stock", [10, 10, 10]),
      failed("emmett", "broken")
    ])
    assert.strictEqual(best.emmett?.outcome.variant, "stock")
  })

  it("is missed and broken when Eventfold fails or loses something, whatever its rate", () => {
    const others = [done("emmett", "stock", [1, 1, 1]), done("limit", "COPY", [1, 1, 1])]
    const lost = resultOf(aimed, [done("eventfold", "stock", [100, 100, 100], "lost 3 of 10"), ...others])
    assert.isTrue(lost.missed && lost.isBroken)
    assert.strictEqual(lost.check, "eventfold (stock): lost 3 of 10")
    const ended = resultOf(aimed, [failed("eventfold", "stock"), ...others])
    assert.isTrue(ended.missed && ended.isBroken)
    assert.deepStrictEqual(
      ended.aims.map(({ value }) => value),
      [undefined, undefined]
    )
  })

  it("is not broken by a peer that fails or loses something", () => {
    const result = resultOf(aimed, [ours, failed("emmett", "stock"), done("limit", "COPY", [1, 1, 1], "lost 1 of 3")])
    assert.isFalse(result.isBroken)
    assert.strictEqual(result.check, "limit (COPY): lost 1 of 3")
    // There is nothing to compare with.
    assert.isTrue(result.missed)
  })
})

const everything = resultOf({ ...aimed, targets: { ...aimed.targets, emmett: { atLeast: 100 } } }, [
  ours,
  done("emmett", "stock", [50, 50, 50]),
  failed("emmett", "indexed"),
  done("plain", "stock", [100, 100, 100], "lost 3 of 10"),
  done("limit", "INSERT", [1000, 1000, 1000]),
  done("limit", "COPY", [2000, 2000, 2000])
])

describe("results as JSON", () => {
  it("have each contender at its best, with its other variants", () => {
    const { about, scenarios: all } = json({ node: "24" }, [everything])
    assert.deepStrictEqual(about, { node: "24" })
    const { eventfold, emmett, plain, limit, ...rest } = all[0]!
    assert.deepStrictEqual(rest, {
      name: "append, 2 fibers",
      by: "rate",
      ratios: { emmett: 18, plain: 9, limit: 0.45 },
      targets: { emmett: { atLeast: 100 }, limit: { atLeast: 0.4 } },
      missed: true,
      check: "ok"
    })
    assert.deepStrictEqual(eventfold, {
      variant: "stock",
      runs: 3,
      events: 900,
      perSecond: { median: 900, min: 800, max: 1000 },
      p50: { median: 1000 / 900, min: 1, max: 1.25 },
      p99: { median: 2000 / 900, min: 2, max: 2.5 },
      others: { "behind, ms": { median: 900, min: 800, max: 1000 } },
      peak: 50_000_000,
      check: "ok",
      variants: []
    })
    assert.deepStrictEqual(emmett?.variants, [{ variant: "indexed", failed: "Run: it has ended with 1\nmore" }])
    assert.deepInclude(plain, { check: "lost 3 of 10" })
    assert.deepInclude(limit, { variant: "COPY" })
    assert.deepStrictEqual(
      limit?.variants.map(({ variant }) => variant),
      ["INSERT"]
    )
  })
})

describe("results as text", () => {
  it("are a table, and what was lost under it", () => {
    const text = lines(everything)
    assert.match(
      text[3] ?? "",
      /^ {2}eventfold \(stock\) +900 +900 \(800\.\.1,000\) +1\.11 \(1\.00\.\.1\.25\) .* 50 MB +- +ok$/
    )
    assert.match(text[4] ?? "", /18\.00 \(16\.00\.\.20\.00\) +ok$/)
    assert.match(text[5] ?? "", /^ {2}emmett \(indexed\) .*failed$/)
    assert.match(text[6] ?? "", /not ok$/)
    assert.include(text, "  emmett (indexed) has failed: Run: it has ended with 1\nmore")
    assert.include(text, "  plain (stock): lost 3 of 10")
    assert.include(text, "  eventfold (stock), behind, ms: 900.00 (800.00..1000.00)")
  })

  it("end with the targets, each with whom it is held against", () => {
    const text = targets([everything]).map((line) => line.replaceAll(/ {2,}/g, " | ").trim())
    assert.deepStrictEqual(text.slice(3), [
      "| append, 2 fibers | rate / emmett (stock) | 18.00 (16.00..20.00) | at least 100 | missed",
      "| append, 2 fibers | rate / limit (COPY) | 0.45 (0.40..0.50) | at least 0.4 | met"
    ])
    assert.deepStrictEqual(targets([resultOf(scenario, [ours])]), [])
  })
})

describe("the scenarios", () => {
  it.each([
    ["quick", scenarios(quick)],
    ["full", scenarios(full)],
    ["long", scenarios(long(full))]
  ])("have names of their own, and whom a target names takes part: %s", (_, all) => {
    assert.strictEqual(new Set(all.map(({ name }) => name)).size, all.length)
    for (const { entrants, limit, name, size, targets: asked } of all) {
      assert.strictEqual(entrants[0]?.who, "eventfold", name)
      const isThere = (who: string) =>
        entrants.some((one) => one.who === who && (who !== "limit" || one.variant === limit))
      for (const who of Object.keys(asked)) assert.isTrue(isThere(who), `${name}: ${who}`)
      for (const figure of [...Object.values(size), ...entrants.map(({ streams = 0 }) => streams)]) {
        assert.isTrue(Number.isInteger(figure), name)
      }
    }
  })

  it("leave a server with its default of 100 connections some", () => {
    for (const { connections, entrants, name, processes } of scenarios(full)) {
      assert.isAtMost(entrants.length * processes * connections, 90, name)
    }
  })
})

const folder = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "eventfold-peers-"))),
  (path) => Effect.promise(() => rm(path, { recursive: true }))
)

const locked = (path: string, at: number) =>
  Effect.promise(async () => {
    await writeFile(path, "{}")
    await utimes(path, at, at)
  })

describe("what Eventfold is compared with", () => {
  it.live("is there when npm has written so after the lock", () =>
    Effect.gen(function* () {
      const path = yield* folder
      assert.isFalse(yield* isInstalled(path))
      yield* locked(join(path, "package-lock.json"), 1000)
      assert.isFalse(yield* isInstalled(path))
      yield* Effect.promise(() => mkdir(join(path, "node_modules")))
      const written = join(path, "node_modules", ".package-lock.json")
      yield* locked(written, 999)
      assert.isFalse(yield* isInstalled(path))
      yield* locked(written, 1000)
      assert.isTrue(yield* isInstalled(path))
      yield* install(path, ["no-such-program"])
    })
  )

  it.live("says where it cannot be installed what to do", () =>
    Effect.gen(function* () {
      const path = yield* folder
      const offline = [process.execPath, "-e", "console.error('no network'); process.exit(1)"] as const
      const { message } = yield* Effect.flip(install(path, offline))
      assert.include(message, `Run \`npm ci\` in ${path} where there is a network`)
      assert.include(message, "no network")
      const gone = yield* Effect.flip(install(path, ["no-such-program"]))
      assert.include(gone.message, "no-such-program")
      yield* install(path, [process.execPath, "-e", ""])
    })
  )
})
