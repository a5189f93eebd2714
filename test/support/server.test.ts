/**
 * The server of the tests: starts, is killed and comes back, and leaves nothing.
 */
import { spawn } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { chmod, readdir } from "node:fs/promises"
import { connect, createServer, type Server } from "node:net"
import { dirname, join } from "node:path"
import { pathToFileURL } from "node:url"
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Layer, Option, Schedule, Scope } from "effect"
import { SqlClient } from "effect/sql"
import { root, temporaryFolder } from "./project.ts"
import { clientOf, freshDatabase, type OwnServer, startOwnServer, startServer, TestServer } from "./server.ts"

const select = (server: { readonly url: string }) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    return yield* sql`SELECT n FROM kept ORDER BY n`
  }).pipe(Effect.provide(clientOf(server), { local: true }))

const isAlive = (pid: number): boolean => {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.startsWith("Z") === false
  } catch {
    return false
  }
}

const until = (condition: () => boolean) =>
  Effect.sync(condition).pipe(
    Effect.repeat({ schedule: Schedule.spaced("50 millis"), times: 200, until: (holds) => holds })
  )

const withVariable = <A, E, R>(name: string, value: string, effect: Effect.Effect<A, E, R>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      const before = process.env[name]
      process.env[name] = value
      return before
    }),
    () => effect,
    (before) =>
      Effect.sync(() => {
        if (before === undefined) delete process.env[name]
        else process.env[name] = before
      })
  )

describe.skipIf(process.platform !== "linux")("a server of the test's own", () => {
  it.live("is killed and comes back with what was committed, and leaves nothing behind", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const server = yield* Scope.provide(startOwnServer({ settings: { commit_delay: "7" } }), scope)
      const first = yield* server.pid
      yield* Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        assert.deepStrictEqual(yield* sql`SHOW commit_delay`, [{ commit_delay: "7" }])
        yield* sql`CREATE TABLE kept (n int)`
        yield* sql`INSERT INTO kept VALUES (1), (2)`
        assert.isAbove((yield* server.processes).length, 3)
        yield* server.kill9
        assert.deepStrictEqual(yield* server.processes, [])
        yield* Effect.flip(sql`SELECT 1`)
        yield* server.restart
        // The same client, on the same port.
        yield* sql`INSERT INTO kept VALUES (3)`
      }).pipe(Effect.provide(clientOf(server)))
      assert.notStrictEqual(yield* server.pid, first)
      yield* server.stop
      yield* Effect.flip(server.pid)
      yield* server.restart
      assert.deepStrictEqual(yield* select(server), [{ n: 1 }, { n: 2 }, { n: 3 }])
      const processes = yield* server.processes
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(processes.filter(isAlive), [])
      assert.isFalse(existsSync(dirname(server.dataDir)))
    })
  )

  it.live("is frozen, and goes on", () =>
    Effect.gen(function* () {
      const server = yield* startOwnServer({ settings: { fsync: "off" } })
      yield* Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        yield* sql`SELECT 1`
        yield* server.sigstop
        const asked = yield* Effect.forkScoped(sql`SELECT 2 AS two`)
        assert.isTrue(Option.isNone(yield* Effect.timeoutOption(Fiber.await(asked), "200 millis")))
        yield* server.sigcont
        assert.deepStrictEqual(yield* Fiber.join(asked), [{ two: 2 }])
        // Closed while it is frozen: that must not hang.
        yield* server.sigstop
      }).pipe(Effect.provide(clientOf(server)))
    }).pipe(Effect.scoped)
  )

  /** Starts a server in a process of its own, which then does something, and gives what it is told of it. */
  const elsewhere = Effect.fnUntraced(function* (then: string) {
    const module = JSON.stringify(pathToFileURL(join(root, "test/support/server.ts")).href)
    const program = `
      import { writeFileSync } from "node:fs"
      import { Effect } from "effect"
      import { startOwnServer } from ${module}
      Effect.runFork(Effect.scoped(Effect.gen(function* () {
        const server = yield* startOwnServer()
        const pids = yield* server.processes
        ${then}
        process.stdout.write(JSON.stringify({ pids, dataDir: server.dataDir }))
        yield* Effect.never
      })))`
    const child = yield* Effect.acquireRelease(
      Effect.sync(() => spawn(process.execPath, ["--input-type=module", "-e", program], { cwd: root })),
      (child) => Effect.sync(() => child.kill("SIGKILL"))
    )
    const told = yield* Effect.callback<string>((resume) => {
      child.stdout.once("data", (data) => resume(Effect.succeed(String(data))))
      child.once("exit", () => resume(Effect.die(new Error("no server came up"))))
    })
    const { pids, dataDir }: { pids: ReadonlyArray<number>; dataDir: string } = JSON.parse(told)
    return { child, dataDir, pids }
  })

  it.live("ends with the process that started it, even when that is killed", () =>
    Effect.gen(function* () {
      const { child, dataDir, pids } = yield* elsewhere("")
      assert.isTrue(pids.every(isAlive))
      child.kill("SIGKILL")
      yield* until(() => !pids.some(isAlive) && !existsSync(dirname(dataDir)))
      assert.deepStrictEqual(pids.filter(isAlive), [])
      assert.isFalse(existsSync(dirname(dataDir)))
    }).pipe(Effect.scoped)
  )

  it.live("takes nobody with it who was given the number of its process", () =>
    Effect.gen(function* () {
      const other = yield* Effect.acquireRelease(
        Effect.sync(() => spawn("sleep", ["60"], { detached: true })),
        (other) => Effect.sync(() => other.kill("SIGKILL"))
      )
      for (const number of [other.pid!, -other.pid!]) {
        const { child, dataDir } = yield* elsewhere(`
          yield* server.kill9
          writeFileSync(server.dataDir + "/postmaster.pid", "${number}\\n")`)
        child.kill("SIGKILL")
        yield* until(() => !existsSync(dirname(dataDir)))
        assert.isFalse(existsSync(dirname(dataDir)))
        assert.isTrue(isAlive(other.pid!))
      }
    }).pipe(Effect.scoped)
  )

  it.live("says so at the end when it was not there until then, how it ended and what it said", () =>
    Effect.gen(function* () {
      for (const [name, expected] of [
        ["SIGKILL", /ended with SIGKILL at .*nobody had told it to\n(?:.*\n)*.*ready to accept connections/],
        ["SIGQUIT", /ended with code 0 at .*nobody had told it to\n(?:.*\n)*.*received immediate shutdown request/]
      ] as const) {
        const scope = yield* Scope.make()
        const server = yield* Scope.provide(startOwnServer(), scope)
        const pid = yield* server.pid
        process.kill(pid, name)
        yield* Effect.repeat(server.processes, {
          schedule: Schedule.spaced("20 millis"),
          while: (left) => left.length > 0
        })
        const early = yield* Effect.flip(server.pid)
        assert.include(early.message, `the server is not running: process ${pid}, the server on port ${server.port}`)
        // It is known, whatever comes after it.
        yield* server.restart
        const closed = yield* Effect.exit(Scope.close(scope, Exit.void))
        const message = Exit.isFailure(closed) ? Cause.pretty(closed.cause) : "nothing"
        assert.match(message, expected)
        assert.isFalse(existsSync(dirname(server.dataDir)))
      }
    })
  )

  it.live("takes no other server for itself that has come to have its port", () =>
    Effect.gen(function* () {
      const [server, other] = yield* Effect.all([startOwnServer(), startOwnServer()], { concurrency: 2 })
      yield* server.stop
      yield* Effect.acquireRelease(
        Effect.callback<Server>((resume) => {
          const line = createServer((client) => {
            const onward = connect(other.port, "127.0.0.1")
            client.on("error", () => onward.destroy()).pipe(onward)
            onward.on("error", () => client.destroy()).pipe(client)
          }).listen(server.port, "127.0.0.1", () => resume(Effect.succeed(line)))
        }),
        (line) => Effect.sync(() => line.close())
      )
      const { message } = yield* Effect.flip(server.restart)
      assert.match(message, /^the server does not answer: (?:.*\n)*.*could not bind/)
    }).pipe(Effect.scoped)
  )

  it.live("leaves nothing when its start is interrupted", () =>
    Effect.gen(function* () {
      const folder = yield* Effect.promise(temporaryFolder)
      yield* Effect.addFinalizer(() => Effect.promise(() => folder[Symbol.asyncDispose]()))
      yield* Effect.promise(() => chmod(folder.path, 0o777))
      for (const patience of ["30 millis", "300 millis", "900 millis"] as const) {
        const start = Effect.timeout(Effect.scoped(startOwnServer()), patience)
        yield* withVariable("TMPDIR", folder.path, Effect.exit(start))
        assert.deepStrictEqual(yield* Effect.promise(() => readdir(folder.path)), [])
      }
    }).pipe(Effect.scoped)
  )
})

describe("the server of the tests", () => {
  it.live("is the one of DATABASE_URL when that is set, shared by databases of their own", () =>
    Effect.gen(function* () {
      const own: OwnServer = yield* startOwnServer({ settings: { fsync: "off" } })
      const given = yield* withVariable("DATABASE_URL", own.url, startServer())
      assert.deepStrictEqual(given, { _tag: "Given", url: own.url })
      const scope = yield* Scope.make()
      for (const url of [
        yield* Scope.provide(freshDatabase(given), scope),
        yield* Scope.provide(freshDatabase(given), scope)
      ]) {
        yield* Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          yield* sql`CREATE TABLE kept (n int)`
        }).pipe(Effect.provide(clientOf({ url }), { local: true }))
      }
      const databases = Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        return (yield* sql`SELECT datname FROM pg_database WHERE datname LIKE 'eventfold%'`).length
      }).pipe(Effect.provide(clientOf(own), { local: true }))
      assert.strictEqual(yield* databases, 2)
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(yield* databases, 0)
    }).pipe(Effect.scoped)
  )

  it.live("comes as a layer", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      assert.deepStrictEqual(yield* sql`SELECT 1 AS one`, [{ one: 1 }])
    }).pipe(
      Effect.provide(
        Layer.unwrap(Effect.map(TestServer, (server) => clientOf(server))).pipe(
          Layer.provide(TestServer.layer({ settings: { fsync: "off" } }))
        )
      )
    )
  )
})
