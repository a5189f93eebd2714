/**
 * A stranger's project: empty but for the package, which is built, packed and installed by npm as it is when it is published.
 */
import { spawn } from "node:child_process"
import { cp, mkdir, symlink, writeFile } from "node:fs/promises"
import { basename, delimiter, dirname, join } from "node:path"
import { Schema } from "effect"
import { type Ended, files, manifest, read, root, temporaryFolder } from "../support/project.ts"

/** What is in the project's folder and not in a clone. */
const ignored = new Set([".git", "node_modules", "dist", "data"].map((name) => join(root, name)))

/** The tools' folder: a project of its own, with a lock file. */
const tools = files("test/package/tools/*")

/** What npm and vitest put into the environment is not a stranger's, and neither is the server that tests are to use. */
const environment = {
  ...Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^(?:npm_(?!config_(?:cache|registry))|NODE_|VITEST|DATABASE_URL$)/.test(name)
    )
  ),
  NO_COLOR: "1",
  PATH: `${dirname(process.execPath)}${delimiter}${process.env["PATH"] ?? ""}`
}

const run = (program: string, args: ReadonlyArray<string>, cwd: string): Promise<Ended> => {
  const { promise, resolve, reject } = Promise.withResolvers<Ended>()
  const child = spawn(program, args, { cwd, env: environment, stdio: ["ignore", "pipe", "pipe"] })
  let stdout = ""
  let stderr = ""
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text))
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text))
  child.on("error", reject)
  child.on("close", (code) => resolve({ code, stdout, stderr }))
  return promise
}

/** Runs a program that has to succeed, and gives what it printed. */
const mustRun = async (program: string, args: ReadonlyArray<string>, cwd: string): Promise<string> => {
  const { code, stdout, stderr } = await run(program, args, cwd)
  if (code !== 0) throw new Error(`${[program, ...args].join(" ")} ended with ${code}: ${stderr}${stdout}`)
  return stdout
}

const npmInstall = (command: "ci" | "install", folder: string, ...packages: ReadonlyArray<string>) =>
  mustRun("npm", [command, "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error", ...packages], folder)

const Packed = Schema.fromJsonString(Schema.NonEmptyArray(Schema.Struct({ filename: Schema.String })))

/** Builds and packs a copy, without the scripts that prepare a clone, and gives the tarball. */
const pack = async (folder: string): Promise<string> => {
  const isCloned = (path: string) => !ignored.has(path) && basename(path) !== "node_modules"
  await cp(root, folder, { recursive: true, filter: isCloned })
  await symlink(join(root, "node_modules"), join(folder, "node_modules"))
  await mustRun("npm", ["run", "build"], folder)
  const packed = await mustRun("npm", ["pack", "--json", "--ignore-scripts"], folder)
  return join(folder, Schema.decodeSync(Packed)(packed)[0].filename)
}

const Version = Schema.fromJsonString(Schema.Struct({ version: Schema.String }))

/** A package at the version that this project is tested with. */
const asTested = (name: string): string =>
  `${name}@${Schema.decodeSync(Version)(read(`node_modules/${name}/package.json`)).version}`

/** The compilers that a program has to pass: the project's own, and the one before it, which many still have. */
export type Compiler = "project" | "older"

/**
 * A project that has the package.
 */
export interface Stranger {
  readonly folder: string
  readonly tarball: string
  /** The folder of the installed package. */
  readonly installed: string
  /** Installs packages, at the versions that this project has. */
  readonly add: (...packages: ReadonlyArray<string>) => Promise<void>
  readonly write: (file: string, text: string) => Promise<void>
  readonly run: (program: string, ...args: ReadonlyArray<string>) => Promise<Ended>
  /** Runs a program in another folder, which has nothing of the project. */
  readonly runIn: (folder: string, program: string, ...args: ReadonlyArray<string>) => Promise<Ended>
  /** Installs the package in another folder, with the packages that are named, and leaves its package.json as it is. */
  readonly installIn: (folder: string, ...packages: ReadonlyArray<string>) => Promise<void>
  readonly node: (...args: ReadonlyArray<string>) => Promise<Ended>
  /** The oldest Node that the package says it runs on. */
  readonly oldestNode: (...args: ReadonlyArray<string>) => Promise<Ended>
  /** What one of the tools printed. */
  readonly tool: (name: "lint" | "reach" | "bundle", ...args: ReadonlyArray<string>) => Promise<string>
  /** The errors of programs under the settings of the strict, with nothing skipped. */
  readonly compile: (
    compiler: Compiler,
    resolution: "nodenext" | "bundler",
    types: ReadonlyArray<string>,
    programs: ReadonlyArray<string>
  ) => Promise<ReadonlyArray<string>>
}

/**
 * Makes the project. It has the package, what the package depends on, and nothing else.
 */
export const stranger = async (): Promise<Stranger & AsyncDisposable> => {
  const temporary = await temporaryFolder()
  const folder = join(temporary.path, "project")
  const toolsFolder = join(temporary.path, "tools")
  await Promise.all([folder, toolsFolder].map((path) => mkdir(path)))
  await writeFile(join(folder, "package.json"), JSON.stringify({ name: "stranger", private: true, type: "module" }))
  await Promise.all(tools.map((path) => cp(join(root, path), join(toolsFolder, path.replace(/^.*\//, "")))))
  const [tarball] = await Promise.all([pack(join(temporary.path, "copy")), npmInstall("ci", toolsFolder)])
  const { dependencies, name } = manifest()
  await npmInstall("install", folder, tarball, ...Object.keys(dependencies).map(asTested))

  const compilers: Record<Compiler, string> = {
    project: join(root, "node_modules", "typescript", "bin", "tsc"),
    older: join(toolsFolder, "node_modules", "typescript", "bin", "tsc")
  }
  const node: Stranger["node"] = (...args) => run(process.execPath, args, folder)
  return {
    folder,
    tarball,
    installed: join(folder, "node_modules", name),
    add: async (...packages) => {
      await npmInstall("install", folder, ...packages.map(asTested))
    },
    write: (file, text) => writeFile(join(folder, file), text),
    run: (program, ...args) => run(program, args, folder),
    runIn: (another, program, ...args) => run(program, args, another),
    installIn: async (another, ...packages) => {
      await npmInstall("install", another, "--no-save", tarball, ...packages.map(asTested))
    },
    node,
    oldestNode: (...args) => run(join(toolsFolder, "node_modules", ".bin", "node"), args, folder),
    tool: (tool, ...args) => mustRun(process.execPath, [join(toolsFolder, `${tool}.mjs`), ...args], folder),
    compile: async (compiler, resolution, types, programs) => {
      const config = `tsconfig.${compiler}.${resolution}.json`
      const compilerOptions = {
        module: resolution === "nodenext" ? "nodenext" : "esnext",
        moduleResolution: resolution,
        target: "es2022",
        lib: ["es2024", "dom"],
        types,
        strict: true,
        exactOptionalPropertyTypes: true,
        noUncheckedIndexedAccess: true,
        verbatimModuleSyntax: true,
        skipLibCheck: false,
        noEmit: true
      }
      await writeFile(join(folder, config), JSON.stringify({ compilerOptions, files: programs }))
      const { code, stdout, stderr } = await node(compilers[compiler], "-p", config, "--pretty", "false")
      const errors = stdout.split("\n").filter((line) => /error TS\d/.test(line))
      return code === 0 || errors.length > 0 ? errors : [`the compiler ended with ${code}: ${stderr}${stdout}`]
    },
    [Symbol.asyncDispose]: () => temporary[Symbol.asyncDispose]()
  }
}
