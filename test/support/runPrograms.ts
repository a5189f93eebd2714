/**
 * Run by node: imports one program after another, and writes to a file what became of each.
 *
 *     node runPrograms.ts <file for reports> <program>...
 */
import { appendFileSync } from "node:fs"
import { pathToFileURL } from "node:url"
import { inspect } from "node:util"

const patience = 30_000

const [, , reports = "", ...programs] = process.argv

let current = ""

const report = (is: "begun" | "done" | "failed", error?: string) =>
  appendFileSync(reports, `${JSON.stringify({ name: current, is, ...(error === undefined ? {} : { error }) })}\n`)

process.on("uncaughtException", (error) => report("failed", inspect(error)))

const busy = () => process.getActiveResourcesInfo().filter((resource) => !/^(?:Pipe|TTY|Immediate)/.test(resource))

/** Nothing is under way any more that the program has begun, for some turns of the event loop. */
const settled = async (): Promise<void> => {
  for (let quiet = 0; quiet < 20; quiet = busy().length > 0 ? 0 : quiet + 1) {
    await new Promise((resume) => setImmediate(resume))
  }
}

for (current of programs) {
  report("begun")
  const alarm = setTimeout(() => {
    report("failed", `is still running after ${patience / 1000} seconds; is it to be no-run?`)
    process.exit(1)
  }, patience).unref()
  try {
    await import(pathToFileURL(current).href)
    await settled()
    if (process.exitCode !== undefined && process.exitCode !== 0) {
      report("failed", `sets the exit code ${process.exitCode}`)
      process.exitCode = undefined
    }
    report("done")
  } catch (error) {
    report("failed", inspect(error))
  }
  clearTimeout(alarm)
}

process.exit(0)
