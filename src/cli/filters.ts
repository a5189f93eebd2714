/**
 * The flags that say which events are meant.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Flag from "effect/cli/Flag"
import type { Search } from "../Inspection.ts"
import * as Query from "../Query.ts"
import { CliFailure } from "./failure.ts"
import { countFlag, instantFlag } from "./flags.ts"

const texts = (name: string, metavar: string, description: string): Flag.Flag<ReadonlyArray<string>> =>
  Flag.String(name).pipe(Flag.withMetavar(metavar), Flag.withDescription(description), Flag.atLeast(0))

/** Which events are meant: all by default. */
export const filterFlags = {
  types: texts("type", "name", "Events of this type, as stored. Repeat it for any of several"),
  categories: texts("category", "name", "Events in streams of this category. Repeat it for any of several"),
  tags: texts("tag", "tag", "Events with this tag. Repeat it for all of several"),
  since: instantFlag("since", "Events recorded at this instant or later"),
  until: instantFlag("until", "Events recorded before this instant"),
  from: countFlag("from", "The lowest position").pipe(Flag.optional),
  to: countFlag("to", "The highest position").pipe(Flag.optional)
}

type Filters = {
  readonly [Name in keyof typeof filterFlags]: (typeof filterFlags)[Name] extends Flag.Flag<infer A> ? A : never
}

/** The search for the events that are meant. */
export const searchOf = Effect.fnUntraced(function* (filters: Filters): Effect.fn.Return<Search, CliFailure> {
  const { categories, tags, types } = filters
  const item = {
    ...(types.length > 0 && { types }),
    ...(categories.length > 0 && { categories }),
    ...(tags.length > 0 && { tags })
  }
  const query = Object.keys(item).length > 0 ? [item] : undefined
  const wrong = query === undefined ? undefined : Query.problem(query)
  if (wrong !== undefined) return yield* new CliFailure({ kind: "usage", problem: wrong })
  return {
    query,
    since: Option.getOrUndefined(filters.since),
    until: Option.getOrUndefined(filters.until),
    from: Option.getOrUndefined(filters.from),
    to: Option.getOrUndefined(filters.to)
  }
})
