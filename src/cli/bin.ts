#!/usr/bin/env node
/**
 * `npx eventfold`: what it needs beside `effect` is optional for users of the library, so it says what to install where that is missing.
 */
import process from "node:process"

const packageOf = (error: unknown): string | undefined =>
  error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND"
    ? /Cannot find package '([^']+)'/.exec(error.message)?.[1]
    : undefined

try {
  await import("./main.ts")
} catch (error) {
  const missing = packageOf(error)
  if (missing === undefined) throw error
  process.stderr.write(`error: the command line needs the package ${missing}\n  Install it: npm install ${missing}\n`)
  process.exitCode = 6
}
