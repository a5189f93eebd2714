/**
 * A real PostgreSQL for tests, in a scope: started on a free port with a folder of its own, and gone with both when the scope
 * closes or the process that runs the tests is killed. It can be killed, frozen and started again, to see what survives.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { randomInt } from "node:crypto"
import { closeSync, openSync, readFileSync } from "node:fs"
import { chmod, mkdtemp, rm } from "node:fs/promises"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { PgClient, PgConnection } from "@effect/sql-pg"
import { Context, Effect, Layer, Redacted, type Scope } from "effect"
import type { SqlClient, SqlError } from "effect/sql"
import { attempt, ServerError } from "./serverError.ts"
import { identity, initialise, password, programs, user } from "./serverInstallation.ts"
import { bounded, family, freeze, gone, hasEnded, signal, watch } from "./serverProcesses.ts"

export { ServerError }

export interface ServerOptions {
  /** Settings to start with, by name: `{ fsync: "off" }`. */
  readonly settings?: Readonly<Record<string, string>>
}

/** A server that somebody else runs, named by DATABASE_URL: nothing can be done to it. */
export interface GivenServer {
  readonly _tag: "Given"
  readonly url: string
}

/** A server of the test's own, to be treated badly. Its url stays the same whatever happens to it. */
export interface OwnServer {
  readonly _tag: "Own"
  readonly url: string
  readonly port: number
  readonly dataDir: string
  /** The postmaster's process id: another one after every start. Fails when it does not run. */
  readonly pid: Effect.Effect<number, ServerError>
  /** The ids of all processes of the server; none when it does not run. */
  readonly processes: Effect.Effect<ReadonlyArray<number>, ServerError>
  /** Kills the postmaster and all its children at once, as a power cut would. */
  readonly kill9: Effect.Effect<void, ServerError>
  /** Shuts it down in order; clients are thrown out. */
  readonly stop: Effect.Effect<void, ServerError>
  /** Starts it on the same port and folder, after stopping it when it runs. */
  readonly restart: Effect.Effect<void, ServerError>
  /** Freezes all its processes: connections stay open and nothing answers. */
  readonly sigstop: Effect.Effect<void, ServerError>
  /** Lets it go on. */
  readonly sigcont: Effect.Effect<void, ServerError>
}

export type Server = GivenServer | OwnServer

const portTaken = "could not bind"

/** A port below those that the system gives to whoever asks for any: nobody has it by chance, also not while its server is away. */
const aPort = Effect.callback<number, ServerError>((resume) => {
  const probe = createServer()
  probe.once("error", () => resume(Effect.fail(new ServerError({ problem: portTaken }))))
  probe.listen(randomInt(20_000, 32_768), "127.0.0.1", () => {
    const address = probe.address()
    probe.close(() =>
      resume(
        address === null || typeof address === "string"
          ? Effect.fail(new ServerError({ problem: "no free port" }))
          : Effect.succeed(address.port)
      )
    )
  })
})

const folder = Effect.acquireRelease(
  attempt("a folder for the server", async () => {
    const path = await mkdtemp(join(tmpdir(), "eventfold-postgres-"))
    await chmod(path, 0o755)
    return path
  }),
  (path) => Effect.promise(() => rm(path, { recursive: true, force: true, maxRetries: 5 }))
)

const launch = (path: string, port: number, settings: Readonly<Record<string, string>>) =>
  attempt("the server", async (): Promise<ChildProcess> => {
    const all = { listen_addresses: "127.0.0.1", unix_socket_directories: "", ...settings }
    const flags = Object.entries(all).flatMap(([name, value]) => ["-c", `${name}=${value}`])
    const log = openSync(join(path, "log"), "a")
    try {
      const child = spawn(
        join(await programs(), "bin", "postgres"),
        ["-D", join(path, "data"), "-p", String(port), ...flags],
        {
          ...(await identity()),
          cwd: path,
          detached: true,
          stdio: ["ignore", log, log]
        }
      )
      await new Promise((resolve, reject) => child.once("spawn", resolve).once("error", reject))
      child.unref()
      return child
    } finally {
      closeSync(log)
    }
  })

const urlOf = (port: number): string => `postgres://${user}:${password}@127.0.0.1:${port}/postgres`

/** The last part of what a server has said until now. */
const lastWords = (path: string): string => {
  try {
    return readFileSync(join(path, "log"), "utf8").slice(-4_000)
  } catch (cause) {
    return `its log is not there: ${String(cause)}`
  }
}

/** Waits until the server answers on its port, and not another one that has come to have it. */
const ready = (path: string, port: number, child: ChildProcess): Effect.Effect<void, ServerError> =>
  Effect.scoped(
    Effect.flatMap(PgConnection.make({ url: Redacted.make(urlOf(port)), connectTimeout: "1 second" }), (connection) =>
      connection.queryValues("SHOW data_directory")
    )
  ).pipe(
    Effect.filterOrFail(
      ([row]) => row?.[0] === join(path, "data"),
      () => new ServerError({ problem: `another server has port ${port}` })
    ),
    Effect.retry({ ...bounded, while: () => !hasEnded(child) }),
    Effect.mapError(
      ({ message }) => new ServerError({ problem: `the server does not answer: ${message}\n${lastWords(path)}` })
    ),
    Effect.asVoid
  )

/**
 * Starts a server of the test's own, whatever DATABASE_URL says. Where it ends while nobody has told it to, the end of the scope dies, and
 * says what is known about it.
 */
export const startOwnServer = Effect.fn("test.startOwnServer")(function* (
  options: ServerOptions = {}
): Effect.fn.Return<OwnServer, ServerError, Scope.Scope> {
  const path = yield* folder
  yield* watch(path)
  const dataDir = join(path, "data")
  let postmaster: ChildProcess | undefined
  const toldToEnd = new WeakSet<ChildProcess>()
  const accidents: Array<string> = []

  const running = Effect.suspend(() =>
    postmaster === undefined || hasEnded(postmaster)
      ? Effect.fail(new ServerError({ problem: ["the server is not running", ...accidents].join(": ") }))
      : Effect.succeed(postmaster)
  )
  const isRunning = Effect.orElseSucceed(Effect.as(running, true), () => false)
  /** That from here on it may end. */
  const ending = Effect.tap(running, (child) => Effect.sync(() => toldToEnd.add(child)))

  const kill9 = Effect.gen(function* () {
    const child = yield* ending
    const frozen = yield* freeze(child)
    signal(child, frozen, "SIGKILL")
    yield* gone(frozen)
  }).pipe(Effect.uninterruptible)

  const sigcont = Effect.gen(function* () {
    const child = yield* running
    signal(child, yield* family(child), "SIGCONT")
  })

  const stop = Effect.gen(function* () {
    const child = yield* ending
    yield* sigcont
    const pids = yield* family(child)
    child.kill("SIGINT")
    yield* gone(pids)
  }).pipe(Effect.uninterruptible)

  const start = Effect.fnUntraced(function* (port: number) {
    const child = yield* Effect.uninterruptible(
      Effect.tap(launch(path, port, options.settings ?? {}), (child) => Effect.sync(() => (postmaster = child)))
    )
    yield* ready(path, port, child)
    const fallen = () => {
      if (toldToEnd.has(child)) return
      const how = child.signalCode ?? `code ${child.exitCode}`
      accidents.push(
        `process ${child.pid}, the server on port ${port}, ended with ${how} at ${new Date().toISOString()}, and nobody had told it to\n${lastWords(path)}`
      )
    }
    if (hasEnded(child)) fallen()
    else child.once("exit", fallen)
  })

  const end = Effect.gen(function* () {
    if (yield* isRunning) yield* kill9
    if (accidents.length === 0) return
    return yield* new ServerError({ problem: accidents.join("\n") })
  })

  yield* Effect.addFinalizer(() => Effect.orDie(end))
  yield* Effect.uninterruptible(attempt("the folder of the server", () => initialise(dataDir)))
  const port = yield* Effect.tap(aPort, start).pipe(
    Effect.retry({ times: 5, while: ({ problem }) => problem.includes(portTaken) })
  )
  return {
    _tag: "Own",
    url: urlOf(port),
    port,
    dataDir,
    pid: Effect.map(running, ({ pid }) => pid ?? -1),
    processes: Effect.flatMap(isRunning, (is) => (is ? Effect.flatMap(running, family) : Effect.succeed([]))),
    kill9,
    stop,
    restart: Effect.andThen(
      Effect.flatMap(isRunning, (is) => (is ? stop : Effect.void)),
      start(port)
    ),
    sigstop: Effect.gen(function* () {
      const child = yield* running
      signal(child, yield* freeze(child), "SIGSTOP")
    }),
    sigcont
  }
})

/**
 * The server of DATABASE_URL when it is set, and one of the test's own when not.
 */
export const startServer = (options?: ServerOptions): Effect.Effect<Server, ServerError, Scope.Scope> =>
  Effect.suspend((): Effect.Effect<Server, ServerError, Scope.Scope> => {
    const given = process.env["DATABASE_URL"]
    return given === undefined || given === "" ? startOwnServer(options) : Effect.succeed({ _tag: "Given", url: given })
  })

/** The server of a test file: `layer(TestServer.layer({ ... }))("...", (it) => ...)`. */
export class TestServer extends Context.Service<TestServer, Server>()("test/TestServer") {
  static readonly layer = (options?: ServerOptions): Layer.Layer<TestServer, ServerError> =>
    Layer.effect(TestServer, startServer(options))
}

/** A client of a server. */
export const clientOf = (
  { url }: Pick<Server, "url">,
  options?: Omit<PgClient.PgPoolConfig, "url">
): Layer.Layer<PgClient.PgClient | SqlClient.SqlClient, SqlError.SqlError> =>
  PgClient.layer({ ...options, url: Redacted.make(url) })

/**
 * A new and empty database on a server, dropped when the scope closes if it can be: the url of it. Test files that share a
 * server each take one.
 */
export const freshDatabase = (server: Server): Effect.Effect<string, SqlError.SqlError, Scope.Scope> => {
  const name = `eventfold_${crypto.randomUUID().replaceAll("-", "")}`
  const inServer = (statement: string) =>
    Effect.scoped(
      Effect.flatMap(PgConnection.make({ url: Redacted.make(server.url) }), (connection) => connection.query(statement))
    )
  const url = new URL(server.url)
  url.pathname = `/${name}`
  return Effect.acquireRelease(Effect.as(inServer(`CREATE DATABASE ${name}`), url.href), () =>
    Effect.ignore(inServer(`DROP DATABASE ${name} WITH (FORCE)`))
  )
}
