import { assert, layer } from "@effect/vitest"
import { Duration, Effect, Logger, Option, Schedule, Schema } from "effect"
import type { EventStore } from "eventfold"
import { parseAge, parseWaitingFor } from "../../src/cli/processes/flags.ts"
import { asked, makeDesk, storyOf, tell } from "../process/support.ts"
import { TestServer } from "../support/server.ts"
import { type Database, onServer } from "./database.ts"
import { eventfold, jsonOf, linesOf } from "./support.ts"

const hour = 3_600_000

/** A process with an instance in every state that there is. */
const prepare = ({ within }: Database) => {
  const { broken, start } = makeDesk({ runs: { retry: Schedule.recurs(0) } })
  broken.add("evolve y").add("evolve y\u001b[2J")
  const running = <E>(tell: Effect.Effect<unknown, E, EventStore.EventStore>) =>
    Effect.gen(function* () {
      const { process } = yield* start
      yield* tell
      yield* process.awaitSettled("30 seconds")
      return process
    })
  const first = running(
    tell(
      asked("cancelled", "x", { after: [{ timer: "a", millis: hour }] }),
      asked("done", "w", { numbers: [1, -1] }),
      asked("over", "z", { isOver: true }),
      asked("retried", "y"),
      asked("skipped", "y\u001b[2J")
    )
  )
  return Effect.as(Effect.provide(within(first), Logger.layer([])), { broken, settled: running(Effect.void) })
}

const Counts = Schema.Array(
  Schema.Struct({ name: Schema.String, running: Schema.Int, stuck: Schema.Int, ended: Schema.Int })
)
const Shown = Schema.Struct({
  instance: Schema.String,
  status: Schema.String,
  state: Schema.Json,
  stuck: Schema.NullOr(Schema.Struct({ _tag: Schema.String, problem: Schema.String })),
  story: Schema.Array(
    Schema.Struct({
      input: Schema.Struct({ _tag: Schema.String }),
      commands: Schema.Array(Schema.Struct({ command: Schema.Json }))
    })
  )
})
const Named = Schema.Struct({ instance: Schema.String })

layer(TestServer.layer({ settings: { fsync: "off" } }), { excludeTestServices: true, timeout: 120_000 })(
  "eventfold processes",
  (it) => {
    it.effect("lists processes and their instances", () =>
      Effect.gen(function* () {
        const database = yield* onServer
        yield* prepare(database)
        const run = (...args: ReadonlyArray<string>) =>
          eventfold(["processes", "list", ...args, "--store", database.store])
        assert.deepStrictEqual(Schema.decodeUnknownSync(Counts)(jsonOf(yield* run("--json"))), [
          { name: "desk", running: 2, stuck: 2, ended: 1 }
        ])
        assert.match((yield* run()).stdout, /^desk +running +0 +2 +2 +1 +nobody$/m)
        const names = (...args: ReadonlyArray<string>) =>
          Effect.map(run("desk", "--json", ...args), (ran) =>
            linesOf(ran).map((line) => Schema.decodeUnknownSync(Named)(line).instance)
          )
        assert.deepStrictEqual(yield* names(), ["cancelled", "done", "over", "retried", "skipped"])
        assert.deepStrictEqual(yield* names("--status", "stuck"), ["retried", "skipped"])
        assert.deepStrictEqual(yield* names("--waiting-for", "timer:a"), ["cancelled"])
        assert.deepStrictEqual(yield* names("--idle-for", "1h"), [])
        assert.deepStrictEqual(yield* names("--older-than", "0s", "--after", "over"), ["retried", "skipped"])
        const some = yield* run("desk", "--limit", "2")
        assert.include(some.stdout, "timer a at ")
        assert.notInclude(some.stdout, "over")
        assert.include(some.stderr, 'go on with --after "done"')
        assert.strictEqual((yield* run("desk", "--limit", "5")).stderr, "")
        for (const args of [
          ["--status", "stuck"],
          ["desk", "--idle-for", "soon"],
          ["desk", "--waiting-for", "a"]
        ]) {
          assert.strictEqual((yield* run(...args)).exitCode, 2, args.join(" "))
        }
      }).pipe(Effect.scoped)
    )

    it.effect("shows an instance with its story", () =>
      Effect.gen(function* () {
        const database = yield* onServer
        yield* prepare(database)
        const run = (...args: ReadonlyArray<string>) =>
          eventfold(["processes", "show", ...args, "--store", database.store])
        const shown = Schema.decodeUnknownSync(Shown)(jsonOf(yield* run("desk", "done", "--json")))
        assert.deepStrictEqual(shown.state, { isOver: false, notes: ["w", "did 1", "no -1"] })
        assert.deepStrictEqual(
          shown.story.map(({ commands, input }) => [input._tag, commands.length]),
          [
            ["Event", 2],
            ["Executed", 0],
            ["Rejected", 0]
          ]
        )
        const { stdout } = yield* run("desk", "done")
        assert.match(stdout, /^1\. .*Asked happened in told-all \(position 2\)$/m)
        assert.match(stdout, /^ +sends Do for tools done \{"_tag":"Do","n":1\}$/m)
        assert.match(stdout, /^2\. .*Do for tools done was executed: 1 event, the stream is at version 1$/m)
        assert.match(stdout, /^3\. .*Do for tools done was rejected: /m)
        const stuck = yield* run("desk", "skipped")
        assert.match(stuck.stdout, /^stuck at the event at position 5: /m)
        assert.notInclude(stuck.stdout, "\u001b")
      }).pipe(Effect.scoped)
    )

    it.effect("asks for what its owner then does, and gives nothing up without being told twice", () =>
      Effect.gen(function* () {
        const database = yield* onServer
        const { broken, settled } = yield* prepare(database)
        const run = (...args: ReadonlyArray<string>) => eventfold(["processes", ...args, "--store", database.store])
        for (const args of [
          ["skip", "desk", "skipped"],
          ["cancel", "desk", "cancelled"]
        ]) {
          const { exitCode, stderr } = yield* run(...args, "--reason", "a test")
          assert.strictEqual(exitCode, 5)
          assert.include(stderr, "--yes")
        }
        const done = [
          yield* run("retry", "desk", "retried"),
          yield* run("skip", "desk", "skipped", "--reason", "a test", "--yes"),
          yield* run("cancel", "desk", "cancelled", "--reason", "a test", "--yes"),
          yield* run("resume", "desk", "done")
        ]
        for (const { exitCode, stderr, stdout } of done) {
          assert.strictEqual(exitCode, 0, stderr)
          assert.include(stdout, "nobody runs the process now")
        }
        broken.clear()
        const stories = yield* database.within(
          Effect.flatMap(settled, (process) =>
            Effect.forEach(["retried", "skipped", "cancelled", "done"], (desk) => storyOf(process, desk))
          )
        )
        const inputs = stories.map((steps) => steps.slice(1).map(({ input }) => input._tag))
        assert.deepStrictEqual(inputs.slice(0, 3), [["Retried", "Event"], ["Skipped"], ["Cancelled"]])
        assert.deepStrictEqual(inputs[3]?.slice(0, 3), ["Executed", "Rejected", "Resumed"])
      }).pipe(Effect.scoped)
    )

    it.effect("refuses what does not apply, and says what there is in place of what is not there", () =>
      Effect.gen(function* () {
        const database = yield* onServer
        yield* prepare(database)
        const run = (...args: ReadonlyArray<string>) => eventfold(["processes", ...args, "--store", database.store])
        const reason = ["--reason", "x", "--yes"]
        for (const args of [
          ["retry", "desk", "done"],
          ["skip", "desk", "done", ...reason],
          ["cancel", "desk", "over", ...reason],
          ["resume", "desk", "over"]
        ]) {
          const { exitCode, stderr } = yield* run(...args)
          assert.strictEqual(exitCode, 5, args.join(" "))
          assert.include(stderr, "it is ")
        }
        for (const args of [
          ["show", "desk", "nobody"],
          ["retry", "desk", "nobody"],
          ["cancel", "desk", "nobody", ...reason]
        ]) {
          const { exitCode, stderr } = yield* run(...args)
          assert.strictEqual(exitCode, 3, args.join(" "))
          assert.include(stderr, "the process desk has no instance nobody")
        }
        for (const args of [
          ["list", "nothing"],
          ["show", "nothing", "x"]
        ]) {
          const { exitCode, stderr } = yield* run(...args)
          assert.strictEqual(exitCode, 3, args.join(" "))
          assert.include(stderr, "There is desk")
        }
      }).pipe(Effect.scoped)
    )

    it.effect("reads ages, and what is waited for", () =>
      Effect.sync(() => {
        const seconds = (text: string) => Option.map(parseAge(text), Duration.toSeconds)
        assert.deepStrictEqual(["90s", "5m", "2h", "1.5d"].map(seconds), [90, 300, 7200, 129_600].map(Option.some))
        for (const text of ["", "5", "-5m", "5 m", "1w", "9999999999s", "NaNs"]) {
          assert.isTrue(Option.isNone(parseAge(text)), text)
        }
        assert.deepStrictEqual(parseWaitingFor("timer:a:b"), Option.some({ timer: "a:b" }))
        const command = Option.some({ to: "stock", command: "Reserve.All" })
        assert.deepStrictEqual(parseWaitingFor("command:stock.Reserve.All"), command)
        for (const text of ["", "timer:", "command:stock", "command:.x", "a"]) {
          assert.isTrue(Option.isNone(parseWaitingFor(text)), text)
        }
      })
    )
  }
)
