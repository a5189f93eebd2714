/**
 * What to say where a stream has no events: which streams it may have been meant as.
 */
import * as Effect from "effect/Effect"
import type { StoreError } from "../../EventStore.ts"
import { Inspection, type Statistics } from "../../Inspection.ts"
import * as StreamName from "../../StreamName.ts"
import { type CliFailure, notFound } from "../failure.ts"
import { counted } from "../output/format.ts"
import { printable } from "../output/table.ts"

/** How many letters have to be put in, taken out or changed to make one text of another; infinitely many where it is more than `most`. */
export const distance = (a: string, b: string, most: number): number => {
  if (Math.abs(a.length - b.length) > most) return Infinity
  let before = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const changed = before[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      row.push(Math.min(changed, before[j]! + 1, row[j - 1]! + 1))
    }
    if (Math.min(...row) > most) return Infinity
    before = row
  }
  return before[b.length]! <= most ? before[b.length]! : Infinity
}

/** A name of more letters is nothing that anybody has typed. */
const longestTyped = 100

const nearest = (name: string, all: ReadonlyArray<string>, most: number): string | undefined => {
  if (name.length > longestTyped) return undefined
  return all
    .map((one) => ({ one, far: distance(name.toLowerCase(), one.toLowerCase(), most) }))
    .filter(({ far }) => far <= most)
    .toSorted((a, b) => a.far - b.far)[0]?.one
}

/** What a stream that is not there may have been meant as, by what there is. */
export const adviceFor = (
  stream: StreamName.StreamName,
  { categories, longest }: Pick<Statistics, "categories" | "longest">
): string => {
  if (categories.length === 0) return "The log has no events"
  const category = StreamName.category(stream)
  const like = nearest(
    stream,
    longest.map((one) => one.stream),
    3
  )
  if (like !== undefined) return `Is it ${printable(like)}?`
  const found = categories.find((one) => one.category === category)
  if (found !== undefined) {
    return `The category ${printable(category)} has ${counted(found.streams, "stream")}: eventfold search --category ${printable(category)}`
  }
  const meant = nearest(
    category,
    categories.map((one) => one.category),
    2
  )
  return meant === undefined
    ? `There is no category ${printable(category)}: see which there are with eventfold stats`
    : `There is no category ${printable(category)}, but ${printable(meant)}`
}

/** As many of the longest streams are looked at for one with a name that is nearly the same. */
const looked = 10_000

/** Nothing has happened in a stream. */
export const missing = (stream: StreamName.StreamName): Effect.Effect<CliFailure, StoreError, Inspection> =>
  Effect.gen(function* () {
    const inspection = yield* Inspection
    const found = yield* inspection.statistics({ days: 0, longest: looked })
    return notFound(`there is no stream ${printable(stream)}`, adviceFor(stream, found))
  })
