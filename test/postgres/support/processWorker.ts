/**
 * A process that works for the shop until it is killed: see processWorking.ts.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { program } from "./processWorking.ts"

NodeRuntime.runMain(program)
