import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import { Patch } from "eventfold"

const { apply, between, format } = Patch

/** What JSON text keeps of a value, whatever the order of its keys. */
const parsed = (text: string): Schema.Json => JSON.parse(text)

const applied = (before: Schema.Json, patch: Patch.Patch): Schema.Json => Result.getOrThrow(apply(before, patch))

const holdsFor = (before: Schema.Json, after: Schema.Json): void => {
  const texts = [JSON.stringify(before), JSON.stringify(after)]
  const patch = between(before, after)
  assert.deepStrictEqual(applied(before, patch), after)
  assert.deepStrictEqual(applied(after, between(after, before)), before)
  assert.deepStrictEqual([JSON.stringify(before), JSON.stringify(after)], texts, "an argument was changed")
}

describe("between", () => {
  it("says what was added, removed and changed, and where", () => {
    const before = { owner: "Ada", items: [{ sku: "tea", price: 3 }], coupon: "MARCH", address: { city: "Rome" } }
    const after = { owner: "Ada", items: [{ sku: "tea", price: 4 }], address: { city: "Oslo" }, vip: true }
    assert.deepStrictEqual(between(before, after), [
      { _tag: "Changed", path: "items[0].price", before: 3, after: 4 },
      { _tag: "Removed", path: "coupon", before: "MARCH" },
      { _tag: "Changed", path: "address.city", before: "Rome", after: "Oslo" },
      { _tag: "Added", path: "vip", after: true }
    ])
  })

  it("is empty for values that are the same, in whatever order their keys stand, and for -0 and 0", () => {
    assert.deepStrictEqual(between({ a: 1, b: [{ c: 2, d: 3 }] }, { b: [{ d: 3, c: 2 }], a: 1 }), [])
    assert.deepStrictEqual(between([0], [-0]), [])
    const [many, reordered] = [Array.from({ length: 3000 }, (_, n) => ({ n, m: 0 })), (n: number) => ({ m: 0, n })]
    assert.strictEqual(
      between(
        many,
        many.slice(1, -1).map(({ n }) => reordered(n))
      ).length,
      2
    )
    assert.deepStrictEqual(between(null, null), [])
  })

  it("compares what is of another kind as a whole, and the value itself at the empty path", () => {
    assert.deepStrictEqual(between(1, 2), [{ _tag: "Changed", path: "", before: 1, after: 2 }])
    assert.deepStrictEqual(between({ a: [] }, { a: {} }), [{ _tag: "Changed", path: "a", before: [], after: {} }])
    assert.deepStrictEqual(between({ a: null }, {}), [{ _tag: "Removed", path: "a", before: null }])
    assert.deepStrictEqual(between({ 1: "1" }, { 1: 1 }), [{ _tag: "Changed", path: `["1"]`, before: "1", after: 1 }])
  })

  it("sees what came into an array and what left it, not everything behind it", () => {
    const item = (sku: string, price: number) => ({ sku, price })
    const [tea, cup, pot] = [item("tea", 3), item("cup", 8), item("pot", 20)]
    assert.deepStrictEqual(between([tea, cup, pot], [cup, pot]), [{ _tag: "Removed", path: "[0]", before: tea }])
    assert.deepStrictEqual(between([cup, pot], [tea, cup, pot]), [{ _tag: "Added", path: "[0]", after: tea }])
    assert.deepStrictEqual(between([tea, cup, pot], [cup, item("pot", 21)]), [
      { _tag: "Removed", path: "[0]", before: tea },
      { _tag: "Changed", path: "[1].price", before: 20, after: 21 }
    ])
    assert.deepStrictEqual(between([1, 2, 3, 4], [4]), [
      { _tag: "Removed", path: "[2]", before: 3 },
      { _tag: "Removed", path: "[1]", before: 2 },
      { _tag: "Removed", path: "[0]", before: 1 }
    ])
  })

  it("compares those elements that are most alike, of those that came and went in one place", () => {
    const entries = (...all: ReadonlyArray<readonly [string, number]>) => all
    assert.deepStrictEqual(between(entries(["a", 1], ["b", 2], ["c", 3]), entries(["c", 4])), [
      { _tag: "Removed", path: "[1]", before: ["b", 2] },
      { _tag: "Removed", path: "[0]", before: ["a", 1] },
      { _tag: "Changed", path: "[0][1]", before: 3, after: 4 }
    ])
    assert.deepStrictEqual(between(entries(["c", 4]), entries(["a", 1], ["c", 5], ["d", 1])), [
      { _tag: "Added", path: "[0]", after: ["a", 1] },
      { _tag: "Changed", path: "[1][1]", before: 4, after: 5 },
      { _tag: "Added", path: "[2]", after: ["d", 1] }
    ])
    const [tea, cup, pot] = ["tea", "cup", "pot"].map((sku, n) => ({ sku, price: n, currency: "EUR" }))
    assert.strictEqual(
      format(between([tea!, cup!], [{ ...cup!, price: 9 }, pot!])),
      [`- [0]: ${JSON.stringify(tea)}`, "~ [0].price: 1 → 9", `+ [1]: ${JSON.stringify(pot)}`].join("\n")
    )
  })

  it("finds the fewest insertions and removals", () => {
    const [before, after] = [Array.from("abcabba"), Array.from("cbabac")]
    // The example of Myers' paper takes five; a removal and an insertion in one place are one change.
    assert.isAtMost(between(before, after).length, 5)
    holdsFor(before, after)
  })

  it("writes keys that are no names in quotes, so that no two places have one path", () => {
    const keys = ["", "a.b", "0", "__proto__", "a[0]", '"', "\\", "größe", "a b", "\n", "\ud800", "constructor", "$1"]
    for (const key of keys) {
      const value = parsed(`{${JSON.stringify(key)}: {"x": 1}}`)
      for (const [before, after] of [
        [{}, value],
        [value, {}],
        [value, parsed(`{${JSON.stringify(key)}: {"x": 2}}`)]
      ] as const) {
        holdsFor(before, after)
      }
    }
    const all: Schema.Json = Object.fromEntries(keys.map((key) => [key, 1]))
    const paths = between({}, all).map(({ path }) => path)
    assert.strictEqual(new Set(paths).size, keys.length)
    assert.includeMembers(paths, [`[""]`, `["a.b"]`, `["0"]`, "__proto__", `["a[0]"]`, "größe", `["a b"]`, "$1"])
  })

  it("costs in proportion to an array's length, whatever becomes of it", () => {
    const size = 10_000
    const numbers = Array.from({ length: size }, (_, n) => ({ n }))
    const started = performance.now()
    // Few changes are found for what they are.
    const few = [{ n: -1 }, ...numbers.filter(({ n }) => n % 1000 !== 500), { n: -2 }]
    assert.strictEqual(between(numbers, few).length, 12)
    for (const other of [
      numbers.toReversed(),
      numbers.map(({ n }) => ({ n: n + 0.5 })),
      numbers.filter(({ n }) => n % 2 === 0),
      numbers.map(({ n }) => ({ n: (n * 7919) % size })),
      []
    ]) {
      holdsFor(numbers, other)
    }
    assert.isBelow(performance.now() - started, 10_000)
  }, 30_000)
})

describe("apply", () => {
  it("gives the second value, for any two values", () => {
    const seed = 20_260_303
    const random = randomFrom(seed)
    for (let round = 0; round < 3_000; round++) {
      const before = random.json(4)
      const after = random.below(3) === 0 ? random.json(4) : random.changed(before)
      try {
        holdsFor(before, after)
      } catch (cause) {
        const pair = `${JSON.stringify(before)} and ${JSON.stringify(after)}`
        throw new Error(`seed ${seed}, round ${round}: ${pair}`, { cause })
      }
    }
  })

  it("takes a patch that went through JSON", () => {
    const [before, after] = [
      { a: [1, { b: 2 }], c: "x" },
      { a: [{ b: 3 }, 4], "": null }
    ]
    const sent: Patch.Patch = JSON.parse(JSON.stringify(between(before, after)))
    assert.deepStrictEqual(applied(before, sent), after)
  })

  it("makes properties of hostile keys, and nothing else", () => {
    const hostile = parsed(`{"__proto__": {"polluted": true}, "constructor": {"prototype": {"polluted": true}}}`)
    const made = applied({}, between({}, hostile))
    assert.strictEqual(JSON.stringify(made), JSON.stringify(hostile))
    assert.strictEqual(Object.getPrototypeOf(made), Object.prototype)
    assert.isFalse("polluted" in {})
  })

  it("fails typed where the patch was not made for the value, and says where", () => {
    const refused = (value: Schema.Json, change: Patch.Change) => {
      const { path, _tag } = Result.getOrThrow(Result.flip(apply(value, [change])))
      assert.strictEqual(_tag, "PatchError")
      assert.strictEqual(path, change.path)
    }
    refused({ a: 1 }, { _tag: "Changed", path: "a", before: 2, after: 3 })
    refused({ a: 1 }, { _tag: "Removed", path: "b", before: 2 })
    refused({ a: 1 }, { _tag: "Added", path: "a", after: 2 })
    refused({ a: 1 }, { _tag: "Added", path: "a.b", after: 2 })
    refused({ a: 1 }, { _tag: "Added", path: "", after: 2 })
    refused({ a: 1 }, { _tag: "Removed", path: "", before: { a: 1 } })
    refused([1], { _tag: "Added", path: "[2]", after: 2 })
    refused([1], { _tag: "Removed", path: `["0"]`, before: 1 })
    refused({}, { _tag: "Changed", path: "__proto__", before: {}, after: 1 })
    for (const path of ["a..b", "[", "a]", `["a]`, `["\\q"]`, "a b", "[-1]"]) {
      refused({ a: 1 }, { _tag: "Added", path, after: 1 })
    }
  })
})

describe("format", () => {
  it("is a line for each change", () => {
    const before = {
      items: [
        { sku: "tea", price: 3 },
        { sku: "cup", price: 8 }
      ],
      "per day": 1
    }
    const after = { items: [{ sku: "cup", price: 9 }], coupon: "MARCH\n", "per day": 1 }
    assert.strictEqual(
      format(between(before, after)),
      [`- items[0]: {"sku":"tea","price":3}`, "~ items[0].price: 8 → 9", `+ coupon: "MARCH\\n"`].join("\n")
    )
    assert.strictEqual(format(between(1, 2)), "~ 1 → 2")
    assert.strictEqual(format([]), "")
  })
})

/** JSON values, and small changes to them, of a seed (mulberry32). */
const randomFrom = (seed: number) => {
  let state = seed
  const next = () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (n: number) => Math.floor(next() * n)
  const one = <A>(of: ReadonlyArray<A>) => of[below(of.length)]!
  const keys = ["a", "b", "__proto__", "", "a.b", "0", "1", "constructor", "[0]", '"', "toString", "é", "length"]
  const scalars = [0, 1, -1, 0.5, 1e21, true, false, null, "", "a", "__proto__", "0", "→"]
  const json = (depth: number): Schema.Json => {
    const kind = depth === 0 ? 0 : below(3)
    if (kind === 0) return one(scalars)
    const items = Array.from({ length: below(6) }, () => json(depth - 1))
    return kind === 1 ? items : Object.fromEntries(items.map((item) => [one(keys), item]))
  }
  const changed = (value: Schema.Json): Schema.Json => {
    if (typeof value !== "object" || value === null || next() < 0.1) return next() < 0.7 ? json(2) : value
    if (Array.isArray(value)) {
      const items: ReadonlyArray<Schema.Json> = value
      const after = items.flatMap((item) =>
        next() < 0.15 ? [] : next() < 0.3 ? [changed(item)] : next() < 0.1 ? [json(2), item] : [item]
      )
      return next() < 0.3 ? [...after, json(2)] : after
    }
    const entries = Object.entries(value).filter(() => next() > 0.15)
    const after = entries.map(([key, item]) => [key, next() < 0.4 ? changed(item) : item] as const)
    return Object.fromEntries(next() < 0.3 ? [[one(keys), json(2)] as const, ...after] : after)
  }
  return { below, json, changed }
}
