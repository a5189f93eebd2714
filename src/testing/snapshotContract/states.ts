/**
 * States: each comes back as it was saved, as far as JSON goes.
 */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import type * as Schema from "effect/Schema"
import { maxStateBytes, maxStateDepth } from "../../SnapshotStore.ts"
import { freshStream, numbers } from "../contract/fixtures.ts"
import { broken, same } from "../contract/Law.ts"
import { at, finds, freshCode, type Law, law, load, save } from "./fixtures.ts"

const nested = (levels: number): Schema.Json =>
  numbers(levels).reduce<Schema.Json>((inner, i) => (i % 2 === 0 ? [inner] : { in: inner }), null)

const states: { readonly [name: string]: Schema.Json } = {
  null: null,
  true: true,
  zero: 0,
  "a fraction": -1.5e-7,
  "a sum of fractions": 0.1 + 0.2,
  "the largest whole number": Number.MAX_SAFE_INTEGER,
  "the largest number": Number.MAX_VALUE,
  "the smallest number": Number.MIN_VALUE,
  "no text": "",
  "a text": `it's "quoted" \\ \n \t \b 👍 \u202e \u2028`,
  "a NUL character": "a\u0000b",
  "half of a surrogate pair": "a\ud83db",
  "the last character of the plane": "\uffff",
  "a text that looks like a number": "1e400",
  "a text that looks like an escape": "\\u0000",
  "a list": [1, [2, [3, null]], {}, []],
  "keys out of order": { b: 1, a: 2, "": 3, " ": 4, "it's": 5, aa: 6, ä: 7, "👍": 8 },
  "keys that are numbers": { z: 0, 10: 1, 9: 2 },
  "keys that are no names": { "a\u0000b": 1, "\ud83d": 2, "a.b": 3, $1: 4 },
  "keys that objects have": JSON.parse(`{"__proto__": {"a": 1}, "constructor": 2, "toString": 3, "length": 4}`),
  "as deep as it may be": nested(maxStateDepth),
  nothing: {},
  none: []
}

export const laws: ReadonlyArray<Law> = [
  law(
    "a state comes back as it was saved, whatever JSON it is, to the order of its keys",
    Effect.gen(function* () {
      const code = freshCode()
      for (const [name, state] of Object.entries(states)) {
        const stream = freshStream()
        yield* save(code, at(stream, 1, state))
        const found = yield* load(code, stream)
        if (found === undefined) return yield* broken(`a snapshot whose state is ${name} is not there`)
        yield* same(JSON.stringify(found.state), JSON.stringify(state), `the JSON of a state that is ${name}`)
      }
    })
  ),
  law(
    "the largest states come back, also when many are loaded at once",
    Effect.gen(function* () {
      const [code, stream] = [freshCode(), freshStream()]
      const states = [
        // Quotes and backslashes take two bytes, and this letter three.
        "x".repeat(maxStateBytes - 2),
        `"`.repeat(maxStateBytes / 2 - 1),
        `${"€".repeat(Math.floor(maxStateBytes / 3) - 1)}`,
        numbers(maxStateBytes / 16).map((i) => 1e12 + i)
      ]
      yield* Effect.forEach(states, (state, i) => save(code, at(stream, i + 1, state)))
      const found = yield* Effect.forEach(states, (_, i) => load(code, stream, i + 1), { concurrency: "unbounded" })
      for (const [i, state] of states.entries()) {
        if (JSON.stringify(found[i]?.state) !== JSON.stringify(state)) {
          return yield* broken(`a state of ${JSON.stringify(state).length} characters comes back as another one`, {
            expected: state,
            actual: found[i]?.state
          })
        }
      }
    })
  ),
  law(
    "what a reader does with a state changes nobody else's",
    Effect.gen(function* () {
      const [code, stream] = [freshCode(), freshStream()]
      const state = { list: [1], deep: { a: 1 } }
      const saved = at(stream, 1, { list: [1], deep: { a: 1 } })
      yield* save(code, { ...saved, state })
      state.list.push(2)
      const mine = yield* load(code, stream)
      yield* same(mine, saved, "a snapshot whose writer changed the state that it had given")
      if (Predicate.isObject(mine?.state)) Reflect.set(mine.state, "list", "changed")
      yield* finds("a snapshot whose state another reader changed for itself", [code, stream], saved)
    })
  )
]
