/**
 * Preloaded by node: when the process ends, prints as JSON every module that was loaded, and which one asked for it.
 */
import { writeSync } from "node:fs"
import { registerHooks } from "node:module"

const askedBy = new Map<string, string>()

registerHooks({
  resolve: (specifier, context, next) => {
    const resolved = next(specifier, context)
    if (!askedBy.has(resolved.url)) askedBy.set(resolved.url, context.parentURL ?? "")
    return resolved
  }
})

process.on("exit", () => {
  writeSync(1, JSON.stringify(Object.fromEntries(askedBy)))
})
