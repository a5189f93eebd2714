/**
 * The process of the command line: it ends with the exit code that says how it went.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Stdio from "effect/Stdio"
import * as TerminalCapabilities from "effect/cli/TerminalCapabilities"
import { exitCodes } from "./failure.ts"
import { run } from "./run.ts"

const exitCodeOf = (exit: Exit.Exit<unknown, unknown>): number => {
  if (Exit.isSuccess(exit)) return typeof exit.value === "number" ? exit.value : exitCodes.done
  return Cause.hasInterruptsOnly(exit.cause) ? exitCodes.interrupted : exitCodes.defect
}

NodeRuntime.runMain(
  Effect.flatMap(Stdio.Stdio, ({ args }) => Effect.flatMap(args, run)).pipe(
    Effect.provide(Layer.provideMerge(TerminalCapabilities.layer, NodeServices.layer))
  ),
  { disableErrorReporting: true, teardown: (exit, onExit) => onExit(exitCodeOf(exit)) }
)
