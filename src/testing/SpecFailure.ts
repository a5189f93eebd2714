/**
 * How a spec says what is wrong: what was expected, what came, the first difference by name, and a line diff.
 */
import * as Data from "effect/Data"
import * as Predicate from "effect/Predicate"
import type * as Schema from "effect/Schema"
import * as TextDiff from "effect/TextDiff"

/**
 * A spec that does not hold. `expected` and `actual` are texts to be read side by side; the message has all of it.
 */
export class SpecFailure extends Data.TaggedError("SpecFailure")<{
  /** What does not hold, with the first difference by name. */
  readonly problem: string
  /** What was expected. */
  readonly expected?: string
  /** What came. */
  readonly actual?: string
  /** The lines of the two that differ. */
  readonly diff?: string
}> {
  override get message(): string {
    const { problem, expected, actual, diff } = this
    const sections = Object.entries({ expected, actual, diff }).flatMap(([name, text]) =>
      text === undefined ? [] : [`${name}:\n${text}`]
    )
    return [problem, ...sections].join("\n\n")
  }
}

type Json = Schema.Json

const isRecord = (json: Json | undefined): json is Schema.JsonObject => Predicate.isObject(json) && !Array.isArray(json)

const sorted = (json: Json): Json =>
  Array.isArray(json)
    ? json.map(sorted)
    : isRecord(json)
      ? Object.fromEntries(
          Object.keys(json)
            .toSorted()
            .map((key) => [key, sorted(json[key]!)])
        )
      : json

/** JSON as text with the keys in order: the same values give the same text. */
export const toText = (json: Json): string => JSON.stringify(sorted(json), null, 2)

const inline = (json: Json | undefined): string => (json === undefined ? "nothing" : JSON.stringify(sorted(json)))

const join = (path: string, key: string | number): string =>
  typeof key === "number" ? `${path}[${key}]` : path === "" ? key : `${path}.${key}`

/** Where two different values first differ, depth first and in the order of the keys. */
const firstDifference = (expected: Json | undefined, actual: Json | undefined, path: string): string | undefined => {
  if (Array.isArray(expected) && Array.isArray(actual)) {
    const length = Math.max(expected.length, actual.length)
    for (let i = 0; i < length; i++) {
      const difference = firstDifference(expected[i], actual[i], join(path, i))
      if (difference !== undefined) return difference
    }
    return undefined
  }
  if (isRecord(expected) && isRecord(actual)) {
    for (const key of Array.from(new Set([...Object.keys(expected), ...Object.keys(actual)])).toSorted()) {
      const difference = firstDifference(expected[key], actual[key], join(path, key))
      if (difference !== undefined) return difference
    }
    return undefined
  }
  return inline(expected) === inline(actual)
    ? undefined
    : `first difference at ${path === "" ? "the value itself" : path}: expected ${inline(expected)}, got ${inline(actual)}`
}

/** The failure that tells how two values differ, or `undefined` when they do not. */
export const compare = (what: string, root: string, expected: Json, actual: Json): SpecFailure | undefined => {
  const difference = firstDifference(expected, actual, root)
  if (difference === undefined) return undefined
  const [expectedText, actualText] = [toText(expected), toText(actual)]
  return new SpecFailure({
    problem: `${what}: ${difference}`,
    expected: expectedText,
    actual: actualText,
    diff: TextDiff.unified(TextDiff.lines(`${expectedText}\n`, `${actualText}\n`), {
      fromFile: "expected",
      toFile: "actual"
    })
  })
}
