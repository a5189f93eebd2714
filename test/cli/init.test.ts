/**
 * `eventfold init`: what it writes, and what it leaves alone.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { readFileSync } from "node:fs"
import { mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { applicationFor, nameOf, needed, neededToCheck, templates } from "../../src/cli/init/application.ts"
import { writeAll } from "../../src/cli/init/folder.ts"
import { read, root } from "../support/project.ts"
import { temporaryFolder } from "./database.ts"
import { eventfold, jsonOf } from "./support.ts"

const paths = ["package.json", ...Object.keys(templates)]

const entries = (folder: string) => Effect.promise(() => readdir(folder))

/** Every file of a folder, by its path. */
const contents = (folder: string) =>
  Effect.promise(async () => {
    const all = await readdir(folder, { recursive: true, withFileTypes: true })
    const there = all.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
    return Object.fromEntries(
      await Promise.all(
        there.map(async (path) => [path.slice(folder.length + 1), await readFile(path, "utf8")] as const)
      )
    )
  })

const Ranges = Schema.Record(Schema.String, Schema.String)

const Package = Schema.fromJsonString(
  Schema.Struct({ name: Schema.String, dependencies: Ranges, devDependencies: Ranges })
)

const Own = Schema.fromJsonString(
  Schema.Struct({
    version: Schema.String,
    engines: Schema.Struct({ node: Schema.String }),
    dependencies: Ranges,
    peerDependencies: Ranges,
    devDependencies: Ranges
  })
)

const own = Schema.decodeSync(Own)(read("package.json"))

describe("eventfold init", () => {
  it.effect("writes the files of the example into a folder that it makes, and says what is next", () =>
    Effect.gen(function* () {
      const folder = join(yield* temporaryFolder, "some", "library")
      const { exitCode, stderr, stdout } = yield* eventfold(["init", folder])
      assert.deepStrictEqual({ exitCode, stderr }, { exitCode: 0, stderr: "" })
      const { "package.json": text = "", ...others } = yield* contents(folder)
      assert.deepStrictEqual(
        others,
        Object.fromEntries(
          Object.entries(templates).map(([path, template]) => [path, read(`examples/starter/${template}`)])
        )
      )
      assert.strictEqual(Schema.decodeSync(Package)(text).name, "library")
      for (const path of paths) assert.include(stdout, `\n  ${path}\n`)
      assert.match(stdout, /\nNext:\n {2}cd (\S+) && npm install\n {2}npm test\n {2}npm start\n$/)
      assert.include(stdout, `cd ${folder} &&`)
    })
  )

  it.effect("takes every file of the example", () =>
    Effect.gen(function* () {
      const there = Object.keys(yield* contents(join(root, "examples", "starter")))
      assert.sameMembers(Object.values(templates), there)
    })
  )

  it.effect("asks for the packages in the ranges that this package has, and for this package", () =>
    Effect.gen(function* () {
      const [{ text } = { text: "" }] = yield* applicationFor("app")
      const { dependencies, devDependencies } = Schema.decodeSync(Package)(text)
      const ranges = { ...own.devDependencies, ...own.peerDependencies, ...own.dependencies }
      const expected = (names: ReadonlyArray<string>) =>
        Object.fromEntries(names.map((name) => [name, ranges[name] ?? "unknown"]))
      assert.deepStrictEqual(dependencies, { ...expected(needed), eventfold: `^${own.version}` })
      assert.deepStrictEqual(devDependencies, expected(neededToCheck))
      // All that this package may be used with is there.
      assert.includeMembers(
        Object.keys({ ...dependencies, ...devDependencies }),
        Object.keys({ ...own.dependencies, ...own.peerDependencies })
      )
    })
  )

  it("names the Node that the package needs where it is read", () => {
    const version = own.engines.node.replace(">=", "")
    for (const document of ["examples/starter/README.md", "docs/starter.md"]) {
      assert.include(read(document), `Node ${version} or later`)
    }
  })

  it("names a package after its folder, as npm takes it", () => {
    for (const [folder, name] of [
      ["my-app", "my-app"],
      ["My App", "my-app"],
      ["Bücherei", "bucherei"],
      [".hidden_", "hidden"],
      ["図書館", "app"],
      ["", "app"],
      ["node_modules", "node-modules"],
      ["a".repeat(300), "a".repeat(200)],
      [`${"a".repeat(199)}-b`, "a".repeat(199)]
    ] as const) {
      assert.strictEqual(nameOf(folder), name)
    }
  })

  it.effect("says what it would write, and writes nothing, with --dry-run", () =>
    Effect.gen(function* () {
      const parent = yield* temporaryFolder
      const folder = join(parent, "library")
      const said = yield* eventfold(["init", folder, "--dry-run"])
      assert.strictEqual(said.exitCode, 0)
      assert.include(said.stdout, "library would be in")
      for (const path of paths) assert.include(said.stdout, `\n  ${path}`)
      const json = yield* eventfold(["init", folder, "--dry-run", "--json"])
      assert.deepStrictEqual(jsonOf(json), { dryRun: true, folder, name: "library", files: paths })
      assert.deepStrictEqual(yield* entries(parent), [])
    })
  )

  it.effect("says as JSON what it has written", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const ran = yield* eventfold(["--json", "init", folder])
      assert.deepInclude(jsonOf(ran), { dryRun: false, folder, files: paths })
      assert.sameMembers(Object.keys(yield* contents(folder)), paths)
    })
  )

  it.effect("leaves a folder alone that has something in it, and names it", () =>
    Effect.gen(function* () {
      for (const name of ["README.md", "package.json", "notes.txt", ".env", "src"]) {
        const folder = yield* temporaryFolder
        yield* Effect.promise(() =>
          name === "src" ? mkdir(join(folder, name)) : writeFile(join(folder, name), "mine")
        )
        for (const flags of [[], ["--dry-run"]]) {
          const { exitCode, stderr, stdout } = yield* eventfold(["init", folder, ...flags])
          assert.deepStrictEqual({ exitCode, stdout }, { exitCode: 5, stdout: "" })
          assert.include(stderr, `${folder} is not empty: ${name} is in the way\n`)
          assert.include(stderr, "Nothing was written")
        }
        assert.deepStrictEqual(yield* entries(folder), [name])
      }
    })
  )

  it.effect("writes beside version control, the settings of editors and a license", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const harmless = [".git", ".idea", ".vscode"]
      yield* Effect.promise(() => Promise.all(harmless.map((name) => mkdir(join(folder, name)))))
      yield* Effect.promise(() => writeFile(join(folder, "LICENSE"), "MIT"))
      const { exitCode, stderr } = yield* eventfold(["init", folder])
      assert.strictEqual(exitCode, 0, stderr)
      assert.includeMembers(yield* entries(folder), [...harmless, "LICENSE", "package.json"])
      assert.strictEqual(readFileSync(join(folder, "LICENSE"), "utf8"), "MIT")
      // A second time it has itself in the way.
      const again = yield* eventfold(["init", folder])
      assert.strictEqual(again.exitCode, 5)
      assert.match(again.stderr, /: \.gitignore is in the way, and \d more\n/)
    })
  )

  it.effect("says that a file is no folder", () =>
    Effect.gen(function* () {
      const file = join(yield* temporaryFolder, "file")
      yield* Effect.promise(() => writeFile(file, "mine"))
      for (const path of [file, join(file, "below")]) {
        const { exitCode, stderr } = yield* eventfold(["init", path])
        assert.strictEqual(exitCode, 5)
        assert.include(stderr, `${path} is no folder that can be used: ENOTDIR: not a directory\n`)
      }
      assert.strictEqual(readFileSync(file, "utf8"), "mine")
    })
  )

  it.effect("says that a folder cannot be written", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const link = join(folder, "link")
      yield* Effect.promise(() => symlink(join(folder, "nowhere", "at", "all"), link))
      const { exitCode, stderr, stdout } = yield* eventfold(["init", link])
      assert.deepStrictEqual({ exitCode, stdout }, { exitCode: 4, stdout: "" })
      assert.match(stderr, /^error: \S+link\/package\.json cannot be written: \w+: [a-z ]+\n {2}No file was written\n$/)
    })
  )

  it.effect("says what was written before a file that could not be, and replaces none", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const file = (path: string) => ({ path, text: path })
      yield* Effect.promise(() => writeFile(join(folder, "c"), "mine"))
      const failure = yield* Effect.flip(writeAll(folder, ["a", "b/b", "c", "d"].map(file)))
      assert.strictEqual(failure.kind, "store")
      assert.strictEqual(failure.problem, `${join(folder, "c")} cannot be written: EEXIST: file already exists`)
      assert.strictEqual(failure.advice, "These were written: a, b/b")
      assert.deepStrictEqual(yield* contents(folder), { a: "a", [join("b", "b")]: "b/b", c: "mine" })
    })
  )
})
