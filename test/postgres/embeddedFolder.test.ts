/**
 * The embedded database in a folder: it outlives its process, and one client at a time has it.
 */
import { execFile } from "node:child_process"
import { existsSync } from "node:fs"
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises"
import { tmpdir, userInfo } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import type { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { SqlClient } from "effect/sql"
import { EventStore } from "eventfold"
import { EmbeddedEventStore } from "eventfold/postgres/embedded"
import * as EmbeddedPgClient from "../../src/postgres/embedded/EmbeddedPgClient.ts"
import { lockName } from "../../src/postgres/embedded/lock.ts"
import { root } from "../support/project.ts"
import { eventOf, writeTo } from "./support/workload.ts"

const temporary = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "eventfold-embedded-"))),
  (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
)

const within = <A, E>(dataDir: string, effect: Effect.Effect<A, E, PgClient.PgClient | SqlClient.SqlClient>) =>
  Effect.provide(effect, EmbeddedPgClient.layer({ dataDir }), { local: true })

const count = (table: string) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const rows = yield* sql<{ n: bigint }>`SELECT count(*) AS n FROM ${sql(table)}`
    return Number(rows[0]?.n)
  })

describe("a database in a folder", () => {
  const lockIn = (dataDir: string) => join(dataDir, lockName)

  it.live("is made, and is there again after closing and reopening", () =>
    Effect.gen(function* () {
      const dataDir = join(yield* temporary, "to", "be", "made")
      const first = Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* sql`CREATE TABLE kept (n int)`
        yield* sql`INSERT INTO kept SELECT generate_series(1, 1000)`
        assert.deepStrictEqual(yield* sql`SHOW fsync`, [{ fsync: "on" }])
        const reserved = yield* sql.reserve
        yield* reserved.execute("BEGIN", [], undefined)
        yield* reserved.execute("INSERT INTO kept VALUES (0)", [], undefined)
      }).pipe(Effect.scoped)
      yield* within(dataDir, first)
      assert.isFalse(existsSync(lockIn(dataDir)))
      assert.strictEqual(yield* within(dataDir, count("kept")), 1000)
    }).pipe(Effect.scoped)
  )

  it.live("is refused while somebody has it open, and free afterwards", () =>
    Effect.gen(function* () {
      const dataDir = yield* temporary
      const refused = yield* within(dataDir, Effect.flip(within(dataDir, Effect.void)))
      assert.instanceOf(refused, EmbeddedPgClient.EmbeddedError)
      assert.strictEqual(refused.reason, "InUse")
      yield* within(dataDir, Effect.void)
    }).pipe(Effect.scoped)
  )

  it.live("is there after its process was killed, whose lock is cleared away", () =>
    Effect.gen(function* () {
      const dataDir = yield* temporary
      const module = (path: string) => JSON.stringify(pathToFileURL(join(root, path)).href)
      const program = `
        import { Effect } from "effect"
        import { SqlClient } from "effect/sql"
        import * as EmbeddedPgClient from ${module("src/postgres/embedded/EmbeddedPgClient.ts")}
        const program = Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          yield* sql\`CREATE TABLE kept (n int)\`
          for (let n = 0; n < 100; n++) yield* sql\`INSERT INTO kept VALUES (\${n})\`
          process.stdout.write("written")
          yield* Effect.never
        })
        Effect.runFork(Effect.provide(program, EmbeddedPgClient.layer({ dataDir: ${JSON.stringify(dataDir)} })))`
      const child = yield* Effect.acquireRelease(
        Effect.sync(() =>
          execFile(process.execPath, ["--conditions=@eventfold/source", "--input-type=module", "-e", program], {
            cwd: root
          })
        ),
        (child) => Effect.sync(() => child.kill("SIGKILL"))
      )
      yield* Effect.callback<void>((resume) => {
        child.stdout?.once("data", () => resume(Effect.void))
        child.once("exit", () => resume(Effect.die(new Error("the process ended before it was killed"))))
      })
      const other = yield* Effect.flip(within(dataDir, Effect.void))
      assert.include(other.message, `process ${child.pid} has it open`)
      yield* Effect.callback<void>((resume) => {
        child.removeAllListeners("exit").once("exit", () => resume(Effect.void))
        child.kill("SIGKILL")
      })
      assert.isTrue(existsSync(lockIn(dataDir)))
      assert.strictEqual(yield* within(dataDir, count("kept")), 100)
    }).pipe(Effect.scoped)
  )

  it.live("is written to no more by a client that has lost it, and is as it was told to be in the next one", () =>
    Effect.gen(function* () {
      const dataDir = yield* temporary
      yield* within(
        dataDir,
        Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          yield* sql`CREATE TABLE kept (n int)`
          yield* sql`INSERT INTO kept VALUES (1)`
          const [name] = yield* Effect.promise(() => readdir(lockIn(dataDir)))
          // As somebody in another container does, who has not seen it live for ten seconds.
          yield* Effect.promise(() => rm(join(lockIn(dataDir), name!)))
          yield* Effect.flip(sql`INSERT INTO kept VALUES (1)`)
          yield* Effect.flip(sql`SELECT 1`)
          yield* within(
            dataDir,
            Effect.gen(function* () {
              assert.strictEqual(yield* count("kept"), 1)
              const sql = yield* SqlClient.SqlClient
              yield* sql`INSERT INTO kept VALUES (2)`
            })
          )
        })
      )
      assert.strictEqual(yield* within(dataDir, count("kept")), 2)
    }).pipe(Effect.scoped)
  )

  it.live("keeps its events over closing and reopening, and lets nobody change them", () =>
    Effect.gen(function* () {
      const dataDir = yield* temporary
      const opened = <A, E>(effect: Effect.Effect<A, E, EventStore.EventStore>) =>
        Effect.provide(effect, EmbeddedEventStore.layer({ dataDir }), { local: true })
      const events = [eventOf(), eventOf(), eventOf()]
      const all = Effect.flatMap(EventStore.EventStore, (store) => Stream.runCollect(store.readLog()))
      const append = Effect.gen(function* () {
        const store = yield* EventStore.EventStore
        for (const event of events) {
          yield* store.append(writeTo("red-1", { ...event, tags: ["a"], data: { kept: true } }))
        }
        return yield* all
      })
      const before = yield* opened(append)
      assert.deepStrictEqual(
        before.map(({ id, position }) => [id, position]),
        events.map(({ id }, i) => [id, i + 1])
      )
      const changes = Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        for (const statement of [
          "UPDATE eventfold.events SET type = 'Other'",
          "DELETE FROM eventfold.events WHERE position = 3",
          "TRUNCATE eventfold.events CASCADE",
          "UPDATE eventfold.event_tags SET tag = 'b'",
          "DELETE FROM eventfold.event_tags",
          "TRUNCATE eventfold.event_tags"
        ]) {
          const { reason } = yield* Effect.flip(sql.unsafe(statement))
          assert.match(String(reason.cause), /events are immutable: \w+ on \w+ is refused/, statement)
        }
        assert.strictEqual(yield* count("eventfold.event_tags"), 3)
      })
      yield* within(dataDir, changes)
      const again = Effect.gen(function* () {
        const store = yield* EventStore.EventStore
        const found = yield* all
        const next = yield* store.append(writeTo("red-1", eventOf(), 3))
        return { found, position: next.position }
      })
      const { found, position } = yield* opened(again)
      assert.deepStrictEqual(found, before)
      assert.strictEqual(position, 4)
    }).pipe(Effect.scoped)
  )

  it.live("is refused, and untouched, when it is a file, cannot be made, or holds something else", () =>
    Effect.gen(function* () {
      const folder = yield* temporary
      const file = join(folder, "file")
      yield* Effect.promise(() => writeFile(file, "mine"))
      for (const dataDir of [file, join(file, "below"), folder]) {
        const refused = yield* Effect.flip(within(dataDir, Effect.void))
        assert.instanceOf(refused, EmbeddedPgClient.EmbeddedError)
        assert.strictEqual(refused.reason, "Unusable")
        assert.include(refused.message, dataDir)
      }
      assert.deepStrictEqual(yield* Effect.promise(() => readdir(folder)), ["file"])
    }).pipe(Effect.scoped)
  )

  // Root may write everywhere.
  it.live.skipIf(userInfo().uid === 0)("is refused when it may not be written", () =>
    Effect.gen(function* () {
      const dataDir = yield* temporary
      yield* Effect.promise(() => chmod(dataDir, 0o500))
      const refused = yield* Effect.flip(within(dataDir, Effect.void))
      assert.instanceOf(refused, EmbeddedPgClient.EmbeddedError)
      assert.strictEqual(refused.reason, "Unusable")
    }).pipe(Effect.scoped)
  )

  it.live("is refused when it is damaged, and let go", () =>
    Effect.gen(function* () {
      const dataDir = join(yield* temporary, "damaged")
      yield* Effect.promise(() => mkdir(dataDir))
      yield* Effect.promise(() => writeFile(join(dataDir, "PG_VERSION"), "9.6\n"))
      const refused = yield* Effect.flip(within(dataDir, Effect.void))
      assert.instanceOf(refused, EmbeddedPgClient.EmbeddedError)
      assert.strictEqual(refused.reason, "Failed")
      assert.isFalse(existsSync(lockIn(dataDir)))
    }).pipe(Effect.scoped)
  )
})
