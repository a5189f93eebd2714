import { assert, describe, it } from "@effect/vitest"
import { DateTime } from "effect"
import type { RecordedEvent } from "eventfold"
import { CliOutput } from "effect/cli"
import { cut, eventLine } from "../../../src/cli/output/eventLine.ts"
import { printable } from "../../../src/cli/output/table.ts"

const event: RecordedEvent.RecordedEvent = {
  id: "01977f2c-5b1e-7000-8000-000000000001",
  type: "MoneyDeposited",
  schemaVersion: 1,
  stream: "account-ada",
  version: 3,
  position: 12,
  recordedAt: DateTime.makeUnsafe("2026-03-31T10:00:00.123Z"),
  data: { amount: 5 },
  tags: [],
  metadata: {}
}

describe("an event on a line", () => {
  it("says where it is, when it was recorded, and what happened", () => {
    assert.strictEqual(
      eventLine(event, Infinity),
      '    12  2026-03-31 10:00:00.123Z  account-ada@3         MoneyDeposited        {"amount":5}'
    )
    assert.include(eventLine({ ...event, schemaVersion: 2 }, Infinity), "MoneyDeposited v2")
  })

  it("is cut to the columns that there are, and says so", () => {
    assert.strictEqual(
      eventLine(event, 80),
      "    12  2026-03-31 10:00:00.123Z  account-ada@3         MoneyDeposited        {…"
    )
    assert.strictEqual(eventLine(event, 90), eventLine(event, Infinity))
    for (const text of ["abcdefgh", "注文注文注", "a注文注文", "e\u0301".repeat(9), "😀".repeat(5)]) {
      for (let columns = 1; columns <= 12; columns++) {
        const shown = cut(text, columns)
        assert.isAtMost(CliOutput.displayWidth(shown), columns)
        assert.strictEqual(shown === text, CliOutput.displayWidth(text) <= columns)
      }
    }
  })

  it("cannot steer the terminal", () => {
    const hostile = "\u001B[2J\u009B31m\u007F\u202E\u2028\n\r\t\u{E0001}\u0000"
    const line = eventLine({ ...event, type: hostile, stream: `a-${hostile}`, data: { [hostile]: hostile } }, Infinity)
    assert.notMatch(line, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
    assert.strictEqual(printable(hostile), "\\u001b[2J\\u009b31m\\u007f\\u202e\\u2028\\n\\r\\t\\udb40\\udc01\\u0000")
  })
})
