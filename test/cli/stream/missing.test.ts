import { assert, describe, it } from "@effect/vitest"
import { adviceFor, distance } from "../../../src/cli/stream/missing.ts"

const categories = [
  { category: "account", streams: 3, events: 9 },
  { category: "order", streams: 1200, events: 5000 }
]
const longest = [
  { stream: "account-ada", events: 5 },
  { stream: "account-adam", events: 3 }
] as const

describe("the advice where a stream is not there", () => {
  it("is the nearest name, the category, or what there is", () => {
    const advice = (stream: `${string}-${string}`) => adviceFor(stream, { categories, longest })
    assert.strictEqual(advice("account-Ada"), "Is it account-ada?")
    assert.strictEqual(advice("acount-adamm"), "Is it account-adam?")
    assert.strictEqual(advice("order-99"), "The category order has 1,200 streams: eventfold search --category order")
    assert.strictEqual(advice("odrer-99"), "There is no category odrer, but order")
    assert.strictEqual(advice("invoice-1"), "There is no category invoice: see which there are with eventfold stats")
    assert.strictEqual(adviceFor("a-1", { categories: [], longest: [] }), "The log has no events")
  })

  it("counts letters that are put in, taken out and changed, up to a number", () => {
    assert.strictEqual(distance("kitten", "sitting", 3), 3)
    assert.strictEqual(distance("kitten", "sitting", 2), Infinity)
    assert.strictEqual(distance("", "abc", 3), 3)
    assert.strictEqual(distance("same", "same", 0), 0)
    assert.strictEqual(distance("abcdef", "abc", 2), Infinity)
  })
})
