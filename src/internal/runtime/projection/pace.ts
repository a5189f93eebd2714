/**
 * How much goes together: the more events a batch has, the fewer times a document is written; but nobody else sees what came of it before
 * its transaction ends, and all of it is in memory.
 */
import * as Predicate from "effect/Predicate"
import type { RecordedEvent } from "../../../RecordedEvent.ts"

/** The events that are read ahead, and that go together, about: there are pages of fewer. */
const mostEvents = 16_000
/** The pages that are read ahead. */
const mostPages = 32
/** What the pages that are read ahead weigh, in {@link weightOfPage}. As much may be at work. */
export const mostWeight = 16 * 1024 * 1024
/** How long a transaction is to take. */
const commitMillis = 250

/** As deep as a store takes what is appended: a damaged row may be deeper than the stack is. */
const mostLevels = 500

/** About the characters of a JSON value. */
export const weightOf = (value: unknown, level = 0): number => {
  if (typeof value === "string") return value.length
  let weight = 8
  if (level > mostLevels) return weight
  if (Array.isArray(value)) for (const element of value) weight += weightOf(element, level + 1)
  else if (Predicate.isObject(value)) for (const key in value) weight += key.length + weightOf(value[key], level + 1)
  return weight
}

/** About the characters of what the events of a page hold: never too little to count, never too much for one alone. */
export const weightOfPage = (events: ReadonlyArray<RecordedEvent>): number => {
  let weight = 0
  for (const { data, metadata } of events) weight += weightOf(data) + weightOf(metadata)
  return Math.min(Math.max(weight, mostWeight / mostPages), mostWeight)
}

/** How many events go together, by how long those before have taken. */
export interface Pace {
  readonly events: () => number
  /** That so many events have taken so many milliseconds. */
  readonly took: (events: number, millis: number) => void
}

export const makePace = (limit = mostEvents): Pace => {
  let most = Math.min(1000, limit)
  return {
    events: () => most,
    took: (events, millis) => {
      if (events > 0) most = Math.max(1, Math.min(limit, Math.floor((events * commitMillis) / Math.max(millis, 1))))
    }
  }
}
