/**
 * The name of a stream: a category and an id, written `category-id`.
 *
 * The category says what kind of thing the stream tells the story of (`account`), the id says which one (`alice`).
 * Everything up to the first hyphen is the category, so a category has no hyphen and an id may have many. The convention
 * is the one of message-db and KurrentDB.
 */
import * as Result from "effect/Result"

/**
 * A stream name such as `"account-alice"`: a plain string, so it can be logged, compared and sent as it is.
 */
export type StreamName = `${string}-${string}`

/**
 * The longest stream name, in Unicode code points. Every store can index a name of this length.
 */
export const maxLength = 500

/**
 * The stream name of a category and an id. It does not check them: {@link problem} does, and every store refuses a
 * name that has one.
 *
 * @example
 * import { StreamName } from "eventfold"
 *
 * const stream = StreamName.make("account", "ada-lovelace") // "account-ada-lovelace"
 * StreamName.category(stream) // "account"
 * StreamName.id(stream) // "ada-lovelace"
 */
export const make = (category: string, id: string): StreamName => `${category}-${id}`

/**
 * The category of a stream: what stands before the first hyphen.
 */
export const category = (stream: StreamName): string => stream.slice(0, stream.indexOf("-"))

/**
 * The id of a stream: what stands after the first hyphen.
 */
export const id = (stream: StreamName): string => stream.slice(stream.indexOf("-") + 1)

/**
 * What is wrong with a text that no store can keep: a NUL character, or half of a surrogate pair. `undefined` when
 * nothing is. PostgreSQL can hold neither, and a store that could would not be portable.
 */
export const textProblem = (text: string): string | undefined =>
  text.includes("\u0000")
    ? "contains a NUL character"
    : text.isWellFormed()
      ? undefined
      : "contains half of a surrogate pair, which is not valid Unicode"

/**
 * What is wrong with the name of something, such as an event type, a tag or a command's id: a text that is empty or longer than a
 * store can index. `undefined` when nothing is.
 */
export const nameProblem = (name: unknown): string | undefined => {
  if (typeof name !== "string") return "is no text"
  if (name === "") return "is empty"
  const length = name.length <= maxLength ? name.length : Array.from(name).length
  return length > maxLength ? `has ${length} characters, more than ${maxLength}` : textProblem(name)
}

/**
 * What is wrong with a category, or `undefined` when nothing is.
 */
export const categoryProblem = (name: string): string | undefined =>
  name.includes("-") ? "has a hyphen, which ends the category of a stream name" : nameProblem(name)

/**
 * What is wrong with a stream name, in words that complete "the stream name ...", or `undefined` when nothing is.
 */
export const problem = (stream: string): string | undefined => {
  const hyphen = stream.indexOf("-")
  if (hyphen < 0) return "has no hyphen between category and id"
  if (hyphen === 0) return "has an empty category"
  if (hyphen === stream.length - 1) return "has an empty id"
  const length = stream.length <= maxLength ? stream.length : Array.from(stream).length
  if (length > maxLength) return `has ${length} characters, more than ${maxLength}`
  return textProblem(stream)
}

/**
 * A stream name read from outside, such as a command line or a URL: the name, or what is wrong with it.
 *
 * @example
 * import { StreamName } from "eventfold"
 * import { Result } from "effect"
 *
 * Result.isSuccess(StreamName.parse("account-ada")) // true
 * StreamName.parse("account") // a failure: "the stream name has no hyphen between category and id"
 */
export const parse = (stream: string): Result.Result<StreamName, string> => {
  const wrong = problem(stream)
  return wrong === undefined ? Result.succeed(stream as StreamName) : Result.fail(`the stream name ${wrong}`)
}
