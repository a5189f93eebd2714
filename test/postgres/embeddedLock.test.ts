/**
 * Who has the folder of an embedded database: one at a time, whoever comes, and nobody who is gone.
 */
import { execFile, execFileSync } from "node:child_process"
import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schedule, Schema } from "effect"
import * as Folder from "../../src/postgres/embedded/folder.ts"
import * as Lock from "../../src/postgres/embedded/lock.ts"
import { node, root } from "../support/project.ts"
import { eventually } from "./support/stores.ts"

const temporary = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "eventfold-lock-"))),
  (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
)

/** The file of the holder. */
const holderIn = async (dataDir: string): Promise<string> => {
  const lock = join(dataDir, Lock.lockName)
  const names = await readdir(lock)
  assert.lengthOf(names, 1)
  return join(lock, names[0]!)
}

const decode = Schema.decodeUnknownSync(Schema.fromJsonString(Schema.Record(Schema.String, Schema.Unknown)))

/** Takes the lock, and makes it another one's. */
const plant = (dataDir: string, change: Readonly<Record<string, unknown>> | string) =>
  Effect.promise(async () => {
    assert.strictEqual((await Lock.attempt(dataDir))._tag, "Taken")
    const path = await holderIn(dataDir)
    const text =
      typeof change === "string" ? change : JSON.stringify({ ...decode(await readFile(path, "utf8")), ...change })
    await writeFile(path, text)
    return path
  })

const silentFor = (path: string, millis: number) =>
  Effect.promise(() => utimes(path, new Date(), new Date(Date.now() - millis)))

const hold = (dataDir: string) => Effect.scoped(Folder.hold(dataDir))

const lockModule = JSON.stringify(pathToFileURL(join(root, "src/postgres/embedded/lock.ts")).href)

/** A program that takes the lock, says its process id as others know it, and keeps it. */
const holding = (dataDir: string) => `
  import { readlinkSync } from "node:fs"
  import * as Lock from ${lockModule}
  const attempt = await Lock.attempt(${JSON.stringify(dataDir)})
  process.stdout.write(attempt._tag + " " + readlinkSync("/proc/self") + "\\n")
  setInterval(attempt.lock.beat, 100)`

const nodeOptions = (program: string) => ["--conditions=@eventfold/source", "--input-type=module", "-e", program]

/** Starts a command of which one process takes the lock and says so, and gives the id of that process. */
const started = (command: string, parameters: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const child = yield* Effect.acquireRelease(
      Effect.sync(() => execFile(command, parameters, { cwd: root })),
      (child) => Effect.sync(() => child.kill("SIGKILL"))
    )
    return yield* Effect.callback<number>((resume) => {
      child.stdout?.once("data", (text: string) => {
        const [tag, pid] = text.trim().split(" ")
        resume(tag === "Taken" ? Effect.succeed(Number(pid)) : Effect.die(new Error(text)))
      })
      child.once("exit", () => resume(Effect.die(new Error("it ended"))))
    })
  })

/** Whether this process may do so. */
const mayUnshare = (() => {
  try {
    execFileSync("unshare", ["--pid", "--fork", "--kill-child", "true"], { stdio: "ignore" })
    return true
  } catch {
    return false
  }
})()

const onLinux = it.live.skipIf(process.platform !== "linux")

const dead = 2 ** 22 + 1

describe("the lock of a folder", () => {
  it.live("is not kept by a process that is gone, or whose number has been given away", () =>
    Effect.gen(function* () {
      const dataDir = yield* temporary
      yield* plant(dataDir, { pid: dead })
      yield* hold(dataDir)
      if (process.platform === "linux") {
        yield* plant(dataDir, { started: "long ago" })
        yield* hold(dataDir)
      }
      assert.deepStrictEqual(yield* Effect.promise(() => readdir(dataDir)), [])
    }).pipe(Effect.scoped)
  )

  onLinux("is not kept by a process that was killed and that its parent does not look after", () =>
    Effect.gen(function* () {
      const dataDir = yield* temporary
      // The program that the shell becomes does not know that it has a child.
      const pid = yield* started("sh", [
        "-c",
        '"$0" "$@" & exec sleep 60',
        process.execPath,
        ...nodeOptions(holding(dataDir))
      ])
      const refused = yield* Effect.flip(hold(dataDir))
      assert.include(refused.message, `process ${pid} has it open`)
      process.kill(pid, "SIGKILL")
      const state = Effect.promise(() => readFile(`/proc/${pid}/stat`, "utf8"))
      yield* eventually("the process is a zombie", state, (text) => / Z /.test(text))
      assert.isTrue(process.kill(pid, 0))
      yield* hold(dataDir)
    }).pipe(Effect.scoped)
  )

  onLinux("is kept by a process of another container or host for as long as it gives signs of life", () =>
    Effect.gen(function* () {
      const dataDir = yield* temporary
      for (const change of [{ namespace: "pid:[1]" }, { boot: "another", host: "elsewhere" }, "not to be read"]) {
        // Neither is a process of this number anything to go by, nor that there is none.
        const path = yield* plant(dataDir, typeof change === "string" ? change : { pid: dead, ...change })
        yield* silentFor(path, 8_000)
        const refused = yield* Effect.flip(hold(dataDir))
        assert.strictEqual(refused.reason, "InUse")
        assert.include(refused.message, typeof change === "string" ? "cannot be read" : `process ${dead} of host`)
        assert.include(refused.message, "try again in 10 seconds")
        yield* Effect.promise(() => rm(path))
      }
    }).pipe(Effect.scoped)
  )

  onLinux("is taken from one that cannot be seen and gives none for too long, by the clock of either", () =>
    Effect.gen(function* () {
      const silent = (millis: number) =>
        Effect.gen(function* () {
          const dataDir = yield* temporary
          yield* silentFor(yield* plant(dataDir, { namespace: "pid:[1]" }), millis)
          yield* hold(dataDir)
        })
      const onlySlow = Effect.gen(function* () {
        const dataDir = yield* temporary
        const path = yield* plant(dataDir, { namespace: "pid:[1]" })
        // It always seems to be silent, and is not: each sign of life is a little later than the one before.
        const beat = Effect.repeat(silentFor(path, 20_000), Schedule.spaced("50 millis"))
        const refused = yield* Effect.raceFirst(Effect.flip(hold(dataDir)), Effect.andThen(beat, Effect.never))
        assert.strictEqual(refused.reason, "InUse")
      })
      yield* Effect.all([silent(11_000), silent(-3_600_000), onlySlow], { concurrency: "unbounded" })
    }).pipe(Effect.scoped)
  )

  it.live.skipIf(!mayUnshare)("is seen across namespaces of process ids", () =>
    Effect.gen(function* () {
      const dataDir = yield* temporary
      const pid = yield* started("unshare", [
        "--pid",
        "--fork",
        "--kill-child",
        process.execPath,
        ...nodeOptions(holding(dataDir))
      ])
      const path = yield* Effect.promise(() => holderIn(dataDir))
      const refused = yield* Effect.flip(hold(dataDir))
      assert.match(refused.message, /process \d+ of host .*, which cannot be seen from here/)
      // A sign of life is younger than what the file is made to look like.
      yield* silentFor(path, 60_000)
      const age = Effect.map(
        Effect.promise(() => stat(path)),
        ({ mtimeMs }) => Date.now() - mtimeMs
      )
      yield* eventually("it gives a sign of life", age, (millis) => millis < 10_000)
      process.kill(pid, "SIGKILL")
      yield* silentFor(path, 60_000)
      yield* hold(dataDir)
    }).pipe(Effect.scoped)
  )

  it.live(
    "is one process's at a time, however many come, give it back, and die with it",
    () =>
      Effect.gen(function* () {
        const dataDir = yield* temporary
        const program = `
          import { readdirSync, rmSync, writeFileSync } from "node:fs"
          import { setImmediate } from "node:timers/promises"
          import * as Lock from ${lockModule}
          const dataDir = ${JSON.stringify(dataDir)}
          const until = Date.now() + 2000
          let taken = 0
          const come = async () => {
            while (Date.now() < until) {
              const attempt = await Lock.attempt(dataDir)
              if (attempt._tag !== "Taken") continue
              taken++
              // Fails when somebody else is here.
              writeFileSync(dataDir + "/inside", "", { flag: "wx" })
              for (let turn = 0; turn < 20; turn++) await setImmediate()
              rmSync(dataDir + "/inside")
              if (taken % 3 === 0) await attempt.lock.release()
              else {
                const lock = dataDir + "/" + Lock.lockName
                writeFileSync(lock + "/" + readdirSync(lock)[0], JSON.stringify({ ...${"${JSON.stringify(me)}"}, pid: ${dead} }))
              }
            }
          }
          await Promise.all(Array.from({ length: 4 }, come))
          process.stdout.write(String(taken))`
        const path = yield* plant(dataDir, { pid: dead })
        const me = yield* Effect.promise(() => readFile(path, "utf8"))
        const runs = yield* Effect.promise(() =>
          Promise.all(
            Array.from({ length: 3 }, () => node(nodeOptions(program.replace("${JSON.stringify(me)}", me)), root))
          )
        )
        for (const { code, stderr } of runs) assert.strictEqual(code, 0, stderr)
        for (const { stdout } of runs) assert.isAbove(Number(stdout), 10)
      }).pipe(Effect.scoped),
    30_000
  )
})
