/**
 * The users as a process: a scenario is played, told, and meant. In a folder and on a server, and once more in the same place.
 */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { SqlClient } from "effect/sql"
import { EmbeddedEventStore } from "eventfold/postgres/embedded"
import { rules } from "../../examples/users/audit.ts"
import { planOf } from "../../examples/users/plan.ts"
import { makeEmbeddedFolder } from "../support/embeddedFolder.ts"
import { freshDatabase, startServer } from "../support/server.ts"
import { startExample } from "./support/program.ts"

const run = (flags: ReadonlyArray<string>, env?: Record<string, string>) =>
  Effect.flatMap(startExample("users/main.ts", flags, env), ({ end }) => end)

const few = ["--users", "30", "--seed", "7"]

/** That all rules hold, before the search was rebuilt and afterwards. */
const isRight = ({ code, said }: { readonly code: number; readonly said: string }) => {
  assert.strictEqual(code, 0, said)
  for (const rule of Object.values(rules)) assert.strictEqual(said.split(`      ok  ${rule}\n`).length, 3, said)
}

/** How many users were found by what was asked, each time that it was asked. */
const found = (said: string, asked: string) =>
  Array.from(said.matchAll(new RegExp(`^  ${asked}: (\\d+|nobody)$`, "gm")), ([, count]) => Number(count))

const usersOf = (said: string) =>
  Array.from(said.matchAll(/^What must hold, of (\d+) users/gm), ([, count]) => Number(count))

/** The first run, and a second one in the same place. */
const twice = Effect.fnUntraced(function* (env: Record<string, string>) {
  const { coming } = yield* planOf(7, 30)
  const first = yield* run(few, env)
  isRight(first)
  assert.include(first.said, "The search goes from version 1 to 2")
  assert.deepStrictEqual(usersOf(first.said), [30, 30 + coming.length])
  const [before, after] = found(first.said, "gardening")
  assert.isAbove(after ?? 0, before ?? 0, first.said)

  // Every request has an id, and is known: nothing happens twice.
  const again = yield* run(few, env)
  isRight(again)
  assert.include(again.said, "The search is rebuilt as version 2")
  assert.deepStrictEqual(usersOf(again.said), [30 + coming.length, 30 + coming.length])
  assert.deepStrictEqual(found(again.said, "gardening"), [after, after])
})

describe("a scenario of users", () => {
  it.live(
    "comes out right in a folder, and once more; where a read model is not as it must be, it fails and says which",
    () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const dataDir = `${yield* fs.makeTempDirectoryScoped({ prefix: "users-" })}/data`
        yield* Effect.promise(() => makeEmbeddedFolder(dataDir))
        const env = { DATABASE_URL: "", DATA_DIR: dataDir }
        yield* twice(env)

        // Somebody writes to the read models by hand.
        yield* Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          yield* sql`UPDATE eventfold."users-by-email_users" SET name = 'Mallory' WHERE id = '7-0003'`
          yield* sql`UPDATE eventfold."user-search_users" SET name = 'Mallory' WHERE id = '7-0003'`
          yield* sql`UPDATE eventfold.projection_documents SET document = jsonb_set(document, '{name}', '"Mallory"') WHERE key = '7-0003'`
        }).pipe(Effect.provide(EmbeddedEventStore.layer({ dataDir })), Effect.scoped)
        const { code, said } = yield* run(few, env)
        assert.strictEqual(code, 1, said)
        assert.include(said, `      ok  ${rules.addresses}\n`)
        for (const rule of [rules.table, rules.documents, rules.search]) assert.include(said, `  BROKEN  ${rule}\n`)
      }).pipe(Effect.provide(NodeServices.layer)),
    180_000
  )

  it.live(
    "comes out right on a server, and once more",
    () =>
      Effect.gen(function* () {
        const url = yield* Effect.flatMap(startServer({ settings: { fsync: "off" } }), freshDatabase)
        yield* twice({ DATABASE_URL: url })
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
    180_000
  )

  it.live("is the same of the same seed, and tells what it cannot do", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* planOf(1, 50), yield* planOf(1, 50))
      assert.notDeepEqual(yield* planOf(1, 50), yield* planOf(2, 50))
      const usage = yield* run(["--users", "3"])
      assert.strictEqual(usage.code, 1)
      assert.include(usage.said, "--users")
      // No server listens on port 1.
      const absent = yield* run(few, { DATABASE_URL: "postgres://user:secret@127.0.0.1:1/none" })
      assert.strictEqual(absent.code, 1)
      assert.match(absent.said, /^They cannot be kept on the server of DATABASE_URL: /m)
      assert.notInclude(absent.said, "secret")
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
