/**
 * Programs of the tests with all that they import in one file: tests start hundreds of processes, and one that has to find and to compile
 * hundreds of modules takes a second of a processor before it begins.
 */
import { createHash } from "node:crypto"
import { mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from "node:fs/promises"
import { createRequire } from "node:module"
import { join, relative } from "node:path"
import { pathToFileURL } from "node:url"
import { root } from "../../support/project.ts"

/** What is used of the bundler, which comes with vitest. */
interface Bundler {
  readonly build: (config: object) => Promise<{ readonly output: readonly [{ readonly code: string }] }>
}

const aDay = 86_400_000

/** What a program was a day ago and longer nobody runs any more. */
const removeOld = async (folder: string, name: string): Promise<void> => {
  for (const entry of await readdir(folder)) {
    if (!entry.startsWith(`${name}-`)) continue
    const path = join(folder, entry)
    const found = await stat(path).catch(() => undefined)
    if (found !== undefined && found.mtimeMs < Date.now() - aDay) await rm(path, { recursive: true, force: true })
  }
}

const make = async (program: string): Promise<string> => {
  const found = createRequire(import.meta.resolve("vitest/node")).resolve("vite")
  const bundler: Bundler = await import(pathToFileURL(found).href)
  const { output } = await bundler.build({
    configFile: false,
    logLevel: "warn",
    root,
    ssr: { noExternal: true, resolve: { conditions: ["@eventfold/source", "module", "node"] } },
    build: {
      ssr: program,
      target: "esnext",
      minify: false,
      write: false,
      rolldownOptions: { output: { codeSplitting: false } }
    }
  })
  const [{ code }] = output
  const folder = join(root, "node_modules", ".cache", "eventfold-programs")
  const name = relative(root, program).replaceAll(/\W+/g, "-")
  // Named by its content: whoever runs the tests at the same time, of other sources perhaps, has another one.
  const path = join(folder, `${name}-${createHash("sha256").update(code).digest("hex").slice(0, 16)}.mjs`)
  await mkdir(folder, { recursive: true })
  const place = await mkdtemp(`${path}-`)
  await writeFile(join(place, "program.mjs"), code)
  await rename(join(place, "program.mjs"), path)
  await rm(place, { recursive: true })
  await removeOld(folder, name)
  return path
}

const made = new Map<string, Promise<string>>()

/** The file that a program has become, made once by each process: it is of the sources as they are. */
export const bundled = (program: string): Promise<string> => {
  const path = made.get(program) ?? make(program)
  made.set(program, path)
  return path
}
