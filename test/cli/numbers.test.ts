import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { batches } from "../../src/cli/import/batches.ts"
import { textLines } from "../../src/cli/file/textLines.ts"
import { numberProblem } from "../../src/cli/file/numbers.ts"

describe("a number on a line of JSON", () => {
  it("is told where another one would be stored", () => {
    const lost = [
      "9007199254740993",
      "-9007199254740993",
      "12345678901234567890",
      "123456789012345678901234567890",
      "0.12345678901234567890123",
      "3.14159265358979323846",
      "1e-400"
    ]
    for (const number of lost) {
      for (const line of [number, `{"a":[{"b":${number}}]}`, `{"a\\\\":"\\"x","b":${number} }`]) {
        assert.include(numberProblem(line) ?? "nothing", number, line)
      }
    }
  })

  it("is left alone where it is kept, and so is what is written in a text", () => {
    const kept = [
      0,
      -0,
      0.1,
      1e21,
      5e-324,
      -1.5e300,
      1.7976931348623157e308,
      Number.MAX_SAFE_INTEGER,
      2 ** 64,
      0.1 + 0.2,
      1 / 3
    ].map((number) => JSON.stringify(number))
    // As other languages write them: all digits of a whole number, seventeen of others, zeros at the end.
    const others = [
      "18446744073709551616",
      "0.10000000000000001",
      "1.0000000000000000000000",
      "0.0000000000000000000",
      "1e-0000"
    ]
    const texts = [`{"9007199254740993":"\\"9007199254740993","b":"9007199254740993\\\\"}`]
    for (const line of [...kept, ...others, ...texts]) assert.isUndefined(numberProblem(line), line)
  })

  it("is looked for once on a line, however long", () => {
    const text = `{"a":"${`9007199254740993\\"`.repeat(200_000)}","b":${"1".repeat(17)}}`
    assert.include(numberProblem(text) ?? "nothing", "11111111111111111")
  })

  it.effect("ends an import where it would be another one", () =>
    Effect.gen(function* () {
      const event = `"stream":"a-1","type":"Done","schemaVersion":1,"recordedAt":"2026-01-01T00:00:00.000Z","tags":[],"metadata":{}`
      const lines = [7, "12345678901234567890"].map(
        (n, index) => `{"position":${index + 1},"version":${index + 1},"id":"${index}",${event},"data":{"n":${n}}}\n`
      )
      const bytes = Stream.make(new TextEncoder().encode(lines.join("")))
      const [batch] = yield* Stream.runCollect(batches("events.jsonl")(textLines(bytes)))
      assert.strictEqual(batch?.items.length, 1)
      assert.match(batch?.failure?.problem ?? "", /^events\.jsonl:2: the number 12345678901234567890 /)
    })
  )
})
