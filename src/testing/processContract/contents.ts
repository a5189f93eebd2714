/**
 * States, documents, steps and requests: each comes back as it was saved, as far as its kind of JSON goes.
 */
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import { maxBytes, maxDepth, ProcessStore } from "../../ProcessStore.ts"
import { numbers } from "../contract/fixtures.ts"
import { broken, same } from "../contract/Law.ts"
import {
  all,
  freshProcess,
  instance,
  keep,
  type Law,
  law,
  load,
  request,
  requestsIn,
  save,
  step,
  stepsOf
} from "./fixtures.ts"

const nested = (levels: number): Schema.Json =>
  numbers(levels).reduce<Schema.Json>((inner, i) => (i % 2 === 0 ? [inner] : { in: inner }), null)

/** What states are, and everything else as well. */
const values: { readonly [name: string]: Schema.Json } = {
  null: null,
  true: true,
  zero: 0,
  "less than zero": -17,
  "a fraction": -1.5e-7,
  "a sum of fractions": 0.1 + 0.2,
  "the largest whole number": Number.MAX_SAFE_INTEGER,
  "the largest number": Number.MAX_VALUE,
  "the smallest number": Number.MIN_VALUE,
  "no text": "",
  "a text": `it's "quoted" \\ \n \t \b 👍 \u202e \u2028 ' ; -- $1`,
  "the last character of the plane": "\uffff",
  "a text that looks like a number": "1e400",
  "a text that looks like an escape": "\\u0000",
  "a list": [1, [2, [3, null]], {}, []],
  "keys out of order": { b: 1, a: 2, "": 3, " ": 4, "it's": 5, aa: 6, ä: 7, "👍": 8, "a.b": 9, $1: 10 },
  "keys that are numbers": { z: 0, 10: 1, 9: 2 },
  "keys that objects have": JSON.parse(`{"__proto__": {"a": 1}, "constructor": 2, "toString": 3, "length": 4}`),
  "as deep as it may be": nested(maxDepth),
  nothing: {},
  none: []
}

/** What everything but a state may be. */
const texts: { readonly [name: string]: Schema.Json } = {
  ...values,
  "a NUL character": "a\u0000b",
  "half of a surrogate pair": "a\ud83db",
  "keys that are no names": { "a\u0000b": 1, "\ud83d": 2, "\ud83d\udc4d": 3 }
}

/** JSON of just so many bytes. */
const large: ReadonlyArray<Schema.Json> = [
  "x".repeat(maxBytes - 2),
  `"`.repeat(maxBytes / 2 - 1),
  "€".repeat(Math.floor((maxBytes - 2) / 3)),
  numbers(maxBytes / 16).map((i) => 1e12 + i)
]

export const laws: ReadonlyArray<Law> = [
  law(
    "a state comes back as it was saved, whatever JSON it is, but for the order of its keys",
    Effect.gen(function* () {
      const process = freshProcess()
      const instances = Object.entries(values).map(([name, state]) => instance(name, { state }))
      yield* keep(process, ...instances)
      const found = yield* load(process, Object.keys(values))
      const listed = yield* Effect.flatMap(ProcessStore, (store) => store.list(process, all))
      for (const { instance: name, state } of instances) {
        yield* same(found[name]?.state, state, `a state that is ${name}`)
        const one = listed.find((other) => other.instance === name)
        yield* same(one?.state, state, `a state that is ${name}, as it is listed`)
      }
    })
  ),
  law(
    "documents, steps and requests come back as they were saved, to the order of their keys",
    Effect.gen(function* () {
      const process = freshProcess()
      const kinds = Object.entries(texts)
      yield* save(process, {
        instances: kinds.map(([name, document]) => instance(name, { document })),
        steps: kinds.map(([name, content]) => step(name, 1, content))
      })
      for (const [name, content] of kinds) yield* request(process, name, content)
      const found = yield* load(process, Object.keys(texts))
      const requests = yield* requestsIn(process)
      for (const [i, [name, content]] of kinds.entries()) {
        const json = JSON.stringify(content)
        yield* same(JSON.stringify(found[name]?.document), json, `the JSON of a document that is ${name}`)
        yield* same(
          JSON.stringify((yield* stepsOf(process, name))[0]?.step),
          json,
          `the JSON of a step that is ${name}`
        )
        yield* same(JSON.stringify(requests[i]?.request), json, `the JSON of a request that is ${name}`)
      }
    })
  ),
  law(
    "the largest states, documents, steps and requests come back, also when many are saved at once",
    Effect.gen(function* () {
      const process = freshProcess()
      const instances = large.map((content, i) => instance(`a${i}`, { state: content, document: content }))
      yield* save(process, { instances, steps: large.map((content, i) => step(`a${i}`, 1, content)) })
      const found = yield* load(
        process,
        instances.map((one) => one.instance)
      )
      for (const [i, content] of large.entries()) {
        yield* request(process, `a${i}`, content)
        const [asked] = (yield* requestsIn(process)).slice(-1)
        const [first] = yield* stepsOf(process, `a${i}`)
        const json = JSON.stringify(content)
        const kinds = { ...found[`a${i}`], step: first?.step, request: asked?.request }
        for (const kind of ["state", "document", "step", "request"] as const) {
          if (JSON.stringify(kinds[kind]) !== json) {
            return yield* broken(`a ${kind} of ${maxBytes} bytes comes back as another one`, {
              expected: json.slice(0, 50),
              actual: JSON.stringify(kinds[kind])?.slice(0, 50)
            })
          }
        }
      }
    })
  )
]
