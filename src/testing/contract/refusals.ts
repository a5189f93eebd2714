/**
 * Typed: what breaks a rule of the port is refused as a `StoreError`, and nothing is stored.
 */
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { type Condition, EventStore, type EventToAppend, type ReadOptions, type Write } from "../../EventStore.ts"
import type { Query } from "../../Query.ts"
import type { StreamName } from "../../StreamName.ts"
import { append, appendTo, event, events, fresh, freshStream, refused, streamVersion, write } from "./fixtures.ts"
import { type Law, law } from "./Law.ts"

/** A value that its type forbids, as who is not held to the types may send it: hence the cast. */
const untyped = <A>(value: unknown): A => value as A

const nul = "a\u0000b"
const loneHigh = "a\ud800b"
const loneLow = "a\udc00"

type Case<A> = readonly [what: string, value: A]

/** Refused alone, and beside a good write, before it and after it. */
const refusedAppends = (cases: ReadonlyArray<Case<ReadonlyArray<Write>>>, condition?: Condition) =>
  Effect.gen(function* () {
    for (const [what, writes] of cases) {
      yield* refused(`an append with ${what}`, "InvalidRequest", [], append(writes, condition))
      if (writes.length === 0) continue
      const good = write(freshStream(), "any", 2)
      for (const all of [
        [good, ...writes],
        [...writes, good]
      ]) {
        const beside = `an append with ${what} beside a good write`
        yield* refused(beside, "InvalidRequest", [good.stream], append(all, condition))
      }
    }
  })

const refusedEvents = (cases: ReadonlyArray<Case<Partial<EventToAppend>>>) =>
  refusedAppends(
    cases.flatMap(([what, fields]): ReadonlyArray<Case<ReadonlyArray<Write>>> => [
      [what, [write(freshStream(), "no stream", [event(fields)])]],
      [`${what} in its last event`, [write(freshStream(), "any", [event(), event(), event(fields)])]]
    ])
  )

const badNames: ReadonlyArray<Case<StreamName>> = [
  ["a stream name that is empty", ""],
  ["a stream name without a hyphen", "account"],
  ["a stream name without a category", "-1"],
  ["a stream name without an id", "account-"],
  ["a stream name that is a hyphen", "-"],
  ["a stream name of 501 characters", `account-${"x".repeat(493)}`],
  ["a stream name of 501 characters beyond the basic plane", `account-${"😀".repeat(493)}`],
  ["a NUL in the stream name", `account-${nul}`],
  ["a NUL in the category", `${nul}-1`],
  ["half of a surrogate pair in the stream name", `account-${loneHigh}`],
  ["the other half of a surrogate pair in the stream name", `account-${loneLow}`]
].map(([what, name]) => [what!, untyped<StreamName>(name)])

const badQueries: ReadonlyArray<Case<Query>> = [
  ["a query without items", []],
  ["a query with an empty list of types", [{ types: [] }]],
  ["a query with an empty list of categories", [{ categories: [] }]],
  ["a query with an empty list of tags", [{ tags: [] }]],
  ["a query whose second item has an empty list", [{ types: ["Noted"] }, { types: ["Noted"], tags: [] }]],
  ["a query with a NUL in a type", [{ types: [nul] }]],
  ["a query with a NUL in a category", [{ categories: ["a", nul] }]],
  ["a query with a NUL in a tag", [{ tags: [nul] }]],
  ["a query with half of a surrogate pair", [{ tags: [loneHigh] }]]
]

const badNumbers: ReadonlyArray<Case<number>> = [-1, 0.5, Number.NaN, Infinity, -Infinity, 2 ** 53].map((value) => [
  `${value}`,
  value
])

const circular = (): Schema.Json => {
  const value: Record<string, unknown> = {}
  value["self"] = value
  return untyped(value)
}

/** Values that are no JSON, or none that every store can hold. */
const badJson: ReadonlyArray<Case<Schema.Json>> = [
  ...[
    undefined,
    Number.NaN,
    Infinity,
    -Infinity,
    1n,
    Symbol("s"),
    () => 1,
    new Date(0),
    new Map(),
    new Uint8Array(1)
  ].map((value): Case<Schema.Json> => [
    typeof value === "object" ? value.constructor.name : String(value),
    untyped(value)
  ]),
  ["a NUL", nul],
  ["half of a surrogate pair", loneHigh],
  ["the other half of a surrogate pair", loneLow],
  ["a NUL in a key", { [nul]: 1 }],
  ["half of a surrogate pair in a key", { [loneHigh]: 1 }],
  ["a member that is undefined", untyped({ a: undefined })],
  ["an element that is undefined", untyped([1, undefined])],
  ["an array with a hole", untyped(Array(2))],
  ["a value within itself", circular()]
]

export const laws: ReadonlyArray<Law> = [
  law(
    "an append without writes, without events, or with two writes for one stream is refused",
    Effect.gen(function* () {
      const stream = freshStream()
      yield* refusedAppends([
        ["no writes", []],
        ["a write without events", [write(freshStream(), "any", [])]],
        ["two writes for one stream", [write(stream, "any"), write(stream, "any")]]
      ])
    })
  ),
  law(
    "a stream name that breaks the rules is refused, by reads too",
    Effect.gen(function* () {
      yield* refusedAppends(badNames.map(([what, stream]) => [what, [write(stream, "any")]]))
      const store = yield* EventStore
      for (const [what, stream] of badNames) {
        yield* refused(`a read with ${what}`, "InvalidRequest", [], Stream.runDrain(store.readStream(stream)))
        yield* refused(`a version with ${what}`, "InvalidRequest", [], streamVersion(stream))
      }
    })
  ),
  law(
    "an event id that is no UUID, or given twice, is refused",
    Effect.gen(function* () {
      const id = crypto.randomUUID()
      const notUuids = ["", "1", nul, id.slice(1), `${id}0`, `{${id}}`, id.replaceAll("-", ""), `g${id.slice(1)}`]
      yield* refusedEvents(notUuids.map((id): Case<Partial<EventToAppend>> => [`the id ${JSON.stringify(id)}`, { id }]))
      const twice = event()
      yield* refusedAppends([
        ["an id twice in a write", [write(freshStream(), "any", [twice, event(), twice])]],
        ["an id in two writes", [write(freshStream(), "any", [twice]), write(freshStream(), "any", [twice])]]
      ])
    })
  ),
  law(
    "a type, tag or schema version that breaks the rules is refused",
    refusedEvents([
      ["an empty type", { type: "" }],
      ["a type of 501 characters", { type: "x".repeat(501) }],
      ["a NUL in the type", { type: nul }],
      ["half of a surrogate pair in the type", { type: loneHigh }],
      ["an empty tag", { tags: ["a", ""] }],
      ["a tag of 501 characters", { tags: ["x".repeat(501)] }],
      ["a NUL in a tag", { tags: ["a", nul] }],
      ["half of a surrogate pair in a tag", { tags: [loneLow] }],
      ...[0, -1, 1.5, Number.NaN, Infinity].map((schemaVersion): Case<Partial<EventToAppend>> => [
        `the schema version ${schemaVersion}`,
        { schemaVersion }
      ])
    ])
  ),
  law(
    "data that is no JSON, or that not every store can hold, is refused",
    refusedEvents(
      badJson.flatMap(([what, value]): ReadonlyArray<Case<Partial<EventToAppend>>> => [
        [`data of ${what}`, { data: value }],
        [`data with ${what} within it`, { data: { a: [1, { b: value }] } }]
      ])
    )
  ),
  law(
    "metadata that is no JSON, or that not every store can hold, is refused",
    refusedEvents(
      badJson.flatMap(([what, value]): ReadonlyArray<Case<Partial<EventToAppend>>> => [
        [`metadata with ${what}`, { metadata: { own: value } }],
        [`metadata with ${what} within it`, { metadata: { own: [{ b: value }] } }]
      ])
    )
  ),
  law(
    "an event of more than 1 MiB is refused",
    refusedEvents([
      ["data of more than 1 MiB", { data: "x".repeat(1024 * 1024) }],
      ["data of more than 1 MiB in UTF-8", { data: ["é".repeat(512 * 1024)] }],
      ["metadata of more than 1 MiB", { metadata: { own: "x".repeat(1024 * 1024) } }],
      ["data and metadata of more than 1 MiB", { data: "x".repeat(600_000), metadata: { own: "x".repeat(600_000) } }]
    ])
  ),
  law(
    "an expected version that is not a whole number of 0 or more is refused",
    Effect.gen(function* () {
      const stream = freshStream()
      yield* appendTo(stream)
      yield* refusedAppends(
        badNumbers.map(([what, expected]) => [`the expected version ${what}`, [write(stream, expected)]])
      )
    })
  ),
  law(
    "a condition with a bad query or position is refused",
    Effect.gen(function* () {
      const good: ReadonlyArray<Write> = [write(freshStream(), "any", events(2, { type: fresh("Noted") }))]
      for (const [what, query] of badQueries) yield* refusedAppends([[what, good]], { query, after: 0 })
      for (const [what, after] of badNumbers) {
        yield* refusedAppends([[`a condition after ${what}`, good]], { query: [{ types: ["Noted"] }], after })
      }
    })
  ),
  law(
    "a read or a subscription with bad bounds or a bad query is refused",
    Effect.gen(function* () {
      const store = yield* EventStore
      const stream = freshStream()
      yield* appendTo(stream, 2)
      for (const [what, query] of badQueries) {
        yield* refused(`a read with ${what}`, "InvalidRequest", [], Stream.runDrain(store.readLog({ query })))
        const subscription = Stream.runHead(store.subscribe({ after: 0, query }))
        yield* refused(`a subscription with ${what}`, "InvalidRequest", [], subscription)
      }
      for (const [what, value] of badNumbers) {
        const bounds: ReadonlyArray<ReadOptions> = [{ from: value }, { to: value }, { limit: value }]
        for (const bound of bounds) {
          const bad = `${Object.keys(bound)[0]} ${what}`
          for (const direction of ["forward", "backward"] as const) {
            const ofStream = Stream.runDrain(store.readStream(stream, { ...bound, direction }))
            yield* refused(`a read of a stream with ${bad}`, "InvalidRequest", [stream], ofStream)
            const ofLog = Stream.runDrain(store.readLog({ ...bound, direction }))
            yield* refused(`a read of the log with ${bad}`, "InvalidRequest", [stream], ofLog)
          }
        }
        const subscription = Stream.runHead(store.subscribe({ after: value }))
        yield* refused(`a subscription after ${what}`, "InvalidRequest", [stream], subscription)
      }
    })
  )
]
