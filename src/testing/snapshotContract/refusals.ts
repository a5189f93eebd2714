/**
 * What is refused, and changes nothing.
 */
import * as Effect from "effect/Effect"
import { maxCodeLength, maxStateBytes, maxStateDepth, type Snapshot, SnapshotStore } from "../../SnapshotStore.ts"
import { maxLength, type StreamName } from "../../StreamName.ts"
import { freshStream, numbers } from "../contract/fixtures.ts"
import { at, finds, freshCode, keeps, type Law, law, load, refused, remove, save } from "./fixtures.ts"

const wrongCodes: ReadonlyArray<readonly [what: string, code: string]> = [
  ["nothing", ""],
  ["too long", "x".repeat(maxCodeLength + 1)],
  ["a text with a NUL character", "a\u0000b"],
  ["half of a surrogate pair", "a\ud83d"]
]

const wrongStreams: ReadonlyArray<readonly [what: string, stream: StreamName]> = [
  ["without a category", "-1"],
  ["without an id", "account-"],
  ["too long", `account-${"x".repeat(maxLength)}`],
  ["with a NUL character", "account-\u0000"],
  ["with half of a surrogate pair", "account-\udc4d"]
]

const wrongNumbers = [0, -1, 1.5, Number.NaN, Infinity, 2 ** 53]

/** What no type allows, and callers without types, or schemas of anything, give all the same. */
const untyped = (state: unknown): Pick<Snapshot, "state"> =>
  JSON.parse("{}", (_, value) => Object.assign(value, { state }))

const circle = ((): object => {
  const one: { in?: unknown } = {}
  one.in = one
  return one
})()

const wide = numbers(40).reduce<unknown>((inner) => [inner, inner], "x")

const wrongStates: ReadonlyArray<readonly [what: string, state: unknown]> = [
  ["undefined", undefined],
  ["not a number", Number.NaN],
  ["infinite", { a: [Infinity] }],
  ["a bigint", 1n],
  ["a date", { at: new Date(0) }],
  ["a map", new Map()],
  ["a function", () => 1],
  ["an object that says itself what its JSON is", { toJSON: () => 1 }],
  ["a member that is undefined", { a: undefined }],
  ["a list with a hole", Object.assign([1], { length: 2 })],
  ["too deep", numbers(maxStateDepth + 1).reduce<unknown>((inner) => [inner], null)],
  ["far too deep", numbers(200_000).reduce<unknown>((inner) => [inner], null)],
  ["in itself", circle],
  ["one byte too large", "x".repeat(maxStateBytes - 1)],
  ["too large in UTF-8", "€".repeat(Math.ceil(maxStateBytes / 3))],
  ["too large when it is quoted", `"`.repeat(maxStateBytes / 2)],
  ["far too large, and small in memory", wide]
]

export const laws: ReadonlyArray<Law> = [
  law(
    "a name or a number that cannot be is refused",
    Effect.gen(function* () {
      const [code, stream] = [freshCode(), freshStream()]
      for (const [what, wrong] of wrongCodes) {
        yield* refused(`a save by code whose name is ${what}`, save(wrong, at(stream, 1)))
        yield* refused(`a load by code whose name is ${what}`, load(wrong, stream))
      }
      for (const [what, wrong] of wrongStreams) {
        yield* refused(`a save of a stream ${what}`, save(code, at(wrong, 1)))
        yield* refused(`a load of a stream ${what}`, load(code, wrong))
        yield* refused(`a removal of a stream ${what}`, remove(code, wrong))
      }
      yield* refused("a removal by a text with a NUL character", remove("a\u0000"))
      yield* refused("a removal by half of a surrogate pair", remove("\ud83d"))
      for (const wrong of wrongNumbers) {
        yield* refused(`a save at version ${wrong}`, save(code, { ...at(stream, 1), version: wrong }))
        yield* refused(`a save at position ${wrong}`, save(code, { ...at(stream, 1), position: wrong }))
        yield* refused(`a save that keeps ${wrong}`, save(code, at(stream, 1), wrong))
        if (wrong !== 0) yield* refused(`a load up to version ${wrong}`, load(code, stream, wrong))
      }
      yield* finds("the snapshot of a stream of which none could be saved", [code, stream], undefined)
    })
  ),
  law(
    "a state that is no JSON, too large or too deep is refused, and what was kept stays",
    Effect.gen(function* () {
      const [code, stream] = [freshCode(), freshStream()]
      yield* save(code, at(stream, 1))
      yield* save(code, at(stream, 2))
      const store = yield* SnapshotStore
      for (const [what, state] of wrongStates) {
        for (const version of [2, 3]) {
          const one = { ...at(stream, version), ...untyped(state) }
          yield* refused(`a state that is ${what}`, store.save(code, one, { keep: 1 }))
        }
      }
      yield* finds("a snapshot after others were refused", [code, stream], at(stream, 2))
      yield* keeps("what is kept after snapshots were refused", code, stream, [2, 1])
    })
  )
]
