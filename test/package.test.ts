/**
 * The package as a stranger gets it: built, packed and installed in a folder of its own.
 */
import { cp, mkdir, symlink, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { Schema } from "effect"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { files, manifest, node, read, root, run, temporaryFolder, tsc } from "./support/project.ts"
import { effectsOf, importsOf } from "./support/source.ts"

const { bin, name, dependencies, exports, peerDependencies, sideEffects } = manifest()

const sources = files("src/**/*.ts").map((path) => path.slice("src/".length))

/** What is run, and is imported by nobody. */
const programs = ["cli/bin.ts", "cli/main.ts"]

/** Modules that a stranger may import: those that `exports` names, and those that its pattern is meant for. */
const subpaths = [
  ...Object.entries(exports)
    .filter(([key, entry]) => entry !== null && !key.includes("*") && !key.endsWith(".json"))
    .map(([key]) => key),
  ...sources.filter((path) => !path.includes("/") && path !== "index.ts").map((path) => `./${path.slice(0, -3)}`)
]

const specifier = (subpath: string): string => name + subpath.slice(1)

const internals = sources
  .filter((path) => path.split("/").includes("internal"))
  .map((path) => specifier(`./${path.slice(0, -3)}`))

const Packed = Schema.fromJsonString(
  Schema.NonEmptyArray(Schema.Struct({ files: Schema.Array(Schema.Struct({ path: Schema.String })) }))
)

/** Preloaded, it prints every module that is loaded and which one asked for it. */
const recorder = ["--import", join(import.meta.dirname, "support", "recordImports.ts")]

const Loaded = Schema.fromJsonString(Schema.Record(Schema.String, Schema.String))

const Refused = Schema.fromJsonString(Schema.Record(Schema.String, Schema.NullOr(Schema.String)))

/** Builds into a copy, asks npm what it would pack of it, and gives those files. */
const pack = async (folder: string) => {
  await mkdir(folder, { recursive: true })
  const taken = ["package.json", "src", "examples/starter", ...files("README*", "LICENSE*", "CHANGELOG*")]
  await Promise.all(taken.map((path) => cp(join(root, path), join(folder, path), { recursive: true })))
  const built = await node([tsc, "-p", join(root, "tsconfig.build.json"), "--outDir", join(folder, "dist")], root)
  const packed = await run("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], folder)
  assert.strictEqual(packed.code, 0, packed.stderr)
  return { built, paths: Schema.decodeSync(Packed)(packed.stdout)[0].files.map(({ path }) => path) }
}

/** A folder that has the package and what it depends on. */
const install = async (folder: string, from: string, paths: ReadonlyArray<string>, packages: ReadonlyArray<string>) => {
  const modules = join(folder, "node_modules")
  await Promise.all(paths.map((path) => cp(join(from, path), join(modules, name, path))))
  for (const dependency of packages) {
    await mkdir(join(modules, dirname(dependency)), { recursive: true })
    await symlink(join(root, "node_modules", dependency), join(modules, dependency))
  }
}

describe("the package", { timeout: 60_000 }, () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  let packed: Awaited<ReturnType<typeof pack>>
  /** Has the dependencies only. */
  let bare = ""
  /** Has the optional peers as well. */
  let full = ""

  beforeAll(async () => {
    folder = await temporaryFolder()
    const from = join(folder.path, "from")
    packed = await pack(from)
    bare = join(folder.path, "bare")
    full = join(folder.path, "full")
    await Promise.all([
      install(bare, from, packed.paths, Object.keys(dependencies)),
      install(full, from, packed.paths, Object.keys({ ...dependencies, ...peerDependencies }))
    ])
  }, 60_000)

  afterAll(() => folder[Symbol.asyncDispose]())

  const evaluate = (where: string, code: string, ...options: ReadonlyArray<string>) =>
    node([...options, "--input-type=module", "--eval", code], where)

  /** The chains of modules that lead to those that must not be loaded, each from the module that is to blame. */
  const loads = async (specifiers: ReadonlyArray<string>, forbidden: RegExp): Promise<ReadonlyArray<string>> => {
    const code = specifiers.map((one) => `await import("${one}")`).join("\n")
    const { stdout, stderr, ...ended } = await evaluate(bare, code, ...recorder)
    assert.strictEqual(ended.code, 0, stderr)
    const askedBy = Schema.decodeSync(Loaded)(stdout)
    assert.include(Object.keys(askedBy).join(), `/node_modules/${name}/dist/`)
    const chain = (url: string): ReadonlyArray<string> => {
      const parent = askedBy[url]
      return [url.replace(/^.*\/node_modules\//, ""), ...(parent === undefined ? [] : chain(parent))]
    }
    return Object.keys(askedBy)
      .filter((url) => forbidden.test(url))
      .map((url) => chain(url).join(" ← "))
  }

  /** What the compiler says to a stranger's program. */
  const compile = async (file: string, lines: ReadonlyArray<string>) => {
    await writeFile(join(full, file), lines.join("\n"))
    const strict = ["--strict", "--noEmit", "--target", "es2022", "--lib", "es2024,dom", "--module", "nodenext"]
    const { stdout } = await node([tsc, "--ignoreConfig", ...strict, "--types", "", "--pretty", "false", file], full)
    return stdout.split("\n").filter((line) => line !== "")
  }

  it("builds", () => {
    assert.strictEqual(packed.built.code, 0, packed.built.stdout)
  })

  it("has a built file, its types and its source for every export", () => {
    const missing = Object.entries(exports).flatMap(([key, entry]) => {
      const targets = entry === null ? [] : typeof entry === "string" ? [entry] : Object.values(entry)
      const isThere = (target: string) =>
        packed.paths.some((path) =>
          target.includes("*")
            ? `./${path}`.startsWith(target.split("*")[0] ?? "") && path.endsWith(target.split("*")[1] ?? "")
            : `./${path}` === target
        )
      return targets.filter((target) => !isThere(target)).map((target) => `${key} leads to ${target}`)
    })
    assert.deepStrictEqual(missing, [])
  })

  it("has no file beside dist, src, what `init` writes and what npm always takes", () => {
    const others = packed.paths.filter(
      (path) =>
        !/^(?:dist|src|examples\/starter)\/|^(?:package\.json|README|LICENSE|CHANGELOG)/.test(path) ||
        /^(?:dist|src)\/.*(?:\.test\.|\/test\/)/.test(path)
    )
    assert.deepStrictEqual(others, [])
  })

  it("names only packages that it depends on, or that are its peers", () => {
    const declared = new Set(Object.keys({ ...dependencies, ...peerDependencies }))
    const undeclared = sources.flatMap((path) =>
      importsOf(read(`src/${path}`))
        // The module of a domain is the user's, and named by the user.
        .filter(({ specifier }) => specifier !== undefined || path !== "cli/domain.ts")
        .map(({ specifier = "" }) => /^(?:@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? "")
        .filter((dependency) => !/^\.|^node:/.test(dependency) && !declared.has(dependency))
        .map((dependency) => `src/${path} imports ${dependency}`)
    )
    assert.deepStrictEqual(undeclared, [])
  })

  it("can be imported by each of its subpaths", async () => {
    const code = subpaths.map((subpath) => `await import("${specifier(subpath)}")`).join("\n")
    const { code: exit, stderr } = await evaluate(full, code)
    assert.strictEqual(exit, 0, stderr)
  })

  it("keeps its internals to itself", async () => {
    const { stdout, stderr } = await evaluate(
      full,
      `const refused = {}
       for (const one of ${JSON.stringify(internals)}) {
         refused[one] = await import(one).then(() => null, (error) => error.code)
       }
       console.log(JSON.stringify(refused))`
    )
    assert.notStrictEqual(stdout, "", stderr)
    const open = Object.entries(Schema.decodeSync(Refused)(stdout)).filter(
      ([, code]) => code !== "ERR_PACKAGE_PATH_NOT_EXPORTED"
    )
    assert.deepStrictEqual(
      open.map(([internal]) => internal),
      []
    )
  })

  it("has types for each of its subpaths and for none of its internals", async () => {
    const errors = await compile(
      "subpaths.ts",
      [...subpaths.map(specifier), ...internals].map((one) => `export type * from "${one}"`)
    )
    assert.deepStrictEqual(
      errors.flatMap((error) => /^subpaths\.ts.*Cannot find module '([^']+)'/.exec(error)?.[1] ?? []),
      internals
    )
  })

  it("has types that hold under the compiler settings of others", async () => {
    const errors = await compile(
      "library.ts",
      subpaths.map((one, index) => `export type * as Module${index} from "${specifier(one)}"`)
    )
    const isOurs = (error: string) => !error.includes("node_modules/") || error.includes(`/${name}/dist/`)
    assert.deepStrictEqual(errors.filter(isOurs), [])
  })

  it("has declarations whose imports lead to declarations", async () => {
    const declarations = packed.paths.filter((path) => path.endsWith(".d.ts"))
    const from = join(folder.path, "from")
    const dangling = declarations.flatMap((path) =>
      importsOf(read(join(from, path))).flatMap(({ specifier = "" }) => {
        const target = join(dirname(path), specifier).replace(/\.[jt]s$/, ".d.ts")
        return specifier.startsWith(".") && !declarations.includes(target) ? [`${path} imports ${specifier}`] : []
      })
    )
    assert.isNotEmpty(declarations)
    assert.deepStrictEqual(dangling, [])
  })

  it("has a kernel that loads no Node built-in, no SQL and nothing of @effect", async () => {
    const kernel = [`${name}/Event`, `${name}/Decider`, `${name}/View`]
    assert.deepStrictEqual(await loads(kernel, /^node:|\/effect\/dist\/sql\/|\/@effect\//), [])
  })

  it("has a memory store that loads no Node built-in and no SQL", async () => {
    assert.deepStrictEqual(await loads([`${name}/memory`], /^node:|\/effect\/dist\/sql\/|\/@effect\//), [])
  })

  it("has testing kits that load where vitest is not installed", async () => {
    assert.deepStrictEqual(await loads([`${name}/testing`], /\/@?vitest\/|\/@effect\/vitest\//), [])
  })

  /** The command line, as it is installed. */
  const eventfold = (where: string, ...args: ReadonlyArray<string>) =>
    node([join(where, "node_modules", name, bin["eventfold"] ?? ""), ...args], where)

  it("has a command line that runs where the optional packages are installed", async () => {
    assert.match(read(join(full, "node_modules", name, bin["eventfold"] ?? "")), /^#!\/usr\/bin\/env node\n/)
    const { code, stderr, stdout } = await eventfold(full, "--help")
    assert.deepStrictEqual({ code, stderr }, { code: 0, stderr: "" })
    assert.include(stdout, "eventfold <subcommand>")
  })

  it("has a command line that needs the embedded database for an embedded store alone", async () => {
    const without = Object.keys(peerDependencies).filter((peer) => peer !== "@electric-sql/pglite")
    const server = join(folder.path, "server")
    await install(server, join(folder.path, "from"), packed.paths, [...Object.keys(dependencies), ...without])
    await writeFile(join(server, "events.jsonl"), "")
    await mkdir(join(server, "data"))
    await writeFile(join(server, "data", "PG_VERSION"), "18")
    const ofFile = await eventfold(server, "stats", "--store", "events.jsonl")
    assert.deepStrictEqual([ofFile.code, ofFile.stderr], [0, ""])
    const ofFolder = await eventfold(server, "stats", "--store", "data")
    assert.strictEqual(ofFolder.code, 6)
    assert.include(ofFolder.stderr, "npm install @electric-sql/pglite")
  })

  it("has a command line that says what to install where they are not", async () => {
    const { code, stderr, stdout } = await eventfold(bare, "--help")
    assert.deepStrictEqual({ code, stdout }, { code: 6, stdout: "" })
    const [, missing] = /^error: .* needs the package (\S+)\n {2}Install it: npm install \1\n$/.exec(stderr) ?? []
    assert.include(Object.keys(peerDependencies), missing)
  })

  it("has an `init` that needs none of them, and says what is wrong as every command does", async () => {
    const application = join(folder.path, "application")
    const begun = await eventfold(bare, "init", application)
    assert.deepStrictEqual([begun.code, begun.stderr], [0, ""])
    assert.include(begun.stdout, "npm install")
    assert.include(read(join(application, "package.json")), '"name": "application"')
    const again = await eventfold(bare, "init", application, "--json")
    assert.deepStrictEqual([again.code, again.stdout], [5, ""])
    assert.match(again.stderr, /^{"error":{"exitCode":5,"problem":".* is in the way/)
    const help = await eventfold(bare, "init", "--help")
    assert.deepStrictEqual([help.code, help.stderr], [0, ""])
    assert.include(help.stdout, "eventfold init my-app")
  })

  it("does nothing by being loaded, and says so", () => {
    assert.isFalse(sideEffects)
    const modules = sources.filter((path) => !programs.includes(path))
    const effects = modules.flatMap((path) => effectsOf(read(`src/${path}`)).map((line) => `src/${path}:${line}`))
    assert.deepStrictEqual(effects, [])
  })
})

describe("the recorder of imports", () => {
  it("sees built-ins and packages, whoever asks for them and however", async () => {
    const code = `
      import "fs"
      import { createRequire } from "node:module"
      await import("effect/Schema")
      createRequire("${root}/x.js")("path")`
    const { stdout, stderr } = await node([...recorder, "--input-type=module", "--eval", code], root)
    const seen = stdout === "" ? [stderr] : Object.keys(Schema.decodeSync(Loaded)(stdout))
    assert.includeMembers(seen, ["node:fs", "node:module", "node:path"])
    assert.isTrue(seen.some((url) => url.endsWith("/node_modules/effect/dist/Option.js")))
  })
})

describe("the finder of side effects", () => {
  it("tells statements that act from those that define", () => {
    const source = [
      `import { a } from "a"`,
      `export * from "b"`,
      `export const c = a()`,
      `export type D = typeof c`,
      `export interface E {}`,
      `export class F { static g = 1; static { a() } }`,
      `function h() { a() }`,
      `import "i"`,
      `a()`,
      `c.d = 1`,
      `if (c) h()`,
      `for (const one of c) h(one)`,
      `export default h`
    ]
    assert.deepStrictEqual(
      effectsOf(source.join("\n")).toSorted((a, b) => a - b),
      [6, 8, 9, 10, 11, 12]
    )
  })
})
