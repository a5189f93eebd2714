/**
 * Removing: of a stream or of all, what code has made whose name begins so.
 */
import * as Effect from "effect/Effect"
import { freshStream } from "../contract/fixtures.ts"
import { same } from "../contract/Law.ts"
import { alike, at, finds, freshCode, keeps, type Law, law, load, remove, save, saveAll } from "./fixtures.ts"

export const laws: ReadonlyArray<Law> = [
  law(
    "removed snapshots are gone, and are counted",
    Effect.gen(function* () {
      const [code, other] = [freshCode(), freshCode()]
      const [first, second] = [freshStream(), freshStream()]
      yield* saveAll(code, first, [1, 2, 3])
      yield* saveAll(code, second, [4, 5])
      yield* save(other, at(first, 6))
      yield* same(yield* remove(code), 5, "how many snapshots were removed")
      yield* keeps("what is kept of a stream after its code was removed", code, first, [])
      yield* keeps("what is kept of another stream after its code was removed", code, second, [])
      yield* keeps("what is kept of other code", other, first, [6])
      yield* same(yield* remove(code), 0, "how many snapshots were removed when there were none left")
    })
  ),
  law(
    "the snapshots of one stream are removed, and those of others stay",
    Effect.gen(function* () {
      const code = freshCode()
      const [first, second] = [freshStream(), freshStream()]
      yield* saveAll(code, first, [1, 2, 3])
      yield* saveAll(code, second, [4, 5])
      yield* same(yield* remove(code, first), 3, "how many snapshots of a stream were removed")
      yield* keeps("what is kept of a stream that was removed", code, first, [])
      yield* keeps("what is kept of another stream", code, second, [5, 4])
    })
  ),
  law(
    "code is removed by how its name begins, and no character in that is a pattern",
    Effect.gen(function* () {
      const [start, stream] = [freshCode(), freshStream()]
      const codes = alike.map((name) => `${start}/${name}/1`)
      const beginnings = ["/a", "/a%", "/a_", "/a\\", "/a*", "/%", "/_", "/.", "/[a]", "/A", "/e", "/👍", "/a/1/1"]
      for (const beginning of beginnings.map((one) => start + one)) {
        yield* Effect.forEach(codes, (code) => save(code, at(stream, 1)), { discard: true })
        const gone = codes.filter((code) => code.startsWith(beginning))
        const what = `where names begin with ${JSON.stringify(beginning)}`
        yield* same(yield* remove(beginning), gone.length, `how many snapshots were removed ${what}`)
        const left = yield* Effect.filter(codes, (code) => Effect.map(load(code, stream), (one) => one !== undefined))
        yield* same(
          left,
          codes.filter((code) => !gone.includes(code)),
          `whose snapshots are left ${what}`
        )
      }
    })
  ),
  law(
    "what was removed can be saved again, older as well",
    Effect.gen(function* () {
      const [code, stream] = [freshCode(), freshStream()]
      yield* saveAll(code, stream, [10, 20], 2)
      yield* remove(code, stream)
      yield* save(code, at(stream, 5), 2)
      yield* finds("a snapshot that is older than those that were removed", [code, stream], at(stream, 5))
    })
  )
]
