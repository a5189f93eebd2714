import { assert, describe, it } from "@effect/vitest"
import { bars } from "../../../src/cli/output/bars.ts"

const chart = (values: ReadonlyArray<number>, width: number): ReadonlyArray<string> =>
  bars(
    values.map((value, index) => ({ label: `row ${index}`, value, text: String(value) })),
    width
  ).split("\n")

describe("a bar chart", () => {
  it("has a line for each row, with bars as long as their values beside the greatest, to an eighth", () => {
    const rows = [
      { label: "2026-03-30", value: 400, text: "400" },
      { label: "2026-03-31", value: 1600, text: "1,600" },
      { label: "2026-04-01", value: 50, text: "50" }
    ]
    assert.strictEqual(
      bars(rows, 35),
      ["2026-03-30    400  ████", "2026-03-31  1,600  ████████████████", "2026-04-01     50  ▌"].join("\n")
    )
  })

  it("is no wider than it may be", () => {
    for (const width of [24, 40, 80]) {
      assert.strictEqual(Math.max(...chart([3, 17, 2000], width).map((line) => line.length)), width)
    }
  })

  it("shows what is more than nothing, and nothing of what is not", () => {
    assert.deepStrictEqual(chart([1, 0, -5, Number.NaN, Infinity, 1e9], 30), [
      "row 0           1  ▏",
      "row 1           0",
      "row 2          -5",
      "row 3         NaN",
      "row 4    Infinity",
      "row 5  1000000000  ███████████"
    ])
    assert.deepStrictEqual(chart([0, 0], 30), ["row 0  0", "row 1  0"])
    assert.strictEqual(bars([], 30), "")
  })

  it("keeps its bars in line behind wide letters, and prints what would steer the terminal harmlessly", () => {
    const rows = [
      { label: "注文", value: 1, text: "1" },
      { label: "a\u001B[2J", value: 1, text: "1" }
    ]
    const [wide, hostile] = bars(rows, 30).split("\n")
    assert.strictEqual(wide, "注文        1  ███████████████")
    assert.strictEqual(hostile, "a\\u001b[2J  1  ███████████████")
  })
})
