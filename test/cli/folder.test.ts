/**
 * What an operator does with an embedded store in a folder, one command after the other.
 */
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect, Logger, Schedule } from "effect"
import { asked, makeDesk, tell } from "../process/support.ts"
import { inFolder } from "./database.ts"
import { eventfold } from "./support.ts"

it.live(
  "a folder is made when that is told, and looked after as a server is",
  () =>
    Effect.gen(function* () {
      const { store, within } = yield* inFolder
      const run = (...args: ReadonlyArray<string>) =>
        Effect.map(eventfold([...args, "--store", store]), (ran) => ({
          ...ran,
          said: `${ran.exitCode}: ${ran.stdout}${ran.stderr}`
        }))
      const parent = join(store, "..")
      const file = join(parent, "file.jsonl")
      yield* Effect.promise(() => writeFile(file, ""))
      assert.match((yield* run("migrate")).said, /^3: error: there is nothing at /)
      assert.strictEqual((yield* eventfold(["migrate", "--create", "--store", file])).exitCode, 2)
      assert.strictEqual((yield* eventfold(["migrate", "--create", "--store", parent])).exitCode, 4)
      assert.match((yield* run("migrate", "--create")).said, /^0: the schema eventfold has taken 1 \(the log\), 2 \(/)
      assert.match((yield* run("migrate", "--check")).said, /^0: the schema eventfold is up to date/)

      const above = yield* eventfold(["stats", "--store", parent])
      assert.deepStrictEqual([above.exitCode, above.stderr.split("\n")[1]], [3, `  There is one in ${store}`])

      const { broken, start } = makeDesk({ runs: { retry: Schedule.recurs(0) } })
      broken.add("evolve y")
      const settled = Effect.gen(function* () {
        const { process } = yield* start
        yield* tell(asked("one", "x"), asked("two", "y"))
        yield* process.awaitSettled("1 minute")
        const { said } = yield* run("projections", "list")
        assert.match(said, /^4: error: .* has it open, .*\n  Stop that process first\n$/)
      })
      yield* Effect.provide(within(settled), Logger.layer([]))

      assert.match((yield* run("projections", "list")).said, /^process:desk +1 +live +running +4 +2 +0 .*nobody$/m)
      assert.match((yield* run("projections", "pause", "process:desk")).said, /^0: process:desk is paused/)
      assert.match((yield* run("processes", "list", "desk")).said, /^two +stuck .* stuck at the event at position 2: /m)
      assert.match((yield* run("processes", "retry", "desk", "two")).said, /^0: desk two is to try again/)
      const { said } = yield* run("doctor")
      assert.match(said, /^ok +schema +schema eventfold is there, with all 4 migrations$/m)
      assert.match(said, /^skipped +rights +an embedded store has one user$/m)
      assert.match(said, /^0: ok +connection /)
    }).pipe(Effect.scoped),
  180_000
)
