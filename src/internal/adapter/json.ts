/**
 * JSON of which nothing is known before it is looked at, as text that every store can keep.
 */
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as StreamName from "../../StreamName.ts"

/**
 * What is kept of JSON, and how much of it.
 */
export interface JsonRules {
  /** The most bytes, in UTF-8. */
  readonly maxBytes: number
  /** How many levels deep it may be nested. */
  readonly maxDepth: number
  /** What it is kept as: as its very text, or as a value whose texts are valid Unicode and whose numbers are written in full. */
  readonly as: "text" | "value"
}

const isPlainObject = (value: unknown): value is object => {
  if (!Predicate.isObject(value)) return false
  const prototype = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** How many digits a number has that is written without an exponent, where that is more than it has with one. */
const digitsInFull = (value: number): number => {
  const [digits = "", exponent] = String(value).split("e")
  return exponent === undefined ? 0 : digits.length + Math.abs(Number(exponent))
}

const utf8 = new TextEncoder()

/** No text takes more than three bytes a unit: where that is few enough, nothing is counted. */
const isTooLarge = (json: string, maxBytes: number): boolean =>
  json.length * 3 > maxBytes && utf8.encode(json).length > maxBytes

/**
 * The text of a value as JSON, or what keeps it from being kept. It goes no further than the largest value does: what is given may
 * refer to one object many times.
 */
export const checkJson = (
  what: string,
  value: unknown,
  { as, maxBytes, maxDepth }: JsonRules
): Result.Result<string, string> => {
  const tooLarge = `its ${what} has more than ${maxBytes} bytes as JSON`
  const path: Array<string | number> = [what]
  let leastBytes = 0
  const at = () => `its ${path.join(".")}`

  const lookInto = (key: string | number, member: unknown): string | undefined => {
    path.push(key)
    const problem = look(member)
    path.pop()
    return problem
  }
  const look = (value: unknown): string | undefined => {
    // The path has the value itself, too.
    if (path.length > maxDepth + 1) return `its ${what} is nested more than ${maxDepth} levels deep`
    leastBytes += typeof value === "string" ? value.length + 2 : 1
    if (leastBytes > maxBytes) return tooLarge
    if (value === null || typeof value === "boolean") return undefined
    if (typeof value === "string") {
      const wrong = as === "value" ? StreamName.textProblem(value) : undefined
      return wrong === undefined ? undefined : `${at()} ${wrong}`
    }
    if (typeof value === "number") {
      if (!Number.isFinite(value)) return `${at()} is ${value}, which is not JSON`
      if (as === "value") leastBytes += digitsInFull(value)
      return leastBytes > maxBytes ? tooLarge : undefined
    }
    if (Array.isArray(value)) {
      // A hole in a list is a member as well.
      for (let i = 0; i < value.length; i++) {
        const problem = lookInto(i, value[i])
        if (problem !== undefined) return problem
      }
      return undefined
    }
    if (!isPlainObject(value)) return `${at()} is not JSON`
    for (const [key, member] of Object.entries(value)) {
      leastBytes += key.length + 3
      const wrong = as === "value" ? StreamName.textProblem(key) : undefined
      if (wrong !== undefined) return `a key in ${at()} ${wrong}`
      const problem = lookInto(key, member)
      if (problem !== undefined) return problem
    }
    return undefined
  }

  const problem = look(value)
  if (problem !== undefined) return Result.fail(problem)
  const json = JSON.stringify(value)
  return isTooLarge(json, maxBytes) ? Result.fail(tooLarge) : Result.succeed(json)
}
