/**
 * What Eventfold is compared with: packages that nobody else needs, installed when a comparison is asked for.
 */
import { Data, Effect } from "effect"
import { spawn } from "node:child_process"
import { stat } from "node:fs/promises"
import { join } from "node:path"

/** The packages could not be installed: why, and what to do. */
export class InstallFailed extends Data.TaggedError("InstallFailed")<{ readonly message: string }> {}

const modified = (path: string): Effect.Effect<number> =>
  Effect.promise(() =>
    stat(path).then(
      ({ mtimeMs }) => mtimeMs,
      () => 0
    )
  )

/** Whether a folder has what its lock names: npm writes down what it has installed after everything else. */
export const isInstalled = (folder: string): Effect.Effect<boolean> =>
  Effect.map(
    Effect.all([
      modified(join(folder, "node_modules", ".package-lock.json")),
      modified(join(folder, "package-lock.json"))
    ]),
    ([installed, locked]) => installed > 0 && installed >= locked
  )

const npm = ["npm", "ci", "--no-audit", "--no-fund"] as const

const advice = (folder: string): string =>
  `Run \`npm ci\` in ${folder} where there is a network, or copy its node_modules from a machine that has them.`

/** Installs what a folder's lock names, unless it is there. */
export const install = (
  folder: string,
  [program, ...args]: readonly [string, ...ReadonlyArray<string>] = npm
): Effect.Effect<void, InstallFailed> =>
  Effect.gen(function* () {
    if (yield* isInstalled(folder)) return
    const problem = yield* Effect.callback<string | undefined>((resume) => {
      const child = spawn(program, args, { cwd: folder, stdio: ["ignore", "ignore", "pipe"] })
      let written = ""
      child.stderr.setEncoding("utf8").on("data", (text: string) => (written = (written + text).slice(-4000)))
      child.once("error", (error) => resume(Effect.succeed(error.message)))
      child.once("close", (code) => resume(Effect.succeed(code === 0 ? undefined : written)))
      return Effect.sync(() => child.kill())
    })
    if (problem !== undefined) {
      return yield* new InstallFailed({
        message: `what Eventfold is compared with cannot be installed. ${advice(folder)}\n${problem}`
      })
    }
  })
