/**
 * Stores that get the condition of an append wrong.
 */
import { Effect, Stream } from "effect"
import { EventStore as Port } from "eventfold"
import { type BrokenStore, changed, conditionThenInsert, expecting } from "./toolkit.ts"

export const conditions: ReadonlyArray<BrokenStore> = [
  {
    name: "takes the tags of a condition as alternatives",
    layer: changed((store) => ({
      append: (writes, options) => {
        const { condition } = options ?? {}
        if (condition === undefined) return store.append(writes)
        const query = condition.query.flatMap((item) => item.tags?.map((tag) => ({ ...item, tags: [tag] })) ?? [item])
        return store.append(writes, { condition: { ...condition, query } })
      }
    })),
    breaks: [["an append succeeds on its condition when events match in part, or only look alike", "one of its tags"]]
  },
  {
    name: "looks only at the first item of a condition",
    layer: changed((store) => ({
      append: (writes, options) => {
        const { condition } = options ?? {}
        if (condition === undefined) return store.append(writes)
        return store.append(writes, { condition: { ...condition, query: condition.query.slice(0, 1) } })
      }
    })),
    breaks: [
      [
        "an append fails its condition when an event matches: any of the types, any of the categories, all of the tags",
        "an item for others, or one for it"
      ]
    ]
  },
  {
    name: "looks at a condition before it takes its lock",
    layer: changed((store) => ({ append: conditionThenInsert(store, Effect.yieldNow) })),
    breaks: [
      ["of appends that race on the same condition, and would each break it, one wins", "50 of 50 racing appends won"],
      ["a limit that is decided on what was read is never overrun, and always reached", "that its condition excludes"],
      [
        "no append was stored after an event that its condition excludes, as the finished log shows",
        "that its condition excludes"
      ]
    ]
  },
  {
    name: "looks only at the first type of a condition",
    layer: changed((store) => ({
      append: (writes, options) => {
        const { condition } = options ?? {}
        if (condition === undefined) return store.append(writes)
        const query = condition.query.map((item) => (item.types ? { ...item, types: item.types.slice(0, 1) } : item))
        return store.append(writes, { condition: { ...condition, query } })
      }
    })),
    breaks: [
      [
        "an append fails its condition when an event matches: any of the types, any of the categories, all of the tags",
        "its type or another succeeded"
      ]
    ]
  },
  {
    name: "looks at a condition from the position read, and not after it",
    layer: changed((store) => ({
      append: (writes, options) => {
        const { condition } = options ?? {}
        if (condition === undefined || !(condition.after > 0)) return store.append(writes, options)
        return store.append(writes, { condition: { ...condition, after: condition.after - 1 } })
      }
    })),
    breaks: [
      ["events at or before the position read do not fail a condition, nor do the append's own", "ConditionConflict"],
      ["the query [{}] is a condition on every event", "at [after]"]
    ]
  },
  {
    name: "reports the last event that matches a condition",
    layer: changed((store) => ({
      append: (writes, options) =>
        Effect.catchTag(store.append(writes, options), "ConditionConflict", (conflict) =>
          Effect.gen(function* () {
            const query = options!.condition!.query
            const found = yield* Stream.runHead(store.readLog({ query, direction: "backward" }))
            const position = found._tag === "Some" ? found.value.position : 0
            return yield* new Port.ConditionConflict({ after: conflict.after, position })
          })
        )
    })),
    breaks: [
      [
        "the position of a condition's conflict is that of the first event that matches, of those after the position read",
        "at [position]"
      ],
      [
        "no append was stored after an event that its condition excludes, as the finished log shows",
        "the position of a condition's conflict"
      ]
    ]
  },
  {
    name: "takes the query for every event as no condition",
    layer: changed((store) => ({
      append: (writes, options) =>
        store.append(writes, options?.condition?.query.some((item) => Object.keys(item).length === 0) ? {} : options)
    })),
    breaks: [["the query [{}] is a condition on every event", "succeeded"]]
  },
  {
    name: "forgets expectations when there is a condition",
    layer: changed((store) => ({
      append: (writes, options) =>
        options?.condition === undefined ? store.append(writes) : expecting(store, () => "any").append(writes, options)
    })),
    breaks: [["an append with a condition and expectations needs both", "succeeded"]]
  },
  {
    name: "fails a condition on whatever was appended since",
    layer: changed((store) => ({
      append: (writes, options) => {
        const { condition } = options ?? {}
        return store.append(writes, condition === undefined ? {} : { condition: { ...condition, query: [{}] } })
      }
    })),
    breaks: [
      ["an append succeeds on its condition when events match in part, or only look alike", "failed"],
      ["appends that race on conditions which they do not break for each other all succeed", "must succeed failed"],
      [
        "no append was stored after an event that its condition excludes, as the finished log shows",
        "the position of a condition's conflict"
      ]
    ]
  }
]
