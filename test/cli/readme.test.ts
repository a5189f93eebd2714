/**
 * The commands that the README shows, on a log of the bank.
 */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { rmSync } from "node:fs"
import { afterAll } from "vitest"
import { read } from "../support/project.ts"
import { exported, folder, recorded } from "./bankLog.ts"
import { eventfold } from "./support.ts"

afterAll(() => rmSync(folder, { recursive: true, force: true }))

const commands = Array.from(read("README.md").matchAll(/^npm run eventfold -- (.*?) *(?:#.*)?$/gm), ([, args]) =>
  args!.split(" ")
)

it.effect("the README's commands work", () =>
  Effect.gen(function* () {
    assert.isAtLeast(commands.length, 5)
    const file = exported("readme.jsonl", yield* recorded)
    for (const args of commands) {
      assert.include(args, "./data/bank")
      const ran = yield* eventfold(args.map((arg) => (arg === "./data/bank" ? file : arg)))
      // A doctor sees to databases.
      const expected = args[0] === "doctor" ? 2 : 0
      assert.strictEqual(ran.exitCode, expected, `${args.join(" ")}\n${ran.stderr}`)
      if (expected === 0) assert.isNotEmpty(ran.stdout)
    }
  })
)
