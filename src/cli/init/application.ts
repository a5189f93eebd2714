/**
 * A new application: the files of examples/starter, and a package.json that asks for what this very package is made for.
 */
import { readFile } from "node:fs/promises"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

/** A file to be written, with its path in the folder. */
export interface File {
  readonly path: string
  readonly text: string
}

/** The files of examples/starter by what they become. One that tools would obey where it lies has a name of its own there. */
export const templates = {
  "README.md": "README.md",
  "tsconfig.json": "_tsconfig.json",
  ".gitignore": "_gitignore",
  "src/book.ts": "src/book.ts",
  "src/book.test.ts": "src/book.test.ts",
  "src/events.lock": "src/events.lock",
  "src/store.ts": "src/store.ts",
  "src/main.ts": "src/main.ts"
}

/** What an application is run with. */
export const needed = ["@effect/platform-node", "@effect/sql-pg", "@electric-sql/pglite", "effect"]

/** What it is checked and tested with. */
export const neededToCheck = ["@effect/vitest", "@types/node", "typescript", "vitest"]

const Ranges = Schema.Record(Schema.String, Schema.String)

const Manifest = Schema.fromJsonString(
  Schema.Struct({
    name: Schema.String,
    version: Schema.String,
    engines: Schema.Struct({ node: Schema.String }),
    dependencies: Ranges,
    peerDependencies: Ranges,
    devDependencies: Ranges
  })
)

const fromPackage = (path: string): Effect.Effect<string> =>
  Effect.promise(() => readFile(new URL(`../../../${path}`, import.meta.url), "utf8"))

/** The name of a package, made of that of a folder: of letters that npm takes. */
export const nameOf = (folder: string): string => {
  const name = folder
    .normalize("NFKD")
    .replace(/\p{M}+/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, 200)
    .replace(/^-|-$/g, "")
  return name === "" ? "app" : name
}

const manifestFor = Effect.fnUntraced(function* (folder: string) {
  const own = yield* Effect.orDie(Schema.decodeEffect(Manifest)(yield* fromPackage("package.json")))
  const ranges: typeof Ranges.Type = {
    ...own.devDependencies,
    ...own.peerDependencies,
    ...own.dependencies,
    [own.name]: `^${own.version}`
  }
  const rangesOf = (names: ReadonlyArray<string>) => Object.fromEntries(names.map((name) => [name, ranges[name]]))
  return {
    name: nameOf(folder),
    private: true,
    type: "module",
    scripts: { start: "node src/main.ts", test: "vitest run", check: "tsc" },
    dependencies: rangesOf([...needed, own.name]),
    devDependencies: rangesOf(neededToCheck),
    engines: own.engines
  }
})

/**
 * The files of a new application in a folder of this name.
 */
export const applicationFor = Effect.fnUntraced(function* (folder: string): Effect.fn.Return<ReadonlyArray<File>> {
  const manifest = { path: "package.json", text: `${JSON.stringify(yield* manifestFor(folder), undefined, 2)}\n` }
  const files = yield* Effect.forEach(Object.entries(templates), ([path, template]) =>
    Effect.map(fromPackage(`examples/starter/${template}`), (text) => ({ path, text }))
  )
  return [manifest, ...files]
})
