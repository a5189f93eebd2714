/**
 * What the package exports is explained: each module and each export has a docstring, and so has each of their members. What the docstrings show
 * compiles and runs, which docs.test.ts sees to; that the reference has all of it, reference/pages.test.ts.
 */
import { assert, describe, it } from "vitest"
import { files, manifest, read } from "./support/project.ts"
import { entryPoints, publicApi } from "./support/publicApi.ts"

describe("what the package exports", () => {
  const sources = Object.fromEntries(files("src/**/*.ts").map((path) => [path.slice("src/".length), read(path)]))
  const api = publicApi(sources, entryPoints(manifest().exports))

  it("is found: every module, and what it takes from internal files", () => {
    const names = new Set(api.exports.map(({ module, name }) => `${module.entry}:${module.name}.${name}`))
    assert.includeMembers(Array.from(names), [
      ":Decider.make",
      ":Event.DecodeError",
      ":Aggregate.ExecuteOptions",
      "/memory:MemoryEventStore.layer",
      "/postgres/embedded:EmbeddedPgClient.EmbeddedError",
      "/testing:Spec.DeciderSpec",
      "/http:HealthRoute.Options"
    ])
  })

  it("has docstrings, with all its members", () => {
    assert.deepStrictEqual(api.missing, [])
  })

  it("has an example in every module", () => {
    assert.deepStrictEqual(api.unshown, [])
  })
})

describe("the finder of what is not explained", () => {
  const find = (...lines: ReadonlyArray<string>) =>
    publicApi(
      {
        "index.ts": `export * as A from "./A.ts"`,
        "A.ts": ["/** What it is for. */", `import { Inner } from "./internal/inner.ts"`, ...lines].join("\n"),
        "internal/inner.ts": "export interface Inner {\n  readonly x: 1\n}\nexport const other = 1"
      },
      [{ entry: "", path: "index.ts" }]
    )
  const missing = (...lines: ReadonlyArray<string>) => find(...lines).missing

  it("passes what is explained", () => {
    const lines = [
      "/** A constant. */",
      "// oxlint-disable-next-line -- between the two",
      "export const a = 1",
      "/**",
      " * An interface.",
      " */",
      "export interface B {",
      '  readonly _tag: "B"',
      "  /** A member. */",
      "  readonly b: { readonly on: 1; readonly one: 2 }",
      '  readonly "~brand": {',
      "    readonly hidden: 1",
      "  }",
      "}",
      "const own = 1",
      "interface Unnamed {",
      "  readonly c: 1",
      "}"
    ]
    assert.deepStrictEqual(missing(...lines), [])
  })

  it("sees exports without one, and one that says nothing", () => {
    const lines = [
      "export const a = 1",
      "/** @deprecated */",
      "export type B = 1",
      "/* no docstring */",
      "export class C {}"
    ]
    assert.deepStrictEqual(missing(...lines), ["src/A.ts:3 a", "src/A.ts:5 B", "src/A.ts:7 C"])
  })

  it("sees a module without one", () => {
    const { missing } = publicApi({ "index.ts": `export * as A from "./A.ts"`, "A.ts": "const a = 1" }, [
      { entry: "", path: "index.ts" }
    ])
    assert.deepStrictEqual(missing, ["src/A.ts:1 A"])
  })

  it("sees members: of types, of classes, of schemas, of options and of what is given", () => {
    const lines = [
      "/** B */",
      "export interface B {",
      "  readonly b: 1",
      "  m(): void",
      "}",
      "/** C */",
      'export class C extends Schema.TaggedError<C>("C")("C", {',
      "  c: Schema.Int",
      "}) {",
      "  readonly #d = 1",
      "  override readonly e = 1",
      "  get f(): number {",
      "    return 1",
      "  }",
      "}",
      "/** G */",
      "export const G = Schema.Struct({",
      "  g: Schema.Int",
      "})",
      "/** h */",
      "export const h = (options: {",
      "  readonly i: 1",
      "}) => (one: 1): {",
      "  readonly j: 1",
      "} => 1",
      "/** k */",
      "export const k = () => ({",
      "  l: 1",
      "})",
      "/** S */",
      "export class S extends Context.Service<S, {",
      "  readonly n: 1",
      '}>()("S") {}'
    ]
    assert.deepStrictEqual(
      missing(...lines).map((one) => one.replace(/^\S+ /, "")),
      ["B.b", "B.m", "C.c", "C.f", "G.g", "h.i", "h.j", "k.l", "S.n"]
    )
  })

  it("sees what comes from internal files, and the interfaces that are named", () => {
    assert.deepStrictEqual(missing(`export { other } from "./internal/inner.ts"`), ["src/internal/inner.ts:4 other"])
    const inner = ["src/internal/inner.ts:1 Inner", "src/internal/inner.ts:2 Inner.x"]
    assert.deepStrictEqual(missing("/** a */", "export const a = (inner: Inner): number => 1"), inner)
    assert.deepStrictEqual(missing("export type { Inner }"), inner)
  })

  it("sees a module that shows nothing", () => {
    assert.deepStrictEqual(find("/** a */", "export const a = 1").unshown, ["src/A.ts"])
    assert.deepStrictEqual(find("/**", " * a", " *", " * @example", " * 1", " */", "export const a = 1").unshown, [])
  })
})
