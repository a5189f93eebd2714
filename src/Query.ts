/**
 * Which events of the log are meant: by type, category and tag.
 *
 * A query is a list of items, and an event matches when it matches any of them. An item is matched by any of its types,
 * in any of its categories, with all of its tags; what an item leaves out does not restrict. These are the queries of
 * dcb.events, with categories added.
 */
import type { RecordedEvent } from "./RecordedEvent.ts"
import * as StreamName from "./StreamName.ts"

/**
 * One alternative of a query. A list that is given is not empty.
 */
export interface QueryItem {
  /** Any of these types, as stored. */
  readonly types?: ReadonlyArray<string>
  /** A stream of any of these categories. */
  readonly categories?: ReadonlyArray<string>
  /** All of these tags. */
  readonly tags?: ReadonlyArray<string>
}

/**
 * Alternatives, at least one. `[{}]` matches every event.
 *
 * @example
 * import { Query } from "eventfold"
 *
 * const ofAda: Query.Query = [{ types: ["StudentEnrolled", "StudentLeft"], tags: ["student:ada"] }, { categories: ["course"] }]
 *
 * Query.matches(ofAda, { type: "StudentLeft", stream: "enrolment-1", tags: ["student:ada", "course:maths"] }) // true
 * Query.problem([]) // "the query has no items; ..."
 */
export type Query = ReadonlyArray<QueryItem>

/**
 * The query that every event matches.
 */
export const all: Query = [{}]

const matchesItem = (item: QueryItem, event: Pick<RecordedEvent, "type" | "stream" | "tags">): boolean =>
  (item.types === undefined || item.types.includes(event.type)) &&
  (item.categories === undefined || item.categories.includes(StreamName.category(event.stream))) &&
  (item.tags === undefined || item.tags.every((tag) => event.tags.includes(tag)))

/**
 * Whether an event matches: what every store's own search must agree with.
 */
export const matches = (query: Query, event: Pick<RecordedEvent, "type" | "stream" | "tags">): boolean =>
  query.some((item) => matchesItem(item, event))

/**
 * What is wrong with a query, or `undefined` when nothing is. An empty list is refused rather than guessed at: it could
 * mean everything or nothing.
 */
export const problem = (query: Query): string | undefined => {
  if (query.length === 0) return "the query has no items; the query for every event is [{}]"
  for (const [index, item] of query.entries()) {
    for (const name of ["types", "categories", "tags"] as const) {
      const texts = item[name]
      if (texts === undefined) continue
      if (texts.length === 0)
        return `item ${index} of the query has an empty list of ${name}; leave ${name} out for any`
      for (const text of texts) {
        const wrong = name === "categories" ? StreamName.categoryProblem(text) : StreamName.nameProblem(text)
        if (wrong !== undefined) return `item ${index} of the query has, among its ${name}, one that ${wrong}`
      }
    }
  }
  return undefined
}
