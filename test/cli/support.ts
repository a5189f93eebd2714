/**
 * The command line inside the test's own process: its arguments in, its exit code and what it printed out.
 */
import { NodeServices } from "@effect/platform-node"
import {
  type Cause,
  ConfigProvider,
  Console,
  Effect,
  Layer,
  Option,
  Queue,
  Sink,
  Stdio,
  Stream,
  Terminal
} from "effect"
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
  /** What somebody types on a terminal, key by key, before it is closed. Without it there is no terminal. */
  readonly keys?: ReadonlyArray<string>
}

/** A terminal on which keys are pressed, by their names or as characters. What it displays is printed. */
const terminalOf = (keys: ReadonlyArray<string>, display: (text: string) => void): Terminal.Terminal =>
  Terminal.make({
    columns: Effect.succeed(120),
    rows: Effect.succeed(40),
    size: Effect.die("it is not resized"),
    readInput: Effect.gen(function* () {
      const queue = yield* Queue.make<Terminal.UserInput, Cause.Done>()
      for (const name of keys) {
        const input = name.length === 1 ? Option.some(name) : Option.none()
        Queue.offerUnsafe(queue, { input, key: { name, ctrl: false, meta: false, shift: false } })
      }
      Queue.endUnsafe(queue)
      return queue
    }),
    readLine: Effect.fail(new Terminal.QuitError({})),
    display: (text) => Effect.sync(() => display(text))
  })

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
    const { keys } = options
    const terminal = terminalOf(keys ?? [], (text) => {
      printed.stdout += text
    })
    // Help is written to the console.
    const printing =
      (name: keyof typeof printed) =>
      (text: string): void => {
        printed[name] += `${text}\n`
      }
    const console: Console.Console = { ...globalThis.console, log: printing("stdout"), error: printing("stderr") }
    const services = Layer.mergeAll(
      Layer.succeed(Console.Console)(console),
      Layer.provideMerge(Layer.merge(stdio, Layer.succeed(Terminal.Terminal)(terminal)), NodeServices.layer),
      ConfigProvider.layer(ConfigProvider.fromEnv({ env: { ...options.env } })),
      Layer.succeed(TerminalCapabilities.TerminalCapabilities)({
        canColor: false,
        canAnimate: false,
        canPrompt: keys !== undefined
      })
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
