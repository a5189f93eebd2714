import { assert, describe, it } from "@effect/vitest"
import { table } from "../../../src/cli/output/table.ts"

describe("a table", () => {
  it("is as wide as what is in it, numbers to the right, and nothing in it steers a terminal", () => {
    const rows = [
      ["漢字", "1"],
      ["b\u001b[2J\n", "1,000"]
    ]
    const text = ["name           many", "────────────  ─────", "漢字              1", "b\\u001b[2J\\n  1,000"].join(
      "\n"
    )
    assert.strictEqual(table(["name", "#many"], rows), text)
  })

  it("has as many rows as there are", () => {
    const rows = Array.from({ length: 300_000 }, () => [""])
    assert.strictEqual(table(["type"], rows).split("\n").length, rows.length + 2)
  })
})
