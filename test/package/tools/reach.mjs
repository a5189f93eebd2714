/**
 * Prints as JSON, for each of some modules, all modules that it leads to: `node reach.mjs SPECIFIER...`, in the folder where
 * they are installed. Modules are named from `node_modules` on, and what Node has by its own name. What is not installed
 * leads nowhere, and is named too.
 */
import { isBuiltin } from "node:module"
import { build } from "esbuild"

const specifiers = process.argv.slice(2)

const { metafile } = await build({
  absWorkingDir: process.cwd(),
  entryPoints: specifiers.map((specifier, index) => ({ in: specifier, out: `entry${index}` })),
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  external: ["@effect/vitest"],
  outdir: "reached",
  write: false,
  metafile: true,
  logLevel: "silent"
})

const named = (path) => (isBuiltin(path) ? `node:${path.replace(/^node:/, "")}` : path.replace(/^.*node_modules\//, ""))

const from = (start) => {
  const seen = new Set([start])
  for (const path of seen) for (const next of metafile.inputs[path]?.imports ?? []) seen.add(next.path)
  return Array.from(seen, named)
}

const fileOf = (index) =>
  Object.entries(metafile.outputs).find(([path]) => path === `reached/entry${index}.js`)?.[1].entryPoint

console.log(JSON.stringify(Object.fromEntries(specifiers.map((specifier, index) => [specifier, from(fileOf(index))]))))
