/**
 * The command line inside the test's own process: its arguments in, its exit code and what it printed out.
 */
import { NodeServices } from "@effect/platform-node"
import { ConfigProvider, Effect, Layer, Sink, Stdio, Stream } from "effect"
import { TerminalCapabilities } from "effect/cli"
import { run } from "../../src/cli/run.ts"

export interface Ran {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

export interface Surroundings {
  /** The environment. Empty by default. */
  readonly env?: Readonly<Record<string, string>>
  /** What is on the standard input. */
  readonly stdin?: string
  /** Whether somebody watches the standard error. */
  readonly isWatched?: boolean
}

/** Runs `eventfold` with arguments. */
export const eventfold = (args: ReadonlyArray<string>, options: Surroundings = {}): Effect.Effect<Ran> =>
  Effect.suspend(() => {
    const printed = { stdout: "", stderr: "" }
    const to = (name: keyof typeof printed) => () =>
      Sink.forEach((chunk: string | Uint8Array) =>
        Effect.sync(() => {
          printed[name] += typeof chunk === "string" ? chunk : new TextDecoder().decode(chunk)
        })
      )
    const stdio = Stdio.layerTest({
      args: Effect.succeed(args),
      stdout: to("stdout"),
      stderr: to("stderr"),
      stderrIsTerminal: Effect.succeed(options.isWatched ?? false),
      stdin: Stream.make(new TextEncoder().encode(options.stdin ?? ""))
    })
    const services = Layer.mergeAll(
      Layer.provideMerge(stdio, NodeServices.layer),
      ConfigProvider.layer(ConfigProvider.fromEnv({ env: { ...options.env } })),
      Layer.succeed(TerminalCapabilities.TerminalCapabilities)({ canColor: false, canAnimate: false, canPrompt: false })
    )
    return Effect.orDie(run(args)).pipe(
      Effect.provide(services),
      Effect.map((exitCode) => ({ exitCode, ...printed }))
    )
  })

/** What a command printed with `--json`. */
export const jsonOf = ({ stdout }: Ran): unknown => JSON.parse(stdout)

/** What a command printed with `--json`, where it is a value on each line. */
export const linesOf = ({ stdout }: Ran): ReadonlyArray<unknown> =>
  stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line))
