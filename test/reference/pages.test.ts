/**
 * The API reference as `npm run reference` writes it: with the tools of this folder, installed by their lock file in a folder that is gone afterwards.
 */
import { existsSync, readFileSync } from "node:fs"
import { cp, mkdir, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { files, manifest, node, read, root, run, temporaryFolder } from "../support/project.ts"
import { linksOf } from "../support/markdown.ts"
import { entryPoints, publicApi } from "../support/publicApi.ts"

const tools = ["package.json", "package-lock.json", "generate.mjs"]

const patience = 300_000

const sources = Object.fromEntries(files("src/**/*.ts").map((path) => [path.slice("src/".length), read(path)]))

const { exports: exported, modules } = publicApi(sources, entryPoints(manifest().exports))

describe("the reference", { timeout: patience }, () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>

  const generate = (project: string, to: string) =>
    node([join(folder.path, "tools", "generate.mjs"), join(folder.path, to)], project)

  const pageOf = (path: string): string => {
    const page = join(folder.path, "pages", path.replace(/\.ts$/, ".md"))
    return existsSync(page) ? readFileSync(page, "utf8") : ""
  }

  let generated: Awaited<ReturnType<typeof generate>>

  beforeAll(async () => {
    folder = await temporaryFolder()
    const toolsFolder = join(folder.path, "tools")
    await mkdir(toolsFolder)
    await Promise.all(tools.map((file) => cp(join(import.meta.dirname, file), join(toolsFolder, file))))
    const quiet = ["--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error"]
    const installed = await run("npm", ["ci", ...quiet], toolsFolder)
    assert.strictEqual(installed.code, 0, installed.stderr)
    generated = await generate(root, "pages")
  }, patience)

  afterAll(() => folder[Symbol.asyncDispose]())

  it("is written without a warning", () => {
    assert.strictEqual(generated.code, 0, generated.stdout + generated.stderr)
  })

  it("has a page for every module, which says what it is for and how it is imported", () => {
    const { name } = manifest()
    const lacking = modules.filter((module) => {
      const [title, purpose, imported] = pageOf(module.path).split("\n\n")
      const line = `\`import { ${module.name} } from "${name}${module.entry}"\``
      return title === undefined || !/[.:]$/.test(purpose ?? "") || imported !== line
    })
    assert.deepStrictEqual(lacking, [])
  })

  it("has every export on the page of its module, with its docstring", () => {
    const words = (text: string) => text.replaceAll(/\s+/g, " ").trim()
    const lacking = exported.filter(({ docstring, module, name }) => {
      const entries = pageOf(module.path).split(/^### /m)
      const title = name.replaceAll("_", "\\_")
      // How links and headings are written is the tool's.
      const beginning = words(/^(?:(?!\{@link|^@|\n\n|\n- )[^])*/m.exec(docstring)?.[0] ?? "")
      const isIt = (text: string) => text.startsWith(title) && /^(?:\(\))?\n/.test(text.slice(title.length))
      // What another module exports as well is on that one's page.
      const isExplained = (text: string) => words(text).includes(beginning) || /^Re-exports \[/m.test(text)
      return !entries.some((text) => isIt(text) && isExplained(text))
    })
    assert.deepStrictEqual(
      lacking.map(({ module, name }) => `${module.path} ${name}`),
      []
    )
  })

  it("has what services can do, and the steps of builders", () => {
    assert.match(pageOf("EventStore.ts"), /### EventStore\n[^]*`append` \|/)
    assert.match(pageOf("Decider.ts"), /### Evolving\n[^]*#### Methods\n\n##### evolve\(\)/)
  })

  it("has the examples", () => {
    const shown = (path: string) => (sources[path] ?? "").split("* @example\n").length - 1
    for (const path of ["Decider.ts", "EventStore.ts", "Patch.ts", "memory/MemoryEventStore.ts"]) {
      assert.strictEqual(pageOf(path).split("```ts").length - 1, shown(path), path)
    }
  })

  it("has links that lead to its own pages", () => {
    const dead = modules.flatMap(({ path }) =>
      linksOf(path, pageOf(path))
        .map(({ text }) => join(dirname(path), text))
        .filter((page) => pageOf(page) === "")
        .map((page) => `${path} links to ${page}`)
    )
    assert.deepStrictEqual(dead, [])
  })

  it("fails where a docstring links to nothing", async () => {
    const project = join(folder.path, "project")
    await mkdir(join(project, "src"), { recursive: true })
    const write = (file: string, text: string) => writeFile(join(project, file), text)
    await write(
      "package.json",
      JSON.stringify({ name: "small", exports: { ".": { "@eventfold/source": "./src/index.ts" } } })
    )
    await write(
      "tsconfig.json",
      JSON.stringify({
        compilerOptions: { types: [], module: "nodenext", allowImportingTsExtensions: true, noEmit: true },
        include: ["src"]
      })
    )
    await write("src/index.ts", `export * as A from "./A.ts"`)
    const module = (link: string) =>
      `/**\n * A module.\n */\n/** A constant, as {@link ${link}}. */\nexport const a = 1\n/** B */\nexport const b = 1\n`
    await write("src/A.ts", module("b"))
    const right = await generate(project, "right")
    assert.strictEqual(right.code, 0, right.stdout + right.stderr)
    await write("src/A.ts", module("c"))
    const wrong = await generate(project, "wrong")
    assert.strictEqual(wrong.code, 1)
    assert.include(wrong.stdout + wrong.stderr, `Failed to resolve link to "c"`)
  })
})
