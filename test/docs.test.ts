/**
 * What the documents show is true: their code compiles and runs, the scripts they name exist, their links lead
 * somewhere.
 *
 * A block of TypeScript is a program of its own. Its fence may say `no-run` (it compiles and is not run), `continue`
 * (it goes on from the block before) or `type-error` (it must not compile: the document shows what the compiler
 * refuses). A block that declares values it does not define is compiled only.
 */
import { existsSync } from "node:fs"
import { dirname, join } from "node:path"
import { assert, describe, it } from "vitest"
import { blocksOfDocstrings, blocksOfMarkdown, linksOf, scriptsOf } from "./support/markdown.ts"
import { check } from "./support/programs.ts"
import { files, manifest, read, root } from "./support/project.ts"

const documents = files("README.md", "CHANGELOG.md", "docs/**/*.md", "examples/**/README.md")

const found = [
  ...documents.map((file) => blocksOfMarkdown(file, read(file))),
  ...files("src/**/*.ts").map((file) => blocksOfDocstrings(file, read(file)))
]

describe("the documents", () => {
  it("have fences that say what is known", () => {
    assert.deepStrictEqual(
      found.flatMap(({ problems }) => problems),
      []
    )
  })

  it("have code that compiles and runs", { timeout: 240_000 }, async () => {
    const { compiling, running } = await check(found.flatMap(({ blocks }) => blocks))
    assert.deepStrictEqual([...compiling, ...running], [])
  })

  it("name npm scripts that exist", () => {
    const scripts = new Set(Object.keys(manifest().scripts))
    const missing = documents.flatMap((file) => scriptsOf(file, read(file))).filter(({ text }) => !scripts.has(text))
    assert.deepStrictEqual(
      missing.map(({ file, line, text }) => `${file}:${line} npm script ${text}`),
      []
    )
  })

  it("link to files that exist", () => {
    const dead = documents
      .flatMap((file) => linksOf(file, read(file)))
      .filter(
        ({ file, text }) => !existsSync(text.startsWith("/") ? join(root, text) : join(root, dirname(file), text))
      )
    assert.deepStrictEqual(
      dead.map(({ file, line, text }) => `${file}:${line} ${text}`),
      []
    )
  })
})

const markdown = (...lines: ReadonlyArray<string>) => blocksOfMarkdown("a.md", lines.join("\n"))

describe("the reader of documents", () => {
  it("finds the fences of TypeScript and no others, with their lines", () => {
    const { blocks, problems } = markdown(
      "Text `ts` and",
      "```ts",
      "one",
      "```",
      "```sh",
      "```ts is not a fence here",
      "```",
      "1. In a list",
      "   ~~~typescript no-run continue",
      "   two",
      "     three",
      "   ~~~",
      "````md",
      "```ts",
      "shown, not meant",
      "```",
      "````",
      "```tsx",
      "no",
      "```"
    )
    assert.deepStrictEqual(blocks, [
      { file: "a.md", line: 3, code: ["one"], words: [] },
      { file: "a.md", line: 10, code: ["two", "  three"], words: ["no-run", "continue"] }
    ])
    assert.deepStrictEqual(problems, [])
  })

  it("reports what it would otherwise pass over", () => {
    assert.deepStrictEqual(markdown("> ```ts", "> code", "> ```", "```ts norun", "1", "```", "```ts").problems, [
      "a.md:1 fences code in a quote, where nothing checks it",
      "a.md:3 fences code in a quote, where nothing checks it",
      "a.md:7 opens a fence that is never closed",
      "a.md:4 says norun; a fence says no-run, continue or type-error"
    ])
  })

  it("finds the examples of docstrings, fenced or not", () => {
    const source = [
      "/**",
      " * What it is.",
      " *",
      " * @example",
      ' * import { a } from "a"',
      " *",
      " *   a()",
      " * @since 1",
      " */",
      "const a = `@example`",
      "  /**",
      "   * @example",
      "   * ```ts no-run",
      "   * b()",
      "   * ```",
      "   */",
      "/** @example no */"
    ]
    assert.deepStrictEqual(blocksOfDocstrings("a.ts", source.join("\n")).blocks, [
      { file: "a.ts", line: 5, code: ['import { a } from "a"', "", "  a()"], words: [] },
      { file: "a.ts", line: 14, code: ["b()"], words: ["no-run"] }
    ])
  })

  it("finds the npm scripts that a document names as code", () => {
    const text = [
      "Use `npm run build` or `npm test`.",
      "```sh",
      "$ npm run -s example:git -- --all",
      "npm start",
      "```"
    ]
    assert.deepStrictEqual(
      scriptsOf("a.md", [...text, "npm run prose", "```ts", "npm run code", "```"].join("\n")).map(({ line, text }) => [
        line,
        text
      ]),
      [
        [1, "build"],
        [1, "test"],
        [3, "example:git"],
        [4, "start"]
      ]
    )
  })

  it("finds the links to files and no others", () => {
    const text = [
      "[a](docs/a.md) ![b](<b.png>) [c](https://x.y/z) [d](#anchor) [e](../e.md#part 'title')",
      "`[code](no.md)` [`code`](f%20g.md) [mail](mailto:a@b.c)",
      "[ref]: ./h.md",
      '<img width="1" src="i.svg">',
      "```ts",
      "[no](no.md)",
      "```"
    ]
    assert.deepStrictEqual(
      linksOf("a.md", text.join("\n")).map(({ line, text }) => `${line} ${text}`),
      ["1 docs/a.md", "1 b.png", "1 ../e.md", "2 f g.md", "3 ./h.md", "4 i.svg"]
    )
  })
})

describe("the checker of code", () => {
  it("accepts what is right, and reports what is wrong by file and line", { timeout: 240_000 }, async () => {
    const { blocks } = markdown(
      "```ts",
      'import { Event } from "eventfold"',
      'import { Schema } from "effect"',
      "const Deposited = Event.define({ Deposited: { amount: Schema.Int } })",
      "```",
      "```ts continue",
      "type Deposited = typeof Deposited.Type",
      'const wrong: Deposited = { _tag: "Deposited", amount: "1" }',
      "```",
      "```ts continue type-error",
      'const refused: Deposited = { _tag: "Withdrawn" }',
      "```",
      "```ts type-error",
      "const fine: number = 1",
      "```",
      "```ts",
      "const never = (): never => {",
      '  throw new Error("on purpose")',
      "}",
      "never()",
      "```",
      "```ts",
      'Promise.resolve().then(() => Promise.reject("later"))',
      "```",
      "```ts no-run",
      'throw new Error("not run")',
      "```",
      "```ts",
      "declare const unknown: () => void",
      "unknown()",
      "```",
      "```ts",
      "process.exit(3)",
      "```",
      "```ts",
      'import { Schema } from "effect"',
      'setTimeout(() => Schema.decodeUnknownSync(Schema.Int)("one"), 20)',
      "```",
      "```ts",
      "process.exit(0)",
      "```",
      "```ts",
      'import { Effect } from "effect"',
      "Effect.void",
      "```",
      "```ts",
      'import * as Event from "./src/Event.ts"',
      "Event.define({})",
      "```",
      "```ts no-run",
      "const one: number = 1",
      "```",
      "```ts continue",
      "one.toFixed()",
      "```"
    )
    const { compiling, running } = await check(blocks)
    assert.deepStrictEqual(
      compiling.map((problem) => /^\S+ \w+/.exec(problem)?.[0]),
      ["a.md:8 TS2322", "a.md:44 TS377001", "a.md:14 compiles"]
    )
    assert.deepStrictEqual(
      running.map((problem) => problem.slice(0, 19)),
      [
        "a.md:54 goes on fro",
        "a.md:18 Error: on p",
        "a.md:23 UnhandledPr",
        "a.md:33 ended the p",
        "a.md:36 { _tag: 'Sc"
      ]
    )
  })
})
