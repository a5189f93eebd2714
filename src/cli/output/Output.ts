/**
 * What a command prints: text for people, or JSON for programs, on the standard output. What is said on the way (progress, questions, errors)
 * goes to the standard error, so that the output can be piped.
 */
import * as Effect from "effect/Effect"
import type { PlatformError } from "effect/PlatformError"
import type * as Schema from "effect/Schema"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import { JsonFlag } from "../flags.ts"

const write = <E, R>(
  text: Stream.Stream<string, E, R>,
  to: "stdout" | "stderr"
): Effect.Effect<void, E | PlatformError, R | Stdio.Stdio> =>
  Effect.flatMap(Stdio.Stdio, (stdio) => Stream.run(text, stdio[to]({ endOnDone: false })))

/** Prints some text as it is. */
export const print = (text: string): Effect.Effect<void, PlatformError, Stdio.Stdio> =>
  write(Stream.make(text.endsWith("\n") ? text : `${text}\n`), "stdout")

/** Says something beside the output. */
export const say = (text: string): Effect.Effect<void, PlatformError, Stdio.Stdio> =>
  write(Stream.make(text.endsWith("\n") ? text : `${text}\n`), "stderr")

type Context = Stdio.Stdio | (typeof JsonFlag)["Identifier"]

/** Prints one answer. */
export const answer = (json: Schema.Json, text: () => string): Effect.Effect<void, PlatformError, Context> =>
  Effect.flatMap(JsonFlag, (isJson) => print(isJson ? JSON.stringify(json, undefined, 2) : text()))

/** Prints items as they come, with back-pressure: each as a line of JSON, or as text. Gives how many there were. */
export const items = <A, E, R>(
  all: Stream.Stream<A, E, R>,
  toJson: (item: A) => Schema.Json,
  toText: (item: A) => string
): Effect.Effect<number, E | PlatformError, R | Context> =>
  Effect.gen(function* () {
    const isJson = yield* JsonFlag
    let count = 0
    const lines = Stream.map(all, (item) => {
      count += 1
      return `${isJson ? JSON.stringify(toJson(item)) : toText(item)}\n`
    })
    yield* write(lines, "stdout")
    return count
  })
