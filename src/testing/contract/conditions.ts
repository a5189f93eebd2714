/**
 * Appends on a condition: what offends, and where.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { Query } from "../../Query.ts"
import {
  append,
  appendTo,
  conflicts,
  event,
  fresh,
  freshStream,
  head,
  isStored,
  violatesCondition,
  write
} from "./fixtures.ts"
import { broken, type Law, law } from "./Law.ts"

/** Queries around one event, and whether it matches them. */
const queriesAround = (words: {
  readonly category: string
  readonly type: string
  readonly a: string
  readonly b: string
}): ReadonlyArray<readonly [matches: boolean, what: string, query: Query]> => {
  const { category, type, a, b } = words
  const types = [type]
  const categories = [category]
  const other = fresh("Other")
  return [
    [true, "its type", [{ types }]],
    [true, "its category", [{ categories }]],
    [true, "one of its tags", [{ tags: [b] }]],
    [true, "both of its tags", [{ tags: [a, b] }]],
    [true, "its tags in another order", [{ tags: [b, a] }]],
    [true, "its type or another", [{ types: [other, type] }]],
    [true, "its category or another", [{ categories: [other, category] }]],
    [true, "its type, category and tags", [{ types, categories, tags: [a, b] }]],
    [true, "an item for others, or one for it", [{ types: [other] }, { tags: [other] }, { types, tags: [a] }]],
    [false, "another type", [{ types: [other] }]],
    [false, "another category", [{ categories: [other] }]],
    [false, "another tag", [{ tags: [other] }]],
    [false, "one of its tags and another", [{ tags: [a, other] }]],
    [false, "its type with another tag", [{ types, tags: [other] }]],
    [false, "its type in another category", [{ types, categories: [other] }]],
    [false, "another type with its tags", [{ types: [other], tags: [a, b] }]],
    [
      false,
      "items of which each holds in part",
      [
        { types, tags: [other] },
        { types: [other], tags: [a] }
      ]
    ],
    [false, "the beginning of its type", [{ types: [type.slice(0, -1)] }]],
    [false, "its type and more", [{ types: [`${type}1`] }]],
    [false, "its type in capitals", [{ types: [type.toUpperCase()] }]],
    [false, "the beginning of its category", [{ categories: [category.slice(0, -1)] }]],
    [false, "its category and more", [{ categories: [`${category}1`] }]],
    [false, "the beginning of its tag", [{ tags: [a.slice(0, -1)] }]],
    [false, "its tags in one", [{ tags: [`${a},${b}`] }]],
    [false, "wildcards for its type", [{ types: ["%", "*", `${type.slice(0, -1)}_`] }]],
    [false, "wildcards for its category", [{ categories: ["%", "*", `${category.slice(0, -1)}_`] }]],
    [false, "a wildcard for its tags", [{ tags: ["%"] }]]
  ]
}

const words = () => ({ category: fresh("contract"), type: fresh("Seen"), a: fresh("tag"), b: fresh("tag") })

export const laws: ReadonlyArray<Law> = [
  law(
    "an append fails its condition when an event matches: any of the types, any of the categories, all of the tags",
    Effect.gen(function* () {
      const about = words()
      const after = yield* head
      const seen = event({ type: about.type, tags: [about.a, fresh("tag"), about.b] })
      const { position } = yield* appendTo(`${about.category}-1`, [seen])
      for (const [matches, what, query] of queriesAround(about)) {
        if (!matches) continue
        const probe = [write(freshStream(), "no stream", [event({ type: "Probe" })])]
        yield* violatesCondition(`an append on the condition of no event of ${what}`, probe, { query, after }, position)
      }
    })
  ),
  law(
    "an append succeeds on its condition when events match in part, or only look alike",
    Effect.gen(function* () {
      const about = words()
      const after = yield* head
      const seen = event({ type: about.type, tags: [about.a, fresh("tag"), about.b] })
      yield* appendTo(`${about.category}-1`, [seen])
      for (const [matches, what, query] of queriesAround(about)) {
        if (matches) continue
        const probe = [write(freshStream(), "no stream", [event({ type: "Probe" })])]
        const result = yield* Effect.result(append(probe, { query, after }))
        if (Result.isFailure(result)) {
          return yield* broken(`an append on the condition of no event of ${what} failed: ${result.failure.message}`)
        }
        yield* isStored(probe, result.success)
      }
    })
  ),
  law(
    "the position of a condition's conflict is that of the first event that matches, of those after the position read",
    Effect.gen(function* () {
      const type = fresh("Seen")
      const start = yield* head
      const seen = Effect.gen(function* () {
        yield* appendTo(freshStream(), 2)
        const { position } = yield* appendTo(freshStream(), [event(), event({ type }), event()])
        return position - 1
      })
      const probe = () => [write(freshStream(), "any", [event({ type: "Probe" })])]
      const query = [{ types: [type] }]
      const [first, second, third] = yield* Effect.all([seen, seen, seen])
      for (const [after, offending] of [
        [0, first],
        [start, first],
        [first - 1, first],
        [first, second],
        [second - 1, second],
        [second, third],
        [third - 1, third]
      ] as const) {
        yield* violatesCondition(`an append that had read up to ${after}`, probe(), { query, after }, offending)
      }
    })
  ),
  law(
    "events at or before the position read do not fail a condition, nor do the append's own",
    Effect.gen(function* () {
      const type = fresh("Seen")
      const query = [{ types: [type] }]
      const { position } = yield* appendTo(freshStream(), [event({ type })])
      yield* appendTo(freshStream(), 2)
      const first = [write(freshStream(), "no stream", [event({ type }), event({ type })])]
      const answer = yield* append(first, { query, after: position })
      yield* isStored(first, answer)
      const second = [
        write(freshStream(), "no stream", [event({ type })]),
        write(freshStream(), "any", [event({ type })])
      ]
      yield* isStored(second, yield* append(second, { query, after: answer.position }))
      const third = [write(freshStream(), "any", [event({ type })])]
      yield* isStored(third, yield* append(third, { query, after: (yield* head) + 1000 }))
    })
  ),
  law(
    "the query [{}] is a condition on every event",
    Effect.gen(function* () {
      const { position } = yield* appendTo(freshStream(), 2)
      const probe = [write(freshStream(), "any", 2)]
      yield* violatesCondition("an append", probe, { query: [{}], after: position - 1 }, position)
      yield* isStored(probe, yield* append(probe, { query: [{}], after: position }))
    })
  ),
  law(
    "an append with a condition and expectations needs both",
    Effect.gen(function* () {
      const type = fresh("Seen")
      const query = [{ types: [type] }]
      const stream = freshStream()
      const { position } = yield* appendTo(stream, [event({ type })])
      const met = { query, after: position }
      const stale = [write(stream, 0, 2)]
      yield* conflicts("an append with a stale version", stale, { stream, expected: 0, actual: 1 }, met)
      const good = [write(stream, 1, 2), write(freshStream(), "no stream")]
      yield* violatesCondition("an append with a stale condition", good, { query, after: position - 1 }, position)
      yield* isStored(good, yield* append(good, met))
    })
  )
]
