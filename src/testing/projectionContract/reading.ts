/**
 * Reading the live generation: by key, and page by page.
 */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type * as Schema from "effect/Schema"
import { numbers } from "../contract/fixtures.ts"
import { holds, same } from "../contract/Law.ts"
import { claimed, commit, definition, type Law, law, save, use } from "./fixtures.ts"

const list = (
  name: string,
  options?: {
    readonly after?: string
    readonly limit?: number
    readonly where?: { readonly [field: string]: Schema.Json }
  }
) => use((store) => store.list(name, { after: undefined, limit: 1000, where: {}, ...options }))

const keysOf = (documents: ReadonlyMap<string, unknown>): ReadonlyArray<string> => Array.from(documents.keys())

/** In the order of their code points: not as any language sorts, and not as UTF-16 does. */
const inOrder: ReadonlyArray<string> = [
  "",
  " ",
  "!",
  "1",
  "10",
  "2",
  "A",
  "Z",
  "_",
  "a",
  "a ",
  "a b",
  "a-b",
  "aB",
  "ab",
  "b",
  "z",
  "É",
  "é",
  "א",
  "日",
  "\ufb01",
  "\ufffd",
  "\u{10000}",
  "👍",
  "👍a",
  "👎"
]

/** A projection with these documents. */
const having = (documents: { readonly [key: string]: Schema.Json }) =>
  Effect.gen(function* () {
    const { claim, projection } = yield* claimed()
    yield* commit(claim, 1, save(claim, documents))
    return projection.name
  })

export const laws: ReadonlyArray<Law> = [
  law(
    "documents are listed in the order of their keys by code points",
    Effect.gen(function* () {
      const { claim, projection } = yield* claimed()
      const shuffled = yield* Random.shuffle(inOrder)
      yield* commit(
        claim,
        1,
        use((store) => store.save(claim.generation, new Map(shuffled.map((key) => [key, key]))))
      )
      const listed = yield* list(projection.name)
      yield* same(keysOf(listed), inOrder, "the keys in the order in which they are listed")
      for (const [key, document] of listed) yield* same(document, key, `the document of key ${JSON.stringify(key)}`)
      for (const [i, key] of inOrder.entries()) {
        const rest = keysOf(yield* list(projection.name, { after: key }))
        yield* same(rest, inOrder.slice(i + 1), `the keys that are listed after ${JSON.stringify(key)}`)
      }
    })
  ),
  law(
    "pages have at most as many documents as are asked for, and together each once",
    Effect.gen(function* () {
      const keys = numbers(57).map((i) => `key ${String(i).padStart(3, "0")}`)
      const name = yield* having(Object.fromEntries((yield* Random.shuffle(keys)).map((key) => [key, key])))
      for (const limit of [1, 7, 19, 57, 58]) {
        const seen: Array<string> = []
        while (seen.length <= keys.length) {
          const after = seen[seen.length - 1]
          const page = yield* list(name, { limit, ...(after !== undefined && { after }) })
          yield* holds(page.size <= limit, `a page of ${limit} has ${page.size} documents`)
          seen.push(...page.keys())
          if (page.size < limit) break
        }
        yield* same(seen, keys, `the keys of all pages of ${limit}`)
      }
      yield* same(
        keysOf(yield* list(name, { after: "key 0100", limit: 2 })),
        ["key 011", "key 012"],
        "a page after no key"
      )
      yield* same(keysOf(yield* list(name, { after: "z" })), [], "the page after the last key")
    })
  ),
  law(
    "documents are listed whose fields equal those that are asked for, as JSON values are equal",
    Effect.gen(function* () {
      const name = yield* having({
        a: { n: 1, s: "1", o: { x: 1, y: [1, 2] }, l: [1, 2], z: null },
        b: { n: 1.0, s: "2", o: { y: [1, 2], x: 1 }, l: [1, 2, 3] },
        c: { n: "1", s: 1, o: { x: 1, y: [1, 2], w: 0 }, l: [2, 1], z: false },
        d: { n: 10, s: "it's", o: { x: 1 }, l: [], z: 0 },
        e: [{ n: 1 }],
        f: 1,
        g: null,
        h: "n",
        i: {}
      })
      const cases: ReadonlyArray<readonly [where: { readonly [field: string]: Schema.Json }, keys: string]> = [
        [{}, "abcdefghi"],
        [{ n: 1 }, "ab"],
        [{ n: "1" }, "c"],
        [{ s: "it's" }, "d"],
        [{ o: { y: [1, 2], x: 1 } }, "ab"],
        [{ o: { x: 1 } }, "d"],
        [{ l: [1, 2] }, "a"],
        [{ l: [] }, "d"],
        [{ z: null }, "a"],
        [{ z: false }, "c"],
        [{ z: 0 }, "d"],
        [{ n: 1, s: "2" }, "b"],
        [{ n: 1, s: "3" }, ""],
        [{ none: 1 }, ""],
        [{ "it's": 'a " b' }, ""],
        [{ toString: 1 }, ""]
      ]
      for (const [where, keys] of cases) {
        const found = keysOf(yield* list(name, { where }))
        yield* same(found.join(""), keys, `what is listed where ${JSON.stringify(where)}`)
      }
    })
  ),
  law(
    "a page of documents that are asked for by a field is filled with those, and goes on after a key",
    Effect.gen(function* () {
      const documents = numbers(60).map((i) => [String(i).padStart(2, "0"), { third: i % 3 }] as const)
      const name = yield* having(Object.fromEntries(documents))
      const where = { third: 2 }
      const first = keysOf(yield* list(name, { where, limit: 5 }))
      yield* same(first, ["02", "05", "08", "11", "14"], "a page of every third document")
      const next = keysOf(yield* list(name, { where, limit: 3, after: "14" }))
      yield* same(next, ["17", "20", "23"], "the page after it")
    })
  ),
  law(
    "of a projection that is not there nothing is read",
    use((store) =>
      Effect.gen(function* () {
        const { name } = definition()
        yield* same(yield* store.live(name), undefined, "the live generation of a projection that is not there")
        yield* same(keysOf(yield* store.read(name, ["a"])), [], "the documents of a projection that is not there")
        yield* same(keysOf(yield* list(name)), [], "the list of a projection that is not there")
        yield* same(yield* store.status(name), [], "the status of a projection that is not there")
      })
    )
  )
]
