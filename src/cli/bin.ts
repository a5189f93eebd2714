#!/usr/bin/env node
/**
 * `npx eventfold`: what it needs beside `effect` is optional for users of the library, so it says what to install where that is missing.
 */
import process from "node:process"
import { packageOf } from "./missing.ts"

try {
  // It is what is run before any other package is there.
  if (process.argv[2] === "init") {
    const { begin } = await import("./init/begin.ts")
    process.exitCode = await begin(process.argv.slice(2))
  } else await import("./main.ts")
} catch (error) {
  const missing = packageOf(error)
  if (missing === undefined) throw error
  process.stderr.write(`error: the command line needs the package ${missing}\n  Install it: npm install ${missing}\n`)
  process.exitCode = 6
}
