/**
 * The process of the command line, with modules that do what they should not.
 */
import { spawnSync } from "node:child_process"
import process from "node:process"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { exitCodes } from "../../src/cli/failure.ts"
import { exported, fileOf, recorded } from "./bankLog.ts"

const account = new URL("../../examples/bank/account.ts", import.meta.url).href

/** Validates a log of the bank by a module: it begins with some lines, and exports the domain of the bank. */
const validated = (name: string, lines: ReadonlyArray<string>) =>
  Effect.map(recorded, (events) => {
    const log = exported(`${name}.jsonl`, events)
    const module = fileOf(`${name}.ts`, [...lines, `export * from ${JSON.stringify(account)}`])
    return spawnSync(
      process.execPath,
      ["--conditions=@eventfold/source", "src/cli/bin.ts", "validate", "--json", "--store", log, "--domain", module],
      { encoding: "utf8" }
    )
  })

describe("a module of a domain", () => {
  it.live("that prints something does not print it into the answer", () =>
    Effect.gen(function* () {
      const { status, stderr, stdout } = yield* validated("prints", [`console.log("hello"); console.table([1])`])
      assert.strictEqual(status, exitCodes.done, stderr)
      assert.property(JSON.parse(stdout), "checked")
      assert.include(stderr, "hello")
    })
  )

  it.live("that ends the process does not have it say that all was done", () =>
    Effect.gen(function* () {
      const { status, stderr, stdout } = yield* validated("exits", ["process.exit(0)"])
      assert.strictEqual(status, exitCodes.domain)
      assert.strictEqual(stdout, "")
      assert.match(stderr, /^error: the module of the domain has ended the process\n/)
    })
  )

  it.live("that fails behind its back is told, and nothing else seems to have been found", () =>
    Effect.gen(function* () {
      const { status, stderr } = yield* validated("fails", [`void Promise.reject(new Error("late\\u001b[2J"))`])
      assert.strictEqual(status, exitCodes.defect)
      assert.match(stderr, /^error: nobody has caught this, .*\nError: late\\u001b\[2J\n/)
    })
  )

  it.live("that exports what throws when it is looked at is read for the rest", () =>
    Effect.gen(function* () {
      const thrower = `const no = () => { throw new Error("not set") }`
      const { status, stderr } = yield* validated("throws", [
        thrower,
        "export const env = new Proxy({}, { get: no, has: no, ownKeys: no, getPrototypeOf: no })",
        "export const inner = { env }",
        "export const called = new Proxy(() => 1, { get: no, has: no })"
      ])
      assert.strictEqual(status, exitCodes.done, stderr)
    })
  )
})
