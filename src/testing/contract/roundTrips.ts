/**
 * What is stored comes back exactly.
 */
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import type { EventToAppend } from "../../EventStore.ts"
import * as StreamName from "../../StreamName.ts"
import {
  append,
  appendTo,
  event,
  fresh,
  isStored,
  numbers,
  ofCategory,
  readLog,
  readStream,
  write
} from "./fixtures.ts"
import { type Law, law, same } from "./Law.ts"

/** Texts that stores have been known to stumble over. */
const texts: ReadonlyArray<string> = [
  " ",
  " both ends ",
  "tab\tnew\nline\r\n",
  "\u0001\u001f\u007f\u0080",
  "\u2028\u2029\ufeff\uffff",
  "👩‍👩‍👧‍👦 🏳️‍🌈 \u{10ffff}",
  "שלום עולם مرحبا \u202e",
  "e\u0301 is not \u00e9",
  "İıſK",
  `'single' "double" \`back\` ''`,
  "back\\slash \\\\ \\u0000 \\ud800 \\n",
  "%s $1 ? :name {a,b} [1] (1,) ; -- /* */",
  "{}",
  "NULL",
  "null",
  "2020-01-01T00:00:00.000Z",
  "12345678901234567890",
  "__proto__",
  "constructor",
  "x".repeat(500),
  "😀".repeat(500)
]

const nested = (depth: number): Schema.Json => {
  let value: Schema.Json = "bottom"
  for (let i = 0; i < depth; i++) value = i % 2 === 0 ? [value] : { in: value }
  return value
}

const json: ReadonlyArray<Schema.Json> = [
  null,
  true,
  false,
  0,
  "",
  "text",
  [],
  {},
  [[], {}, [null], { a: {} }, ""],
  [1, -1, 0.1, 0.1 + 0.2, 1e21, 1e-7, -1e300, 2 ** 31, 2 ** 53, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER],
  [
    Number.MAX_VALUE,
    -Number.MAX_VALUE,
    Number.MIN_VALUE,
    Number.EPSILON,
    1.7976931348623155e308,
    2.2250738585072014e-308
  ],
  [null, false, 0, "0", "false", { null: null, false: false }],
  { "": 1, " ": 2, "a.b": 3, "a b": 4, "0": 5, "-1": 6, A: 7, a: 8, "\u00e9": 9, "e\u0301": 10, "👍": 11 },
  JSON.parse(
    `{ "__proto__": { "a": 1 }, "constructor": { "prototype": null }, "toJSON": 1, "toString": "", "length": 3 }`
  ),
  JSON.parse(`[{ "__proto__": null }]`),
  nested(400),
  numbers(5000),
  Object.fromEntries(numbers(1000).map((i) => [`key ${i}`, i])),
  Object.fromEntries(texts.map((text) => [text, text])),
  "y".repeat(1_000_000)
]

/** Appends events to a stream of their own, and checks that each comes back as it was given. */
const roundTrip = (events: ReadonlyArray<EventToAppend>) =>
  Effect.gen(function* () {
    const writes = [write(`${fresh("contract")}-1`, "no stream", events)]
    yield* isStored(writes, yield* append(writes))
  })

export const laws: ReadonlyArray<Law> = [
  law(
    "data comes back as the JSON it was",
    Effect.forEach(json, (data) => roundTrip([event({ data })]), { discard: true })
  ),
  law(
    "metadata comes back as it was, the user's own too",
    Effect.forEach(
      json,
      (own) =>
        roundTrip([
          event({
            metadata: {
              correlationId: crypto.randomUUID(),
              causationId: crypto.randomUUID(),
              commandId: "command 1",
              actor: "Zoë",
              traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
              own
            }
          })
        ]),
      { discard: true }
    )
  ),
  law(
    "types, tags, schema versions and texts of any script come back as they were",
    Effect.gen(function* () {
      yield* roundTrip(texts.map((type) => event({ type })))
      yield* roundTrip(texts.map((data) => event({ data, metadata: { [data]: [data] } })))
      yield* roundTrip([event({ tags: texts }), event({ tags: texts.toReversed() }), event({ tags: [] })])
      yield* roundTrip([event({ tags: numbers(100).map((i) => `${"t".repeat(490)}${i}`) })])
      yield* roundTrip([1, 2, 3, 1000, 100_000].map((schemaVersion) => event({ schemaVersion })))
      for (const text of texts) {
        const type = `${fresh("Type")}${text}`.slice(0, 400).toWellFormed()
        const tag = `${fresh("tag")}${text}`.slice(0, 400).toWellFormed()
        const one = event({ type, tags: ["other", tag] })
        yield* appendTo(`${fresh("contract")}-1`, [one])
        for (const query of [[{ types: [type] }], [{ tags: [tag] }]]) {
          yield* same((yield* readLog({ query }))[0]?.id, one.id, `the event with ${JSON.stringify(query)}`)
        }
      }
    })
  ),
  law(
    "stream names of any script and up to 500 characters are names of their own",
    Effect.gen(function* () {
      for (const text of texts) {
        const category = `${fresh("c")}${text}`.replaceAll("-", "").slice(0, 400).toWellFormed()
        const id = `${text}-${text}-`.slice(0, 60).toWellFormed()
        const stream = StreamName.make(category, id)
        const writes = [write(stream, "no stream", 2)]
        yield* isStored(writes, yield* append(writes))
        const stored = yield* readStream(stream)
        yield* same(yield* readLog({ query: ofCategory(category) }), stored, `category ${JSON.stringify(category)}`)
      }
      const category = fresh("c")
      for (const character of ["x", "é", "字", "😀"]) {
        const id = character.repeat(500 - category.length - 2)
        const stream = StreamName.make(category, `${id}1`)
        const alike = StreamName.make(category, `${id}2`)
        for (const writes of [[write(stream, "no stream", 1)], [write(alike, "no stream", 2)]]) {
          yield* isStored(writes, yield* append(writes))
        }
        yield* same((yield* readStream(stream)).length, 1, "the length of a stream with a name of 500 characters")
      }
      const longCategory = `${fresh("c")}${"c".repeat(400)}`
      yield* appendTo(`${longCategory}-1`, 2)
      yield* appendTo(`${longCategory}c-1`, 2)
      yield* same((yield* readLog({ query: ofCategory(longCategory) })).length, 2, "the events of a long category")
    })
  )
]
