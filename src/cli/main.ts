/**
 * The process of the command line: it ends with the exit code that says how it went.
 */
import { Console } from "node:console"
import process from "node:process"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Cause from "effect/Cause"
import * as EffectConsole from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Stdio from "effect/Stdio"
import * as TerminalCapabilities from "effect/cli/TerminalCapabilities"
import { exitCodes } from "./failure.ts"
import { printable } from "./output/table.ts"
import { run } from "./run.ts"

const lines = (text: string): string => text.split("\n").map(printable).join("\n")

const exitCodeOf = (exit: Exit.Exit<unknown, unknown>): number => {
  if (Exit.isSuccess(exit)) return typeof exit.value === "number" ? exit.value : exitCodes.done
  return Cause.hasInterruptsOnly(exit.cause) ? exitCodes.interrupted : exitCodes.defect
}

/** The code that this process has ended with, when it has. */
let ended: number | undefined
let isBroken = false

// Who closes the terminal interrupts as well: what is under way is ended in order.
process.once("SIGHUP", () => process.kill(process.pid, "SIGTERM"))

// Node would end with the code that says that something was found.
process.on("uncaughtException", (error) => {
  if (isBroken) return
  isBroken = true
  const said = error instanceof Error ? (error.stack ?? error.message) : String(error)
  process.stderr.write(`error: nobody has caught this, of the module of the domain or of eventfold:\n${lines(said)}\n`)
  process.kill(process.pid, "SIGTERM")
})

// A module that ends the process would have it say that all was done.
process.on("exit", () => {
  if (isBroken) process.exitCode = exitCodes.defect
  else if (ended === undefined) {
    process.stderr.write("error: the module of the domain has ended the process\n  It must not start or end anything\n")
    process.exitCode = exitCodes.domain
  }
})

// What modules print is no output of a command.
const console = globalThis.console
globalThis.console = new Console(process.stderr, process.stderr)

NodeRuntime.runMain(
  Effect.flatMap(Stdio.Stdio, ({ args }) => Effect.flatMap(args, run)).pipe(
    Effect.provide(Layer.provideMerge(TerminalCapabilities.layer, NodeServices.layer)),
    Effect.provideService(EffectConsole.Console, console)
  ),
  {
    disableErrorReporting: true,
    teardown: (exit, onExit) => {
      ended = exitCodeOf(exit)
      onExit(ended)
    }
  }
)
