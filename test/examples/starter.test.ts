/**
 * The application that `eventfold init` writes, where its events are kept elsewhere than in its folder. What npm makes of it, and the folder, are
 * in package/stranger.test.ts.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { readdir } from "node:fs/promises"
import { join } from "node:path"
import { root, run, temporaryFolder } from "../support/project.ts"
import { freshDatabase, startServer } from "../support/server.ts"

const main = join(root, "examples", "starter", "src", "main.ts")

/** Runs it with a setting of the environment, in a folder where it then should not have kept anything. */
const start = (setting: string, ...args: ReadonlyArray<string>) =>
  Effect.promise(async () => {
    await using folder = await temporaryFolder()
    const ended = await run(
      "env",
      [setting, process.execPath, "--conditions=@eventfold/source", main, ...args],
      folder.path
    )
    return { ...ended, kept: await readdir(folder.path) }
  })

/** What comes of it, the first time or a later one. */
const told = (times: number) => ({
  code: 0,
  stdout: [
    "ada borrows dune",
    "bob cannot borrow dune: ada has it",
    `dune is back, after ${2 * times} events`,
    `loans of ada so far: ${times}`,
    ""
  ].join("\n"),
  stderr: "",
  kept: []
})

describe("the starter", { timeout: 120_000 }, () => {
  it.live("keeps its events on a server, and goes on with them", () =>
    Effect.gen(function* () {
      const url = yield* Effect.flatMap(startServer({ settings: { fsync: "off" } }), freshDatabase)
      for (const times of [1, 2]) {
        assert.deepStrictEqual(yield* start(`DATABASE_URL=${url}`), told(times))
      }
    })
  )

  it.live("keeps none where the server has an empty name", () =>
    Effect.gen(function* () {
      const { code, kept, stdout, stderr } = yield* start("DATABASE_URL=")
      assert.deepStrictEqual({ code, kept }, { code: 1, kept: [] })
      assert.include(stdout + stderr, "DATABASE_URL is empty")
    })
  )

  it.live("keeps them in memory where that is asked for, whatever else is set", () =>
    Effect.gen(function* () {
      const nowhere = "DATABASE_URL=postgres://ada@localhost:1/library"
      assert.deepStrictEqual(yield* start(nowhere, "--memory"), told(1))
    })
  )
})
