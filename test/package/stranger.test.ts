/**
 * What a stranger gets who installs the package with npm, and has neither this project nor its settings.
 */
import { existsSync, globSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { Schema } from "effect"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { needed, neededToCheck, templates } from "../../src/cli/init/application.ts"
import { files, manifest, root } from "../support/project.ts"
import { allTypes, concepts, domain, domainAndSpecs, entries, onPostgres, weighed } from "./programs.ts"
import { type Stranger, stranger } from "./stranger.ts"
import { bundleOf, type Size, table, weigh } from "./weighing.ts"

const { name, dependencies, peerDependencies } = manifest()

const Reach = Schema.fromJsonString(Schema.Record(Schema.String, Schema.Array(Schema.String)))

const Lint = Schema.fromJsonString(
  Schema.Struct({
    publint: Schema.Array(Schema.String),
    entrypoints: Schema.Array(Schema.String),
    types: Schema.Array(Schema.Struct({ kind: Schema.String, where: Schema.String }))
  })
)

const SourceMap = Schema.fromJsonString(Schema.Struct({ sources: Schema.Array(Schema.String) }))

const Lock = Schema.fromJsonString(Schema.Struct({ packages: Schema.Record(Schema.String, Schema.Unknown) }))

const sources = files("src/**/*.ts").map((path) => path.slice("src/".length, -".ts".length))

const starter = Object.values(templates).map((template) => `examples/starter/${template}`)

const unique = (names: Iterable<string>): ReadonlyArray<string> => Array.from(new Set(names)).toSorted()

/** Most of the time is npm's and the compiler's, and other tests run beside these. */
const patience = 300_000

describe("the published package", { timeout: patience }, () => {
  let project: Stranger & AsyncDisposable

  beforeAll(async () => {
    project = await stranger()
    await Promise.all([
      project.write("domain.ts", domain),
      project.write("specs.ts", domainAndSpecs),
      project.write("postgres.ts", onPostgres),
      project.write("types.ts", allTypes)
    ])
  }, patience)

  afterAll(() => project[Symbol.asyncDispose]())

  const contents = () =>
    globSync("**/*", { cwd: project.installed, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(project.installed.length + 1))

  const textOf = (path: string) => readFileSync(join(project.installed, path), "utf8")

  const packages = () =>
    Object.keys(Schema.decodeSync(Lock)(readFileSync(join(project.folder, "package-lock.json"), "utf8")).packages)

  it("brings what it depends on and nothing else", () => {
    assert.deepStrictEqual(
      packages().toSorted(),
      unique(["", ...[name, ...Object.keys(dependencies)].map((one) => `node_modules/${one}`)])
    )
  })

  it("has every source, what is built of it, what `init` writes, and four more files", () => {
    const built = sources.flatMap((path) => [
      `src/${path}.ts`,
      ...[".js", ".js.map", ".d.ts", ".d.ts.map"].map((extension) => `dist/${path}${extension}`)
    ])
    assert.deepStrictEqual(
      contents().toSorted(),
      [...built, ...starter, "CHANGELOG.md", "LICENSE", "README.md", "package.json"].toSorted()
    )
  })

  it("has source maps that lead to its sources", () => {
    const lost = contents()
      .filter((path) => path.endsWith(".map"))
      .flatMap((path) =>
        Schema.decodeSync(SourceMap)(textOf(path))
          .sources.map((source) => join(dirname(path), source))
          .filter((source) => !source.startsWith("src/") || !existsSync(join(project.installed, source)))
          .map((source) => `${path} leads to ${source}`)
      )
    assert.deepStrictEqual(lost, [])
  })

  it("names no folder of the machine that built it", () => {
    const folders = [root, dirname(project.tarball), dirname(project.folder), "file:///"]
    const named = contents().filter((path) => folders.some((folder) => textOf(path).includes(folder)))
    assert.deepStrictEqual(named, [])
  })

  it("pleases publint, and Are The Types Wrong but for what is meant", async () => {
    const asked = [...entries, `${name}/Decider`].map((entry) => `.${entry.slice(name.length)}`)
    const { entrypoints, publint, types } = Schema.decodeSync(Lint)(
      await project.tool("lint", project.tarball, ...asked)
    )
    assert.deepStrictEqual(publint, [])
    assert.deepStrictEqual(entrypoints, asked)
    // It is ESM only, as effect is. `node10` resolves without `exports`, which no Node that can run this does and TypeScript has given
    // up; CommonJS takes ESM by `require` in every Node that is supported, as the next test shows.
    assert.deepStrictEqual(unique(types.map(({ kind, where }) => `${kind} in ${where}`)), [
      "CJSResolvesToESM in node16-cjs",
      "NoResolution in node10"
    ])
  })

  it("can be required by CommonJS, in the oldest Node that it names too", async () => {
    const required = [name, `${name}/Decider`, `${name}/memory`, `${name}/http`, `${name}/testing`]
    await project.write("required.cjs", `for (const one of ${JSON.stringify(required)}) require(one)`)
    const [now, oldest] = await Promise.all([project.node("required.cjs"), project.oldestNode("required.cjs")])
    assert.deepStrictEqual([now.code, oldest.code], [0, 0], now.stderr + oldest.stderr)
  })

  it("compiles the README's domain, where nothing is skipped and nothing else is installed", async () => {
    for (const compiler of ["project", "older"] as const) {
      const errors = await Promise.all(
        (["nodenext", "bundler"] as const).map((resolution) => project.compile(compiler, resolution, [], ["specs.ts"]))
      )
      assert.deepStrictEqual(errors, [[], []], compiler)
    }
  })

  it("runs the README's domain, in the oldest Node that it names too", async () => {
    const { engines } = Schema.decodeSync(
      Schema.fromJsonString(Schema.Struct({ engines: Schema.Struct({ node: Schema.String }) }))
    )(textOf("package.json"))
    const version = await project.oldestNode("--version")
    assert.strictEqual(engines.node.replace(/^>=/, ""), version.stdout.trim().replace(/^v(\d+\.\d+)\.0$/, "$1"))
    const [now, oldest] = await Promise.all([project.node("specs.ts"), project.oldestNode("specs.ts")])
    assert.deepStrictEqual([now.code, oldest.code], [0, 0], now.stderr + oldest.stderr)
  })

  it("tells a stranger what is wrong with a program, so the two tests before can fail", async () => {
    await project.write("wrong.ts", domain.replace("balance: 0", `balance: "0"`))
    const errors = await project.compile("project", "nodenext", [], ["wrong.ts"])
    assert.match(errors.join(), /^wrong\.ts\(\d+,\d+\): error TS2322/)
    await project.write("failing.ts", domain.replace("amount: 100", "amount: 101"))
    const { code, stderr } = await project.node("failing.ts")
    assert.strictEqual(code, 1)
    assert.include(stderr, "expected 70")
  })

  describe("in a bundle for browsers", () => {
    let sizes: ReadonlyArray<Size> = []

    beforeAll(async () => {
      sizes = await weigh(project)
    }, patience)

    it("needs no module that a browser has not", () => {
      assert.lengthOf(sizes, 4 * Object.keys(weighed).length)
      assert.deepStrictEqual(
        sizes.flatMap(({ imports }) => imports),
        []
      )
    })

    it("runs where nothing of Node is there", async () => {
      const names = ["process", "Buffer", "global", "setImmediate", "clearImmediate"]
      for (const bundler of ["esbuild", "rolldown"] as const) {
        const file = bundleOf("the README's domain, and the store in memory", bundler)
        const code = `for (const name of ${JSON.stringify(names)}) delete globalThis[name]
          await import("./${file}")`
        const { code: exit, stderr } = await project.node("--input-type=module", "--eval", code)
        assert.deepStrictEqual({ exit, stderr }, { exit: 0, stderr: "" }, file)
      }
    })

    // In bytes, minified and without effect: a tenth above what they were.
    it.each([
      ["a decider, each module by its path", "esbuild", 6_800, 2_800],
      ["a decider, each module by its path", "rolldown", 6_100, 2_600],
      ["a decider, by the names of the roots", "esbuild", 18_000, 7_300],
      ["a decider, by the names of the roots", "rolldown", 6_100, 2_600],
      ["all of `eventfold`", "esbuild", 161_000, 58_000],
      ["all of `eventfold`", "rolldown", 151_000, 53_000]
    ])("is no larger than it was: %s, by %s", (program, bundler, bytes, zipped) => {
      const size = sizes.find((one) => one.program === program && one.bundler === bundler && !one.isWithEffect)
      assert.isDefined(size)
      assert.isAtMost(size.bytes, bytes, table(sizes))
      assert.isAtMost(size.zipped, zipped, table(sizes))
    })

    it("takes of the root what is used", () => {
      const ofRolldown = (program: string) =>
        sizes.find((one) => one.program === program && one.bundler === "rolldown" && one.isWithEffect)?.bytes ?? 0
      const byPath = ofRolldown("a decider, each module by its path")
      assert.isAbove(byPath, 0)
      assert.closeTo(ofRolldown("a decider, by the names of the roots"), byPath, 500)
    })
  })

  describe("the application that `eventfold init` writes", () => {
    let folder = ""
    const run = (...args: ReadonlyArray<string>) => project.runIn(folder, "npm", "--silent", ...args)

    beforeAll(async () => {
      folder = join(dirname(project.folder), "library")
      // The project has none of the optional packages.
      const { code, stderr } = await project.run("npx", "--no-install", name, "init", folder)
      assert.strictEqual(code, 0, stderr)
      await project.installIn(folder, ...needed, ...neededToCheck)
    }, patience)

    it("is installed with what its package.json asks for", async () => {
      const { code, stderr, stdout } = await run("ls")
      assert.strictEqual(code, 0, stderr + stdout)
    })

    it("passes its tests, and the compiler", async () => {
      const [tested, checked] = await Promise.all([run("test"), run("run", "check")])
      assert.strictEqual(tested.code, 0, tested.stderr + tested.stdout)
      assert.match(tested.stdout, /Tests {2}\d+ passed/)
      assert.deepStrictEqual(checked, { code: 0, stdout: "", stderr: "" })
    })

    const told = (times: number) =>
      ["ada borrows dune", "bob cannot borrow dune: ada has it"]
        .concat(`dune is back, after ${2 * times} events`, `loans of ada so far: ${times}`, "")
        .join("\n")

    it("runs, keeps its events in a folder, and goes on with them", async () => {
      assert.deepStrictEqual(await run("start"), { code: 0, stdout: told(1), stderr: "" })
      assert.deepStrictEqual(await run("start"), { code: 0, stdout: told(2), stderr: "" })
    })

    it("can be looked into as its README says", async () => {
      const commands = Array.from(
        textOf("examples/starter/README.md").matchAll(/^ {4}(npx eventfold .* --store .*)$/gm)
      )
      assert.lengthOf(commands, 2)
      for (const [, command = ""] of commands) {
        const { code, stderr } = await project.runIn(folder, "npx", "--no-install", ...command.split(" ").slice(1))
        assert.strictEqual(code, 0, `${command}: ${stderr}`)
      }
    })

    it("runs in memory, in the oldest Node that the package names", async () => {
      const { code, stderr, stdout } = await project.oldestNode(join(folder, "src", "main.ts"), "--memory")
      assert.deepStrictEqual([code, stdout], [0, told(1)], stderr)
    })
  })

  describe("with what is optional", () => {
    beforeAll(async () => {
      const needed = Object.keys(peerDependencies).filter((peer) => !peer.endsWith("vitest"))
      await project.add(...needed, "@types/node")
    }, patience)

    it("shares one effect with all of it", () => {
      assert.deepStrictEqual(
        packages().filter((path) => path.endsWith("node_modules/effect")),
        ["node_modules/effect"]
      )
    })

    it("has types for all there is, where nothing is skipped", async () => {
      const errors = await Promise.all(
        (["nodenext", "bundler"] as const).map((resolution) =>
          project.compile("project", resolution, ["node"], ["specs.ts", "postgres.ts", "types.ts"])
        )
      )
      assert.deepStrictEqual(errors, [[], []])
    })

    it("has a command line that npx finds", async () => {
      const { code, stderr, stdout } = await project.run("npx", "--no-install", name, "--help")
      assert.strictEqual(code, 0, stderr)
      assert.include(stdout, "eventfold <subcommand>")
    })

    it("leads to no more than an import is for", async () => {
      const all = [...entries, ...concepts]
      const reached = Schema.decodeSync(Reach)(await project.tool("reach", ...all))
      const packageOf = (module: string) => /^(?:node:|(?:@[^/]+\/)?[^/]+)/.exec(module)?.[0] ?? module
      const partOf = (module: string) => /^eventfold\/dist\/([a-z]+(?:\/embedded)?)\//.exec(module)?.[1] ?? "concepts"
      const leads = (entry: string) => {
        const modules = reached[entry] ?? []
        return {
          packages: unique(modules.map(packageOf)),
          parts: unique(modules.filter((module) => packageOf(module) === name).map(partOf)),
          sql: modules.some((module) => module.startsWith("effect/dist/sql/"))
        }
      }
      const pure = { packages: ["effect", name], sql: false }
      const concept = { ...pure, parts: ["concepts", "internal"] }
      const server = { packages: ["@effect/sql-pg", "effect", name, "node:"], sql: true }
      assert.deepStrictEqual(Object.fromEntries(entries.map((entry) => [entry, leads(entry)])), {
        [name]: concept,
        [`${name}/http`]: { ...pure, parts: ["concepts", "http", "internal"] },
        [`${name}/memory`]: { ...pure, parts: ["concepts", "internal", "memory"] },
        [`${name}/postgres`]: { ...server, parts: ["concepts", "internal", "postgres"] },
        [`${name}/postgres/embedded`]: {
          ...server,
          packages: ["@effect/sql-pg", "@electric-sql/pglite", "effect", name, "node:"],
          parts: ["concepts", "internal", "postgres", "postgres/embedded"]
        },
        // Which is imported when a suite of vitest is asked for.
        [`${name}/testing`]: {
          ...pure,
          packages: ["@effect/vitest", "effect", name],
          parts: ["concepts", "internal", "memory", "testing"]
        }
      })
      for (const entry of concepts) {
        const { packages, parts, sql } = leads(entry)
        assert.includeMembers(["effect", name], [...packages], entry)
        assert.includeMembers(concept.parts, [...parts], entry)
        assert.isFalse(sql, entry)
      }
    })

    it("leaves the process as it is when all of it is imported", async () => {
      const code = `
        const look = () => ({
          globals: Reflect.ownKeys(globalThis).length,
          listeners: process.eventNames().length,
          resources: process.getActiveResourcesInfo().length
        })
        const all = ${JSON.stringify([...entries, ...concepts])}
        const effects = ["effect", "effect/sql", "@effect/sql-pg", "@electric-sql/pglite"]
        for (const one of effects) await import(one)
        const before = look()
        for (const one of all) await import(one)
        console.log(JSON.stringify([before, look()]))`
      const { stdout, stderr } = await project.node("--input-type=module", "--eval", code)
      assert.notStrictEqual(stdout, "", stderr)
      const [before, after] = Schema.decodeSync(
        Schema.fromJsonString(Schema.Array(Schema.Record(Schema.String, Schema.Int)))
      )(stdout)
      assert.deepStrictEqual(after, before)
    })
  })
})
