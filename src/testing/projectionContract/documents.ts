/**
 * Documents: who locks one has it alone, each comes back as it was saved, and each generation has its own.
 */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import type * as Schema from "effect/Schema"
import { StoreError } from "../../EventStore.ts"
import type { Claim } from "../../ProjectionStore.ts"
import { numbers } from "../contract/fixtures.ts"
import { holds, same } from "../contract/Law.ts"
import {
  add,
  claimAll,
  claimed,
  claimFirst,
  commit,
  documentsOf,
  type Law,
  law,
  numberAt,
  registered,
  registerNext,
  save,
  takeOver,
  use
} from "./fixtures.ts"

const rounds = 6

/** Lets the owners of all partitions commit at once, some commits each. */
const commitAll = <E, R>(claims: ReadonlyArray<Claim>, work: (claim: Claim) => Effect.Effect<void, E, R>) =>
  Effect.forEach(
    claims,
    (first) =>
      Effect.gen(function* () {
        let claim = first
        for (const i of numbers(rounds)) {
          claim = yield* Effect.retry(commit(claim, i + 1, work(claim)), {
            // Who waits for each other's documents may be told to try again.
            while: (error) => error instanceof StoreError && error.isRetryable,
            schedule: Schedule.recurs(20)
          })
        }
      }),
    { concurrency: "unbounded", discard: true }
  )

/** Keys that have been trouble: quotes, patterns, escapes, every direction and plane, and the sizes at both ends. */
const keys: ReadonlyArray<string> = [
  "",
  " ",
  "key",
  "KEY",
  " key ",
  "it's",
  `"quoted"`,
  "back\\slash",
  "100%_",
  "$1",
  "a\tb\nc",
  "{}",
  "null",
  "__proto__",
  "constructor",
  "\u00e9",
  "e\u0301",
  "ß",
  "👍",
  "👩‍👩‍👧‍👦",
  "\ufb01",
  "שלום",
  "مرحبا",
  "\u202eright to left",
  "日本語",
  "\ud83d\ude00".repeat(250),
  "k".repeat(500)
]

const values: { readonly [key: string]: Schema.Json } = {
  null: null,
  true: true,
  zero: 0,
  fraction: -1.5e-7,
  large: 9007199254740991,
  empty: "",
  text: `it's "quoted" \\ \n 👍 \u202e`,
  list: [1, [2, [3, null]], {}],
  nested: { a: { b: { c: [{ d: "e" }] } }, "": 0, " ": null, "it's": [] },
  nothing: {},
  none: []
}

export const laws: ReadonlyArray<Law> = [
  law(
    "who reads a document with a lock and writes it does so one after the other, also when it is not there yet",
    Effect.gen(function* () {
      const projection = yield* registered({ partitions: 8 })
      const claims = yield* claimAll(projection)
      yield* commitAll(claims, (claim) => add(claim, "count", 1))
      yield* same(yield* numberAt(projection.name, "count"), 8 * rounds, "a count that owners of 8 partitions raised")
    })
  ),
  law(
    "documents that are locked in any order are neither overwritten nor keep each other waiting for ever",
    Effect.gen(function* () {
      const projection = yield* registered({ partitions: 6 })
      const claims = yield* claimAll(projection)
      const names = ["a", "b", "c", "d"]
      const transfer = ({ generation }: Claim) =>
        Effect.gen(function* () {
          const [from, to] = yield* Random.shuffle(names)
          const found = yield* use((store) => store.documents(generation, [from!, to!], { lock: true }))
          yield* Effect.yieldNow
          const amount = (name: string) => Number(found.get(name) ?? 0)
          yield* save({ generation }, { [to!]: amount(to!) + 1, [from!]: amount(from!) - 1 })
        })
      yield* commitAll(claims, transfer)
      const amounts = yield* Effect.forEach(names, (name) => numberAt(projection.name, name))
      yield* same(
        amounts.reduce((sum, n) => sum + n, 0),
        0,
        "the sum of amounts that were only moved"
      )
    })
  ),
  law(
    "owners of different partitions write different documents at once",
    Effect.gen(function* () {
      const projection = yield* registered({ partitions: 6 })
      const claims = yield* claimAll(projection)
      yield* commitAll(claims, (claim) => add(claim, `count ${claim.partition}`, 1))
      const expected = Object.fromEntries(claims.map(({ partition }) => [`count ${partition}`, rounds]))
      yield* same(yield* documentsOf(projection.name), expected, "the counts of owners of different partitions")
    })
  ),
  law(
    "a document is read as it was saved, whatever JSON it is",
    Effect.gen(function* () {
      const { claim, projection } = yield* claimed()
      const moved = yield* commit(claim, 1, save(claim, values))
      const names = [...Object.keys(values), "not there"]
      const read = use((store) => store.read(projection.name, names))
      yield* same(Object.fromEntries(yield* read), values, "documents that are read by key")
      yield* same(yield* documentsOf(projection.name), values, "documents that are listed")
      for (const lock of [false, true]) {
        const work = Effect.gen(function* () {
          const found = yield* use((store) => store.documents(claim.generation, names, { lock }))
          yield* same(Object.fromEntries(found), values, "documents that are read to be changed")
        })
        yield* commit(moved, 1, work)
      }
    })
  ),
  law(
    "a document that is saved as undefined is gone, and null is a document",
    Effect.gen(function* () {
      const { claim, projection } = yield* claimed()
      const first = yield* commit(claim, 1, save(claim, { a: 1, b: 2, c: 3 }))
      const second = yield* commit(first, 2, save(first, { a: undefined, b: null, "not there": undefined }))
      yield* same(yield* documentsOf(projection.name), { b: null, c: 3 }, "the documents after some were taken out")
      const read = yield* use((store) => store.read(projection.name, ["a", "b", "c", "not there"]))
      yield* same(Array.from(read.keys()).toSorted(), ["b", "c"], "the keys of documents that are read")
      yield* commit(second, 3, save(second, { a: 4 }))
      yield* same(yield* documentsOf(projection.name), { a: 4, b: null, c: 3 }, "the documents after one came back")
    })
  ),
  law(
    "a key is any text, and texts that are alike are different keys",
    Effect.gen(function* () {
      const { claim, projection } = yield* claimed()
      yield* commit(
        claim,
        1,
        use((store) => store.save(claim.generation, new Map(keys.map((key, i) => [key, i]))))
      )
      const read = yield* use((store) => store.read(projection.name, keys))
      const options = { after: undefined, limit: 1000, where: {} }
      const listed = yield* use((store) => store.list(projection.name, options))
      for (const [i, key] of keys.entries()) {
        yield* same(read.get(key), i, `the document of key ${JSON.stringify(key)}`)
        yield* same(listed.get(key), i, `the document that is listed under key ${JSON.stringify(key)}`)
      }
      yield* same([read.size, listed.size], [keys.length, keys.length], "how many documents there are")
    })
  ),
  law(
    "what a reader does with a document changes nobody else's",
    Effect.gen(function* () {
      const { claim, projection } = yield* claimed()
      const document = { list: [1], deep: { a: 1 } }
      yield* commit(claim, 1, save(claim, { document }))
      document.list.push(2)
      const read = use((store) =>
        Effect.map(store.read(projection.name, ["document"]), (found) => found.get("document"))
      )
      const mine = yield* read
      yield* same(mine, { list: [1], deep: { a: 1 } }, "a document whose writer changed what it had given")
      if (Predicate.isObjectOrArray(mine)) Reflect.set(mine, "list", "changed")
      yield* same(yield* read, { list: [1], deep: { a: 1 } }, "a document that another reader changed for itself")
    })
  ),
  law(
    "each generation has documents of its own",
    Effect.gen(function* () {
      const { claim, projection } = yield* claimed()
      yield* commit(claim, 1, save(claim, { a: "first", b: "first" }))
      const next = yield* registerNext(projection)
      const filling = yield* claimFirst(next)
      const read = use((store) => store.documents(filling.generation, ["a", "b"], { lock: true }))
      yield* same(Object.fromEntries(yield* read), {}, "the documents of a generation that begins")
      const filled = yield* commit(filling, 1, save(filling, { a: "second" }))
      yield* same(
        yield* documentsOf(projection.name),
        { a: "first", b: "first" },
        "the documents of the live generation"
      )
      yield* takeOver(filled)
      yield* same(yield* documentsOf(projection.name), { a: "second" }, "the documents once it took over")
    })
  ),
  law(
    "a generation's tables have names of their own, and readers a name that stays",
    use((store) =>
      Effect.gen(function* () {
        const names = [
          store.tableOf("a", 1, "entries"),
          store.tableOf("a", 2, "entries"),
          store.tableOf("a", 1, "others"),
          store.tableOf("b", 3, "entries"),
          store.liveTable("a", "entries"),
          store.liveTable("a", "others"),
          store.liveTable("b", "entries")
        ]
        yield* holds(new Set(names).size === names.length, "two tables have one name", names)
      })
    )
  )
]
