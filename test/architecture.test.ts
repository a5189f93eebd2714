/**
 * Imports only ever point down. The rules are the tables that follow; the checks are in support/house.ts.
 */
import { assert, describe, it } from "vitest"
import * as House from "./support/house.ts"
import { files, read } from "./support/project.ts"
import { importsOf } from "./support/source.ts"

/**
 * The floors from the ground up. A file imports its own floor and the floors named here, and no other.
 */
const floors = {
  // Pure: no Effect runtime, no I/O, no clock, no randomness.
  kernel: {
    files: [
      "StreamName.ts",
      "RecordedEvent.ts",
      "Event.ts",
      "Decider.ts",
      "View.ts",
      "ProcessManager.ts",
      "Patch.ts",
      "internal/kernel/**"
    ],
    imports: []
  },
  // The one interface between the runtime and a log.
  port: {
    files: [
      "Query.ts",
      "EventStore.ts",
      "ProjectionStore.ts",
      "ProcessStore.ts",
      "SnapshotStore.ts",
      "Inspection.ts",
      "Metrics.ts",
      "Logging.ts"
    ],
    imports: ["kernel"]
  },
  // What every store refuses and answers alike: for adapters, and for specs.
  "adapter kit": { files: ["internal/adapter/**"], imports: ["kernel", "port"] },
  // Knows the port, and no adapter.
  runtime: {
    files: [
      "Causation.ts",
      "Aggregate.ts",
      "Boundary.ts",
      "Archive.ts",
      "Copy.ts",
      "Subscription.ts",
      "Projection.ts",
      "Process.ts",
      "Reaction.ts",
      "Publication.ts",
      "Webhook.ts",
      "Health.ts",
      "internal/runtime/**"
    ],
    imports: ["kernel", "port"]
  },
  // `eventfold`: the floors so far, as namespaces.
  root: { files: ["index.ts"], imports: ["kernel", "port", "runtime"] },
  // The adapters know neither the runtime nor each other: they meet in a Layer.
  memory: { files: ["memory/**"], imports: ["kernel", "port", "adapter kit"] },
  postgres: { files: ["postgres/**"], imports: ["kernel", "port", "adapter kit"] },
  // The edges.
  testing: { files: ["testing/**"], imports: ["kernel", "port", "adapter kit", "runtime", "memory", "postgres"] },
  http: { files: ["http/**"], imports: ["kernel", "port", "runtime"] },
  cli: {
    files: ["cli/**"],
    imports: ["kernel", "port", "adapter kit", "runtime", "memory", "postgres", "testing"]
  }
}

/**
 * The modules of `effect` that the kernel may use: stable ones, of data and functions.
 */
const stable = [
  "Array",
  "Data",
  "DateTime",
  "Duration",
  "Equal",
  "Equivalence",
  "Function",
  "HashMap",
  "HashSet",
  "Option",
  "Order",
  "Predicate",
  "Record",
  "Result",
  "Schema",
  "SchemaIssue",
  "Struct",
  "Types"
]

/**
 * Packages, and where they may be named. The first line that fits decides; what no line fits is refused everywhere.
 */
const packages = [
  // The embedded database is a folder of files, and a stream to the client.
  {
    packages: ["node:fs", "node:fs/promises", "node:path", "node:stream", "node:timers/promises"],
    in: ["postgres", "cli"]
  },
  { packages: ["node:**"], in: ["cli"] },
  // The module of a domain is named on the command line.
  { packages: ["a computed specifier"], in: ["cli/domain.ts"] },
  { packages: ["@effect/vitest"], in: ["testing/contract/suite.ts"] },
  { packages: ["effect/sql", "effect/sql/**", "@effect/**"], in: ["postgres", "testing", "cli"] },
  { packages: ["@electric-sql/pglite"], in: ["postgres"] },
  { packages: stable.map((name) => `effect/${name}`), in: ["**"] },
  { packages: ["effect/**"], in: ["port", "adapter kit", "runtime", "memory", "postgres", "testing", "http", "cli"] }
]

const house: House.House = { floors, packages, maxLines: 400 }

const sources: House.Sources = Object.fromEntries(
  files("src/**/*.ts").map((path) => [path.slice("src/".length), read(path)])
)

describe("the house", () => {
  it("has every file on one floor", () => {
    assert.deepStrictEqual(House.placement(house, sources), [])
  })

  it("has imports that only point down", () => {
    assert.deepStrictEqual(House.directions(house, sources), [])
  })

  it("names each package only where it may be named", () => {
    assert.deepStrictEqual(House.packages(house, sources), [])
  })

  it("has a kernel on modules that effect calls stable", () => {
    const unstable = stable.filter((name) => {
      const header = /^\/\*\*.*?\*\//s.exec(read(`node_modules/effect/src/${name}.ts`))?.[0] ?? ""
      return !/^ \* @stability stable$/m.test(header)
    })
    assert.deepStrictEqual(unstable, [])
  })

  it("has no circle of imports, types included", () => {
    assert.deepStrictEqual(House.circles(sources), [])
  })

  it("re-exports kernel, port and runtime from its root, as namespaces and in full", () => {
    assert.deepStrictEqual(House.rootExports(sources), [])
  })

  it("has public modules that open with a paragraph on what they are for", () => {
    assert.deepStrictEqual(House.openings(sources), [])
  })

  it("has no file of more than 400 lines", () => {
    assert.deepStrictEqual(House.sizes(house, sources), [])
  })
})

describe("the checks", () => {
  const small: House.House = {
    floors: {
      ground: { files: ["A.ts", "internal/a.ts"], imports: [] },
      upper: { files: ["B.ts"], imports: ["ground"] },
      left: { files: ["left/**"], imports: ["ground"] },
      right: { files: ["right/**"], imports: ["ground"] }
    },
    packages: [
      { packages: ["node:**"], in: [] },
      { packages: ["@effect/vitest"], in: ["left/kit.ts"] },
      { packages: ["effect/Schema"], in: ["ground", "upper"] },
      { packages: ["effect/**"], in: ["upper"] }
    ],
    maxLines: 3
  }
  const empty = { "A.ts": "", "internal/a.ts": "", "B.ts": "" }

  it("accept a house in order", () => {
    const sources = {
      "A.ts": `/**\n * What it is.\n */\nimport { Schema } from "effect"\nimport "./internal/a.ts"`,
      "internal/a.ts": "",
      "B.ts": `/**\n * What it is.\n *\n * More.\n */\nimport * as A from "./A.ts"\nimport { Effect } from "effect"`,
      "left/index.ts": `export * from "./kit.ts"`,
      "left/kit.ts": `import type { A } from "../A.ts"\nimport { it } from "@effect/vitest"`
    }
    assert.deepStrictEqual(House.placement(small, sources), [])
    assert.deepStrictEqual(House.directions(small, sources), [])
    assert.deepStrictEqual(House.packages(small, sources), [])
    assert.deepStrictEqual(House.circles(sources), [])
    assert.deepStrictEqual(House.openings(sources), [])
  })

  it("see a file that nobody placed, and say where to place it", () => {
    assert.deepStrictEqual(House.placement(small, { ...empty, "New.ts": "" }), [
      "New.ts is on no floor: add it to the one it belongs to, in `floors` of test/architecture.test.ts"
    ])
  })

  it("see a file on two floors, a file that is gone, and a floor that looks up", () => {
    const floors = { ...small.floors, ground: { files: ["A.ts", "left/**"], imports: ["upper"] } }
    assert.deepStrictEqual(House.placement({ ...small, floors }, { "A.ts": "", "left/x.ts": "" }), [
      "left/x.ts is on more than one floor: ground, left",
      "the floor ground imports upper, which is not below it",
      "B.ts is named on the floor upper and is not there: take it out"
    ])
  })

  it.each([
    ["a value", `import { b } from "./B.ts"`],
    ["a type", `import type { B } from "./B.ts"`],
    ["a single type", `import { type B } from "./B.ts"`],
    ["a side effect", `import "./B.ts"`],
    ["a re-export", `export { b } from "./B.ts"`],
    ["a re-export of everything", `export * from "./B.ts"`],
    ["a namespace", `export * as B from "./B.ts"`],
    ["a dynamic import", `export const b = () => import("./B.ts")`],
    ["an import in a template", "export const b = () => import(`./B.ts`)"],
    ["an imported type", `export type B = import("./B.ts").B`],
    ["a typeof", `export type B = typeof import("./B.ts")`]
  ])("see an import that points up: %s", (_, source) => {
    assert.deepStrictEqual(House.directions(small, { ...empty, "A.ts": source }), [
      "A.ts:1 imports B.ts: ground does not import upper"
    ])
  })

  it("see an adapter that imports another, or a file outside", () => {
    const sources = { ...empty, "left/x.ts": `\nimport "../right/y.ts"\nimport "../../test/z.ts"`, "right/y.ts": "" }
    assert.deepStrictEqual(House.directions(small, sources), [
      "left/x.ts:2 imports right/y.ts: left does not import right",
      "left/x.ts:3 imports ../test/z.ts, which is not in src"
    ])
  })

  it.each([
    [`import { Schema, type Effect } from "effect"`, "effect/Effect, allowed in upper"],
    [`import type { Layer as Schema } from "effect"`, "effect/Layer, allowed in upper"],
    [`import * as Clock from "effect/Clock"`, "effect/Clock, allowed in upper"],
    [`import * as Everything from "effect"`, "effect (as a whole), allowed in no file"],
    [`export * from "effect"`, "effect (as a whole), allowed in no file"],
    [`export type E = import("effect").Effect.Effect<1>`, "effect/Effect, allowed in upper"],
    [`import fs from "node:fs"`, "node:fs, allowed in no file"],
    [`import { join } from "path"`, "path, allowed in no file"],
    [`export const it = () => import("@effect/vitest")`, "@effect/vitest, allowed in left/kit.ts"],
    [`export const any = (name: string) => import(name)`, "a computed specifier, allowed in no file"]
  ])("see a package where it must not be named: %s", (source, problem) => {
    assert.deepStrictEqual(House.packages(small, { "A.ts": source }), [`A.ts:1 imports ${problem}`])
  })

  it("see a circle, each once, whether of values, of types or of one file", () => {
    const sources = {
      "A.ts": `import type { B } from "./B.ts"`,
      "B.ts": `export type { C } from "./left/c.ts"`,
      "left/c.ts": `import { a } from "../A.ts"`,
      "right/d.ts": `export type D = import("./d.ts").D`,
      "right/e.ts": `import "../A.ts"`
    }
    assert.deepStrictEqual(House.circles(sources), ["A.ts → B.ts → left/c.ts → A.ts", "right/d.ts → right/d.ts"])
  })

  it("see a root that does more, or less, than re-export the public modules", () => {
    const root = [`export * as A from "./A.ts"`, `export * from "./A.ts"`, `export * as m from "./left/m.ts"`]
    assert.deepStrictEqual(House.rootExports({ ...empty, "index.ts": root.join("\n") }), [
      `index.ts:2 is no \`export * as Module from "./Module.ts"\``,
      "index.ts exports m from ./left/m.ts, which is no public module",
      "index.ts does not export B from ./B.ts"
    ])
  })

  it.each([
    ["nothing", `export const a = 1`],
    ["a plain comment", `// What it is.\nexport const a = 1`],
    ["an import first", `import "./B.ts"\n/**\n * What it is.\n */`],
    ["a tag", `/**\n * @example\n * 1\n */`],
    ["no sentence", `/**\n * A\n */`]
  ])("see a public module that opens with %s", (_, source) => {
    assert.deepStrictEqual(House.openings({ "A.ts": source }), [
      "A.ts does not open with a paragraph that says what it is for"
    ])
  })

  it("see a file that is too long", () => {
    assert.deepStrictEqual(House.sizes(small, { "A.ts": "1\n2\n3\n", "B.ts": "1\n2\n3\n4\n" }), [
      "B.ts has 4 lines, more than 3"
    ])
  })
})

describe("the reader of imports", () => {
  it("is not taken in by comments, strings, templates, regular expressions or properties", () => {
    const source = [
      `// import "a"`,
      `/* import "b" */`,
      `/** @example import { x } from "c" */`,
      `const text = 'import "d"' + "export * from 'e'"`,
      'const template = `import "f" ${"import(g)"}`',
      `const pattern = /import "h"\\//`,
      `const division = 1 / 2; const quote = "/*"`,
      `const it = { import: (name: string) => name, from: "i" }`,
      `it.import("j")`,
      `const url = import.meta.url`,
      `export const from = "k"`,
      `export { text as default }`,
      `const é = "🙂"; import "é"`
    ].join("\n")
    assert.deepStrictEqual(
      importsOf(source).map(({ specifier, line }) => [specifier, line]),
      [["é", 13]]
    )
  })

  it("reads every form, over any number of lines", () => {
    const source = [
      `import one, { two as three, type four, "fi-ve" as five } from 'm'`,
      `import type {`,
      `  six // } from "not"`,
      `} from "n"`,
      `import six, * as seven from "o"`,
      `import eight = require("p")`,
      `export type { nine as ten } from "q"`,
      `const x = async () => { await import(/* why */ "r", { with: { type: "json" } }) }`,
      'type Y<A> = A | import("s").T.U<import("t", { with: { "resolution-mode": "import" } }).V>'
    ].join("\n")
    assert.deepStrictEqual(
      importsOf(source).map(({ specifier, names, line }) => [specifier, names.join(), line]),
      [
        ["m", "default,two,four,fi-ve", 1],
        ["n", "six", 2],
        ["o", "default,*", 5],
        ["p", "*", 6],
        ["q", "nine", 7],
        ["r", "*", 8],
        ["s", "T", 9],
        ["t", "V", 9]
      ]
    )
  })
})
