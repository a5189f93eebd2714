/**
 * The command line, with all its commands.
 */
import { eventfold } from "./command.ts"
import { running } from "./running.ts"

/**
 * Runs a command line. Gives the exit code: it has been said what it means.
 */
export const run = running(eventfold)
