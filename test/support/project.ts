/**
 * The project as files and as processes.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { globSync, readFileSync } from "node:fs"
import { mkdtemp, realpath, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { Effect, Schema } from "effect"

/** The folder of the project. */
export const root = join(import.meta.dirname, "..", "..")

/** The compiler, to be run by node. */
export const tsc = join(root, "node_modules", "typescript", "bin", "tsc")

/** The paths of the files that match, from the project's folder and in order. */
export const files = (...patterns: ReadonlyArray<string>): ReadonlyArray<string> =>
  globSync([...patterns], { cwd: root, exclude: ["**/node_modules/**"] })
    .map((path) => path.replaceAll("\\", "/"))
    .toSorted()

/** The text of a file, its path taken from the project's folder. */
export const read = (path: string): string => readFileSync(resolve(root, path), "utf8")

const Entry = Schema.Union([Schema.String, Schema.Null, Schema.Record(Schema.String, Schema.String)])

const Names = Schema.Record(Schema.String, Schema.String).pipe(Schema.withDecodingDefaultKey(Effect.succeed({})))

const Manifest = Schema.fromJsonString(
  Schema.Struct({
    name: Schema.String,
    sideEffects: Schema.Boolean,
    bin: Names,
    exports: Schema.Record(Schema.String, Entry),
    scripts: Names,
    dependencies: Names,
    peerDependencies: Names
  })
)

/** What package.json says. */
export const manifest = (): typeof Manifest.Type => Schema.decodeSync(Manifest)(read("package.json"))

/** What became of a process. */
export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

const ended = (child: ChildProcess): Promise<Ended> => {
  const { promise, resolve, reject } = Promise.withResolvers<Ended>()
  let stdout = ""
  let stderr = ""
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (stdout += text))
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text))
  child.on("error", reject)
  child.on("close", (code) => resolve({ code, stdout, stderr }))
  return promise
}

/** Runs a program to its end. */
export const run = (program: string, args: ReadonlyArray<string>, cwd: string): Promise<Ended> =>
  ended(spawn(program, args, { cwd, stdio: ["ignore", "pipe", "pipe"] }))

/** Runs this very node to its end. */
export const node = (args: ReadonlyArray<string>, cwd: string): Promise<Ended> => run(process.execPath, args, cwd)

/** A new folder, gone when it is disposed of. */
export const temporaryFolder = async (): Promise<{ readonly path: string } & AsyncDisposable> => {
  const path = await realpath(await mkdtemp(join(tmpdir(), "eventfold-")))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}
