/**
 * `eventfold init` as npx runs it, before anything is installed: with the package and `effect` alone, on Node's own functions.
 */
import { Buffer } from "node:buffer"
import { writeSync } from "node:fs"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Path from "effect/Path"
import * as PlatformError from "effect/PlatformError"
import * as Sink from "effect/Sink"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as Terminal from "effect/Terminal"
import * as Command from "effect/cli/Command"
import * as ChildProcessSpawner from "effect/process/ChildProcessSpawner"
import { init } from "../commands/init.ts"
import { globalFlags } from "../flags.ts"
import { running } from "../running.ts"

/** To the descriptor itself, at once: a process that ends has written all. */
const to = (method: "stdout" | "stderr", descriptor: number) => () =>
  Sink.forEach((chunk: string | Uint8Array) =>
    Effect.try({
      try: () => {
        writeSync(descriptor, typeof chunk === "string" ? Buffer.from(chunk) : chunk)
      },
      catch: (cause) => PlatformError.systemError({ module: "Stdio", method, _tag: "Unknown", cause })
    })
  )

/** It reads no input and starts no process; what would ask somebody is interrupted. */
const services = Layer.mergeAll(
  FileSystem.layerNoop({}),
  Path.layer,
  Layer.succeed(Stdio.Stdio)(
    Stdio.make({ args: Effect.succeed([]), stdout: to("stdout", 1), stderr: to("stderr", 2), stdin: Stream.empty })
  ),
  Layer.succeed(Terminal.Terminal)(
    Terminal.make({
      columns: Effect.succeed(80),
      rows: Effect.succeed(24),
      size: Effect.interrupt,
      readInput: Effect.interrupt,
      readLine: Effect.fail(new Terminal.QuitError({})),
      display: () => Effect.void
    })
  ),
  Layer.succeed(ChildProcessSpawner.ChildProcessSpawner)(ChildProcessSpawner.make(() => Effect.die("there is none")))
)

const eventfold = Command.make("eventfold").pipe(Command.withSubcommands([init]), Command.withGlobalFlags(globalFlags))

/** Runs a command line of `init`. Gives its exit code. */
export const begin = (args: ReadonlyArray<string>): Promise<number> =>
  Effect.runPromise(Effect.provide(running(eventfold)(args), services))
